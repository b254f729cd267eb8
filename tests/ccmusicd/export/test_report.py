"""The page of a day: whole by itself, deaf to what titles say, and exact in its sums."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.day import MOST_CLOCK_STEPS, StationDay, station_day
from ccmusicd.export.pieces import cut
from ccmusicd.export.report import MOST_INTERRUPTIONS, clock, report_lines
from ccmusicd.export.times import day_range
from ccmusicd.publish.rows import SegmentRow

MakeRow = Callable[..., SegmentRow]
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000
MAY = date(2026, 5, 1)
LATER_US = 2**52


class Page(HTMLParser):
    """The elements of a page, its rows of cells, and whether its tags close in order."""

    VOID = frozenset({"meta", "rect", "line", "path", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def made(rows: Iterable[SegmentRow], day: date = MAY, name: str = "studio", **more: object) -> StationDay:
    bounds_us = day_range(day, BERLIN)
    given_titles: Iterable[tuple[int, str]] = more.get("titles", ())  # type: ignore[assignment]
    steps: Iterable[tuple[int, float]] = more.get("clock_steps", ())  # type: ignore[assignment]
    return station_day(name, day, BERLIN, bounds_us, cut(rows, *bounds_us), given_titles, LATER_US, steps)


def page(*days: StationDay) -> Page:
    return Page("".join(report_lines(days, LATER_US)))


def seconds(text: str) -> int:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


def sums(found: Page) -> dict[str, list[str]]:
    """The rows of the sums by their name, up to that of the day."""
    first = next(place for place, row in enumerate(found.rows) if row[:2] == ["What", "Time"])
    last = next(place for place, row in enumerate(found.rows) if row[0] == "The day")
    return {row[0]: row[1:] for row in found.rows[first + 1 : last + 1]}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (MAY, 24)])
def test_the_sums_shown_add_up_to_the_day(make_row: MakeRow, day: date, hours: int) -> None:
    start_us, _ = day_range(day, BERLIN)
    step_us = 777_777_777
    genres = ("rock", "jazz", "pop")
    rows = [
        make_row(start_us=start_us + n * step_us, end_us=start_us + (n + 1) * step_us, genre=genres[n % 3])
        for n in range(100)
    ]
    found = page(made(rows, day))
    shown = sums(found)
    assert shown["The day"][0] == f"{hours}:00:00"
    assert shown["The day"][1] == "100.0 %"
    parts = [cells for name, cells in shown.items() if name != "The day"]
    assert len(parts) == 4
    assert sum(seconds(cells[0]) for cells in parts) == hours * 3600
    assert sum(round(10 * float(cells[1].removesuffix(" %"))) for cells in parts) == 1000
    (head,) = [row for row in found.rows if row[:2] == ["What", "00"]]
    assert len(head) == 1 + hours
    assert ("02B" in head) == (hours == 25)
    assert ("02" in head) == (hours != 23)
    assert (f"a day of {hours} hours, as clocks change" in found.text) == (hours != 24)


def test_the_page_needs_nothing_and_runs_nothing(make_row: MakeRow) -> None:
    text = "".join(report_lines([made([make_row(titles=("x",))])], LATER_US))
    found = Page(text)
    assert {"script", "link", "img", "iframe", "object", "a"}.isdisjoint(tag for tag, _ in found.elements)
    assert all(not {"src", "href", "xlink:href"} & set(attributes) for _, attributes in found.elements)
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    policies = [attributes["content"] for tag, attributes in found.elements if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


@given(
    st.text() | st.sampled_from(["</title><script>alert(1)</script>", '"><img src=x onerror=y>', "]]>", "&lt;", "\0"])
)
def test_hostile_text_stays_text(make_row: MakeRow, text: str) -> None:
    start_us, _ = day_range(MAY, BERLIN)
    rows = [
        make_row(start_us=start_us, end_us=start_us + 9 * HOUR_US, genre=text, titles=(text,)),
        make_row(start_us=start_us + 9 * HOUR_US, end_us=start_us + 10 * HOUR_US, kind="silence", note=text),
    ]
    plain, hostile = (page(made(rows, name=name, titles=[(start_us, name)])) for name in ("plain", text))
    assert [tag for tag, _ in plain.elements] == [tag for tag, _ in hostile.elements]


def test_interruptions_are_told_with_their_begin_length_and_reason(make_row: MakeRow) -> None:
    start_us, _ = day_range(MAY, BERLIN)

    def row(first_h: float, last_h: float, kind: str, **fields: object) -> SegmentRow:
        times = {"start_us": start_us + round(first_h * HOUR_US), "end_us": start_us + round(last_h * HOUR_US)}
        return make_row(kind=kind, **times, **fields)

    found = page(
        made([
            row(-1, 0.5, "down"),
            row(0.5, 12, "music"),
            row(12, 12.002, "silence"),
            row(12.002, 13, "no_signal", note="no route to host"),
            row(13, 25, "paused", open=True),
        ])
    )  # fmt: skip
    first = next(place for place, row in enumerate(found.rows) if row[:2] == ["From", "To"])
    assert found.rows[first + 1 : first + 5] == [
        ["00:00:00", "00:30:00", "0:30:00", "down, since the day before"],
        ["12:00:00", "12:00:07", "7.2 s", "silence"],
        ["12:00:07", "13:00:00", "0:59:53", "no signal (no route to host)"],
        ["13:00:00", "24:00:00", "11:00:00", "paused, into the next day"],
    ]


def test_only_the_longest_of_very_many_interruptions_are_listed(make_row: MakeRow) -> None:
    start_us, _ = day_range(MAY, BERLIN)
    kinds = ("silence", "music")
    rows = [
        make_row(start_us=start_us + n * 10_000_000, end_us=start_us + (n + 1) * 10_000_000, kind=kinds[n % 2])
        for n in range(2 * MOST_INTERRUPTIONS + 20)
    ]
    found = page(made(rows))
    assert sum(row[-1] == "silence" for row in found.rows if len(row) == 4) == MOST_INTERRUPTIONS - 1
    assert "11 shorter ones, 0:01:50 in all, are left out" in found.text


def test_titles_are_told_with_what_was_heard(make_row: MakeRow) -> None:
    start_us, _ = day_range(MAY, BERLIN)
    rows = [make_row(start_us=start_us + HOUR_US, end_us=start_us + 2 * HOUR_US, genre="hip_hop")]
    found = page(made(rows, titles=[(start_us, "One"), (start_us + HOUR_US, "Two & <three>\n")]))
    assert found.rows[-2:] == [["00:00:00", "One", "not recorded"], ["01:00:00", "Two & <three>", "hip hop"]]


def test_a_day_with_a_change_of_clocks_tells_times_with_their_offset() -> None:
    day = date(2026, 10, 25)
    start_us, _ = day_range(day, BERLIN)
    titles = [(start_us + 2 * HOUR_US, "first"), (start_us + 3 * HOUR_US, "again")]
    found = page(made([], day, titles=titles))
    assert [row[0] for row in found.rows[-2:]] == ["02:00:00 +0200", "02:00:00 +0100"]
    assert "UTC+02:00 to UTC+01:00" in found.text


def test_that_the_system_clock_was_set_is_told() -> None:
    start_us, end_us = day_range(MAY, BERLIN)
    steps = [(start_us + 15 * HOUR_US, 3600.0), (start_us + 14 * HOUR_US, -3600.0), (end_us + HOUR_US, 7200.04)]
    found = page(made([], clock_steps=steps))
    assert [row for row in found.rows if row[-1].endswith(" s")] == [
        ["14:00:00", "15:00:00", "+3,600.0 s"],
        ["15:00:00", "14:00:00", "-3,600.0 s"],
        ["22:59:59", "2026-05-02 01:00:00", "+7,200.0 s"],
    ]
    assert "there were more" not in found.text
    assert "System clock set" not in page(made([])).text
    many = page(made([], clock_steps=((start_us + n, 0.5) for n in range(MOST_CLOCK_STEPS + 1))))
    assert sum(row[-1] == "+0.5 s" for row in many.rows) == MOST_CLOCK_STEPS
    assert f"The first {MOST_CLOCK_STEPS} of the day; there were more." in many.text


def test_untrained_networks_are_told(make_row: MakeRow) -> None:
    start_us, _ = day_range(MAY, BERLIN)
    rows = [make_row(start_us=start_us, end_us=start_us + HOUR_US, trained=False)]
    assert "For 1:00:00 of this day the networks were not trained" in page(made(rows)).text
    assert "not trained" not in page(made([])).text


def test_several_stations_share_a_page_and_its_patterns(make_row: MakeRow) -> None:
    start_us, _ = day_range(MAY, BERLIN)
    rows = [make_row(start_us=start_us, end_us=start_us + HOUR_US)]
    found = page(made(rows, name="one"), made(rows, name="two"))
    assert [tag for tag, _ in found.elements].count("main") == 2
    ids = [attributes["id"] for tag, attributes in found.elements if tag == "pattern"]
    assert len(ids) == len(set(ids)) == 2
    assert page().text.strip().startswith("No station")


@pytest.mark.parametrize(
    ("us", "text"),
    [(0, "0.0 s"), (4_240_000, "4.2 s"), (59_949_999, "59.9 s"), (59_950_000, "0:01:00"), (90e9, "25:00:00")],
)
def test_lengths(us: int, text: str) -> None:
    assert clock(int(us)) == text
