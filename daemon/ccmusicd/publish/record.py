"""The timeline's database: recovery after a stop or a crash, writing and reading. Blocking; one writer.

SQLite in WAL mode: readers do not wait for the writer, and a commit outlives a kill -9 of the process.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ccmusicd.events import SegmentEvent, TitleEvent, iso
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.publish.schema import SCHEMA_VERSION, check_record, check_version, metadata, row_of, select_segments
from ccmusicd.publish.schema import segments as _segments
from ccmusicd.publish.schema import titles as _titles

_log = logging.getLogger(__name__)

_BUSY_TIMEOUT_MS = 1500


class Record:
    """The database at `url` (sqlite:///FILE).

    `open` first. Errors: `RecordError` for what will never work; `sqlalchemy.exc.SQLAlchemyError` for what may work
    later (disk full, read-only, locked).
    """

    def __init__(self, url: str) -> None:
        self._file = check_record(url)
        self._engine = sa.create_engine(url)
        # A segment that had to begin later than it said, for its later updates: station -> (said, stored).
        self._moved: dict[str, tuple[int, int]] = {}
        sa.event.listen(self._engine, "connect", _set_up)

    def open(self) -> None:
        """Create or check the schema."""
        try:
            with self._engine.begin() as connection:
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                check_version(version, self._file)
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sa.exc.DatabaseError as error:
            if getattr(error.orig, "sqlite_errorcode", None) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
                raise RecordError(f"the timeline {self._file} is not a usable database: {error.orig}") from None
            raise

    def recover(self, stations: Iterable[str], now_us: int) -> None:
        """Close what a crash left open, and fill each station's record up to `now_us` with "down"."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_segments).where(_segments.c.end_us <= _segments.c.start_us))
            connection.execute(sa.update(_segments).where(_segments.c.open).values(open=False))
            for station in stations:
                last = _last(connection, station)
                if last is not None:
                    _fill(connection, station, last, now_us)

    def write(self, segments: Sequence[SegmentEvent], titles: Sequence[TitleEvent]) -> None:
        """Insert or update, in one transaction; events of one station in the order of their start."""
        with self._engine.begin() as connection:
            for segment in segments:
                self._write_segment(connection, segment)
            if titles:
                rows = [{"station": t.station, "time_us": t.time_us, "title": t.title} for t in titles]
                connection.execute(insert(_titles).on_conflict_do_nothing(), rows)

    def _write_segment(self, connection: sa.Connection, event: SegmentEvent) -> None:
        start_us = self._place(connection, event)
        if start_us is None:
            return
        row = _segments.c.station == event.station, _segments.c.start_us == start_us
        if event.end_us <= start_us:
            # Nothing of it is left: back-dating gave all its time to its successor, or the record reaches further.
            connection.execute(sa.delete(_segments).where(*row))
            return
        values = _values(event, start_us)
        changes = {name: value for name, value in values.items() if name not in {"station", "start_us"}}
        connection.execute(
            insert(_segments).values(values).on_conflict_do_update(index_elements=["station", "start_us"], set_=changes)
        )

    def _place(self, connection: sa.Connection, event: SegmentEvent) -> int | None:
        """Where the segment is stored to begin: never inside another one, never after a hole.

        None when it is written already and has a successor: what came before that is settled.
        """
        said, stored = self._moved.get(event.station, (None, 0))
        if said == event.start_us:
            return stored
        last = _last(connection, event.station)
        if last is None or last.start_us == event.start_us:
            return event.start_us
        if event.start_us < last.start_us and _is_known(connection, event):
            return None
        if last.open:
            # Its end was lost (an inbox overflowed): it ends where it was last seen.
            connection.execute(sa.update(_segments).where(_segments.c.id == last.id).values(open=False))
        if event.start_us > last.end_us:
            _fill(connection, event.station, last, event.start_us)
            return event.start_us
        if event.start_us < last.end_us:
            _log.warning(
                "timeline: a segment of %s begins at %s, inside the one before; it is stored from %s",
                event.station,
                iso(event.start_us),
                iso(last.end_us),
            )
            self._moved[event.station] = (event.start_us, last.end_us)
        return int(last.end_us)

    def segments(
        self, station: str | None = None, from_us: int | None = None, to_us: int | None = None
    ) -> list[SegmentRow]:
        """The segments that touch [from_us, to_us), by station and start; None is no limit."""
        query = select_segments(station, from_us, to_us)
        with self._engine.connect() as connection:
            return [row_of(row) for row in connection.execute(query)]

    def titles(self, station: str) -> list[tuple[int, str]]:
        """The titles of a station: (UTC microseconds, title), oldest first."""
        query = sa.select(_titles.c.time_us, _titles.c.title).where(_titles.c.station == station)
        with self._engine.connect() as connection:
            return [(time_us, title) for time_us, title in connection.execute(query.order_by(_titles.c.time_us))]

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        self._engine.dispose()


def _set_up(connection: sqlite3.Connection, _pooled: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _last(connection: sa.Connection, station: str) -> Any:
    query = sa.select(_segments).where(_segments.c.station == station).order_by(_segments.c.start_us.desc()).limit(1)
    return connection.execute(query).first()


def _is_known(connection: sa.Connection, event: SegmentEvent) -> bool:
    row = _segments.c.station == event.station, _segments.c.start_us == event.start_us
    return connection.execute(sa.select(_segments.c.id).where(*row)).first() is not None


def _fill(connection: sa.Connection, station: str, last: Any, to_us: int) -> None:
    """Record the time from the end of `last` to `to_us` as "down": nobody was there to record it."""
    if to_us <= last.end_us:
        return
    if last.kind == "down":
        connection.execute(sa.update(_segments).where(_segments.c.id == last.id).values(end_us=to_us))
        return
    down = SegmentEvent(station, "end", last.end_us, to_us, "down", trained=last.trained)
    connection.execute(sa.insert(_segments).values(_values(down, down.start_us)))


def _values(event: SegmentEvent, start_us: int) -> dict[str, Any]:
    return {
        "station": event.station,
        "start_us": start_us,
        "end_us": event.end_us,
        "kind": event.kind,
        "genre": event.genre,
        "note": event.note,
        "probability": event.probability,
        "probability_min": event.probability_min,
        "agreement": event.agreement,
        "divergence": event.divergence,
        "titles": json.dumps(event.titles, ensure_ascii=False),
        "trained": event.trained,
        "open": event.change != "end",
    }
