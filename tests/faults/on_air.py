"""A station with a real source, whose networks, a stub, hear jazz in everything: what it tells while that fails."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccmusic_stream.geometry import BINS, HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.labels import Label, Labels
from ccmusicd.analyzer import Analyzer
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.process import Capture
from ccmusicd.capture.spec import parse_spec
from ccmusicd.events import Event, HopEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import About, Hub, StationInfo
from ccmusicd.jobs import Answer, ModelAnswer
from ccmusicd.onair import DecisionOptions
from ccmusicd.station import Station
from ccmusicd.stationplan import StationOptions

HOP_COLUMNS = 11
TICK_S = 0.1
QUICKLY = DecisionOptions(time_constant_s=0.5, hold_s=0.5, least_heard_s=0.5)
LABELS = Labels([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])
ABOUT = About("node", "light", trained=True, labels=LABELS, models=(), stations=(StationInfo("main", "", ""),))


class OnAir:
    """The station, its capture, and everything that was told, with the time at which it was."""

    def __init__(self, source: str, **options: Any) -> None:
        self.hub = Hub(ABOUT)
        self.told: list[tuple[float, Event]] = []
        self._inbox = self.hub.subscribe(("hop", "segment", "status"), capacity=100_000)
        self._analyzer = Analyzer([Path("nowhere")], hop_columns=HOP_COLUMNS, on_ready=lambda _: None)
        self._analyzer.state = "running"
        self.clock_set_s = 0.0  # by how much the system clock was set
        self.station = Station(
            StationOptions("main", source, decision=QUICKLY), self.hub, self._analyzer, utc_us=self.utc_us
        )
        quick = {"backoff_s": 0.1, "backoff_max_s": 0.5, "grace_s": 0.5, "open_timeout_s": 8.0}
        jitter = random.Random(1)  # noqa: S311
        self.capture = Capture(parse_spec(source), CaptureOptions(**(quick | options)), self.station, rng=jitter)

    async def run(self) -> None:
        """Listen, vote, and look at the clock, as the daemon does."""
        capturing = asyncio.create_task(self.capture.run())
        try:
            while True:
                while self.station.overdue_s() >= 0:
                    self._vote()
                self.station.tick()
                self.station.publish_status()
                self.told += [(time.monotonic(), event) for event in self._inbox.drain()]
                await asyncio.sleep(TICK_S)
        finally:
            capturing.cancel()
            await asyncio.gather(capturing, return_exceptions=True)

    def _vote(self) -> None:
        job = self.station.next_job()
        columns = len(job.samples) // HOP_LENGTH
        vote = ModelAnswer(np.array([0.9, 0.1]), 1.0, None)
        self.station.answered(job, Answer({"ear": vote}, bytes(columns * sum(BINS.values())), 0.001))

    def utc_us(self) -> int:
        """What the system clock says."""
        return time.time_ns() // 1000 + round(self.clock_set_s * 1e6)

    @property
    def status(self) -> StatusEvent:
        """The newest."""
        return next(event for _, event in reversed(self.told) if isinstance(event, StatusEvent))

    @property
    def genre(self) -> str | None:
        """What is shown: of the newest hop, unless the hub took it back."""
        hop = self.hub.latest["main"].hop
        return None if hop is None else hop.genre

    @property
    def errors(self) -> list[str]:
        """Why the source was away, each time it was said."""
        return [event.source_error for _, event in self.told if isinstance(event, StatusEvent) and event.source_error]

    def hops_since(self, moment: float) -> list[HopEvent]:
        """Hops told after a moment of monotonic time."""
        return [event for at, event in self.told if at > moment and isinstance(event, HopEvent)]

    def segments(self) -> list[SegmentEvent]:
        """The last word on each segment."""
        return list({event.id: event for _, event in self.told if isinstance(event, SegmentEvent)}.values())

    async def until(self, condition: Callable[[], object], within_s: float = 15.0) -> float:
        """Wait for a condition; how long it took, in seconds."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() - begin > within_s:
                pytest.fail(f"not within {within_s:g} s; {self.status}")
            await asyncio.sleep(0.02)
        return time.monotonic() - begin

    async def sound(self, within_s: float = 20.0) -> None:
        """Wait until jazz is shown."""
        await self.until(lambda: self.genre == "jazz" and self.status.state == "music", within_s)

    def adds_up(self) -> None:
        """The segments have no hole, lost sound is among them, and what was lost is counted as a gap."""
        self.station.close()
        self.told += [(time.monotonic(), event) for event in self._inbox.drain()]
        found = self.segments()
        assert all(before.end_us == after.start_us for before, after in itertools.pairwise(found))
        heard = list(itertools.dropwhile(lambda part: part.kind != "music", found))  # before it, nothing was to be lost
        lost_s = sum(part.end_us - part.start_us for part in heard if part.kind == "no_signal") / 1e6
        assert lost_s > 0
        assert self.status.gap_samples / SAMPLE_RATE == pytest.approx(lost_s, abs=1.0)


@asynccontextmanager
async def on_air(source: str, **options: Any) -> AsyncIterator[OnAir]:
    """A station on air until the end of the block."""
    running = OnAir(source, **options)
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
