"""The record of a daemon that was killed: what a kill left in its files, and what the next daemon made of it."""

import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A segment as the record has it."""

    station: str
    start_us: int
    end_us: int
    kind: str
    genre: str | None
    open: bool


def rows_of(file: Path) -> list[Row]:
    """All committed segments, by station and start; none while there is no table yet."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            found = connection.execute(
                "SELECT station, start_us, end_us, kind, genre, open FROM segments ORDER BY station, start_us"
            ).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
    return [Row(*columns)._replace(open=bool(columns[5])) for columns in found]


def copied(file: Path, folder: Path) -> Path:
    """A copy of a database with its write-ahead log, in place of the last one."""
    for old in folder.iterdir():
        old.unlink()
    for one in file.parent.glob(file.name + "*"):
        shutil.copy(one, folder / one.name)
    return folder / file.name


def checked(file: Path) -> list[str]:
    """What SQLite's own check of the whole file finds, beside "ok"."""
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return [] if found == "ok" else [f"integrity check: {found}"]


def faults(rows: Sequence[Row], stations: Iterable[str]) -> list[str]:
    """Where a station's segments do not follow each other without hole and overlap."""
    found = []
    for station in stations:
        those = [row for row in rows if row.station == station]
        for before, after in pairwise(those):
            if before.end_us != after.start_us:
                found.append(f"{after} does not begin where {before} ends")
        covered = sum(row.end_us - row.start_us for row in those)
        if those and covered != those[-1].end_us - those[0].start_us:
            found.append(f"{station}: segments cover {covered} microseconds of {those[-1].end_us - those[0].start_us}")
    return found


def lost(before: Sequence[Row], left: Sequence[Row]) -> list[str]:
    """What was committed before a kill and is not among what the kill left, as it was or grown."""
    kept = {(row.station, row.start_us): row for row in left}
    found = []
    for row in before:
        now = kept.get((row.station, row.start_us))
        if now is None:
            found.append(f"{row} was committed and is gone")
        elif now.end_us < row.end_us or (now != row and not row.open):
            found.append(f"{row} was committed and is now {now}")
    return found


def unwritten_s(rows: Sequence[Row], killed_us: int) -> list[float]:
    """For each station that has a row, how many seconds before the kill are in none."""
    ends: dict[str, int] = {}
    for row in rows:
        ends[row.station] = max(row.end_us, ends.get(row.station, 0))
    return [(killed_us - end_us) / 1e6 for end_us in ends.values()]


def faults_after_start(
    before: Sequence[Row], rows: Sequence[Row], killed_us: Sequence[int], served_us: int
) -> list[str]:
    """What is wrong with a record that a new daemon opened after kills at these moments, and served.

    `before` is what the last kill left. What was written must be there as it was, closed; each kill must lie within a
    "down" that ends before the new daemon served.
    """
    stations = sorted({row.station for row in before})
    found = faults(rows, stations)
    now = {(row.station, row.start_us): row for row in rows}
    for row in before:
        kept = now.get((row.station, row.start_us))
        if row.end_us > row.start_us and (kept is None or not _is_closed(row, kept)):  # of no length: it may go
            found.append(f"{row} became {kept} at the new start")
    for station in stations:
        downs = [row for row in rows if row.station == station and row.kind == "down"]
        for moment in killed_us:
            if not any(gap.start_us <= moment < gap.end_us <= served_us for gap in downs):
                found.append(f"{station}: the kill at {moment} lies in no gap, the last ones are {downs[-3:]}")
    return found


def _is_closed(row: Row, kept: Row) -> bool:
    """Whether it is the same, and closed; a "down" goes on where a daemon was killed before it could write anything."""
    same_end = kept.end_us == row.end_us or (row.kind == "down" and kept.end_us > row.end_us)
    return (kept.kind, kept.genre) == (row.kind, row.genre) and same_end and not kept.open
