"""The monitor: feeds every station's segments to its checks, and tells the hub what they find."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from ccmusicd.events import Event, NoticeEvent, NoticeKind, SegmentEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.programme.declared import DeclaredCheck
from ccmusicd.programme.finding import SECOND_US, Check, Finding, clock, in_seconds, length
from ccmusicd.programme.icalendar_file import CalendarFile
from ccmusicd.programme.ledger import Ledger, Span
from ccmusicd.programme.quota import Quota
from ccmusicd.programme.show_watch import show_of
from ccmusicd.programme.shows import Schedule, Show
from ccmusicd.programme.store import NoticeStore

_log = logging.getLogger(__name__)

KEEP_US = 25 * 3_600 * SECOND_US
"""What a ledger holds: the longest window, and the day of the longest show."""

_INBOX_CAPACITY = 4_096
_LOOK_EVERY_US = SECOND_US
_CALENDAR_EVERY_S = 60.0

History = Callable[[str, int], Iterable[Span]]
"""The spans of a station's record since a time in UTC microseconds, oldest first; blocks, and may raise anything."""


@dataclass(slots=True)
class Watched:
    """One station with its checks. `declares` compares the stream's own word, `due` the schedule's, with what is heard.

    `meant` gives the slugs of a free text. A daemon that was down for `down_us` or longer says so at its start.
    """

    zone: tzinfo
    checks: Sequence[Check] = ()
    declares: DeclaredCheck | None = None
    due: DeclaredCheck | None = None
    schedule: Schedule | None = None
    calendars: Sequence[CalendarFile] = ()
    meant: Callable[[str], frozenset[str]] = frozenset
    down_us: int | None = None
    ledger: Ledger = field(default_factory=Ledger)
    looked_us: int = 0

    @property
    def all_checks(self) -> list[Check]:
        """Every check, in the order in which they are looked at."""
        return [*self.checks, *(check for check in (self.declares, self.due) if check is not None)]

    @property
    def quotas(self) -> list[Quota]:
        """Those of the checks that have figures of their own."""
        return [check for check in self.checks if isinstance(check, Quota)]


class Monitor:
    """Watches the programme of the stations in `watched`. Only the event loop touches it, but for files, in threads."""

    def __init__(self, hub: Hub, watched: Mapping[str, Watched], store: NoticeStore, history: History) -> None:
        self.watched = dict(watched)
        self._hub = hub
        self._store = store
        self._history = history
        self._inbox = hub.subscribe(("segment", "status"), capacity=_INBOX_CAPACITY)
        self._unsaved = False
        self._trouble = ""

    async def start(self, now_us: int) -> None:
        """Take up what held, and the record of what was on air; tell of a gap before `now_us`."""
        for notice in await asyncio.to_thread(self._store.load):
            if self._still_checked(notice):
                self._hub.latest[notice.station].note(notice)
        for station, watched in self.watched.items():
            for span in await asyncio.to_thread(self._remember, station, now_us - KEEP_US):
                watched.ledger.put(span)
            for calendar in watched.calendars:
                await asyncio.to_thread(calendar.refresh, now_us)
            self._tell_gap(station, watched, now_us)

    async def apply(self, watched: Mapping[str, Watched], now_us: int) -> None:
        """Watch these from now on, while `run` runs. A notice that nothing looks for any more is cleared.

        What a station's ledger holds is kept where its checks changed, and read from the record where it is new.
        """
        for station, new in watched.items():
            if station not in self.watched:
                for span in await asyncio.to_thread(self._remember, station, now_us - KEEP_US):
                    new.ledger.put(span)
            for calendar in new.calendars:
                await asyncio.to_thread(calendar.refresh, now_us)
        for station, old in self.watched.items():
            if station in watched:
                watched[station].ledger = old.ledger
        self.watched = dict(watched)
        for latest in self._hub.latest.values():
            for notice in [each for each in latest.notices.values() if not self._still_checked(each)]:
                self._hub.publish(
                    replace(
                        notice,
                        change="cleared",
                        severity="info",
                        time_us=now_us,
                        text=f"{notice.text} (No longer watched: the configuration was changed.)",
                    )
                )
                self._unsaved = True
        await self._save()

    async def run(self) -> None:
        """Look for ever."""
        reading = asyncio.create_task(self._read_calendars(), name="calendars")
        try:
            while True:
                self._take(await self._inbox.get())
                for event in self._inbox.drain():
                    self._take(event)
                await self._save()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._hub.unsubscribe(self._inbox)

    async def stop(self) -> None:
        """Keep what holds; `run` must have been cancelled."""
        for event in self._inbox.drain():
            self._take(event)
        await self._save()

    def _still_checked(self, notice: NoticeEvent) -> bool:
        watched = self.watched.get(notice.station)
        if watched is None:
            return False
        if notice.kind == "show":
            try:
                show_of(notice)
            except (ValueError, LookupError, TypeError):
                return False
        return any((check.kind, check.name) == (notice.kind, notice.name) for check in watched.all_checks)

    def _remember(self, station: str, from_us: int) -> list[Span]:
        try:
            return list(self._history(station, from_us))
        except Exception as error:  # noqa: BLE001 - whatever a database says: the daemon runs without its past
            _log.warning("%s: what was on air before cannot be read and counts as not heard: %s", station, error)
            return []

    def _tell_gap(self, station: str, watched: Watched, now_us: int) -> None:
        last = next(watched.ledger.backwards(), None)
        if last is None or last.kind != "down" or watched.down_us is None:
            return
        if last.end_us - last.start_us < watched.down_us or last.end_us < now_us - 60 * SECOND_US:
            return
        lasted_us = last.end_us - last.start_us
        begun, ended = clock(last.start_us, watched.zone), clock(last.end_us, watched.zone)
        text = f"The daemon was down for {length(lasted_us)}, from {begun} to {ended}; nothing was heard meanwhile."
        finding = Finding("told", "warning", last.start_us, text, {"lasted_s": in_seconds(lasted_us)})
        self._hub.publish(_event(station, "down", "", finding, now_us))

    # --- events in, notices out ---

    def _take(self, event: Event) -> None:
        watched = self.watched.get(event.station)
        if watched is None or event.station not in self._hub.latest:  # a station that was removed meanwhile
            return
        if isinstance(event, SegmentEvent):
            watched.ledger.put(Span(event.start_us, event.end_us, event.kind, event.genre, event.note))
            now_us = watched.ledger.now_us
            if event.change != "update" or not 0 <= now_us - watched.looked_us < _LOOK_EVERY_US:
                watched.looked_us = now_us
                self._look(event.station, watched)
        elif isinstance(event, StatusEvent) and watched.declares is not None:
            word = event.source_format.get("genre")
            if isinstance(word, str) and word:
                watched.declares.declare(word, watched.meant(word), watched.ledger.now_us)

    def _look(self, station: str, watched: Watched) -> None:
        watched.ledger.forget(watched.ledger.now_us - KEEP_US)
        if watched.due is not None and watched.schedule is not None:
            show = watched.schedule.on_at(watched.ledger.now_us)
            if show is not None:
                watched.due.declare(_due(show), show.genres, show.start_us)
            else:
                watched.due.declare("", frozenset(), watched.ledger.now_us)
        for check in watched.all_checks:
            active = self._hub.latest[station].notices.get(f"{station}:{check.kind}:{check.name}")
            finding = check.look(watched.ledger, active)
            if finding is not None:
                event = _event(station, check.kind, check.name, finding, watched.ledger.now_us)
                _log.log(_LEVELS[event.severity], "%s: %s", station, event.text)
                self._hub.publish(event)
                self._unsaved = True

    async def _save(self) -> None:
        if not self._unsaved:
            return
        notices = [notice for latest in self._hub.latest.values() for notice in latest.notices.values()]
        self._unsaved = False
        saved = False
        try:
            await asyncio.to_thread(self._store.save, notices)
            saved = True
        except OSError as error:
            if str(error) != self._trouble:
                _log.warning("the notices that hold cannot be kept, and may be raised again after a restart: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""
        finally:
            self._unsaved = self._unsaved or not saved  # also when it was cancelled: `stop` saves once more

    async def _read_calendars(self) -> None:
        while True:
            await asyncio.sleep(_CALENDAR_EVERY_S)
            for watched in list(self.watched.values()):
                for calendar in watched.calendars:
                    await asyncio.to_thread(calendar.refresh, watched.ledger.now_us)


def _due(show: Show) -> str:
    return f"{' or '.join(sorted(show.genres))} ({show.name})" if show.genres else show.name


_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "alarm": logging.WARNING}


def _event(station: str, kind: NoticeKind, name: str, finding: Finding, now_us: int) -> NoticeEvent:
    return NoticeEvent(
        station, kind, name, finding.change, finding.severity, finding.since_us, now_us, finding.text, finding.values
    )
