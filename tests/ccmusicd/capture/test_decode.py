"""The process that decodes strangers' recordings: real files, hostile ones, and what it may use."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE

Decode = Callable[..., dict[str, Any]]


def write(path: Path, samples: NDArray[np.float32], codec: str, rate: int = 44_100) -> Path:
    """A file by its suffix, of mono samples at `rate`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size)
        for start in range(0, len(samples), rate):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + rate], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def sine(seconds: float, rate: int = 44_100) -> NDArray[np.float32]:
    return np.asarray(0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate), np.float32)


@pytest.fixture
def decode(tmp_path: Path) -> Decode:
    def run(file: Path, longest_s: float = 60.0) -> dict[str, Any]:
        line = [sys.executable, "-m", "ccmusicd.capture.decode", str(file), str(tmp_path / "pcm"), str(longest_s)]
        done = subprocess.run(line, capture_output=True, timeout=100, check=False)
        assert done.returncode == 0
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.m4a", "aac")])
def test_a_recording_becomes_mono_samples_at_the_engine_s_rate(
    decode: Decode, tmp_path: Path, name: str, codec: str
) -> None:
    file = write(tmp_path / name, sine(3), codec)
    told = decode(file)
    samples = np.fromfile(tmp_path / "pcm", "<f4")
    assert told["samples"] == len(samples) == pytest.approx(3 * SAMPLE_RATE, abs=SAMPLE_RATE // 10)
    assert (told["rate"], told["size"], told["warnings"]) == (44_100, file.stat().st_size, {})
    assert told["codec"].startswith(codec.removeprefix("lib")[:3])
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_one_that_is_cut_short_is_decoded_up_to_there(decode: Decode, tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp3", sine(10), "libmp3lame")
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    told = decode(cut)
    assert told["samples"] == pytest.approx(5 * SAMPLE_RATE, rel=0.1)


def test_little_that_unpacks_to_much_is_refused_before_it_fills_the_disk(decode: Decode, tmp_path: Path) -> None:
    bomb = write(tmp_path / "bomb.flac", np.zeros(44_100 * 1_800, np.float32), "flac")
    assert bomb.stat().st_size < 500_000
    told = decode(bomb, longest_s=60.0)
    assert told == {"error": "it is longer than 1 min, the most that is analysed."}
    assert (tmp_path / "pcm").stat().st_size <= 60 * SAMPLE_RATE * 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!doctype html><title>404</title>", "web page"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (b"Just some words, again and again. " * 500, "/clip'"),
        (np.random.default_rng(1).bytes(200_000), "/clip'"),
        (b"\x1f\x8b\x08\x00" + bytes(1_000), "/clip'"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00", "/clip'"),
    ],
)
def test_what_is_no_sound_is_refused_in_words(decode: Decode, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "clip"
    file.write_bytes(content)
    told = decode(file)
    assert set(told) == {"error"}
    assert says in told["error"]


def test_a_full_disk_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    file = write(tmp_path / "a.flac", sine(3), "flac")
    line = [sys.executable, "-m", "ccmusicd.capture.decode", str(file), "/dev/full", "60"]
    done = subprocess.run(line, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"later": f"there is no room for what is decoded: {os.strerror(28)}"}
