"""Augmentation on decibels: pitches land where a transposed tone would, powers add, masks and filters keep bounds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import BINS, CQT_FMIN_HZ, SAMPLE_RATE, Spectrogram
from training.augment import Levels, Strength, added, coloured, masked, octaves_above_c1, stretched, transposed
from training.features import ROWS, columns_of
from training.windows import decibels_of

NOTHING = Strength(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)
KINDS: tuple[Spectrogram, ...] = ("cqt", "mel")


def _levels(seed: int, bins: int = 84, columns: int = 40) -> Levels:
    return np.random.default_rng(seed).uniform(-60, 0, (bins, columns)).astype(np.float32)


def _tone(hertz: float, kind: Spectrogram) -> Levels:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    samples: NDArray[np.float32] = (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return decibels_of(columns_of(samples)[ROWS[kind]])[:, 30:50]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("semitones", [-2, 1, 2])
@pytest.mark.parametrize("note", [40, 74])
def test_a_transposed_tone_lands_where_the_tone_lies_that_is_so_much_higher(
    kind: Spectrogram, semitones: int, note: int
) -> None:
    moved = transposed(_tone(CQT_FMIN_HZ * 2 ** (note / 12), kind), kind, semitones).mean(axis=1).argmax()
    expected = _tone(CQT_FMIN_HZ * 2 ** ((note + semitones) / 12), kind).mean(axis=1).argmax()
    assert abs(int(moved) - int(expected)) <= (0 if kind == "cqt" else 1)
    if kind == "mel" and note == 74:  # where a semitone is several bands
        assert moved != _tone(CQT_FMIN_HZ * 2 ** (note / 12), kind).mean(axis=1).argmax()


def test_transposition_repeats_the_edge_and_by_nothing_is_nothing() -> None:
    levels = _levels(1)
    np.testing.assert_array_equal(transposed(levels, "cqt", 2)[:3], levels[[0, 0, 0]])
    np.testing.assert_array_equal(transposed(levels, "cqt", -2)[-3:], levels[[-1, -1, -1]])
    assert transposed(levels, "cqt", 0) is levels
    mel = _levels(1, bins=128)
    assert transposed(mel, "mel", 2).shape == mel.shape
    assert np.isfinite(transposed(mel, "mel", -2)).all()


def test_powers_add() -> None:
    levels = _levels(2)
    np.testing.assert_allclose(added(levels, levels), levels + 10 * np.log10(2), atol=1e-4)
    np.testing.assert_allclose(added(levels, levels - 60), levels, atol=1e-4)
    other = _levels(3)
    expected = 10 * np.log10(10 ** (levels / 10) + 10 ** (other / 10))
    np.testing.assert_allclose(added(levels, other), expected, atol=1e-4)
    np.testing.assert_array_equal(added(levels, other), added(other, levels))


def test_masks_are_bands_at_the_mean_and_reach_all_edges() -> None:
    levels = _levels(4)
    before = levels.copy()
    touched = np.zeros(levels.shape, bool)
    for seed in range(300):
        out = masked(levels, np.random.default_rng(seed), 2)
        changed = out != levels
        assert np.unique(out[changed]).size <= 1
        np.testing.assert_allclose(out[changed], levels.mean(), rtol=1e-5)
        assert changed.all(axis=1).mean() <= 2 * 0.12
        assert changed.all(axis=0).mean() <= 2 * 0.12
        touched |= changed
    assert touched.all()
    np.testing.assert_array_equal(levels, before)
    np.testing.assert_array_equal(masked(levels, np.random.default_rng(0), 0), levels)


@pytest.mark.parametrize("kind", KINDS)
def test_a_band_limit_takes_one_end_alone_and_more_the_further_out(kind: Spectrogram) -> None:
    levels = np.zeros((BINS[kind], 5), np.float32)
    limit = Strength(0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0, 0.0)
    octaves = octaves_above_c1(kind)
    ends = set()
    for seed in range(60):
        curve = coloured(levels, kind, np.random.default_rng(seed), limit)[:, 0]
        assert curve.max() == 0.0
        kept = np.flatnonzero(curve == 0.0)
        lost = np.flatnonzero(curve < 0.0)
        if not lost.size:  # a corner above the CQT's highest bin
            continue
        ends.add(low := bool(lost[0] == 0))
        assert lost.max() < kept.min() if low else lost.min() > kept.max()
        steps = np.abs(np.diff(curve[lost]))
        slopes = steps[steps > 1e-4] / np.abs(np.diff(octaves[lost]))[steps > 1e-4]
        if slopes.size:
            assert 23.9 <= slopes.min() <= slopes.max() <= 96.1
    assert ends == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_no_strength_changes_nothing(kind: Spectrogram) -> None:
    levels = _levels(5, BINS[kind])
    np.testing.assert_allclose(coloured(levels, kind, np.random.default_rng(0), NOTHING), levels, atol=1e-5)


def test_noise_only_fills_up_and_lies_well_below_the_top() -> None:
    levels = np.full((84, 200), -100.0, np.float32)
    levels[40] = 0.0
    noise = Strength(0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0, 0.0)
    for seed in range(20):
        out = coloured(levels, "cqt", np.random.default_rng(seed), noise)
        assert (out >= levels - 1e-4).all()
        floor = np.median(np.delete(out, 40, axis=0), axis=1)
        assert -85 - 21 - 3 <= floor.min() <= floor.max() <= -45 + 24
        np.testing.assert_allclose(out[40], 0.0, atol=0.1)


def test_dynamics_keep_the_top() -> None:
    levels = _levels(6)
    dynamics = Strength(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.15, 0, 0.0)
    ranges = []
    for seed in range(40):
        out = coloured(levels, "cqt", np.random.default_rng(seed), dynamics)
        assert out.max() == pytest.approx(levels.max())
        ranges.append(np.ptp(out) / np.ptp(levels))
    assert 0.85 <= min(ranges) < 0.95
    assert 1.05 < max(ranges) <= 1.1501


def test_windows_come_from_anywhere_at_another_tempo_and_a_short_recording_is_repeated() -> None:
    levels = np.tile(np.arange(200, dtype=np.uint8), (3, 1))
    firsts = set()
    for seed in range(200):
        same = stretched(levels, 50, np.random.default_rng(seed), 0.0)[0].astype(int)
        np.testing.assert_array_equal(np.diff(same), 1)
        firsts.add(same[0])
        other = stretched(levels, 50, np.random.default_rng(seed), 0.1)[0].astype(int)
        assert 43 <= other[-1] - other[0] <= 54
    assert min(firsts) < 10
    assert 140 < max(firsts) <= 150
    short = stretched(levels[:, :20], 50, np.random.default_rng(0), 0.0)[0]
    np.testing.assert_array_equal(short, np.resize(np.arange(20), 50))


def test_the_same_generator_gives_the_same() -> None:
    levels = _levels(7)
    one, same, other = (coloured(levels, "cqt", np.random.default_rng(seed), Strength()) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.dtype == np.float32
