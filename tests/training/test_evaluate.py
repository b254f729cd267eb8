"""Evaluation of a small bundle with random weights: it hears what `classify` hears, and loses no recording silently."""

import csv
import json
import os
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.classify import OfflineClassifier
from ccmusicd.weights.bundles import open_bundle
from training import evaluate
from training.command import run_and_exit

_MODEL = """
[[models]]
name = "mobilenet_v3_large_{spectrogram}"
backbone = "mobilenet_v3_large"
spectrogram = "{spectrogram}"
head = "{head}"
profile = "{profile}"
seed = {seed}
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
weight = {weight}
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two networks of unlike weight, one of them with upstream's pictures of slices."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    text = 'name = "small"\nensemble_temperature = 0.5\n' + "".join(
        f'[[labels]]\nslug = "{slug}"\nen = "{slug}"\nzh = "{slug}"\nmusic = {music}\n'
        for slug, music in (("jazz", "true"), ("rock", "true"), ("speech", "false"))
    )
    text += _MODEL.format(spectrogram="cqt", head="gap", profile="seed", seed=5, weight=3.0)
    text += _MODEL.format(spectrogram="mel", head="ccmusic", profile="ccmusic", seed=6, weight=1.0)
    (folder / "bundle.toml").write_text(text, "utf-8")
    return folder


def _sound(path: Path, seconds: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 900) * time) + rng.normal(0.0, 0.02, len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((sound * 32_767).astype("<i2").tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four recordings that can be heard, one that cannot, and one of a genre without label."""
    folder = tmp_path / "crates"
    for number, (file, seconds) in enumerate(
        (("jazz/Nina - A.wav", 26.0), ("jazz/Bill - B.wav", 4.0), ("Rock/c.wav", 12.0), ("speech/d.wav", 10.0))
    ):
        _sound(folder / file, seconds, number)
    (folder / "jazz" / "jazz.00054.wav").write_bytes(np.random.default_rng(9).bytes(2_000))
    _sound(folder / "polka" / "e.wav", 1.0, 7)
    return folder


def _run(monkeypatch: pytest.MonkeyPatch, words: Sequence[object]) -> object:
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        run_and_exit(evaluate.run, "evaluate")
    return ended.value.code


def test_it_answers_as_classify_does(
    bundle: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 2)  # so that a batch ends within a recording
    words = ("--bundle", bundle, "--data", data, "--clip", "all", "--out", tmp_path / "out", "--json")
    assert not _run(monkeypatch, words)
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert report["recordings"] == 4
    assert report["windows"] == 6
    assert list(report["unreadable"]) == [f"{data.parent.name}/crates/jazz/jazz.00054.wav"]
    assert report["other_genres"] == {"polka": 1}
    assert "jazz.00054" in told.err
    assert "random weights" in told.err
    assert str(tmp_path) not in told.out

    opened = open_bundle([str(bundle)])
    offline = OfflineClassifier(opened, [spec.name for spec in opened.models], torch.device("cpu"))
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"].removeprefix(f"{data.parent.name}/crates/"): row for row in csv.DictReader(file)}
    assert list(rows) == ["Rock/c.wav", "jazz/Bill - B.wav", "jazz/Nina - A.wav", "speech/d.wav"]
    for name, row in rows.items():
        windows = offline.recording(str(data / name), "all", lambda *_: None).windows
        joint = np.mean([window.joint.probabilities for window in windows if window.joint], axis=0)
        assert [float(row[f"p_{slug}"]) for slug in opened.labels.slugs] == pytest.approx(joint, abs=2e-4)
        assert row["chosen"] == opened.labels.slugs[int(joint.argmax())]


def test_it_writes_a_report_pictures_and_tables(
    bundle: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not _run(
        monkeypatch, ("--bundle", bundle, "--data", data, "--out", tmp_path / "out", "--models", "mobilenetv3_cqt")
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json",
        "predictions.csv",
        "confusion.png",
        "reliability.png",
    }
    told = capsys.readouterr().out
    assert "4 recordings, 4 windows; 1 cannot be read, 1 are of other" in told
    assert "confidence bands" in told


def test_data_that_cannot_be_used_has_its_own_exit_status(
    bundle: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, ("--bundle", bundle, "--data", tmp_path / "away")) == os.EX_NOINPUT
    (tmp_path / "only" / "polka").mkdir(parents=True)
    (data / "polka" / "e.wav").rename(tmp_path / "only" / "polka" / "e.wav")
    assert _run(monkeypatch, ("--bundle", bundle, "--data", tmp_path / "only")) == os.EX_NOINPUT
    (tmp_path / "broken" / "jazz").mkdir(parents=True)
    (data / "jazz" / "jazz.00054.wav").rename(tmp_path / "broken" / "jazz" / "x.wav")
    assert _run(monkeypatch, ("--bundle", bundle, "--data", tmp_path / "broken")) == os.EX_DATAERR
    assert _run(monkeypatch, ("--bundle", tmp_path, "--data", data)) == os.EX_CONFIG
    assert _run(monkeypatch, ("--data", data)) == os.EX_USAGE
    told = capsys.readouterr().err
    assert "there is no such folder" in told
    assert "knows none of the genres polka" in told
    assert "none of the 1 recordings can be read" in told
