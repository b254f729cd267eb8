"""The mixing desk: nothing is lost at the bar line, nothing gets over the ceiling."""

import numpy as np
import pytest

from ccmusicd.capture.music.desk import CEILING, Desk, limited
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound, noise, samples


def mixed(bars: list[float]) -> Sound:
    """A quiet sound with a long room, taken off the desk in bars of these lengths."""
    desk = Desk(gain=1.0, reverb_s=0.8)
    desk.play(0.1, noise(np.random.default_rng(1), SAMPLE_RATE), 0.05, send=0.5)
    return np.concatenate([desk.mix(samples(length_s)) for length_s in bars])


def test_bar_lines_cannot_be_heard() -> None:
    np.testing.assert_allclose(mixed([0.5, 0.3, 0.7, 0.5, 1.0]), mixed([3.0]), atol=1e-5)


def test_a_sound_begins_where_it_was_put_and_not_before_the_bar() -> None:
    click = np.ones(1, dtype=np.float32)
    desk = Desk(gain=1.0, reverb_s=0.5)
    desk.play(0.25, click, 0.01, send=0.0)
    desk.play(-0.02, click, 0.01, send=0.0)
    assert np.flatnonzero(desk.mix(samples(0.5))).tolist() == [0, round(0.25 * SAMPLE_RATE)]


def test_sounds_and_bars_may_be_longer_than_the_desk() -> None:
    desk = Desk(gain=1.0, reverb_s=0.5)
    desk.play(1.0, np.full(29 * SAMPLE_RATE, 0.1, dtype=np.float32), 1.0, send=0.1)
    assert len(desk.mix(samples(25.0))) == 25 * SAMPLE_RATE
    assert desk.mix(samples(4.9)).min() > 0.05
    assert np.abs(desk.mix(samples(2.0))[SAMPLE_RATE:]).max() < 1e-3


def test_the_limiter_bends_peaks_and_leaves_quiet_sound_alone() -> None:
    desk = Desk(gain=1.0, reverb_s=0.5)
    desk.play(0.0, np.array([0.1, 50.0, -50.0], dtype=np.float32), 1.0, send=0.0)
    quiet, high, low = limited(desk.mix(samples(0.1)))[:3]
    assert quiet == pytest.approx(0.1, rel=0.01)
    assert (high, low) == pytest.approx((CEILING, -CEILING))
