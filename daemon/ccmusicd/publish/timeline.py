"""The timeline: takes segments and titles from the hub and has one thread write them into the record."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from ccmusicd.events import Event, SegmentEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.record import Record
from ccmusicd.publish.rows import SegmentRow

_log = logging.getLogger(__name__)

_INBOX_CAPACITY = 4096
_COMMIT_INTERVAL_S = 1.0
_FLUSH_AT_STOP_S = 1.8
_MAX_WAITING_SEGMENTS = 20_000
_SEGMENTS_A_COMMIT = 500
_MAX_WAITING_TITLES = 5_000


class Timeline:
    """Keeps every second of every station in the database at `url` (sqlite:///FILE).

    `state` is "ok" or "degraded: why": when the disk is full, read-only or gone, segments wait in memory (the oldest
    are dropped at a limit, which leaves a "down" in the record) until writing works again.
    Raises `RecordError` when the file is no database or of a newer version.
    """

    def __init__(self, hub: Hub, url: str) -> None:
        self.state = "ok"
        self.dropped = 0
        self._hub = hub
        self._record = Record(url)
        self._opened = False
        self._started_us: int | None = None
        self._segments: dict[str, SegmentEvent] = {}
        self._titles: deque[TitleEvent] = deque(maxlen=_MAX_WAITING_TITLES)
        self._inbox = hub.subscribe(("segment", "title"), capacity=_INBOX_CAPACITY)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="timeline")
        try:
            self._attempt(self._prepare)
        except RecordError:
            hub.unsubscribe(self._inbox)
            self._writer.submit(self._record.close)
            self._writer.shutdown()
            raise

    def start(self, now_us: int) -> None:
        """Close what the last run left open and record the time since as "down". Blocks; call it before `run`."""
        self._started_us = now_us
        self._attempt(self._prepare)

    async def run(self) -> None:
        """Write for ever, at least each second while there is something."""
        loop = asyncio.get_running_loop()
        while True:
            if not (self._segments or self._titles or len(self._inbox)):
                self._take(await self._inbox.get())
            await self._flush(loop)
            await asyncio.sleep(_COMMIT_INTERVAL_S)

    async def stop(self) -> None:
        """Write what is left, within 2 s, and close; `run` must have been cancelled."""
        self._hub.unsubscribe(self._inbox)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_FLUSH_AT_STOP_S):
                await self._flush(loop)
                await loop.run_in_executor(self._writer, self._record.close)
        except TimeoutError:
            _log.error("timeline: the last %d segments could not be written in time", len(self._segments))
        # Not waiting: a writer that hangs on a dead disk must not keep the daemon from stopping.
        self._writer.shutdown(wait=False)

    def segments(
        self, station: str | None = None, from_us: int | None = None, to_us: int | None = None
    ) -> list[SegmentRow]:
        """The written segments that touch [from_us, to_us), by station and start; blocks."""
        return self._record.segments(station, from_us, to_us)

    def _take(self, event: Event) -> None:
        """Keep an event for the next write; an update replaces what waits of the same segment, at its place."""
        if isinstance(event, SegmentEvent):
            self._segments[event.id] = event
            if len(self._segments) > _MAX_WAITING_SEGMENTS:
                del self._segments[next(iter(self._segments))]
                self.dropped += 1
        elif isinstance(event, TitleEvent):
            self._titles.append(event)

    async def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        for event in self._inbox.drain():
            self._take(event)
        segments, titles = dict(self._segments), tuple(self._titles)
        if not (segments or titles):
            return
        try:
            # If this is cancelled the thread goes on, and `stop` writes the same once more: that changes nothing.
            await loop.run_in_executor(self._writer, self._write, list(segments.values()), titles)
        except (SQLAlchemyError, RecordError) as error:
            self._degrade(error)
            return
        self._recover()
        for key, event in segments.items():
            if self._segments.get(key) is event:
                del self._segments[key]
        for title in titles:
            if self._titles and self._titles[0] is title:
                self._titles.popleft()

    def _write(self, segments: list[SegmentEvent], titles: tuple[TitleEvent, ...]) -> None:
        """In the writer's thread; in several commits, so that a backlog is not written all or nothing."""
        self._prepare()
        for first in range(0, len(segments), _SEGMENTS_A_COMMIT):
            self._record.write(segments[first : first + _SEGMENTS_A_COMMIT], ())
        if titles:
            self._record.write((), titles)

    def _prepare(self) -> None:
        """Open and recover, once each, as soon as the disk lets us."""
        if not self._opened:
            self._record.open()
            self._opened = True
        if self._started_us is not None:
            self._record.recover([station.id for station in self._hub.about.stations], self._started_us)
            self._started_us = None

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            self._writer.submit(work).result()
        except SQLAlchemyError as error:
            self._degrade(error)

    def _degrade(self, error: SQLAlchemyError | RecordError) -> None:
        # The driver's own words, without the statement and its parameters.
        why = str(getattr(error, "orig", None) or error)
        if self.state == "ok":
            _log.error("timeline: cannot write (%s); keeping the newest segments in memory until it works again", why)
        self.state = f"degraded: {why}"

    def _recover(self) -> None:
        if self.state != "ok":
            _log.warning("timeline: writing works again")
            self.state = "ok"
