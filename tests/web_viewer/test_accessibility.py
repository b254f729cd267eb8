"""axe-core looks at the page: nothing serious, in each mode, language, colour scheme and width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ccmusicd.events import NoticeEvent
from tests.web_viewer.conftest import HOP, NOON_US, Stage, Visitor

SERIOUS = {"serious", "critical"}


def furnish(stage: Stage) -> None:
    stage.learn(trained=False)  # with its banner
    stage.segment()
    stage.segment(start_us=NOON_US, end_us=NOON_US + 90_000_000, kind="silence", genre=None, titles=("So What",))
    stage.hop(contenders=("jazz", "rock"), agreement=0.6, band="check")
    stage.status(title="So What")
    stage.level(-18.0, -0.1, clipped=True)
    stage.written(*(replace(HOP, time_us=NOON_US - n * 1_000_000) for n in range(300, 0, -1)))
    for severity in ("info", "warning", "alarm"):
        stage.send(NoticeEvent("fm1", "quota", severity, "raised", severity, NOON_US, NOON_US, "jazz is missing"))
    stage.send(NoticeEvent("fm1", "down", "", "told", "info", NOON_US, NOON_US, "it was down"))


@pytest.mark.parametrize(
    ("mode", "language", "scheme", "width"),
    [
        ("full", "en", "dark", 1920),
        ("full", "zh", "light", 360),
        ("wall", "zh", "dark", 1920),
        ("stations", "en", "light", 360),
        ("clip", "en", "dark", 1024),
    ],
)
def test_nothing_serious(stage: Stage, visitor: Visitor, mode: str, language: str, scheme: str, width: int) -> None:
    visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    visitor.page.set_viewport_size({"width": width, "height": 900})
    furnish(stage)
    page = visitor.open(f"?mode={mode}&lang={language}")
    stage.columns(1000, [120] * 172)
    expect(page.locator("#connection")).to_have_text("Live" if language == "en" else "实时")
    if mode == "full":
        expect(page.locator("#past-moment")).not_to_be_empty()
    found = Axe().run(page).response
    assert len(found["passes"]) > 10
    assert [
        (rule["id"], rule["help"], [node["target"] for node in rule["nodes"]])
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
    ] == []


def test_a_serious_fault_is_found(visitor: Visitor) -> None:
    page = visitor.open()
    page.evaluate("() => document.querySelector('.top').append(document.createElement('button'))")
    found = {rule["id"] for rule in Axe().run(page).response["violations"] if rule["impact"] in SERIOUS}
    assert "button-name" in found
