"""Clips over HTTP: bounds, refusals, and clients that go away, against a real server."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccmusicd.clips import BusyError, RefusedClipError
from ccmusicd.hub import Hub
from ccmusicd.publish import upload
from ccmusicd.publish.access import Access
from ccmusicd.publish.limits import Limiter
from ccmusicd.publish.web import Web

CLIPS = "/api/v1/clips"
Eventually = Callable[..., Awaitable[None]]


class Analyst:
    """Says how long a file is, as soon as it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.asked: list[tuple[str, str]] = []
        self.files: list[Path] = []
        self.cancelled = 0
        self.ended = 0
        self.filling = 1
        self.fault: Exception | None = None

    async def analyse(self, file: Path, name: str, which: str) -> dict[str, Any]:
        self.asked.append((name, which))
        self.files.append(file)
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fault is not None:
            raise self.fault
        return {"bytes": len(file.read_bytes())}

    async def parts(self, file: Path, name: str, which: str, *, pictures: bool) -> AsyncGenerator[dict[str, Any]]:
        self.asked.append((name, which))
        self.files.append(file)
        try:
            if isinstance(self.fault, RefusedClipError):
                raise self.fault
            yield {"type": "clip", "bytes": len(file.read_bytes()), "pictures": pictures}
            await self.may.wait()
            if self.fault is not None:
                raise self.fault
            yield {"type": "end", "filling": "ü" * self.filling}
        finally:
            self.ended += 1


@pytest.fixture
def analyst() -> Analyst:
    return Analyst()


@asynccontextmanager
async def serving(hub: Hub, folder: Path, analyst: Analyst | None, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    (folder / "index.html").write_text("")
    web = Web(
        hub,
        **{
            "host": "127.0.0.1",
            "port": 0,
            "viewer": folder,
            "ready": lambda: True,
            "analyst": analyst,
            "most_clip_bytes": 1_000_000,
            **options,
        },
    )
    await web.start()
    try:
        async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=20) as client:
            yield client
    finally:
        await web.stop()


async def pieces(size: int, of: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, size, of):
        yield bytes(min(of, size - start))


async def test_a_body_is_written_to_a_file_and_what_is_found_in_it_is_the_answer(
    hub: Hub, tmp_path: Path, analyst: Analyst
) -> None:
    async with serving(hub, tmp_path, analyst) as client:
        answer = await client.post(CLIPS, content=pieces(700_000), params={"name": "Sóng.mp3", "clip": "all"})
        assert (answer.status_code, answer.json()) == (200, {"bytes": 700_000})
        form = {"content-type": "application/x-www-form-urlencoded"}  # as curl --data-binary says
        assert (await client.post(CLIPS, content=b"abc", headers=form)).json() == {"bytes": 3}
    assert analyst.asked == [("Sóng.mp3", "all"), ("clip", "centre")]
    assert not any(file.parent.exists() for file in analyst.files)


# Seen to fail without: the limit on bytes that come.
@pytest.mark.parametrize("announced", [True, False])
async def test_one_that_is_too_large_is_413(hub: Hub, tmp_path: Path, analyst: Analyst, announced: bool) -> None:
    async with serving(hub, tmp_path, analyst) as client:
        answer = await client.post(CLIPS, content=bytes(1_000_001) if announced else pieces(1_200_000))
    assert answer.status_code == 413
    assert answer.json()["error"] == "the clip is larger than 1 MB, the most that is taken"
    assert analyst.asked == []


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ({"content": b""}, 422, "the clip is empty"),
        ({"content": b"x", "params": {"clip": "best"}}, 400, "'best' is no parameter"),
        ({"content": b"x", "params": {"model": "vgg"}}, 400, "'model' is no parameter"),
        (
            {"content": b"x", "params": {"format": "xml"}},
            400,
            "name, clip (centre, first, all), format (json, jsonl)",
        ),
        ({"content": b"x", "params": {"pictures": "yes"}}, 400, "pictures come with format=jsonl"),
        ({"content": b"x", "params": {"name": "n" * 201}}, 400, "at most 200"),
        ({"files": {"clip": b"x"}}, 415, "--data-binary"),
        ({"content": b"x", "headers": {"origin": "https://stranger.example"}}, 403, "stranger.example"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    hub: Hub, tmp_path: Path, analyst: Analyst, request_: dict[str, Any], status: int, says: str
) -> None:
    async with serving(hub, tmp_path, analyst) as client:
        answer = await client.post(CLIPS, **request_)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert analyst.asked == []


async def test_what_the_analysis_says_decides_the_answer(hub: Hub, tmp_path: Path, analyst: Analyst) -> None:
    async with serving(hub, tmp_path, analyst) as client:
        analyst.fault = RefusedClipError("it holds no sound")
        answer = await client.post(CLIPS, content=b"x")
        assert (answer.status_code, answer.json()["error"]) == (422, "the clip cannot be analysed: it holds no sound")
        analyst.fault = BusyError("the analyzer restarts")
        answer = await client.post(CLIPS, content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert (await client.get(CLIPS)).status_code == 405


BY_LINE = {"format": "jsonl", "pictures": "yes"}


async def test_lines_come_as_they_are_found(hub: Hub, tmp_path: Path, analyst: Analyst) -> None:
    analyst.may.clear()
    async with serving(hub, tmp_path, analyst) as client:
        async with client.stream("POST", CLIPS, content=b"abc", params=BY_LINE) as answer:
            assert answer.headers["content-type"] == "application/jsonl"
            lines = answer.aiter_lines()
            assert json.loads(await anext(lines)) == {"type": "clip", "bytes": 3, "pictures": True}
            analyst.may.set()
            assert json.loads(await anext(lines)) == {"type": "end", "filling": "ü"}
            assert [line async for line in lines] == []
        async with client.stream("POST", CLIPS, content=b"abc", params={"format": "jsonl"}) as answer:
            assert json.loads(await anext(answer.aiter_lines()))["pictures"] is False
    assert not any(file.parent.exists() for file in analyst.files)


async def test_what_fails_before_the_first_line_is_the_answer_and_later_the_last_line(
    hub: Hub, tmp_path: Path, analyst: Analyst
) -> None:
    async with serving(hub, tmp_path, analyst) as client:
        analyst.fault = RefusedClipError("it holds no sound")
        assert (await client.post(CLIPS, content=b"x", params=BY_LINE)).status_code == 422
        analyst.fault = BusyError("the analyzer restarts")
        answer = await client.post(CLIPS, content=b"x", params=BY_LINE)
        assert answer.status_code == 200
        assert json.loads(answer.text.splitlines()[-1]) == {"type": "failed", "error": "the analyzer restarts"}
    assert analyst.ended == 2


async def test_who_hangs_up_among_the_lines_ends_the_work(
    hub: Hub, tmp_path: Path, analyst: Analyst, eventually: Eventually
) -> None:
    analyst.may.clear()
    async with serving(hub, tmp_path, analyst) as client:
        async with client.stream("POST", CLIPS, content=b"abc", params=BY_LINE) as answer:
            await anext(answer.aiter_lines())
            assert analyst.ended == 0
        await eventually(lambda: analyst.ended == 1)
        await eventually(lambda: not analyst.files[0].parent.exists())


async def test_who_takes_no_lines_is_cut(hub: Hub, tmp_path: Path, analyst: Analyst, eventually: Eventually) -> None:
    analyst.filling = 20_000_000
    async with serving(hub, tmp_path, analyst, send_timeout_s=0.3) as client:
        host, port = client.base_url.host, client.base_url.port
        with socket.create_connection((host, port)) as stalled:
            stalled.sendall(
                f"POST {CLIPS}?format=jsonl HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\n\r\nx".encode()
            )
            await eventually(lambda: analyst.ended == 1)
            assert (await client.post(CLIPS, content=b"x")).status_code == 200


async def test_the_fourth_at_once_is_sent_away_and_places_come_back(
    hub: Hub, tmp_path: Path, analyst: Analyst, eventually: Eventually
) -> None:
    analyst.may.clear()
    async with serving(hub, tmp_path, analyst) as client:
        first = [asyncio.create_task(client.post(CLIPS, content=b"x")) for _ in range(upload.AT_ONCE)]
        await eventually(lambda: len(analyst.asked) == upload.AT_ONCE)
        answer = await client.post(CLIPS, content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        analyst.may.set()
        assert {(await task).status_code for task in first} == {200}
        assert (await client.post(CLIPS, content=b"x")).status_code == 200


async def half(client: httpx.AsyncClient) -> asyncio.StreamWriter:
    """A connection on which half of a clip has come."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    assert reader is not None
    writer.write(
        f"POST {CLIPS} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 600000\r\n\r\n".encode() + bytes(300_000)
    )
    await writer.drain()
    return writer


async def test_who_hangs_up_leaves_nothing_behind(
    hub: Hub, tmp_path: Path, analyst: Analyst, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    async with serving(hub, tmp_path, analyst) as client:
        for _ in range(upload.AT_ONCE):
            writer = await half(client)
            await eventually(lambda: list(scratch.iterdir()))
            writer.transport.abort()
            await eventually(lambda: not list(scratch.iterdir()))
        analyst.may.clear()
        with pytest.raises(httpx.ReadTimeout):
            await client.post(CLIPS, content=b"x", timeout=0.3)
        await eventually(lambda: analyst.cancelled == 1)
        await eventually(lambda: not list(scratch.iterdir()))
        analyst.may.set()
        assert (await client.post(CLIPS, content=b"x")).status_code == 200


async def test_one_that_stops_coming_is_given_up(
    hub: Hub, tmp_path: Path, analyst: Analyst, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmusicd.publish.web.Upload", lambda *args, **kw: upload.Upload(*args, **kw, idle_s=0.2))
    async with serving(hub, tmp_path, analyst) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(f"POST {CLIPS} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 600000\r\n\r\nhalf".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in answer


async def test_clips_want_the_token_and_count_as_requests(hub: Hub, tmp_path: Path, analyst: Analyst) -> None:
    secret = "long-enough-to-be-one"  # noqa: S105
    access = Access(token=secret, token_for_all=True)
    async with serving(hub, tmp_path, analyst, access=access, limiter=Limiter(a_second=0.01, burst=2)) as client:
        assert (await client.post(CLIPS, content=b"x")).status_code == 401
        known = {"authorization": f"Bearer {secret}"}
        assert (await client.post(CLIPS, content=b"x", headers=known)).status_code == 200
        assert (await client.post(CLIPS, content=b"x", headers=known)).status_code == 429


async def test_without_an_analyst_there_is_no_such_address(hub: Hub, tmp_path: Path) -> None:
    async with serving(hub, tmp_path, None) as client:
        assert (await client.post(CLIPS, content=b"x")).status_code == 404
