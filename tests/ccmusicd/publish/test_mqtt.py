"""The MQTT publisher against a real Mosquitto: topics, last will and commands."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ccmusicd.events import HopEvent, LevelEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import mqtt
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]

RETAINED = (
    *("status", "genre", "state", "attributes", "enabled/state"),
    *("genres/classical", "genres/rock", "genres/jazz"),
)


async def command(port: int, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(f"ccmusic/desk/{topic}", payload, qos=1, retain=retain)


async def test_everything_stands_on_its_topic(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    make_segment: Callable[..., SegmentEvent],
    make_status: Callable[..., StatusEvent],
    make_level: Callable[..., LevelEvent],
    eventually: Eventually,
) -> None:
    broker.start()
    async with listening() as ear, publishing() as publisher:
        await eventually(lambda: ear.newest.get("status") == "online")
        await eventually(lambda: publisher.state == "online")
        hub.publish(make_level(rms_dbfs=-20.0))
        hub.publish(make_status(title="A song"))
        hub.publish(make_status("web", state="no_signal"))
        hub.publish(make_hop())
        hub.publish(make_segment("new"))
        await eventually(lambda: ear.newest.get("main/genre") == "rock" and "main/event" in ear.newest)
        await eventually(lambda: ear.newest["web/status"] == "offline")
    assert set(ear.newest) == {
        "status",
        "info",
        "main/probs",
        "main/event",
        "main/level",
        *(f"{station}/{topic}" for station in ("main", "web") for topic in RETAINED),
    }
    assert ear.newest["main/level"] == "-20.0"
    assert json.loads(ear.newest["main/probs"])["trained"] is True
    assert json.loads(ear.newest["main/event"])["type"] == "new"
    assert ear.all("main/genres/rock") == ["0.000", "0.800"]


async def test_a_trained_bundle_is_never_told_as_an_untrained_one(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with listening() as ear, publishing():
        await eventually(lambda: "main/state" in ear.newest)  # before a hop or a status came
        assert json.loads(ear.newest["main/state"])["trained"] is True


async def test_a_newcomer_finds_the_retained_and_only_that(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    make_segment: Callable[..., SegmentEvent],
    make_status: Callable[..., StatusEvent],
    make_level: Callable[..., LevelEvent],
    eventually: Eventually,
) -> None:
    every = {"status", "info", *(f"{station}/{topic}" for station in ("main", "web") for topic in RETAINED)}
    broker.start()
    async with listening() as first, publishing():
        await eventually(lambda: first.newest.get("status") == "online")
        hub.publish(make_level())
        hub.publish(make_status())
        hub.publish(make_hop())
        hub.publish(make_segment())
        await eventually(lambda: first.newest.get("main/genre") == "rock")
        await eventually(lambda: {"main/probs", "main/event", "main/level"} <= set(first.newest))
        async with listening() as second:
            await eventually(lambda: set(second.newest) >= every)
            assert all(retained for _, _, retained in second.heard)
            assert set(second.newest) == every


async def test_what_an_earlier_configuration_left_is_taken_back(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    for topic in ("gone/status", "gone/genres/polka", "gone/enabled/state", "main/genres/polka", "main/notices"):
        await command(broker.port, topic, "old", retain=True)
    await command(broker.port, "gone/own/notes", "mine", retain=True)
    await command(broker.port, "../other/main/status", "online", retain=True)
    switched: list[tuple[str, bool]] = []
    async with listening() as ear, publishing(on_enabled=lambda *what: switched.append(what)) as publisher:
        await eventually(lambda: publisher.state == "online" and len(ear.newest) > len(RETAINED))
        await eventually(lambda: "old" not in ear.newest.values())
        await command(broker.port, "web/enabled/set", "OFF")  # commands are heard meanwhile
        await eventually(lambda: switched == [("web", False)])
    async with listening() as ear:
        await eventually(lambda: "../other/main/status" in ear.newest and "gone/own/notes" in ear.newest)
        # What this node never says is not its to take back.
        assert {topic for topic in ear.newest if "gone" in topic or "polka" in topic} == {"gone/own/notes"}
        assert "main/notices" not in ear.newest


async def test_the_broker_knows_the_node_by_one_name_and_hears_all_but_its_status_once(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    make_hop: Callable[..., HopEvent],
    make_status: Callable[..., StatusEvent],
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """QoS 1 (q1) is for the node's status alone: what else gets lost is said anew soon, and never late."""
    log = tmp_path / "mosquitto.log"
    broker.start(lines=("log_type all",))
    for _ in range(2):
        async with publishing() as publisher:
            await eventually(lambda publisher=publisher: publisher.state == "online")
            hub.publish(make_hop())
            hub.publish(make_status())
            await eventually(lambda: "desk/main/probs'" in log.read_text())
    text = log.read_text()
    assert len(re.findall(r" as ccmusic-desk \(p2, c1, k30\)", text)) == 2
    published = re.findall(r"Received PUBLISH from ccmusic-desk \(d0, q(\d), r(\d), m\d+, 'ccmusic/desk/(\S+)'", text)
    assert {topic for qos, _, topic in published if qos != "0"} == {"status"}
    assert {topic for _, retained, topic in published if retained == "0"} == {"main/probs"}


async def test_a_value_that_stays_is_not_said_again(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
) -> None:
    broker.start()
    async with listening() as ear, publishing():
        await eventually(lambda: ear.newest.get("status") == "online")
        for seq in range(5):
            hub.publish(make_hop(seq=seq))
            await eventually(lambda seq=seq: len(ear.all("main/probs")) == seq + 1)
    assert ear.all("main/genres/rock") == ["0.000", "0.800"]
    assert ear.all("main/genre") == ["none", "rock"]


# Seen to fail without: the farewell.
async def test_leaving_says_offline_within_two_seconds(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    broker.start()
    async with listening() as ear:
        async with publishing():
            await eventually(lambda: ear.newest.get("status") == "online")
            begin = time.monotonic()
        assert time.monotonic() - begin < 2
        await eventually(lambda: ear.newest["status"] == "offline")
        await eventually(lambda: ear.newest["main/status"] == "offline")
    assert ear.all("status") == ["online", "offline"]


async def test_a_lost_cancellation_does_not_keep_the_node_from_leaving(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` of Python 3.11 loses it when the broker answers at that moment."""

    async def deaf(*_: object) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    monkeypatch.setattr(mqtt, "sweep", deaf)
    broker.start()
    async with listening() as ear:
        async with publishing() as publisher:
            await eventually(lambda: publisher.state == "online")
            begun = time.monotonic()
        assert time.monotonic() - begun < 2
        await eventually(lambda: ear.newest["status"] == "offline")


async def test_the_last_words_of_a_station_are_heard(
    hub: Hub,
    broker: Any,
    publishing: Publishing,
    listening: Listening,
    make_segment: Callable[..., SegmentEvent],
    eventually: Eventually,
) -> None:
    broker.start()
    async with listening() as ear:
        async with publishing() as publisher:
            await eventually(lambda: publisher.state == "online")
            hub.publish(make_segment("end"))
        await eventually(lambda: "main/event" in ear.newest and ear.newest["status"] == "offline")
    assert [topic for topic, _, _ in ear.heard].index("main/event") < len(ear.heard) - 1


async def test_a_daemon_that_dies_leaves_its_last_will(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.start()

    async def no_farewell(_self: Mqtt, client: aiomqtt.Client) -> None:
        mqtt._shut(client)  # what the kernel does to a killed process

    monkeypatch.setattr(Mqtt, "_farewell", no_farewell)
    async with listening() as ear:
        async with publishing():
            await eventually(lambda: ear.newest.get("status") == "online")
        await eventually(lambda: ear.newest["status"] == "offline")


async def test_stations_are_switched_by_command(
    broker: Any, publishing: Publishing, listening: Listening, eventually: Eventually
) -> None:
    switched: list[tuple[str, bool]] = []
    broker.start()
    async with (
        listening() as ear,
        publishing(on_enabled=lambda station, on: switched.append((station, on))) as publisher,
    ):
        await eventually(lambda: publisher.state == "online")
        assert ear.newest["web/enabled/state"] == "ON"
        await command(broker.port, "web/enabled/set", "OFF")
        await eventually(lambda: ear.newest["web/enabled/state"] == "OFF")
        await command(broker.port, "web/enabled/set", "ON")
        await eventually(lambda: ear.newest["web/enabled/state"] == "ON")
    assert switched == [("web", False), ("web", True)]


# Seen to fail without: the refusal of retained commands.
async def test_bad_commands_are_ignored_and_logged_once(
    broker: Any, publishing: Publishing, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    switched: list[tuple[str, bool]] = []
    broker.start()
    await command(broker.port, "web/enabled/set", "OFF", retain=True)
    caplog.set_level(logging.WARNING)
    async with publishing(on_enabled=lambda station, on: switched.append((station, on))) as publisher:
        await eventually(lambda: publisher.state == "online")
        for payload in (b"\xff\x00", b"on", b"", b"x" * 2_000_000):
            await command(broker.port, "main/enabled/set", payload)
        await command(broker.port, "nowhere/enabled/set", "ON")
        await command(broker.port, "main/enabled/set", "ON")
        await eventually(lambda: switched)
    assert switched == [("main", True)]
    ignored = [record.message for record in caplog.records if "is ignored" in record.message]
    assert len(ignored) == 3
    assert "retained" in ignored[0]
    assert "neither ON nor OFF" in ignored[1]
    assert "does not exist" in ignored[2]


async def test_a_bad_node_root_or_certificate_is_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(TopicError, match="a/b"):
        Mqtt(hub, url="mqtt://host", node="a/b")
    with pytest.raises(TopicError, match="#"):
        Mqtt(hub, url="mqtt://host", node="desk", root="#")
    with pytest.raises(TopicError, match=r"nothing\.pem"):
        Mqtt(hub, url="mqtts://host", node="desk", ca_file=tmp_path / "nothing.pem")
    with pytest.raises(TopicError, match="home/assistant"):
        Mqtt(hub, url="mqtt://host", node="desk", discovery_prefix="home/assistant")
