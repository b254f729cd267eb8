"""HTTP of the web server, against a real one on a free port."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from ccmusicd.events import HopEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.connection import BoundedHttp
from ccmusicd.publish.errors import PublishError
from ccmusicd.publish.web import Web

Serve = Callable[..., AbstractAsyncContextManager[Web]]


@pytest.fixture
def viewer(tmp_path: Path) -> Path:
    folder = tmp_path / "viewer"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>viewer</title>")
    (folder / "app.js").write_text("export const answer = 42;")
    (folder / "draw.mjs").write_text("export const other = 43;")
    (folder / "style.css").write_text("body { color: black }")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def serve(hub: Hub, viewer: Path) -> Serve:
    @asynccontextmanager
    async def running(
        *, ready: Callable[[], bool] = lambda: True, host: str = "127.0.0.1", **options: Any
    ) -> AsyncIterator[Web]:
        web = Web(hub, host=host, port=0, viewer=viewer, ready=ready, **options)
        await web.start()
        try:
            yield web
        finally:
            await web.stop()

    return running


def http(web: Web) -> httpx.AsyncClient:
    host, port = web.address
    host = f"[{host}]" if ":" in host else host
    return httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False)


async def raw(web: Web, request: bytes, within_s: float = 5.0) -> bytes:
    """What comes back on a plain socket until the server closes."""
    reader, writer = await asyncio.open_connection(*web.address)
    writer.write(request)
    try:
        async with asyncio.timeout(within_s):
            return await reader.read()
    finally:
        writer.close()


async def test_viewer_files_come_with_types_that_browsers_run(serve: Serve) -> None:
    async with serve() as web, http(web) as client:
        types = {
            path: (await client.get(path)).headers["content-type"]
            for path in ("/", "/app.js", "/draw.mjs", "/style.css")
        }
    assert {path: kind.partition(";")[0] for path, kind in types.items()} == {
        "/": "text/html",
        "/app.js": "text/javascript",
        "/draw.mjs": "text/javascript",
        "/style.css": "text/css",
    }


async def test_every_answer_carries_the_safety_headers(serve: Serve) -> None:
    async with serve() as web, http(web) as client:
        for path in ("/", "/healthz", "/nothing", "/api/v1/now"):
            answer = await client.get(path)
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-cache"
            assert "server" not in answer.headers


@pytest.mark.parametrize("root", ["", "/radio"])
async def test_only_the_widget_may_stand_in_a_strangers_frame(serve: Serve, root: str) -> None:
    async with serve(root_path=root) as web, http(web) as client:
        policies = {
            path: (await client.get(root + path)).headers["content-security-policy"].rpartition("; ")[2]
            for path in ("/", "/widget.html", "/widget.html/", "/app.js", "/api/v1/now")
        }
    assert {path for path, policy in policies.items() if policy == "frame-ancestors *"} == {"/widget.html"}
    assert policies["/"] == "frame-ancestors 'self'"


async def test_an_unchanged_file_is_not_sent_again(serve: Serve) -> None:
    async with serve() as web, http(web) as client:
        first = await client.get("/app.js")
        again = await client.get("/app.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_healthz_and_readyz_tell_the_difference(serve: Serve, hub: Hub) -> None:
    ready = False
    hub.learn(hop_s=None)
    async with serve(ready=lambda: ready) as web, http(web) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "the analyzer is not up yet" in answer.json()["reasons"]
        assert "station web has not reported yet" in answer.json()["reasons"]
        ready = True
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_healthz_says_what_is_wrong_and_for_how_long_it_is(serve: Serve) -> None:
    ailment: str | None = "the analyzer restarts"
    async with serve(ailment=lambda: ailment, health=lambda: {"mqtt": "online"}) as web, http(web) as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "failing", "reason": "the analyzer restarts", "mqtt": "online", "clients_cut": 0
        }  # fmt: skip
        ailment = None
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_metrics_are_text_that_prometheus_takes(serve: Serve) -> None:
    async with serve(metrics=lambda: b"ccmusic_up 1\n") as web, http(web) as client:
        answer = await client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "ccmusic_up 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_stations_are_listed_with_what_they_play(
    serve: Serve, hub: Hub, make_hop: Callable[..., HopEvent], make_status: Callable[..., StatusEvent]
) -> None:
    hub.publish(make_status(title="Symphony"))
    hub.publish(make_hop())
    hub.publish(make_hop("web"))
    hub.publish(make_status("web", state="no_signal"))
    async with serve() as web, http(web) as client:
        body = (await client.get("/api/v1/stations")).json()
    assert (body["version"], body["trained"]) == (1, True)
    main, other = body["stations"]
    assert main == {
        "id": "main",
        "name": "Main studio",
        "source": "soundcard",
        "state": "music",
        "title": "Symphony",
        "genre": "rock",
        "probability": 0.8,
        "band": "check",
    }
    # A station that is down says so and shows no genre, whatever its last hop said.
    assert (other["state"], other["genre"]) == ("no_signal", None)


async def test_now_gives_one_station_or_all(serve: Serve, hub: Hub, make_hop: Callable[..., HopEvent]) -> None:
    hub.publish(make_hop())
    async with serve() as web, http(web) as client:
        everything = (await client.get("/api/v1/now")).json()
        one = (await client.get("/api/v1/now?station=main")).json()
        unknown = await client.get("/api/v1/now?station=nowhere")
    assert set(everything["stations"]) == {"main", "web"}
    assert one["stations"]["main"]["hop"]["genre"] == "rock"
    assert (one["version"], one["trained"]) == (1, True)
    assert unknown.status_code == 404
    assert "nowhere" in unknown.json()["error"]


async def test_unknown_paths_and_wrong_methods(serve: Serve) -> None:
    async with serve() as web, http(web) as client:
        assert (await client.get("/nothing.js")).status_code == 404
        assert (await client.get("/api/v1/nothing")).status_code == 404
        assert (await client.get("/app.js%00")).status_code == 404
        assert (await client.get("/" + "n" * 300)).status_code == 404
        assert (await client.post("/healthz")).status_code == 405
        assert (await client.post("/api/v1/now")).status_code == 405
        assert (await client.delete("/app.js")).status_code == 405
        assert (await client.head("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "//../secret.txt", "/a/../../secret.txt"]
)
async def test_traversal_finds_nothing(serve: Serve, path: str) -> None:
    async with serve() as web:
        answer = await raw(web, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]


# Seen to fail without: the longest address.
@pytest.mark.parametrize("length", [5_000, 15_000, 100_000])
async def test_a_long_address_is_refused_as_such(serve: Serve, length: int) -> None:
    async with serve() as web:
        answer = await raw(web, b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 414")


async def test_what_is_not_http_is_refused(serve: Serve) -> None:
    async with serve() as web:
        assert (await raw(web, b"\x16\x03\x01\x02\x00garbage\r\n\r\n")).startswith(b"HTTP/1.1 400")


# Seen to fail without: the clock of a request's head.
@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_a_half_open_request_is_closed_at_the_timeout(serve: Serve, begun: bytes) -> None:
    async with serve(head_timeout_s=0.3) as web:
        begin = time.monotonic()
        assert await raw(web, begun) == b""
        assert 0.2 < time.monotonic() - begin < 3


async def _trickle(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"G")
        await asyncio.sleep(0.05)


async def test_a_trickled_head_is_closed_too(serve: Serve) -> None:
    """The clock runs for the whole head: a byte now and then does not wind it up again."""
    async with serve(head_timeout_s=0.5) as web:
        reader, writer = await asyncio.open_connection(*web.address)
        begin = time.monotonic()
        trickle = asyncio.create_task(_trickle(writer))
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 4) == b""
        assert 0.4 < time.monotonic() - begin < 4
        trickle.cancel()
        writer.close()


async def test_the_head_timeout_spares_an_idle_kept_connection(serve: Serve) -> None:
    async with serve(head_timeout_s=0.2) as web, http(web) as client:
        await client.get("/healthz")
        await asyncio.sleep(0.5)
        assert (await client.get("/healthz")).status_code == 200


# Seen to fail without: the cap on connections.
async def test_a_flood_of_connections_gets_503_and_leaves_the_server_well(
    serve: Serve, eventually: Callable[..., Awaitable[None]]
) -> None:
    async with serve(max_clients=5) as web:
        idle = [socket.create_connection(web.address) for _ in range(110)]
        try:
            answer = await raw(web, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 503")
        finally:
            for sock in idle:
                sock.close()
        await eventually(lambda: web.connections <= 1)
        async with http(web) as client:
            assert (await client.get("/healthz")).status_code == 200


async def test_an_address_in_use_is_said_clearly(serve: Serve, hub: Hub, viewer: Path) -> None:
    async with serve() as web:
        host, port = web.address
        second = Web(hub, host=host, port=port, viewer=viewer, ready=lambda: True)
        with pytest.raises(
            PublishError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use"
        ) as refused:
            await second.start()
        assert refused.value.exit_code == 69
        await second.stop()


async def test_a_name_that_is_none_is_said_clearly(hub: Hub, viewer: Path) -> None:
    web = Web(hub, host="no-such-host.invalid", port=0, viewer=viewer, ready=lambda: True)
    with pytest.raises(PublishError, match=r"cannot listen on no-such-host\.invalid"):
        await web.start()


def test_a_viewer_folder_without_a_page_is_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"has no index\.html"):
        Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True)


async def test_an_ipv6_address_works(serve: Serve) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with serve(host="::1") as web, http(web) as client:
        assert (await client.get("/healthz")).status_code == 200
        async with connect(f"ws://[::1]:{web.address[1]}/ws", proxy=None) as client_socket:
            assert json.loads(await client_socket.recv())["type"] == "hello"


async def test_stop_ends_everything_within_two_seconds(serve: Serve) -> None:
    async with serve() as web:
        reader, writer = await asyncio.open_connection(*web.address)
        writer.write(b"GET / HTTP/1.1\r\n")
        begin = time.monotonic()
        await web.stop()
        assert time.monotonic() - begin < 2
        assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*web.address)
        writer.close()


async def test_small_messages_do_not_wait_for_one_another(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nagle's algorithm would hold each hop back until the client acknowledged the last message: 40 ms."""
    accepted: list[int] = []
    usual = BoundedHttp.connection_made

    def connection_made(self: BoundedHttp, transport: asyncio.Transport) -> None:
        peer = transport.get_extra_info("socket")
        accepted.append(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        usual(self, transport)

    monkeypatch.setattr(BoundedHttp, "connection_made", connection_made)
    async with serve() as web, http(web) as client:
        await client.get("/healthz")
    assert accepted == [1]
