"""The viewer against a running daemon: what the networks saw, a recording analysed, the widget."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect

RATE = 22_050
BRIGHTEST_ROW = """(node) => {
  const { data } = node.getContext("2d").getImageData(node.width / 2, 0, 1, node.height);
  const red = Array.from({ length: node.height }, (_, row) => data[row * 4]);
  return red.lastIndexOf(Math.max(...red)) / node.height;
}"""


def test_a_tone_is_seen_where_it_sounds_while_the_station_loses_nothing(
    daemon: Callable[..., Any],
    chromium: Browser,
    write_wav: Callable[[NDArray[np.float32]], Path],
    wait_until: Callable[..., None],
    tmp_path: Path,
) -> None:
    running = daemon("--input", "demo", CCMUSIC_CLIPS__MEGABYTES="2")
    time = np.arange(24 * RATE) / RATE
    tone = write_wav(np.asarray(0.5 * np.sin(2 * np.pi * 1_046.5 * time), np.float32))  # C6, five octaves above C1
    wait_until(running.ready, 240, "readiness")
    page = chromium.new_page(locale="en-GB", viewport={"width": 1400, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(f"{running.address}/")
    look = page.get_by_role("button", name="The picture that mobilenet v3 large saw").first
    look.click(timeout=90_000)
    expect(page.locator("#seen")).to_have_js_property("naturalWidth", 224, timeout=30_000)
    first = page.locator("#seen").get_attribute("src")
    page.wait_for_function("(first) => document.querySelector('#seen').src !== first", arg=first)  # the next hop's
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Clip").click()
    page.select_option("#clip-which", "all")
    page.set_input_files("#clip-file", tone)
    expect(page.locator("#clip-where")).to_have_text("0:00 to 0:10 · 1 of 2", timeout=90_000)
    expect(page.locator("#clip-progress")).to_be_hidden(timeout=90_000)
    row = page.locator(".clip-side canvas").first.evaluate(BRIGHTEST_ROW)
    assert abs(row - (1 - 60.5 / 84)) < 1 / 84
    canvas = page.locator(".clip-side canvas").first.bounding_box()
    assert canvas is not None
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] * (1 - 60.5 / 84))
    expect(page.locator(".clip-side .readout").first).to_contain_text("C6")
    expect(page.locator("#clip-advice")).to_contain_text("Random weights")
    expect(page.locator("#clip-advice")).to_contain_text("Too little high end")
    expect(page.locator(".thumb img").first).to_have_js_property("naturalWidth", 224)
    bars = page.locator(".clip-side").first.locator(".vote .value")
    assert sum(int(text.rstrip(" %")) for text in bars.all_inner_texts()) in range(98, 103)

    large = tmp_path / "large.wav"
    large.write_bytes(bytes(3_000_000))
    page.set_input_files("#clip-file", large)
    expect(page.locator("#clip-trouble")).to_contain_text("larger than")
    status = running.get("/api/v1/now")["stations"]["input"]["status"]
    assert status["dropped_hops"] == 0
    assert status["analyzer"]["restarts"] == 0

    refused = page.goto(f"{running.address}/widget.html")
    assert refused is not None
    assert refused.headers["content-security-policy"].endswith("frame-ancestors *")
    expect(page.locator(".card-name")).not_to_be_empty()
    page.close()
