"""`/api/v1/timeline` against a real server and a real record."""

import asyncio
import csv
import io
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccmusicd.events import SegmentEvent, TitleEvent
from ccmusicd.excerpts import Excerpt, excerpt
from ccmusicd.hub import Hub
from ccmusicd.publish.errors import BusyRecordError
from ccmusicd.publish.record import Record
from ccmusicd.publish.web import Web

NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
HOSTILE = '=cmd|"/C calc"!A0"\r\n<script>alert(1)</script>\t\u202e\x00,;'
NOON = "2026-01-31T12:00:00%2B00:00"

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    record = Record(f"sqlite:///{tmp_path / 'timeline.sqlite'}")
    record.open()
    yield record
    record.close()


@pytest.fixture
def serve(hub: Hub, tmp_path: Path) -> Serve:
    """A server, whose excerpts are those of the record unless told otherwise, and a client of it."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    names = {station.id: station.name for station in hub.about.stations}

    def usual(asked: Mapping[str, str]) -> Any:
        url = f"sqlite:///{tmp_path / 'timeline.sqlite'}"
        return excerpt(url, asked, names=names, now_us=NOON_US + 86_400_000_000)

    @asynccontextmanager
    async def running(timeline: Any = usual, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        web = Web(
            hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True, timeline=timeline, **options
        )  # fmt: skip
        await web.start()
        try:
            async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=30) as client:
                yield client
        finally:
            await web.stop()

    return running


class Scripted:
    """Excerpts of lines that a test makes; counts those open and the bytes taken."""

    def __init__(self, lines: Callable[[], Iterator[str]]) -> None:
        self.open = 0
        self.taken = 0
        self.threads: set[str] = set()
        self._lines = lines

    @contextmanager
    def __call__(self, _asked: Mapping[str, str]) -> Iterator[Excerpt]:
        self.open += 1
        try:
            yield Excerpt("text/plain", "x.txt", self._counted())
        finally:
            self.open -= 1

    def _counted(self) -> Iterator[str]:
        for line in self._lines():
            self.threads.add(threading.current_thread().name)
            self.taken += len(line)
            yield line


def endless() -> Iterator[str]:
    while True:
        yield "x" * 1000 + "\n"


async def test_a_range_of_a_station_comes_in_every_format(
    serve: Serve, record: Record, make_segment: Callable[..., SegmentEvent], make_title: Callable[..., TitleEvent]
) -> None:
    record.write(
        [
            make_segment("end", 0, 60, titles=("A - B",)),
            make_segment("end", 60, 90, kind="silence", genre=None, probability=None),
            make_segment("end", 0, 60, station="web"),
        ],
        [make_title("A - B", 1)],
    )
    at = f"station=main&from={NOON}&to=2026-01-31T12:01:15%2B00:00&tz=Europe/Berlin"
    async with serve() as client:
        answers = {
            form: await client.get(f"/api/v1/timeline?{at}&format={form}")
            for form in ("json", "jsonl", "csv", "audacity", "cue")
        }
        answers["report"] = await client.get("/api/v1/timeline?format=report&from=2026-01-31&tz=UTC&station=main")
        default = await client.get(f"/api/v1/timeline?{at}")
    assert {form: answer.status_code for form, answer in answers.items()} == dict.fromkeys(answers, 200)
    pieces = answers["json"].json()
    assert [(piece["station"], piece["kind"], piece["seconds"], piece["cut"]) for piece in pieces] == [
        ("main", "music", 60, ""), ("main", "silence", 15, "end")
    ]  # fmt: skip
    assert pieces[0]["start"] == "2026-01-31T13:00:00.000000+01:00"
    assert default.text == answers["json"].text
    assert [json.loads(line) for line in answers["jsonl"].text.splitlines()] == pieces
    assert len(list(csv.reader(io.StringIO(answers["csv"].text)))) == 3
    assert answers["audacity"].text.splitlines()[0] == "0.000000\t60.000000\trock 80 % | A - B"
    assert 'PERFORMER "A"' in answers["cue"].text
    assert "Main studio" in answers["report"].text
    assert {form: answer.headers["content-type"].partition(";")[0] for form, answer in answers.items()} == {
        "json": "application/json",
        "jsonl": "application/x-ndjson",
        "csv": "text/csv",
        "audacity": "text/plain",
        "cue": "application/x-cue",
        "report": "text/html",
    }
    assert answers["csv"].headers["content-disposition"] == 'attachment; filename="main.csv"'


async def test_a_hostile_title_harms_no_format(
    serve: Serve, record: Record, make_segment: Callable[..., SegmentEvent], make_title: Callable[..., TitleEvent]
) -> None:
    record.write([make_segment("end", 0, 60, titles=(HOSTILE,))], [make_title(HOSTILE, 1)])
    async with serve() as client:
        texts = {
            form: (await client.get(f"/api/v1/timeline?station=main&format={form}")).text
            for form in ("json", "jsonl", "csv", "audacity", "cue")
        }
        page = await client.get("/api/v1/timeline?station=main&format=report&from=2026-01-31&tz=UTC")
    assert json.loads(texts["json"])[0]["titles"] == [HOSTILE]
    assert json.loads(texts["jsonl"])["titles"] == [HOSTILE]
    header, row = csv.reader(io.StringIO(texts["csv"], newline=""))
    assert row[header.index("titles")].startswith("'=cmd")
    assert len(texts["audacity"].splitlines()) == 1
    assert len(re.findall("^ *(?:TITLE|PERFORMER|FILE) ", texts["cue"], re.MULTILINE)) == 5
    assert all(line.count('"') in {0, 2} for line in texts["cue"].splitlines())
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("form=csv", "unknown parameter 'form'; known are station, from, to, tz, format"),
        ("format=xml", "unknown format 'xml'; known are json, jsonl, csv, audacity, cue, report"),
        ("station=nowhere", "unknown station 'nowhere'; known are main, web"),
        ("station=main&station=web", "a parameter is given twice"),
        ("from=soon", "'soon' is no time; times are a date"),
        ("tz=Mars/Base", "there is no time zone 'Mars/Base'"),
        ("tz=../../../etc/passwd", "there is no time zone"),
        ("from=2026-02-01&to=2026-01-31&tz=UTC", "the range ends (2026-01-31T00:00:00.000000+00:00) before it begins"),
        ("format=cue", "cue is of one recording: choose a station of main, web"),
        ("format=report&from=-3d", "is no day"),
        ("format=report&from=2026-01-01&to=2026-01-02", 'a report is of the day that "from" names'),
        ("format=report&from=2036-01-01", "is still to come"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_a_sentence(serve: Serve, record: Record, asked: str, why: str) -> None:
    assert record.segments() == []
    async with serve() as client:
        answer = await client.get(f"/api/v1/timeline?{asked}")
    assert answer.status_code == 400
    sentence = answer.json()["error"]
    assert why in sentence
    assert "\n" not in sentence


async def test_a_station_of_which_nothing_is_recorded_yet_gives_nothing(serve: Serve, record: Record) -> None:
    assert record.segments() == []
    async with serve() as client:
        assert (await client.get("/api/v1/timeline?station=main")).json() == []
        assert (await client.post("/api/v1/timeline")).status_code == 405
        head = await client.head("/api/v1/timeline?station=main&format=csv")
        assert (head.status_code, head.text) == (200, "")


async def test_a_record_that_cannot_be_read_is_told_without_where_it_lies(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as client:
        answer = await client.get("/api/v1/timeline")
    assert (answer.status_code, answer.json()) == (503, {"error": "the timeline cannot be read now"})
    assert int(answer.headers["retry-after"]) > 0
    assert str(tmp_path) in caplog.text


async def test_a_third_reader_is_asked_to_come_again(serve: Serve, eventually: Eventually) -> None:
    may_go_on = threading.Event()

    def lines() -> Iterator[str]:
        may_go_on.wait(20)
        yield "line\n"

    scripted = Scripted(lines)
    async with serve(scripted) as client:
        first = [asyncio.create_task(client.get("/api/v1/timeline")) for _ in range(2)]
        await eventually(lambda: scripted.open == 2)
        begin = time.monotonic()
        third = await client.get("/api/v1/timeline")
        assert (third.status_code, third.headers["retry-after"]) == (503, "5")
        # The event loop is free while both threads wait.
        assert (await client.get("/healthz")).status_code == 200
        assert time.monotonic() - begin < 5
        may_go_on.set()
        assert [(await one).text for one in first] == ["line\n", "line\n"]
        await eventually(lambda: scripted.open == 0)
        assert (await client.get("/api/v1/timeline")).status_code == 200
    assert all(name.startswith("excerpt") for name in scripted.threads)


async def test_a_client_that_reads_nothing_makes_nothing_pile_up_and_is_cut(
    serve: Serve, eventually: Eventually
) -> None:
    scripted = Scripted(endless)
    async with serve(scripted, send_timeout_s=1.0) as client:
        host, port = client.base_url.host, client.base_url.port
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            await asyncio.to_thread(sock.connect, (host, port))
            sock.sendall(b"GET /api/v1/timeline HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await eventually(lambda: scripted.taken > 0)
            await eventually(lambda: scripted.open == 0)
        assert scripted.taken < 16_000_000


async def test_a_client_that_leaves_lets_go_of_the_record(serve: Serve, eventually: Eventually) -> None:
    scripted = Scripted(endless)
    async with serve(scripted) as client:
        async with client.stream("GET", "/api/v1/timeline") as answer:
            async for _ in answer.aiter_bytes():
                break
        await eventually(lambda: scripted.open == 0)


async def test_much_is_read_no_faster_than_it_is_taken(serve: Serve) -> None:
    """What the server holds beside the sockets' buffers is a chunk or two, however long the record is."""
    scripted = Scripted(lambda: ("x" * 999 + "\n" for _ in range(30_000)))
    received, most_ahead = 0, 0
    async with serve(scripted) as client, client.stream("GET", "/api/v1/timeline") as answer:
        async for data in answer.aiter_bytes():
            received += len(data)
            most_ahead = max(most_ahead, scripted.taken - received)
    assert received == 30_000_000
    assert most_ahead < 10_000_000


async def test_an_answer_whose_record_fails_has_no_end(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> Iterator[str]:
        yield "x" * 200_000
        raise BusyRecordError("the timeline was changed while it was read")

    async with serve(Scripted(lines)) as client:
        with pytest.raises(httpx.HTTPError):
            await client.get("/api/v1/timeline")
        assert (await client.get("/healthz")).status_code == 200
    assert "an answer was cut: the timeline was changed" in caplog.text


async def test_stopping_waits_for_no_reader(serve: Serve, eventually: Eventually) -> None:
    scripted = Scripted(endless)
    async with serve(scripted) as client, client.stream("GET", "/api/v1/timeline"):
        await eventually(lambda: scripted.taken > 0)
        begin = time.monotonic()
    assert time.monotonic() - begin < 4
    await eventually(lambda: scripted.open == 0)


async def test_without_a_record_there_is_nothing(serve: Serve) -> None:
    async with serve(None) as client:
        assert (await client.get("/api/v1/timeline")).status_code == 404
