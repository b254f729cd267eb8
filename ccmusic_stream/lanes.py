"""Calls side by side on worker threads; one that stalls is left behind and keeps none of the others waiting."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LEAST_WORK = 0.02
"""Share of the patience which a call that works has spent computing, however busy the machine."""

RETRY_AFTER_S = 60.0
"""A call that still has not come back after this is left where it is, and the next one of its name tried beside it."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """How a call ended: its value, or the `error` that it raised (`TimeoutError`: it stalls), and its time in ms."""

    value: T | None
    error: BaseException | None
    ms: float


@dataclass(slots=True)
class _Call(Generic[T]):
    name: str
    work: Callable[[], T]
    answers: "queue.SimpleQueue[tuple[str, Outcome[T]]]"
    started: float = 0.0
    thread: threading.Thread | None = None
    worked_s: float = 0.0
    abandoned: bool = False

    def cpu_s(self) -> float:
        """CPU time of the thread that it runs on, in seconds. Only while it runs: a thread that ended has no clock."""
        assert self.thread is not None and self.thread.ident is not None  # noqa: PT018, S101 - it runs
        return time.clock_gettime(time.pthread_getcpuclockid(self.thread.ident))


class Lanes(Generic[T]):
    """`lanes` worker threads that take calls in order; `prepare` runs once on each before its first.

    A call stalls when its thread has hardly computed anything within `patience_s`, or has not come back within ten
    times that. It loses its lane to a new thread; until it comes back, calls of its name are answered with
    `TimeoutError` at once, and after `RETRY_AFTER_S` tried again. Not to be used from two threads.
    """

    def __init__(self, lanes: int, *, patience_s: float = 3.0, prepare: Callable[[], None] = lambda: None) -> None:
        self._patience_s = patience_s
        self._prepare = prepare
        self._waiting: queue.SimpleQueue[_Call[T] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[str, _Call[T]] = {}
        self._lanes = lanes
        for _ in range(lanes):
            self._open_lane()

    def close(self) -> None:
        """End the threads, each after the call that it is busy with."""
        for _ in range(self._lanes):
            self._waiting.put(None)

    def run(self, calls: Mapping[str, Callable[[], T]]) -> dict[str, Outcome[T]]:
        """Run all calls and wait until each came back or stalls; they begin in the order given."""
        answers: queue.SimpleQueue[tuple[str, Outcome[T]]] = queue.SimpleQueue()
        outcomes: dict[str, Outcome[T]] = {}
        begun = time.monotonic()
        for name, work in calls.items():
            stalled_s = self._stalled_s(name, begun)
            if stalled_s is None or stalled_s > RETRY_AFTER_S:
                self._waiting.put(_Call(name, work, answers))
            else:
                outcomes[name] = _stalled(stalled_s)
        while len(outcomes) < len(calls):
            try:
                name, outcome = answers.get(timeout=self._patience_s)
            except queue.Empty:
                outcomes |= self._abandon_stalled()
            else:
                outcomes[name] = outcome
        return {name: outcomes[name] for name in calls}

    def _stalled_s(self, name: str, now: float) -> float | None:
        with self._lock:
            call = self._running.get(name)
            return None if call is None else now - call.started

    def _abandon_stalled(self) -> dict[str, Outcome[T]]:
        """Give up the calls that stall; each lane that they held is opened anew."""
        outcomes: dict[str, Outcome[T]] = {}
        with self._lock:
            for call in self._running.values():
                if call.abandoned:
                    continue
                before_s, call.worked_s = call.worked_s, call.cpu_s()
                passed_s = time.monotonic() - call.started
                works = call.worked_s - before_s >= LEAST_WORK * self._patience_s
                if passed_s >= self._patience_s and (not works or passed_s > 10 * self._patience_s):
                    call.abandoned = True
                    outcomes[call.name] = _stalled(passed_s)
        for _ in outcomes:
            self._open_lane()
        return outcomes

    def _open_lane(self) -> None:
        threading.Thread(target=self._work, name="votes", daemon=True).start()

    def _work(self) -> None:
        self._prepare()
        while (call := self._waiting.get()) is not None:
            with self._lock:
                call.thread = threading.current_thread()
                call.started = time.monotonic()
                call.worked_s = call.cpu_s()
                self._running[call.name] = call
            outcome = _outcome(call.work)
            with self._lock:
                if self._running.get(call.name) is call:
                    del self._running[call.name]
                if call.abandoned:
                    return  # another thread has its lane, and nobody waits for its answer
            call.answers.put((call.name, outcome))


def _outcome(work: Callable[[], T]) -> Outcome[T]:
    started = time.perf_counter()
    value, error = None, None
    try:
        value = work()
    except BaseException as raised:  # noqa: BLE001 - whoever waits must hear of it
        error = raised
    return Outcome(value, error, (time.perf_counter() - started) * 1e3)


def _stalled(seconds: float) -> Outcome[T]:
    return Outcome(None, TimeoutError(f"has not answered for {seconds:.0f} s"), seconds * 1e3)
