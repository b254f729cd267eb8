"""A row of the timeline, as plain values: what every reader of it shares, without the database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A piece of the timeline as stored; `open` while it still grows. Times are UTC microseconds."""

    station: str
    start_us: int
    end_us: int
    kind: str
    genre: str | None
    note: str | None
    probability: float | None
    probability_min: float | None
    agreement: float | None
    divergence: float | None
    titles: tuple[str, ...]
    trained: bool
    open: bool
