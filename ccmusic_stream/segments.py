"""Segments: what was on air from when to when, without holes and without overlap."""

from dataclasses import dataclass
from typing import Literal

SegmentKind = Literal["music", "speech", "uncertain", "silence", "no_signal", "paused", "down"]
"""What a stretch of time was; "uncertain" is sound in which no genre stands out, "down" the daemon not running."""

SHORTEST_US = 50_000
"""A segment of less than this is none: clocks that are read one after the other differ by microseconds."""

MAX_TITLES = 32
"""Titles kept with one segment; a stream that changes its title every second must not grow without bound."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one station's time, [start_us, end_us) in UTC microseconds.

    `genre` is set for music and speech; `note` says why, where the kind alone does not. The means run over the hops
    in it; None when there was none.
    """

    start_us: int
    end_us: int
    kind: SegmentKind
    genre: str | None = None
    note: str | None = None
    probability: float | None = None
    probability_min: float | None = None
    agreement: float | None = None
    divergence: float | None = None
    titles: tuple[str, ...] = ()


@dataclass(slots=True)
class _OpenSegment:
    """The segment that still grows, with sums over its hops."""

    start_us: int
    kind: SegmentKind
    genre: str | None
    note: str | None
    titles: tuple[str, ...]
    end_us: int = 0
    hops: int = 0
    probability: float = 0.0
    probability_min: float = 1.0
    agreement: float = 0.0
    divergence: float = 0.0

    def so_far(self) -> Segment:
        """The segment as it stands."""

        def mean(total: float) -> float | None:
            return total / self.hops if self.hops else None

        return Segment(
            start_us=self.start_us,
            end_us=self.end_us,
            kind=self.kind,
            genre=self.genre,
            note=self.note,
            probability=mean(self.probability),
            probability_min=self.probability_min if self.hops else None,
            agreement=mean(self.agreement),
            divergence=mean(self.divergence),
            titles=self.titles,
        )


class SegmentTracker:
    """Builds one station's segments. Each begins where the last one ended, so every moment belongs to exactly one.

    Times given to it may jitter: a change that is dated back shortens the open segment, but never what is closed, nor
    what was reached before the clock was set: time that comes a second time is not told twice.
    """

    def __init__(self, start_us: int, kind: SegmentKind = "uncertain", note: str | None = None) -> None:
        self._open = _OpenSegment(start_us, kind, None, note, (), end_us=start_us)
        self._floor_us = start_us

    @property
    def current(self) -> Segment:
        """The open segment as far as it reaches."""
        return self._open.so_far()

    def clock_stepped(self) -> None:
        """The clock was set: nothing that follows is dated before what was reached by now."""
        self._floor_us = self._open.end_us

    def enter(
        self, kind: SegmentKind, genre: str | None, at_us: int, note: str | None = None, *, titled: bool = True
    ) -> Segment | None:
        """What is on air from `at_us` on; when that ends a segment, the closed one is given, else None.

        A change dated before the open segment's start, or within `SHORTEST_US` of it, leaves nothing of it: the open
        one then becomes the new kind from its own start on. The newest title goes over into the new segment, unless
        `titled` is False: where nothing comes from the source, its title is not heard.
        """
        last = self._open
        if (kind, genre, note) == (last.kind, last.genre, last.note):
            return None
        reached_us = last.end_us
        titles = last.titles if titled else ()
        at_us = max(at_us, self._floor_us)
        if at_us < last.start_us + SHORTEST_US:
            self._open = _OpenSegment(last.start_us, kind, genre, note, titles, end_us=reached_us)
            return None
        last.end_us = at_us
        self._open = _OpenSegment(at_us, kind, genre, note, titles[-1:], end_us=max(at_us, reached_us))
        return last.so_far()

    def reach(self, at_us: int) -> None:
        """The open segment lasts at least until `at_us`."""
        self._open.end_us = max(self._open.end_us, at_us)

    def hop(self, probability: float, agreement: float, divergence: float) -> None:
        """One hop of the open segment: its rolling probability, agreement and divergence, each 0-1."""
        segment = self._open
        segment.hops += 1
        segment.probability += probability
        segment.probability_min = min(segment.probability_min, probability)
        segment.agreement += agreement
        segment.divergence += divergence

    def title(self, title: str) -> None:
        """A title was heard; the `MAX_TITLES` heard last are kept, each once, the newest at the end."""
        others = (other for other in self._open.titles if other != title)
        self._open.titles = (*others, title)[-MAX_TITLES:]
