"""`/api/v1/rolling` against a real server, a real record and what the writer has not written yet."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest

from ccmusicd.events import ClockStepEvent, HopEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.past import past
from ccmusicd.protocol.schema import schema
from ccmusicd.publish.hops import HopCollector
from ccmusicd.publish.record import Record
from ccmusicd.publish.timeline import Timeline
from ccmusicd.publish.web import Web

NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
SECOND_US = 1_000_000
LABELS = ("classical", "rock", "jazz")
MODELS = ("vgg19_bn_cqt", "resnet50_mel")

MakeHop = Callable[..., HopEvent]
MakeTitle = Callable[..., TitleEvent]
Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    record = Record(f"sqlite:///{tmp_path / 'timeline.sqlite'}")
    record.open()
    yield record
    record.close()


@pytest.fixture
def voted(make_hop: MakeHop) -> MakeHop:
    """A hop at a second after noon; each of two models has `firsts` of its own, with 0.6."""

    def make(second: float, *firsts: str, **fields: Any) -> HopEvent:
        votes = {
            name: {slug: 0.6 if slug == first else 0.2 for slug in LABELS}
            for name, first in zip(MODELS, firsts, strict=False)
        }
        means = np.mean([list(vote.values()) for vote in votes.values()], axis=0) if votes else ()
        values = {"votes": votes, "ensemble": dict(zip(LABELS, map(float, means), strict=False)), "divergence": 0.1}
        return make_hop(time_us=NOON_US + round(second * SECOND_US), **{**values, **fields})

    return make


def written(record: Record, hops: list[HopEvent], bundle: str = "starter") -> None:
    collector = HopCollector(bundle)
    blocks = [block for block in (collector.add(hop, 0.0) for hop in hops) if block]
    record.write_hops([*blocks, *collector.take()])


@pytest.fixture
def serve(hub: Hub, tmp_path: Path) -> Serve:
    (tmp_path / "index.html").write_text("<!doctype html>")
    url = f"sqlite:///{tmp_path / 'timeline.sqlite'}"

    @asynccontextmanager
    async def running(now_s: float = 60, unwritten: Callable[[], list[Any]] = list) -> AsyncIterator[httpx.AsyncClient]:
        def opening(asked: Any) -> Any:
            now_us = NOON_US + round(now_s * SECOND_US)
            return past(url, asked, names=["main", "web"], now_us=now_us, unwritten=unwritten())

        web = Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True, past=opening)
        await web.start()
        try:
            async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=30) as client:
                yield client
        finally:
            await web.stop()

    return running


async def asked(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    """The answer, which must be as published."""
    answer = await client.get(f"/api/v1/rolling?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    jsonschema.Draft202012Validator({**schema(), "$ref": "#/$defs/Rolling"}).validate(found)
    return found


async def test_steps_are_means_of_their_hops_with_holes_where_there_are_none(
    serve: Serve, record: Record, voted: MakeHop, make_title: MakeTitle
) -> None:
    hops = [
        voted(0, "rock", "rock"),
        voted(3, "rock", "jazz", divergence=0.5),
        voted(6, "jazz", "jazz", divergence=0.3),
        # 10 to 20 s: nothing counts of silence, of the first seconds, and where nobody voted.
        *(voted(10 + n, "jazz", "jazz", state=state) for n, state in enumerate(("silence", "starting", "no_signal"))),
        voted(15, divergence=0.0),
        voted(25, "rock", "rock", state="speech"),
    ]
    written(record, hops)
    record.write([], [make_title("Before", -1), make_title("So What", 4), make_title("Elsewhere", 5, "web")])
    async with serve(now_s=30) as client:
        found = await asked(client, "station=main&from=2026-01-31T12:00:00Z&steps=3")
    assert (found["station"], found["step_s"], found["start"], found["end"]) == (
        "main", 10.0, "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:30.000Z"
    )  # fmt: skip
    assert found["newest"] == "2026-01-31T12:00:25.000Z"
    assert found["hops"] == [3, 0, 1]
    first, _, last = (round(value, 2) if value is not None else None for value in found["ensemble"]["rock"])
    assert (first, last) == (pytest.approx((0.6 + 0.4 + 0.2) / 3, abs=0.005), 0.6)
    assert [shares[1] for shares in found["ensemble"].values()] == [None] * 3
    assert found["divergence"] == [pytest.approx(0.3, abs=0.005), None, pytest.approx(0.1, abs=0.005)]
    # The commonest first choice: of two rocks and a jazz, of a rock and two jazz.
    named = {
        model: [None if at is None else found["labels"][at] for at in places]
        for model, places in found["models"].items()
    }
    assert named == {"vgg19_bn_cqt": ["rock", None, "rock"], "resnet50_mel": ["jazz", None, "rock"]}
    assert found["titles"] == [{"time": "2026-01-31T12:00:04.000Z", "title": "So What"}]
    assert found["clock_steps"] == []


async def test_that_the_clock_was_set_is_told_where_it_touches_the_range(serve: Serve, record: Record) -> None:
    steps = [(-100, 50.0), (100, 80.0), (-20, -60.0), (500, 400.0), (25, 1.0004)]
    record.write([], [], [ClockStepEvent("main", NOON_US + second * 1_000_000, step_s) for second, step_s in steps])
    record.write([], [], [ClockStepEvent("web", NOON_US + 1, 1.0)])
    async with serve(now_s=30) as client:
        found = await asked(client, "station=main&from=2026-01-31T12:00:00Z&steps=3")
    assert found["clock_steps"] == [
        {"time": "2026-01-31T12:01:40.000Z", "step_s": 80.0},
        {"time": "2026-01-31T11:59:40.000Z", "step_s": -60.0},
        {"time": "2026-01-31T12:00:25.000Z", "step_s": 1.0},
    ]


async def test_steps_are_whole_multiples_so_that_answers_fit_together(
    serve: Serve, record: Record, voted: MakeHop
) -> None:
    written(record, [voted(second, "rock", "jazz") for second in range(120)])
    async with serve(now_s=123.4) as client:
        early = await asked(client, "station=main&from=2026-01-31T12:00:03Z&to=2026-01-31T12:01:00Z&steps=15")
        late = await asked(client, "station=main&from=2026-01-31T12:00:58Z&steps=17")
    assert early["step_s"] == late["step_s"] == 4
    assert early["start"] == "2026-01-31T12:00:00.000Z"
    assert early["hops"] == [4] * 15
    assert late["start"] == "2026-01-31T12:00:56.000Z"
    assert late["hops"] == [4] * 16 + [0]


async def test_what_is_not_yet_written_counts_once(serve: Serve, record: Record, voted: MakeHop, hub: Hub) -> None:
    """The writer holds a block that waits and a minute that grows; the first comes into the record meanwhile."""
    timeline = Timeline(hub, f"sqlite:///{record.place.file}")
    hops = [voted(second, "rock", "jazz") for second in range(150)]
    written(record, hops[:60])
    for hop in hops[60:]:
        hub.publish(hop)
    hub.publish(voted(20, "rock", "rock", station="web"))

    def unwritten() -> list[Any]:
        snapshot = timeline.unwritten()
        written(record, hops[60:120])
        return snapshot

    async with serve(now_s=150, unwritten=unwritten) as client:
        found = await asked(client, "station=main&from=2026-01-31T12:00:00Z&steps=15")
        other = await asked(client, "station=web&from=2026-01-31T12:00:00Z&steps=15")
        before = await asked(client, "station=main&from=2026-01-31T12:00:00Z&to=2026-01-31T12:02:05Z&steps=25")
    assert found["hops"] == [10] * 15
    assert found["newest"] == "2026-01-31T12:02:29.000Z"
    assert sum(other["hops"]) == 1
    assert before["newest"] == "2026-01-31T12:02:04.000Z"
    # The minute that grows is still there to be written.
    assert sum(len(block) for block in timeline._collector.growing() if block.station == "main") == 30
    await timeline.stop()


async def test_bundles_that_follow_each_other_are_told_together(
    serve: Serve, record: Record, voted: MakeHop, make_hop: MakeHop
) -> None:
    written(record, [voted(second, "rock", "jazz") for second in range(5)])
    other = {"blues": 0.75, "rock": 0.25}
    hops = [
        make_hop(time_us=NOON_US + n * SECOND_US, rolling=other, ensemble=other, votes={MODELS[0]: other})
        for n in range(5, 20)
    ]
    written(record, hops, "another")
    async with serve(now_s=20) as client:
        found = await asked(client, "station=main&from=2026-01-31T12:00:00Z&steps=2")
    assert found["labels"] == [*LABELS, "blues"]
    assert found["hops"] == [10, 10]
    assert found["ensemble"]["blues"] == [pytest.approx(0.375, abs=0.003), pytest.approx(0.75, abs=0.003)]
    assert found["ensemble"]["rock"] == [pytest.approx(0.325, abs=0.005), pytest.approx(0.25, abs=0.003)]
    assert found["ensemble"]["jazz"][1] == 0
    # As common as rock in the first step, and likelier.
    assert [found["labels"][at] for at in found["models"][MODELS[0]]] == ["blues", "blues"]
    assert [at and found["labels"][at] for at in found["models"][MODELS[1]]] == ["jazz", None]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("form=csv", "unknown parameter 'form'; known are station, from, to, steps"),
        ("from=-1h", "choose a station; known are main, web"),
        ("station=nowhere", "unknown station 'nowhere'; known are main, web"),
        ("station=main&station=web", "a parameter is given twice"),
        ("station=main&steps=0", "'0' is no number of steps; there are 1 to 1440"),
        ("station=main&steps=1441", "'1441' is no number of steps"),
        ("station=main&steps=" + "9" * 900, "is no number of steps"),
        ("station=main&steps=%C2%B2", "is no number of steps"),
        ("station=main&from=soon", "'soon' is no time; times are a date"),
        ("station=main&from=-1m&to=-2m", "the range ends (2026-01-31T11:59:00.000000+00:00) before it begins"),
        ("station=main&from=-9d", "the range is longer than 8 days, the most at a time"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_a_sentence(serve: Serve, record: Record, query: str, why: str) -> None:
    assert record.segments() == []
    async with serve() as client:
        answer = await client.get(f"/api/v1/rolling?{query}")
    assert answer.status_code == 400
    assert why in answer.json()["error"]
    assert len(answer.text) < 300


async def test_an_empty_past_and_one_that_cannot_be_read(serve: Serve, record: Record, tmp_path: Path) -> None:
    async with serve() as client:
        found = await asked(client, "station=main&from=-8d&steps=1440")
        assert set(found["hops"]) == {0}
        assert (found["newest"], found["labels"], found["models"], found["titles"]) == (None, [], {}, [])
        assert set(found["divergence"]) == {None}
        record.close()
        for file in tmp_path.glob("timeline*"):
            file.unlink()
        answer = await client.get("/api/v1/rolling?station=main")
    assert (answer.status_code, answer.json()) == (503, {"error": "the timeline cannot be read now"})
