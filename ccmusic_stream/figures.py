"""What the hops of a segment say of it together: means, the least, and each model's own choice.

A hop's votes look back over a whole window, so those of a window that reaches into another segment say little of this
one: only hops whose window lies in the segment count, or, where it is too short for any, those centred in it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE, WINDOW_COLUMNS
from ccmusic_stream.level import FLOOR_DBFS

WINDOW_US = round(WINDOW_COLUMNS * HOP_LENGTH / SAMPLE_RATE * 1e6)
"""The window that networks look at, in microseconds."""

KEPT_US = 60_000_000
"""Hops are kept one by one for this long: a change is dated back less."""


@dataclass(frozen=True, slots=True)
class HopFigures:
    """One hop, whose window ends at `end_us` (UTC microseconds).

    `probabilities`: the ensemble's, shape (classes,), None where no votes count (silence, too little heard);
    `choices`: each model's likeliest class; `rms_dbfs`: the level at its end.
    """

    end_us: int
    rms_dbfs: float
    probabilities: NDArray[np.float64] | None = None
    agreement: float = 0.0
    divergence: float = 0.0
    choices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a segment's hops say together; None, and no models, where none of them counts.

    `probability` and `probability_min`: mean and least probability of its genre, or, of a segment without one, of the
    likeliest class; `models`: each model's commonest choice, an index; `level_dbfs`: mean power.
    """

    probability: float | None = None
    probability_min: float | None = None
    agreement: float | None = None
    divergence: float | None = None
    models: Mapping[str, int] = field(default_factory=dict)
    level_dbfs: float | None = None


NO_FIGURES = Figures()


class _Sums:
    """Sums over hops."""

    def __init__(self) -> None:
        self.hops = self.levels = 0
        self.probability = self.agreement = self.divergence = self.power = 0.0
        self.least = 1.0
        self.choices: dict[str, Counter[int]] = {}

    def vote(self, hop: HopFigures, genre: int | None) -> None:
        assert hop.probabilities is not None  # noqa: S101 (its callers ask)
        probability = float(hop.probabilities.max() if genre is None else hop.probabilities[genre])
        self.hops += 1
        self.probability += probability
        self.least = min(self.least, probability)
        self.agreement += hop.agreement
        self.divergence += hop.divergence
        for model, choice in hop.choices.items():
            self.choices.setdefault(model, Counter())[choice] += 1

    def level(self, hop: HopFigures) -> None:
        self.levels += 1
        self.power += 10 ** (hop.rms_dbfs / 10)

    def copy(self) -> "_Sums":
        other = _Sums()
        for name, value in vars(self).items():
            setattr(other, name, value)
        other.choices = {model: Counter(counts) for model, counts in self.choices.items()}
        return other

    def told(self) -> Figures:
        level = 10 * float(np.log10(max(self.power / self.levels, 1e-12))) if self.levels else None
        level = None if level is None else max(level, FLOOR_DBFS)
        if not self.hops:
            return Figures(level_dbfs=level)
        return Figures(
            probability=self.probability / self.hops,
            probability_min=self.least,
            agreement=self.agreement / self.hops,
            divergence=self.divergence / self.hops,
            models={model: counts.most_common(1)[0][0] for model, counts in self.choices.items()},
            level_dbfs=level,
        )


class SegmentFigures:
    """The figures of one open segment; the hops of the last minute stay apart, since its end may be dated back."""

    def __init__(self, start_us: int, genre: int | None, hops: Iterable[HopFigures] = ()) -> None:
        self._start_us = start_us
        self._genre = genre
        self._old = _Sums()
        self._recent = deque(hops)

    def add(self, hop: HopFigures) -> None:
        """One more hop, later than all others."""
        self._recent.append(hop)
        while self._recent[0].end_us < hop.end_us - KEPT_US:
            self._count(self._old, self._recent.popleft(), hop.end_us)

    def settle(self) -> None:
        """Nothing that was heard so far will be dated back: the clock was set."""
        for hop in self._recent:
            self._count(self._old, hop, hop.end_us)
        self._recent.clear()

    def until(self, end_us: int) -> Figures:
        """The figures of the segment, were it to end at `end_us`."""
        sums = self._old.copy()
        for hop in self._recent:
            self._count(sums, hop, end_us)
        if not sums.hops:
            for hop in self._recent:
                if hop.probabilities is not None and self._start_us <= hop.end_us - WINDOW_US // 2 < end_us:
                    sums.vote(hop, self._genre)
        return sums.told()

    def after(self, end_us: int) -> tuple[HopFigures, ...]:
        """The hops that end after `end_us`, for the segment that follows."""
        return tuple(hop for hop in self._recent if hop.end_us > end_us)

    def _count(self, sums: _Sums, hop: HopFigures, end_us: int) -> None:
        if self._start_us < hop.end_us <= end_us:
            sums.level(hop)
            if hop.probabilities is not None and hop.end_us - WINDOW_US >= self._start_us:
                sums.vote(hop, self._genre)
