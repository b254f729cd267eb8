"""The viewer as a whole: it keeps to itself, fits its screen, switches stations, and comes back after a loss."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from ccmusicd.events import NoticeEvent, TitleEvent
from tests.web_viewer.conftest import NOON_US as HOP_US
from tests.web_viewer.conftest import VIEWER

if TYPE_CHECKING:
    from tests.web_viewer.conftest import Stage, Visitor

ALL_TOPICS = ["hop", "segment", "status", "title", "notice", "level", "spectrogram"]

SIDEWAYS = """[...document.querySelectorAll("main *")]
  .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX === "auto")
  .map((node) => node.id || node.className)"""

CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = channels(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    throw new Error("no ground");
  };
  const pale = [];
  let texts = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.closest(".picture, noscript")) continue;
    texts += 1;
    const ink = channels(getComputedStyle(node).color).slice(0, 3);
    const pair = [ink, ground(node)].map(luminance).sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 4.5) pale.push(`${contrast.toFixed(2)} ${node.className} ${walk.currentNode.data}`);
  }
  return { texts, pale };
}"""


def furnish(stage: Stage) -> None:
    """Fill every room."""
    stage.hop(contenders=("jazz", "classical"))
    stage.status(title="A title that is long enough to need a second line on the screen of a telephone", dropped_hops=2)
    stage.segment(titles=("Unbreakable" * 12,), end_us=HOP_US + 1_000_000)
    stage.send(TitleEvent("fm1", HOP_US - 1, "Unbreakable" * 12))
    stage.send(NoticeEvent("fm1", "quota", "jazz", "raised", "warning", HOP_US, HOP_US, "Unbreakable" * 20))
    stage.level(-12.0, -1.0, clipped=True)
    stage.columns(1000, [100, 160] * 86)


def test_the_viewer_is_small() -> None:
    assert sum(file.stat().st_size for file in VIEWER.iterdir()) <= 150_000


def test_the_page_keeps_to_itself(stage: Stage, visitor: Visitor) -> None:
    requests: list[str] = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    page = visitor.open()
    furnish(stage)
    expect(page.locator("#genre")).to_have_text("Jazz")
    expect(page.locator("#connection")).to_have_text("Live")
    assert len(requests) > 20  # the modules came, and `visitor` checked the host of each
    policy = page.request.get(stage.url).headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")


def test_the_viewer_asks_for_what_it_shows(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    stage.hop()
    stage.status()
    expect(page.locator("#genre")).to_have_text("Jazz")
    assert stage.subscriptions == [{"type": "subscribe", "stations": ["fm1"], "topics": ALL_TOPICS}]


def test_a_station_is_chosen_by_tab_and_by_address_and_remembered(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    stage.hop(station="fm2", genre="rock")
    stage.status(station="fm2")
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Jazz")
    page.get_by_role("link", name="FM Two").click()
    expect(page.locator("#genre")).to_have_text("Rock")
    expect(page.locator("#stations [aria-current]")).to_have_text("FM Two")
    assert page.url.endswith("/?station=fm2")
    stage.wait_for(lambda: stage.subscriptions[-1]["stations"] == ["fm2"], "the subscription to the other station")
    page.goto("about:blank")
    visitor.open()
    expect(page.locator("#genre")).to_have_text("Rock")
    page.goto(stage.url + "#fm1")  # an older address
    expect(page.locator("#genre")).to_have_text("Jazz")
    assert page.url.endswith("/?station=fm1")
    page.get_by_role("link", name="FM Two").click()
    expect(page.locator("#genre")).to_have_text("Rock")
    page.go_back()
    expect(page.locator("#genre")).to_have_text("Jazz")


def test_an_address_without_a_station_falls_back(visitor: Visitor) -> None:
    for address in ("#no-such-%E0%A4%A", "?station=no-such&mode=sideways"):
        page = visitor.open(address)
        expect(page.locator("#stations [aria-current]")).to_have_text("FM One")
        expect(page.locator("#now")).to_be_visible()


def test_it_comes_back_by_itself_after_the_daemon_was_gone(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Jazz")
    stage.stop()
    expect(page.locator("#connection")).to_have_text(re.compile(r"Reconnecting in \d+ s"))
    expect(page.locator("#genre")).to_have_text("No connection")
    expect(page.locator("#now")).to_contain_text("Last heard: Jazz, 13:00:00")
    asked = len(stage.subscriptions)
    stage.start()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#genre")).to_have_text("Jazz")
    stage.wait_for(lambda: len(stage.subscriptions) > asked, "the subscription to be renewed")
    # A refused connection is an error in Chromium's own console, which no page can prevent.
    visitor.complaints = [text for text in visitor.complaints if "WebSocket connection to" not in text]


def test_a_token_in_the_address_lets_in_and_is_kept_out_of_sight(stage: Stage, visitor: Visitor) -> None:
    stage.key = "correct horse+battery%"
    page = visitor.open("#token=correct%20horse%2Bbattery%25")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#entry")).to_be_hidden()
    assert page.url == stage.url
    asked = len(stage.subscriptions)
    page.reload()
    stage.wait_for(lambda: len(stage.subscriptions) > asked, "the tab to remember its token")
    page.goto(stage.url + "#fm2")
    expect(page.locator("[aria-current=true]")).to_have_text("FM Two")


def test_without_the_token_the_page_asks_for_it_and_tells_nothing(stage: Stage, visitor: Visitor) -> None:
    stage.key = "correct-horse-battery"
    stage.hop()
    page = visitor.page
    page.goto(stage.url)
    expect(page.locator("#token-why")).to_contain_text("only to those who have its token")
    expect(page.locator("#connection")).to_have_text("Token needed")
    expect(page.locator("#token")).to_be_focused()
    expect(page.locator("#retry")).to_be_hidden()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#token-why")).to_have_text("That is not the daemon's token.")
    assert "Jazz" not in page.content()
    page.fill("#token", stage.key)
    page.click("#entry button")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#genre")).to_have_text("Jazz")
    expect(page.locator("#entry")).to_be_hidden()
    assert page.input_value("#token") == ""


def test_a_connection_gone_quiet_is_given_up(stage: Stage, visitor: Visitor) -> None:
    visitor.page.clock.install()
    page = visitor.open()
    stage.status()
    page.clock.run_for(5_000)
    assert stage.connections == 1
    page.clock.run_for(8_000)
    stage.wait_for(lambda: stage.connections == 2, "a second connection")


def test_an_upgraded_daemon_brings_its_own_page(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visitor.open()
    page.evaluate("document.body.dataset.old = 'yes'")
    monkeypatch.setattr("ccmusicd.hub.__version__", "99.0")
    stage.learn(device="cuda:0")
    expect(page.locator("body:not([data-old])")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")


def test_no_screen_scrolls_sideways(stage: Stage, visitor: Visitor) -> None:
    stage.learn(trained=False)
    page = visitor.open()
    furnish(stage)
    expect(page.locator("#past-segment")).to_contain_text("Jazz")
    for width, height in [(1920, 1080), (1366, 768), (820, 1180), (390, 844), (320, 640)]:
        page.set_viewport_size({"width": width, "height": height})
        for language in ("zh-CN", "en"):
            page.locator("#language").click()
            expect(page.locator("html")).to_have_attribute("lang", language)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(SIDEWAYS) == []


def test_a_wall_needs_no_scrolling(stage: Stage, visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1920, "height": 1080})
    page = visitor.open()
    furnish(stage)
    expect(page.locator("#genre")).to_have_text("Jazz")
    overflowing: list[Any] = page.evaluate(
        """[document.documentElement, ...document.querySelectorAll(".now, .sound, .rolling, .models, .past")]
             .filter((node) => node.scrollHeight > node.clientHeight + 1).map((node) => node.id || node.tagName)"""
    )
    assert overflowing == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_all_text_has_enough_contrast(stage: Stage, visitor: Visitor, scheme: Any) -> None:
    visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    stage.learn(trained=False)
    page = visitor.open()
    furnish(stage)
    stage.status(source_error="refused", source_state="backoff", dropped_hops=2)
    expect(page.locator("#trouble")).to_be_visible()
    for band in ("reliable", "check", "unsure"):
        stage.hop(band=band, trained=False, contenders=("jazz", "classical"))
        expect(page.locator(f'[data-band="{band}"]')).to_be_visible()
        found = page.evaluate(CONTRAST)
        assert found["texts"] > 80
        assert found["pale"] == []


def test_every_control_is_reached_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open()
    reached = [_tab(page) for _ in range(10)]
    modes = ["Live page", "Wall", "All stations", "Clip"]
    assert reached == ["FM One", "FM Two", *modes, "language", "CQT", "Mel", "spectrogram"]


def _tab(page: Page) -> str:
    page.keyboard.press("Tab")
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


@pytest.mark.parametrize(("width", "height"), [(1600, 900), (1920, 1080), (1920, 1000), (1366, 768), (820, 1180)])
def test_no_panel_is_too_small_for_what_it_shows(stage: Stage, visitor: Visitor, width: int, height: int) -> None:
    stage.learn(trained=False)  # the banner takes its room too
    stage.hop(state="uncertain", genre=None, probability=None, contenders=("jazz", "rock"))
    stage.status(state="uncertain")
    visitor.page.set_viewport_size({"width": width, "height": height})
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Uncertain")
    stage.columns(1000, [120] * 172)
    beyond = page.evaluate(
        """() => [...document.querySelectorAll(".panel, .plot")]
            .filter((box) => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1)
            .map((box) => `${box.id} ${box.className} ${box.scrollHeight} in ${box.clientHeight}`)"""
    )
    assert beyond == []
    picture, level = page.locator("#spectrogram").bounding_box(), page.locator("#level-text").bounding_box()
    assert picture is not None
    assert level is not None
    assert picture["y"] + picture["height"] <= level["y"]
