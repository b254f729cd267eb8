"""Shows by the clock of their zone, also on the days when it changes."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from ccmusicd.programme.shows import Schedule, Show, WeeklyShow

BERLIN = ZoneInfo("Europe/Berlin")
ALL_DAYS = frozenset(range(7))


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def weekly(start: str, end: str, days: frozenset[int] = ALL_DAYS, name: str = "Jazz") -> WeeklyShow:
    begin, stop = time.fromisoformat(start), time.fromisoformat(end)
    return WeeklyShow(name, days, begin, stop, frozenset({"jazz"}), 0.5, BERLIN)


@pytest.mark.parametrize(
    ("moment", "start", "end", "hours"),
    [
        ("2026-01-15T22:30+01:00", "2026-01-15T22:00+01:00", "2026-01-16T06:00+01:00", 8),
        ("2026-07-16T05:59+02:00", "2026-07-15T22:00+02:00", "2026-07-16T06:00+02:00", 8),
        ("2026-03-29T04:00+02:00", "2026-03-28T22:00+01:00", "2026-03-29T06:00+02:00", 7),  # clocks go forward
        ("2026-10-25T02:30+02:00", "2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00", 9),  # and back
        ("2026-10-25T02:30+01:00", "2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00", 9),
    ],
)
def test_a_night_show_is_as_long_as_the_night(moment: str, start: str, end: str, hours: int) -> None:
    show = Schedule([weekly("22:00", "06:00")]).on_at(us(moment))
    assert show is not None
    assert (show.start_us, show.end_us) == (us(start), us(end))
    assert show.end_us - show.start_us == hours * 3_600_000_000


def test_days_are_those_on_which_it_begins_and_ends_are_not_part_of_it() -> None:
    schedule = Schedule([weekly("22:00", "01:00", frozenset({4}))])  # Fridays
    assert schedule.on_at(us("2026-01-16T22:00+01:00")) is not None
    assert schedule.on_at(us("2026-01-17T00:59+01:00")) is not None
    assert schedule.on_at(us("2026-01-17T01:00+01:00")) is None
    assert schedule.on_at(us("2026-01-17T22:30+01:00")) is None
    assert schedule.on_at(us("2026-01-16T21:59:59+01:00")) is None


def test_a_time_that_clocks_leap_over_does_not_lose_the_show() -> None:
    show = Schedule([weekly("02:30", "04:00")]).on_at(us("2026-03-29T03:45+02:00"))
    assert show is not None
    assert show.start_us == us("2026-03-29T03:30+02:00")


def test_of_several_the_one_that_began_last_is_on() -> None:
    schedule = Schedule([weekly("20:00", "23:00", name="Evening"), weekly("21:00", "22:00", name="Special")])
    names = [schedule.on_at(us(f"2026-01-15T{hour}:30+01:00")) for hour in (19, 20, 21, 22)]
    assert [show.name if isinstance(show, Show) else None for show in names] == [None, "Evening", "Special", "Evening"]


def test_the_same_hour_is_another_moment_elsewhere() -> None:
    assert Schedule([weekly("09:00", "10:00")]).on_at(us("2026-07-01T07:30+00:00")) is not None
    assert Schedule([weekly("09:00", "10:00")]).on_at(us("2026-01-01T07:30+00:00")) is None
    assert Schedule([]).on_at(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())) is None
