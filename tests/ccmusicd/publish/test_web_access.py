"""Token, host names, limits, a proxy's subpath and TLS, against a real server on a free port."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ccmusicd.doctor.machine import check_port
from ccmusicd.hub import Hub
from ccmusicd.publish.access import Access
from ccmusicd.publish.errors import CertificateError
from ccmusicd.publish.limits import Limiter
from ccmusicd.publish.web import Web

KEY = "correct-horse-battery"
BEARER = {"authorization": f"Bearer {KEY}"}
GUARDED = ("/api/v1/now", "/api/v1/stations", "/api/v1/nothing", "/metrics", "/api/v1/timeline", "/%61pi/v1/now")

Serve = Callable[..., AbstractAsyncContextManager[Web]]
Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
def serve(hub: Hub, tmp_path: Path) -> Serve:
    viewer = tmp_path / "viewer"
    viewer.mkdir()
    (viewer / "index.html").write_text('<!doctype html><script type="module" src="main.js"></script>')
    (viewer / "main.js").write_text("export const answer = 42;")

    @asynccontextmanager
    async def running(*, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Web]:
        web = Web(hub, host=host, port=0, viewer=viewer, ready=lambda: True, **options)
        await web.start()
        try:
            yield web
        finally:
            await web.stop()

    return running


def closed() -> Access:
    """Rules under which even those on this machine, as tests are, need the token."""
    return Access(token=KEY, token_for_all=True)


def http(web: Web, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=web.url, trust_env=False, **options)


def join(web: Web, path: str = "/ws", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{web.address[1]}{path}", proxy=None, **options)


async def kind(client: ClientConnection) -> str:
    async with asyncio.timeout(5):
        return str(json.loads(await client.recv())["type"])


async def close_code(client: ClientConnection) -> int | None:
    async with asyncio.timeout(8):
        with pytest.raises(ConnectionClosed) as left:
            await client.recv()
    return left.value.rcvd.code if left.value.rcvd else None


async def test_data_needs_the_token_and_nothing_else_does(serve: Serve) -> None:
    async with serve(access=closed()) as web, http(web) as client:
        for path in GUARDED:
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.json() == {"error": "a token is needed, as in Authorization: Bearer TOKEN"}
            wrong = await client.get(path, headers={"authorization": f"Bearer {KEY}x"})
            assert (wrong.status_code, wrong.json()) == (401, {"error": "that is not the token"})
            assert (await client.get(path, headers=BEARER)).status_code in {200, 404}
        for path in ("/healthz", "/readyz", "/", "/main.js"):
            assert (await client.get(path)).status_code == 200
        assert "nosniff" in answer.headers["x-content-type-options"]


async def test_those_on_this_machine_need_none_but_what_a_proxy_passes_on_does(serve: Serve) -> None:
    async with serve(access=Access(token=KEY)) as web, http(web) as client:
        assert (await client.get("/api/v1/now")).status_code == 200
        for passed_on in ({"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=127.0.0.1"}):
            assert (await client.get("/api/v1/now", headers=passed_on)).status_code == 401
            assert (await client.get("/api/v1/now", headers={**passed_on, **BEARER})).status_code == 200
        async with join(web) as socket:
            assert await kind(socket) == "hello"


async def test_a_websocket_shows_the_token_in_its_handshake(serve: Serve) -> None:
    async with serve(access=closed()) as web:
        async with join(web, additional_headers=BEARER) as client:
            assert [await kind(client), await kind(client)] == ["hello", "snapshot"]
        with pytest.raises(InvalidStatus) as refused:
            await join(web, additional_headers={"authorization": "Bearer wrong"})
        assert refused.value.response.status_code == 401
        assert web.clients_refused == 1


async def test_or_in_its_first_message(serve: Serve, hub: Hub) -> None:
    pauses: list[tuple[str, bool]] = []
    async with serve(access=closed(), pause=lambda *pause: pauses.append(pause)) as web, join(web) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.3)  # nothing is told before
        assert (web.clients, len(hub._inboxes)) == (0, 0)
        await client.send(json.dumps({"type": "token", "token": KEY}))
        assert [await kind(client), await kind(client)] == ["hello", "snapshot"]
        assert web.clients == 1
        await client.send('{"type": "pause", "station": "main"}')
        await client.send("no command")
        assert await kind(client) == "error"
        assert pauses == [("main", True)]


@pytest.mark.parametrize(
    "first",
    [
        json.dumps({"type": "token", "token": "wrong"}),
        json.dumps({"type": "token", "token": ""}),
        json.dumps({"type": "token", "token": {"a": 1}}),
        json.dumps({"type": "pause", "station": "main"}),
        "[" * 10_000,
        "no json",
        b"\x00\x01",
    ],
)
async def test_any_other_first_message_ends_it(serve: Serve, first: str | bytes) -> None:
    pauses: list[tuple[str, bool]] = []
    async with serve(access=closed(), pause=lambda *pause: pauses.append(pause)) as web, join(web) as client:
        await client.send(first)
        await client.send('{"type": "pause", "station": "main"}')
        assert await close_code(client) == 4401
        assert (web.clients_refused, pauses) == (1, [])


async def test_the_first_message_must_come_in_time(serve: Serve) -> None:
    async with serve(access=closed(), token_timeout_s=0.5) as web, join(web) as client:
        begin = time.monotonic()
        assert await close_code(client) == 4401
        assert 0.3 < time.monotonic() - begin < 5


async def test_clients_without_a_token_take_no_place_of_others(serve: Serve, eventually: Eventually) -> None:
    async with serve(access=closed(), max_clients=1, limiter=Limiter(burst=1000)) as web:
        at_the_door = [await join(web) for _ in range(32)]
        with pytest.raises(InvalidStatus) as refused:
            await join(web)
        assert refused.value.response.status_code == 503
        async with join(web, additional_headers=BEARER) as client:
            assert await kind(client) == "hello"
            await at_the_door[0].send(json.dumps({"type": "token", "token": KEY}))
            assert await close_code(at_the_door[0]) == 1013
        for one in at_the_door:
            await one.close()
        await eventually(lambda: web._at_the_door == 0)


async def test_stopping_does_not_wait_for_those_at_the_door(serve: Serve) -> None:
    async with serve(access=closed()) as web, join(web) as client:
        await asyncio.sleep(0.1)
        begin = time.monotonic()
        await web.stop()
        assert time.monotonic() - begin < 3
        await close_code(client)


async def test_a_client_that_need_not_may_show_a_token_all_the_same(serve: Serve) -> None:
    async with serve(access=Access()) as web, join(web) as client:
        await client.send('{"type": "token", "token": "any"}')
        await client.send('{"type": "subscribe", "topics": ["hop"]}')
        await client.send('{"type": "nothing"}')
        assert [await kind(client) for _ in range(3)] == ["hello", "snapshot", "error"]


async def test_the_token_is_in_no_log_and_no_answer(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(access=closed()) as web, http(web) as client:
        answers = [await client.get(path, headers=BEARER) for path in ("/api/v1/now", "/metrics", "/healthz")]
        with pytest.raises(InvalidStatus):
            await join(web, additional_headers={"authorization": f"Bearer {KEY}!"})
    assert not any(KEY in answer.text or KEY in str(answer.headers) for answer in answers)
    assert not any(KEY in record.getMessage() for record in caplog.records if record.name.startswith("ccmusicd"))


async def test_a_strange_host_is_refused_on_every_path(serve: Serve) -> None:
    async with serve(access=Access(allowed_hosts=["radio.example"])) as web, http(web) as client:
        for path in ("/", "/api/v1/now", "/healthz", "/metrics", "/main.js"):
            answer = await client.get(path, headers={"host": f"evil.example:{web.address[1]}"})
            assert answer.status_code == 421
            assert "evil.example" in answer.json()["error"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        for name in ("localhost", f"127.0.0.1:{web.address[1]}", "[::1]:80", "radio.example", "RADIO.example:443"):
            assert (await client.get("/api/v1/now", headers={"host": name})).status_code == 200
        # The page of a name that was made to lead here: its origin is its host.
        evil = {"host": "evil.example", "origin": "http://evil.example"}
        answer = await client.get("/ws", headers={**evil, **UPGRADE})
        assert answer.status_code == 421


UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}


async def test_listening_for_others_without_a_token_is_warned_of(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - what is warned of
    async with serve(host=everywhere) as web, http(web) as client:
        assert (await client.get("/api/v1/now", headers={"host": "studio.lan"})).status_code == 200
    assert "need no token" in caplog.text
    caplog.clear()
    async with serve(host=everywhere, access=Access(token=KEY)), serve():
        pass
    assert "token" not in caplog.text


async def test_an_address_that_asks_too_often_is_slowed(serve: Serve) -> None:
    async with serve(limiter=Limiter(a_second=0.1, burst=3)) as web, http(web) as client:
        answers = [await client.get("/api/v1/now") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "10"
        assert answers[3].json() == {"error": "too many requests from your address"}
        # A proxy's other clients, the viewer, the supervisor and the WebSocket are not slowed with it.
        assert (await client.get("/api/v1/now", headers={"x-forwarded-for": "203.0.113.9"})).status_code == 200
        assert [(await client.get(path)).status_code for path in ("/", "/healthz")] == [200, 200]
        async with join(web) as socket:
            assert await kind(socket) == "hello"


async def test_tokens_are_not_guessed_fast(serve: Serve) -> None:
    async with serve(access=closed(), limiter=Limiter(a_second=0.01, burst=2)) as web, http(web) as client:
        wrong = {"authorization": "Bearer a-wrong-guess"}
        assert [(await client.get("/metrics", headers=wrong)).status_code for _ in range(3)] == [401, 401, 429]
        with pytest.raises(InvalidStatus) as refused:
            await join(web, additional_headers=BEARER)
        assert refused.value.response.status_code == 429


async def test_a_subpath_is_answered_whether_the_proxy_takes_it_off_or_not(serve: Serve) -> None:
    async with serve(root_path="/radio", access=closed()) as web, http(web) as client:
        for path in ("/radio/", "/radio/main.js", "/radio/healthz", "/", "/main.js"):
            assert (await client.get(path)).status_code == 200
        assert (await client.get("/radio/api/v1/now")).status_code == 401
        assert (await client.get("/radio/api/v1/now", headers=BEARER)).status_code == 200
        bare = await client.get("/radio")
        assert (bare.status_code, bare.headers["location"]) == (307, "/radio/")
        assert (await client.get("/radiology/")).status_code == 404
        assert (await client.get("/radio/radio/healthz")).status_code == 404
        async with join(web, "/radio/ws", additional_headers=BEARER) as socket:
            assert await kind(socket) == "hello"


async def test_https_and_wss(serve: Serve, certificate: Callable[..., tuple[Path, Any]]) -> None:
    made, _ = certificate(until="20490101")
    context = ssl.create_default_context(cafile=str(made))
    async with serve(certificate=(made, made.with_name("key.pem"))) as web:
        assert web.url.startswith("https://127.0.0.1:")
        async with http(web, verify=context) as client:
            assert (await client.get("/healthz")).status_code == 200
        address = f"wss://127.0.0.1:{web.address[1]}/ws"
        async with connect(address, ssl=context, proxy=None) as socket:
            assert await kind(socket) == "hello"


async def test_the_doctor_knows_the_daemon_behind_its_certificate(
    serve: Serve, certificate: Callable[..., tuple[Path, Any]]
) -> None:
    made, _ = certificate(until="20490101")
    async with serve(certificate=(made, made.with_name("key.pem"))) as web:
        found = await asyncio.to_thread(check_port, *web.address)
    assert (found.level, "listens on 127.0.0.1" in found.text) == ("ok", True)


async def test_the_doctor_knows_the_daemon_on_every_address_of_ipv6(serve: Serve) -> None:
    async with serve(host="::") as web:
        found = await asyncio.to_thread(check_port, *web.address)
    assert (found.level, "listens on ::" in found.text) == ("ok", True)


async def test_a_certificate_that_cannot_be_used_is_said_clearly(
    hub: Hub, tmp_path: Path, certificate: Callable[..., tuple[Path, Any]]
) -> None:
    made, _ = certificate(until="20490101")
    (tmp_path / "index.html").touch()
    for files, why in (
        ((tmp_path / "gone.pem", made.with_name("key.pem")), "No such file or directory"),
        ((made, made), "cannot be used: "),
    ):
        web = Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True, certificate=files)
        with pytest.raises(CertificateError, match=why) as refused:
            await web.start()
        assert "\n" not in str(refused.value)
        assert refused.value.exit_code == 78
