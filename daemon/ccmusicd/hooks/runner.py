"""The runner: hands events to hooks, each with a queue and a worker of its own, so that none waits for another."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ccmusicd.crew import Crew
from ccmusicd.events import NoticeEvent, SegmentEvent
from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import Call, Changes, Rule
from ccmusicd.hub import Hub

_log = logging.getLogger(__name__)

MOST_WAITING = 64
"""Calls that wait for one hook; of more, the oldest are dropped and counted."""

_INBOX_CAPACITY = 2_048
_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 30.0
_SUMMARY_EVERY_S = 60.0


class Target(Protocol):
    """A webhook or a command."""

    async def call(self, call: Call) -> None:
        """Do it once. Raises `HookError`."""

    async def close(self) -> None:
        """Let go of everything."""


@dataclass(slots=True)
class Counts:
    """What became of a hook's calls since the start; `waiting` is of now."""

    done: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Hook:
    """One hook of the configuration. `retries` are tries after the first, of what may help to try again."""

    name: str
    rule: Rule
    target: Target
    retries: int = 0
    counts: Counts = field(default_factory=Counts)


class HookRunner:
    """Runs for ever beside everything else. One call of a hook at a time, in the order of the events."""

    def __init__(
        self,
        hub: Hub,
        hooks: list[Hook],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._hub = hub
        self._monotonic, self._sleep = monotonic, sleep
        self._workers: dict[str, _Worker] = {hook.name: _Worker(hook, monotonic, sleep) for hook in hooks}
        self._crew = Crew()
        self._inbox = hub.subscribe(("segment", "notice"), capacity=_INBOX_CAPACITY)
        self._changes = Changes()

    @property
    def counts(self) -> Mapping[str, Counts]:
        """Every hook's counts, by its name."""
        return {name: worker.counts() for name, worker in self._workers.items()}

    async def run(self) -> None:
        """Until cancelled; what is under way then is ended, what waits is dropped."""
        for name, worker in self._workers.items():
            self._crew.start(name, worker.run())
        self._crew.start("all hooks", self._hand_out_all())
        await self._crew.working()

    async def apply(self, hooks: Sequence[Hook]) -> None:
        """Have these hooks from now on, while `run` runs. What waits for a hook that changed goes by its new words."""
        before, self._workers = self._workers, {}
        for hook in hooks:
            kept = before.get(hook.name)
            if kept is None or kept.hook is not hook:
                kept = _Worker(hook, self._monotonic, self._sleep)
            self._workers[hook.name] = kept
        await self._crew.stop(*(name for name, worker in before.items() if self._workers.get(name) is not worker))
        for name, worker in self._workers.items():
            if before.get(name) is not worker:
                worker.take_over(before.get(name))
                self._crew.start(name, worker.run())

    async def _hand_out_all(self) -> None:
        try:
            while True:
                event = await self._inbox.get()
                if isinstance(event, SegmentEvent | NoticeEvent):
                    self._hand_out(event)
        finally:
            self._hub.unsubscribe(self._inbox)

    def _hand_out(self, event: SegmentEvent | NoticeEvent) -> None:
        change = self._changes.news(event) if isinstance(event, SegmentEvent) else event.change
        if change is None:
            return
        call = None
        for worker in self._workers.values():
            if worker.hook.rule.wants(event, change):
                call = call or Call.of(event, change)
                worker.put(call)


class _Worker:
    """The queue of one hook and who empties it."""

    def __init__(self, hook: Hook, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.hook = hook
        self._monotonic = monotonic
        self._sleep = sleep
        self._waiting: deque[Call] = deque()
        self._under_way: Call | None = None
        self._filled = asyncio.Event()
        self._told_at: float | None = None  # when a failure was last logged; None: all is well
        self._untold = 0

    def put(self, call: Call) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self.hook.counts.dropped += 1
        self._waiting.append(call)
        self._filled.set()

    def take_over(self, before: "_Worker | None") -> None:
        """Go on with what waits for the hook as it was, and was under way: nobody knows whether that arrived."""
        if before is None:
            return
        old = before.hook.counts
        self.hook.counts = Counts(old.done, old.failed, old.dropped)
        for call in before.undone():
            self.put(call)

    def undone(self) -> list[Call]:
        """The call that is under way, and those that wait."""
        return [call for call in (self._under_way, *self._waiting) if call is not None]

    def counts(self) -> Counts:
        self.hook.counts.waiting = len(self._waiting)
        return self.hook.counts

    async def run(self) -> None:
        try:
            while True:
                while not self._waiting:
                    self._filled.clear()
                    await self._filled.wait()
                self._under_way = self._waiting.popleft()
                await self._call(self._under_way)
                self._under_way = None
        finally:
            await self.hook.target.close()

    async def _call(self, call: Call) -> None:
        try:
            await self._try(call)
        except HookError as error:
            self.hook.counts.failed += 1
            self._complain(str(error))
        else:
            self.hook.counts.done += 1
            if self._told_at is not None:
                _log.info("hook %s works again", self.hook.name)
                self._told_at, self._untold = None, 0

    async def _try(self, call: Call) -> None:
        delay_s = _FIRST_DELAY_S
        for tries_left in range(self.hook.retries, -1, -1):
            try:
                await self.hook.target.call(call)
            except HookError as error:
                if not (error.again and tries_left):
                    raise
                await self._sleep(delay_s)
                delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
            else:
                return

    def _complain(self, why: str) -> None:
        """Log the first failure, then at most one a minute, with how many there were."""
        now = self._monotonic()
        if self._told_at is not None and now - self._told_at < _SUMMARY_EVERY_S:
            self._untold += 1
            return
        more = f" ({self._untold} failures more since the last message)" if self._untold else ""
        _log.warning("hook %s: %s%s", self.hook.name, why, more)
        self._told_at, self._untold = now, 0
