"""The runner: bounded queues, tries that end, failures told once, and no hook that waits for another."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import NoticeEvent
from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import Call, Rule
from ccmusicd.hooks.runner import MOST_WAITING, Hook, HookRunner
from ccmusicd.hub import About, Hub, StationInfo

QUOTA = Rule(frozenset({"quota"}))


class Fake:
    """A target that is told how to behave: waits for `go`, and fails as long as there are `failures`."""

    def __init__(self, *failures: HookError) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.failures = list(failures)
        self.calls: list[Call] = []
        self.closed = False

    async def call(self, call: Call) -> None:
        await self.go.wait()
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)

    async def close(self) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def hub() -> Hub:
    labels = Labels([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])
    return Hub(About("n", "b", True, labels, (), (StationInfo("main", "Main", "demo"),)))


@contextlib.asynccontextmanager
async def running(hub: Hub, clock: Clock, **targets: tuple[Fake, int]) -> AsyncIterator[HookRunner]:
    hooks = [Hook(name, QUOTA, fake, retries) for name, (fake, retries) in targets.items()]
    runner = HookRunner(hub, hooks, monotonic=clock.monotonic, sleep=clock.sleep)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def tell(hub: Hub, text: str = "x") -> None:
    hub.publish(NoticeEvent("main", "quota", "", "raised", "alarm", 0, 0, text))


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)


def _has_calls(fake: Fake, count: int) -> bool:
    return len(fake.calls) == count


async def test_a_hook_that_hangs_delays_no_other_and_its_queue_is_bounded(hub: Hub) -> None:
    slow, quick = Fake(), Fake()
    slow.go.clear()
    async with running(hub, Clock(), slow=(slow, 0), quick=(quick, 0)) as runner:
        for number in range(MOST_WAITING + 11):
            tell(hub, str(number))
            await until(functools.partial(_has_calls, quick, number + 1))
        counts = runner.counts
        assert (counts["slow"].dropped, counts["slow"].waiting) == (10, MOST_WAITING)
        assert (counts["quick"].done, counts["quick"].dropped) == (MOST_WAITING + 11, 0)
        slow.go.set()
        await until(lambda: runner.counts["slow"].done == MOST_WAITING + 1)
        texts = [call.words["text"] for call in slow.calls]
        assert texts == ["0", *map(str, range(11, MOST_WAITING + 11))]  # in order, the oldest dropped
    assert slow.closed
    assert not hub._inboxes


async def test_what_may_help_is_tried_again_ever_more_slowly_and_then_given_up(hub: Hub) -> None:
    clock = Clock()
    later, never = Fake(*[HookError("503", again=True)] * 3), Fake(HookError("404"))
    hopeless = Fake(*[HookError("away", again=True)] * 9)
    async with running(hub, clock, later=(later, 3), never=(never, 3), hopeless=(hopeless, 2)) as runner:
        tell(hub)
        await until(lambda: runner.counts["later"].done and runner.counts["hopeless"].failed)
        assert (len(later.calls), len(never.calls), len(hopeless.calls)) == (4, 1, 3)
        assert runner.counts["never"].failed == 1
        assert sorted(clock.slept) == [1.0, 1.0, 2.0, 2.0, 4.0]


async def test_failures_are_told_once_a_minute_with_their_number(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    fake = Fake(*[HookError("no bulb")] * 7)
    async with running(hub, clock, lights=(fake, 0)) as runner:
        for number in range(6):
            tell(hub)
            await until(functools.partial(_has_calls, fake, number + 1))
            await asyncio.sleep(0)
        assert [record.getMessage() for record in caplog.records] == ["hook lights: no bulb"]
        clock.now += 61
        tell(hub)
        await until(lambda: runner.counts["lights"].failed == 7)
        assert caplog.records[-1].getMessage() == "hook lights: no bulb (5 failures more since the last message)"
        tell(hub)
        await until(lambda: runner.counts["lights"].done == 1)
        assert caplog.records[-1].getMessage() == "hook lights works again"


async def test_other_hooks_are_taken_and_what_waits_for_one_that_changed_goes_by_its_new_words(hub: Hub) -> None:
    stuck, kept, after = Fake(), Fake(), Fake()
    stuck.go.clear()
    clock = Clock()
    async with running(hub, clock, alarm=(stuck, 0), kept=(kept, 0), dropped=(Fake(), 0)) as runner:
        tell(hub, "one")
        tell(hub, "two")
        await until(lambda: len(kept.calls) == 2)
        untouched = runner._workers["kept"].hook
        await runner.apply([untouched, Hook("alarm", QUOTA, after, 0), Hook("new", QUOTA, fresh := Fake(), 0)])
        await until(lambda: len(after.calls) == 2)
        tell(hub, "three")
        await until(lambda: len(fresh.calls) == 1 and len(after.calls) == 3)
        assert [call.words["text"] for call in after.calls] == ["one", "two", "three"]
        assert stuck.closed
        assert set(runner.counts) == {"kept", "alarm", "new"}
        assert (runner.counts["alarm"].done, runner.counts["kept"].done) == (3, 3)
    assert kept.closed
    assert not hub._inboxes
