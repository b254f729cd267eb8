"""Calls side by side: outcomes, and what a call that stalls costs the others."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ccmusic_stream import lanes as room
from ccmusic_stream.lanes import Lanes

PATIENCE_S = 0.15


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What a stalled call waits for; set at the end, so that its thread ends too."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def make() -> Iterator[Callable[[int], Lanes[str]]]:
    made: list[Lanes[str]] = []

    def lanes(count: int) -> Lanes[str]:
        made.append(Lanes(count, patience_s=PATIENCE_S))
        return made[-1]

    yield lanes
    for one in made:
        one.close()


def stalls(event: threading.Event) -> Callable[[], str]:
    def work() -> str:
        event.wait()
        return "late"

    return work


def test_calls_run_at_the_same_time(make: Callable[[int], Lanes[str]]) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet() -> str:
        meeting.wait()
        return "met"

    outcomes = make(3).run(dict.fromkeys("abc", meet))
    assert {name: outcome.value for name, outcome in outcomes.items()} == {"a": "met", "b": "met", "c": "met"}
    assert all(outcome.error is None and outcome.ms > 0 for outcome in outcomes.values())


def test_one_lane_takes_calls_in_their_order_and_outcomes_keep_it(make: Callable[[int], Lanes[str]]) -> None:
    begun: list[str] = []

    def begin(name: str) -> Callable[[], str]:
        return lambda: begun.append(name) or name  # type: ignore[func-returns-value]

    outcomes = make(1).run({name: begin(name) for name in ("z", "a", "m")})
    assert begun == list(outcomes) == ["z", "a", "m"]


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), SystemExit(3)], ids=repr)
@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_is_its_calls_outcome_alone(
    make: Callable[[int], Lanes[str]], error: BaseException, count: int
) -> None:
    def fails() -> str:
        raise error

    lanes = make(count)
    for _ in range(2):
        outcomes = lanes.run({"bad": fails, "good": lambda: "fine"})
        assert outcomes["bad"].error is error
        assert outcomes["bad"].value is None
        assert outcomes["good"].value == "fine"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_call_that_stalls_is_left_out_and_keeps_none_waiting(
    make: Callable[[int], Lanes[str]], stuck: threading.Event, count: int
) -> None:
    lanes = make(count)
    outcomes = lanes.run({"bad": stalls(stuck), "b": lambda: "fine", "c": lambda: "fine"})
    assert isinstance(outcomes["bad"].error, TimeoutError)
    assert "has not answered for" in str(outcomes["bad"].error)
    assert outcomes["b"].value == outcomes["c"].value == "fine"
    called: list[str] = []
    began = time.monotonic()
    again = lanes.run({"bad": lambda: called.append("bad") or "?", "b": lambda: "fine"})  # type: ignore[func-returns-value]
    assert time.monotonic() - began < PATIENCE_S
    assert not called
    assert isinstance(again["bad"].error, TimeoutError)
    assert again["b"].value == "fine"


@pytest.mark.parametrize("count", [1, 2])
def test_all_lanes_are_there_again_after_more_calls_than_lanes_stalled(
    make: Callable[[int], Lanes[str]], stuck: threading.Event, count: int
) -> None:
    lanes = make(count)
    outcomes = lanes.run({name: stalls(stuck) for name in "abc"})
    assert all(isinstance(outcome.error, TimeoutError) for outcome in outcomes.values())
    meeting = threading.Barrier(count, timeout=10)
    after = lanes.run({f"after {number}": lambda: str(meeting.wait()) for number in range(count)})
    assert [outcome.error for outcome in after.values()] == [None] * count


def test_a_call_that_came_back_is_tried_again_and_its_late_answer_dropped(
    make: Callable[[int], Lanes[str]], stuck: threading.Event
) -> None:
    lanes = make(1)
    lanes.run({"a": stalls(stuck)})
    stuck.set()
    deadline = time.monotonic() + 10
    while (outcome := lanes.run({"a": lambda: "new"})["a"]).error is not None:
        assert time.monotonic() < deadline
    assert outcome.value == "new"


def test_a_call_that_never_comes_back_is_tried_again_beside_itself(
    make: Callable[[int], Lanes[str]], stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = make(1)
    lanes.run({"a": stalls(stuck)})
    assert lanes.run({"a": lambda: "new"})["a"].value is None
    monkeypatch.setattr(room, "RETRY_AFTER_S", 0.0)
    assert lanes.run({"a": lambda: "new"})["a"].value == "new"
    monkeypatch.undo()
    stuck.set()
    for answer in "xyz":  # the first one coming back late changes nothing
        assert lanes.run({"a": lambda answer=answer: answer})["a"].value == answer  # type: ignore[misc]


def test_a_slow_call_that_computes_is_waited_for(make: Callable[[int], Lanes[str]]) -> None:
    def works() -> str:
        until = time.thread_time() + 3 * PATIENCE_S
        while time.thread_time() < until:
            pass
        return "at last"

    assert make(1).run({"a": works})["a"].value == "at last"


def test_a_call_that_computes_for_ever_is_left_out_in_the_end(stuck: threading.Event) -> None:
    def works() -> str:
        while not stuck.is_set() and time.thread_time() < 5.0:  # for ever would be no failure, but no end
            pass
        return "late"

    lanes: Lanes[str] = Lanes(1, patience_s=0.05)
    outcomes = lanes.run({"bad": works, "good": lambda: "fine"})
    lanes.close()
    assert isinstance(outcomes["bad"].error, TimeoutError)
    assert outcomes["bad"].ms > 10 * 50
    assert outcomes["good"].value == "fine"


def test_every_thread_is_prepared_and_none_is_left_after_the_end(stuck: threading.Event) -> None:
    before = set(threading.enumerate())
    prepared: list[int] = []
    lanes: Lanes[str] = Lanes(2, patience_s=PATIENCE_S, prepare=lambda: prepared.append(threading.get_ident()))
    lanes.run({"a": stalls(stuck), "b": lambda: "fine"})
    mine = set(threading.enumerate()) - before
    assert len(mine) == 3  # two lanes, and the one that is stuck
    lanes.close()
    stuck.set()
    for thread in mine:
        thread.join(10)
        assert not thread.is_alive()
    assert len(set(prepared)) == 3
