"""What each network saw, opened large: by pointer and keyboard, live and held, and what is said when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from starlette.responses import JSONResponse, Response

from ccmusicd.events import ModelVote
from tests.web_viewer.conftest import NOON_US, png

if TYPE_CHECKING:
    from tests.web_viewer.conftest import Stage, Visitor

SHADE = """() => {
  const image = document.querySelector("#seen");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return [canvas.width, canvas.height, context.getImageData(112, 112, 1, 1).data[0]];
}"""


@pytest.fixture
def page(stage: Stage, visitor: Visitor) -> Page:
    stage.hop()
    stage.status()
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Jazz")
    return page


def shows(page: Page, shade: int) -> None:
    """Wait until a picture of that shade is shown, pixel by pixel as it came."""
    page.wait_for_function(f"() => JSON.stringify(({SHADE})()) === '[224,224,{shade}]'")


def test_a_picture_is_opened_large_and_follows_the_hops(stage: Stage, page: Page) -> None:
    page.get_by_role("button", name="The picture that resnet50 saw").click()
    dialog = page.get_by_role("dialog", name="resnet50 · MEL")
    expect(dialog.get_by_role("img", name="The picture that resnet50 saw")).to_be_visible()
    shows(page, 100)
    box = page.locator("#seen").bounding_box()
    assert box is not None
    assert box["width"] > 400
    expect(page.locator("#seen-when")).to_have_text("Ten seconds up to 13:00:00")
    expect(page.locator("#seen-choices .row")).to_have_count(5)
    stage.picture = Response(png(50), media_type="image/png")
    stage.hop(seq=121, time_us=NOON_US + 1_000_000)
    shows(page, 50)
    expect(page.locator("#seen-when")).to_have_text("Ten seconds up to 13:00:01")
    assert stage.pictures == [("fm1", "resnet50_mel")] * 2
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    stage.hop(seq=122)
    stage.hop(seq=123, genre="rock")
    expect(page.locator("#genre")).to_have_text("Rock")
    assert len(stage.pictures) == 2  # a closed dialog asks for nothing


def test_what_is_held_stays_while_the_hops_go_on(stage: Stage, page: Page) -> None:
    page.get_by_role("button", name="The picture that vgg19 bn saw").focus()
    page.keyboard.press("Enter")
    shows(page, 100)
    hold = page.get_by_role("button", name="Hold")
    hold.click()
    expect(hold).to_have_attribute("aria-pressed", "true")
    stage.picture = Response(png(50), media_type="image/png")
    stage.hop(seq=121, models={**stage.base_hop.models, "vgg19_bn_cqt": ModelVote((("rock", 0.6),), 9.0)}, genre="rock")
    expect(page.locator("#genre")).to_have_text("Rock")
    shows(page, 100)
    expect(page.locator("#seen-choices .name").first).to_have_text("Jazz")
    hold.click()
    shows(page, 50)
    expect(page.locator("#seen-choices .name").first).to_have_text("Rock")


def test_arrows_step_through_the_networks(stage: Stage, page: Page) -> None:
    page.get_by_role("button", name="The picture that mobilenet v3 large saw").click()
    shows(page, 100)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#seen-name")).to_have_text("vgg19 bn · CQT")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#seen-name")).to_have_text("efficientnet b0 · MEL")
    stage.wait_for(lambda: stage.pictures[-1] == ("fm1", "efficientnet_b0_mel"), "the picture of the last")


def test_where_there_is_no_picture_the_daemon_says_why(stage: Stage, visitor: Visitor, page: Page) -> None:
    stage.picture = JSONResponse({"error": "the networks hear nothing of fm1 now"}, status_code=503)
    page.get_by_role("button", name="The picture that vgg19 bn saw").click()
    expect(page.locator("#seen-trouble")).to_have_text("the networks hear nothing of fm1 now")
    expect(page.locator("#seen")).to_be_hidden()
    stage.picture = Response(png(70), media_type="image/png")
    stage.hop(seq=121)
    shows(page, 70)
    expect(page.locator("#seen-trouble")).to_be_hidden()
    # A refused request is an error in Chromium's own console, which no page can prevent.
    visitor.complaints = [text for text in visitor.complaints if "status of 503" not in text]


def test_a_network_that_failed_has_no_picture_to_open(stage: Stage, page: Page) -> None:
    failed = ModelVote((), 0.0, error="the logits hold NaN")
    stage.hop(seq=121, models={**stage.base_hop.models, "vgg19_bn_cqt": failed})
    expect(page.get_by_role("button", name="The picture that vgg19 bn saw")).to_be_hidden()
    expect(page.get_by_role("button", name="The picture that resnet50 saw")).to_be_visible()


def test_pictures_are_asked_for_with_the_token(stage: Stage, visitor: Visitor) -> None:
    stage.key = "correct-horse-battery"
    stage.hop()
    stage.status()
    page = visitor.open("#token=correct-horse-battery")
    page.get_by_role("button", name="The picture that vgg19 bn saw").click()
    shows(page, 100)
