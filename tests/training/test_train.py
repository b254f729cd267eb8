"""`python -m training.train` from folders to a bundle, and what it says to those who ask for what cannot be."""

import json
import os
import sys
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.models.loading import load_model
from training import features
from training.command import run_and_exit
from training.train import train

MODEL = "mobilenet_v3_large_mel"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process, whose torch is loaded already, and without threads that wait for each other."""
    monkeypatch.setattr(features, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _sound(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    time_s = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    sound = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 900) * time_s) + rng.normal(0, 0.02, len(time_s))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((sound * 32_767).astype("<i2").tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "crates"
    for genre in range(3):
        for number in range(6):
            _sound(folder / ("jazz", "rock", "polka")[genre] / f"Artist {number} - A.wav", 10 * genre + number)
    (folder / "jazz" / "broken.mp3").write_bytes(b"nothing" * 100)
    return folder


def _run(monkeypatch: pytest.MonkeyPatch, *words: object) -> object:
    monkeypatch.setattr(sys, "argv", ["train", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        run_and_exit(train, "train")
    return ended.value.code


def test_from_folders_to_a_bundle_and_again_at_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", data, "--models", MODEL, "--scale", 0.00001, "--cache", tmp_path / "cache", "--device", "cpu")
    first, second = tmp_path / "first", tmp_path / "second"
    started = time.monotonic()
    assert not _run(monkeypatch, *words, "--bundle", first)
    took = time.monotonic() - started
    assert "broken.mp3" in capsys.readouterr().err.replace("\n", "")
    bundle = read_bundle(first)
    assert bundle.trained
    assert bundle.labels.slugs == ("jazz", "rock", "polka")
    (spec,) = bundle.models
    assert (spec.name, spec.profile, spec.head) == (MODEL, "floor80", "gap")
    network = load_model(spec, bundle)
    assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 3)
    for picture in ("loss.png", "confusion.png"):
        assert (first / picture).read_bytes().startswith(b"\x89PNG")
    record = json.loads((first / "training.json").read_text("utf-8"))
    assert record["unreadable"] == 1
    assert record["seed"] == 0
    assert [stage["images"] for stage in record["stages"][MODEL]] == [32, 32, 16]
    assert sum(genre["train"] + genre["validation"] for genre in record["split"]) == 19
    assert record["command"].startswith("python -m training.train --data ")
    assert str(tmp_path) not in json.dumps(record)

    started = time.monotonic()
    assert not _run(monkeypatch, *words, "--bundle", second)
    assert time.monotonic() - started < took
    weights = f"{MODEL}.safetensors"
    assert (first / weights).read_bytes() == (second / weights).read_bytes()
    texts = [(one / "bundle.toml").read_text("utf-8").replace(one.name, "") for one in (first, second)]
    assert texts[0] == texts[1]

    # The finished network of other recordings is not taken for that of these.
    _sound(data / "rock" / "Artist 0 - A.wav", 77)
    assert not _run(monkeypatch, *words, "--bundle", second)
    assert (first / weights).read_bytes() != (second / weights).read_bytes()

    # Nor is a bundle to start from forgotten, whose labels may be others.
    third = tmp_path / "third"
    assert not _run(monkeypatch, *words, "--start", first, "--bundle", third)
    assert [len(one) for one in json.loads((third / "training.json").read_text("utf-8"))["stages"].values()] == [1]
    assert read_bundle(third).labels == bundle.labels


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("--data", "nowhere"), os.EX_NOINPUT, "nowhere: there is no such folder"),
        (("--profile", "ccmusic"), os.EX_USAGE, "--profile is 'ccmusic', expected one of seed, floor80"),
        (("--models", "lenet_mel"), os.EX_USAGE, "--models: unknown backbone 'lenet'"),
        (("--models", "resnet50"), os.EX_USAGE, "--models: a model is named BACKBONE_cqt or BACKBONE_mel"),
        (("--device", "abacus"), os.EX_USAGE, "--device is 'abacus', expected auto, cpu or cuda"),
        (("--start", "absent/bundle"), os.EX_CONFIG, "absent/bundle"),
        (("--scale", "-1"), os.EX_USAGE, "--scale"),
        (("--bundle", "taken"), os.EX_CANTCREAT, "taken cannot be written: File exists"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    status: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    _sound(tmp_path / "crates" / "rock" / "a.wav", 1)
    given = {"--data": "crates", "--bundle": "out", "--cache": "cache"} | {words[0]: words[1]}
    assert _run(monkeypatch, *(word for pair in given.items() for word in pair)) == status
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told
    if status != os.EX_USAGE or "--scale" not in words:
        assert told.startswith("train: ")
        assert told.count("\n") == 1


def test_one_genre_is_not_enough_and_neither_is_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", tmp_path / "crates", "--bundle", tmp_path / "out", "--cache", tmp_path / "cache")
    (tmp_path / "crates" / "rock").mkdir(parents=True)
    (tmp_path / "crates" / "rock" / "a.mp3").write_bytes(b"nothing" * 100)
    assert _run(monkeypatch, *words) == os.EX_DATAERR
    assert capsys.readouterr().err == "train: there is only rock: to be told apart there must be two genres\n"
    (tmp_path / "crates" / "jazz").mkdir()
    (tmp_path / "crates" / "jazz" / "b.mp3").write_bytes(b"nothing" * 100)
    assert _run(monkeypatch, *words) == os.EX_DATAERR
    assert capsys.readouterr().err.splitlines()[-1] == "train: no recording could be read"


@pytest.mark.parametrize(
    ("profile", "head", "origin", "sentence"),
    [
        ("floor80", "gap", "seed = 1", "was never trained"),
        ("seed", "gap", f'file = "a.safetensors"\nsha256 = "{"0" * 64}"', "was trained on --profile seed, not floor80"),
        ("floor80", "ccmusic", f'file = "a.safetensors"\nsha256 = "{"0" * 64}"', "is 'ccmusic', expected 'gap'"),
    ],
)
def test_weights_that_are_no_start_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    profile: str,
    head: str,
    origin: str,
    sentence: str,
) -> None:
    labels = "".join(f'[[labels]]\nslug = "{slug}"\nen = "{slug}"\nzh = "{slug}"\n' for slug in ("rock", "jazz"))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "bundle.toml").write_text(
        f'name = "old"\n{labels}[[models]]\nname = "resnet50_mel"\nbackbone = "resnet50"\nspectrogram = "mel"\n'
        f'head = "{head}"\nprofile = "{profile}"\n{origin}\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n'
    )
    words = ("--data", tmp_path, "--bundle", tmp_path / "out", "--start", tmp_path / "old", "--models", "resnet50_mel")
    assert _run(monkeypatch, *map(str, words)) == os.EX_USAGE
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told
