"""A row of the timeline, as plain values: what every reader of it shares, without the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from ccmusic_stream.blend import Blend
from ccmusicd.events import SegmentEvent


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


def row_of_event(event: SegmentEvent, *, growing: bool = False) -> SegmentRow:
    """A segment as it would be stored."""
    return SegmentRow(
        station=event.station,
        start_us=event.start_us,
        end_us=event.end_us,
        kind=event.kind,
        genre=event.genre,
        note=event.note,
        error_s=event.error_s,
        blend=event.blend,
        probability=event.probability,
        probability_min=event.probability_min,
        agreement=event.agreement,
        divergence=event.divergence,
        models=event.models,
        level_dbfs=event.level_dbfs,
        titles=event.titles,
        trained=event.trained,
        open=growing,
    )
