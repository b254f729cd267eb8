"""The timeline on a PostgreSQL that is away, comes back, falls silent or does not want us."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest

from ccmusicd.events import HopEvent, SegmentEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import timeline as module
from ccmusicd.publish.errors import BusyRecordError, RecordError
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.timeline import Timeline

NOON_US = 1_769_860_800_000_000

Eventually = Callable[..., Awaitable[None]]
Keeping = Callable[..., AbstractAsyncContextManager[Timeline]]
MakeSegment = Callable[..., SegmentEvent]


@pytest.fixture
def keeping(hub: Hub, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Keeping:
    monkeypatch.setattr(module, "_COMMIT_INTERVAL_S", 0.02)

    @asynccontextmanager
    async def running(url: str = postgres_url) -> AsyncIterator[Timeline]:
        timeline = Timeline(hub, url)
        timeline.start(NOON_US)
        task = asyncio.create_task(timeline.run())
        try:
            yield timeline
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await timeline.stop()

    return running


async def test_a_server_that_is_away_at_the_start_is_waited_for(
    hub: Hub,
    keeping: Keeping,
    postgres_server: Any,
    make_segment: MakeSegment,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
    postgres_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    postgres_server.stop()
    try:
        async with keeping() as timeline:
            assert "Connection refused" in timeline.state
            assert "\n" not in timeline.state
            for start in range(30):
                hub.publish(make_segment("end", start, start + 1))
                hub.publish(make_hop(seq=start * 10))
            await asyncio.sleep(0.1)  # at least one write fails
            await asyncio.to_thread(postgres_server.start)
            await eventually(lambda: timeline.state == "ok")
    finally:
        postgres_server.stop()
        postgres_server.start()
    with RecordReader(postgres_url) as reader:
        assert reader.count() == 30
        assert sum(len(block) for block in reader.hops("main")) == 30
    assert postgres_server.PASSWORD not in caplog.text + timeline.state
    assert caplog.text.count("cannot write") == 1
    assert caplog.text.count("writing works again") == 1


async def test_a_server_that_is_started_anew_costs_nothing(
    hub: Hub,
    keeping: Keeping,
    postgres_server: Any,
    make_segment: MakeSegment,
    eventually: Eventually,
    postgres_url: str,
) -> None:
    async with keeping() as timeline:
        hub.publish(make_segment("end", 0, 1))
        await eventually(lambda: len(timeline.segments()) == 1)
        await asyncio.to_thread(postgres_server.stop)
        for start in range(1, 40):
            hub.publish(make_segment("end", start, start + 1))
        await eventually(lambda: timeline.state != "ok")
        with pytest.raises(BusyRecordError, match="cannot be read now: ") as away:
            RecordReader(postgres_url)
        assert away.value.exit_code == 75
        assert postgres_server.PASSWORD not in str(away.value)
        await asyncio.to_thread(postgres_server.start)
        await eventually(lambda: timeline.state == "ok")
        rows = timeline.segments()
    assert len(rows) == 40
    assert all(before.end_us == after.start_us for before, after in pairwise(rows))


async def test_a_refused_password_is_told_without_it(
    hub: Hub, keeping: Keeping, postgres_url: str, make_segment: MakeSegment, caplog: pytest.LogCaptureFixture
) -> None:
    async with keeping(postgres_url.replace(":hush-hush@", ":hush-wrong@")) as timeline:
        hub.publish(make_segment("end", 0, 1))
        await asyncio.sleep(0.1)
        assert "password authentication failed" in timeline.state
        assert "hush" not in timeline.state
    assert "hush" not in caplog.text


async def test_a_server_that_falls_silent_is_told_and_holds_nobody(
    hub: Hub,
    keeping: Keeping,
    postgres_server: Any,
    make_segment: MakeSegment,
    eventually: Eventually,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    stopped: list[int] = []
    try:
        async with keeping() as timeline:
            hub.publish(make_segment("end", 0, 1))
            await eventually(lambda: len(timeline.segments()) == 1)
            name = postgres_url.rpartition("/")[2]
            for pid, of in postgres_server.ask("SELECT pid, datname FROM pg_stat_activity", "postgres"):
                if of != name:
                    continue
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            hub.publish(make_segment("end", 1, 2))
            await eventually(lambda: timeline.state == "degraded: the database does not answer")
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    # The writer's thread is gone: Python would wait for it at its end.
    await eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("timeline")])


async def test_another_programs_or_a_newer_database_stops_the_start(
    hub: Hub, postgres_server: Any, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    with pytest.raises(RecordError, match=r"postgresql://127\.0\.0\.1:\d+/test_\d+ is a database, but holds no"):
        RecordReader(postgres_url)
    postgres_server.ask("CREATE TABLE record_version AS SELECT 99 AS version", name)
    with pytest.raises(RecordError, match=r"test_\d+ has schema version 99, written by a newer ccmusicd") as refused:
        Timeline(hub, postgres_url)
    assert refused.value.exit_code == 78
