"""Joints of sounds whose spectra are known: cuts to a tenth of a second, blends with their length."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.joints import FRAME_S, Joint, find_joint

BINS = 84
RATE = SAMPLE_RATE / HOP_LENGTH

Levels = NDArray[np.float64]


def _sound(rng: np.random.Generator, seconds: float, spread_db: float = 6.0) -> Levels:
    """A spectrum of its own, notes that come and go, and the scatter of single columns."""
    columns = round(seconds * RATE)
    spectrum = rng.normal(-40.0, 8.0, (BINS, 1))
    notes = np.repeat(rng.normal(0.0, spread_db, (BINS, columns // 20 + 1)), 20, axis=1)[:, :columns]
    return spectrum + notes + rng.normal(0.0, 4.0, (BINS, columns))


def _joined(rng: np.random.Generator, length_s: float, after_s: float = 12.0) -> tuple[Levels, float]:
    """12 s of one sound, then another for `after_s`, faded into each other: levels, and the middle in seconds."""
    one, other = _sound(rng, 12.0), _sound(rng, after_s)
    over = round(length_s * RATE)
    if over == 0:
        return np.concatenate((one, other), axis=1), one.shape[1] / RATE
    fade = np.linspace(0.5 / over, 1 - 0.5 / over, over)
    powers = 10 ** (one[:, -over:] / 10) * (1 - fade) ** 2 + 10 ** (other[:, :over] / 10) * fade**2
    levels = np.concatenate((one[:, :-over], 10 * np.log10(powers), other[:, over:]), axis=1)
    return levels, (one.shape[1] - over / 2) / RATE


def _found(levels: Levels, about_s: float) -> Joint:
    joint = find_joint(levels, about_s)
    assert joint is not None
    return joint


@pytest.mark.parametrize("off_s", [-3.0, 0.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_cut_is_found_to_a_tenth_of_a_second_from_seconds_away(seed: int, off_s: float) -> None:
    levels, at_s = _joined(np.random.default_rng(seed), 0.0)
    joint = _found(levels, at_s + off_s)
    assert joint.at_s == pytest.approx(at_s, abs=0.12)
    assert joint.error_s <= 0.5
    assert not joint.is_blend


@pytest.mark.parametrize("length_s", [4.0, 8.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_blend_is_one_and_its_middle_and_length_are_found(seed: int, length_s: float) -> None:
    levels, at_s = _joined(np.random.default_rng(seed), length_s)
    joint = _found(levels, at_s + 1.5)
    assert joint.is_blend
    assert joint.at_s == pytest.approx(at_s, abs=1.0)
    assert joint.length_s == pytest.approx(length_s, abs=2.5)
    assert abs(joint.at_s - at_s) <= joint.error_s + FRAME_S


def test_four_seconds_of_the_new_sound_are_enough() -> None:
    levels, at_s = _joined(np.random.default_rng(5), 0.0, after_s=4.0)
    assert _found(levels, at_s + 1.0).at_s == pytest.approx(at_s, abs=0.12)


def test_a_constant_gain_and_bytes_of_decibels_change_nothing() -> None:
    levels, at_s = _joined(np.random.default_rng(6), 0.0)
    quiet = _found(levels - 37.5, at_s + 1.0)
    assert quiet == _found(levels, at_s + 1.0)
    steps = np.round(levels / 0.625) * 0.625
    assert _found(steps.astype(np.float32), at_s + 1.0).at_s == pytest.approx(quiet.at_s, abs=0.1)


def test_where_there_is_too_little_or_nothing_changes_there_is_no_joint() -> None:
    levels, at_s = _joined(np.random.default_rng(7), 0.0)
    columns = round((at_s + 1.0) * RATE)
    assert find_joint(levels[:, :columns], at_s) is None
    assert find_joint(levels, 1.0) is None
    assert find_joint(levels, levels.shape[1] / RATE + 5.0) is None
    assert find_joint(np.empty((BINS, 0)), 5.0) is None
    assert find_joint(np.full((BINS, 900), -100.0), 10.0) is None


def test_one_sound_alone_is_told_with_a_large_error_or_not_at_all() -> None:
    joint = find_joint(_sound(np.random.default_rng(8), 24.0), 12.0)
    assert joint is None or joint.error_s > 1.0


@pytest.mark.parametrize("levels", [np.zeros(5), np.full((3, 900), np.nan), np.full((3, 900), -np.inf)])
def test_what_is_no_levels_is_refused(levels: Levels) -> None:
    with pytest.raises(ValueError, match="finite decibels"):
        find_joint(levels, 5.0)
