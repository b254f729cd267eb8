"""A day adds up to its own length, whatever was recorded of it."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.day import MOST_TITLES, Category, StationDay, apportion, station_day
from ccmusicd.export.pieces import Piece, cut
from ccmusicd.export.times import day_range
from ccmusicd.publish.rows import SegmentRow

MakeRow = Callable[..., SegmentRow]
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000
LATER_US = 2**52

CHANGES = [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)]


def made(
    pieces: Iterable[Piece],
    day: date = date(2026, 5, 1),
    titles: Iterable[tuple[int, str]] = (),
    now_us: int = LATER_US,
) -> StationDay:
    bounds_us = day_range(day, BERLIN)
    return station_day("studio", day, BERLIN, bounds_us, pieces, titles, now_us)


def whole_and_seamless(day: StationDay) -> bool:
    ends = [day.start_us, *(stretch.end_us for stretch in day.stretches)]
    starts = [*(stretch.start_us for stretch in day.stretches), day.end_us]
    return starts == ends and all(stretch.us > 0 for stretch in day.stretches)


@pytest.mark.parametrize(("day", "hours"), CHANGES)
@given(data=st.data())
def test_any_record_adds_up_to_the_days_seconds(make_row: MakeRow, day: date, hours: int, data: st.DataObject) -> None:
    start_us, end_us = day_range(day, BERLIN)
    borders = sorted(data.draw(st.lists(st.integers(start_us - HOUR_US, end_us + HOUR_US), max_size=30, unique=True)))
    kinds = st.sampled_from(["music", "speech", "silence", "no_signal", "down", "uncertain", "paused"])
    rows = [
        make_row(start_us=first, end_us=last, kind=data.draw(kinds), genre=data.draw(st.sampled_from(["rock", "jazz"])))
        for first, last in pairwise(borders)
        if data.draw(st.booleans())
    ]
    now_us = data.draw(st.integers(start_us, end_us + HOUR_US))
    one = made(cut(rows, start_us, end_us), day, now_us=now_us)
    assert whole_and_seamless(one)
    assert one.us == hours * HOUR_US
    assert sum(one.totals().values()) == one.us
    assert sum(apportion(one.totals(), hours * 3_600).values()) == hours * 3_600
    for length_us, count in ((HOUR_US, hours), (HOUR_US // 4, 4 * hours)):
        slots = list(one.slots(length_us))
        assert len(slots) == count
        assert all(sum(slot.held.values()) == slot.end_us - slot.start_us == length_us for slot in slots)
        for category, us in one.totals().items():
            assert sum(slot.held.get(category, 0) for slot in slots) == us


def test_what_was_not_recorded_and_what_is_to_come_are_told_apart(make_row: MakeRow) -> None:
    start_us, end_us = day_range(date(2026, 5, 1), BERLIN)
    row = make_row(start_us=start_us + HOUR_US, end_us=start_us + 2 * HOUR_US)
    one = made(cut([row]), now_us=start_us + 3 * HOUR_US)
    assert one.totals() == {
        Category("music", "rock"): HOUR_US,
        Category("not_recorded", "not recorded"): 2 * HOUR_US,
        Category("to_come", "to come"): end_us - start_us - 3 * HOUR_US,
    }


def test_a_day_before_the_first_record_is_not_recorded() -> None:
    assert made([]).totals() == {Category("not_recorded", "not recorded"): 24 * HOUR_US}


def test_genres_come_by_their_time_and_kinds_in_their_order(make_row: MakeRow) -> None:
    start_us, _ = day_range(date(2026, 5, 1), BERLIN)
    kinds = [("silence", None, 5), ("music", "hip_hop", 1), ("speech", "speech", 9), ("music", "jazz", 3)]
    rows, at_us = [], start_us
    for kind, genre, hours in kinds:
        rows.append(make_row(start_us=at_us, end_us=at_us + hours * HOUR_US, kind=kind, genre=genre))
        at_us += hours * HOUR_US
    names = [category.name for category in made(cut(rows)).totals()]
    assert names == ["jazz", "hip hop", "speech", "silence", "not recorded"]


def test_rows_that_overlap_are_not_counted_twice(make_row: MakeRow) -> None:
    """Another program's doing: the record itself never does."""
    start_us, _ = day_range(date(2026, 5, 1), BERLIN)
    rows = [
        make_row(start_us=start_us, end_us=start_us + 3 * HOUR_US),
        make_row(start_us=start_us + HOUR_US, end_us=start_us + 2 * HOUR_US, genre="jazz"),
        make_row(start_us=start_us + 2 * HOUR_US, end_us=start_us + 4 * HOUR_US, genre="pop"),
    ]
    assert whole_and_seamless(made(cut(rows)))


def test_titles_are_bounded() -> None:
    one = made([], titles=((number, "title") for number in range(MOST_TITLES + 1)))
    assert (len(one.titles), one.more_titles) == (MOST_TITLES, True)
    assert not made([], titles=[(0, "title")]).more_titles


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), max_size=9), st.integers(0, 100_000))
def test_whole_units_add_up_and_are_near(amounts: dict[str, int], units: int) -> None:
    given_amounts = {Category("music", name): amount for name, amount in amounts.items()}
    shares, total = apportion(given_amounts, units), sum(amounts.values())
    assert sum(shares.values()) == (units if total else 0)
    assert all(abs(shares[one] * total - given_amounts[one] * units) < max(total, 1) for one in shares)
