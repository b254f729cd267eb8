"""Where genres change: by the votes alone, and to fractions of a second by the columns."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.blend import Blend
from ccmusic_stream.figures import KEPT_US
from ccmusic_stream.geometry import BINS, DB_FLOOR, DB_STEP, HOP_LENGTH, SAMPLE_RATE
from ccmusicd.changes import KEPT_COLUMNS, VOTES_ERROR_S, ChangeFinder, ColumnsHistory

SECOND = 1_000_000
RATE = SAMPLE_RATE / HOP_LENGTH
BEGAN_US = 1_790_000_000 * SECOND


def clock(sample: int) -> int:
    return BEGAN_US + round(sample * SECOND / SAMPLE_RATE)


def votes(finder: ChangeFinder, joint_s: float, until_s: float) -> None:
    """What a network of 10 s windows says of one genre giving way to another: their shares of the window."""
    for half_seconds in range(6, round(until_s * 2)):
        end_s = half_seconds / 2
        share = float(np.clip((end_s - joint_s) / min(10.0, end_s), 0.05, 0.95))
        finder.vote(BEGAN_US + round(end_s * SECOND), np.array([1 - share, share]))


@pytest.fixture
def sounds() -> Callable[[float, float, float], ColumnsHistory]:
    """Two noises of different colour, one giving way to the other."""

    def make(joint_s: float, length_s: float, until_s: float) -> ColumnsHistory:
        rng = np.random.default_rng(3)
        times = np.arange(round(until_s * RATE)) / RATE
        share = np.clip((times - joint_s) / max(length_s, 1e-3) + 0.5, 0.0, 1.0)
        history = ColumnsHistory()
        for kind, bins in BINS.items():
            low, high = np.linspace(-20, -60, bins), np.linspace(-55, -25, bins)
            power = (1 - share)[:, None] * 10 ** (low / 10) + share[:, None] * 10 ** (high / 10)
            decibels = 10 * np.log10(power) + rng.normal(0, 4, (len(times), bins))
            history.add(kind, 0, _bytes(decibels))
        return history

    return make


def _bytes(decibels: NDArray[np.float64]) -> bytes:
    return np.round((decibels - DB_FLOOR) / DB_STEP).clip(0, 255).astype(np.uint8).tobytes()


def test_votes_alone_tell_it_to_half_a_window() -> None:
    finder = ChangeFinder()
    votes(finder, 30.0, 40.0)
    change = finder.find(0, 1, "jazz", 0)
    assert change is not None
    assert change.at_us == pytest.approx(BEGAN_US + 30 * SECOND, abs=1.5 * SECOND)
    assert (change.error_s, change.blend) == (VOTES_ERROR_S, None)


@pytest.mark.parametrize("joint_s", [21.3, 30.0, 34.8])
def test_the_columns_tell_a_cut_to_fractions_of_a_second(
    sounds: Callable[[float, float, float], ColumnsHistory], joint_s: float
) -> None:
    finder = ChangeFinder(sounds(joint_s, 0.0, joint_s + 9), clock)
    votes(finder, joint_s, joint_s + 9)
    change = finder.find(0, 1, "jazz", 0)
    assert change is not None
    assert change.at_us == pytest.approx(BEGAN_US + joint_s * SECOND, abs=0.2 * SECOND)
    assert change.error_s < 0.5
    assert change.blend is None


def test_a_cross_fade_is_told_as_a_blend(sounds: Callable[[float, float, float], ColumnsHistory]) -> None:
    finder = ChangeFinder(sounds(30.0, 6.0, 41.0), clock)
    votes(finder, 30.0, 41.0)
    change = finder.find(0, 1, "jazz", 0)
    assert change is not None
    assert isinstance(change.blend, Blend)
    assert change.blend.before == "jazz"
    assert change.blend.start_us < change.at_us < change.blend.end_us
    assert change.at_us == pytest.approx(BEGAN_US + 30 * SECOND, abs=1.5 * SECOND)


def test_a_genre_after_uncertainty_has_its_joint_and_no_blend(
    sounds: Callable[[float, float, float], ColumnsHistory],
) -> None:
    finder = ChangeFinder(sounds(30.0, 4.0, 40.0), clock)
    votes(finder, 30.0, 40.0)
    change = finder.find(None, 1, None, 0)
    assert change is not None
    assert change.at_us == pytest.approx(BEGAN_US + 30 * SECOND, abs=SECOND)
    assert change.blend is None


def test_votes_before_the_segment_do_not_count() -> None:
    finder = ChangeFinder()
    votes(finder, 30.0, 40.0)
    since_us = BEGAN_US + 38 * SECOND
    change = finder.find(0, 1, "jazz", since_us)
    assert change is not None
    assert change.at_us >= since_us - 5 * SECOND


def test_nothing_is_found_after_a_reset() -> None:
    finder = ChangeFinder()
    votes(finder, 30.0, 40.0)
    finder.reset()
    assert finder.find(0, 1, "jazz", 0) is None


def test_votes_and_columns_are_kept_for_a_minute_only() -> None:
    finder, columns = ChangeFinder(), ColumnsHistory()
    for second in range(300):
        finder.vote(second * SECOND, np.array([0.5, 0.5]))
        for kind, bins in BINS.items():
            columns.add(kind, second * 43, bytes(43 * bins))
    assert len(finder._votes) <= KEPT_US // SECOND + 1
    first, levels = columns.levels()
    assert levels.shape == (sum(BINS.values()), KEPT_COLUMNS)
    assert first == 300 * 43 - KEPT_COLUMNS


def test_columns_before_a_hole_are_forgotten() -> None:
    columns = ColumnsHistory()
    for kind, bins in BINS.items():
        columns.add(kind, 0, bytes(10 * bins))
        columns.add(kind, 20, bytes(10 * bins))
    first, levels = columns.levels()
    assert (first, levels.shape[1]) == (20, 10)


def test_kinds_that_lag_behind_each_other_are_told_where_both_are() -> None:
    columns = ColumnsHistory()
    columns.add("cqt", 0, bytes(10 * BINS["cqt"]))
    assert columns.levels()[1].shape[1] == 0
    columns.add("mel", 4, bytes(20 * BINS["mel"]))
    first, levels = columns.levels()
    assert (first, levels.shape[1]) == (4, 6)
    assert levels.max() == DB_FLOOR


def test_with_every_genre_standing_out_a_change_from_none_is_still_found() -> None:
    finder = ChangeFinder(stands_out=0.0)
    votes(finder, 30.0, 40.0)
    change = finder.find(None, 1, None, 0)
    assert change is not None
    assert BEGAN_US - 5 * SECOND <= change.at_us <= BEGAN_US + 40 * SECOND
