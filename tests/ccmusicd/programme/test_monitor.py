"""The monitor: segments in, notices out, and what held goes on to hold in the next daemon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, time
from pathlib import Path
from typing import Any

import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import NoticeEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import About, Hub, StationInfo
from ccmusicd.programme.dead_air import DeadAir
from ccmusicd.programme.declared import DeclaredCheck
from ccmusicd.programme.ledger import Span
from ccmusicd.programme.monitor import Monitor, Watched
from ccmusicd.programme.quota import Quota
from ccmusicd.programme.shows import Schedule, WeeklyShow
from ccmusicd.programme.store import NoticeStore

from .conftest import NOON_US, S, span_of

JAZZ = frozenset({"jazz"})


class Rig:
    """A hub, a monitor that runs, and what it told."""

    def __init__(self, tmp_path: Path, past: list[Span], **checks: Any) -> None:
        labels = Labels([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])
        self.hub = Hub(About("n", "b", True, labels, (), (StationInfo("main", "Main", "demo"),)))
        self.inbox = self.hub.subscribe(("notice",))
        self.store = NoticeStore(tmp_path / "notices.json")
        watched = {"main": Watched(zone=UTC, **checks)}
        self.monitor = Monitor(self.hub, watched, self.store, lambda _station, from_us: _since(past, from_us))

    def say(self, change: str, start_s: float, end_s: float, what: str) -> None:
        span = span_of(start_s, end_s, what)
        event = SegmentEvent("main", change, span.start_us, span.end_us, span.kind, span.genre, span.note)  # type: ignore[arg-type]
        self.hub.publish(event)

    def told(self) -> list[NoticeEvent]:
        return [event for event in self.inbox.drain() if isinstance(event, NoticeEvent)]

    @contextlib.asynccontextmanager
    async def running(self, now_s: float = 0) -> AsyncIterator[None]:
        await self.monitor.start(NOON_US + round(now_s * S))
        task = asyncio.create_task(self.monitor.run())
        try:
            yield
            await asyncio.sleep(0)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.monitor.stop()


def _since(past: list[Span], from_us: int) -> list[Span]:
    return [span for span in past if span.end_us > from_us]


def dead_air() -> DeadAir:
    return DeadAir(20 * S, 10 * S, UTC)


def quota() -> Quota:
    return Quota("jazz", JAZZ, "jazz", "at_least", 0.4, 3600 * S, 600 * S, 60 * S, UTC)


async def test_silence_is_told_kept_and_not_told_again_by_the_next_daemon(tmp_path: Path) -> None:
    first = Rig(tmp_path, [], checks=[dead_air()])
    async with first.running():
        first.say("new", 0, 1, "silence")
        for second in range(2, 40):
            first.say("update", 0, second, "silence")
    (raised,) = first.told()
    assert (raised.change, raised.since_us, raised.time_us) == ("raised", NOON_US, NOON_US + 20 * S)
    assert [notice.id for notice in first.store.load()] == ["main:dead_air:"]

    past = [span_of(0, 40, "silence"), span_of(40, 45, "down")]
    second_daemon = Rig(tmp_path, past, checks=[dead_air()])
    async with second_daemon.running(45):
        assert second_daemon.hub.now()["main"]["notices"][0]["kind"] == "dead_air"
        second_daemon.say("new", 45, 90, "silence")
        second_daemon.say("end", 45, 90, "silence")
        second_daemon.say("new", 90, 101, "jazz")
    (cleared,) = second_daemon.told()
    assert (cleared.change, cleared.since_us) == ("cleared", NOON_US)
    assert second_daemon.store.load() == []


async def test_a_quota_goes_on_from_the_record(tmp_path: Path) -> None:
    past = [span_of(-3600, -3000, "jazz"), span_of(-3000, -5, "rock"), span_of(-5, 0, "down")]
    rig = Rig(tmp_path, past, checks=[quota()])
    async with rig.running():
        rig.say("new", 0, 1, "rock")
    (missed,) = rig.told()
    assert (missed.severity, missed.values["missed"]) == ("alarm", True)
    assert missed.values["share"] == pytest.approx(599 / 3600, abs=1e-4)
    empty = Rig(tmp_path / "other", [], checks=[quota()])
    (tmp_path / "other").mkdir()
    async with empty.running():
        empty.say("new", 0, 1, "rock")
    assert empty.told() == []


async def test_a_record_that_cannot_be_read_counts_as_not_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path, [], checks=[quota()])

    def broken(_station: str, _from_us: int) -> list[Span]:
        raise RuntimeError("the disk is on fire")

    rig.monitor._history = broken
    async with rig.running():
        rig.say("new", 0, 1, "rock")
    assert rig.told() == []
    assert "the disk is on fire" in caplog.text


@pytest.mark.parametrize(("down_s", "told"), [(300.0, 1), (5.0, 0)])
async def test_a_gap_is_told_once_at_the_start(tmp_path: Path, down_s: float, told: int) -> None:
    past = [span_of(-1000, -down_s, "jazz"), span_of(-down_s, 0, "down")]
    rig = Rig(tmp_path, past, down_us=10 * S)
    async with rig.running(1):
        pass
    notices = rig.told()
    assert len(notices) == told
    if told:
        assert (notices[0].kind, notices[0].change, notices[0].values) == ("down", "told", {"lasted_s": 300.0})
        assert notices[0].text.startswith("The daemon was down for 5 min, from 11:55:00 to 12:00:00")
        assert rig.hub.now()["main"]["notices"] == []


async def test_notices_that_are_no_longer_checked_do_not_come_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [], checks=[dead_air()])
    rig.store.save(
        [
            NoticeEvent("main", "dead_air", "", "raised", "alarm", NOON_US, NOON_US, "x"),
            NoticeEvent("main", "quota", "gone", "raised", "alarm", NOON_US, NOON_US, "x"),
            NoticeEvent("other", "dead_air", "", "raised", "alarm", NOON_US, NOON_US, "x"),
            NoticeEvent("main", "show", "", "raised", "info", NOON_US, NOON_US, "x", {"end": "whenever"}),
        ]
    )
    async with rig.running():
        pass
    assert [notice["kind"] for notice in rig.hub.now()["main"]["notices"]] == ["dead_air"]


async def test_the_stream_and_the_schedule_are_held_against_what_is_heard(
    tmp_path: Path, make_status: Callable[..., StatusEvent]
) -> None:
    all_day = WeeklyShow("All day", frozenset(range(7)), time(0), time(0), JAZZ, None, UTC)
    rig = Rig(
        tmp_path,
        [],
        declares=DeclaredCheck("stream", 60 * S, 0.5, UTC),
        due=DeclaredCheck("schedule", 60 * S, 0.5, UTC),
        schedule=Schedule([all_day]),
        meant=lambda text: JAZZ if "Jazz" in text else frozenset(),
    )
    async with rig.running():
        rig.say("new", 0, 1, "rock")
        rig.hub.publish(make_status(source_format={"rate": 44_100, "genre": "Smooth Jazz"}))
        for second in range(2, 70):
            rig.say("update", 0, second, "rock")
    told = {notice.name: notice for notice in rig.told()}
    assert told.keys() == {"stream", "schedule"}
    assert told["stream"].values["declared"] == "Smooth Jazz"
    assert told["stream"].time_us == NOON_US + 61 * S  # counted from when it was declared
    assert told["schedule"].values["declared"] == "jazz (All day)"
    assert told["schedule"].time_us == NOON_US + 60 * S


@pytest.fixture
def make_status() -> Callable[..., StatusEvent]:
    def make(**fields: Any) -> StatusEvent:
        plain: dict[str, Any] = {
            "station": "main",
            "state": "music",
            "trained": True,
            "source": "http://x",
            "source_state": "running",
            "source_restarts": 0,
            "source_error": None,
            "source_format": {},
            "title": None,
            "gap_samples": 0,
            "xruns": 0,
            "dropped_hops": 0,
            "hops": 1,
            "lag_s": 0.0,
            "analyzer": "running",
            "analyzer_restarts": 0,
            "device": "cpu",
            "hop_s": 1.0,
        }
        return StatusEvent(**{**plain, **fields})

    return make


async def test_other_checks_take_the_ledger_over_and_end_what_nobody_looks_for_any_more(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [], checks=[dead_air()])
    async with rig.running():
        rig.say("new", 0, 30, "silence")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (raised,) = rig.told()
        ledger = rig.monitor.watched["main"].ledger
        new = Watched(zone=UTC, checks=[quota()])
        await rig.monitor.apply({"main": new}, NOON_US + 31 * S)
        (cleared,) = rig.told()
        assert (cleared.id, cleared.change, cleared.since_us) == (raised.id, "cleared", NOON_US)
        assert "configuration" in cleared.text
        assert new.ledger is ledger
        assert rig.hub.now()["main"]["notices"] == []
        await rig.monitor.apply({}, NOON_US + 32 * S)
        rig.say("update", 0, 60, "silence")
    assert rig.told() == []
    assert rig.store.load() == []
