"""The ways to look at the page: all stations side by side, the wall, and the widget in a frame."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from ccmusicd.events import TitleEvent
from tests.web_viewer.conftest import Stage, Visitor
from tests.web_viewer.test_page import CONTRAST

if TYPE_CHECKING:
    from collections.abc import Iterator

LIGHT = ["hop", "segment", "status", "title", "notice"]
WAKE_LOCK = """() => {
  window.locks = [];
  navigator.wakeLock.request = async (kind) => {
    const lock = { kind, released: false, release: async () => { lock.released = true; } };
    window.locks.push(lock);
    return lock;
  };
}"""


def furnish(stage: Stage) -> None:
    stage.hop(agreement=0.8, band="check")
    stage.status(title="So What")
    stage.status(station="fm2", state="silence")


def card(page: Page, name: str) -> str:
    return page.locator(".card").filter(has_text=name).inner_text()


def test_stations_stand_side_by_side_and_one_is_made_large(stage: Stage, visitor: Visitor) -> None:
    furnish(stage)
    page = visitor.open("?mode=stations")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".rooms")).to_be_hidden()
    expect(page.locator(".card").first).to_contain_text("So What")
    assert card(page, "FM One").split("\n") == [
        "FM One",
        "Jazz",
        "♪ So What",
        "Worth a check · 87 %",
        "Agreement 4 of 5",
        "−18.0 dBFS",
    ]
    assert page.locator(".card .fill").first.evaluate("node => node.style.transform") == "scaleX(0.7)"
    assert card(page, "FM Two").split("\n") == ["FM Two", "Silence", "–"]
    assert stage.subscriptions[-1] == {"type": "subscribe", "stations": None, "topics": LIGHT}
    stage.hop(station="fm2", genre="rock")
    stage.status(station="fm2")
    expect(page.locator(".card").nth(1)).to_contain_text("Rock")
    page.locator(".card").nth(1).click()
    expect(page.locator("#genre")).to_have_text("Rock")
    assert page.url.endswith("/?station=fm2")
    stage.wait_for(lambda: stage.subscriptions[-1]["stations"] == ["fm2"], "the subscription to the large one")
    assert "spectrogram" in stage.subscriptions[-1]["topics"]


def test_a_station_gone_quiet_is_not_shown_as_it_was(stage: Stage, visitor: Visitor) -> None:
    furnish(stage)
    visitor.page.clock.install()
    page = visitor.open("?mode=stations")
    expect(page.locator(".card").first).to_contain_text("Jazz")
    stage.stop()
    expect(page.locator(".card").first).to_contain_text("No connection")
    stage.start()
    visitor.complaints = [text for text in visitor.complaints if "WebSocket connection to" not in text]


def test_one_station_alone_needs_no_page_of_all(stage: Stage, visitor: Visitor) -> None:
    stage.learn(stations=stage.hub.about.stations[:1])
    page = visitor.open()
    expect(page.locator("#modes a")).to_have_text(["Live page", "Wall", "Clip"])


def test_the_wall_is_huge_and_keeps_the_screen_awake(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.page
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.add_init_script(f"({WAKE_LOCK})()")
    visitor.open()
    page.get_by_role("link", name="Wall").click()
    expect(page.locator("#models")).to_be_hidden()
    size = page.locator("#genre").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert size > 300
    box = page.locator("#spectrogram").bounding_box()
    assert box is not None
    assert box["width"] > 1800
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    assert page.evaluate("locks.map((lock) => [lock.kind, lock.released])") == [["screen", False]]
    page.keyboard.press("Escape")
    expect(page.locator("#models")).to_be_visible()
    page.wait_for_function("() => locks[0].released")
    assert page.url == stage.url


@pytest.mark.parametrize("mode", ["wall", "stations", "clip"])
def test_no_mode_scrolls_sideways(stage: Stage, visitor: Visitor, mode: str) -> None:
    furnish(stage)
    stage.hop(genre="electronic", contenders=("electronic", "hip_hop"))
    page = visitor.open(f"?mode={mode}&lang=en")
    expect(page.locator("#connection")).to_have_text("Live")
    for width, height in ((3840, 2160), (1920, 1080), (1024, 768), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        words = page.evaluate(
            """() => [...document.querySelectorAll("main:not([hidden]) *")].filter((node) => node.checkVisibility()
                 && node.children.length === 0 && node.getBoundingClientRect().right > innerWidth + 1).length"""
        )
        assert (width, words) == (width, 0)


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("mode", ["wall", "stations", "clip"])
def test_every_mode_has_contrast(stage: Stage, visitor: Visitor, mode: str, scheme: str) -> None:
    visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    furnish(stage)
    page = visitor.open(f"?mode={mode}")
    expect(page.locator("#connection")).to_have_text("Live")
    found = page.evaluate(CONTRAST)
    assert found["texts"] > 5
    assert found["pale"] == []


@pytest.fixture
def stranger(chromium: Browser, stage: Stage) -> Iterator[Page]:
    """A page of another origin with the widget in a frame."""
    address = f"{stage.url}widget.html?station=fm2&lang=zh"

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{address}" width="340" height="170"></iframe>'.encode())

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = chromium.new_page(locale="en-GB")
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        page.close()
        server.shutdown()
        thread.join()


def test_the_widget_shows_one_station_in_a_frame(stage: Stage, stranger: Page) -> None:
    widget = stranger.frame_locator("iframe")
    expect(widget.locator(".card-name")).to_have_text("FM Two")
    stage.hop(station="fm2", genre="rock", band="reliable")
    stage.status(station="fm2")
    expect(widget.locator(".card-what")).to_have_text("摇滚")
    stage.send(TitleEvent("fm2", stage.base_hop.time_us, "<b>Bold</b>"))
    expect(widget.locator(".card-title")).to_have_text("♪ <b>Bold</b>")
    expect(widget.locator(".card-band")).to_have_text("可靠 · 87 %")
    frame = stranger.frames[1]
    assert frame.evaluate("[document.documentElement.scrollHeight <= innerHeight, scrollX]") == [True, 0]
    link = widget.locator("a").get_attribute("href")
    assert link == "/?station=fm2&lang=zh"
    assert stage.subscriptions[-1] == {"type": "subscribe", "stations": ["fm2"], "topics": ["hop", "status", "title"]}


def test_the_widget_claims_nothing_once_the_daemon_is_gone(stage: Stage, stranger: Page) -> None:
    stage.send(replace(stage.base_hop, station="fm2"), replace(stage.base_status, station="fm2"))
    widget = stranger.frame_locator("iframe")
    expect(widget.locator(".card-what")).to_have_text("爵士")
    stage.stop()
    expect(widget.locator(".card-what")).to_have_text("连接中断")
    stage.start()
    expect(widget.locator(".card-what")).to_have_text("爵士")


def test_too_little_high_end_is_told(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Jazz")
    dull = bytes([160] * 96 + [90] * 32)  # the highest quarter 43.75 dB below the rest
    stage.mel(1_000, dull * 200)
    expect(page.locator("#genre")).to_have_text("Jazz")
    stage.mel(1_200, dull * 100)
    expect(page.locator("#high-end")).to_contain_text("Too little high end")
    stage.mel(1_300, bytes([160] * 96 + [100] * 32))
    expect(page.locator("#high-end")).to_be_hidden()
