"""Cutting to a range, and what is told of a piece."""

from collections.abc import Callable
from datetime import UTC
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.pieces import COLUMNS, cut, fields
from ccmusicd.publish.rows import SegmentRow

MakeRow = Callable[..., SegmentRow]
SECOND_US = 1_000_000


def test_a_piece_says_where_it_was_cut(make_row: MakeRow, noon_us: int) -> None:
    rows = [make_row(0, 10), make_row(10, 20), make_row(20, 30, open=True)]
    first, middle, last = cut(rows, noon_us + 4 * SECOND_US, noon_us + 25 * SECOND_US)
    assert [(piece.us // SECOND_US, piece.cut, piece.row.open) for piece in (first, middle, last)] == [
        (6, "start", False),
        (10, "", False),
        (5, "end", False),
    ]
    (both,) = cut([make_row(0, 100)], noon_us + SECOND_US, noon_us + 2 * SECOND_US)
    assert both.cut == "start end"


def test_an_open_segment_stays_open_where_it_was_not_cut(make_row: MakeRow, noon_us: int) -> None:
    (piece,) = cut([make_row(0, 10, open=True)], noon_us, noon_us + 10 * SECOND_US)
    assert (piece.row.open, piece.cut) == (True, "")


def test_what_only_touches_the_range_is_not_in_it(make_row: MakeRow, noon_us: int) -> None:
    rows = [make_row(0, 10), make_row(10, 20), make_row(20, 30)]
    assert [piece.row for piece in cut(rows, noon_us + 10 * SECOND_US, noon_us + 20 * SECOND_US)] == [rows[1]]
    assert [piece.row for piece in cut(rows)] == rows


def test_fields_are_the_columns_and_times_have_the_zones_offset(make_row: MakeRow) -> None:
    (piece,) = cut([make_row(0, 0.25, titles=("A", "B"))])
    told = fields(piece, ZoneInfo("Europe/Berlin"))
    assert tuple(told) == COLUMNS
    assert (told["start"], told["end"]) == ("2026-05-01T14:00:00.000000+02:00", "2026-05-01T14:00:00.250000+02:00")
    assert (told["seconds"], told["probability"], told["titles"]) == (0.25, 0.8765, ["A", "B"])
    assert fields(piece, UTC)["start"] == "2026-05-01T12:00:00.000000+00:00"


def test_a_kind_without_a_genre_is_called_by_its_words(make_row: MakeRow) -> None:
    (piece,) = cut([make_row(kind="no_signal")])
    assert piece.label == "no signal"


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20), st.data())
def test_neighbouring_ranges_share_out_all_time(
    make_row: MakeRow, noon_us: int, lengths: list[int], data: st.DataObject
) -> None:
    starts = [sum(lengths[:place]) for place in range(len(lengths) + 1)]
    rows = [make_row(start, end) for start, end in pairwise(starts)]
    border = noon_us + data.draw(st.integers(0, starts[-1] * SECOND_US))
    before, after = sum(piece.us for piece in cut(rows, None, border)), sum(piece.us for piece in cut(rows, border))
    assert before == border - noon_us
    assert before + after == starts[-1] * SECOND_US
