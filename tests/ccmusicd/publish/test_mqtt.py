"""The MQTT publisher against a real Mosquitto: topics, last will and commands."""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ccmusicd.events import HopEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import mqtt
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]


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
    eventually: Eventually,
) -> None:
    broker.start()
    async with listening() as ear, publishing() as publisher:
        await eventually(lambda: ear.newest.get("status") == "online")
        await eventually(lambda: publisher.state == "online")
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
        *(
            f"{station}/{topic}"
            for station in ("main", "web")
            for topic in ("status", "state", "genre", "enabled/state", "genres/classical", "genres/rock", "genres/jazz")
        ),
    }
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
    eventually: Eventually,
) -> None:
    broker.start()
    async with listening() as first, publishing():
        await eventually(lambda: first.newest.get("status") == "online")
        hub.publish(make_hop())
        hub.publish(make_segment())
        await eventually(lambda: first.newest.get("main/genre") == "rock" and "main/event" in first.newest)
        async with listening() as second:
            await eventually(lambda: second.newest.get("main/genre") == "rock" and "status" in second.newest)
            assert all(retained for _, _, retained in second.heard)
            assert "main/probs" not in second.newest
            assert "main/event" not in second.newest


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


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "http://host",
        "mqtt://",
        "mqtt://dj:secret@",
        "mqtt://dj:secret@host:99999",
        "mqtt://dj:secret@host/x",
    ],
)
async def test_a_bad_address_is_refused_without_its_secret(hub: Hub, url: str) -> None:
    with pytest.raises(TopicError, match="it must be mqtt://") as refused:
        Mqtt(hub, url=url, node="desk")
    assert "secret" not in str(refused.value)


async def test_a_bad_node_root_or_certificate_is_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(TopicError, match="a/b"):
        Mqtt(hub, url="mqtt://host", node="a/b")
    with pytest.raises(TopicError, match="#"):
        Mqtt(hub, url="mqtt://host", node="desk", root="#")
    with pytest.raises(TopicError, match=r"nothing\.pem"):
        Mqtt(hub, url="mqtts://host", node="desk", ca_file=tmp_path / "nothing.pem")


async def test_the_ports_are_those_of_mqtt(hub: Hub) -> None:
    assert Mqtt(hub, url="mqtt://host", node="desk").redacted == "mqtt://host:1883"
    assert Mqtt(hub, url="mqtts://u:p@[::1]", node="desk").redacted == "mqtts://***@[::1]:8883"
