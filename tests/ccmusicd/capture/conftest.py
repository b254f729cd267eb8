"""What the tests of the capture share: a sink that remembers, a way to run a source, and test tones."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.process import Capture, Ended
from ccmusicd.capture.spec import SourceSpec, parse_spec
from ccmusicd.events import SourceState


class RecordingSink:
    """Keeps all it is told; `log` has the order of what happened, audio as numbers of samples."""

    def __init__(self) -> None:
        self.states: list[tuple[SourceState, str | None, int]] = []
        self.formats: list[Mapping[str, Any]] = []
        self.titles: list[str] = []
        self.warnings: list[tuple[str, int]] = []
        self.blocks: list[NDArray[np.float32]] = []
        self.log: list[tuple[str, int]] = []
        self.samples = 0
        self.open = asyncio.Event()
        self.open.set()

    def source_state(self, state: SourceState, error: str | None, restarts: int) -> None:
        self.states.append((state, error, restarts))

    def source_format(self, fmt: Mapping[str, Any]) -> None:
        self.formats.append(fmt)

    def source_title(self, title: str) -> None:
        self.titles.append(title)

    def source_warning(self, message: str, count: int) -> None:
        self.warnings.append((message, count))

    def begin(self) -> None:
        self.log.append(("begin", 0))

    def audio(self, samples: NDArray[np.float32]) -> None:
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        self.blocks.append(samples)
        self.samples += len(samples)
        self.log.append(("audio", len(samples)))

    def gap(self, samples: int) -> None:
        self.log.append(("gap", samples))

    async def room(self) -> None:
        await self.open.wait()

    @property
    def sound(self) -> NDArray[np.float32]:
        """All audio so far."""
        return np.concatenate([np.empty(0, np.float32), *self.blocks])

    @property
    def errors(self) -> list[str]:
        return [error for _, error, _ in self.states if error is not None]

    def count(self, what: str) -> int:
        """How often `what` ("begin", "gap", or a state) happened."""
        return sum(name == what for name, _ in self.log) + sum(state == what for state, _, _ in self.states)

    def newest(self, seconds: float) -> NDArray[np.float32]:
        return self.sound[-round(seconds * SAMPLE_RATE) :]


class Running:
    """A capture at work, and its sink."""

    def __init__(self, capture: Capture, sink: RecordingSink, task: "asyncio.Task[Ended]") -> None:
        self.capture = capture
        self.sink = sink
        self.task = task

    async def until(self, condition: Callable[[], object], timeout_s: float = 15.0) -> None:
        """Wait for a condition; fails with the sink's story at the deadline, or when the capture ended before."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline or (self.task.done() and not condition()):
                pytest.fail(f"it did not come true; states {self.sink.states}, {self.sink.samples} samples")
            await asyncio.sleep(0.02)

    async def more(self, seconds: float, timeout_s: float = 15.0) -> None:
        """Wait for that much more audio."""
        wanted = self.sink.samples + round(seconds * SAMPLE_RATE)
        await self.until(lambda: self.sink.samples >= wanted, timeout_s)


# Quick retries: the tests measure that it comes back, not how patiently it waits.
QUICK = CaptureOptions(backoff_s=0.1, backoff_max_s=0.5, grace_s=0.5, open_timeout_s=8.0)


@pytest.fixture
def started() -> Callable[..., Any]:
    """`async with started("spec", at_end="stop", …) as running`: a capture that is cancelled at the end."""

    @asynccontextmanager
    async def start(source: str | SourceSpec, **options: Any) -> AsyncIterator[Running]:
        spec = parse_spec(source) if isinstance(source, str) else source
        sink = RecordingSink()
        capture = Capture(spec, replace(QUICK, **options), sink, rng=random.Random(1))  # noqa: S311  # jitter
        task = asyncio.create_task(capture.run())
        try:
            yield Running(capture, sink, task)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return start


@pytest.fixture
def play(started: Callable[..., Any]) -> Callable[..., Any]:
    """`ended, sink = await play("spec", …)`: a source as fast as it goes, to its end."""

    async def to_end(source: str, **options: Any) -> tuple[Ended, RecordingSink]:
        async with started(source, **({"speed": "max"} | options)) as running, asyncio.timeout(30):
            return await asyncio.shield(running.task), running.sink

    return to_end


@pytest.fixture(scope="session")
def ffmpeg(real_part: Callable[[str], str]) -> Callable[..., Path]:
    """`ffmpeg(path, "-i", …)`: make a file with ffmpeg."""
    program = real_part("ffmpeg")

    def make(path: Path, *arguments: str) -> Path:
        subprocess.run([program, "-v", "error", "-nostdin", "-y", *arguments, str(path)], check=True)
        return path

    return make


@pytest.fixture(scope="session")
def frequency() -> Callable[[NDArray[np.float32]], float]:
    """The strongest frequency of a sound at 22,050 Hz, in hertz."""

    def strongest(sound: NDArray[np.float32]) -> float:
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        return float(np.argmax(spectrum) * SAMPLE_RATE / len(sound))

    return strongest
