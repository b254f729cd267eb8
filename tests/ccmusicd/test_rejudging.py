"""The record judged anew: the same judge says the same, another one otherwise, and no moment is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.labels import Label, Labels
from ccmusicd.changes import VOTES_ERROR_S
from ccmusicd.events import SegmentEvent
from ccmusicd.onair import ANALYZER_GONE, DecisionOptions, OnAir
from ccmusicd.publish.rows import SegmentRow, row_of_event
from ccmusicd.rejudging import Hop, Judge, rejudged

SECOND = 1_000_000
START = 1_777_586_400 * SECOND
LABELS = Labels(
    [Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚"), Label("speech", "Speech", "语音", music=False)]
)
JUDGE = Judge(LABELS, ("a", "b"), DecisionOptions(enter=0.5, leave=0.45), {}, 1.0, trained=True)
LEVEL = -20.0


def votes(slug: str, probability: float = 0.9) -> Mapping[str, NDArray[np.float64]]:
    rest = (1 - probability) / (len(LABELS) - 1)
    vote = np.array([probability if label.slug == slug else rest for label in LABELS])
    return {"a": vote, "b": vote}


@dataclass
class Life:
    """What a daemon told of a station, hop by hop, and the hops that it kept."""

    judge: Judge = JUDGE
    now: int = START
    rows: list[SegmentRow] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    titles: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        judge = self.judge
        self.on_air = OnAir(
            "main", judge.labels, judge.decision, self.now, trained=True, publish=self._take, weights=judge.weights
        )

    def _take(self, event: SegmentEvent) -> None:
        if event.change == "end" and event.end_us > event.start_us:
            self.rows.append(row_of_event(event))

    def hear(self, slug: str, seconds: int, probability: float = 0.9, *, kept: bool = True) -> None:
        self.vote(votes(slug, probability), seconds, kept=kept)

    def vote(self, said: Mapping[str, NDArray[np.float64]], seconds: int, *, kept: bool = True) -> None:
        for _ in range(seconds):
            self.now += SECOND
            self.on_air.vote(said, self.now, 1.0, LEVEL)
            if kept:
                self.hops.append(Hop(self.now, said, LEVEL))

    def wait(self, seconds: float) -> None:
        """Nothing comes."""
        self.now += round(seconds * SECOND)
        self.on_air.reach(self.now)

    def title(self, title: str) -> None:
        self.titles.append((self.now, title))
        self.on_air.title(title)

    def die(self, away_s: float) -> None:
        """The daemon ends here and another one begins later."""
        self.on_air.close(self.now)
        down_us, self.now = self.now, self.now + round(away_s * SECOND)
        self.rows.append(row_of_event(SegmentEvent("main", "end", down_us, self.now, "down", trained=True)))
        self.begin()

    def end(self) -> list[SegmentRow]:
        self.on_air.close(self.now)
        return self.rows

    def again(self, judge: Judge = JUDGE) -> list[SegmentRow]:
        return list(rejudged("main", self.rows, self.titles, self.hops, judge))


def said(rows: list[SegmentRow]) -> list[tuple[str, float, float]]:
    return [(row.genre or row.kind, (row.start_us - START) / 1e6, (row.end_us - START) / 1e6) for row in rows]


def assert_covers(rows: list[SegmentRow], like: list[SegmentRow]) -> None:
    """The same time, without a hole or an overlap."""
    assert (rows[0].start_us, rows[-1].end_us) == (like[0].start_us, like[-1].end_us)
    assert all(one.end_us == other.start_us for one, other in pairwise(rows))


@pytest.fixture
def eventful() -> Life:
    """Everything that happens to a station."""
    life = Life()
    life.wait(3)
    life.title("The Band - One")
    life.hear("jazz", 60)
    life.title("The Band - Two")
    life.hear("rock", 60)
    life.on_air.silence(silent=True, at_us=life.now)
    life.hear("speech", 20)
    life.on_air.silence(silent=False, at_us=life.now)
    life.hear("speech", 40)
    life.on_air.signal(lost=True, at_us=life.now)
    life.wait(40)
    life.on_air.signal(lost=False, at_us=life.now)
    life.hear("jazz", 40)
    life.on_air.analyzer(gone=True, at_us=life.now)
    life.wait(6)
    life.on_air.analyzer(gone=False, at_us=life.now)
    life.hear("rock", 40)
    life.die(2.5)
    life.wait(4)
    life.hear("rock", 40)
    life.on_air.pause(paused=True, at_us=life.now)
    life.wait(30)
    life.on_air.pause(paused=False, at_us=life.now)
    life.hear("jazz", 40)
    life.end()
    return life


def test_the_same_judge_tells_the_same(eventful: Life) -> None:
    again = eventful.again()
    assert_covers(again, eventful.rows)
    assert said(again) == said(eventful.rows)
    assert [(row.note, row.titles, row.error_s) for row in again] == [
        (row.note, row.titles, row.error_s) for row in eventful.rows
    ]
    for new, old in zip(again, eventful.rows, strict=True):
        assert new.probability == pytest.approx(old.probability)
        assert new.level_dbfs == pytest.approx(old.level_dbfs)
    kinds = {row.kind for row in again} | {row.note for row in again}
    assert {"music", "speech", "silence", "no_signal", "paused", "down", ANALYZER_GONE} <= kinds


def test_another_judge_tells_otherwise_but_leaves_what_was_measured(eventful: Life) -> None:
    deaf = eventful.again(replace(JUDGE, decision=DecisionOptions(enter=0.95, leave=0.94)))
    assert_covers(deaf, eventful.rows)
    assert {row.genre for row in deaf} == {None}
    for kind in ("silence", "no_signal", "paused", "down"):
        assert [(r.start_us, r.end_us) for r in deaf if r.kind == kind] == [
            (r.start_us, r.end_us) for r in eventful.rows if r.kind == kind
        ]


def test_weights_and_a_choice_of_models_count() -> None:
    life = Life()
    split = {"a": votes("jazz")["a"], "b": votes("rock", 0.95)["b"]}
    life.vote(split, 60)
    life.end()
    assert {row.genre for row in life.again(replace(JUDGE, weights={"a": 9.0, "b": 1.0}))} == {"jazz"}
    alone = replace(JUDGE, models=("b",))
    life.hops = [Hop(hop.time_us, {"b": hop.votes["b"]}, LEVEL) for hop in life.hops]
    assert {row.genre for row in life.again(alone)} == {"rock"}


def test_what_has_no_hops_stays_as_it_was() -> None:
    life = Life()
    life.hear("jazz", 60, kept=False)
    life.hear("rock", 60)
    life.hear("speech", 90, kept=False)
    life.hear("jazz", 60)
    life.end()
    deaf = life.again(replace(JUDGE, decision=DecisionOptions(enter=0.95, leave=0.94)))
    assert_covers(deaf, life.rows)
    lasts = {"jazz": 0.0, "rock": 0.0, "speech": 0.0}
    for genre, start_s, end_s in said(deaf):
        if genre in lasts:
            lasts[genre] += end_s - start_s
    # A hop's window tells of some seconds before it.
    assert lasts["jazz"] == pytest.approx(60, abs=6)
    assert lasts["rock"] == pytest.approx(0, abs=6)
    assert lasts["speech"] == pytest.approx(90, abs=8)


def test_a_joint_that_was_recorded_is_kept_with_its_error() -> None:
    life = Life()
    life.hear("jazz", 60)
    life.hear("rock", 60)
    life.end()
    joint = next(index for index, row in enumerate(life.rows) if row.genre == "rock")
    exact_us = START + 58_250_000  # what the columns had said
    life.rows[joint - 1] = replace(life.rows[joint - 1], end_us=exact_us)
    life.rows[joint] = replace(life.rows[joint], start_us=exact_us, error_s=0.3)
    again = life.again()
    assert said(again) == said(life.rows)
    assert again[joint].error_s == 0.3
    life.rows[joint] = replace(life.rows[joint], error_s=VOTES_ERROR_S)
    assert life.again()[joint].error_s == VOTES_ERROR_S


def happen(life: Life, rng: np.random.Generator) -> None:
    """Anything."""
    on = bool(rng.integers(2))
    anything = (
        lambda: life.on_air.silence(silent=on, at_us=life.now),
        lambda: life.on_air.signal(lost=on, at_us=life.now),
        lambda: life.on_air.pause(paused=on, at_us=life.now),
        lambda: life.on_air.analyzer(gone=on, at_us=life.now),
        lambda: life.die(float(rng.uniform(0.1, 30))),
        lambda: life.wait(float(rng.uniform(0.1, 30))),
    )
    which = int(rng.integers(len(anything) + 3))
    if which < len(anything):
        anything[which]()
    else:
        seconds, kept = int(rng.integers(1, 40)), bool(rng.integers(3))
        life.hear(str(rng.choice(LABELS.slugs)), seconds, float(rng.uniform(0.4, 0.95)), kept=kept)


def test_no_moment_is_lost_whatever_happened() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        life = Life()
        for _ in range(30):
            happen(life, rng)
        life.end()
        for judge in (JUDGE, replace(JUDGE, decision=DecisionOptions(time_constant_s=2.0, hold_s=1.0))):
            again = life.again(judge)
            assert_covers(again, life.rows)
            for kind in ("no_signal", "paused", "down"):
                old, new = (sum(r.end_us - r.start_us for r in rows if r.kind == kind) for rows in (life.rows, again))
                assert new == old, (seed, kind)


def test_a_record_that_still_grows_stays_open() -> None:
    life = Life()
    life.hear("jazz", 30)
    life.end()
    life.rows[-1] = replace(life.rows[-1], open=True)
    assert [row.open for row in life.again()] == [True]
    assert list(rejudged("main", [], [], [], JUDGE)) == []
