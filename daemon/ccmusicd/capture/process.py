"""Keeps the capture child of one station alive: reads it, watches it, restarts it.

A `Capture` belongs to the event loop that runs it; the sink is called from there only, in order.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ccmusicd.capture.options import ORDER, AtEnd, CaptureOptions, Order
from ccmusicd.capture.spec import SourceSpec
from ccmusicd.events import SourceState

_READ_BYTES = 65_536
_LINE_BYTES = 65_536
_SAMPLE_BYTES = 4
_STALL_S = {"soundcard": 2.0, "media": 10.0, "demo": 5.0}
_NO_REASON = "The capture process ended without a word."


class Sink(Protocol):
    """Who listens; called from the event loop only, in the order in which things happened."""

    def source_state(self, state: SourceState, error: str | None, restarts: int) -> None:
        """The source is connecting, running, in backoff or ended; `error` says why it is not running."""

    def source_format(self, fmt: Mapping[str, Any]) -> None:
        """What the source turned out to be: rate, channels, codec, layout, live, duration_s."""

    def source_title(self, title: str) -> None:
        """What is playing now."""

    def source_warning(self, message: str, count: int) -> None:
        """Something went wrong `count` times; the source goes on."""

    def begin(self) -> None:
        """The first PCM of a new child is about to come."""

    def audio(self, samples: NDArray[np.float32]) -> None:
        """Mono at 22,050 Hz, finite, shape (n,); belongs to the sink."""

    def gap(self, samples: int) -> None:
        """So many samples were lost at this place."""

    async def room(self) -> None:
        """Wait until more audio is welcome."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The source is over for good. `exit_code`: what the program ends with if nothing else keeps it running."""

    reason: Literal["eof", "error"]
    message: str | None
    exit_code: int


@dataclass(slots=True)
class _Outcome:
    """How one child's life went. `started`: monotonic time of its first PCM; `error`: None when it ended in order."""

    error: str | None = _NO_REASON
    permanent: bool = False
    code: int = 0
    live: bool | None = None
    started: float | None = None
    noise: str = ""


class Capture:
    """Runs the capture child of one source for ever."""

    def __init__(
        self, spec: SourceSpec, options: CaptureOptions, sink: Sink, *, rng: random.Random | None = None
    ) -> None:
        self.pid: int | None = None
        self._spec = spec
        self._options = options
        self._sink = sink
        self._rng = rng or random.Random()  # noqa: S311  # jitter, no secret
        self._restarts = 0
        self._failures = 0

    def change(self, options: CaptureOptions) -> None:
        """Capture by these: what concerns the child from its next start on, all else at once."""
        self._options = options

    @property
    def _stall_s(self) -> float:
        stall_s = self._options.stall_s
        return _STALL_S.get(self._spec.kind, 0.0) if stall_s is None else stall_s

    async def run(self) -> Ended:
        """Capture until the source has ended for good; cancel to stop, the child is gone when this returns."""
        while True:
            self._sink.source_state("connecting", None, self._restarts)
            outcome = await self._one_child()
            ended = self._verdict(outcome)
            if ended is not None:
                self._sink.source_state("ended", ended.message, self._restarts)
                return ended
            self._restarts += 1
            if outcome.error is None and self._at_end(outcome) == "loop" and outcome.started is not None:
                continue
            await self._back_off(outcome)

    def _verdict(self, outcome: _Outcome) -> Ended | None:
        if outcome.error is None:
            return Ended("eof", None, 0) if self._at_end(outcome) == "stop" else None
        if not outcome.permanent:
            return None
        # One that had to be killed after its last word has no code of its own.
        return Ended("error", outcome.error, outcome.code if outcome.code > 0 else os.EX_UNAVAILABLE)

    def _at_end(self, outcome: _Outcome) -> AtEnd:
        if self._spec.kind == "stdin":
            return "stop"  # what was read from a pipe cannot be read again
        live = self._spec.live if outcome.live is None else outcome.live
        return self._options.at_end or ("restart" if live else "stop")

    async def _back_off(self, outcome: _Outcome) -> None:
        steady = outcome.started is not None and time.monotonic() - outcome.started >= self._options.steady_s
        self._failures = 0 if steady else self._failures
        # The exponent is bounded: 2.0 ** 1024 would overflow after a long night.
        longest = min(self._options.backoff_s * 2.0 ** min(self._failures, 32), self._options.backoff_max_s)
        self._failures += 1
        self._sink.source_state("backoff", outcome.error or "The source ended.", self._restarts)
        # Jitter, so that many stations do not come back to a server in step.
        await asyncio.sleep(longest * self._rng.uniform(0.5, 1.0))

    async def _one_child(self) -> _Outcome:
        outcome = _Outcome()
        async with contextlib.AsyncExitStack() as stack:
            try:
                child = await _Child.start(self._spec, self._options)
            except OSError as error:  # no process or memory to be had at this moment
                outcome.error = f"The capture process cannot be started: {error.strerror or error}."
                return outcome
            stack.push_async_callback(child.stop, self._options.grace_s)
            self.pid = child.pid
            try:
                await self._listen(child, outcome)
            finally:
                self.pid = None
        if outcome.error is not None:
            outcome.error = self._spec.hide(outcome.error)
        return outcome

    async def _listen(self, child: "_Child", outcome: _Outcome) -> None:
        delivery = _Delivery(self._sink)
        quiet_since = time.monotonic()
        while True:
            wait_s = self._stall_s + (self._options.open_timeout_s if outcome.started is None else 0.0)
            heard = await child.next(quiet_since + wait_s if self._stall_s else None)
            for event in heard.events:
                self._take_event(event, delivery, outcome)
            if heard.pcm:
                await self._sink.room()  # only for sound: what is wrong with the source is told at once
                if outcome.started is None:
                    outcome.started = time.monotonic()
                    self._sink.source_state("running", None, self._restarts)
                    self._sink.begin()
                quiet_since = time.monotonic()
            delivery.audio(heard.pcm)
            if heard.stalled:
                outcome.error = f"{self._spec.redacted} is stalled: no audio for {wait_s:g} s."
                return
            if heard.over:
                delivery.finish()
                outcome.code = await child.exit_code(self._options.grace_s)
                self._explain(outcome)
                return

    def _take_event(self, event: Mapping[str, Any], delivery: "_Delivery", outcome: _Outcome) -> None:
        kind = event.get("event")
        if kind == "format":
            outcome.live = bool(event["live"])
            self._sink.source_format({key: value for key, value in event.items() if key != "event"})
        elif kind == "title":
            self._sink.source_title(event["title"])
        elif kind == "warning":
            self._sink.source_warning(self._spec.hide(event["message"]), event["count"])
        elif kind == "gap":
            delivery.note_gap(event["at"], event["samples"])
        elif kind == "end":
            outcome.error = None
        elif kind == "error":
            outcome.error, outcome.permanent = event["message"], event["permanent"]
            outcome.noise = ""
        elif kind == "noise":
            outcome.noise = event["line"]

    def _explain(self, outcome: _Outcome) -> None:
        """Give a child that died without an `error` or `end` event the best reason there is."""
        if outcome.error == _NO_REASON:
            code = outcome.code
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            outcome.error = f"The capture process {how}" + (f": {outcome.noise}" if outcome.noise else ".")


class _Delivery:
    """Hands a child's audio on, with its gaps at their places and the bytes of a cut sample kept for the next read."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._samples = 0
        self._carried = b""
        self._gaps: deque[tuple[int, int]] = deque()

    def note_gap(self, at: int, samples: int) -> None:
        self._gaps.append((at, samples))

    def audio(self, data: bytes) -> None:
        if not data:
            return
        data = self._carried + data
        whole = len(data) - len(data) % _SAMPLE_BYTES
        self._carried = data[whole:]
        samples = np.frombuffer(data[:whole], "<f4").astype(np.float32)
        np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        while self._gaps and self._gaps[0][0] < self._samples + len(samples):
            at, lost = self._gaps.popleft()
            before = max(at - self._samples, 0)
            self._hand_on(samples[:before])
            samples = samples[before:]
            self._sink.gap(lost)
        self._hand_on(samples)

    def finish(self) -> None:
        """The child is over: what it lost at its very end still counts."""
        while self._gaps:
            self._sink.gap(self._gaps.popleft()[1])

    def _hand_on(self, samples: NDArray[np.float32]) -> None:
        if len(samples):
            self._samples += len(samples)
            self._sink.audio(samples)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one wait brought. `over`: the child has closed its stdout; `stalled`: no PCM within the time allowed."""

    pcm: bytes = b""
    events: Sequence[Mapping[str, Any]] = field(default=())
    over: bool = False
    stalled: bool = False


class _Child:
    """One child process with its two pipes.

    The pipes are read here and not through asyncio's streams because their order matters: what was written to stderr
    before a piece of PCM must be seen before it.
    """

    def __init__(self, process: asyncio.subprocess.Process, pcm_fd: int, event_fd: int) -> None:
        self.pid = process.pid
        self._process = process
        self._pcm_fd = pcm_fd
        self._event_fd = event_fd
        self._line = b""

    @classmethod
    async def start(cls, spec: SourceSpec, options: CaptureOptions) -> "_Child":
        pcm_read, pcm_write = os.pipe()
        try:
            event_read, event_write = os.pipe()
        except OSError:
            os.close(pcm_read)
            os.close(pcm_write)
            raise
        try:
            process = await asyncio.create_subprocess_exec(
                *child_command(),
                stdin=None if spec.kind == "stdin" else asyncio.subprocess.DEVNULL,
                stdout=pcm_write,
                stderr=event_write,
                env={**os.environ, ORDER: Order(spec, options, os.getpid()).to_json()},
                # A group of its own: a command that the child runs is stopped with it, whatever becomes of the child.
                process_group=0,
            )
        except BaseException:
            os.close(pcm_read)
            os.close(event_read)
            raise
        finally:
            os.close(pcm_write)
            os.close(event_write)
        os.set_blocking(pcm_read, False)
        os.set_blocking(event_read, False)
        return cls(process, pcm_read, event_read)

    async def next(self, deadline: float | None) -> _Heard:
        """Wait for PCM or events until `deadline`, in monotonic time."""
        fds = [self._pcm_fd, self._event_fd]
        events: list[Mapping[str, Any]] = []
        while True:
            pcm = _read(self._pcm_fd)
            raw = _read(self._event_fd)
            events += self._parse(raw or b"")
            left = None if deadline is None else deadline - time.monotonic()
            stalled = pcm is None and left is not None and left <= 0
            if pcm is not None or events or stalled:
                return _Heard(pcm or b"", events, over=pcm == b"", stalled=stalled)
            if raw == b"":
                fds = [self._pcm_fd]  # its stderr is closed: it would be readable for ever
            await _readable(fds, left)

    async def exit_code(self, grace_s: float) -> int:
        """The code of a child that has closed its stdout; one that does not end is stopped."""
        try:
            async with asyncio.timeout(grace_s):
                return await self._process.wait()
        except TimeoutError:
            await self._end(grace_s)
            return self._process.returncode or 0

    async def stop(self, grace_s: float) -> None:
        """End the child and whatever it started, and close the pipes."""
        try:
            await self._end(grace_s)
        finally:
            self._signal(signal.SIGKILL)
            os.close(self._pcm_fd)
            os.close(self._event_fd)

    async def _end(self, grace_s: float) -> None:
        if self._process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _parse(self, raw: bytes) -> list[Mapping[str, Any]]:
        *lines, self._line = (self._line + raw).split(b"\n")
        self._line = self._line[-_LINE_BYTES:]
        return [_event(line) for line in lines if line.strip()]


def child_command() -> list[str]:
    """The command line of a capture child."""
    return [sys.executable, "-P", "-m", "ccmusicd.capture.child"]


def _event(line: bytes) -> Mapping[str, Any]:
    """An event; a line that a library wrote to stderr becomes the event `noise`."""
    if line.startswith(b'{"event"'):
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                return event
    return {"event": "noise", "line": line.decode("utf-8", "replace").strip()[:500]}


def _read(fd: int) -> bytes | None:
    """What is there to read: None for nothing now, empty at the end."""
    try:
        return os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return None


async def _readable(fds: Sequence[int], timeout_s: float | None) -> None:
    """Wait until one of `fds` can be read or has ended, at most `timeout_s`."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    for fd in fds:
        loop.add_reader(fd, wake)
    try:
        async with asyncio.timeout(timeout_s):
            await ready
    except TimeoutError:
        pass
    finally:
        for fd in fds:
            loop.remove_reader(fd)
