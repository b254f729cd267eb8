import json
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.output import Output, Pacer, SourceError


class _Pipes:
    def __init__(self) -> None:
        self.pcm, self._pcm_in = os.pipe()
        self.events, self._events_in = os.pipe()
        self.output = Output(self._pcm_in, self._events_in)

    def close(self) -> None:
        for fd in (self.pcm, self._pcm_in, self.events, self._events_in):
            os.close(fd)

    def sound(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.frombuffer(os.read(self.pcm, 65_536), "<f4")

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in os.read(self.events, 65_536).splitlines() if line]


@pytest.fixture
def pipes() -> Iterator[_Pipes]:
    pipes = _Pipes()
    yield pipes
    pipes.close()


def test_a_gap_names_its_place(pipes: _Pipes) -> None:
    pipes.output.write(np.ones(10, np.float32))
    pipes.output.gap(5)
    pipes.output.gap(0)

    assert pipes.told() == [{"event": "gap", "at": 10, "samples": 5}]


def test_a_title_is_told_when_it_changes(pipes: _Pipes) -> None:
    for title in ("One", "One", "", "Two", "Two", "One"):
        pipes.output.title(title)

    assert [event["title"] for event in pipes.told()] == ["One", "", "Two", "One"]


def test_warnings_are_counted_and_not_repeated_at_once(pipes: _Pipes, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in range(100):
        pipes.output.warn("damaged")
    pipes.output.warn("other", 3)
    assert [(event["message"], event["count"]) for event in pipes.told()] == [("damaged", 1), ("other", 3)]

    now += 6
    pipes.output.write(np.zeros(1, np.float32))
    assert [(event["message"], event["count"]) for event in pipes.told()] == [("damaged", 99)]

    pipes.output.warn("damaged")
    pipes.output.end()
    assert [(event["event"], event.get("count")) for event in pipes.told()] == [("warning", 1), ("end", None)]


def test_an_error_is_told_with_whether_trying_again_helps(pipes: _Pipes) -> None:
    pipes.output.error(SourceError("no such file", permanent=True))

    assert pipes.told() == [{"event": "error", "message": "no such file", "permanent": True}]


def test_audio_is_little_endian_floats(pipes: _Pipes) -> None:
    pipes.output.write(np.array([0.5, np.nan, -1.5], np.float32))

    np.testing.assert_array_equal(pipes.sound(), [0.5, 0.0, -1.5])
    assert pipes.output.samples == 3


def test_paced_audio_leaves_when_it_would_be_heard(pipes: _Pipes) -> None:
    began = time.monotonic()
    pipes.output.pacer = Pacer()
    pipes.output.write(np.zeros(SAMPLE_RATE // 4, np.float32))
    pipes.output.gap(SAMPLE_RATE // 4)

    assert time.monotonic() - began == pytest.approx(0.5, abs=0.2)


def test_after_a_long_pause_the_clock_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", slept.append)
    pacer = Pacer(slack_s=1.0)
    pacer.wait(SAMPLE_RATE)
    assert slept == [pytest.approx(1.0)]

    now += 1.5  # half a second late: it may catch up
    pacer.wait(SAMPLE_RATE)
    assert slept.pop() == pytest.approx(0.5)

    now += 60.0  # stopped for a minute: no burst of sixty seconds
    pacer.wait(SAMPLE_RATE)
    pacer.wait(SAMPLE_RATE)
    assert slept[-1] == pytest.approx(1.0)


def test_a_burst_passes_and_what_follows_it_keeps_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    pacer = Pacer(ahead_s=30.0)
    for _ in range(30):
        pacer.wait(SAMPLE_RATE)
    assert slept == []
    pacer.wait(SAMPLE_RATE)
    assert slept == [pytest.approx(1.0)]
