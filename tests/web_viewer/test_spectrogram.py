"""The live spectrogram: what it draws, that it moves, and what it reads out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

from ccmusic_stream.geometry import Spectrogram
from ccmusicd.events import ColumnsEvent

if TYPE_CHECKING:
    from tests.web_viewer.conftest import Stage, Visitor

COLUMNS_PER_SECOND = 22_050 / 512
SIGHT = """() => {
  const canvas = document.getElementById("spectrogram");
  // Read from a copy: reading the page's own canvas would change how Chromium keeps it.
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const pixels = new Uint32Array(copy.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  let hash = 0;
  for (const pixel of pixels) hash = (hash * 31 + pixel) | 0;
  return { hash, colours: new Set(pixels).size };
}"""
THIRTY_FRAMES = """new Promise((done) => {
  let left = 30;
  const step = () => (left-- ? requestAnimationFrame(step) : done());
  step();
})"""
WATCH = """() => {
  const canvas = document.getElementById("spectrogram");
  const copy = new OffscreenCanvas(canvas.width, 1).getContext("2d", { willReadFrequently: true });
  window.pictures = new Set();
  const look = () => {
    copy.drawImage(canvas, 0, 0, canvas.width, 1, 0, 0, canvas.width, 1);
    window.pictures.add(copy.getImageData(0, 0, canvas.width, 1).data.join());
    requestAnimationFrame(look);
  };
  look();
}"""
SEEN = f"() => {{ const sight = ({SIGHT})(); return sight.colours > 8 && sight; }}"


def play(stage: Stage, first: int, seconds: int = 4, kind: Spectrogram = "cqt") -> int:
    """Send seconds of columns that differ; returns the column after the last."""
    columns = round(seconds * COLUMNS_PER_SECOND)
    stage.columns(first, [60 + (first + i) * 7 % 100 for i in range(columns)], kind)
    return first + columns


def point(page: Page, x: float, y: float) -> None:
    """Move the mouse to these shares of the canvas."""
    box = page.locator("#spectrogram").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_columns_are_drawn_and_move(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator("#spectrogram-note")).to_have_text("Waiting for the spectrogram…")
    page.evaluate(WATCH)
    play(stage, 5000, seconds=1)
    page.wait_for_function(SEEN)
    expect(page.locator("#spectrogram-note")).to_be_hidden()
    # No further columns: the one burst that came is played out smoothly.
    page.wait_for_function("() => window.pictures.size >= 10")


def test_a_reader_who_wants_no_motion_gets_none_between_bursts(stage: Stage, visitor: Visitor) -> None:
    visitor.page.emulate_media(reduced_motion="reduce")
    page = visitor.open()
    head = play(stage, 5000)
    first: Any = page.wait_for_function(SEEN).json_value()
    page.evaluate(THIRTY_FRAMES)
    assert page.evaluate(SIGHT) == first
    play(stage, head)
    page.wait_for_function(f"(first) => ({SIGHT})().hash !== first.hash", arg=first)


def test_a_hidden_page_draws_nothing_and_then_receives_less(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away === true });")
    visitor.open()
    play(stage, 5000)
    page.clock.run_for(500)
    page.wait_for_function(SEEN)
    page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    first: Any = page.evaluate(SIGHT)
    play(stage, 5172)
    page.clock.run_for(1000)
    assert page.evaluate(SIGHT) == first
    stage.hop()  # the daemon goes on talking, so that the connection is not taken for dead
    for _ in range(12):
        stage.status()
        page.wait_for_function("() => document.title.startsWith('Jazz')")
        page.clock.run_for(5_000)
    stage.wait_for(lambda: "level" not in stage.subscriptions[-1]["topics"], "a subscription without level")
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    stage.wait_for(lambda: "level" in stage.subscriptions[-1]["topics"], "the full subscription again")


def test_the_pointer_reads_decibels_note_and_time(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    # Byte 120 stands for −25 dB in every bin. The newest sample of the hop has the time 13:00:00.
    stage.columns(1000, [120] * 344)
    stage.hop(end_sample=1344 * 512)
    expect(page.locator("#genre")).to_have_text("Jazz")
    point(page, 0.95, 1 - 0.5 / 84)
    expect(page.locator("#readout")).to_have_text(re.compile(r"^−25\.0 dB · C1 · 32\.7 Hz · 12:59:5\d\.\d$"))
    point(page, 0.95, 1 - 45.5 / 84)
    expect(page.locator("#readout")).to_have_text(re.compile(r"^−25\.0 dB · A4 · 440 Hz"))
    page.mouse.move(0, 0)
    expect(page.locator("#readout")).to_have_text("")


def test_arrow_keys_move_the_pointer(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    stage.columns(1000, [120] * 344)
    page.locator("#spectrogram").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#readout")).to_have_text(re.compile(r"−25\.0 dB · G4"))
    page.keyboard.press("ArrowUp")
    expect(page.locator("#readout")).to_have_text(re.compile(r"−25\.0 dB · G♯4"))
    page.keyboard.press("Escape")
    expect(page.locator("#readout")).to_have_text("")


def test_the_mel_spectrogram_has_an_axis_in_hertz_and_is_remembered(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator("#frequency-axis .tick")).to_have_text(["C1", "C2", "C3", "C4", "C5", "C6", "C7"])
    page.get_by_role("button", name="Mel").click()
    expect(page.locator("#frequency-axis .tick")).to_have_text(["250", "500", "1k", "2k", "4k", "8k"])
    play(stage, 700, kind="mel")
    page.wait_for_function(SEEN)
    point(page, 0.95, 0.5)
    expect(page.locator("#readout")).to_have_text(re.compile(r"dB · [\d.]+ kHz$"))
    page.reload()
    expect(page.get_by_role("button", name="Mel")).to_have_attribute("aria-pressed", "true")


def test_lost_sound_stays_a_gap(stage: Stage, visitor: Visitor) -> None:
    visitor.page.emulate_media(reduced_motion="reduce")
    page = visitor.open()
    stage.columns(1000, [120] * 172)
    stage.columns(1344, [120] * 172)  # 172 columns (4 s) are missing between them
    span = 10 / page.locator("#window-note").evaluate("note => parseFloat(note.style.width) / 100")  # seconds
    point(page, 0.999, 0.5)
    expect(page.locator("#readout")).to_contain_text("−25.0 dB")
    point(page, 1 - 6 / span, 0.5)
    expect(page.locator("#readout")).to_contain_text("gap")
    point(page, 1 - 10 / span, 0.5)
    expect(page.locator("#readout")).to_contain_text("−25.0 dB")


def test_columns_of_another_station_are_not_drawn(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("link", name="FM Two").click()
    stage.wait_for(lambda: stage.subscriptions[-1]["stations"] == ["fm2"], "the subscription to the other station")
    # On its way when the other station was chosen: 130 columns of station fm1.
    stage.slip(ColumnsEvent("fm1", "cqt", 84, 100, bytes([120]) * 84 * 130))
    stage.status(station="fm2")
    expect(page.locator("#source")).to_have_text("Source running")
    expect(page.locator("#spectrogram-note")).to_have_text("Waiting for the spectrogram…")
    assert page.evaluate(SIGHT)["colours"] == 1


def test_a_daemon_that_counts_from_zero_again_is_followed(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    play(stage, 500_000)
    page.wait_for_function(SEEN)
    stage.columns(0, [120] * 172)
    point(page, 0.99, 0.5)
    expect(page.locator("#readout")).to_contain_text("−25.0 dB")


def test_the_range_follows_the_loudest_column(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    stage.columns(1000, [100] * 43)  # −37.5 dB
    expect(page.locator("#legend-high")).to_have_text("−30.0 dB")
    stage.columns(1043, [100] * 42 + [158])  # −1.25 dB
    expect(page.locator("#legend-high")).to_have_text("0.0 dB")
    expect(page.locator("#legend-low")).to_have_text("−80.0 dB")
