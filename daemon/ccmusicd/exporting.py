"""What `timeline export` and `timeline report` do: from the record, through the formats, into a file or a pipe."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from itertools import islice
from pathlib import Path

from ccmusicd.days import RecordedDay
from ccmusicd.export.cuesheet import MAX_TRACKS
from ccmusicd.export.errors import ExportError
from ccmusicd.export.formats import OF_A_RECORDING, Format, formatted
from ccmusicd.export.pieces import cut
from ccmusicd.export.report import report_lines
from ccmusicd.export.times import iso, moment, zone_of
from ccmusicd.publish.reader import RecordReader
from ccmusicd.textout import note, output_of, progress, write

MOST_STEPS_TOLD = 10
"""Steps of the system clock told beside an export; the rest are counted."""


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

    No format has a place for what is no segment: that the system clock was set in that time is told beside the output.
    Without `since` the range begins with `origin`, else with the record; without `until` it ends with the record, which
    lies ahead of the clock where a file was read at full speed. `now_us` is what relative times count from.

    Raises:
        ExportError: a time, zone or station makes no sense.
        OutputError: the output cannot be written.
        RecordError: there is no record to read.
    """
    zone = zone_of(zone_name)
    from_us, until_us, origin_us = (
        None if text is None else moment(text, zone, now_us) for text in (since, until, origin)
    )
    if origin_us is not None:
        from_us = origin_us if from_us is None else max(from_us, origin_us)
    if from_us is not None and until_us is not None and from_us >= until_us:
        raise ExportError(
            f"the range ends ({iso(until_us, zone)}) before it begins ({iso(from_us, zone)}); "
            "a day means its first moment"
        )
    with RecordReader(url) as reader:
        stations = reader.stations()
        check_station(station, stations)
        if form in OF_A_RECORDING:
            station = only_station(station, stations, form)
        count = reader.count(station, from_us, until_us)
        steps = list(_steps_told(reader, stations if station is None else [station], from_us, until_us, zone))
        with output_of(output, url) as file, progress(count, file) as counted:
            pieces = counted(cut(reader.segments(station, from_us, until_us), from_us, until_us))
            begin_us = from_us if origin_us is None else origin_us
            lines = formatted(form, pieces, zone, begin_us=begin_us, until_us=until_us, station=station, audio=audio)
            write(lines, file)
    if count == 0:
        note("no segment of the record lies in that range")
    for sentence in steps:
        note(sentence)
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
    the_day = RecordedDay.named(day_name, zone_of(zone_name), names, now_us)
    with RecordReader(url) as reader:
        check_station(station, reader.stations())
        with output_of(output, url) as file:
            wanted = [station] if station is not None else the_day.stations(reader)
            with progress(len(wanted), file) as counted:
                days = [the_day.of(reader, one) for one in counted(iter(wanted))]
            write(report_lines(days, now_us), file)


def _steps_told(
    reader: RecordReader, stations: Iterable[str], from_us: int | None, to_us: int | None, zone: tzinfo
) -> Iterator[str]:
    """A sentence for each time that the system clock was set, at most `MOST_STEPS_TOLD`, and one for the rest."""
    sentences = (
        f"{one}: the system clock was set by {step_s:+.1f} s, to {iso(time_us, zone)}"
        for one in stations
        for time_us, step_s in reader.clock_steps(one, from_us, to_us)
    )
    yield from islice(sentences, MOST_STEPS_TOLD)
    left_out = sum(1 for _ in sentences)
    if left_out:
        yield f"the system clock was set {left_out:,} times more in that range"


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
