"""A station's record judged anew: its kept hops go through decisions once more, the rest of it stays as it is. Pure.

Every moment of the record belongs to one segment of what comes out, too. What was measured and not judged (silence, no
signal, paused, down) is taken over; so is all of which there are no hops, or hops of other networks.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.figures import KEPT_US, WINDOW_US
from ccmusic_stream.labels import Labels
from ccmusic_stream.segments import Change
from ccmusicd.changes import VOTES_ERROR_S, ChangeFinder
from ccmusicd.events import SegmentEvent
from ccmusicd.onair import ANALYZER_GONE, STARTING_LASTS_US, WAITING, DecisionOptions, OnAir
from ccmusicd.publish.hops import HopBlock
from ccmusicd.publish.rows import SegmentRow, row_of_event

LONGEST_GAP_US = 12_000_000
"""Hops lie a window apart at most: after more than this, what was heard before has no part in what comes."""

_FIRST_HOP_S = 1.0
_MEASURED = {"silence", "no_signal", "paused", "down"}


@dataclass(frozen=True, slots=True)
class Judge:
    """How votes become segments: `models` are those that count; see `OnAir` for the others."""

    labels: Labels
    models: tuple[str, ...]
    decision: DecisionOptions
    weights: Mapping[str, float]
    ensemble_temperature: float
    trained: bool


@dataclass(frozen=True, slots=True)
class Hop:
    """What the networks said of the window that ends at `time_us`: each one's probabilities, shape (classes,)."""

    time_us: int
    votes: Mapping[str, NDArray[np.float64]]
    rms_dbfs: float


def hops_of(blocks: Iterable[HopBlock], judge: Judge) -> Iterator[Hop]:
    """The hops of blocks whose layouts hold the judge's labels and some of its models."""
    for block in blocks:
        places = [block.layout.labels.index(slug) for slug in judge.labels.slugs]
        models = [(name, place) for place, name in enumerate(block.layout.models) if name in judge.models]
        votes = block.models[:, :, places].astype(np.float64)  # (n, M, L)
        sums = votes.sum(axis=2)  # of what was rounded: not quite 1, and NaN where there was no vote
        for index, time_us in enumerate(block.time_us.tolist()):
            said = {name: votes[index, place] / sums[index, place] for name, place in models if sums[index, place] > 0}
            yield Hop(time_us, said, float(block.rms_dbfs[index]))


def rejudged(
    station: str,
    rows: Iterable[SegmentRow],
    titles: Iterable[tuple[int, str]],
    hops: Iterable[Hop],
    judge: Judge,
) -> Iterator[SegmentRow]:
    """The segments of a station as `judge` has them, in order, over exactly the time of `rows`.

    All three rise in time: `rows` as they are recorded, `titles` (UTC microseconds, title), `hops`. Memory does not
    grow with them.
    """
    telling = _Telling(station, judge)
    # A hop at the moment where a segment begins tells of what was before.
    steps: tuple[Iterator[tuple[int, int, Callable[..., None], Any]], ...] = (
        ((hop.time_us, 0, telling.hop, hop) for hop in hops),
        ((row.start_us, 1, telling.row, row) for row in rows),
        ((time_us, 2, telling.title, title) for time_us, title in titles),
    )
    for _, _, take, what in heapq.merge(*steps, key=lambda step: step[:2]):
        take(what)
        yield from telling.told()
    yield from telling.end()


class _Telling:
    """How far the new segments reach, and what decides them where there are hops."""

    def __init__(self, station: str, judge: Judge) -> None:
        self._station = station
        self._judge = judge
        self._row: SegmentRow | None = None  # what the record says of this moment
        self._title = ""
        self._on_air: OnAir | None = None
        self._joints = _RecordedJoints(judge.decision.enter)
        self._begun: tuple[int, float | None] = (0, None)  # where it began to decide, and how exactly that is known
        self._last_hop_us = 0
        self._told_us = 0
        self._told: list[SegmentRow] = []

    def told(self) -> list[SegmentRow]:
        """The segments that are settled since this was last asked: the last one may still go on."""
        told, self._told = self._told[:-1], self._told[-1:]
        return told

    def row(self, row: SegmentRow) -> None:
        """The record's next segment begins."""
        before = self._row
        if before is not None:
            apart = row.kind == "down" or row.start_us > before.end_us
            if self._on_air is not None and (apart or row.start_us - self._last_hop_us > LONGEST_GAP_US):
                self._stop(before)
            if self._on_air is None:
                self._copy(before, before.end_us)
            else:
                self._measured(self._on_air, before, row)
            self._joints.row(before, row)
            if apart:
                self._title = ""
        self._row = row

    def title(self, title: str) -> None:
        """The source named what it plays."""
        self._title = title
        if self._on_air is not None:
            self._on_air.title(title)

    def hop(self, hop: Hop) -> None:
        """The networks had looked."""
        row = self._row
        if row is None or row.kind == "down" or not row.start_us < hop.time_us <= row.end_us:
            return  # hops and segments are written apart: at the ends of a record one may reach further
        if self._on_air is not None and hop.time_us - self._last_hop_us > LONGEST_GAP_US:
            self._stop(row)
        passed_s = (hop.time_us - self._last_hop_us) / 1e6 if self._on_air is not None else _FIRST_HOP_S
        on_air = self._on_air or self._begin(row, hop.time_us)
        self._last_hop_us = hop.time_us
        on_air.vote(hop.votes, hop.time_us, passed_s, hop.rms_dbfs)

    def end(self) -> list[SegmentRow]:
        """There is no more: what was not told yet."""
        if self._row is not None:
            if self._on_air is not None:
                self._stop(self._row)
            self._copy(self._row, self._row.end_us)
        return self._told

    def _begin(self, row: SegmentRow, hop_us: int) -> OnAir:
        """Decide from here on: from the segment's start, where the hop tells of all that was heard since."""
        soon = hop_us - row.start_us <= STARTING_LASTS_US
        begin_us = max(row.start_us if soon else hop_us - WINDOW_US // 2, self._told_us)
        self._copy(row, begin_us)
        self._begun = begin_us, row.error_s if begin_us == row.start_us else VOTES_ERROR_S
        judge = self._judge
        self._joints.reset()
        self._on_air = OnAir(
            self._station,
            judge.labels,
            judge.decision,
            begin_us,
            trained=judge.trained,
            publish=self._take,
            weights=judge.weights,
            ensemble_temperature=judge.ensemble_temperature,
            changes=self._joints,
        )
        self._measured(self._on_air, None, replace(row, start_us=begin_us))
        if self._title in row.titles:
            self._on_air.title(self._title)
        return self._on_air

    def _stop(self, row: SegmentRow) -> None:
        """Decide no further: `row` is what the record had where the last hop was, or later."""
        assert self._on_air is not None  # noqa: S101 - whoever calls has looked
        near = row.end_us - self._last_hop_us <= LONGEST_GAP_US
        on_air, self._on_air = self._on_air, None
        on_air.close(row.end_us if near else max(self._last_hop_us, row.start_us))

    def _measured(self, on_air: OnAir, before: SegmentRow | None, row: SegmentRow) -> None:
        """Let what was measured go over from one segment of the record to the next; what begins comes first."""
        flags: tuple[tuple[Callable[[bool], None], Callable[[SegmentRow], bool]], ...] = (
            (lambda on: on_air.pause(on, row.start_us), lambda one: one.kind == "paused"),
            (lambda on: on_air.wait(on, row.start_us), lambda one: one.note == WAITING),
            (lambda on: on_air.signal(on, row.start_us), lambda one: one.kind == "no_signal"),
            (lambda on: on_air.silence(on, row.start_us), lambda one: one.kind == "silence"),
            (lambda on: on_air.analyzer(on, row.start_us), lambda one: one.note == ANALYZER_GONE),
        )
        was = [before is not None and holds(before) for _, holds in flags]
        now = [holds(row) for _, holds in flags]
        for wanted in (True, False):
            for (turn, _), old, new in zip(flags, was, now, strict=True):
                if new != old and new is wanted:
                    turn(new)

    def _copy(self, row: SegmentRow, until_us: int) -> None:
        """The record's own telling of the time from where the new one reaches."""
        start_us = max(row.start_us, self._told_us)
        if until_us > start_us:
            self._tell(replace(row, start_us=start_us, end_us=until_us, open=row.open and until_us == row.end_us))

    def _take(self, event: SegmentEvent) -> None:
        if event.change != "end" or event.end_us <= event.start_us:
            return
        recorded = self._row
        growing = recorded is not None and recorded.open and event.end_us == recorded.end_us
        row = row_of_event(event, growing=growing)
        begun_us, error_s = self._begun
        self._tell(replace(row, error_s=error_s) if row.start_us == begun_us else row)

    def _tell(self, row: SegmentRow) -> None:
        self._told_us = row.end_us
        last = self._told[-1] if self._told else None
        if last is not None and row.kind in _MEASURED and (last.kind, last.end_us) == (row.kind, row.start_us):
            self._told[-1] = replace(last, end_us=row.end_us, open=row.open)
        else:
            self._told.append(row)


class _RecordedJoints(ChangeFinder):
    """Dates a change by the votes, and nearer by where the record knew a joint: its columns are not kept."""

    def __init__(self, stands_out: float) -> None:
        super().__init__(stands_out=stands_out)
        self._rows: deque[SegmentRow] = deque()

    def row(self, before: SegmentRow, row: SegmentRow) -> None:
        """A segment of the record that began where `before` ended."""
        joined = not {before.kind, row.kind} & _MEASURED and before.end_us == row.start_us
        if joined and row.error_s is not None and row.error_s < VOTES_ERROR_S:
            self._rows.append(row)
        while self._rows and self._rows[0].start_us < row.start_us - KEPT_US:
            self._rows.popleft()

    def find(self, before: int | None, after: int | None, name: str | None, since_us: int) -> Change | None:
        """As `ChangeFinder.find`; the nearest joint that was recorded within the votes' error."""
        found = super().find(before, after, name, since_us)
        if found is None:
            return None
        joint = min(self._rows, key=lambda row: abs(row.start_us - found.at_us), default=None)
        if joint is None or abs(joint.start_us - found.at_us) > VOTES_ERROR_S * 1e6:
            return found
        blend = joint.blend if joint.blend is not None and joint.blend.before == name else None
        return Change(joint.start_us, float(joint.error_s or 0.0), blend)
