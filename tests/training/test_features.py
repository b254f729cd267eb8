"""Columns of recordings: what the engine would compute, in bytes, once for each recording as it is now."""

import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ccmusic_stream.geometry import (
    DB_STEP,
    HOP_LENGTH,
    LAG_COLUMNS,
    SAMPLE_RATE,
    WINDOW_COLUMNS,
    Spectrogram,
)
from ccmusic_stream.picture import decibels
from ccmusic_stream.spectrogram import Transforms
from training import features
from training.features import ROWS, ColumnStore, Job, columns_of, decode, faster
from training.windows import decibels_of


def _noise(seconds: float, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)


def _tone(hertz: float, seconds: float) -> NDArray[np.float32]:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def _write(path: Path, samples: NDArray[np.float32]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spawned processes would each load torch again."""
    monkeypatch.setattr(features, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))


@pytest.mark.parametrize("kind", ["cqt", "mel"])
def test_columns_are_the_engines_but_for_half_a_step(kind: Spectrogram) -> None:
    samples = _noise(4.0, 1)
    columns = columns_of(samples)
    whole = decibels(kind, Transforms(centre=True).columns(kind, torch.from_numpy(samples)[None])[0]).numpy()
    assert columns.dtype == np.uint8
    assert columns.shape == (212, len(samples) // HOP_LENGTH + 1)
    assert whole.shape == columns[ROWS[kind]].shape
    inner = slice(LAG_COLUMNS[kind], -LAG_COLUMNS[kind])  # outside them the libraries pad by reflection
    difference = np.abs(decibels_of(columns[ROWS[kind]]) - whole)[:, inner]
    assert difference.max() <= DB_STEP / 2 + 0.01


def test_piece_by_piece_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = _noise(3.0, 2)
    whole = columns_of(samples)
    monkeypatch.setattr(features, "_PIECE_COLUMNS", 50)  # the last piece is shorter
    pieces = columns_of(samples)
    assert whole.shape == pieces.shape
    # Another length of a matrix product may round the last bit, and with it a level, another way.
    assert np.abs(whole.astype(int) - pieces).max() <= 1
    assert (whole != pieces).mean() < 1e-3


def test_a_faster_tape_is_shorter_and_higher() -> None:
    samples = _tone(440.0, 3.0)
    raised = faster(samples, 2 ** (2 / 12))
    assert len(raised) == pytest.approx(len(samples) / 2 ** (2 / 12), rel=1e-3)
    loudest = [int(columns_of(one)[ROWS["cqt"], 20:60].mean(axis=1).argmax()) for one in (samples, raised)]
    assert loudest == [45, 47]  # A4 is 45 semitones above C1


def test_a_store_tells_what_is_silent_or_no_sound_and_computes_the_rest_in_processes(tmp_path: Path) -> None:
    good = _write(tmp_path / "good.wav", _tone(440.0, 2.0))
    silent = _write(tmp_path / "silent.wav", np.zeros(SAMPLE_RATE, np.float32))
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound at all" * 100)
    store = ColumnStore(tmp_path / "columns")
    told = dict(store.compute([Job(good, (1.0, 1.08)), Job(silent), Job(broken), Job(tmp_path / "good.wav")], 1))
    assert told[good] is None
    assert "no sound" in str(told[silent])
    assert told[broken]
    assert set(told) == {good, silent, broken}
    repeated = np.resize(decode(good), (WINDOW_COLUMNS - 1) * HOP_LENGTH)  # as long as a window
    np.testing.assert_array_equal(store.columns(good)[:], columns_of(repeated))
    assert store.columns(good, 1.08).shape[1] < WINDOW_COLUMNS
    with pytest.raises(FileNotFoundError):
        store.columns(silent)
    assert not list((tmp_path / "columns").glob("*.partial"))


@pytest.mark.usefixtures("in_process")
def test_only_what_changed_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (_write(tmp_path / name, _tone(440.0, 0.5)) for name in ("one.wav", "other.wav"))
    store = ColumnStore(tmp_path / "columns")
    assert list(store.compute([Job(one), Job(other)], 1))
    before = store.columns(other)[:]
    decoded: list[Path] = []

    def recording_decode(path: Path) -> NDArray[np.float32]:
        decoded.append(path)
        return decode(path)

    monkeypatch.setattr(features, "decode", recording_decode)
    _write(other, _tone(880.0, 0.6))
    assert dict(store.compute([Job(one), Job(other)], 1)) == {one: None, other: None}
    assert decoded == [other]
    assert (store.columns(other)[:] != before).any()
    assert dict(store.compute([Job(one), Job(other)], 1)) == {one: None, other: None}
    assert decoded == [other]
    assert dict(store.compute([Job(one, (1.0, 0.92))], 1)) == {one: None}
    assert decoded == [other, one]


@pytest.mark.usefixtures("in_process")
def test_columns_that_are_kept_hold_no_file_open(tmp_path: Path) -> None:
    store = ColumnStore(tmp_path / "columns")
    tone = np.sin(np.arange(SAMPLE_RATE, dtype=np.float32)).astype(np.float32)
    path = tmp_path / "a.wav"
    _write(path, tone)
    list(store.compute([Job(path)], 1))
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    kept = [store.columns(path) for _ in range(50)]
    assert all(one[:1].shape[0] == 1 for one in kept)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_long_sound_is_played_faster_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    tone = np.sin(np.arange(3 * SAMPLE_RATE, dtype=np.float32) / 7).astype(np.float32)
    whole = faster(tone, 1.08)
    monkeypatch.setattr(features, "_PLAYED_AT_ONCE", 10_000)
    np.testing.assert_allclose(faster(tone, 1.08), whole, atol=1e-4)
    assert len(whole) == pytest.approx(3 * SAMPLE_RATE / 1.08, abs=50)
