"""Segments: what was on air from when to when, without holes and without overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ccmusic_stream.blend import Blend
from ccmusic_stream.figures import NO_FIGURES, Figures, HopFigures, SegmentFigures

SegmentKind = Literal["music", "speech", "uncertain", "silence", "no_signal", "paused", "down"]
"""What a stretch of time was; "uncertain" is sound in which no genre stands out, "down" the daemon not running."""

SHORTEST_US = 50_000
"""A segment of less than this is none: clocks that are read one after the other differ by microseconds."""

MAX_TITLES = 32
"""Titles kept with one segment; a stream that changes its title every second must not grow without bound."""


@dataclass(frozen=True, slots=True)
class Change:
    """Where something else began to be heard, in UTC microseconds, plus and minus seconds."""

    at_us: int
    error_s: float
    blend: Blend | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one station's time, [start_us, end_us) in UTC microseconds.

    `error_s`: its start is known to so many seconds. `genre` is set for music and speech; `note` says why, where the
    kind alone does not. `figures` are those of its hops, `models` in them each model's own genre.
    """

    start_us: int
    end_us: int
    kind: SegmentKind
    genre: str | None = None
    note: str | None = None
    error_s: float = 0.0
    blend: Blend | None = None
    figures: Figures = NO_FIGURES
    titles: tuple[str, ...] = ()


@dataclass(slots=True)
class _OpenSegment:
    """The segment that still grows."""

    start_us: int
    end_us: int
    kind: SegmentKind
    genre: str | None
    note: str | None
    error_s: float
    blend: Blend | None
    titles: tuple[str, ...]
    figures: SegmentFigures

    def so_far(self, figures: Figures) -> Segment:
        """The segment as it stands, with these figures."""
        return Segment(
            start_us=self.start_us,
            end_us=self.end_us,
            kind=self.kind,
            genre=self.genre,
            note=self.note,
            error_s=self.error_s,
            blend=self.blend,
            figures=figures,
            titles=self.titles,
        )


class SegmentTracker:
    """Builds one station's segments. Each begins where the last one ended, so every moment belongs to exactly one.

    `slugs`: the classes' names, in the order of the votes. Times given to it may jitter: a change that is dated back
    shortens the open segment, but never what is closed, nor what was reached before the clock was set: time that
    comes a second time is not told twice.
    """

    def __init__(
        self, start_us: int, kind: SegmentKind = "uncertain", note: str | None = None, slugs: Sequence[str] = ()
    ) -> None:
        self._slugs = {slug: index for index, slug in enumerate(slugs)}
        self._open = self._opened(start_us, start_us, kind, None, note, Change(start_us, 0.0), (), ())
        self._floor_us = start_us

    @property
    def current(self) -> Segment:
        """The open segment as far as it reaches."""
        return self._open.so_far(self._open.figures.until(self._open.end_us))

    @property
    def outline(self) -> Segment:
        """The same without its figures, which take milliseconds: for every hop."""
        return self._open.so_far(NO_FIGURES)

    def clock_stepped(self) -> None:
        """The clock was set: nothing that follows is dated before what was reached by now."""
        self._floor_us = self._open.end_us
        self._open.figures.settle()

    def enter(
        self,
        kind: SegmentKind,
        genre: str | None,
        change: Change,
        note: str | None = None,
        *,
        titled: bool = True,
    ) -> Segment | None:
        """What is on air since a change; when that ends a segment, the closed one is given, else None.

        A change dated before the open segment's start, or within `SHORTEST_US` of it, leaves nothing of it: the open
        one then becomes the new kind from its own start on. The newest title goes over into the new segment, unless
        `titled` is False: where nothing comes from the source, its title is not heard.
        """
        last = self._open
        if (kind, genre, note) == (last.kind, last.genre, last.note):
            return None
        titles = last.titles if titled else ()
        at_us = max(change.at_us, self._floor_us)
        if at_us < last.start_us + SHORTEST_US:
            start = Change(last.start_us, last.error_s)
            hops = last.figures.after(last.start_us)
            self._open = self._opened(last.start_us, last.end_us, kind, genre, note, start, titles, hops)
            return None
        reached_us, last.end_us = last.end_us, at_us
        hops = last.figures.after(at_us)
        self._open = self._opened(at_us, max(at_us, reached_us), kind, genre, note, change, titles[-1:], hops)
        return last.so_far(last.figures.until(at_us))

    def _opened(
        self,
        start_us: int,
        end_us: int,
        kind: SegmentKind,
        genre: str | None,
        note: str | None,
        change: Change,
        titles: tuple[str, ...],
        hops: Sequence[HopFigures],
    ) -> _OpenSegment:
        figures = SegmentFigures(start_us, None if genre is None else self._slugs.get(genre), hops)
        return _OpenSegment(start_us, end_us, kind, genre, note, change.error_s, change.blend, titles, figures)

    def reach(self, at_us: int) -> None:
        """The open segment lasts at least until `at_us`."""
        self._open.end_us = max(self._open.end_us, at_us)

    def hop(self, figures: HopFigures) -> None:
        """One hop, of the open segment or, where a later change is dated back, of the one that follows."""
        self._open.figures.add(figures)

    def title(self, title: str) -> None:
        """A title was heard; the `MAX_TITLES` heard last are kept, each once, the newest at the end."""
        others = (other for other in self._open.titles if other != title)
        self._open.titles = (*others, title)[-MAX_TITLES:]
