"""Modules of the viewer that can be asked without a picture: axes, colours, columns, the pace of the scroll."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ABOUT = """const about = {
  cqt: { bins: 84, fmin_hz: 32.703, bins_per_octave: 12 },
  mel: { bins: 128, fmin_hz: 0, fmax_hz: 11025 } };"""


@pytest.fixture(scope="module")
def ask(chromium: Browser, viewer_url: str) -> Iterator[Any]:
    """Evaluate JavaScript with one module of the viewer imported as `m`."""
    page = chromium.new_page()
    page.goto(viewer_url + "icon.svg")  # a page of the same origin in which nothing else runs
    yield lambda module, code: page.evaluate(f"async () => {{ const m = await import('/{module}'); {code} }}")
    page.close()


def test_notes_stand_where_they_sound(ask: Any) -> None:
    names = ask("axes.js", "return [32.703, 440, 466.16, 3951.07].map(m.noteName)")
    assert names == ["C1", "A4", "A♯4", "B7"]
    ticks = ask("axes.js", f"{ABOUT} return m.axisOf('cqt', about).ticks")
    assert ticks[0] == {"text": "C1", "at": pytest.approx(0.5 / 84)}
    assert ticks[-1] == {"text": "C7", "at": pytest.approx(72.5 / 84)}


def test_mel_bands_peak_where_torchaudio_puts_them(ask: Any) -> None:
    def htk(hz: float) -> float:
        return 2595 * math.log10(1 + hz / 700)

    top = htk(11_025)
    peaks = [700 * (10 ** ((band + 1) / 129 * top / 2595) - 1) for band in range(128)]
    hertz = ask(
        "axes.js", f"{ABOUT} const axis = m.axisOf('mel', about); return [...Array(128).keys()].map(axis.hertz)"
    )
    assert hertz == pytest.approx(peaks)
    tick = next(t for t in ask("axes.js", f"{ABOUT} return m.axisOf('mel', about).ticks") if t["text"] == "1k")
    assert tick["at"] == pytest.approx((htk(1000) / top * 129 - 0.5) / 128)


def test_colours_grow_lighter_with_every_decibel(ask: Any) -> None:
    colours = ask("colormap.js", "return [...Array(101).keys()].map((i) => m.colour(i / 100))")
    linear = [[(c / 255) ** 2.2 for c in colour] for colour in colours]
    luminance = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear]
    assert all(a < b for a, b in pairwise(luminance))
    assert luminance[0] < 0.001
    assert luminance[-1] > 0.9


def test_the_palette_spans_eighty_decibels_below_its_top(ask: Any) -> None:
    pixels = ask("colormap.js", "return [...m.palette(-10, -100, 0.625)]")
    ends = ask("colormap.js", "return [m.colour(0), m.colour(1)]")

    def at(db: float) -> list[int]:
        start = round((db + 100) / 0.625) * 4
        return list(pixels[start : start + 3])

    assert at(-90) == ends[0]
    assert at(-10) == ends[1]
    assert at(20) == ends[1]
    assert ends[0] != at(-80)


def test_the_ring_keeps_the_newest_and_knows_its_gaps(ask: Any) -> None:
    seen = ask(
        "columnring.js",
        """const ring = new m.ColumnRing(8, 2);
        ring.put(100, 3, Uint8Array.of(1, 2, 3, 4, 5, 6));
        ring.put(105, 2, Uint8Array.of(7, 8, 9, 9));
        const has = [...Array(10).keys()].map((i) => ring.has(99 + i));
        const changed = ring.put(110, 1, Uint8Array.of(5, 5));
        return { has, changed, tail: ring.tail, head: ring.head, oldest: ring.has(102), column: [...ring.column(105)],
                 loudest: ring.loudest(0, 1000), none: ring.loudest(107, 110) };""",
    )
    assert seen["has"] == [False, True, True, True, False, False, True, True, False, False]
    assert seen["changed"] == [107, 111]
    assert (seen["tail"], seen["head"], seen["oldest"]) == (103, 111, False)
    assert seen["column"] == [7, 8]
    assert (seen["loudest"], seen["none"]) == (9, None)


def test_a_jump_further_than_the_ring_leaves_nothing_old_behind(ask: Any) -> None:
    has = ask(
        "columnring.js",
        """const ring = new m.ColumnRing(8, 1);
        ring.put(0, 8, new Uint8Array(8));
        ring.put(1000, 1, new Uint8Array(1));
        return [...Array(1001).keys()].filter((column) => ring.has(column));""",
    )
    assert has == [1000]


def test_columns_sent_twice_are_taken_as_such(ask: Any) -> None:
    seen = ask(
        "columnring.js",
        """const ring = new m.ColumnRing(64, 1);
        ring.put(500, 40, new Uint8Array(40).fill(1));
        ring.put(520, 30, new Uint8Array(30).fill(2));
        const overlap = [ring.column(519)[0], ring.column(520)[0], ring.head];
        ring.expectRestart();
        ring.put(0, 5, new Uint8Array(5));
        return [overlap, ring.head, ring.has(519)];""",
    )
    assert seen == [[1, 2, 550], 5, False]


def test_the_scroll_is_steady_though_columns_come_in_bursts(ask: Any) -> None:
    positions = ask(
        "playhead.js",
        """const head = new m.Playhead(43);
        const jitter = [0, 0.08, -0.05, 0.1, 0.02, -0.08, 0.05, 0];
        const positions = [];
        let next = 0;
        for (let frame = 0; frame < 60 * 40; frame++) {
          const now = frame / 60;
          if (now >= next + jitter[next % 8]) head.arrived(1000 + 43 * ++next, 43, now);
          positions.push([head.at(now), 1000 + 43 * next]);
        }
        return positions;""",
    )
    assert all(position <= newest for position, newest in positions)
    settled = [position for position, _ in positions[60 * 15 :]]
    steps = [b - a for a, b in pairwise(settled)]
    assert min(steps) > 0.9 * 43 / 60
    assert max(steps) < 1.1 * 43 / 60
    assert all(newest - position < 2 * 43 for position, newest in positions[60:])


def test_the_scroll_waits_at_the_newest_column_and_jumps_over_a_long_gap(ask: Any) -> None:
    seen = ask(
        "playhead.js",
        """const head = new m.Playhead(43);
        head.arrived(100, 43, 0);
        let last = 0;
        for (let frame = 0; frame < 600; frame++) last = head.at(frame / 60);
        head.arrived(5000, 43, 10);
        return [last, head.at(10)];""",
    )
    assert seen[0] == 100
    assert 4900 < seen[1] < 5000


def test_frames_that_are_none_are_refused(ask: Any) -> None:
    seen = ask(
        "columns.js",
        """const frame = new Uint8Array(16 + 4);
        const view = new DataView(frame.buffer);
        [[0, 1], [1, 0]].forEach(([at, value]) => view.setUint8(at, value));
        [[2, 1], [4, 2], [6, 2]].forEach(([at, value]) => view.setUint16(at, value, true));
        view.setBigUint64(8, 123456789012n, true);
        const good = m.readColumns(frame.buffer);
        const short = m.readColumns(frame.buffer.slice(0, 19));
        view.setUint8(0, 2);
        return [good.kind, good.station, good.bins, good.columns, good.first, short, m.readColumns(frame.buffer),
                m.readColumns(new ArrayBuffer(3))];""",
    )
    assert seen == ["cqt", 1, 2, 2, 123456789012, None, None, None]
