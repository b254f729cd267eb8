"""The MQTT publisher over WebSocket: a real Mosquitto, and servers that are none."""

import asyncio
import base64
import hashlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ccmusicd.events import HopEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import broker as broker_module
from ccmusicd.publish import mqtt
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]
Certificate = Callable[..., tuple[Path, tuple[str, ...]]]
Start = Callable[..., str]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of RFC 6455, for the answer to a WebSocket's key."""


@pytest.fixture
def start(broker: Any, free_port: Callable[[], int]) -> Start:
    """Start Mosquitto with a second listener for WebSockets; the address of that."""
    port = free_port()

    def started(scheme: str = "ws", lines: tuple[str, ...] = (), **options: Any) -> str:
        broker.start(lines=(f"listener {port} 127.0.0.1", "protocol websockets", *lines), **options)
        return f"{scheme}://127.0.0.1:{port}"

    return started


async def test_it_publishes_and_obeys_over_a_websocket(
    hub: Hub,
    broker: Any,
    start: Start,
    publishing: Publishing,
    listening: Listening,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
) -> None:
    switched: list[tuple[str, bool]] = []
    url = start()
    async with (
        listening() as ear,
        publishing(
            url=f"{url}/mqtt",
            discovery_prefix="homeassistant",
            on_enabled=lambda station, on: switched.append((station, on)),
        ) as publisher,
    ):
        await eventually(lambda: publisher.state == "online")
        for seq in range(200):
            hub.publish(make_hop(seq=seq, p=0.5 + seq / 1000))
            await asyncio.sleep(0)
        await eventually(lambda: ear.newest.get("main/genres/rock") == "0.699")
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.publish("ccmusic/desk/web/enabled/set", "OFF", qos=1)
        await eventually(lambda: ear.newest["web/enabled/state"] == "OFF")
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    assert switched == [("web", False)]
    assert publisher.redacted == f"{url}/mqtt"


async def test_it_leaves_its_last_will_and_comes_back(
    broker: Any,
    start: Start,
    publishing: Publishing,
    listening: Listening,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = start()
    async with publishing(url=url) as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.kill()
        await eventually(lambda: publisher.state == "connecting")
        start()
        async with listening() as ear:
            await eventually(lambda: ear.newest.get("status") == "online" and "web/genres/rock" in ear.newest)

            async def no_farewell(_self: Mqtt, client: aiomqtt.Client) -> None:
                mqtt._shut(client)  # what the kernel does to a killed process

            monkeypatch.setattr(Mqtt, "_farewell", no_farewell)
            async with publishing(url=url, node="other") as other:
                await eventually(lambda: other.state == "online")
            await eventually(lambda: ear.newest.get("ccmusic/other/status") == "offline")


async def test_leaving_a_frozen_broker_takes_less_than_two_seconds(
    broker: Any, start: Start, publishing: Publishing, eventually: Eventually
) -> None:
    async with publishing(url=start()) as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.signal(signal.SIGSTOP)
        begin = time.monotonic()
    assert time.monotonic() - begin < 2


async def test_a_frozen_broker_is_noticed_and_its_backlog_stays_small(
    hub: Hub,
    broker: Any,
    start: Start,
    publishing: Publishing,
    make_hop: Callable[..., HopEvent],
    eventually: Eventually,
) -> None:
    async with publishing(url=start(), publish_timeout_s=0.5) as publisher:
        await eventually(lambda: publisher.state == "online")
        broker.signal(signal.SIGSTOP)
        begin, seq = time.monotonic(), 0
        while publisher.state == "online":
            assert time.monotonic() - begin < 30, "the stall was never noticed"
            for _ in range(20):
                seq += 1
                hub.publish(make_hop(seq=seq, p=seq % 900 / 1000))
            await asyncio.sleep(0.001)
        assert len(publisher._outbox) < 100


async def test_a_wrong_password_is_refused(start: Start, publishing: Publishing, eventually: Eventually) -> None:
    url = start(password=("dj", "right"))
    async with publishing(url=url, username="dj", password="wrong") as publisher:  # noqa: S106 - made up
        await eventually(lambda: publisher.state.startswith("refused: "))
    async with publishing(url=url, username="dj", password="right") as publisher:  # noqa: S106 - made up
        await eventually(lambda: publisher.state == "online")


async def test_wss_with_the_brokers_own_authority_and_with_another(
    start: Start,
    publishing: Publishing,
    listening: Listening,
    eventually: Eventually,
    certificate: Certificate,
    tmp_path: Path,
) -> None:
    authority, lines = certificate(until="20991231")
    other, _ = certificate(until="20991231", folder=tmp_path / "other")
    url = start("wss", lines)
    async with listening() as ear, publishing(url=url, ca_file=authority) as publisher:
        await eventually(lambda: publisher.state == "online")
        await eventually(lambda: ear.newest.get("status") == "online")
    async with publishing(url=url, ca_file=other) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: its certificate is not valid ("))


@contextmanager
def serving(port: int, answer: bytes) -> Iterator[None]:
    """A server that says `answer` to whoever asks, and then nothing more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(1)
            writer.write(answer)
            await reader.read()
        writer.close()

    server = asyncio.create_task(asyncio.start_server(talk, "127.0.0.1", port))
    yield
    server.result().close()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "it has no WebSocket on /mqtt (HTTP status 404)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "it has no WebSocket on /mqtt (HTTP status 200)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it has no WebSocket on /mqtt ("),
    ],
)
async def test_a_server_without_a_websocket_is_refused(
    publishing: Publishing, free_port: Callable[[], int], eventually: Eventually, answer: bytes, state: str
) -> None:
    port = free_port()
    with serving(port, answer):
        async with publishing(url=f"ws://127.0.0.1:{port}") as publisher:
            await eventually(lambda: publisher.state.startswith("refused: "))
            assert publisher.state.startswith(f"refused: {state}")


# paho leaves the socket of such a connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
async def test_an_answer_that_paho_does_not_understand_is_no_crash(
    publishing: Publishing, free_port: Callable[[], int], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = next(line.split()[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key"))
            accepted = base64.b64encode(hashlib.sha1(f"{key}{GUID}".encode(), usedforsecurity=False).digest()).decode()
            head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            writer.write(f"{head}Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept:{accepted}\r\n\r\n".encode())
            await reader.read()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with publishing(url=f"ws://127.0.0.1:{port}") as publisher:
        await eventually(lambda: "is away (its answer is not understood" in caplog.text)
        assert publisher.state == "connecting"
    server.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "is away (HTTP status 503)"),
        (b"", "is away (no answer in time)"),
    ],
)
async def test_a_proxy_without_its_broker_and_a_silent_server_are_tried_again(
    publishing: Publishing,
    free_port: Callable[[], int],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    why: str,
) -> None:
    monkeypatch.setattr(broker_module, "_CONNECT_TIMEOUT_S", 0.3)
    port = free_port()
    with serving(port, answer):
        async with publishing(url=f"ws://127.0.0.1:{port}") as publisher:
            await eventually(lambda: why in caplog.text)
            assert publisher.state == "connecting"
