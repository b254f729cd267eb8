"""The ledger: one station's last day in spans, as its segments say at this moment, what is dated back included."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ccmusic_stream.segments import SegmentKind

MOST_SPANS = 20_000
"""A day of spans of four seconds; of more, the oldest go and count as not heard."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a station's time, [start_us, end_us) in UTC microseconds, as its segment describes it."""

    start_us: int
    end_us: int
    kind: SegmentKind
    genre: str | None = None
    note: str | None = None

    @property
    def judged(self) -> bool:
        """Whether the networks heard it, and named a genre or found that none stands out.

        Silence, lost signal, pauses, a daemon that was down, and sound that no network listened to are not judged.
        """
        return self.kind in {"music", "speech"} or (self.kind == "uncertain" and self.note is None)


class Ledger:
    """Spans in order, without overlap; between them may be holes, of which nothing is known."""

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def now_us(self) -> int:
        """How far it reaches; 0 while it is empty."""
        return self._spans[-1].end_us if self._spans else 0

    def put(self, span: Span) -> None:
        """Take in what a segment says now: it replaces what the same one said before, and whatever it overlaps."""
        spans = self._spans
        place = bisect.bisect_left(spans, span.start_us, key=_start)
        past = place
        while past < len(spans) and (spans[past].start_us < span.end_us or spans[past].start_us == span.start_us):
            past += 1
        spans[place:past] = [span] if span.end_us > span.start_us else []
        if place and spans[place - 1].end_us > span.start_us:
            spans[place - 1] = replace(spans[place - 1], end_us=span.start_us)
        if len(spans) > MOST_SPANS:
            del spans[: len(spans) - MOST_SPANS]

    def forget(self, before_us: int) -> None:
        """Drop what ended before a time."""
        keep = bisect.bisect_right(self._spans, before_us, key=_end)
        del self._spans[:keep]

    def within(self, from_us: int, to_us: int) -> Iterator[Span]:
        """The spans in [from_us, to_us), cut to it, oldest first."""
        place = bisect.bisect_right(self._spans, from_us, key=_end)
        for span in self._spans[place:]:
            if span.start_us >= to_us:
                return
            yield replace(span, start_us=max(span.start_us, from_us), end_us=min(span.end_us, to_us))

    def backwards(self) -> Iterator[Span]:
        """All spans, the newest first."""
        return reversed(self._spans)


def _start(span: Span) -> int:
    return span.start_us


def _end(span: Span) -> int:
    return span.end_us
