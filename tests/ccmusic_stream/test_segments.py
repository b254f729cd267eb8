"""Segments: no hole and no overlap, whatever the times that come."""

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from ccmusic_stream.blend import Blend
from ccmusic_stream.figures import NO_FIGURES, HopFigures
from ccmusic_stream.segments import MAX_TITLES, Change, Segment, SegmentKind, SegmentTracker

SECOND = 1_000_000
HOUR = 3600 * SECOND
START = 1_790_000_000 * SECOND
KINDS: tuple[SegmentKind, ...] = get_args(SegmentKind)


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def dated(at_us: int) -> Change:
    return Change(at_us, 0.0)


def hop(end_us: int, jazz: float, agreement: float = 1.0, divergence: float = 0.0) -> HopFigures:
    return HopFigures(end_us, -20.0, np.array([jazz, 1 - jazz]), agreement, divergence, {"a": int(jazz < 0.5)})


def tracker() -> SegmentTracker:
    """On air since START and reached 100 s: music, jazz."""
    segments = SegmentTracker(START, slugs=("jazz", "rock"))
    segments.enter("music", "jazz", dated(START))
    segments.reach(at(100))
    return segments


def assert_one_line(closed: list[Segment], current: Segment) -> None:
    """Every moment from START on belongs to exactly one segment."""
    line = [*closed, current]
    assert line[0].start_us == START
    for before, after in pairwise(line):
        assert before.end_us == after.start_us
    for segment in closed:
        assert segment.end_us > segment.start_us
    assert current.end_us >= current.start_us


@pytest.mark.parametrize("seed", range(12))
def test_no_hole_and_no_overlap_whatever_the_times(seed: int) -> None:
    random = np.random.default_rng(seed)
    segments, closed, now = SegmentTracker(START), [], START
    for _ in range(500):
        now += int(random.integers(0, 5 * SECOND))
        if random.random() < 0.01:  # somebody sets the clock
            now += int(random.choice([-1, 1])) * int(random.choice([1, 60, 3600])) * SECOND
            segments.clock_stepped()
        match random.integers(0, 4):
            case 0:
                segments.reach(now)
            case 1:
                segments.title(str(random.integers(0, 9)))
            case 2:
                segments.hop(hop(now, *(float(random.random()) for _ in range(3))))
            case _:
                kind = KINDS[random.integers(0, len(KINDS))]
                genre = str(random.choice(["jazz", "rock"])) if kind == "music" else None
                note = str(random.choice(["starting", "analyzer restarting"])) if random.random() < 0.2 else None
                back = int(random.choice([0, 0, 1, 3, 12, 100])) * SECOND
                ended = segments.enter(kind, genre, dated(now - back), note)
                if ended is not None:
                    closed.append(ended)
                assert (segments.current.kind, segments.current.genre, segments.current.note) == (kind, genre, note)
        assert_one_line(closed, segments.current)
    assert len(closed) > 10


@pytest.mark.parametrize("seed", range(6))
def test_the_line_never_becomes_shorter(seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    segments, now, reached = SegmentTracker(START), START, START
    for _ in range(300):
        now += int(random.integers(-2 * SECOND, 5 * SECOND))
        segments.reach(now)
        reached = max(reached, now)
        segments.enter(KINDS[random.integers(0, len(KINDS))], None, dated(now - int(random.integers(0, 9)) * SECOND))
        assert segments.current.end_us >= reached


def test_begins_where_it_is_told() -> None:
    assert SegmentTracker(START, note="starting").current == Segment(START, START, "uncertain", note="starting")
    assert SegmentTracker(START, "down").current.kind == "down"


def test_a_change_closes_the_segment_where_the_next_begins() -> None:
    segments = tracker()
    closed = segments.enter("silence", None, dated(at(120)))
    assert closed == Segment(START, at(120), "music", "jazz")
    assert segments.current == Segment(at(120), at(120), "silence")


def test_what_does_not_change_closes_nothing() -> None:
    segments = tracker()
    assert segments.enter("music", "jazz", dated(at(120))) is None
    assert segments.current == Segment(START, at(100), "music", "jazz")


@pytest.mark.parametrize("change", [("music", "rock", None), ("speech", "jazz", None), ("music", "jazz", "why")])
def test_another_genre_kind_or_note_is_another_segment(change: tuple[SegmentKind, str, str | None]) -> None:
    kind, genre, note = change
    segments = tracker()
    assert segments.enter(kind, genre, dated(at(110)), note) is not None
    assert (segments.current.kind, segments.current.genre, segments.current.note) == change


def test_a_change_that_is_dated_back_takes_the_end_over() -> None:
    segments = tracker()
    closed = segments.enter("silence", None, dated(at(97)))
    assert closed is not None
    assert closed.end_us == at(97)
    assert segments.current == Segment(at(97), at(100), "silence")


@pytest.mark.parametrize("back_s", [0, 1, 100])
def test_a_change_dated_to_the_start_or_before_it_leaves_nothing_of_the_open_segment(back_s: int) -> None:
    segments = tracker()
    segments.hop(hop(START, 0.9))
    assert segments.enter("silence", None, dated(START - back_s * SECOND)) is None
    assert segments.current == Segment(START, at(100), "silence")


def test_a_clock_that_is_set_back_does_not_rewrite_what_was_on_air() -> None:
    segments = SegmentTracker(START, "music")
    segments.reach(START + 2 * HOUR // 3)
    segments.clock_stepped()
    closed = segments.enter("silence", None, dated(START + HOUR // 3))
    assert closed == Segment(START, START + 2 * HOUR // 3, "music")
    assert segments.current == Segment(closed.end_us, closed.end_us, "silence")
    assert segments.enter("speech", "talk", dated(START - HOUR // 4)) is None  # this time was told already
    segments.reach(START + HOUR)
    assert segments.current == Segment(closed.end_us, START + HOUR, "speech", "talk")


def test_a_clock_that_is_set_forward_leaves_no_hole() -> None:
    segments = tracker()
    closed = segments.enter("silence", None, dated(at(100) + HOUR))
    assert closed is not None
    assert closed.end_us == segments.current.start_us == at(100) + HOUR


def test_reaching_back_does_not_shorten() -> None:
    segments = tracker()
    segments.reach(at(50))
    assert segments.current.end_us == at(100)


def test_the_figures_are_of_the_hops_whose_window_lies_in_the_segment() -> None:
    segments = tracker()
    for second, jazz in ((5, 0.1), (30, 0.9), (40, 0.5), (50, 0.7)):
        segments.hop(hop(at(second), jazz, agreement=jazz, divergence=jazz / 2))
    figures = segments.current.figures
    assert figures.probability == pytest.approx(0.7)
    assert figures.probability_min == 0.5
    assert figures.agreement == pytest.approx(0.7)
    assert figures.divergence == pytest.approx(0.35)
    assert figures.models == {"a": 0}
    closed = segments.enter("music", "rock", dated(at(110)))
    assert closed is not None
    assert closed.figures == figures
    assert segments.current.figures == NO_FIGURES


def test_the_outline_is_the_segment_without_its_figures() -> None:
    segments = tracker()
    segments.hop(hop(at(30), 0.9))
    assert segments.outline == replace(segments.current, figures=NO_FIGURES)
    assert segments.current.figures != NO_FIGURES


def test_hops_after_a_change_that_is_dated_back_are_those_of_the_next_segment() -> None:
    segments = tracker()
    for second, jazz in ((80, 0.9), (90, 0.8), (100, 0.2), (111, 0.1)):
        segments.hop(hop(at(second), jazz))
    closed = segments.enter("music", "rock", Change(at(95), 0.4, Blend("jazz", at(93), at(97))))
    segments.reach(at(111))
    assert closed is not None
    assert closed.figures.probability == pytest.approx(0.85)
    present = segments.current
    assert (present.error_s, present.blend) == (0.4, Blend("jazz", at(93), at(97)))
    assert present.figures.probability == pytest.approx(0.9)  # of rock; the window until 100 reaches into jazz
    assert present.figures.models == {"a": 1}


def test_titles_are_kept_once_each_with_the_newest_at_the_end() -> None:
    segments = tracker()
    for title in ("So What", "Station id", "Blue in Green", "Station id"):
        segments.title(title)
    assert segments.current.titles == ("So What", "Blue in Green", "Station id")


def test_the_newest_title_goes_over_into_the_next_segment() -> None:
    segments = tracker()
    for title in ("So What", "Blue in Green", "So What"):
        segments.title(title)
    closed = segments.enter("silence", None, dated(at(110)))
    assert closed is not None
    assert closed.titles == ("Blue in Green", "So What")
    assert segments.current.titles == ("So What",)


def test_titles_stay_when_the_open_segment_becomes_another() -> None:
    segments = tracker()
    segments.title("a")
    segments.title("b")
    segments.enter("music", "rock", dated(START))
    assert segments.current.titles == ("a", "b")


def test_where_nothing_comes_from_the_source_its_title_is_not_heard() -> None:
    segments = tracker()
    segments.title("So What")
    assert segments.enter("no_signal", None, dated(at(110)), titled=False) is not None
    assert segments.current.titles == ()


def test_clocks_read_one_after_the_other_make_no_segment_of_microseconds() -> None:
    segments = tracker()
    assert segments.enter("silence", None, dated(START + 40)) is None
    assert segments.current.start_us == START


def test_titles_are_bounded_and_the_newest_are_kept() -> None:
    segments = tracker()
    for number in range(1000):
        segments.title(str(number))
    assert segments.current.titles == tuple(str(number) for number in range(1000 - MAX_TITLES, 1000))
