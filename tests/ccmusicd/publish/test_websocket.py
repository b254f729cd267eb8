"""WebSocket clients, good and bad, against a real server on a free port."""

import asyncio
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ccmusicd.events import ColumnsEvent, HopEvent, LevelEvent, SegmentEvent, StatusEvent, TitleEvent
from ccmusicd.hub import Hub, StationInfo
from ccmusicd.publish.access import Access
from ccmusicd.publish.connection import BoundedWebSocket
from ccmusicd.publish.web import Web

Eventually = Callable[..., Awaitable[None]]

STALLED_CLIENT = """
import asyncio, sys
from websockets.asyncio.client import connect
async def main():
    async with connect(sys.argv[1], proxy=None) as client:
        await client.send('{"type": "subscribe", "topics": ["spectrogram"]}')
        await client.recv()
        print("connected", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def pauses() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
async def web(hub: Hub, tmp_path: Path, pauses: list[tuple[str, bool]]) -> AsyncIterator[Web]:
    (tmp_path / "index.html").write_text("<!doctype html>")
    web = Web(
        hub,
        host="127.0.0.1",
        port=0,
        viewer=tmp_path,
        ready=lambda: True,
        max_clients=3,
        pause=lambda station, paused: pauses.append((station, paused)),
        access=Access(allowed_origins=("https://panel.example",)),
        send_timeout_s=0.5,
    )
    await web.start()
    yield web
    await web.stop()


def address(web: Web) -> str:
    return f"ws://127.0.0.1:{web.address[1]}/ws"


def join(web: Web, **options: Any) -> connect:
    return connect(address(web), proxy=None, **options)


async def receive(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message: dict[str, Any] = json.loads(await client.recv())
        return message


async def greeted(client: ClientConnection) -> None:
    assert [(await receive(client))["type"] for _ in range(2)] == ["hello", "snapshot"]


async def command(client: ClientConnection, **fields: Any) -> None:
    await client.send(json.dumps(fields))


async def close_code(client: ClientConnection) -> int:
    """The server's code, once everything before it has been read."""
    async with asyncio.timeout(5):
        with suppress(ConnectionClosed):
            async for _ in client:
                pass
        await client.wait_closed()
    assert client.close_code is not None
    return client.close_code


async def answered(client: ClientConnection) -> None:
    """Whatever was sent before has been obeyed: commands are taken in order."""
    await client.send("[]")
    while (await receive(client))["type"] != "error":
        pass


async def test_hello_and_snapshot_come_first(web: Web, hub: Hub, make_hop: Callable[..., HopEvent]) -> None:
    hub.publish(make_hop())
    async with join(web) as client:
        hello, snapshot = await receive(client), await receive(client)
    assert (hello["type"], hello["version"]) == ("hello", 1)
    assert [station["id"] for station in hello["stations"]] == ["main", "web"]
    assert snapshot["type"] == "snapshot"
    assert snapshot["stations"]["main"]["hop"]["genre"] == "rock"


async def test_the_default_is_everything_but_level_and_spectrogram(
    web: Web,
    hub: Hub,
    make_hop: Callable[..., HopEvent],
    make_segment: Callable[..., SegmentEvent],
    make_status: Callable[..., StatusEvent],
    make_title: Callable[..., TitleEvent],
    make_level: Callable[..., LevelEvent],
    make_columns: Callable[..., ColumnsEvent],
) -> None:
    async with join(web) as client:
        await greeted(client)
        for make in (make_level, make_columns, make_hop, make_segment, make_status, make_title):
            hub.publish(make())
        assert [(await receive(client))["type"] for _ in range(4)] == ["hop", "segment", "status", "title"]


async def test_a_subscription_chooses_stations_and_topics(
    web: Web,
    hub: Hub,
    make_hop: Callable[..., HopEvent],
    make_level: Callable[..., LevelEvent],
    make_columns: Callable[..., ColumnsEvent],
) -> None:
    async with join(web) as client:
        await greeted(client)
        await command(client, type="subscribe", stations=["web"], topics=["level", "spectrogram"])
        await answered(client)
        hub.publish(make_hop("web"))
        hub.publish(make_level("main"))
        hub.publish(make_level("web"))
        hub.publish(make_columns("web", first_column=7))
        level = await receive(client)
        frame = await client.recv()
    assert (level["type"], level["station"]) == ("level", "web")
    assert frame == make_columns("web", first_column=7).to_bytes(1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "JSON object"),
        ("[1, 2]", "JSON object"),
        ("null", "JSON object"),
        ("[" * 8_000, "JSON object"),
        ('{"a":' * 3_000, "JSON object"),
        ("{}", "unknown command None"),
        ('{"type": "shutdown"}', "unknown command 'shutdown'"),
        ('{"type": ["x"]}', "unknown command"),
        ('{"type": "subscribe", "topics": ["gossip"]}', "topics must be a list of hop"),
        ('{"type": "subscribe", "topics": [["hop"]]}', "topics must be a list of hop"),
        ('{"type": "subscribe", "topics": "hop"}', "topics must be a list of hop"),
        ('{"type": "subscribe", "stations": "main"}', "stations must be a list"),
        ('{"type": "subscribe", "stations": ["nowhere"]}', "unknown station 'nowhere'"),
        ('{"type": "subscribe", "stations": [{}]}', "unknown station {}"),
        ('{"type": "pause", "station": "nowhere"}', "unknown station 'nowhere'"),
        ('{"type": "pause"}', "unknown station None"),
    ],
)
async def test_what_is_no_command_gets_an_error_and_the_connection_goes_on(
    web: Web, hub: Hub, make_hop: Callable[..., HopEvent], text: str, says: str
) -> None:
    async with join(web) as client:
        await greeted(client)
        await client.send(text)
        error = await receive(client)
        assert error["type"] == "error"
        assert says in error["message"]
        hub.publish(make_hop())
        assert (await receive(client))["type"] == "hop"


async def test_a_binary_command_gets_an_error(web: Web) -> None:
    async with join(web) as client:
        await greeted(client)
        await client.send(b"\x00\x01")
        assert "binary" in (await receive(client))["message"]


# Seen to fail without: the count of bad commands.
async def test_the_fifth_bad_command_ends_the_connection_with_1008(web: Web) -> None:
    async with join(web) as client:
        await greeted(client)
        for _ in range(5):
            await command(client, type="shutdown")
        assert await close_code(client) == 1008


@pytest.mark.parametrize("fragments", [1, 4])
async def test_an_oversize_message_ends_the_connection_with_1009(
    web: Web, fragments: int, eventually: Eventually
) -> None:
    async with join(web) as client:
        await greeted(client)
        part = "x" * (40_000 // fragments)
        await client.send(part if fragments == 1 else [part] * fragments)
        assert await close_code(client) == 1009
    await eventually(lambda: web.clients == 0)


async def test_text_that_is_no_utf8_ends_only_that_connection(web: Web, eventually: Eventually) -> None:
    async with join(web) as good, join(web) as bad:
        await greeted(good)
        await greeted(bad)
        await bad.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            await receive(bad)
        await eventually(lambda: web.clients == 1)


async def test_pause_and_resume_reach_the_station(web: Web, pauses: list[tuple[str, bool]]) -> None:
    async with join(web) as client:
        await greeted(client)
        await command(client, type="pause", station="web")
        await command(client, type="resume", station="web")
        await answered(client)
    assert pauses == [("web", True), ("web", False)]


# Seen to fail without: the look at the origin.
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "http://127.0.0.1:1"])
async def test_a_foreign_origin_is_refused_with_403(web: Web, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await join(web, origin=origin)
    assert refused.value.response.status_code == 403
    assert (web.clients, web.clients_refused) == (0, 1)


@pytest.mark.parametrize("origin", [None, "same", "https://panel.example"])
async def test_no_origin_the_same_host_and_allowed_ones_may_come(web: Web, origin: str | None) -> None:
    if origin == "same":
        origin = f"http://127.0.0.1:{web.address[1]}"
    async with join(web, origin=origin) as client:
        await greeted(client)


# Seen to fail without: the cap on clients.
async def test_above_the_cap_clients_get_503(web: Web, eventually: Eventually) -> None:
    clients = [await join(web) for _ in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        await join(web)
    assert refused.value.response.status_code == 503
    assert (web.clients, web.clients_refused) == (3, 1)
    for client in clients:
        await client.close()
    await eventually(lambda: web.clients == 0)
    async with join(web) as client:
        await greeted(client)


async def test_news_about_the_daemon_come_before_the_next_message(
    web: Web, hub: Hub, make_hop: Callable[..., HopEvent]
) -> None:
    async with join(web) as client:
        await greeted(client)
        hub.learn(device="cuda:0")
        hub.publish(make_hop())
        hub.publish(make_hop(seq=2))
        messages = [await receive(client) for _ in range(3)]
    assert [message["type"] for message in messages] == ["hello", "hop", "hop"]
    assert messages[0]["device"] == "cuda:0"


# Seen to fail without: the cut.
async def test_a_frozen_client_is_cut_and_memory_stays_flat(
    web: Web,
    hub: Hub,
    make_hop: Callable[..., HopEvent],
    make_columns: Callable[..., ColumnsEvent],
    eventually: Eventually,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STALLED_CLIENT, address(web), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"connected\n"
        async with join(web) as other:
            await greeted(other)
            process.send_signal(signal.SIGSTOP)
            before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begin = time.monotonic()
            sent = 0
            while web.clients_cut == 0:
                assert time.monotonic() - begin < 20, "the frozen client is still connected"
                hub.publish(make_columns(columns=400, first_column=sent))
                sent += 1
                await asyncio.sleep(0)
            grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
            assert sent * 400 * 84 > 20_000_000, "too little was sent to show a leak"
            assert grown_kb < 20_000
            await eventually(lambda: web.clients == 1)
            hub.publish(make_hop())
            assert (await receive(other))["type"] == "hop"
    finally:
        process.kill()
        await process.wait()


# Seen to fail without: the cut after a missing pong.
async def test_a_client_that_answers_no_ping_is_cut(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """Too little is sent to fill its buffers, so that only the missing pong shows that it is frozen."""
    monkeypatch.setattr("ccmusicd.publish.web._PING_EVERY_S", 0.2)
    monkeypatch.setattr("ccmusicd.publish.web._PONG_WITHIN_S", 0.2)
    (tmp_path / "index.html").write_text("")
    web = Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True)
    await web.start()
    async with join(web) as awake, join(web) as frozen:
        await greeted(awake)
        await greeted(frozen)
        frozen.transport.pause_reading()
        await eventually(lambda: web.clients_cut == 1)
        assert web.clients == 1
        frozen.transport.abort()
    await web.stop()


async def test_a_slow_client_keeps_the_newest_and_its_losses_are_counted(
    web: Web, hub: Hub, make_hop: Callable[..., HopEvent]
) -> None:
    async with join(web) as client:
        await greeted(client)
        for seq in range(1000):
            hub.publish(make_hop(seq=seq))
        seqs = [(await receive(client))["seq"]]
        while seqs[-1] != 999:
            seqs.append((await receive(client))["seq"])
    assert seqs == sorted(seqs)
    assert web.events_dropped == 1000 - len(seqs)
    assert web.events_dropped > 0


# Seen to fail without: the close frame.
async def test_stopping_says_1001_within_two_seconds(web: Web) -> None:
    async with join(web) as client, join(web) as other:
        await greeted(client)
        begin = time.monotonic()
        await web.stop()
        assert time.monotonic() - begin < 2
        assert await close_code(client) == await close_code(other) == 1001


async def test_a_client_that_does_not_read_does_not_delay_the_stop(
    web: Web, hub: Hub, make_columns: Callable[..., ColumnsEvent]
) -> None:
    async with connect(address(web), proxy=None, max_queue=1) as client:
        await greeted(client)
        await command(client, type="subscribe", topics=["spectrogram"])
        await answered(client)
        client.transport.pause_reading()
        for _ in range(100):
            hub.publish(make_columns(columns=400))
            await asyncio.sleep(0)
        begin = time.monotonic()
        await web.stop()
        assert time.monotonic() - begin < 2
        client.transport.abort()


async def test_stopping_does_not_wait_for_the_last_bytes_to_be_read(
    web: Web, hub: Hub, make_hop: Callable[..., HopEvent], eventually: Eventually
) -> None:
    """A little is buffered, not enough to stop the sending: the close frame goes behind it and is never taken."""
    async with connect(address(web), proxy=None, max_queue=1) as client:
        await greeted(client)
        client.transport.pause_reading()
        (session,) = web._sessions
        transport = session._connection.transport
        seq = 0
        while transport.get_write_buffer_size() == 0:
            seq += 1
            hub.publish(make_hop(seq=seq))
            await asyncio.sleep(0)
            assert seq < 100_000
        begin = time.monotonic()
        await web.stop()
        assert time.monotonic() - begin < 2
        await eventually(lambda: transport.get_extra_info("socket").fileno() == -1, within_s=1)
        client.transport.abort()


async def test_the_web_server_leaves_signals_to_the_daemon(hub: Hub, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    (tmp_path / "index.html").write_text("")
    web = Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True)
    await web.start()
    during = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    await web.stop()
    assert during == before


async def test_what_waits_for_a_client_goes_in_one_write_and_in_order(
    hub: Hub, web: Web, make_title: Callable[..., TitleEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []

    def counted(connection: BoundedWebSocket, frames: bytes) -> None:
        writes.append(bytes(frames))
        connection.transport.write(frames)

    async with join(web) as client:
        await greeted(client)
        monkeypatch.setattr(BoundedWebSocket, "send_frames", counted)
        for number in range(20):
            hub.publish(make_title(title=f"{number}"))
        heard = [(await receive(client))["title"] for _ in range(20)]
    assert heard == [str(number) for number in range(20)]
    assert len(writes) == 1


async def test_who_listens_to_a_station_that_is_taken_away_hears_of_it(
    hub: Hub, web: Web, make_title: Callable[..., TitleEvent], make_columns: Callable[..., ColumnsEvent]
) -> None:
    main = hub.about.stations[0]
    async with join(web) as everything, join(web) as of_main:
        for client in (everything, of_main):
            assert [(await receive(client))["type"] for _ in range(2)] == ["hello", "snapshot"]
        await of_main.send('{"type": "subscribe", "stations": ["main"], "topics": ["title", "spectrogram"]}')
        await everything.send('{"type": "subscribe", "topics": ["title"]}')
        await of_main.send('{"type": "nothing"}')  # whose answer says that the subscription is in force
        assert (await receive(of_main))["type"] == "error"
        hub.publish(make_title("before", station="web"))
        assert (await receive(everything))["title"] == "before"
        hub.publish(make_title("last words", station="web"))
        hub.publish(make_columns("main", first_column=7))
        hub.list_stations((StationInfo("new", "New", "demo"), main))
        assert (await receive(everything))["title"] == "last words"
        hello, gone, snapshot = [await receive(everything) for _ in range(3)]
        assert [station["id"] for station in hello["stations"]] == ["new", "main"]
        assert gone == {"type": "gone", "station": "web"}
        assert list(snapshot["stations"]) == ["new", "main"]
        # To whom it was not of interest it is no news that it went; and columns carry the station's new place.
        assert [(await receive(of_main))["type"] for _ in range(2)] == ["hello", "snapshot"]
        async with asyncio.timeout(5):
            frame = await of_main.recv()
        assert isinstance(frame, bytes)
        assert frame[2] == 1
        await everything.send('{"type": "subscribe", "stations": ["web"]}')
        assert "unknown station 'web'" in (await receive(everything))["message"]
