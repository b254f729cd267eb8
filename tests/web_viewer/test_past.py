"""The past: what is drawn and told of a known record, how live hops join it, and what can be taken home."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from ccmusic_stream.blend import Blend
from ccmusicd.events import HopEvent, SegmentEvent, TitleEvent
from tests.web_viewer.conftest import HOP, LABELS, MODELS, NOON_US, shares, vote

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.web_viewer.conftest import Stage, Visitor

SECOND_US = 1_000_000
SPANS_S = {"10 min": 600, "1 h": 3_600, "24 h": 86_400}
NAMES = [model.name for model in MODELS]

# The colour in the middle of the step at `time` (Unix ms), `down` pixels from the top of a row of the picture.
PIXEL = """async ([row, index, down, time]) => {
  const { rowsOf } = await import("/pastchart.js");
  const canvas = document.getElementById("history");
  const rows = rowsOf(canvas.clientHeight, 5);
  const [top, height] = index === null ? rows[row] : rows[row][index];
  const [first, end] = JSON.parse(canvas.dataset.span);
  const density = canvas.width / canvas.clientWidth;
  const x = Math.floor(((time - first) / (end - first)) * canvas.width);
  const y = Math.floor((down < 0 ? top + height + down : top + down) * density);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return `rgb(${[...copy.getImageData(x, y, 1, 1).data.slice(0, 3)].join(" ")})`;
}"""
HEIGHT = """async (row) =>
  (await import("/pastchart.js")).rowsOf(document.getElementById("history").clientHeight, 5)[row][1]"""
COLOURS = """async (slugs) => {
  const { genreColour } = await import("/palette.js");
  const labels = LABELS;
  return Object.fromEntries(slugs.map((slug) => [slug, genreColour(labels, slug)]));
}"""


def hop(second: float, mix: dict[str, float], firsts: tuple[str, ...] | None = None, **fields: Any) -> HopEvent:
    """A hop so many seconds before (or after) noon with these shares; each network's first choice, or the likeliest."""
    best = max(mix, key=lambda slug: mix[slug])
    ensemble = {slug: mix.get(slug, 0.0) for slug in LABELS.slugs}
    choices = dict(zip(NAMES, firsts or (best,) * 5, strict=True))
    values = {
        "time_us": NOON_US + round(second * SECOND_US),
        "ensemble": ensemble,
        "rolling": ensemble,
        "models": {name: vote(slug, 0.8) for name, slug in choices.items()},
        "votes": {name: shares(slug, 0.8) for name, slug in choices.items()},
    }
    return replace(HOP, **{**values, **fields})


def ms(second: float) -> float:
    return NOON_US / 1000 + second * 1000


def pixel(page: Page, row: str, second: float, down: float = 5, index: int | None = None) -> str:
    return str(page.evaluate(PIXEL, [row, index, down, ms(second)]))


def colours(page: Page, *slugs: str) -> dict[str, str]:
    labels = [{"slug": label.slug, "music": label.music} for label in LABELS]
    found: dict[str, str] = page.evaluate(COLOURS.replace("LABELS", json.dumps(labels)), list(slugs))
    return found


def segment(start: float, end: float, **fields: Any) -> SegmentEvent:
    usual = SegmentEvent(
        "fm1",
        "end",
        NOON_US + round(start * SECOND_US),
        NOON_US + round(end * SECOND_US),
        "music",
        "jazz",
        probability=0.8,
        trained=True,
    )
    return replace(usual, **fields)


@pytest.fixture
def opened(stage: Stage, visitor: Visitor) -> Callable[..., Page]:
    """Open the page, ten minutes back unless told otherwise, and wait until the record is drawn."""

    def open_page(span: str = "10 min", fragment: str = "") -> Page:
        stage.hop(time_us=NOON_US - 700 * SECOND_US)
        stage.status()
        page = visitor.open(fragment)
        page.get_by_role("button", name=span, exact=True).click()
        _drawn(page, SPANS_S[span])
        return page

    return open_page


def _drawn(page: Page, seconds: int) -> None:
    """Wait until the picture is of so many seconds, rounded up to steps."""
    page.wait_for_function(
        """(span) => {
          const [first, end] = JSON.parse(document.getElementById("history").dataset.span ?? "[0, 0]");
          return end - first >= span && end - first < 1.1 * span;
        }""",
        arg=1000 * seconds,
    )


def test_the_record_is_drawn_as_it_is(stage: Stage, opened: Any) -> None:
    stage.written(
        *(hop(n, {"jazz": 0.75, "rock": 0.25}) for n in range(-590, -400)),
        # A hole of a hundred seconds, then silence, in which nothing counts.
        *(hop(n, {"metal": 1.0}, state="silence") for n in range(-300, -200)),
        *(hop(n, {"classical": 0.5, "jazz": 0.5}) for n in range(-200, 0)),
    )
    page = opened()
    seen = colours(page, "classical", "jazz", "rock")
    height = page.evaluate(HEIGHT, "stack")
    expect(page.locator("#history")).to_have_attribute("aria-valuemax", re.compile("29[0-9]|30[0-9]"))
    nothing = pixel(page, "stack", -350, height / 2)
    # Stacked in the order of the labels, from below.
    assert pixel(page, "stack", -500, height * 0.30) == seen["jazz"]
    assert pixel(page, "stack", -500, height * 0.22) == seen["rock"]
    assert pixel(page, "stack", -500, height - 2) == seen["jazz"]
    assert pixel(page, "stack", -100, height * 0.45) == seen["jazz"]
    assert pixel(page, "stack", -100, height * 0.55) == seen["classical"]
    for second in (-350, -250):
        assert [pixel(page, "stack", second, share * height) for share in (0.1, 0.5, 0.9)] == [nothing] * 3
    assert nothing not in seen.values()
    # A day back it is the last ten minutes at the right edge.
    page.get_by_role("button", name="24 h", exact=True).click()
    _drawn(page, 86_400)
    expect(page.locator("#past-axis")).to_contain_text("16:00")
    assert pixel(page, "stack", -500, height * 0.30) == seen["jazz"]
    assert pixel(page, "stack", -50_000, height / 2) == nothing


def test_live_hops_join_the_record_without_a_seam(stage: Stage, opened: Any) -> None:
    stage.written(hop(-4, {"jazz": 1.0}), hop(-2, {"jazz": 1.0}), hop(-1.5, {"rock": 1.0}))
    stage.now_us = NOON_US - SECOND_US
    page = opened()
    page.locator("#history").focus()
    page.keyboard.press("End")
    expect(page.locator("#past-moment")).to_contain_text("12:59:58 · Jazz 50 % · Rock 50 %")
    # What the record has told counts once; what is new joins its step, and makes a next one.
    for event in (hop(-2, {"jazz": 1.0}), hop(-1.5, {"rock": 1.0}), hop(-1, {"rock": 1.0}), hop(-0.5, {"rock": 1.0})):
        stage.send(event)
    expect(page.locator("#past-moment")).to_contain_text("· Rock 75 % · Jazz 25 %")
    page.keyboard.press("Escape")  # the newest, whatever it is
    stage.send(hop(1, {"metal": 0.9, "rock": 0.1}))
    expect(page.locator("#past-moment")).to_contain_text("· Metal 90 % · Rock 10 %")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#past-moment")).to_contain_text("· Rock 75 % · Jazz 25 %")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#past-moment")).to_contain_text("· Jazz 100 %")
    seen = colours(page, "metal", "rock")
    page.wait_for_function(f"({PIXEL})(['stack', null, 4, {ms(1)}]).then((c) => c === '{seen['metal']}')")
    assert pixel(page, "stack", -1, 4) == seen["rock"]


def test_what_comes_while_the_record_is_asked_is_not_lost(stage: Stage, visitor: Visitor) -> None:
    """It cannot be read at first: the page says so, asks again, and then knows what came meanwhile, too."""
    stage.record_works = False
    stage.written(*(hop(n, {"rock": 1.0}) for n in range(-60, -20)))
    page = visitor.open()
    expect(page.locator("#past-missing")).to_be_visible()
    stage.send(segment(-30, 0, change="update", genre="metal"), hop(0, {"jazz": 0.9, "rock": 0.1}))
    stage.status()
    asked = len(stage.asked)
    stage.record_works = True
    stage.wait_for(lambda: len(stage.asked) > asked, "the record to be asked again")
    expect(page.locator("#past-missing")).to_be_hidden()
    expect(page.locator("#past-moment")).to_contain_text("Jazz 90 %")
    expect(page.locator("#past-segment")).to_contain_text("Metal")
    page.locator("#history").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#past-moment")).to_contain_text("Rock 100 %")
    visitor.complaints = [text for text in visitor.complaints if "503" not in text]


def test_a_moment_tells_its_values_by_mouse_touch_and_keys(stage: Stage, opened: Any) -> None:
    stage.written(*(hop(n, {"jazz": 0.7, "rock": 0.2, "pop": 0.1}, divergence=0.25) for n in range(-590, 0)))
    blend = Blend("rock", NOON_US - 402 * SECOND_US, NOON_US - 396 * SECOND_US)
    stage.record.write(
        [
            segment(-580, -400, genre="rock", titles=("A - B",)),
            segment(-400, -100, error_s=0.4, blend=blend, titles=("A - B", "So What")),
            segment(-100, -40, kind="speech", genre="speech"),
            segment(-40, -20, kind="no_signal", genre=None),
            segment(-20, 0, change="update", kind="silence", genre=None),
        ],
        [TitleEvent("fm1", NOON_US + at * SECOND_US, title) for at, title in ((-580, "A - B"), (-300, "So What"))],
    )
    page = opened()
    canvas = page.locator("#history")
    box = canvas.bounding_box()
    assert box is not None
    first, end = page.evaluate("JSON.parse(document.getElementById('history').dataset.span)")

    def at(second: float) -> dict[str, float]:
        return {"x": (ms(second) - first) / (end - first) * box["width"], "y": 20}

    canvas.hover(position=at(-200))
    expect(page.locator("#past-moment")).to_have_text(re.compile(r"12:56:\d\d · Jazz 70 % · Rock 20 % · Pop 10 %"))
    expect(page.locator("#past-segment")).to_have_text(
        "Jazz 12:53:20 ± 0.4 s – 12:58:20 · 5 min · Rock blended out until 12:53:24 · ♪ So What"
    )
    expect(page.locator("#past-votes")).to_contain_text("vgg19 bn Jazz · resnet50 Jazz")
    expect(page.locator("#past-votes")).to_contain_text("Divergence 0.25")
    finger = {"clientX": box["x"] + at(-350)["x"], "clientY": box["y"] + 20, "pointerType": "touch"}
    canvas.dispatch_event("pointerdown", finger)
    expect(page.locator("#past-segment")).to_contain_text("♪ A - B")
    canvas.dispatch_event("pointerleave", {"pointerType": "touch"})  # a finger that was lifted still points
    expect(page.locator("#past-segment")).to_contain_text("♪ A - B")
    canvas.focus()
    for _ in range(13):
        page.keyboard.press("PageDown")
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(r"12:58:\d\d · Jazz 70 %.*Speech 12:58:20"))
    page.keyboard.press("End")
    expect(page.locator("#past-segment")).to_have_text("Silence 12:59:40 – now · 20 s")
    page.keyboard.press("Home")
    expect(page.locator("#past-segment")).to_have_text("not recorded")
    expect(page.locator("#past-cursor")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#past-cursor")).to_be_hidden()
    seen = colours(page, "jazz", "rock")
    assert pixel(page, "band", -250, 3) == seen["jazz"]
    assert pixel(page, "band", -450, 3) == seen["rock"]
    # Speech, no signal and silence are told apart by form.
    forms = {
        tuple(pixel(page, "band", second + 0.7 * step, down) for step in range(8) for down in (2, 4, 6, 8))
        for second in (-56, -36, -8)
    }
    assert len(forms) == 3


def test_the_segments_go_on_live_and_are_corrected(stage: Stage, opened: Any) -> None:
    stage.record.write([segment(-900, -60), segment(-60, 0, change="update", genre="rock")], [])
    page = opened()
    page.locator("#history").focus()
    page.keyboard.press("End")
    words = page.locator("#past-segment")
    expect(words).to_have_text("Rock 12:59:00 – now · 1 min")
    # It was found to be another, to have begun earlier, and something else to have begun since.
    stage.send(segment(-900, -70), segment(-70, 2, change="update", genre="metal"))
    expect(words).to_have_text("Metal 12:58:50 – now · 1 min 12 s")
    stage.send(segment(-70, 2, genre="metal"), segment(2, 3, change="new", kind="uncertain", genre=None))
    expect(words).to_have_text("Metal 12:58:50 – 13:00:02 · 1 min 12 s")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    expect(words).to_have_text(re.compile("Jazz 12:[0-9:]+ – 12:58:50"))
    page.keyboard.press("Escape")
    stage.send(segment(2, 5, change="update", kind="uncertain", genre=None), hop(5, {"rock": 1.0}))
    expect(words).to_have_text(re.compile("Uncertain 13:00:02 – now"))


def test_the_ribbon_shows_who_differs_and_names_the_contenders(stage: Stage, opened: Any) -> None:
    split = ("jazz", "classical", "jazz", "classical", "jazz")
    stage.written(
        *(hop(n, {"jazz": 1.0}) for n in range(-300, -200)),
        *(hop(n, {"jazz": 0.5, "classical": 0.5}, split, divergence=0.5) for n in range(-200, -100)),
        *(hop(n, {"jazz": 1.0}, state="silence") for n in range(-100, -50)),
    )
    page = opened()
    seen = colours(page, "jazz", "classical")
    for model, slug in enumerate(split):
        assert pixel(page, "ribbon", -250, 1, model) == seen["jazz"]
        assert pixel(page, "ribbon", -150, 1, model) == seen[slug]
        # Who differs from most is cut in two along the middle: told without colour.
        whole = pixel(page, "ribbon", -150, 4, model) == seen[slug]
        assert whole is (slug == "jazz")
    assert pixel(page, "ribbon", -75, 1, 0) not in seen.values()
    page.locator("#history").focus()
    page.keyboard.press("End")
    expect(page.locator("#past-votes")).to_have_text("no votes")
    for _ in range(6):
        page.keyboard.press("PageUp")
    expect(page.locator("#past-votes")).to_have_text(
        "The vote is split: Jazz or Classical · vgg19 bn Jazz · resnet50 Classical · densenet121 Jazz · "
        "efficientnet b0 Classical · mobilenet v3 large Jazz · Divergence 0.50"
    )
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#past-votes")).to_contain_text("爵士 或 古典")
    expect(page.locator("#past-rows")).to_contain_text("流派")
    line = [pixel(page, "line", second, down) for second, down in ((-150, 15), (-250, 15))]
    assert line[0] != line[1]


def test_the_links_take_home_what_is_shown(stage: Stage, opened: Any) -> None:
    stage.written(*(hop(n, {"jazz": 1.0}) for n in range(-60, 0)))
    stage.record.write([segment(-60, 0)], [])
    page = opened("1 h")
    links = page.locator("#exports a")
    expect(links).to_have_text(["CSV", "JSON", "Audacity", "CUE", "Day's report"])
    first, end = page.evaluate("JSON.parse(document.getElementById('history').dataset.span)")
    for link, form in zip(links.all(), ("csv", "json", "audacity", "cue", "report"), strict=True):
        address = urlsplit(str(link.get_attribute("href")))
        asked = {key: value[0] for key, value in parse_qs(address.query).items()}
        assert address.path == "api/v1/timeline"
        assert (asked["station"], asked["format"], asked["tz"]) == ("fm1", form, "Europe/Berlin")
        if form == "report":
            assert (asked["from"], "to" in asked) == ("2026-01-31", False)
        else:
            shown = page.evaluate("(times) => times.map(Date.parse)", [asked["from"], asked["to"]])
            assert shown == [first, end]
            assert 3_600_000 <= end - first <= 3_612_000
        answer = page.request.get(stage.url + link.get_attribute("href"))
        assert answer.ok
        assert "jazz" in answer.text().lower()


def test_a_token_goes_with_what_is_taken_home(stage: Stage, visitor: Visitor) -> None:
    stage.key = "correct-horse"
    stage.hop()
    stage.status()
    stage.record.write([segment(-60, 0)], [])
    page = visitor.open("#token=correct-horse")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert '"genre": "jazz"' in download.value.path().read_text()


def test_another_station_has_its_own_past(stage: Stage, opened: Any) -> None:
    stage.written(*(hop(n, {"jazz": 1.0}) for n in range(-60, 0)))
    stage.written(*(hop(n, {"metal": 1.0}, station="fm2") for n in range(-60, 0)))
    page = opened()
    expect(page.locator("#past-moment")).to_contain_text("Jazz 100 %")
    page.get_by_role("link", name="FM Two").click()
    expect(page.locator("#past-moment")).to_contain_text("Metal 100 %")
    expect(page.locator("#exports a").first).to_have_attribute("href", re.compile("station=fm2"))
    assert "Jazz 100" not in page.locator("#past").inner_text()


def test_the_past_is_asked_again_after_the_daemon_was_gone(stage: Stage, visitor: Visitor, opened: Any) -> None:
    stage.written(*(hop(n, {"jazz": 1.0}) for n in range(-60, 0)))
    page = opened()
    expect(page.locator("#past-moment")).to_contain_text("Jazz 100 %")
    stage.stop()
    expect(page.locator("#connection")).to_have_text(re.compile("Reconnecting"))
    stage.written(*(hop(n, {"metal": 1.0}) for n in range(60)))
    stage.now_us = NOON_US + 60 * SECOND_US
    stage.start()
    expect(page.locator("#past-moment")).to_contain_text("Metal 100 %")
    visitor.complaints = [text for text in visitor.complaints if "WebSocket connection to" not in text]
