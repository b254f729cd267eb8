"""Calendars: recurring events as other programs write them, files that change, and files that are none."""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmusic_stream.genre_names import GenreNames
from ccmusic_stream.labels import Label
from ccmusicd.programme import icalendar_file
from ccmusicd.programme.errors import ProgrammeError
from ccmusicd.programme.icalendar_file import CalendarFile

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = GenreNames([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])

NIGHTLY = """BEGIN:VEVENT
UID:1
SUMMARY:Jazz at\\, Ten
CATEGORIES:Jazz,Live
DTSTART;TZID=Europe/Berlin:20260101T220000
DTEND;TZID=Europe/Berlin:20260102T003000
RRULE:FREQ=DAILY
EXDATE;TZID=Europe/Berlin:20260330T220000
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;TZID=Europe/Berlin:20260331T220000
SUMMARY:Rock instead
CATEGORIES:Rock
DTSTART;TZID=Europe/Berlin:20260331T230000
DTEND;TZID=Europe/Berlin:20260401T000000
END:VEVENT
"""
FLOATING = """BEGIN:VEVENT
UID:2
SUMMARY:Breakfast
DTSTART:20260104T090000
DURATION:PT1H
RRULE:FREQ=WEEKLY;BYDAY=SU
END:VEVENT
"""
WHOLE_DAY = "BEGIN:VEVENT\nUID:3\nSUMMARY:Rock day\nCATEGORIES:Rock\nDTSTART;VALUE=DATE:20260330\nEND:VEVENT\n"


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def calendar(path: Path, events: str, *, newer_by: int = 0) -> CalendarFile:
    path.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests//EN\n{events}END:VCALENDAR\n".replace("\n", "\r\n"))
    if newer_by:
        os.utime(path, ns=(0, path.stat().st_mtime_ns + newer_by))
    return CalendarFile(path, BERLIN, NAMES.meant, 0.5)


def on(file: CalendarFile, moment: str) -> list[tuple[str, frozenset[str], float | None]]:
    return [(show.name, show.genres, show.at_least) for show in file.between(us(moment), us(moment) + 1)]


def test_recurring_events_with_exceptions_on_both_sides_of_a_change_of_clocks(tmp_path: Path) -> None:
    file = calendar(tmp_path / "shows.ics", NIGHTLY + FLOATING + WHOLE_DAY)
    file.load(us("2026-03-30T12:00+02:00"))
    jazz = ("Jazz at, Ten", frozenset({"jazz"}), 0.5)
    assert on(file, "2026-03-28T22:00+01:00") == [jazz]
    assert on(file, "2026-03-28T21:59+01:00") == []
    assert on(file, "2026-03-29T22:00+02:00") == [jazz]
    assert on(file, "2026-03-30T00:29+02:00") == [jazz, ("Rock day", frozenset({"rock"}), 0.5)]
    assert on(file, "2026-03-30T22:30+02:00") == [("Rock day", frozenset({"rock"}), 0.5)]  # left out that day
    assert on(file, "2026-03-31T22:30+02:00") == []
    assert on(file, "2026-03-31T23:30+02:00") == [("Rock instead", frozenset({"rock"}), 0.5)]
    assert on(file, "2026-03-29T09:30+02:00") == [("Breakfast", frozenset(), None)]  # of the station's zone


def test_it_looks_ahead_as_time_passes_and_follows_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "shows.ics"
    file = calendar(path, NIGHTLY)
    file.load(us("2026-02-01T12:00+01:00"))
    assert on(file, "2026-02-20T22:30+01:00") == []
    file.refresh(us("2026-02-20T12:00+01:00"))
    assert on(file, "2026-02-20T22:30+01:00")
    calendar(path, FLOATING, newer_by=10**9)
    file.refresh(us("2026-02-20T12:01+01:00"))
    assert on(file, "2026-02-20T22:30+01:00") == []
    assert on(file, "2026-02-22T09:30+01:00")
    path.write_text("not a calendar")
    for _ in range(3):
        file.refresh(us("2026-02-20T12:02+01:00"))
    assert on(file, "2026-02-22T09:30+01:00")
    assert sum("go on to hold" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"hello", "no iCalendar file"),
        (b"", "no iCalendar file"),
        (b"\xff\xfe\x00", "no iCalendar file"),
        (b"<!DOCTYPE html><html></html>", "no iCalendar file"),
        (
            (
                b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Clock\nDTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY\n"
                b"END:VEVENT\nEND:VCALENDAR\n"
            ),
            "repeats 'Clock' SECONDLY",
        ),
    ],
)
def test_what_is_no_calendar_of_shows_is_refused_in_a_sentence(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "shows.ics"
    path.write_bytes(text)
    with pytest.raises(ProgrammeError, match=words) as refusal:
        CalendarFile(path, BERLIN, NAMES.meant, None).load(us("2026-02-01T12:00+01:00"))
    assert str(path) in str(refusal.value)


def test_missing_and_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProgrammeError, match="No such file"):
        CalendarFile(tmp_path / "none.ics", BERLIN, NAMES.meant, None).load(0)
    file = calendar(tmp_path / "shows.ics", NIGHTLY)
    monkeypatch.setattr(icalendar_file, "MAX_BYTES", 100)
    with pytest.raises(ProgrammeError, match="larger"):
        file.load(us("2026-02-01T12:00+01:00"))
