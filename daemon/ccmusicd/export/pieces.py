"""Pieces of the timeline: its segments, cut to a range."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from ccmusicd.export.times import iso
from ccmusicd.publish.rows import SegmentRow


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a segment that lies in a range; its times are those of the part.

    `cut_start` and `cut_end` say that the segment itself began before or ended after. Probabilities, agreement,
    divergence and titles stay those of the whole segment: the record has no finer ones.
    """

    row: SegmentRow
    cut_start: bool = False
    cut_end: bool = False

    @property
    def us(self) -> int:
        """Its length in microseconds."""
        return self.row.end_us - self.row.start_us

    @property
    def cut(self) -> str:
        """Where it was cut: "", "start", "end" or "start end"."""
        return " ".join(word for word, is_cut in (("start", self.cut_start), ("end", self.cut_end)) if is_cut)

    @property
    def label(self) -> str:
        """The genre, where it has one, else the kind in words."""
        return self.row.genre or self.row.kind.replace("_", " ")


def cut(rows: Iterable[SegmentRow], from_us: int | None = None, to_us: int | None = None) -> Iterator[Piece]:
    """The parts of the rows within [from_us, to_us), in UTC microseconds; None is no limit.

    A part whose end was cut off is no longer open: it does not grow.
    """
    for row in rows:
        start_us = row.start_us if from_us is None else max(row.start_us, from_us)
        end_us = row.end_us if to_us is None else min(row.end_us, to_us)
        if end_us <= start_us:
            continue
        cut_end = end_us < row.end_us
        part = replace(row, start_us=start_us, end_us=end_us, open=row.open and not cut_end)
        yield Piece(part, start_us > row.start_us, cut_end)


def fields(piece: Piece, zone: tzinfo) -> dict[str, Any]:
    """What is told of a piece, in the order of columns; times ISO 8601 in `zone`, shares with four decimals."""
    row = piece.row
    return {
        "station": row.station,
        "start": iso(row.start_us, zone),
        "end": iso(row.end_us, zone),
        "error_s": None if row.error_s is None else round(row.error_s, 2),
        "seconds": piece.us / 1_000_000,
        "kind": row.kind,
        "genre": row.genre,
        "note": row.note,
        "blend": row.blend
        and {"before": row.blend.before, "start": iso(row.blend.start_us, zone), "end": iso(row.blend.end_us, zone)},
        "probability": _rounded(row.probability),
        "probability_min": _rounded(row.probability_min),
        "agreement": _rounded(row.agreement),
        "divergence": _rounded(row.divergence),
        "models": dict(row.models),
        "level_dbfs": None if row.level_dbfs is None else round(row.level_dbfs, 1),
        "titles": list(row.titles),
        "trained": row.trained,
        "open": row.open,
        "cut": piece.cut,
    }


COLUMNS = (
    *("station", "start", "end", "error_s", "seconds", "kind", "genre", "note", "blend", "probability"),
    *("probability_min", "agreement", "divergence", "models", "level_dbfs", "titles", "trained", "open", "cut"),
)
"""The keys of `fields`."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
