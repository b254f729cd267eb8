"""A day of the record, read for its report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Self

from ccmusicd.export.day import StationDay, station_day
from ccmusicd.export.errors import ExportError
from ccmusicd.export.pieces import cut
from ccmusicd.export.times import day, day_range
from ccmusicd.publish.reader import RecordReader


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """A day in a zone, as far as it is over at `now_us` (UTC microseconds); `names` are stations' names on screens."""

    date: date
    zone: tzinfo
    names: Mapping[str, str]
    now_us: int

    @classmethod
    def named(cls, text: str, zone: tzinfo, names: Mapping[str, str], now_us: int) -> Self:
        """The day that people call so. Raises `ExportError` when it is none, or still to come."""
        found = cls(day(text, zone, now_us), zone, names, now_us)
        if found.bounds_us[0] > now_us:
            raise ExportError(f"{found.date} is still to come")
        return found

    @property
    def bounds_us(self) -> tuple[int, int]:
        """[its first moment, the next day's), in UTC microseconds."""
        return day_range(self.date, self.zone)

    def stations(self, reader: RecordReader) -> list[str]:
        """The stations with a record of that time, lest those of other years fill the page; all, if there is none."""
        recorded = reader.stations()
        return [one for one in recorded if reader.count(one, *self.bounds_us)] or recorded

    def of(self, reader: RecordReader, station: str) -> StationDay:
        """What a station was that day."""
        bounds_us = self.bounds_us
        pieces = cut(reader.segments(station, *bounds_us), *bounds_us)
        titles = reader.titles(station, *bounds_us)
        steps = reader.clock_steps(station, *bounds_us)
        name = self.names.get(station, station)
        return station_day(name, self.date, self.zone, bounds_us, pieces, titles, self.now_us, steps)
