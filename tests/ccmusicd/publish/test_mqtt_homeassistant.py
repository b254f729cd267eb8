"""The announcements to Home Assistant on a real Mosquitto: retained, repeated, and taken back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ccmusicd.hub import About, Hub
from ccmusicd.publish import sweep
from ccmusicd.publish.homeassistant import HomeAssistant
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]

MAIN = "homeassistant/device/ccmusic_desk_main/config"
WEB = "homeassistant/device/ccmusic_desk_web/config"


async def say(port: int, topic: str, payload: str, *, retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(topic, payload, qos=1, retain=retain)


async def test_each_station_is_announced_by_one_retained_message(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with publishing(discovery_prefix="homeassistant") as publisher:
        await eventually(lambda: publisher.state == "online")
        async with listening("homeassistant/#") as ear:
            await eventually(lambda: set(ear.newest) == {MAIN, WEB})
            assert all(retained for _, _, retained in ear.heard)
            assert json.loads(ear.newest[WEB])["device"]["name"] == "Web stream"


async def test_without_discovery_nothing_is_announced_or_taken_back(
    about: About, broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    gone = HomeAssistant("homeassistant", "ccmusic", "desk").announcement(about.stations[0], about)
    await say(broker.port, "homeassistant/device/ccmusic_desk_gone/config", gone, retain=True)
    async with listening("homeassistant/#") as ear:
        async with publishing() as publisher:
            await eventually(lambda: publisher.state == "online")
            await say(broker.port, "homeassistant/status", "online")
            await eventually(lambda: "homeassistant/status" in ear.newest)
        assert {topic for topic, _, _ in ear.heard} == {
            "homeassistant/status",
            "homeassistant/device/ccmusic_desk_gone/config",
        }
        assert ear.newest["homeassistant/device/ccmusic_desk_gone/config"] == gone


async def test_they_are_repeated_when_home_assistant_says_that_it_is_born(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with listening("homeassistant/#", "ccmusic/#") as ear, publishing(discovery_prefix="homeassistant") as node:
        await eventually(lambda: node.state == "online" and len(ear.all(WEB)) == 1)
        states = len(ear.all("main/state"))
        await say(broker.port, "homeassistant/status", "offline")
        await say(broker.port, "homeassistant/status", "online")
        await eventually(lambda: len(ear.all(MAIN)) == len(ear.all(WEB)) == 2)
        assert ear.all(MAIN)[0] == ear.all(MAIN)[1]
        assert len(ear.all("main/state")) == states  # it reads those from what is retained


async def test_a_birth_that_is_retained_is_an_old_one(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    await say(broker.port, "homeassistant/status", "online", retain=True)
    async with listening("homeassistant/#", "ccmusic/#") as ear, publishing(discovery_prefix="homeassistant") as node:
        await eventually(lambda: node.state == "online" and len(ear.all(WEB)) == 1)
        await say(broker.port, "homeassistant/status", "online", retain=True)
        await eventually(lambda: len(ear.all(WEB)) == 2)


async def test_a_broker_that_forgot_them_hears_them_again(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with publishing(discovery_prefix="homeassistant") as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.kill()
        await eventually(lambda: publisher.state == "connecting")
        broker.start()  # without persistence
        async with listening("homeassistant/#") as ear:
            await eventually(lambda: {MAIN, WEB} <= set(ear.newest))


async def test_a_station_that_is_no_longer_configured_is_taken_back_and_no_one_elses(
    about: About, broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    foreign = {
        "homeassistant/device/fridge/config": '{"device": {"identifiers": ["fridge"]}}',
        "homeassistant/device/ccmusic_desk_fridge/config": '{"origin": {"name": "another program"}}',
        "homeassistant/sensor/ccmusic_desk_web/config": "{}",
    }
    for topic, payload in foreign.items():
        await say(broker.port, topic, payload, retain=True)
    for node in ("desk", "desk_two", "attic"):
        async with publishing(node=node, discovery_prefix="homeassistant") as publisher:
            await eventually(lambda publisher=publisher: publisher.state == "online")
    async with listening("homeassistant/#") as before:
        await eventually(lambda: len(before.newest) == 9)
    fewer = Hub(replace(about, stations=about.stations[:1]))
    async with listening("homeassistant/#") as ear, publishing(of=fewer, discovery_prefix="homeassistant"):
        await eventually(lambda: ear.newest.get(WEB) == "")
        async with listening("homeassistant/#") as after:
            await eventually(lambda: len(after.newest) == 8)
            await asyncio.sleep(0.2)
            assert set(after.newest) == set(before.newest) - {WEB}
            assert foreign.items() <= after.newest.items()


async def test_many_devices_of_others_neither_hide_a_lost_station_nor_a_command(
    about: About, broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    switched: list[str] = []
    broker.start()
    lost = HomeAssistant("homeassistant", "ccmusic", "desk").announcement(about.stations[0], about)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for number in range(500):
            topic = f"homeassistant/device/device{number}/config"
            await client.publish(topic, json.dumps({"filler": "x" * 3000}), retain=True)
        await client.publish("homeassistant/device/ccmusic_desk_zzz/config", lost, qos=1, retain=True)
    async with (
        listening("homeassistant/device/ccmusic_desk_zzz/config") as ear,
        publishing(
            discovery_prefix="homeassistant", on_enabled=lambda station, _: switched.append(station)
        ) as publisher,
    ):
        await eventually(lambda: publisher.state == "online")
        await say(broker.port, "ccmusic/desk/web/enabled/set", "OFF")
        await eventually(lambda: switched == ["web"])
        await eventually(lambda: ear.newest.get("homeassistant/device/ccmusic_desk_zzz/config") == "")


async def test_it_listens_to_other_devices_for_a_moment_only(
    broker: Any, publishing: Publishing, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sweep, "_LOOKS_FOR_S", 0.1)
    broker.start(lines=("log_type all",))
    async with publishing(discovery_prefix="homeassistant") as publisher:
        await eventually(lambda: "UNSUBSCRIBE from ccmusic-desk" in (tmp_path / "mosquitto.log").read_text())
        await asyncio.sleep(0.1)
        assert publisher.state == "online"


async def test_a_prefix_of_ones_own_is_used(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with listening("ha/#") as ear, publishing(discovery_prefix="ha"):
        await eventually(lambda: "ha/device/ccmusic_desk_web/config" in ear.newest)
        await say(broker.port, "homeassistant/status", "online")
        await eventually(lambda: len(ear.all("ha/device/ccmusic_desk_web/config")) == 2)
        await say(broker.port, "ha/status", "online")
        await eventually(lambda: len(ear.all("ha/device/ccmusic_desk_web/config")) == 3)
