"""What is on air at one station: from votes, silence and the state of its source to a state and a timeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.ensemble import EnsembleVote, band, combine
from ccmusic_stream.figures import WINDOW_US, HopFigures
from ccmusic_stream.labels import Labels
from ccmusic_stream.level import FLOOR_DBFS
from ccmusic_stream.rolling import Rolling, StableGenre
from ccmusic_stream.segments import Change, Segment, SegmentKind, SegmentTracker
from ccmusicd.changes import VOTES_ERROR_S, ChangeFinder
from ccmusicd.events import SegmentChange, SegmentEvent, State

STARTING = "starting"
STARTING_LASTS_US = 15_000_000
"""What is found within this time of a start is dated back to the start; the window holds little more than it."""

SHORTEST_SHOWN_US = 1_000_000
"""A genre that was shown lasted so long at least."""

DOUBT_US = 12_000_000
"""Where one genre gives way to another, none stands out for a while: only what lasts longer is told as uncertain."""

MEASURED_ERROR_S = 0.1
"""Silence and signals are measured in blocks of this."""

WAITING = "waiting for the networks"
"""Of a recording that is not played before there are networks to hear it: nothing of it is missing."""

ANALYZER_GONE = "analyzer restarting"
NO_VOTES = "no model votes"
VOTELESS_S = 5.0
"""Without a vote of any model for this long, what was heard before no longer counts."""


@dataclass(frozen=True, slots=True)
class DecisionOptions:
    """How votes become a genre: see `Rolling` and `StableGenre`; no genre before `least_heard_s` seconds of sound."""

    time_constant_s: float = 5.0
    enter: float = 0.35
    leave: float = 0.25
    margin: float = 0.05
    hold_s: float = 2.0
    least_heard_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The state after a hop. `rolling` shape (classes,), zeros when there is nothing to average."""

    state: State
    vote: EnsembleVote | None
    rolling: NDArray[np.float64]
    genre: str | None
    probability: float | None
    band: str
    since_us: int


class OnAir:
    """Decides one station's state; `publish` is told every change of its segments.

    `weights` (by model) and `ensemble_temperature` are the bundle's: see `ensemble.combine`. `changes` dates a change
    of genre back to where it happened.

    Priority: paused, then held back, then no signal, then silence, then what the networks say. All times are UTC
    microseconds.
    """

    def __init__(
        self,
        station: str,
        labels: Labels,
        options: DecisionOptions,
        start_us: int,
        *,
        trained: bool,
        publish: Callable[[SegmentEvent], None],
        weights: Mapping[str, float] | None = None,
        ensemble_temperature: float = 1.0,
        changes: ChangeFinder | None = None,
    ) -> None:
        self._station = station
        self._labels = labels
        self._least_heard_us = round(options.least_heard_s * 1e6)
        self._rolling = Rolling(options.time_constant_s)
        self._stable = StableGenre(
            enter=options.enter, leave=options.leave, margin=options.margin, hold_s=options.hold_s
        )
        self._trained = trained
        self._weights = weights
        self._ensemble_temperature = ensemble_temperature
        self._publish = publish
        self.paused = self.waiting = self.lost = False
        self._silent = self._blind = self._mute = False
        self._voteless_s = 0.0
        self._sound_since_us = start_us
        self._doubts_since_us: int | None = None
        self._entered_us = start_us
        self._changes = changes or ChangeFinder()
        self._tracker = SegmentTracker(start_us, note=STARTING, slugs=labels.slugs)
        self._tell("new", self._tracker.current)

    def change(self, options: DecisionOptions) -> None:
        """Decide by these from the next hop on; what was heard still counts."""
        self._least_heard_us = round(options.least_heard_s * 1e6)
        self._rolling.time_constant_s = options.time_constant_s
        self._stable.change(enter=options.enter, leave=options.leave, margin=options.margin, hold_s=options.hold_s)
        self._changes.change(options.enter)

    @property
    def state(self) -> State:
        """What the station is now: the first of these that holds."""
        without_genre: tuple[tuple[State, bool], ...] = (
            ("paused", self.paused),
            ("starting", self.waiting),
            ("no_signal", self.lost),
            ("silence", self._silent),
            ("starting", self._blind),
            ("uncertain", self._mute),
            ("starting", self._rolling.values is None),
            ("uncertain", self._stable.index is None),
        )
        for state, holds in without_genre:
            if holds:
                return state
        assert self._stable.index is not None  # noqa: S101 - the last of them
        return "music" if self._labels.named(self._labels.slugs[self._stable.index]).music else "speech"

    @property
    def genre(self) -> str | None:
        """The stable genre's slug; None unless the state is music or speech."""
        if self.state not in {"music", "speech"} or self._stable.index is None:
            return None
        return self._labels.slugs[self._stable.index]

    def pause(self, paused: bool, at_us: int) -> None:
        """The user stopped, or resumed, listening."""
        self.paused = paused
        self._interrupt(at_us)

    def wait(self, waiting: bool, at_us: int) -> None:
        """The source is held back since `at_us` until there are networks, or goes on."""
        if waiting != self.waiting:
            self.waiting = waiting
            self._interrupt(at_us)

    def signal(self, lost: bool, at_us: int) -> None:
        """No sound comes from the source since `at_us`, or comes again."""
        if lost != self.lost:
            self.lost = lost
            self._interrupt(at_us)

    def silence(self, silent: bool, at_us: int) -> None:
        """The sound is silent, or no longer, since `at_us`."""
        if silent != self._silent:
            self._silent = silent
            self._interrupt(at_us)

    def analyzer(self, gone: bool, at_us: int) -> None:
        """The networks see nothing since `at_us`, or see again."""
        if gone != self._blind:
            self._blind = gone
            self._interrupt(at_us)

    def title(self, title: str) -> None:
        """The source named what it plays; where nothing is heard of it yet, it is to be said again when there is."""
        if not (self.lost or self.paused):
            self._tracker.title(title)

    def vote(
        self,
        probabilities: Mapping[str, NDArray[np.float64]],
        at_us: int,
        passed_s: float,
        rms_dbfs: float = FLOOR_DBFS,
    ) -> Decision:
        """One hop's votes, each of shape (classes,), for the window that ends at `at_us`, and the level there."""
        joint = combine(probabilities, self._weights, self._ensemble_temperature) if probabilities else None
        self._listen_for_votes(joint is not None, at_us, passed_s)
        if joint is None or not self._hears(at_us):
            self._tracker.hop(HopFigures(at_us, rms_dbfs))
            return self._decision(joint)
        choices = {model: int(vote.argmax()) for model, vote in probabilities.items()}
        figures = HopFigures(at_us, rms_dbfs, joint.probabilities, joint.agreement, joint.divergence, choices)
        self._tracker.hop(figures)
        self._changes.vote(at_us, joint.probabilities)
        self._stable.update(self._rolling.update(joint.probabilities, passed_s), passed_s)
        self._settle(at_us)
        return self._decision(joint)

    def reach(self, at_us: int) -> None:
        """Time passes: the open segment lasts until `at_us`."""
        self._tracker.reach(at_us)
        self._tell("update", self._tracker.current)

    def close(self, at_us: int) -> None:
        """The station ends."""
        self._tracker.reach(at_us)
        self._tell("end", self._tracker.current)

    def clock_stepped(self) -> None:
        """The system clock was set: times before what was already told are told no second time."""
        self._tracker.clock_stepped()

    def _listen_for_votes(self, voted: bool, at_us: int, passed_s: float) -> None:
        self._voteless_s = 0.0 if voted else self._voteless_s + passed_s
        mute = self._voteless_s >= VOTELESS_S
        if mute != self._mute:
            self._mute = mute
            self._interrupt(at_us)

    def _hears(self, at_us: int) -> bool:
        if self.paused or self.waiting or self.lost or self._silent or self._blind or self._mute:
            return False
        return at_us - self._sound_since_us >= self._least_heard_us

    def _interrupt(self, at_us: int) -> None:
        """What was heard has nothing to do with what comes."""
        self._rolling.reset()
        self._stable.reset()
        self._changes.reset()
        self._sound_since_us = at_us
        self._settle(at_us)

    def _settle(self, at_us: int) -> None:
        """Let the timeline follow the state."""
        state, present = self.state, self._tracker.outline
        kind: SegmentKind = "uncertain" if state == "starting" else state
        note = self._why_starting() if state == "starting" else None
        if self._mute and state == "uncertain":
            note = NO_VOTES
        if (kind, self.genre, note) == (present.kind, present.genre, present.note):
            self._doubts_since_us = None
            return
        change = self._dated(present, kind, note, at_us)
        if change is None:
            return
        self._doubts_since_us = None
        self._entered_us = at_us
        closed = self._tracker.enter(kind, self.genre, change, note, titled=state not in {"no_signal", "paused"})
        if closed is not None:
            self._tell("end", closed)
        self._tell("new" if closed is not None else "update", self._tracker.current)

    def _why_starting(self) -> str:
        if self.waiting:
            return WAITING
        return ANALYZER_GONE if self._blind else STARTING

    def _dated(self, present: Segment, kind: SegmentKind, note: str | None, at_us: int) -> Change | None:
        """When what is found at `at_us` began; None while it is not to be told yet."""
        heard = {"music", "speech"}
        if note is not None or kind not in {*heard, "uncertain"}:
            return Change(at_us, MEASURED_ERROR_S)
        if present.note == STARTING:
            return self._dated_after_start(present, kind, at_us)
        if kind == "uncertain" and present.kind in heard:
            if self._doubts_since_us is None:
                self._doubts_since_us = at_us
            if at_us - self._doubts_since_us < DOUBT_US:
                return None
        before, after = self._index(present.genre), self._index(self.genre)
        if present.kind not in heard:
            found = self._changes.find(before, after, present.genre, present.start_us)
            return found or Change(at_us, MEASURED_ERROR_S)
        # What was shown was heard: votes said so until then, and no later look back takes all of it away.
        found = self._changes.find(before, after, present.genre, self._entered_us)
        earliest_us = max(self._entered_us - WINDOW_US // 2, present.start_us + SHORTEST_SHOWN_US)
        if found is not None and found.at_us < earliest_us:
            return Change(min(earliest_us, at_us), VOTES_ERROR_S)
        return found or Change(at_us, MEASURED_ERROR_S)

    def _dated_after_start(self, present: Segment, kind: SegmentKind, at_us: int) -> Change | None:
        """A genre found soon after a start is dated back to it: all the sound that speaks for it came since then."""
        recent = at_us - present.start_us < STARTING_LASTS_US
        if kind == "uncertain" and recent:
            return None  # not known yet: it stays one segment until it is
        if recent or kind == "uncertain":
            return Change(present.start_us, MEASURED_ERROR_S)
        found = self._changes.find(None, self._index(self.genre), None, present.start_us)
        return found or Change(at_us, MEASURED_ERROR_S)

    def _index(self, genre: str | None) -> int | None:
        return None if genre is None else self._labels.slugs.index(genre)

    def _decision(self, joint: EnsembleVote | None) -> Decision:
        rolling = self._rolling.values
        index = self._stable.index if self.genre is not None else None
        return Decision(
            state=self.state,
            vote=joint,
            rolling=np.zeros(len(self._labels)) if rolling is None else rolling,
            genre=self.genre,
            probability=None if index is None or rolling is None else float(rolling[index]),
            band=band(0.0 if rolling is None else float(rolling.max())),
            since_us=self._tracker.outline.start_us,
        )

    def _tell(self, change: SegmentChange, segment: Segment) -> None:
        figures = segment.figures
        self._publish(
            SegmentEvent(
                station=self._station,
                change=change,
                start_us=segment.start_us,
                end_us=segment.end_us,
                kind=segment.kind,
                genre=segment.genre,
                note=segment.note,
                error_s=segment.error_s,
                blend=segment.blend,
                probability=figures.probability,
                probability_min=figures.probability_min,
                agreement=figures.agreement,
                divergence=figures.divergence,
                models={model: self._labels.slugs[index] for model, index in figures.models.items()},
                level_dbfs=figures.level_dbfs,
                titles=segment.titles,
                trained=self._trained,
            )
        )
