"""Shows of an iCalendar file (RFC 5545): its recurring events, their exceptions included. Reading it blocks."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

from ccmusicd.programme.errors import ProgrammeError
from ccmusicd.programme.finding import local
from ccmusicd.programme.shows import Show

_log = logging.getLogger(__name__)

MAX_BYTES = 2 * 2**20
MOST_EVENTS = 2_000
_MOST_SHOWS = 5_000
_BEFORE = timedelta(days=2)
_AHEAD = timedelta(days=2)
_FRESH = timedelta(days=1)
_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}
_NAME_LENGTH = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CalendarFile:
    """The shows of the file, which is read again when it has changed.

    An event's summary is the show's name and its categories the genres that are due; `meant` gives their slugs, and
    categories that are none are left alone. Times without a zone are of `zone`. `at_least` holds for every show that
    has genres. A file that becomes unusable is told once in the log, and what it said before goes on to hold.
    """

    def __init__(
        self, path: Path, zone: tzinfo, meant: Callable[[str], frozenset[str]], at_least: float | None
    ) -> None:
        self._path = path
        self._zone = zone
        self._meant = meant
        self._at_least = at_least
        self._lock = threading.Lock()
        self._calendar: Any = None
        self._stamp: tuple[int, int] | None = None
        self._shows: tuple[Show, ...] = ()
        self._from_us = self._to_us = 0
        self._trouble = ""

    def between(self, from_us: int, to_us: int) -> Iterator[Show]:
        """The shows that are on at any time of [from_us, to_us), of the days that were last refreshed."""
        return (show for show in self._shows if show.start_us < to_us and show.end_us > from_us)

    def load(self, now_us: int) -> None:
        """Read it for the days around a time; blocks.

        Raises:
            ProgrammeError: it cannot be read or used.
        """
        with self._lock:
            stamp = self._state()
            calendar = _parse(self._path)
            shows, from_us, to_us = self._expand(calendar, now_us)
            self._calendar, self._stamp = calendar, stamp
            self._shows, self._from_us, self._to_us = shows, from_us, to_us

    def refresh(self, now_us: int) -> None:
        """Read it again if it has changed, and look further ahead as time passes; blocks."""
        fresh_us = _FRESH // timedelta(microseconds=1)
        try:
            stamp = self._state()
            if stamp != self._stamp or self._calendar is None:
                self.load(now_us)
                _log.info("%s: read again: %d shows in the days around now", self._path, len(self._shows))
            elif not self._from_us + fresh_us <= now_us <= self._to_us - fresh_us:
                with self._lock:
                    self._shows, self._from_us, self._to_us = self._expand(self._calendar, now_us)
        except ProgrammeError as error:
            if str(error) != self._trouble:
                _log.warning("%s; the shows that it held before go on to hold", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def _state(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise ProgrammeError(f"the calendar {self._path} cannot be read: {error.strerror}") from None
        return found.st_mtime_ns, found.st_size

    def _expand(self, calendar: Any, now_us: int) -> tuple[tuple[Show, ...], int, int]:
        import recurring_ical_events  # noqa: PLC0415 - for those who have a calendar

        now = local(now_us, self._zone)
        start, stop = now - _BEFORE, now + _AHEAD
        try:
            events = recurring_ical_events.of(calendar).between(start, stop)[:_MOST_SHOWS]
            shows = tuple(show for event in events if (show := self._show(event)) is not None)
        except Exception as error:  # noqa: BLE001 - whatever a strange rule makes the library stumble over
            raise ProgrammeError(f"the calendar {self._path} has an event that cannot be used: {error}") from None
        return shows, _utc_us(start), _utc_us(stop)

    def _show(self, event: Mapping[str, Any]) -> Show | None:
        name = " ".join(str(event.get("SUMMARY", "")).split())[:_NAME_LENGTH] or "show"
        start_us, end_us = self._moment(event["DTSTART"].dt), self._end(event)
        if end_us <= start_us:
            return None
        genres = self._meant(",".join(_categories(event)))
        return Show(name, start_us, end_us, genres, self._at_least if genres else None)

    def _end(self, event: Mapping[str, Any]) -> int:
        start, end = event["DTSTART"].dt, event["DTEND"].dt
        if not isinstance(start, datetime) and end <= start:
            end = start + timedelta(days=1)  # a day without an end is that day
        return self._moment(end)

    def _moment(self, when: date) -> int:
        if not isinstance(when, datetime):
            when = datetime.combine(when, time(0))
        return _utc_us(when if when.tzinfo is not None else when.replace(tzinfo=self._zone))


def _parse(path: Path) -> Any:
    import icalendar  # noqa: PLC0415 - for those who have a calendar

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProgrammeError(f"the calendar {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ProgrammeError(f"the calendar {path} is larger than {MAX_BYTES >> 20} MiB")
    try:
        calendar = icalendar.Calendar.from_ical(data)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        why = " ".join(str(error).split())[:120]
        raise ProgrammeError(f"the calendar {path} is no iCalendar file: {why}") from None
    events = calendar.walk("VEVENT")
    if len(events) > MOST_EVENTS:
        raise ProgrammeError(f"the calendar {path} has {len(events)} events, more than {MOST_EVENTS}")
    for event in events:
        rules = event.get("RRULE") or ()
        for rule in rules if isinstance(rules, list) else [rules]:
            often = _TOO_OFTEN & {str(word).upper() for word in (rule.get("FREQ") or () if rule else ())}
            if often:
                raise ProgrammeError(
                    f"the calendar {path} repeats {str(event.get('SUMMARY', 'an event'))!r} {min(often)}; "
                    "shows repeat daily or less often"
                )
    return calendar


def _categories(event: Mapping[str, Any]) -> list[str]:
    found = event.get("CATEGORIES")
    lists = found if isinstance(found, list) else [] if found is None else [found]
    return [str(word) for one in lists for word in getattr(one, "cats", [one])]


def _utc_us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
