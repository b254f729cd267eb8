"""The figures of segments: which hops count, and how long they may still go to another segment."""

import numpy as np
import pytest

from ccmusic_stream.figures import KEPT_US, NO_FIGURES, WINDOW_US, HopFigures, SegmentFigures

SECOND = 1_000_000


def hop(seconds: float, first: float, *, model: int = 0, rms_dbfs: float = -20.0) -> HopFigures:
    votes = np.array([first, 1 - first])
    return HopFigures(round(seconds * SECOND), rms_dbfs, votes, 1.0, 0.0, {"a": model})


def test_a_window_is_ten_seconds() -> None:
    assert pytest.approx(10 * SECOND, rel=1e-3) == WINDOW_US


def test_of_no_hops_there_are_no_figures() -> None:
    assert SegmentFigures(0, 0).until(100 * SECOND) == NO_FIGURES


def test_a_segment_without_a_genre_tells_the_likeliest_class() -> None:
    figures = SegmentFigures(0, None)
    figures.add(hop(20, 0.3))
    assert figures.until(30 * SECOND).probability == pytest.approx(0.7)


def test_in_a_segment_shorter_than_a_window_those_centred_in_it_count() -> None:
    figures = SegmentFigures(0, 0)
    for second in (2, 8, 12):
        figures.add(hop(second, second / 20))
    told = figures.until(6 * SECOND)
    assert told.probability == told.probability_min == pytest.approx(0.4)


def test_each_model_has_its_commonest_choice() -> None:
    figures = SegmentFigures(0, 0)
    for second, choice in ((11, 1), (12, 0), (13, 1)):
        figures.add(hop(second, 0.5, model=choice))
    assert figures.until(20 * SECOND).models == {"a": 1}


def test_the_level_is_the_mean_power_also_where_nothing_is_voted_on() -> None:
    figures = SegmentFigures(0, None)
    figures.add(HopFigures(1 * SECOND, -20.0))
    figures.add(HopFigures(2 * SECOND, -100.0))
    told = figures.until(3 * SECOND)
    assert told.level_dbfs == pytest.approx(-23.01, abs=0.01)
    assert (told.probability, told.models) == (None, {})


def test_hours_of_hops_are_summed_up_and_only_the_last_minute_stays_apart() -> None:
    figures, kept = SegmentFigures(0, 0), round(KEPT_US / SECOND)
    for second in range(10_000):
        figures.add(hop(second, 0.25 if second < 5_000 else 0.75))
    assert len(figures.after(0)) <= kept + 1
    told = figures.until(10_000 * SECOND)
    assert told.probability == pytest.approx(0.5, abs=0.002)
    assert told.probability_min == 0.25


def test_after_the_clock_was_set_nothing_goes_to_another_segment() -> None:
    figures = SegmentFigures(0, 0)
    figures.add(hop(20, 0.9))
    figures.settle()
    assert figures.after(0) == ()
    assert figures.until(20 * SECOND).probability == pytest.approx(0.9)
