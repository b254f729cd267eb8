"""The main process' own parts over very many hops of an invented programme, as fast as they go."""

import asyncio
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from growth import WARM_UP, Growth
from invented import HOP_S, Programme
from mosquitto import Mosquitto
from soak_spectators import watch
from synthetic import about

from ccmusicd.hub import Hub
from ccmusicd.publish.metrics import Metrics, Traffic
from ccmusicd.publish.mqtt import Mqtt
from ccmusicd.publish.timeline import Timeline
from ccmusicd.publish.web import Web

SAMPLES = 400
SHOW_EVERY_S = 30.0
HOPS_A_TURN = 4
"""Between two turns of the event loop; no inbox is more than half full of these."""

LAST_WORDS_S = 10.0
_TRACED = 15
_spawned = multiprocessing.get_context("spawn")


def soak_stub(
    hops: int, *, most_s: float, seed: int, trace: bool = False, each_hop: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Publish so many hops, or as many as go in `most_s` seconds; `each_hop` is called after each of them."""
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name)) as broker:
        return asyncio.run(_Soak(hops, most_s, each_hop, trace=trace).run(Path(name), broker, seed))


class _Soak:
    def __init__(self, hops: int, most_s: float, each_hop: Callable[[], object], *, trace: bool) -> None:
        self._hops, self._most_s, self._each_hop, self._trace = hops, most_s, each_hop, trace
        self._growth = Growth()
        self._before: tracemalloc.Snapshot | None = None

    async def run(self, folder: Path, broker: Mosquitto, seed: int) -> dict[str, Any]:
        """Everything from start to stop, in the order of the daemon."""
        (folder / "index.html").write_text("")
        hub = Hub(about())
        begun_us = time.time_ns() // 1000 - round((self._hops + 1) * HOP_S * 2e6)
        record = folder / "timeline.sqlite"
        async with contextlib.AsyncExitStack() as stack:
            timeline = Timeline(hub, f"sqlite:///{record}")
            stack.push_async_callback(timeline.stop)
            await asyncio.to_thread(timeline.start, begun_us)
            await stack.enter_async_context(_running(timeline.run()))
            programme = Programme(hub, begun_us, seed)
            metrics = Metrics(hub, traffic=lambda: Traffic(web.clients, web.connections))
            await stack.enter_async_context(_running(metrics.run()))
            web = Web(
                hub, host="127.0.0.1", port=0, viewer=folder, ready=lambda: True, metrics=metrics.text,
                pause=lambda _station, _paused: None,
            )  # fmt: skip
            await web.start()
            stack.push_async_callback(web.stop)
            mqtt = Mqtt(hub, url=broker.url, node="soak", discovery_prefix="homeassistant")
            await stack.enter_async_context(_running(mqtt.run()))
            control, spectators = _spectate(web.url, broker.port)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, control.recv)
            processes = {"main": os.getpid(), "spectators": spectators.pid or 0}
            published, seconds = await self._publish(hub, programme, processes)
            programme.close()
            await _drained(hub)
            seen = await loop.run_in_executor(None, _told, control, programme.station.hops)
            spectators.join(LAST_WORDS_S)
        return {
            "hops": published,
            "seconds": round(seconds, 1),
            "hops_a_second": round(published / seconds, 1),
            "voted": programme.station.hops,
            "load_average": round(os.getloadavg()[0], 2),
            "record": _recorded(record),
            "record_dropped": {"segments": timeline.dropped, "blocks": timeline.dropped_blocks},
            "websocket_events_dropped": web.events_dropped,
            "seen": seen,
            "processes": self._growth.summary(),
        }

    async def _publish(self, hub: Hub, programme: Programme, processes: dict[str, int]) -> tuple[int, float]:
        begun = shown = time.monotonic()
        done = 0
        every = max(1, self._hops // SAMPLES)
        while done < self._hops and (now := time.monotonic()) - begun < self._most_s:
            for _ in range(HOPS_A_TURN):
                programme.hop()
                self._each_hop()
                done += 1
                if done % every == 0:
                    self._growth.take(done, processes)
            if now - shown >= SHOW_EVERY_S:
                shown = now
                self._growth.show(done, self._hops)
            self._look_at_memory(done)
            await _room(hub)
        if self._before is not None:
            for line in tracemalloc.take_snapshot().compare_to(self._before, "lineno")[:_TRACED]:
                sys.stderr.write(f"{line}\n")
        return done, time.monotonic() - begun

    def _look_at_memory(self, done: int) -> None:
        if self._trace and not tracemalloc.is_tracing():
            tracemalloc.start(1)
        if self._trace and self._before is None and done >= WARM_UP * self._hops:
            self._before = tracemalloc.take_snapshot()


def _spectate(url: str, broker_port: int) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    ours, theirs = _spawned.Pipe()
    process = _spawned.Process(target=watch, args=(theirs, url, broker_port), daemon=True)
    process.start()
    return ours, process


def _told(control: Connection, hops: int) -> dict[str, int] | None:
    """What the spectators saw of so many hops; None where they ended before: what processes held is told anyway."""
    try:
        control.send(hops)
        return dict(control.recv())
    except (EOFError, OSError):
        return None


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        ends = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ends[0], Exception):
        raise ends[0]


async def _room(hub: Hub) -> None:
    """Let the others do their work until every inbox is half empty at least: none is to lose anything."""
    await asyncio.sleep(0)
    while any(2 * len(inbox) > inbox.capacity for inbox in hub._inboxes):  # noqa: SLF001, ASYNC110 - nobody tells
        await asyncio.sleep(0.001)


async def _drained(hub: Hub) -> None:
    while any(len(inbox) for inbox in hub._inboxes):  # noqa: SLF001, ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


def _recorded(file: Path) -> dict[str, Any]:
    """Rows of the record, its size, and whether every microsecond of it belongs to one segment."""
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        rows = list(connection.execute(sa.text("SELECT start_us, end_us FROM segments ORDER BY start_us")))
        blocks = connection.execute(sa.text("SELECT count(*) FROM hops")).scalar_one()
        check = connection.execute(sa.text("PRAGMA integrity_check")).scalar_one()
    engine.dispose()
    covered = sum(end - start for start, end in rows)
    return {
        "segments": len(rows),
        "blocks_of_hops": blocks,
        "megabytes": round(file.stat().st_size / 1e6, 1),
        "integrity": check,
        "uncovered_us": rows[-1][1] - rows[0][0] - covered,
    }
