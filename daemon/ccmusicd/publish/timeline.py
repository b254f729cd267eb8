"""The timeline: takes what is to be kept from the hub and has one thread write it into the record."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from ccmusicd.events import ClockStepEvent, Event, HopEvent, SegmentEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.hops import HopBlock, HopCollector, PackedHops
from ccmusicd.publish.record import Record
from ccmusicd.publish.retention import Retention
from ccmusicd.publish.rows import SegmentRow

_log = logging.getLogger(__name__)

_INBOX_CAPACITY = 4096
_HOPS_INBOX_CAPACITY = 2048
_COMMIT_INTERVAL_S = 1.0
_SLOWEST_RETRY = 8
"""Commit intervals between two tries while writing fails."""
_PATIENCE_S = 5.0
_FLUSH_AT_STOP_S = 1.8
_MAX_WAITING_SEGMENTS = 20_000
_SEGMENTS_A_COMMIT = 200
_MAX_WAITING_TITLES = 5_000
_MAX_WAITING_STEPS = 5_000
_MAX_WAITING_BLOCKS = 2_880
"""Two days of one station's hops, about 3 MB."""
_BLOCKS_A_COMMIT = 100
_BLOCK_LASTS_S = 60.0
_PRUNE_EVERY_S = 60.0


class Timeline:
    """Keeps every second of every station in the database at `url` (sqlite:///FILE or postgresql+psycopg://…).

    Segments are written each second, the values of hops each minute: a kill -9 costs at most a minute of those. When
    the disk is full, read-only or gone, or the server is away, `state` says so and all waits in memory until writing
    works again; of too much, the oldest is dropped, segments (which leaves a "down" in the record) and hops each for
    themselves, counted in `dropped` and `dropped_blocks`. Raises `RecordError` when the database is none of ours or of
    a newer version.
    """

    def __init__(self, hub: Hub, url: str, retention: Retention | None = None) -> None:
        self.dropped = 0
        self.dropped_blocks = 0
        self._hub = hub
        self._record = Record(url)
        self._retention = retention or Retention()
        self._pruner = self._record.pruner(self._retention)
        self._pruned_at = -_PRUNE_EVERY_S
        self._trouble: str | None = None
        self._disk_is_low = False
        self._failures = 0
        self._progressed_at = 0.0
        self._opened = False
        self._started_us: int | None = None
        self._segments: dict[str, SegmentEvent] = {}
        self._titles: deque[TitleEvent] = deque(maxlen=_MAX_WAITING_TITLES)
        self._steps: deque[ClockStepEvent] = deque(maxlen=_MAX_WAITING_STEPS)
        self._collector = HopCollector(hub.about.bundle, {model.name: model.fingerprint for model in hub.about.models})
        self._blocks: deque[PackedHops] = deque()
        self._inbox = hub.subscribe(("segment", "title", "clock_step"), capacity=_INBOX_CAPACITY)
        # Of their own, so that hops push no segment out.
        self._hops_inbox = hub.subscribe(("hop",), capacity=_HOPS_INBOX_CAPACITY)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="timeline")
        try:
            self._attempt(self._prepare)
        except RecordError:
            self._unsubscribe()
            self._writer.submit(self._record.close)
            self._writer.shutdown()
            raise

    @property
    def state(self) -> str:
        """How it is: "ok" or "degraded: why"."""
        if self._trouble is not None:
            return f"degraded: {self._trouble}"
        if self._disk_is_low:
            reserve = self._retention.disk_reserve_megabytes
            return f"degraded: less than {reserve:g} MB of the disk are free: the values of hops are not kept"
        return "ok"

    def keep(self, retention: Retention) -> None:
        """Delete by other rules, from the next write on."""
        self._retention = retention
        self._pruner = self._record.pruner(retention)
        self._pruned_at = -_PRUNE_EVERY_S

    def start(self, now_us: int) -> None:
        """Close what the last run left open and record the time since as "down". Blocks; call it before `run`."""
        self._started_us = now_us
        self._attempt(self._prepare)

    async def run(self) -> None:
        """Write for ever, each second while there is something; ever more slowly while writing fails."""
        loop = asyncio.get_running_loop()
        while True:
            await self._flush(loop)
            await asyncio.sleep(_COMMIT_INTERVAL_S * min(2**self._failures, _SLOWEST_RETRY))

    async def stop(self) -> None:
        """Write what is left, within 2 s, and close; `run` must have been cancelled."""
        self._unsubscribe()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_FLUSH_AT_STOP_S):
                await self._flush(loop, last=True)
                await loop.run_in_executor(self._writer, self._record.close)
        except TimeoutError:
            self._writer.submit(self._record.close)
            self._record.hang_up()
        waiting = len(self._segments), len(self._titles), len(self._steps), len(self._blocks)
        if any(waiting):
            _log.error(
                "timeline: %d segments, %d titles, %d steps of the clock and %d blocks of hops could not be written "
                "before the stop",
                *waiting,
            )
        # Not waiting: a writer that hangs on a dead disk must not keep the daemon from stopping.
        self._writer.shutdown(wait=False)

    def segments(
        self, station: str | None = None, from_us: int | None = None, to_us: int | None = None
    ) -> list[SegmentRow]:
        """The written segments that touch [from_us, to_us), by station and start; blocks."""
        return self._record.segments(station, from_us, to_us)

    def unwritten(self) -> list[PackedHops | HopBlock]:
        """The hops of all stations that are not in the record, oldest first; some may be by the time it is read."""
        self._gather()
        return [*self._blocks, *self._collector.growing()]

    def _unsubscribe(self) -> None:
        self._hub.unsubscribe(self._inbox)
        self._hub.unsubscribe(self._hops_inbox)

    def _gather(self, *, last: bool = False) -> None:
        """Take in what the hub has sent; all hops there are when it is the last time, else whole minutes."""
        for event in self._inbox.drain():
            self._take(event)
        now_s = time.monotonic()
        for hop in self._hops_inbox.drain():
            if isinstance(hop, HopEvent):
                block = self._collector.add(hop, now_s)
                if block is not None:
                    self._blocks.append(block)
        self._blocks.extend(self._collector.take(None if last else now_s - _BLOCK_LASTS_S))
        while len(self._blocks) > _MAX_WAITING_BLOCKS:
            self._blocks.popleft()
            self.dropped_blocks += 1

    def _take(self, event: Event) -> None:
        """Keep an event for the next write; an update replaces what waits of the same segment, at its place."""
        if isinstance(event, SegmentEvent):
            self._segments[event.id] = event
            if len(self._segments) > _MAX_WAITING_SEGMENTS:
                del self._segments[next(iter(self._segments))]
                self.dropped += 1
        elif isinstance(event, TitleEvent):
            self._titles.append(event)
        elif isinstance(event, ClockStepEvent):
            self._steps.append(event)

    async def _flush(self, loop: asyncio.AbstractEventLoop, *, last: bool = False) -> None:
        self._gather(last=last)
        segments, titles = dict(self._segments), tuple(self._titles)
        steps, blocks = tuple(self._steps), tuple(self._blocks)
        if not (segments or titles or steps or blocks):
            return
        writing = loop.run_in_executor(self._writer, self._write, list(segments.values()), titles, steps, blocks)
        try:
            await self._finish(writing)
        except asyncio.CancelledError:
            # The thread goes on, and `stop` writes the same once more: that changes nothing.
            writing.cancel()
            raise
        except (SQLAlchemyError, RecordError) as error:
            self._failures += 1
            self._degrade(error)
            return
        self._recover()
        for key, event in segments.items():
            if self._segments.get(key) is event:
                del self._segments[key]
        for waiting, written in ((self._titles, titles), (self._steps, steps), (self._blocks, blocks)):
            for item in written:
                if waiting and waiting[0] is item:
                    waiting.popleft()

    async def _finish(self, writing: asyncio.Future[None]) -> None:
        """Wait for a write, say when it takes too long, and take in meanwhile what comes."""
        self._progressed_at = time.monotonic()
        while not (await asyncio.wait({writing}, timeout=_COMMIT_INTERVAL_S))[0]:
            if time.monotonic() - self._progressed_at > _PATIENCE_S:
                self._tell("the database does not answer")
            self._gather()
        writing.result()

    def _write(
        self,
        segments: list[SegmentEvent],
        titles: tuple[TitleEvent, ...],
        steps: tuple[ClockStepEvent, ...],
        blocks: tuple[PackedHops, ...],
    ) -> None:
        """In the writer's thread; in several commits, so that a backlog is not written all or nothing."""
        self._prepare()
        for first in range(0, len(segments), _SEGMENTS_A_COMMIT):
            self._record.write(segments[first : first + _SEGMENTS_A_COMMIT], ())
            self._progressed_at = time.monotonic()
        if titles or steps:
            self._record.write((), titles, steps)
        if time.monotonic() - self._pruned_at >= _PRUNE_EVERY_S:
            self._pruner.prune([station.id for station in self._hub.about.stations], time.time_ns() // 1000)
            self._pruned_at = time.monotonic()
        self._disk_is_low = self._pruner.disk_is_low()
        if self._disk_is_low:
            self.dropped_blocks += len(blocks)
            return
        for first in range(0, len(blocks), _BLOCKS_A_COMMIT):
            self._record.write_hops(blocks[first : first + _BLOCKS_A_COMMIT])

    def _prepare(self) -> None:
        """Open and recover, once each, as soon as the disk or the server lets us."""
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
        self._tell(self._record.place.hide(str(getattr(error, "orig", None) or error)))

    def _tell(self, why: str) -> None:
        if self._trouble is None:
            _log.error("timeline: cannot write (%s); keeping the newest in memory until it works again", why)
        self._trouble = why

    def _recover(self) -> None:
        self._failures = 0
        if self._trouble is not None:
            _log.warning("timeline: writing works again")
            self._trouble = None
