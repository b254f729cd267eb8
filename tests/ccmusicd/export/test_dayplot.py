"""The plot of a day."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from ccmusicd.export.day import station_day
from ccmusicd.export.dayplot import day_plot
from ccmusicd.export.pieces import cut
from ccmusicd.export.swatches import swatches
from ccmusicd.export.times import day_range
from ccmusicd.publish.rows import SegmentRow

MakeRow = Callable[..., SegmentRow]
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000


def plot(rows: list[SegmentRow], day: date) -> ET.Element:
    bounds_us = day_range(day, BERLIN)
    one = station_day("studio", day, BERLIN, bounds_us, cut(rows, *bounds_us), (), 2**52)
    return ET.fromstring(day_plot(one, swatches(one.totals())))  # noqa: S314 - our own


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)])
def test_every_quarter_is_filled_and_told(make_row: MakeRow, day: date, hours: int) -> None:
    start_us, _ = day_range(day, BERLIN)
    step_us = 700_000_000
    rows = [
        make_row(start_us=start_us + n * step_us, end_us=start_us + (n + 1) * step_us, genre=("rock", "a<b")[n % 2])
        for n in range(80)
    ]
    columns = plot(rows, day).findall("./svg/g")
    assert len(columns) == 4 * hours
    for column in columns:
        rects = column.findall("rect")
        assert sum(float(rect.get("height", "").rstrip("%")) for rect in rects) == pytest.approx(100, abs=0.05)
        bottom = max(float(r.get("y", "").rstrip("%")) + float(r.get("height", "").rstrip("%")) for r in rects)
        assert bottom == pytest.approx(100, abs=0.05)
    first = columns[0].find("title")
    assert first is not None
    assert first.text in {"00:00–00:15: a<b 22 %, rock 78 %", "00:00–00:15: rock 78 %, a<b 22 %"}
    hours_told = [text.text for text in plot(rows, day).findall("text")]
    assert ("02B" in hours_told) == (hours == 25)
    assert hours_told[0] == "00"
    assert hours_told[-1] == "24"


def test_what_fills_hours_is_named_where_it_is(make_row: MakeRow) -> None:
    day = date(2026, 5, 1)
    start_us, _ = day_range(day, BERLIN)
    rows = [
        make_row(start_us=start_us, end_us=start_us + 8 * HOUR_US, genre="jazz"),
        make_row(start_us=start_us + 8 * HOUR_US, end_us=start_us + 11 * HOUR_US, genre="electronic"),
        make_row(start_us=start_us + 11 * HOUR_US, end_us=start_us + 12 * HOUR_US, genre="classical"),
    ]
    names = {text.text: text for text in plot(rows, day).findall("./svg/text")}
    assert set(names) == {"jazz", "electronic", "not recorded"}
    assert names["jazz"].get("x") == f"{100 * 4 / 24:.2f}%"
    assert (names["jazz"].get("class"), names["electronic"].get("class")) == ("name", "name wide")
    assert not re.search("to come", ET.tostring(plot(rows, day), encoding="unicode"))
