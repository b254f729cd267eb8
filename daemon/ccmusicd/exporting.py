"""What `timeline export` and `timeline report` do: from the record, through the formats, into a file or a pipe."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Literal

from ccmusicd.export.audacity import audacity_lines
from ccmusicd.export.cuesheet import MAX_TRACKS, cue_lines
from ccmusicd.export.day import StationDay, station_day
from ccmusicd.export.errors import ExportError
from ccmusicd.export.jsontext import json_lines, jsonl_lines
from ccmusicd.export.pieces import Piece, cut
from ccmusicd.export.report import report_lines
from ccmusicd.export.spreadsheet import csv_lines
from ccmusicd.export.times import day, day_range, iso, moment, zone_of
from ccmusicd.publish.reader import RecordReader
from ccmusicd.textout import note, output_of, progress, write

Format = Literal["csv", "json", "jsonl", "audacity", "cue"]

OF_A_RECORDING: tuple[Format, ...] = ("audacity", "cue")
"""Formats whose times count from the start of a recording, and which are of one station."""


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
        check_station(station, stations)
        if form in OF_A_RECORDING:
            station = only_station(station, stations, form)
        count = reader.count(station, from_us, to_us)
        with output_of(output, url) as file, progress(count, file) as counted:
            pieces = counted(cut(reader.segments(station, from_us, to_us), from_us, to_us))
            begin_us = from_us if origin_us is None else origin_us
            lines = formatted(form, pieces, zone, begin_us=begin_us, until_us=until_us, station=station, audio=audio)
            write(lines, file)
    if count == 0:
        note("no segment of the record lies in that range")
    if form == "cue" and count > MAX_TRACKS:
        note(
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
        check_station(station, stations)

        def read(one: str) -> StationDay:
            pieces = cut(reader.segments(one, *bounds_us), *bounds_us)
            titles = reader.titles(one, *bounds_us)
            return station_day(names.get(one, one), the_day, zone, bounds_us, pieces, titles, now_us)

        with output_of(output, url) as file:
            wanted = [station] if station is not None else _heard(reader, stations, bounds_us)
            with progress(len(wanted), file) as counted:
                days = [read(one) for one in counted(iter(wanted))]
            write(report_lines(days, now_us), file)


def formatted(
    form: Format,
    pieces: Iterator[Piece],
    zone: tzinfo,
    *,
    begin_us: int | None,
    until_us: int | None,
    station: str | None,
    audio: str | None = None,
) -> Iterator[str]:
    """The lines of a format; one of a recording counts from `begin_us`, else from the first piece."""
    if form not in OF_A_RECORDING:
        return {"csv": csv_lines, "json": json_lines, "jsonl": jsonl_lines}[form](pieces, zone)
    first, pieces = _peek(pieces)
    if begin_us is None:
        begin_us = first.row.start_us if first is not None else until_us or 0
    if form == "audacity":
        return audacity_lines(pieces, begin_us)
    name = station or "none"
    return cue_lines(pieces, begin_us, until_us, station=name, audio=audio or f"{name}.wav", zone=zone)


def _heard(reader: RecordReader, stations: list[str], bounds_us: tuple[int, int]) -> list[str]:
    """The stations with a record of that time, lest those of other years fill the page; all, if there is none."""
    return [one for one in stations if reader.count(one, *bounds_us)] or stations


def check_station(station: str | None, stations: list[str]) -> None:
    """Raise `ExportError` where the station that was asked for is not recorded."""
    if station is not None and station not in stations:
        known = f"those recorded are {', '.join(stations)}" if stations else "none was recorded yet"
        raise ExportError(f"there is no station {station!r} in the timeline; {known}")


def only_station(station: str | None, stations: list[str], form: Format) -> str:
    """The station that a format of one recording is of. Raises `ExportError` where that is to be chosen."""
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
