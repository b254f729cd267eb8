"""Shows: what is due when, by the clock of the station's time zone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from ccmusicd.programme.finding import local

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Show:
    """One broadcast of a show, [start_us, end_us) in UTC microseconds.

    `genres` are slugs, empty where anything goes; `at_least` is the share of its time that they must have, or None.
    """

    name: str
    start_us: int
    end_us: int
    genres: frozenset[str] = frozenset()
    at_least: float | None = None


class Shows(Protocol):
    """A source of shows."""

    def between(self, from_us: int, to_us: int) -> Iterable[Show]:
        """Those that are on at any time of [from_us, to_us), in any order."""


@dataclass(frozen=True, slots=True)
class WeeklyShow:
    """A show on the same days of each week (0 is Monday), by local time; it ends on the next day when `end` <= `start`.

    Clocks that change make it an hour shorter or longer, if they change while it is on. A time that clocks leap over is
    taken as it would have been without the leap.
    """

    name: str
    days: frozenset[int]
    start: time
    end: time
    genres: frozenset[str]
    at_least: float | None
    zone: tzinfo

    def between(self, from_us: int, to_us: int) -> Iterator[Show]:
        """Its broadcasts that are on at any time of [from_us, to_us)."""
        day = local(from_us, self.zone).date() - _DAY
        last = local(to_us, self.zone).date()
        while day <= last:
            if day.weekday() in self.days:
                start_us = _utc_us(day, self.start, self.zone)
                end_us = _utc_us(day + _DAY if self.end <= self.start else day, self.end, self.zone)
                if start_us < to_us and end_us > from_us and start_us < end_us:
                    yield Show(self.name, start_us, end_us, self.genres, self.at_least)
            day += _DAY


@dataclass(frozen=True, slots=True)
class Schedule:
    """All sources of one station's shows."""

    sources: Sequence[Shows]

    def on_at(self, us: int) -> Show | None:
        """The show that is on: of several at once the one that began last, as a special goes before the series."""
        shows = [show for source in self.sources for show in source.between(us, us + 1)]
        return max(shows, key=lambda show: (show.start_us, -show.end_us, show.name), default=None)


def _utc_us(day: date, at: time, zone: tzinfo) -> int:
    return (datetime.combine(day, at, zone).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
