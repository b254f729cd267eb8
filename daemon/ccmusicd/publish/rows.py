"""A row of the timeline, as plain values: what every reader of it shares, without the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from ccmusic_stream.blend import Blend


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A piece of the timeline as stored; `open` while it still grows. Times are UTC microseconds.

    Its values are those of `SegmentEvent`; `error_s` and `level_dbfs` are None where an older program wrote it.
    """

    station: str
    start_us: int
    end_us: int
    kind: str
    genre: str | None
    note: str | None
    error_s: float | None
    blend: Blend | None
    probability: float | None
    probability_min: float | None
    agreement: float | None
    divergence: float | None
    models: Mapping[str, str]
    level_dbfs: float | None
    titles: tuple[str, ...]
    trained: bool
    open: bool
