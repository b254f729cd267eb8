"""What is on air: states, their priority, and a timeline without holes."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd.changes import VOTES_ERROR_S
from ccmusicd.events import SegmentEvent
from ccmusicd.onair import ANALYZER_GONE, NO_VOTES, STARTING, DecisionOptions, OnAir

SECOND = 1_000_000
LABELS = Labels(
    [Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚"), Label("speech", "Speech", "语音", music=False)]
)


class Listening:
    """An `OnAir` that hears a vote each second."""

    def __init__(self, options: DecisionOptions = DecisionOptions()) -> None:  # noqa: B008 (frozen)
        self.events: list[SegmentEvent] = []
        self.on_air = OnAir("main", LABELS, options, 0, trained=True, publish=self.events.append)
        self.now = 0

    def hear(self, slug: str, seconds: int, probability: float = 0.9) -> Any:
        """`seconds` votes for `slug`."""
        rest = (1 - probability) / (len(LABELS) - 1)
        return self.vote([probability if label.slug == slug else rest for label in LABELS], seconds)

    def vote(self, probabilities: list[float], seconds: int) -> Any:
        """`seconds` votes."""
        vote = np.array(probabilities)
        decision = None
        for _ in range(seconds):
            self.now += SECOND
            decision = self.on_air.vote({"a": vote, "b": vote}, self.now, 1.0)
            self.on_air.reach(self.now)
        return decision

    def segments(self) -> list[SegmentEvent]:
        """The timeline as a reader of the events knows it at the end: the last word on each segment."""
        self.on_air.close(self.now)
        return list({event.id: event for event in self.events}.values())


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
def strict() -> Listening:
    """Among three classes none is ever below a third: no genre stands out below 0.45."""
    return Listening(DecisionOptions(enter=0.5, leave=0.45))


def kinds(segments: list[SegmentEvent]) -> list[tuple[str, str | None, int, int]]:
    return [(s.kind, s.genre, s.start_us // SECOND, s.end_us // SECOND) for s in segments]


def test_genre_found_after_the_start_is_dated_back_to_it(listening: Listening) -> None:
    decision = listening.hear("jazz", 10)
    assert (decision.state, decision.genre, decision.since_us) == ("music", "jazz", 0)
    assert kinds(listening.segments()) == [("music", "jazz", 0, 10)]


def test_nothing_is_named_before_enough_was_heard(listening: Listening) -> None:
    assert listening.hear("jazz", 2).state == "starting"


def test_votes_count_by_their_weights_and_the_ensemble_has_a_temperature() -> None:
    votes = {"a": np.array([0.8, 0.1, 0.1]), "b": np.array([0.1, 0.8, 0.1])}

    def voted(**options: Any) -> Any:
        on_air = OnAir("main", LABELS, DecisionOptions(), 0, trained=True, publish=lambda _: None, **options)
        return on_air.vote(votes, SECOND, 1.0).vote

    np.testing.assert_allclose(voted().probabilities, [0.45, 0.45, 0.1])
    np.testing.assert_allclose(voted(weights={"a": 6.0, "b": 1.0}).probabilities, [0.7, 0.2, 0.1])
    sharp = voted(weights={"a": 6.0, "b": 1.0}, ensemble_temperature=0.5)
    np.testing.assert_allclose(sharp.probabilities, np.array([49, 4, 1]) / 54)
    assert (sharp.agreement, sharp.divergence) == (voted().agreement, voted().divergence)


def test_speech_is_a_state_of_its_own(listening: Listening) -> None:
    decision = listening.hear("speech", 10)
    assert (decision.state, decision.genre) == ("speech", "speech")


def test_change_of_genre_closes_one_segment_and_opens_the_next(listening: Listening) -> None:
    listening.hear("jazz", 20)
    listening.hear("rock", 20)
    first, second = listening.segments()
    assert (first.kind, first.genre, second.genre) == ("music", "jazz", "rock")
    assert first.end_us == second.start_us
    # A vote that turns at once speaks of what changed half a window before.
    assert second.start_us == pytest.approx(15.5 * SECOND, abs=SECOND)
    assert second.error_s == VOTES_ERROR_S
    assert first.probability is not None
    assert first.probability_min is not None
    assert first.probability_min <= first.probability


def test_undecided_votes_become_uncertain_and_not_for_ever_starting(listening: Listening) -> None:
    decision = listening.hear("jazz", 30, probability=0.34)
    assert (decision.state, decision.genre, decision.probability) == ("uncertain", None, None)
    (segment,) = listening.segments()
    assert (segment.kind, segment.note) == ("uncertain", None)


def test_genre_after_long_uncertainty_is_not_dated_back(listening: Listening) -> None:
    listening.hear("jazz", 60, probability=0.34)
    listening.hear("rock", 20)
    first, second = listening.segments()
    assert (first.kind, second.genre) == ("uncertain", "rock")
    assert second.start_us == pytest.approx(55.5 * SECOND, abs=SECOND)


def test_a_moment_of_doubt_between_two_genres_is_no_segment(strict: Listening) -> None:
    strict.hear("jazz", 30)
    decision = strict.hear("rock", 9, probability=0.34)
    assert decision.state == "uncertain"
    strict.hear("rock", 20)
    assert [segment.genre for segment in strict.segments()] == ["jazz", "rock"]


def test_lasting_doubt_is_told_from_where_it_began(strict: Listening) -> None:
    strict.hear("jazz", 30)
    strict.hear("rock", 40, probability=0.34)
    first, second = strict.segments()
    assert (first.genre, second.kind) == ("jazz", "uncertain")
    assert second.start_us == pytest.approx(25.5 * SECOND, abs=SECOND)


def test_what_was_shown_for_a_moment_stays_in_the_record(strict: Listening) -> None:
    neither = [0.48, 0.04, 0.48]
    strict.vote(neither, 40)
    assert strict.hear("rock", 7).genre == "rock"
    strict.vote(neither, 40)
    # The half window before it, whose votes spoke against it, outweighs it and takes nothing of it away.
    found = kinds(strict.segments())
    assert [genre for _, genre, *_ in found] == [None, "rock", None]


def test_doubt_that_passes_changes_nothing(strict: Listening) -> None:
    strict.hear("jazz", 30)
    strict.hear("rock", 9, probability=0.34)
    strict.hear("jazz", 30)
    assert kinds(strict.segments()) == [("music", "jazz", 0, 69)]


def test_a_segment_tells_each_models_own_genre_and_the_level() -> None:
    events: list[SegmentEvent] = []
    on_air = OnAir("main", LABELS, DecisionOptions(), 0, trained=True, publish=events.append)
    votes = {"a": np.array([0.9, 0.05, 0.05]), "b": np.array([0.8, 0.1, 0.1]), "c": np.array([0.1, 0.1, 0.8])}
    for second in range(1, 31):
        on_air.vote(votes, second * SECOND, 1.0, -18.0)
        on_air.reach(second * SECOND)
    on_air.close(30 * SECOND)
    assert events[-1].models == {"a": "jazz", "b": "jazz", "c": "speech"}
    assert events[-1].level_dbfs == pytest.approx(-18.0)


def test_silence_has_no_genre_and_its_measured_borders(listening: Listening) -> None:
    listening.hear("jazz", 20)
    listening.on_air.silence(silent=True, at_us=17 * SECOND)
    decision = listening.hear("jazz", 5)
    assert (decision.state, decision.genre) == ("silence", None)
    assert not decision.rolling.any()
    listening.on_air.silence(silent=False, at_us=24 * SECOND)
    listening.hear("rock", 10)
    assert kinds(listening.segments()) == [
        ("music", "jazz", 0, 17),
        ("silence", None, 17, 24),
        ("music", "rock", 24, 35),
    ]


def test_no_signal_is_stronger_than_silence_and_pause_than_both(listening: Listening) -> None:
    listening.hear("jazz", 10)
    changes: list[Callable[[], None]] = [
        lambda: listening.on_air.silence(silent=True, at_us=10 * SECOND),
        lambda: listening.on_air.signal(lost=True, at_us=12 * SECOND),
        lambda: listening.on_air.pause(paused=True, at_us=14 * SECOND),
        lambda: listening.on_air.pause(paused=False, at_us=16 * SECOND),
        lambda: listening.on_air.signal(lost=False, at_us=18 * SECOND),
    ]
    states = []
    for change in changes:
        change()
        states.append(listening.on_air.state)
    assert states == ["silence", "no_signal", "paused", "no_signal", "silence"]


# Seen to fail without: the state of an analyzer that is gone.
def test_analyzer_that_is_gone_is_told_in_the_timeline(listening: Listening) -> None:
    listening.hear("jazz", 20)
    listening.on_air.analyzer(gone=True, at_us=20 * SECOND)
    listening.now = 26 * SECOND
    listening.on_air.reach(listening.now)
    assert listening.on_air.state == "starting"
    listening.on_air.analyzer(gone=False, at_us=26 * SECOND)
    listening.hear("jazz", 10)
    segments = listening.segments()
    assert [(s.kind, s.note) for s in segments] == [("music", None), ("uncertain", ANALYZER_GONE), ("music", None)]
    assert [s.start_us for s in segments] == [0, 20 * SECOND, 26 * SECOND]


def test_models_that_all_fail_leave_no_genre_on_air(listening: Listening) -> None:
    listening.hear("jazz", 20)
    for _ in range(30):
        listening.now += SECOND
        decision = listening.on_air.vote({}, listening.now, 1.0)
    assert (decision.state, decision.genre, decision.probability) == ("uncertain", None, None)
    listening.hear("rock", 20)
    first, second, third = listening.segments()
    assert (first.genre, second.kind, second.note, third.genre) == ("jazz", "uncertain", NO_VOTES, "rock")
    assert first.end_us <= 25 * SECOND


def test_models_that_fail_from_the_start_are_not_starting_for_ever(listening: Listening) -> None:
    for _ in range(30):
        listening.now += SECOND
        decision = listening.on_air.vote({}, listening.now, 1.0)
    assert decision.state == "uncertain"
    assert [s.note for s in listening.segments()] == [STARTING, NO_VOTES]


def test_long_start_is_not_said_to_have_been_the_genre_found_after_it(listening: Listening) -> None:
    listening.now = 60 * SECOND
    for _ in range(10):
        listening.now += 3 * SECOND
        listening.on_air.vote({"a": np.array([0.9, 0.05, 0.05])}, listening.now, 3.0)
    first, second = listening.segments()
    assert (first.kind, first.note) == ("uncertain", STARTING)
    assert second.genre == "jazz"
    assert second.start_us == pytest.approx(58 * SECOND, abs=SECOND)


def test_title_of_a_lost_source_is_not_heard(listening: Listening) -> None:
    listening.on_air.title("So What")
    listening.hear("jazz", 20)
    listening.on_air.signal(lost=True, at_us=20 * SECOND)
    listening.now = 80 * SECOND
    listening.on_air.reach(listening.now)
    assert listening.segments()[-1].titles == ()


def test_titles_belong_to_the_segment_they_were_heard_in(listening: Listening) -> None:
    listening.on_air.title("So What")
    listening.hear("jazz", 20)
    listening.hear("rock", 10)
    listening.on_air.title("Enter Sandman")
    listening.hear("rock", 10)
    first, second = listening.segments()
    assert first.titles == ("So What",)
    assert second.titles == ("So What", "Enter Sandman")


def test_any_course_of_events_leaves_no_hole_and_no_overlap() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        listening = Listening()
        for _ in range(60):
            at = listening.now - int(rng.integers(0, 8)) * SECOND
            change = rng.integers(0, 8)
            if change == 0:
                listening.on_air.silence(silent=bool(rng.integers(2)), at_us=at)
            elif change == 1:
                listening.on_air.signal(lost=bool(rng.integers(2)), at_us=at)
            elif change == 3:
                listening.on_air.pause(paused=bool(rng.integers(2)), at_us=at)
            elif change == 4:
                listening.now += int(rng.integers(-400, 400)) * SECOND
                listening.on_air.clock_stepped()
            elif change == 2:
                listening.on_air.analyzer(gone=bool(rng.integers(2)), at_us=at)
            else:
                listening.hear(LABELS.slugs[rng.integers(len(LABELS))], int(rng.integers(1, 12)))
        segments = listening.segments()
        assert segments[0].start_us == 0
        assert segments[-1].end_us >= listening.now
        assert all(a.end_us == b.start_us for a, b in itertools.pairwise(segments))
        assert all(a.start_us < a.end_us for a in segments[:-1])
        assert sum(s.change == "end" for s in segments) == len(segments)
