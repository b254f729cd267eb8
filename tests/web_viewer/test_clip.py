"""The room where a recording is analysed: what is sent, what is shown of the answer, and what may go wrong."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from playwright.sync_api import Page, expect

from ccmusicd.clips import BusyError, RefusedClipError
from ccmusicd.protocol.schema import schema
from tests.web_viewer.conftest import LABELS, MODELS, Stage, Visitor, png, shares
from tests.web_viewer.test_page import CONTRAST

if TYPE_CHECKING:
    from pathlib import Path

TONE_BIN = 48  # C5
DROP = """async ([name, size]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(size)], name));
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


def window(start_s: float, genre: str, *, shade: int = 100, **changes: Any) -> dict[str, Any]:
    """Ten seconds: C5 alone in the CQT, `genre` by all networks but one."""
    tone = bytes(160 if bin_ == TONE_BIN else 20 for bin_ in range(84)) * 431
    mel = bytes(range(128)) * 431

    def vote(first: str) -> dict[str, Any]:
        probabilities = shares(first, 0.8)
        top5 = sorted(probabilities.items(), key=lambda pair: -pair[1])[:5]
        return {"probabilities": probabilities, "top5": [list(pair) for pair in top5], "ms": 24.0, "error": None}

    votes = {model.name: vote(genre) for model in MODELS}
    votes["resnet50_mel"] = vote("folk")
    votes["efficientnet_b0_mel"] = {"probabilities": {}, "top5": [], "ms": 0.0, "error": "the logits hold NaN"}
    kinds = {kind: [model.name for model in MODELS if model.spectrogram == kind] for kind in ("cqt", "mel")}
    return {
        "type": "window",
        "start_s": start_s,
        "end_s": start_s + 10,
        "models": votes,
        "ensemble": shares(genre, 0.75),
        "agreement": 0.75,
        "divergence": 0.2,
        "contenders": [genre, "folk"],
        "band": "check",
        "seen": {
            "spectrograms": [
                {"kind": "cqt", "bins": 84, "columns": 431, "levels": base64.b64encode(tone).decode()},
                {"kind": "mel", "bins": 128, "columns": 431, "levels": base64.b64encode(mel).decode()},
            ],
            "pictures": [{"models": models, "png": base64.b64encode(png(shade)).decode()} for models in kinds.values()],
        },
    } | changes


def script() -> list[dict[str, Any]]:
    outline = [[-0.5, 0.5] if 200 <= part < 400 else [-0.1, 0.1] for part in range(600)]
    advice = {"code": "high_end", "value": -52.0, "text": "the high bands stay below -40 dB"}
    return [
        {
            "type": "clip",
            "file": "<i>song</i>.mp3",
            "duration_s": 20.0,
            "trained": True,
            "windows": 2,
            "outline": outline,
        },
        window(0.0, "jazz"),
        window(10.0, "rock", shade=200),
        {"type": "end", "warnings": [advice["text"]], "advice": [advice]},
    ]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "<i>song<i>.mp3"
    path.write_bytes(bytes(50_000))
    return path


@pytest.fixture
def page(stage: Stage, visitor: Visitor) -> Page:
    stage.analyst.script = script()
    return visitor.open("?mode=clip")


def test_the_script_is_of_the_protocol() -> None:
    for part, name in zip(script(), ("ClipLine", "WindowLine", "WindowLine", "EndLine"), strict=True):
        jsonschema.Draft202012Validator({**schema(), "$ref": f"#/$defs/{name}"}).validate(part)
    assert set(LABELS.slugs) == set(script()[1]["ensemble"])


def test_a_recording_is_shown_as_far_as_it_is_analysed(stage: Stage, page: Page, song: Path) -> None:
    page.select_option("#clip-which", "all")
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-status")).to_have_text("Decoding, while no hop of the stations is due…")
    stage.answer(1)
    expect(page.locator("#clip-status")).to_have_text("The networks look at window 1 of 2…")
    stage.answer(1)
    expect(page.locator("#clip-status")).to_have_text("The networks look at window 2 of 2…")
    expect(page.locator("#clip-genre")).to_have_text("Jazz")
    expect(page.locator("#clip-share")).to_have_js_property("value", 0.5)
    stage.answer(2)
    expect(page.locator("#clip-progress")).to_be_hidden()
    assert stage.analyst.uploads == [("<i>song<i>.mp3", "all", 50_000)]
    expect(page.locator("#clip-name")).to_have_text("<i>song</i>.mp3")
    expect(page.locator("#clip-band")).to_have_text("Worth a check · 75 %")
    expect(page.locator("#clip-agreement")).to_have_text("Agreement 3 of 4 · Divergence 0.20")
    expect(page.locator("#clip-contenders")).to_have_text("The vote is split: Jazz or Folk")
    expect(page.locator("#clip-advice li")).to_have_text(
        [
            "65 to 85 %: look at what the other networks say; often two styles at once.",
            "Too little high end: it lies -52 dB from the loudest; beyond −40 dB all networks are unsure.",
        ]
    )


def test_cqt_stands_against_mel_with_the_tables_of_their_networks(stage: Stage, page: Page, song: Path) -> None:
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    sides = page.locator(".clip-side")
    expect(sides.locator("h3").filter(has_text=":")).to_have_text(["CQT: notes", "Mel: as the ear hears"])
    expect(sides.locator(".together")).to_have_text(
        ["These networks together: Jazz, 80 %", "These networks together: Folk, 80 %"]
    )
    expect(sides.nth(0).locator(".vote")).to_have_count(3)
    mel = sides.nth(1)
    expect(mel.locator('[data-key="resnet50_mel"] .vote-differs')).to_have_text("≠ differs")
    expect(mel.locator('[data-key="efficientnet_b0_mel"] .vote-error')).to_have_text("the logits hold NaN")
    expect(mel.locator('[data-key="resnet50_mel"] .value').first).to_have_text("80 %")
    boxes = [sides.nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_the_spectrogram_is_of_the_sound_and_reads_decibels(stage: Stage, page: Page, song: Path) -> None:
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    canvas = page.locator(".clip-side canvas").first
    expect(canvas).to_be_visible()
    rows = canvas.evaluate(
        """(node) => {
          const { data } = node.getContext("2d").getImageData(node.width / 2, 0, 1, node.height);
          return Array.from({ length: 84 }, (_, row) => data[(row * 4 + 2) * 4]);
        }"""
    )
    assert rows.index(max(rows)) == 84 - 1 - TONE_BIN
    assert sorted(rows)[-2] < 40
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - (TONE_BIN + 0.5) / 84))
    expect(page.locator(".clip-side .readout").first).to_have_text("0.0 dB · C5 · 523 Hz · 5.0 s")
    page.locator("#clip-cqt").click()
    canvas.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".clip-side .readout").first).to_contain_text("dB · ")


def test_windows_are_chosen_by_buttons_and_on_the_waveform(stage: Stage, page: Page, song: Path) -> None:
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-where")).to_have_text("0:00 to 0:10 · 1 of 2")
    expect(page.locator("#clip-before")).to_be_disabled()
    page.locator("#clip-after").click()
    expect(page.locator("#clip-genre")).to_have_text("Rock")
    expect(page.locator("#clip-after")).to_be_disabled()
    chosen = page.locator("#outline rect")
    assert [chosen.get_attribute(name) for name in ("x", "width")] == ["300", "300"]
    page.locator("#outline").click(position={"x": 30, "y": 20})
    expect(page.locator("#clip-genre")).to_have_text("Jazz")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#clip-genre")).to_have_text("爵士")
    expect(page.locator("#clip-band")).to_have_text("建议核对 · 75 %")


def test_the_pictures_that_the_networks_saw_are_opened_large(stage: Stage, page: Page, song: Path) -> None:
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    thumb = page.locator(".thumb").first
    expect(thumb).to_contain_text("Seen by vgg19 bn, densenet121, mobilenet v3 large")
    thumb.click()
    expect(page.locator("#seen-when")).to_have_text("From 0:00 to 0:10 of the recording")
    expect(page.locator("#seen")).to_have_js_property("naturalWidth", 224)
    expect(page.get_by_role("button", name="Hold")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#picture-dialog")).to_be_hidden()


def test_a_file_may_be_dropped_anywhere(stage: Stage, visitor: Visitor) -> None:
    stage.analyst.script = script()
    page = visitor.open()
    page.evaluate(DROP, ["set.flac", 1_000])
    expect(page.locator("#clip-room")).to_be_visible()
    assert page.url.endswith("/?mode=clip")
    stage.answer(4)
    expect(page.locator("#clip-genre")).to_have_text("Jazz")
    assert stage.analyst.uploads == [("set.flac", "centre", 1_000)]


def test_cancelling_ends_the_work(stage: Stage, page: Page, song: Path) -> None:
    page.set_input_files("#clip-file", song)
    stage.answer(1)
    expect(page.locator("#clip-status")).to_contain_text("window 1 of 2")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#clip-progress")).to_be_hidden()
    stage.wait_for(lambda: stage.analyst.ended == 1, "the analyst to be let go")
    expect(page.locator("#clip-trouble")).to_be_hidden()
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-genre")).to_have_text("Jazz")


@pytest.mark.parametrize(
    ("fault", "parts", "says"),
    [
        (
            RefusedClipError("it is a web page, not audio"),
            0,
            "song<i>.mp3: the clip cannot be analysed: it is a web page,",
        ),
        (BusyError("the networks are being loaded"), 0, "song<i>.mp3: the networks are being loaded."),
        (BusyError("the analyzer restarts"), 2, "song<i>.mp3: the analyzer restarts."),
    ],
)
def test_what_goes_wrong_is_said(
    stage: Stage, visitor: Visitor, page: Page, song: Path, fault: Exception, parts: int, says: str
) -> None:
    stage.analyst.script = script()[:parts]
    stage.analyst.fault = fault
    stage.answer(parts)
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-trouble")).to_contain_text(says)
    expect(page.locator("#clip-progress")).to_be_hidden()
    expect(page.locator("#clip-result")).to_be_visible(visible=parts == 2)
    # A refused request is an error in Chromium's own console, which no page can prevent.
    visitor.complaints = [text for text in visitor.complaints if "status of" not in text]


def test_a_recording_that_is_too_large_and_a_daemon_that_dies_are_told(
    stage: Stage, visitor: Visitor, page: Page, song: Path
) -> None:
    song.write_bytes(bytes(1_000_001))
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-trouble")).to_contain_text("larger than")
    song.write_bytes(bytes(1_000))
    page.set_input_files("#clip-file", song)
    stage.answer(2)
    expect(page.locator("#clip-genre")).to_have_text("Jazz")
    stage.stop()
    expect(page.locator("#clip-trouble")).to_contain_text("the connection was lost before everything was analysed")
    stage.start()
    visitor.complaints = [
        text for text in visitor.complaints if "Failed to load" not in text and "WebSocket" not in text
    ]


def test_the_dashboard_fits_and_has_contrast(stage: Stage, visitor: Visitor, song: Path) -> None:
    stage.analyst.script = script()
    page = visitor.open("?mode=clip")
    stage.answer(4)
    page.set_input_files("#clip-file", song)
    expect(page.locator("#clip-advice li")).to_have_count(2)
    schemes: list[Any] = ["dark", "light"]
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, height in ((1920, 1080), (1024, 768), (360, 740)):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = page.evaluate(CONTRAST)
            assert found["texts"] > 60
            assert found["pale"] == []
            hidden = page.evaluate(
                """() => [...document.querySelectorAll(".clip-side, .clip-side .votes, .clip-plot")]
                     .filter((node) => node.scrollHeight > node.clientHeight + 1).map((node) => node.className)"""
            )
            assert hidden == []
