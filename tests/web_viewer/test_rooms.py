"""What the rooms of the viewer say for what the daemon sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from ccmusicd.events import ModelVote, TitleEvent

if TYPE_CHECKING:
    from tests.web_viewer.conftest import Stage, Visitor

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & \u202eevil"


def test_a_stable_genre_is_shown_with_its_evidence(stage: Stage, visitor: Visitor) -> None:
    stage.hop(band="check", agreement=0.8, divergence=0.06)
    stage.status(title="So What")
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Jazz")
    expect(page.locator("#genre-also")).to_have_text("爵士")
    expect(page.locator("#genre-since")).to_contain_text(re.compile(r"since 12:56 · 3 min \d+ s"))
    expect(page.locator("#evidence")).to_contain_text("87 %")
    expect(page.locator("#evidence")).to_contain_text("4 of 5")
    expect(page.locator("#evidence")).to_contain_text("0.06")
    expect(page.locator("#title")).to_have_text("♪ So What")
    expect(page).to_have_title("Jazz · FM One · ccmusic-stream")
    expect(page.locator("#untrained")).to_be_hidden()


BANDS = {"reliable": "Reliable", "check": "Worth a check", "unsure": "Unsure"}
STATES = [
    ({"state": "silence"}, "Silence"),
    ({"state": "no_signal"}, "No signal"),
    ({"state": "speech"}, "Speech"),
    ({"state": "uncertain"}, "Uncertain"),
    ({"state": "paused"}, "Paused"),
    ({"state": "starting"}, "Starting"),
    ({"state": "starting", "analyzer": "restarting"}, "Analyzer restarting"),
    ({"state": "music", "analyzer": "restarting"}, "Analyzer restarting"),
    ({"state": "no_signal", "analyzer": "restarting"}, "No signal"),
]


def test_confidence_is_told_by_words_and_by_form(stage: Stage, visitor: Visitor) -> None:
    stage.status()
    page = visitor.open()
    forms = set()
    for band, words in BANDS.items():
        stage.hop(band=band)
        expect(page.locator("#evidence .band")).to_have_text(words)
        colour = page.locator("#evidence .band").evaluate("node => getComputedStyle(node).color")
        form = page.locator("#evidence .band").evaluate("node => getComputedStyle(node, '::before').background")
        forms.add(form.replace(colour, "the colour of the words"))
    assert len(forms) == len(BANDS)


def test_a_state_takes_the_place_of_the_genre(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    for status, words in STATES:
        stage.status()
        expect(page.locator("#genre")).to_have_text("Jazz")
        stage.status(**status)
        expect(page.locator("#genre")).to_have_text(words)
        expect(page.locator("#now")).not_to_contain_text("Jazz")


def test_nothing_is_claimed_before_the_first_message_of_a_station(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator("#genre")).to_have_text("Starting")
    expect(page.locator("#evidence")).to_be_hidden()


def test_contenders_are_named_when_the_vote_is_split(stage: Stage, visitor: Visitor) -> None:
    stage.hop(contenders=("jazz", "classical"))
    stage.status()
    page = visitor.open()
    expect(page.locator("#contenders")).to_have_text("The vote is split: Jazz or Classical")
    stage.hop()
    expect(page.locator("#contenders")).to_be_hidden()


def test_random_weights_are_admitted_in_both_languages(stage: Stage, visitor: Visitor) -> None:
    stage.learn(trained=False)
    stage.hop(trained=False)
    stage.status(trained=False)
    page = visitor.open()
    expect(page.locator("#untrained")).to_contain_text("Random weights.")
    expect(page.locator("#untrained")).to_contain_text("随机权重")
    expect(page.locator("#genre-caveat")).to_have_text("Random weights: not a real answer")


def test_the_error_of_the_source_is_told_and_taken_back(stage: Stage, visitor: Visitor) -> None:
    stage.status(state="no_signal", source_state="backoff", source_error="connection refused by radio.invalid")
    page = visitor.open()
    expect(page.locator("#source")).to_have_text("Source down, retrying")
    expect(page.locator("#trouble")).to_have_text("Source: connection refused by radio.invalid")
    stage.status()
    expect(page.locator("#source")).to_have_text("Source running")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_hostile_title_is_shown_literally(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    stage.send(TitleEvent("fm1", stage.base_hop.time_us, HOSTILE))
    stage.segment(titles=(HOSTILE,))
    expect(page.locator("#title")).to_have_text(f"♪ {HOSTILE}")
    expect(page.locator("#past-segment")).to_contain_text(f"♪ {HOSTILE}")
    assert page.locator("main img, main script").count() == 0


def test_chinese_is_chosen_and_remembered(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#genre")).to_have_text("爵士")
    expect(page.locator("#genre-also")).to_have_text("Jazz")
    expect(page.locator("#connection")).to_have_text("实时")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.reload()
    expect(page.locator("#genre")).to_have_text("爵士")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#genre")).to_have_text("Jazz")


def test_a_network_that_differs_or_fails_is_marked(stage: Stage, visitor: Visitor) -> None:
    votes = dict(stage.base_hop.models)
    votes["resnet50_mel"] = ModelVote((("classical", 0.6), ("jazz", 0.3)), 38.0)
    votes["densenet121_cqt"] = ModelVote((), 0.0, error="the logits hold NaN")
    stage.hop(models=votes)
    stage.status()
    page = visitor.open()
    expect(page.locator(".vote")).to_have_count(5)
    different = page.locator('.vote[data-key="resnet50_mel"]')
    expect(different.locator(".name").first).to_have_text("Classical")
    expect(different.locator(".vote-differs")).to_have_text("≠ differs")
    expect(different.locator(".vote-ms")).to_have_text("38 ms")
    expect(page.locator('.vote[data-key="densenet121_cqt"] .vote-error')).to_have_text("the logits hold NaN")
    agreeing = page.locator('.vote[data-key="vgg19_bn_cqt"]')
    expect(agreeing.locator(".vote-differs")).to_be_hidden()
    expect(agreeing.locator(".row")).to_have_count(5)


def test_a_model_that_failed_to_load_is_told_by_a_second_hello(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    first, *others = stage.hub.about.models
    broken = type(first)(first.name, first.backbone, first.spectrogram, "sha256 differs")
    stage.learn(models=(broken, *others))
    expect(page.locator(".vote-error").first).to_have_text("sha256 differs")


def test_every_genre_keeps_its_place(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status()
    page = visitor.open()
    names = page.locator("#genres .name")
    expect(names).to_have_text([label.en for label in stage.hub.about.labels])
    expect(page.locator(".genre-row.chosen .value")).to_have_text("87 %")
    stage.hop(genre="rock", rolling={"rock": 0.9, "jazz": 0.1})
    expect(page.locator(".genre-row.chosen .name")).to_have_text("Rock")
    expect(names).to_have_text([label.en for label in stage.hub.about.labels])


def test_the_level_holds_its_peak_and_lights_up_when_it_clips(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    stage.level(-18.0, -3.0)
    expect(page.locator("#level-text")).to_have_text("−18.0 dBFS · peak −3.0 dB")
    expect(page.locator("#clip")).not_to_have_class(re.compile("lit"))
    stage.level(-30.0, -20.0, clipped=True)
    expect(page.locator("#level-text")).to_have_text("−30.0 dBFS · peak −3.0 dB")
    expect(page.locator("#clip")).to_have_class(re.compile("lit"))
    expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "-30")


def test_health_names_what_was_lost(stage: Stage, visitor: Visitor) -> None:
    stage.hop()
    stage.status(dropped_hops=3, gap_samples=44_100, source_restarts=2, device="cuda:0")
    page = visitor.open()
    health = page.locator("#health")
    for words in (
        "141 ms · every 1.00 s",
        "3 / 123",
        "2 s",
        "source 2 · analyzer 0",
        "cuda:0",
        "mp3 · 44.1 kHz · 2 ch",
    ):
        expect(health).to_contain_text(words)
    expect(page.locator(".health-fact.bad")).to_have_count(3)
