"""The MQTT publisher against a real Mosquitto that is killed, frozen and locked."""

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import aiomqtt
import pytest

from ccmusicd.events import HopEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import mqtt
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager["Ear"]]


class Ear:
    """What a subscriber hears: every message in order, and the newest of each topic."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self.newest: dict[str, str] = {}

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic = str(message.topic).removeprefix("ccmusic/desk/")
            payload = bytes(message.payload).decode()
            self.heard.append((topic, payload, message.retain))
            self.newest[topic] = payload

    def all(self, topic: str) -> list[str]:
        return [payload for heard, payload, _ in self.heard if heard == topic]


@pytest.fixture
def listening(broker: Any) -> Listening:
    @asynccontextmanager
    async def ear(**options: Any) -> AsyncIterator[Ear]:
        ear = Ear()
        async with aiomqtt.Client("127.0.0.1", broker.port, **options) as client:
            await client.subscribe("ccmusic/#")
            task = asyncio.create_task(ear.listen(client))
            try:
                yield ear
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    return ear


@pytest.fixture
def publishing(hub: Hub, broker: Any, monkeypatch: pytest.MonkeyPatch) -> Publishing:
    monkeypatch.setattr(mqtt, "_FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(mqtt, "_LONGEST_DELAY_S", 0.2)

    @asynccontextmanager
    async def running(**options: Any) -> AsyncIterator[Mqtt]:
        publisher = Mqtt(hub, **{"url": broker.url, "node": "desk", **options})
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return running


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
async def listening_once_started(broker: Any, listening: Listening) -> AsyncIterator[Ear]:
    """The ear is connected before the publisher's backoff lets it in: nothing that is not retained escapes it."""
    broker.start()
    async with listening() as ear:
        yield ear


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


async def test_a_wrong_password_is_said_clearly_and_tried_slowly(
    broker: Any, publishing: Publishing, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    broker.start(password=("dj", "right"))
    url = f"mqtt://dj:wr%40ng@127.0.0.1:{broker.port}"
    async with publishing(url=url) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: "))
        refused = time.monotonic()
        await asyncio.sleep(0.5)  # with the patched delays of an absent broker there would be several attempts by now
        assert time.monotonic() - refused > 0.4
    log = Path(broker._config).with_name("mosquitto.log").read_text()
    assert log.count("not authorised") == 1
    assert "uthor" in publisher.state
    assert publisher.redacted == f"mqtt://***@127.0.0.1:{broker.port}"
    assert len([record for record in caplog.records if "refuses" in record.message]) == 1
    assert "wr%40ng" not in caplog.text
    assert "wr@ng" not in caplog.text


@pytest.mark.parametrize("way", ["url", "parameters"])
async def test_the_right_password_opens(broker: Any, publishing: Publishing, eventually: Eventually, way: str) -> None:
    broker.start(password=("dj", "p@ss/w:rd"))
    options = (
        {"url": f"mqtt://dj:p%40ss%2Fw%3Ard@127.0.0.1:{broker.port}"}
        if way == "url"
        else {"username": "dj", "password": "p@ss/w:rd"}
    )
    async with publishing(**options) as publisher:
        await eventually(lambda: publisher.state == "online")


def missing(program: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is not installed")
    pytest.skip(f"{program} is not installed")


CA_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[loopback]
subjectAltName = IP:127.0.0.1
"""


def certificate(folder: Path, *, until: str) -> tuple[Path, tuple[str, ...]]:
    """A self-signed certificate for 127.0.0.1 (`until`: YYYYMMDD), and Mosquitto's lines for it."""
    openssl = shutil.which("openssl") or ""
    if not openssl:
        missing("openssl")
    (folder / "ca.cnf").write_text(CA_CONFIG)
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01")
    request = "req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=127.0.0.1"
    files = "-keyfile key.pem -in request.pem -out certificate.pem"
    dates = f"-startdate 20200101000000Z -enddate {until}000000Z"
    sign = f"ca -config ca.cnf -selfsign {files} {dates} -extensions loopback -batch -notext"
    for line in (request, sign):
        subprocess.run([openssl, *line.split()], cwd=folder, check=True, capture_output=True)
    made = folder / "certificate.pem"
    return made, (f"certfile {made}", f"keyfile {folder / 'key.pem'}")


async def test_tls_with_the_brokers_own_authority(
    broker: Any, publishing: Publishing, eventually: Eventually, tmp_path: Path
) -> None:
    authority, lines = certificate(tmp_path, until="20991231")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}", ca_file=authority) as publisher:
        await eventually(lambda: publisher.state == "online")


async def test_an_expired_certificate_is_said_clearly_and_tried_slowly(
    broker: Any, publishing: Publishing, eventually: Eventually, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority, lines = certificate(tmp_path, until="20200102")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}", ca_file=authority) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: "))
    assert publisher.state == "refused: its certificate is not valid (certificate has expired)"
    assert caplog.text.count("certificate has expired") == 1


async def test_a_certificate_nobody_vouches_for_is_refused(
    broker: Any, publishing: Publishing, eventually: Eventually, tmp_path: Path
) -> None:
    _, lines = certificate(tmp_path, until="20991231")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}") as publisher:
        await eventually(lambda: publisher.state.startswith("refused: its certificate is not valid (self"))


async def test_tls_with_a_broker_that_speaks_none_is_not_a_crash(
    broker: Any, publishing: Publishing, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    broker.start()
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}") as publisher:
        await eventually(lambda: "MQTT broker" in caplog.text)
        assert publisher.state != "online"


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
