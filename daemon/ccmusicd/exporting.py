"""What `timeline export` and `timeline report` do: from the record, through the formats, into a file or a pipe."""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import tzinfo
from pathlib import Path
from typing import Literal, TextIO, TypeVar

from rich.console import Console
from rich.progress import Progress

from ccmusicd.export.audacity import audacity_lines
from ccmusicd.export.cuesheet import MAX_TRACKS, cue_lines
from ccmusicd.export.day import StationDay, station_day
from ccmusicd.export.errors import ExportError, OutputError
from ccmusicd.export.jsontext import json_lines, jsonl_lines
from ccmusicd.export.pieces import Piece, cut
from ccmusicd.export.report import report_lines
from ccmusicd.export.spreadsheet import csv_lines
from ccmusicd.export.times import day, day_range, iso, moment, zone_of
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.schema import check_record

Format = Literal["csv", "json", "jsonl", "audacity", "cue"]

OF_A_RECORDING: tuple[Format, ...] = ("audacity", "cue")
"""Formats whose times count from the start of a recording, and which are of one station."""

_FLUSH_EVERY = 500
_STEP = 100

T = TypeVar("T")


def export(
    url: str,
    form: Format,
    *,
    station: str | None,
    since: str | None,
    until: str | None,
    origin: str | None,
    zone_name: str | None,
    audio: str | None,
    output: Path | None,
    now_us: int,
) -> None:
    """Write the segments of the record at `url` that lie in a range; times are what people write, see `moment`.

    Without `since` the range begins with `origin`, else with the record; without `until` it ends at `now_us`.

    Raises:
        ExportError: a time, zone or station makes no sense.
        OutputError: the output cannot be written.
        RecordError: there is no record to read.
    """
    zone = zone_of(zone_name)
    from_us, until_us, origin_us = (
        None if text is None else moment(text, zone, now_us) for text in (since, until, origin)
    )
    to_us = now_us if until_us is None else until_us
    if origin_us is not None:
        from_us = origin_us if from_us is None else max(from_us, origin_us)
    if from_us is not None and from_us >= to_us:
        raise ExportError(
            f"the range ends ({iso(to_us, zone)}) before it begins ({iso(from_us, zone)}); a day means its first moment"
        )
    with RecordReader(url) as reader:
        stations = reader.stations()
        _check_station(station, stations)
        if form in OF_A_RECORDING:
            station = _only_station(station, stations, form)
        count = reader.count(station, from_us, to_us)
        with _output(output, url) as file, _progress(count, file) as counted:
            pieces = counted(cut(reader.segments(station, from_us, to_us), from_us, to_us))
            if form in OF_A_RECORDING:
                first, pieces = _peek(pieces)
                begin_us = first.row.start_us if first is not None else to_us
                begin_us = next((us for us in (origin_us, from_us) if us is not None), begin_us)
                lines = _of_a_recording(form, pieces, begin_us, until_us, str(station), audio, zone)
            else:
                lines = {"csv": csv_lines, "json": json_lines, "jsonl": jsonl_lines}[form](pieces, zone)
            _write(lines, file)
    if count == 0:
        _note("no segment of the record lies in that range")
    if form == "cue" and count > MAX_TRACKS:
        _note(
            f"a CUE sheet holds {MAX_TRACKS} tracks: the last one stands for the rest, see its title; "
            "take shorter ranges, or --format audacity"
        )


def report(
    url: str,
    *,
    day_name: str,
    station: str | None,
    zone_name: str | None,
    names: Mapping[str, str],
    output: Path | None,
    now_us: int,
) -> None:
    """Write the page of a day; `names` are the stations' names on screens, where they have one. Raises as `export`."""
    zone = zone_of(zone_name)
    the_day = day(day_name, zone, now_us)
    bounds_us = day_range(the_day, zone)
    if bounds_us[0] > now_us:
        raise ExportError(f"{the_day} is still to come")
    with RecordReader(url) as reader:
        stations = reader.stations()
        _check_station(station, stations)

        def read(one: str) -> StationDay:
            pieces = cut(reader.segments(one, *bounds_us), *bounds_us)
            titles = reader.titles(one, *bounds_us)
            return station_day(names.get(one, one), the_day, zone, bounds_us, pieces, titles, now_us)

        with _output(output, url) as file:
            wanted = [station] if station is not None else _heard(reader, stations, bounds_us)
            with _progress(len(wanted), file) as counted:
                days = [read(one) for one in counted(iter(wanted))]
            _write(report_lines(days, now_us), file)


def _of_a_recording(
    form: Format,
    pieces: Iterator[Piece],
    begin_us: int,
    until_us: int | None,
    station: str,
    audio: str | None,
    zone: tzinfo,
) -> Iterator[str]:
    if form == "audacity":
        return audacity_lines(pieces, begin_us)
    return cue_lines(pieces, begin_us, until_us, station=station, audio=audio or f"{station}.wav", zone=zone)


def _heard(reader: RecordReader, stations: list[str], bounds_us: tuple[int, int]) -> list[str]:
    """The stations with a record of that time, lest those of other years fill the page; all, if there is none."""
    return [one for one in stations if reader.count(one, *bounds_us)] or stations


def _check_station(station: str | None, stations: list[str]) -> None:
    if station is not None and station not in stations:
        known = f"those recorded are {', '.join(stations)}" if stations else "none was recorded yet"
        raise ExportError(f"there is no station {station!r} in the timeline; {known}")


def _only_station(station: str | None, stations: list[str], form: Format) -> str:
    if station is not None:
        return station
    if len(stations) > 1:
        raise ExportError(f"--format {form} is of one recording: choose a --station of {', '.join(stations)}")
    return stations[0] if stations else "none"


def _peek(pieces: Iterator[Piece]) -> tuple[Piece | None, Iterator[Piece]]:
    """The first piece, and all of them again."""
    first = next(pieces, None)

    def again() -> Iterator[Piece]:
        if first is not None:
            yield first
            yield from pieces

    return first, again()


def _write(lines: Iterable[str], file: TextIO) -> None:
    for number, line in enumerate(lines):
        file.write(line)
        if number % _FLUSH_EVERY == 0:
            file.flush()  # so that a reader that has gone, or a full disk, is noticed
    file.flush()


@contextmanager
def _output(output: Path | None, url: str) -> Iterator[TextIO]:
    """Standard output, or a file that is there as a whole or not at all. UTF-8, lines as they are given."""
    try:
        with _stdout() if output is None else _whole_file(output, url) as file:
            yield file
    except BrokenPipeError:
        raise  # a reader that has seen enough is no fault
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        why = os.strerror(error.errno) if error.errno else str(error)
        name = "standard output" if output is None else output
        raise OutputError(f"{name} cannot be written: {why}", os.EX_TEMPFAIL if full else os.EX_CANTCREAT) from None


def _stdout() -> TextIO:
    sys.stdout.flush()
    return _opened(sys.stdout.fileno(), closefd=False)


def _opened(where: int | Path, *, closefd: bool = True) -> TextIO:
    # Titles may hold what UTF-8 cannot: half a pair of surrogates must not stop a day's export.
    return open(where, "w", encoding="utf-8", errors="backslashreplace", newline="", closefd=closefd)


@contextmanager
def _whole_file(output: Path, url: str) -> Iterator[TextIO]:
    record = check_record(url)
    target = output.resolve()
    if any(_is_same(target, record + end) for end in ("", "-wal", "-shm")):
        raise OutputError(f"{output} is the timeline itself: choose another file", os.EX_USAGE)
    if target.exists() and not target.is_file():  # a pipe or a device is written as it is
        with _opened(target) as file:
            yield file
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _opened(part) as file:
            yield file
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()


def _is_same(file: Path, other: str) -> bool:
    with suppress(OSError):
        return file.samefile(other)
    return False


@contextmanager
def _progress(total: int, file: TextIO) -> Iterator[Callable[[Iterator[T]], Iterator[T]]]:
    """A bar on standard error while what it gives is read, where that is a terminal and the output is none."""
    errors = Console(stderr=True)
    with Progress(
        console=errors, transient=True, disable=not errors.is_terminal or file.isatty(), redirect_stdout=False
    ) as progress:
        task = progress.add_task("timeline", total=total)

        def counted(items: Iterator[T]) -> Iterator[T]:
            for number, item in enumerate(items, start=1):
                yield item
                if number % _STEP == 0 or number == total:  # drawing costs more than a row
                    progress.update(task, completed=number)

        yield counted


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")
