"""Excerpts of the record in a format that was asked for: what `/api/v1/timeline` gives out. Blocking."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import cast

from ccmusicd.days import RecordedDay
from ccmusicd.export.errors import ExportError
from ccmusicd.export.formats import OF_A_RECORDING, Format, formatted
from ccmusicd.export.pieces import cut
from ccmusicd.export.report import report_lines
from ccmusicd.export.times import iso, moment, zone_of
from ccmusicd.publish.reader import RecordReader

PARAMETERS = ("station", "from", "to", "tz", "format")

_TYPES = {
    "json": ("application/json", "json"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "csv": ("text/csv; charset=utf-8", "csv"),
    "audacity": ("text/plain; charset=utf-8", "txt"),
    "cue": ("application/x-cue; charset=utf-8", "cue"),
    "report": ("text/html; charset=utf-8", "html"),
}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text that is read from the record as its `lines`, which carry their ends, are taken.

    `name` is a file name for it, of plain ASCII.
    """

    media_type: str
    name: str
    lines: Iterator[str]


@contextmanager
def excerpt(url: str, asked: Mapping[str, str], *, names: Mapping[str, str], now_us: int) -> Iterator[Excerpt]:
    """What is asked of the record at `url`; to be entered, read and left in one thread.

    `asked` has any of `PARAMETERS`. Times are what people write (`moment`); without "from" it begins with the record,
    without "to" it ends at `now_us` (UTC microseconds), without "tz" times are the machine's. A report is of the day
    that "from" names, yesterday where it is left out. `names` are the stations of now by id, with their names on
    screens; others may stand in the record.

    Raises:
        ExportError: a parameter makes no sense.
        RecordError: the record cannot be read; also while the lines are taken.
    """
    unknown = next((name for name in asked if name not in PARAMETERS), None)
    if unknown is not None:
        raise ExportError(f"unknown parameter {unknown[:80]!r}; known are {', '.join(PARAMETERS)}")
    form = asked.get("format", "json")
    if form not in _TYPES:
        raise ExportError(f"unknown format {form[:80]!r}; known are {', '.join(_TYPES)}")
    zone = zone_of(asked.get("tz"))
    with RecordReader(url) as reader:
        station = _station(asked.get("station"), form, list(dict.fromkeys([*reader.stations(), *names])))
        question = _Question(station, asked, zone, names, now_us)
        lines = _report(question, reader) if form == "report" else _segments(cast("Format", form), question, reader)
        media_type, suffix = _TYPES[form]
        yield Excerpt(media_type, f"{_plain(station or 'timeline')}.{suffix}", lines)


@dataclass(frozen=True, slots=True)
class _Question:
    station: str | None
    asked: Mapping[str, str]
    zone: tzinfo
    names: Mapping[str, str]
    now_us: int

    def moment(self, name: str) -> int | None:
        return moment(self.asked[name], self.zone, self.now_us) if name in self.asked else None


def _station(asked: str | None, form: str, known: list[str]) -> str | None:
    if asked is not None and asked not in known:
        raise ExportError(f"unknown station {asked[:80]!r}; known are {', '.join(known)}")
    if asked is not None or form not in OF_A_RECORDING:
        return asked
    if len(known) != 1:
        raise ExportError(f"{form} is of one recording: choose a station of {', '.join(known)}")
    return known[0]


def _segments(form: Format, question: _Question, reader: RecordReader) -> Iterator[str]:
    since, until = question.moment("from"), question.moment("to")
    to_us = question.now_us if until is None else until
    if since is not None and since >= to_us:
        begin, end = iso(since, question.zone), iso(to_us, question.zone)
        raise ExportError(f"the range ends ({end}) before it begins ({begin}); a day means its first moment")
    pieces = cut(reader.segments(question.station, since, to_us), since, to_us)
    return formatted(form, pieces, question.zone, begin_us=since, until_us=until, station=question.station)


def _report(question: _Question, reader: RecordReader) -> Iterator[str]:
    if "to" in question.asked:
        raise ExportError('a report is of the day that "from" names; leave "to" out')
    the_day = RecordedDay.named(question.asked.get("from", "yesterday"), question.zone, question.names, question.now_us)
    stations = the_day.stations(reader) if question.station is None else [question.station]
    return report_lines([the_day.of(reader, station) for station in stations], question.now_us)


def _plain(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name)
