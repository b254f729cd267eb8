"""Tests of `weights import`: what becomes of good files, and that a bad one is named and stops nobody."""

import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from ccmusic_stream.errors import BundleError
from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import Bundle, read_bundle
from ccmusic_stream.models.checkpoint import read_state_dict
from ccmusic_stream.models.compact import METADATA, compress
from ccmusic_stream.models.digest import sha256_of
from ccmusic_stream.models.loading import load_model
from ccmusicd.resources import resource
from ccmusicd.weights.importing import import_files

_LABELS = 'name = "three"\n' + "".join(
    f'[[labels]]\nslug = "{slug}"\nen = "{slug}"\nzh = "{slug}"\n' for slug in ("jazz", "rock", "folk")
)


def _file(path: Path, state: dict[str, Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return path


def _import(
    *files: Path,
    bundle: Path | str,
    spectrogram: Spectrogram | None = None,
    profile: str | None = None,
    labels: str | None = None,
) -> int:
    return import_files(files, str(bundle), spectrogram=spectrogram, profile=profile, labels=labels)


def _network(classes: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        return build("mobilenet_v3_large", "ccmusic", classes).state_dict()


@pytest.fixture
def bundle(tmp_path: Path, upstream: dict[str, Tensor]) -> Bundle:
    """What an import of upstream's layout makes."""
    prefixed = {f"module.{key}": value for key, value in upstream.items()}
    file = _file(tmp_path / "mobilenetv3_cqt" / "save.pt", prefixed)
    assert _import(file, bundle=tmp_path / "mine") == os.EX_OK
    return read_bundle(tmp_path / "mine")


def test_upstreams_file_becomes_a_trained_model_with_the_published_labels(
    bundle: Bundle, tmp_path: Path, upstream: dict[str, Tensor]
) -> None:
    assert (bundle.name, bundle.trained) == ("mine", True)
    assert bundle.labels == read_bundle(resource("weights") / "ccmusic").labels
    (model,) = bundle.models
    assert (model.name, model.head, model.profile) == ("mobilenet_v3_large_cqt", "ccmusic", "ccmusic")
    assert (model.mean, model.std, model.temperature) == ((0.5,) * 3, (0.5,) * 3, 1.0)
    assert model.source == sha256_of(tmp_path / "mobilenetv3_cqt" / "save.pt")
    assert model.file == "mobilenet_v3_large_cqt.safetensors"
    written = safetensors.torch.load_file(tmp_path / "mine" / model.file)
    needed = {key: value for key, value in upstream.items() if not key.endswith("num_batches_tracked")}
    assert written.keys() == needed.keys()
    assert all(torch.equal(written[key], needed[key]) for key in needed)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["bundle.toml", model.file]


def test_what_was_imported_loads(tmp_path: Path, upstream: dict[str, Tensor]) -> None:
    file = _file(tmp_path / "mobilenet_v3_large_mel.pth", upstream)
    assert _import(file, bundle=tmp_path / "mine", profile="seed") == os.EX_OK
    bundle = read_bundle(tmp_path / "mine")
    loaded = load_model(bundle.models[0], bundle).state_dict()
    assert bundle.models[0].spectrogram == "mel"
    assert all(torch.equal(loaded[key], upstream[key]) for key in upstream if "num_batches" not in key)


def test_half_precision_shared_and_turned_tensors_become_plain_float32(
    tmp_path: Path, upstream: dict[str, Tensor]
) -> None:
    shared = upstream["features.0.1.weight"]
    turned = upstream["features.0.0.weight"].transpose(2, 3)
    state = {key: value.half() if value.is_floating_point() else value for key, value in upstream.items()}
    state |= {"features.0.1.weight": shared, "features.0.1.bias": shared, "features.0.0.weight": turned}
    assert _import(_file(tmp_path / "a_cqt.pt", state), bundle=tmp_path / "mine") == os.EX_OK
    written = safetensors.torch.load_file(tmp_path / "mine" / "mobilenet_v3_large_cqt.safetensors")
    assert {value.dtype for value in written.values()} == {torch.float32}
    assert torch.equal(written["features.0.1.bias"], shared)
    assert torch.equal(written["features.0.0.weight"], turned)


def test_a_second_model_joins_and_the_same_one_is_replaced(
    bundle: Bundle, tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bundle.folders[0]
    assert _import(_file(tmp_path / "x_mel.safetensors", upstream), bundle=folder) == os.EX_OK
    other = upstream | {"classifier.9.bias": upstream["classifier.9.bias"] + 1}
    assert _import(_file(tmp_path / "y_cqt.safetensors", other), bundle=folder, profile="floor80") == os.EX_OK
    now = read_bundle(folder)
    assert [(model.name, model.profile) for model in now.models] == [
        ("mobilenet_v3_large_cqt", "floor80"),
        ("mobilenet_v3_large_mel", "ccmusic"),
    ]
    assert now.models[0].sha256 not in {None, bundle.models[0].sha256}
    told = capsys.readouterr().out
    assert f"imported mobilenet_v3_large_mel (head ccmusic, profile ccmusic) from {tmp_path}/x_mel.safetensors" in told
    assert "replaced mobilenet_v3_large_cqt (head ccmusic, profile floor80) from" in told


def test_weights_of_the_votes_and_the_ensembles_temperature_are_kept(
    bundle: Bundle, tmp_path: Path, upstream: dict[str, Tensor]
) -> None:
    folder = bundle.folders[0]
    text = (folder / "bundle.toml").read_text(encoding="utf-8")
    text = text.replace("trained = true\n", "trained = true\nensemble_temperature = 0.8\n")
    (folder / "bundle.toml").write_text(text.replace("temperature = 1.0\n", "temperature = 1.0\nweight = 2.5\n"))
    files = (_file(tmp_path / "x_mel.safetensors", upstream), _file(tmp_path / "y_cqt.safetensors", upstream))
    assert _import(*files, bundle=folder) == os.EX_OK
    now = read_bundle(folder)
    assert now.ensemble_temperature == 0.8
    assert now.weights == {"mobilenet_v3_large_cqt": 2.5, "mobilenet_v3_large_mel": 1.0}


def test_a_compact_file_is_imported(tmp_path: Path, upstream: dict[str, Tensor]) -> None:
    file = tmp_path / "a_cqt.safetensors"
    safetensors.torch.save_file(compress(upstream), file, dict(METADATA))
    assert _import(file, bundle=tmp_path / "mine") == os.EX_OK
    bundle = read_bundle(tmp_path / "mine")
    loaded = load_model(bundle.models[0], bundle).state_dict()
    expected = read_state_dict(file)
    assert all(torch.equal(loaded[key], expected[key]) for key in expected if "num_batches" not in key)


def test_a_shipped_bundles_name_means_one_of_the_users_own(
    tmp_path: Path, own_data: Path, upstream: dict[str, Tensor]
) -> None:
    assert _import(_file(tmp_path / "a_cqt.pt", upstream), bundle="ccmusic") == os.EX_OK
    assert [model.name for model in read_bundle(own_data / "ccmusic").models] == ["mobilenet_v3_large_cqt"]
    assert read_bundle(resource("weights") / "ccmusic").models == ()


def test_labels_come_from_another_bundle(tmp_path: Path) -> None:
    file = _file(tmp_path / "a_cqt.pt", _network(13))
    assert _import(file, bundle=tmp_path / "mine", labels="starter") == os.EX_OK
    bundle = read_bundle(tmp_path / "mine")
    assert bundle.labels == read_bundle(resource("weights") / "starter").labels
    assert bundle.trained


def test_labels_that_contradict_the_bundle_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="are not those of bundle 'starter': label 1 is 'symphony' in the first"):
        _import(tmp_path / "a_cqt.pt", bundle=bundle.folders[0], labels="starter")


def _refusal(capsys: pytest.CaptureFixture[str], file: Path, folder: Path) -> str:
    assert _import(file, bundle=folder) == os.EX_CONFIG
    lines = capsys.readouterr().err.splitlines()
    (line,) = [line for line in lines if line.startswith("refused: ")]
    assert str(file) in line
    assert not folder.exists() or [path.name for path in folder.iterdir()] in ([], ["bundle.toml"])
    return line


def test_a_file_that_nothing_says_the_spectrogram_of_is_refused(
    tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path / "studio" / "save.pt", upstream)
    assert "whether it was trained on cqt or mel; say so with --spectrogram" in _refusal(capsys, file, tmp_path / "b")
    assert _import(file, bundle=tmp_path / "b", spectrogram="mel") == os.EX_OK
    assert [model.name for model in read_bundle(tmp_path / "b").models] == ["mobilenet_v3_large_mel"]


def test_a_class_count_without_labels_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = _refusal(capsys, _file(tmp_path / "a_cqt.pt", _network(9)), tmp_path / "b")
    assert "has 9 classes and no labels are known for them; say with --labels BUNDLE which" in line


def test_another_class_count_than_the_labels_is_refused_with_the_report(
    tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "bundle.toml").write_text(_LABELS)
    line = _refusal(capsys, _file(tmp_path / "a_cqt.pt", upstream), tmp_path / "b")
    assert "has 16 classes, expected 3 as the bundle's labels: " in line
    assert "matched" in line
    assert "reshaped" in line
    assert (tmp_path / "b" / "bundle.toml").read_text() == _LABELS


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("classifier.9.bias", torch.full((16,), float("nan")), "holds 16 NaN or infinite values in classifier.9.bias"),
        ("features.0.0.weight", torch.zeros(16, 1, 3, 3), "features.0.0.weight: 16 x 1 x 3 x 3 found, 16 x 3 x 3 x 3"),
    ],
)
def test_weights_with_a_fault_are_refused(
    tmp_path: Path,
    upstream: dict[str, Tensor],
    capsys: pytest.CaptureFixture[str],
    key: str,
    value: Tensor,
    sentence: str,
) -> None:
    file = _file(tmp_path / "a_cqt.pt", upstream | {key: value})
    assert sentence in _refusal(capsys, file, tmp_path / "b")


def test_bad_files_are_named_and_the_good_one_is_imported(
    tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "vgg19_bn_mel.pt"
    page.write_text("<!doctype html>")
    pickled = _file(tmp_path / "vgg19_bn_cqt.pt", {"a": torch.zeros(1)})
    good = _file(tmp_path / "mobilenet_v3_large_cqt.pt", upstream)
    again = _file(tmp_path / "late_cqt.pt", upstream)
    gone = tmp_path / "gone_cqt.pt"
    assert _import(page, gone, pickled, good, again, bundle=tmp_path / "b") == os.EX_CONFIG
    refusals = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in refusals] == [str(page), str(gone), str(pickled), str(again)]
    assert "is a web page" in refusals[0]
    assert "is another mobilenet_v3_large_cqt; " in refusals[3]
    assert [model.name for model in read_bundle(tmp_path / "b").models] == ["mobilenet_v3_large_cqt"]


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").write_text("a file")
    file = _file(tmp_path / "a_cqt.pt", upstream)
    assert _import(file, bundle=tmp_path / "b" / "c") == os.EX_CONFIG
    assert "mobilenet_v3_large_cqt.safetensors cannot be written: Not a directory" in capsys.readouterr().err


_MODEL = """
[[models]]
name = "mobilenet_v3_large_cqt"
backbone = "mobilenet_v3_large"
spectrogram = "cqt"
head = "gap"
profile = "seed"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""
_SEEDED = _MODEL + "seed = 1\n"
_FILED = _MODEL + f'file = "a.pt"\nsha256 = "{"0" * 64}"\n'


@pytest.mark.parametrize(
    ("head", "models", "kind", "trained"),
    [
        ("", _SEEDED, "mel", False),  # a random one stays
        ("", _SEEDED, "cqt", True),  # it is replaced
        ("", _FILED, "mel", True),
        ("trained = false\n", _FILED, "mel", False),  # the bundle says so, and may be believed
        ("trained = false\n", _FILED, "cqt", True),
    ],
)
def test_a_bundle_is_trained_when_all_that_stays_is(
    tmp_path: Path, head: str, models: str, kind: Spectrogram, trained: bool
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "bundle.toml").write_text(head + _LABELS + models)
    file = _file(tmp_path / "a.pt", _network(3))
    assert _import(file, bundle=tmp_path / "b", spectrogram=kind) == os.EX_OK
    assert read_bundle(tmp_path / "b").trained is trained
