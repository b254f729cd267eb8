"""Which models `classify` runs: those that were chosen, of all bundles, but for the ones whose weights are bad."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.compact import METADATA, compress
from ccmusicd.classify import classify_files
from ccmusicd.weights.bundles import models_to_use, open_bundle
from ccmusicd.weights.verifying import verify

Music = Callable[..., NDArray[np.float32]]
Write = Callable[[NDArray[np.float32]], Path]

_LABELS = 'name = "planted"\n' + "".join(
    f'[[labels]]\nslug = "{slug}"\nen = "{slug}"\nzh = "{slug}"\n' for slug in ("jazz", "rock", "speech")
)
_MODEL = """
[[models]]
name = "mobilenet_v3_large_cqt_{fault}"
backbone = "mobilenet_v3_large"
spectrogram = "cqt"
head = "gap"
profile = "seed"
file = "{file}"
sha256 = "{sha256}"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""


def _classify(music: Path, *bundles: Path, words: tuple[str, ...] = ()) -> int:
    opened = open_bundle([str(bundle) for bundle in bundles])
    names = [model.name for model in models_to_use(opened, words)]
    cpu = torch.device("cpu")
    return classify_files([str(music)], opened, names, clip="centre", as_json=True, device=cpu, runtime="torch")


def _models(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """The models that voted without an error, and what was told beside."""
    told = capsys.readouterr()
    votes = json.loads(told.out)["windows"][0]["models"]
    return [name for name, vote in votes.items() if vote["error"] is None], told.err


@pytest.fixture
def faulty_bundle(tmp_path: Path) -> Path:
    """A good model among one for each fault that a weight file can have."""
    folder = tmp_path / "planted"
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        good = build("mobilenet_v3_large", "gap", 3).state_dict()
        other = build("mobilenet_v3_large", "gap", 4).state_dict()

    def saved(content: object) -> bytes:
        path = tmp_path / "saved.pt"
        torch.save(content, path)
        return path.read_bytes()

    def changed(key: str, change: Callable[[Tensor], Tensor]) -> bytes:
        return saved(good | {key: change(good[key])})

    contents = {
        "empty": b"",
        "truncated": saved(good)[:-10_000],
        "page": b"<!doctype html><title>404</title>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "hash": saved(good),
        "network": saved(torch.nn.Linear(2, 2)),
        "numbers": saved([1, 2, 3]),
        "nan": changed("classifier.bias", lambda one: one * torch.nan),
        "shape": changed("features.0.0.weight", lambda one: one[:, :1]),
        "classes": saved(other),
        "good": saved(good),
    }
    models = []
    for fault, content in contents.items():
        (folder / f"{fault}.pt").write_bytes(content)
        sha256 = "0" * 64 if fault == "hash" else hashlib.sha256(content).hexdigest()
        models.append(_MODEL.format(fault=fault, file=f"{fault}.pt", sha256=sha256))
    (folder / "bundle.toml").write_text(_LABELS + "".join(models), encoding="utf-8")
    return folder


def test_bad_models_are_left_out_by_file_and_reason_and_the_good_one_votes(
    faulty_bundle: Path, make_music: Music, write_wav: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _classify(write_wav(make_music(2)), faulty_bundle) == os.EX_OK
    voted, told = _models(capsys)
    assert voted == ["mobilenet_v3_large_cqt_good"]
    found = hashlib.sha256((faulty_bundle / "hash.pt").read_bytes()).hexdigest()
    lines = told.splitlines()
    for line, (fault, reason) in zip(
        lines,
        [
            ("empty", "is empty (0 bytes)"),
            ("truncated", "is truncated or damaged ("),
            ("page", "is a web page, not weights"),
            ("pointer", "is a git-LFS pointer"),
            ("hash", f"has the SHA-256 {found}, the bundle expects {'0' * 64}"),
            ("network", "is not a plain state dict: it asks to run torch.nn.modules.linear.Linear"),
            ("numbers", "holds a list, expected a state dict"),
            ("nan", "holds 3 NaN or infinite values in classifier.bias"),
            ("shape", "263 matched, 1 reshaped (features.0.0.weight: 16 x 1 x 3 x 3 found, 16 x 3 x 3 x 3 expected)"),
            (
                "classes",
                "has 4 classes, expected 3 as the bundle's labels: 262 matched, 2 reshaped (classifier.weight: ",
            ),
        ],
        strict=True,
    ):
        assert line.startswith(f"left out: {faulty_bundle / fault}.pt: ")
        assert reason in line


def test_json_reaches_a_pipe_beside_a_progress_bar(
    light_bundle: Path,
    make_music: Music,
    write_wav: Write,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # to rich, standard error is a terminal
    assert _classify(write_wav(make_music(2)), light_bundle) == os.EX_OK
    told = capsys.readouterr()
    assert json.loads(told.out)["duration_s"] == 2.0
    assert "music.wav" in told.err


@pytest.fixture
def trained_bundle(tmp_path: Path) -> Path:
    """Two compact models that say that they are trained, one of which counts more."""
    folder = tmp_path / "trained"
    folder.mkdir()
    models = []
    for seed, weight in ((1, 3.0), (2, 1.0)):
        file = folder / f"{seed}.safetensors"
        save_file(compress(build("mobilenet_v3_large", "gap", 3, seed=seed).state_dict()), file, dict(METADATA))
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        models.append(_MODEL.format(fault=seed, file=file.name, sha256=sha256) + f"weight = {weight}\n")
    head = "trained = true\nensemble_temperature = 0.5\n"
    (folder / "bundle.toml").write_text(head + _LABELS + "".join(models), encoding="utf-8")
    return folder


def test_the_ensemble_is_weighted_and_tempered_as_the_bundle_says(
    trained_bundle: Path, make_music: Music, write_wav: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _classify(write_wav(make_music(2)), trained_bundle) == os.EX_OK
    (window,) = json.loads(capsys.readouterr().out)["windows"]
    first, second = (np.array(list(vote["probabilities"].values())) for vote in window["models"].values())
    powers = (0.75 * first + 0.25 * second) ** 2
    np.testing.assert_allclose(list(window["ensemble"].values()), powers / powers.sum(), rtol=1e-6)


def test_of_a_trained_bundle_nothing_says_untrained(
    trained_bundle: Path, make_music: Music, write_wav: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _classify(write_wav(make_music(2)), trained_bundle) == os.EX_OK
    told = capsys.readouterr()
    assert told.err == ""
    assert json.loads(told.out)["trained"] is True
    assert verify([str(trained_bundle)]) == os.EX_OK
    told = capsys.readouterr()
    assert "untrained" not in told.out + told.err
    assert "random" not in told.out + told.err


def test_a_bundle_without_one_good_model_is_refused(faulty_bundle: Path, write_wav: Write, make_music: Music) -> None:
    with pytest.raises(
        CcmusicError, match=r"no model of bundle planted can be used: .*empty\.pt: is empty \(0 bytes\)"
    ):
        _classify(write_wav(make_music(2)), faulty_bundle, words=("mobilenet_v3_large_cqt_empty",))


def test_chosen_models_of_bundles_side_by_side_vote(
    light_bundle: Path, make_music: Music, write_wav: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = tmp_path / "late"
    late.mkdir()
    text = (light_bundle / "bundle.toml").read_text(encoding="utf-8").replace('"light"', '"late"')
    (late / "bundle.toml").write_text(text, encoding="utf-8")
    music = write_wav(make_music(2))
    assert _classify(music, light_bundle, late, words=("fast", "mobilenetv3_mel_late")) == os.EX_OK
    voted, told = _models(capsys)
    assert voted == [
        "mobilenet_v3_large_cqt_light",
        "mobilenet_v3_large_cqt_late",
        "mobilenet_v3_large_mel_late",
    ]
    assert "random weights" in told
