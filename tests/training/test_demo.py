"""The demo station judged: by networks that stand in, and by verdicts that are reckoned by hand."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ccmusic_stream.classifier import Classifier
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme
from ccmusicd.capture import demo as station
from ccmusicd.capture.demo import Slot
from ccmusicd.capture.music.synth import Sound
from training import demo
from training.command import run_and_exit
from training.demo import Hop, judge, listen, summary

HALF = (0.5, 0.5, 0.5)
HOP_S = MEASURED_HOP_COLUMNS * HOP_LENGTH / SAMPLE_RATE
SLUGS = ("classical", "electronic", "jazz")
LABELS = Labels([Label(slug, slug, slug) for slug in SLUGS])


class Pitch:
    """Says which half of the picture is brighter: the lows (its first rows) are classical, the highs electronic."""

    threads = 1

    def __call__(self, picture: Tensor) -> Tensor:
        difference = 20 * (picture[..., 112:, :].mean() - picture[..., :112, :].mean())
        return torch.stack([-difference, difference, torch.tensor(-99.0)]).unsqueeze(0)


class Jazz:
    """Hears jazz in everything."""

    threads = 1

    def __call__(self, picture: Tensor) -> Tensor:
        del picture
        return torch.tensor([[0.0, 0.0, 9.0]])


@pytest.fixture
def bundle() -> Bundle:
    """A network that hears and one that does not, whose vote weighs little."""
    specs = tuple(
        ModelSpec(name, "resnet50", "mel", "gap", "floor80", None, None, 0, HALF, HALF, weight=weight)
        for name, weight in (("hears", 9.0), ("deaf", 1.0))
    )
    return Bundle("standing in", True, LABELS, specs, (Path("nowhere"),))


@pytest.fixture
def engine(bundle: Bundle) -> Engine:
    specs = {spec.name: spec for spec in bundle.models}
    return Engine(
        Classifier(specs, CpuVoters(specs, {"hears": Pitch(), "deaf": Jazz()}, Scheme(1, 1))), torch.device("cpu")
    )


def _tones(seconds: float) -> Iterator[Sound]:
    """Low tones, the silence of the station, then high tones, `seconds` of each, in the station's blocks."""
    time = np.arange(round(seconds * SAMPLE_RATE) // station.BLOCK * station.BLOCK) / SAMPLE_RATE
    for low, high, loud in ((60, 300, 0.1), (60, 300, 0.0), (4_000, 9_000, 0.1)):
        sound = sum(np.sin(2 * np.pi * hertz * time) for hertz in np.geomspace(low, high, 8))
        hiss = np.random.default_rng(0).normal(0.0, 1e-5, len(time))
        yield from np.asarray(loud * sound + hiss, np.float32).reshape(-1, station.BLOCK)


def test_a_station_is_heard_as_the_daemon_hears_it(bundle: Bundle, engine: Engine) -> None:
    length = round(14.0 * SAMPLE_RATE) // station.BLOCK * station.BLOCK / SAMPLE_RATE
    told: list[None] = []
    hops = listen(engine, bundle, _tones(14.0), lambda: told.append(None))
    assert len(hops) == len(told) == int(3 * length / HOP_S)
    assert [hop.end_s for hop in hops] == pytest.approx([(number + 1) * HOP_S for number in range(len(hops))])
    slots = [
        Slot(0.0, length, "classical", "low"),
        Slot(length, 2 * length, None, ""),
        Slot(2 * length, 3 * length, "electronic", "high"),
    ]
    low, silence, high = judge(slots, hops, SLUGS)
    assert [one.mostly for one in (low, silence, high)] == ["classical", "silence", "electronic"]
    assert [one.share for one in (low, silence, high)] == [1.0, 1.0, 1.0]
    assert low.delay_s is not None
    assert 3.0 < low.delay_s < 7.0  # no genre before 3 s of sound, which then has to lead for 2 s
    assert silence.delay_s is not None
    assert 3.0 <= silence.delay_s < 3.0 + 2 * HOP_S


def test_verdicts_and_their_summary() -> None:
    hops = [Hop(float(end), "music", "jazz" if 15 <= end <= 36 else "classical") for end in range(1, 41)]
    slots = [
        Slot(0.0, 30.0, "jazz", "late"),
        Slot(30.0, 40.0, "classical", "short"),
        Slot(40.0, 70.0, "rock", "not heard"),
    ]
    late, short = judge(slots, hops, SLUGS)
    assert (late.mostly, late.settled, late.right, late.delay_s) == ("jazz", 18, 16, 15.0)
    assert (short.mostly, short.share, short.delay_s) == ("jazz", None, 7.0)
    assert summary([late, short]) == {"pieces": 2, "mostly_right": 1, "settled_hops": 18, "share": 16 / 18}


def test_what_the_bundle_has_no_label_for_is_told_and_not_counted() -> None:
    hops = [Hop(float(end), "music", "jazz") for end in range(1, 31)]
    (verdict,) = judge([Slot(0.0, 30.0, "polka", "stray")], hops, SLUGS)
    assert (verdict.known, verdict.right, verdict.delay_s) == (False, 0, None)
    assert summary([verdict])["pieces"] == 0
    assert summary([verdict])["share"] is None


def test_the_command_tells_of_the_programme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle.toml").write_text(
        'name = "small"\n'
        + "".join(f'[[labels]]\nslug = "{slug}"\nen = "x"\nzh = "x"\n' for slug in SLUGS)
        + '[[models]]\nname = "mobilenet_v3_large_cqt"\nbackbone = "mobilenet_v3_large"\nspectrogram = "cqt"\n'
        'head = "gap"\nprofile = "floor80"\nseed = 5\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n',
        "utf-8",
    )
    for words in (["--json"], []):
        monkeypatch.setattr(sys, "argv", ["demo", "--bundle", str(tmp_path), "--seconds", "6", "--seed", "3", *words])
        with pytest.raises(SystemExit) as ended:
            run_and_exit(demo.demo, "demo")
        assert not ended.value.code
    told = capsys.readouterr()
    assert "random weights" in told.err
    report, table = told.out.split("\n", 1)
    found = json.loads(report)
    assert (found["bundle"], found["trained"], found["seed"], found["pieces"]) == ("small", False, 3, 1)
    (first,) = found["programme"]
    assert (first["genre"], first["title"]) == ("classical", station.schedule(3, 6.0)[0].title)
    assert first["title"].split()[0] in table
