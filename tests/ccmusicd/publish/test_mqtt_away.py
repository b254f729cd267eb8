"""The MQTT publisher while its broker is absent, killed, frozen or silent."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from ccmusicd.events import HopEvent, LevelEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]


# Seen to fail without: the trying again.
async def test_without_a_broker_at_boot_it_connects_later_with_the_newest(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with publishing() as publisher:
        for seq in range(3000):
            hub.publish(make_hop(seq=seq, p=0.5 + seq % 100 / 200))
            if seq % 100 == 0:
                await asyncio.sleep(0)
        hub.publish(make_hop(seq=3000, p=0.777))
        await eventually(lambda: "is away" in caplog.text)
        assert publisher.state == "connecting"
        assert len(publisher._outbox) < 100
        broker.start()
        async with listening() as ear:
            await eventually(lambda: ear.newest.get("main/genres/rock") == "0.777" and "status" in ear.newest)
            assert len(ear.all("main/genres/rock")) == 1
    assert len([record for record in caplog.records if "is away" in record.message]) <= 2


async def test_the_level_of_a_sound_that_ended_meanwhile_is_not_told_late(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_level: Callable[..., LevelEvent],
    make_status: Callable[..., StatusEvent],
    eventually: Eventually,
) -> None:
    async with publishing():
        await asyncio.sleep(0)
        for station in ("main", "web"):
            hub.publish(make_level(station))
            hub.publish(make_status(station))
        hub.publish(make_status("main", state="no_signal"))
        async with listening_once_started(broker, listening) as ear:
            await eventually(lambda: ear.newest.get("status") == "online")
            assert "web/level" in ear.newest
            assert "main/level" not in ear.newest


# Seen to fail without: the repeating of what is retained.
async def test_a_killed_broker_that_comes_back_hears_everything_retained_again(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
) -> None:
    broker.start()
    async with publishing() as publisher:
        await eventually(lambda: publisher.state == "online")
        hub.publish(make_hop())
        broker.kill()
        await eventually(lambda: publisher.state == "connecting")
        hub.publish(make_hop(seq=2, genre="jazz"))
        broker.start()  # without persistence: it has forgotten everything
        async with listening() as ear:
            await eventually(lambda: ear.newest.get("main/genre") == "jazz" and ear.newest.get("status") == "online")
            await eventually(lambda: {"info", "web/state", "web/genres/rock", "main/enabled/state"} <= set(ear.newest))


async def test_events_that_nobody_hears_are_bounded_and_keep_the_newest(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_segment: Callable[..., SegmentEvent],
    eventually: Eventually,
) -> None:
    async with publishing() as publisher:
        await asyncio.sleep(0)
        for number in range(400):
            for change in ("new", "update", "update", "end"):
                hub.publish(make_segment(change, number, number + 1))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(publisher._outbox) < 300
        async with listening_once_started(broker, listening) as ear:
            await eventually(lambda: json.loads(ear.newest.get("main/event", "{}")).get("type") == "end")
            last = make_segment("end", 399, 400)
            await eventually(lambda: json.loads(ear.newest["main/event"])["id"] == last.id)


@asynccontextmanager
async def listening_once_started(broker: Any, listening: Listening) -> AsyncIterator[Any]:
    """The ear is connected before the publisher's backoff lets it in: nothing that is not retained escapes it."""
    broker.start()
    async with listening() as ear:
        yield ear


# Seen to fail without: the time limit on publishing.
async def test_a_frozen_broker_neither_blocks_nor_grows(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
) -> None:
    broker.start()
    async with publishing(publish_timeout_s=0.5) as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.signal(signal.SIGSTOP)
        begin, slowest, seq = time.monotonic(), 0.0, 0
        while publisher.state == "online":
            assert time.monotonic() - begin < 30, "the stall was never noticed"
            beat = time.monotonic()
            for _ in range(20):
                seq += 1
                hub.publish(make_hop(seq=seq, p=seq % 900 / 1000))
            await asyncio.sleep(0.001)
            slowest = max(slowest, time.monotonic() - beat)
        assert len(publisher._outbox) < 100
        assert slowest < 0.5
        broker.signal(signal.SIGCONT)
        hub.publish(make_hop(seq=seq + 1, p=0.999))
        async with listening() as ear:
            await eventually(lambda: ear.newest.get("main/genres/rock") == "0.999" and ear.newest["status"] == "online")


async def test_leaving_a_frozen_broker_takes_less_than_two_seconds(
    broker: Any, publishing: Publishing, eventually: Eventually
) -> None:
    broker.start()
    async with publishing() as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.signal(signal.SIGSTOP)
        begin = time.monotonic()
    assert time.monotonic() - begin < 2


async def test_a_broker_that_accepts_and_is_silent_is_given_up(
    publishing: Publishing, free_port: Callable[[], int], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(silent, "127.0.0.1", port)
    async with publishing(url=f"mqtt://127.0.0.1:{port}", publish_timeout_s=0.3) as publisher:
        await eventually(lambda: "timed out" in caplog.text)
        assert publisher.state == "connecting"
    server.close()
    await server.wait_closed()


ACCEPTED = bytes([0x20, 2, 0, 0])
MESSAGE_ON_NO_TOPIC = b"\x30\x04\x00\x02\xff\xfe"


async def test_broker_that_sends_what_is_no_mqtt_is_left_and_tried_again(
    publishing: Publishing,
    free_port: Callable[[], int],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connected: list[bool] = []

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            if await reader.read(2):
                connected.append(True)
                writer.write(ACCEPTED + MESSAGE_ON_NO_TOPIC)
                await reader.read()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(broken, "127.0.0.1", port)
    async with publishing(url=f"mqtt://127.0.0.1:{port}") as publisher:
        await eventually(lambda: len(connected) > 1)
        assert publisher.state != "online"
    server.close()
    await server.wait_closed()
    told = [record.getMessage() for record in caplog.records if "is no MQTT" in record.getMessage()]
    assert len(told) == 1
    assert not [record for record in caplog.records if record.name == "asyncio"]
