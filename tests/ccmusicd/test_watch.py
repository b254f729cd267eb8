"""`ccmusicd watch` against a real web server: in a pipe, in a terminal, and when nothing is there."""

import asyncio
import io
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import HopEvent, Level, ModelVote, NoticeEvent, StatusEvent
from ccmusicd.hub import About, Hub, StationInfo
from ccmusicd.publish.access import Access
from ccmusicd.publish.web import Web
from ccmusicd.watch import AddressError, TokenError, WatchError, line, plain, read_token, watch, websocket_address


def hop(seq: int = 1, **fields: Any) -> HopEvent:
    usual: dict[str, Any] = {
        "station": "main",
        "seq": seq,
        "end_sample": seq,
        "time_us": 1_769_860_800_000_000,
        "state": "music",
        "trained": False,
        "models": {"vgg19_bn_cqt": ModelVote((("rock", 0.7),), 5.0), "resnet50_mel": ModelVote((), 0.0, "gave NaN")},
        "ensemble": {"rock": 0.7, "jazz": 0.3},
        "rolling": {"rock": 0.75, "jazz": 0.25},
        "genre": "rock",
        "probability": 0.75,
        "since_us": 0,
        "agreement": 0.8,
        "divergence": 0.1,
        "contenders": (),
        "band": "check",
        "level": Level(-20.0, -3.0),
        "hop_ms": 40.0,
        "lag_s": 0.1,
        "dropped": 0,
    }
    return HopEvent(**{**usual, **fields})


def status(title: str) -> StatusEvent:
    return StatusEvent(
        station="main",
        state="music",
        trained=False,
        source="demo",
        source_state="running",
        source_restarts=0,
        source_error=None,
        source_format={},
        title=title,
        gap_samples=0,
        xruns=0,
        dropped_hops=0,
        hops=1,
        lag_s=0.1,
        analyzer="running",
        analyzer_restarts=0,
        device="cpu",
        hop_s=1.0,
    )


def notice(change: Any = "raised", text: str = "silence for 30 s", **fields: Any) -> NoticeEvent:
    at_us = 1_769_860_800_000_000
    return NoticeEvent("main", "dead_air", "", change, "alarm", at_us, at_us, text, **fields)


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.01)


@pytest.fixture
def hub() -> Hub:
    labels = Labels([Label("rock", "Rock music", "摇滚"), Label("jazz", "Jazz", "爵士")])
    return Hub(About("desk", "starter", False, labels, (), (StationInfo("main", "Main studio", "demo"),)))


Serve = Callable[..., Awaitable[Web]]


@pytest.fixture
async def serve(hub: Hub, tmp_path: Path) -> AsyncIterator[Serve]:
    (tmp_path / "index.html").write_text("<!doctype html>")
    running: list[Web] = []

    async def start(port: int = 0, access: Access | None = None) -> Web:
        web = Web(hub, host="127.0.0.1", port=port, viewer=tmp_path, ready=lambda: True, access=access)
        await web.start()
        running.append(web)
        return web

    yield start
    for web in running:
        await web.stop()


@pytest.fixture
async def watching() -> AsyncIterator[Callable[[str, Console], asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []

    def start(url: str, console: Console) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(watch(url, console=console)))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


Watching = Callable[[str, Console], asyncio.Task[None]]


@pytest.mark.parametrize("token", [None, "a-wrong-token"])
async def test_a_daemon_that_wants_its_token_says_so_and_is_not_asked_again(serve: Serve, token: str | None) -> None:
    web = await serve(access=Access(token="correct-horse", token_for_all=True))  # noqa: S106 - a test's own
    async with asyncio.timeout(20):
        with pytest.raises(TokenError, match="wants its token: name a file that holds it with --token-file") as refused:
            await watch(web.url, token=token, console=Console(file=io.StringIO()))
    assert refused.value.exit_code == 77


async def test_with_the_token_it_is_let_in(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("correct-horse\n")
    web = await serve(access=Access(token="correct-horse", token_for_all=True))  # noqa: S106 - a test's own
    watched = asyncio.create_task(
        watch(web.url, token=read_token(tmp_path / "token"), console=Console(file=io.StringIO()))
    )
    await until(lambda: web.clients == 1)
    watched.cancel()
    with suppress(asyncio.CancelledError):
        await watched


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), (b"\n", "no token"), (b"\xff", "no text")])
def test_a_token_file_that_holds_none_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(TokenError, match=why):
        read_token(tmp_path / "token")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("localhost", "ws://localhost:8765/ws"),
        ("localhost:9000", "ws://localhost:9000/ws"),
        ("[::1]:9000", "ws://[::1]:9000/ws"),
        ("http://host:9000/", "ws://host:9000/ws"),
        ("http://host", "ws://host/ws"),
        ("https://host/radio/", "wss://host/radio/ws"),
        ("ws://host:1/ws", "ws://host:1/ws"),
    ],
)
def test_what_people_type_becomes_the_address(typed: str, address: str) -> None:
    assert websocket_address(typed) == address


@pytest.mark.parametrize("typed", ["", "http://", "ftp://host", "host:port", "mqtt://host", "http://[::1"])
def test_what_is_no_address_is_said_so(typed: str) -> None:
    with pytest.raises(AddressError, match="is not an address to watch") as refused:
        websocket_address(typed)
    assert refused.value.exit_code == 64


async def test_nothing_there_is_one_clear_sentence() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(
            WatchError, match=f"nothing answers at ws://{address}/ws .*; is ccmusicd running there"
        ) as refused:
            await watch(address)
    assert refused.value.exit_code == 69


async def test_something_else_there_is_said_too() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(WatchError, match="it is no ccmusicd"):
        await watch(f"127.0.0.1:{port}")
    server.close()
    await server.wait_closed()


async def test_a_pipe_gets_one_line_a_hop(serve: Serve, watching: Watching, hub: Hub) -> None:
    web = await serve()
    out = io.StringIO()
    watching(f"127.0.0.1:{web.address[1]}", Console(file=out))
    await until(lambda: web.clients == 1)
    hub.publish(hop())
    await until(out.getvalue)
    lines = out.getvalue().splitlines()
    assert lines[0] == (
        "2026-01-31T12:00:00.000Z  main  music  rock 0.75  check  agreement 0.80  -20.0 dBFS  "
        "[rock 0.75, jazz 0.25]  (untrained)"
    )


async def test_notices_are_told_those_that_hold_at_first(serve: Serve, watching: Watching, hub: Hub) -> None:
    hub.publish(notice())
    web = await serve()
    piped, screen = io.StringIO(), io.StringIO()
    watching(web.url, Console(file=piped))
    watching(web.url, Console(file=screen, force_terminal=True, width=80, color_system=None))
    raised = "2026-01-31T12:00:00.000Z  main  notice raised  alarm  dead_air: silence for 30 s\n"
    await until(lambda: piped.getvalue() == raised)
    await until(lambda: "alarm: silence for 30 s" in screen.getvalue())
    # That was in the snapshot: the server may not have read yet that they want to hear more of notices.
    await until(lambda: sum("notice" in inbox.topics for inbox in hub._inboxes) == 2)
    hub.publish(notice("cleared", "sound again\x1b[2J after 41 s"))
    await until(lambda: "notice cleared  alarm  dead_air: sound again\ufffd[2J after 41 s\n" in piped.getvalue())
    screen.truncate(0)
    hub.publish(hop())
    await until(lambda: "Rock music" in screen.getvalue())
    assert "silence for" not in screen.getvalue().rpartition("Main studio")[2]


def test_a_hop_without_genre_has_a_line_too() -> None:
    text = line(hop(genre=None, probability=None, state="silence", rolling={}, trained=True).to_wire())
    assert "silence  -  " in text
    assert "untrained" not in text


def test_a_strangers_text_cannot_command_the_terminal() -> None:
    assert plain("A\x1b[2Jsong\x07\r\n") == "A\N{REPLACEMENT CHARACTER}[2Jsong" + "\N{REPLACEMENT CHARACTER}" * 3


async def test_a_terminal_shows_the_station(serve: Serve, watching: Watching, hub: Hub) -> None:
    web = await serve()
    hub.publish(status("Evil \x1b[2J[bold]title"))
    hub.publish(hop())
    out = io.StringIO()
    watching(f"http://127.0.0.1:{web.address[1]}", Console(file=out, force_terminal=True, width=100, color_system=None))
    await until(lambda: "gave NaN" in out.getvalue())
    shown = out.getvalue()
    for part in ("Main studio", "Rock music", "check", "agreement 80%", "75.0%", "vgg19_bn_cqt", "-20.0 dBFS", "█"):
        assert part in shown
    assert "These models are not trained" in shown
    assert "[bold]title" in shown
    assert "\x1b[2J" not in shown


async def test_it_reconnects_by_itself(serve: Serve, watching: Watching, hub: Hub) -> None:
    web = await serve()
    port = web.address[1]
    out = io.StringIO()
    watching(f"127.0.0.1:{port}", Console(file=out))
    await until(lambda: web.clients == 1)
    await web.stop()
    again = await serve(port)
    await until(lambda: again.clients == 1)
    hub.publish(hop(state="speech"))
    await until(lambda: "speech" in out.getvalue())


class ClosedPipe(io.StringIO):
    """Standard output whose reader (`head`) has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


async def test_it_ends_when_nobody_reads_any_more(serve: Serve, watching: Watching, hub: Hub) -> None:
    web = await serve()
    task = watching(f"127.0.0.1:{web.address[1]}", Console(file=ClosedPipe()))
    await until(lambda: web.clients == 1)
    hub.publish(hop())
    await asyncio.wait_for(task, 5)
    await until(lambda: web.clients == 0)
