"""Times as people write them, also where clocks change."""

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.errors import ExportError
from ccmusicd.export.times import at, day, day_range, iso, moment, seconds, utc_us, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000
NOW_US = utc_us(datetime(2026, 5, 1, 12, 30, tzinfo=UTC))  # 14:30 in Berlin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-05-01T14:30:00+02:00"),
        ("today", "2026-05-01T00:00:00+02:00"),
        ("Yesterday", "2026-04-30T00:00:00+02:00"),
        ("-24h", "2026-04-30T14:30:00+02:00"),
        ("-90m", "2026-05-01T13:00:00+02:00"),
        (" -2d ", "2026-04-29T14:30:00+02:00"),
        ("-1w", "2026-04-24T14:30:00+02:00"),
        ("-5 s", "2026-05-01T14:29:55+02:00"),
        ("2026-01-31", "2026-01-31T00:00:00+01:00"),
        ("2026-01-31T06:15", "2026-01-31T06:15:00+01:00"),
        ("2026-01-31 06:15:30.25", "2026-01-31T06:15:30.250000+01:00"),
        ("2026-01-31T06:15Z", "2026-01-31T07:15:00+01:00"),
        ("2026-01-31T06:15-05:00", "2026-01-31T12:15:00+01:00"),
        ("2025-10-26T02:30+01:00", "2025-10-26T02:30:00+01:00"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert at(moment(text, BERLIN, NOW_US), BERLIN).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "noon", "24h", "-5", "-1y", "2026-13-01", "2026-02-30T10:00", "20260501", "-99999999d"]
)
def test_what_is_no_time_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ExportError, match="is no time; times are a date") as refused:
        moment(text, BERLIN, NOW_US)
    assert refused.value.exit_code == os.EX_USAGE


@pytest.mark.parametrize(
    ("text", "zone"), [("0001-01-01T00:00Z", "America/New_York"), ("9999-12-31T23:59:59Z", "Asia/Tokyo")]
)
def test_time_that_its_zone_cannot_tell_is_refused(text: str, zone: str) -> None:
    with pytest.raises(ExportError, match="is no time"):
        moment(text, ZoneInfo(zone), NOW_US)


def test_a_time_that_clocks_leap_over_is_refused() -> None:
    with pytest.raises(ExportError, match="there is no 2026-03-29T02:30 in Europe/Berlin"):
        moment("2026-03-29T02:30", BERLIN, NOW_US)


def test_a_time_that_comes_twice_must_say_which() -> None:
    with pytest.raises(ExportError, match=r"2025-10-26T02:30 comes twice .* \+02:00 or \+01:00"):
        moment("2025-10-26T02:30", BERLIN, NOW_US)


@pytest.mark.parametrize(
    ("zone", "one", "hours"),
    [
        ("Europe/Berlin", "2026-05-01", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Santiago", "2025-09-07", 23),  # clocks leap over midnight: the day begins at 01:00
        ("America/Santiago", "2026-04-04", 25),
        ("Asia/Kathmandu", "2026-05-01", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say_and_days_follow_each_other(zone: str, one: str, hours: float) -> None:
    place, that = ZoneInfo(zone), date.fromisoformat(one)
    start_us, end_us = day_range(that, place)
    assert (end_us - start_us) / HOUR_US == hours
    assert at(start_us, place).date() == that == at(end_us - 1, place).date()
    assert at(start_us - 1, place).date() == that - timedelta(days=1)
    assert day_range(that + timedelta(days=1), place)[0] == end_us


def test_a_day_that_a_zone_leapt_over_is_refused() -> None:
    with pytest.raises(ExportError, match="there is no 2011-12-30 in Pacific/Apia"):
        day_range(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))


def test_days_are_named() -> None:
    assert day("yesterday", BERLIN, NOW_US) == date(2026, 4, 30)
    assert day("2026-03-29", BERLIN, NOW_US) == date(2026, 3, 29)
    for text in ("now", "-24h", "2026-02-30", "2026-05-01T10:00"):
        with pytest.raises(ExportError, match="is no day"):
            day(text, BERLIN, NOW_US)
    with pytest.raises(ExportError, match="too far away"):
        day_range(date.max, BERLIN)


def test_zones_are_found_by_name_by_environment_and_by_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert zone_of("Europe/Berlin") == BERLIN
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert str(zone_of(None)) == "Asia/Tokyo"
    monkeypatch.delenv("TZ")
    assert zone_of(None).utcoffset(datetime(2026, 5, 1)) == datetime.now().astimezone().utcoffset()  # noqa: DTZ001 - the machine's


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b"])
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(ExportError, match="there is no time zone"):
        zone_of(name)


@given(st.integers(-(2**55), 2**55), st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/Santiago", "UTC"]))
def test_what_is_written_reads_back_as_the_same_microsecond(us: int, name: str) -> None:
    assert utc_us(datetime.fromisoformat(iso(us, UTC))) == us
    local = iso(us, ZoneInfo(name))
    if len(local) == len("2026-05-01T12:00:00.000000+02:00"):  # offsets before railways had seconds
        assert moment(local, UTC, 0) == us


@given(st.integers(-(2**60), 2**60))
def test_seconds_are_exact(us: int) -> None:
    whole, rest = seconds(us).removeprefix("-").split(".")
    assert (int(whole) * 1_000_000 + int(rest)) * (-1 if seconds(us).startswith("-") else 1) == us
    assert len(rest) == 6
