"""Networks converted by the real pnnx and run by the real ncnn; the cache; and torch where that is not to be had."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import ModelSpec, read_bundle
from ccmusic_stream.models.seeded import synthetic_pictures
from ccmusic_stream.runtimes.cpu import CpuVoters
from ccmusic_stream.runtimes.ncnn import NcnnNetwork, largest_difference
from ccmusicd import conversion as room
from ccmusicd.conversion import ConversionError, converted, convertible
from ccmusicd.voting import load_voters

CPU = torch.device("cpu")
HALF = (0.5, 0.5, 0.5)
CLASSES = 5

MODEL = """
[[models]]
name = "mobilenet_v3_large_cqt"
backbone = "mobilenet_v3_large"
spectrogram = "cqt"
head = "gap"
profile = "seed"
file = "network.safetensors"
sha256 = "{sha256}"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""


def spec(backbone: str = "mobilenet_v3_large", seed: int = 1) -> ModelSpec:
    return ModelSpec(f"{backbone}_cqt", backbone, "cqt", "gap", "seed", None, None, seed, HALF, HALF)


def load(one: ModelSpec) -> Callable[[], nn.Module]:
    return lambda: build(one.backbone, one.head, CLASSES, seed=one.seed)


def never() -> nn.Module:
    pytest.fail("the network was loaded though its conversion is kept")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the conversion of `spec()`."""
    folder = tmp_path_factory.mktemp("conversions")
    converted(spec(), CLASSES, load(spec()), folder)
    return folder


# The two with layers of each channel alone; test_article compares all five on music.
@pytest.mark.parametrize("backbone", ["efficientnet_b0", "mobilenet_v3_large"])
def test_a_conversion_answers_as_torch_does(backbone: str, tmp_path: Path) -> None:
    one = spec(backbone)
    network = converted(one, CLASSES, load(one), tmp_path)
    pictures = synthetic_pictures(torch.Generator().manual_seed(9))  # others than those it was checked with
    assert largest_difference(network, load(one)(), pictures) < 1e-4
    network.threads = 2
    assert network.threads == 2
    assert largest_difference(network, load(one)(), pictures) < 1e-4
    spread = torch.cat([network(picture.unsqueeze(0)) for picture in pictures]).std(dim=0)
    assert float(spread.max()) > 0.1  # it looks at the picture


def test_what_was_converted_is_kept(cache: Path) -> None:
    assert isinstance(converted(spec(), CLASSES, never, cache), NcnnNetwork)
    assert [path.name for path in (cache / "ncnn").iterdir() if path.name.startswith("making")] == []


def test_other_weights_are_another_conversion(cache: Path) -> None:
    keys = {room._key(one, classes) for one in (spec(), spec(seed=2), spec("resnet50")) for classes in (5, 6)}
    assert len(keys) == 6
    assert (cache / "ncnn" / room._key(spec(), CLASSES)).is_dir()


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "no entry"])
def test_a_damaged_conversion_is_made_anew(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(_network: nn.Module, folder: Path) -> None:
        (folder / "network.param").write_text("param")
        (folder / "network.bin").write_bytes(b"weights")

    monkeypatch.setattr(room, "_convert", convert)
    monkeypatch.setattr(room, "NcnnNetwork", lambda *paths: paths)
    loads: list[int] = []

    def count() -> nn.Module:
        loads.append(1)
        return nn.Identity()

    param, weights = map(Path, map(str, converted(spec(), CLASSES, count, tmp_path)))  # type: ignore[call-overload]
    entry = weights.parent / "entry.json"
    if damage == "truncated":
        weights.write_bytes(b"weigh")
    elif damage == "changed":
        param.write_text("parax")
    elif damage == "missing":
        weights.unlink()
    else:
        entry.unlink()
    converted(spec(), CLASSES, count, tmp_path)
    assert len(loads) == 2
    assert weights.read_bytes() == b"weights"
    assert param.read_text() == "param"


def test_a_conversion_that_answers_otherwise_is_refused_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LARGEST_DIFFERENCE", -1.0)
    for loader in (load(spec()), never):
        with pytest.raises(
            ConversionError, match="mobilenet_v3_large_cqt: ncnn's probabilities differ from torch's by"
        ):
            converted(spec(), CLASSES, loader, tmp_path)


def test_a_converter_that_fails_is_told_with_its_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pnnx"
    program.write_text("#!/bin/sh\necho first >&2\necho no such layer >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr("ccmusicd.conversion.pnnx.EXEC_PATH", str(program))
    with pytest.raises(ConversionError, match="pnnx ended with status 3: no such layer"):
        converted(spec(), CLASSES, load(spec()), tmp_path)


class Multiplies(nn.Module):
    """Has a layer that ncnn does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.linear(pictures.mean(dim=3).cumprod(dim=2).mean(dim=2))
        return logits


def test_a_network_that_ncnn_cannot_run_is_refused_and_remembered(tmp_path: Path) -> None:
    for loader in (Multiplies, never):
        with pytest.raises(ConversionError, match="mobilenet_v3_large_cqt: ncnn cannot run what pnnx made of it"):
            converted(spec(), CLASSES, loader, tmp_path)


def test_conversions_that_nobody_used_for_long_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, days in (("old", 91), ("young", 89)):
        entry = tmp_path / "ncnn" / name
        entry.mkdir(parents=True)
        mark = entry / "entry.json"
        mark.write_text("{}")
        os.utime(mark, (mark.stat().st_atime, mark.stat().st_mtime - days * 86_400))
    monkeypatch.setattr(room, "LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(ConversionError):
        converted(spec(), CLASSES, load(spec()), tmp_path)
    kept = {path.name for path in (tmp_path / "ncnn").iterdir()}
    assert "old" not in kept
    assert "young" in kept


@pytest.mark.parametrize("backbone", ["convnext_base", "swin_b", "vit_b_16"])
def test_what_torch_runs_as_fast_is_left_to_torch(backbone: str) -> None:
    assert not convertible(spec(backbone))
    assert convertible(spec("inception_v3"))


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    from safetensors.torch import save_file  # noqa: PLC0415

    from ccmusic_stream.models.digest import sha256_of  # noqa: PLC0415

    file = tmp_path / "network.safetensors"
    save_file(build("mobilenet_v3_large", "gap", 2, seed=3).state_dict(), file)
    labels = 'name = "b"\nlabels = [{slug="a",en="A",zh="A"},{slug="b",en="B",zh="B"}]\n'
    (tmp_path / "bundle.toml").write_text(labels + MODEL.format(sha256=sha256_of(file)), encoding="utf-8")
    return tmp_path


def test_changed_weights_are_refused_though_their_conversion_is_kept(bundle_folder: Path, tmp_path: Path) -> None:
    bundle = read_bundle(bundle_folder)
    loaded = load_voters(bundle, None, CPU, cache_folder=tmp_path / "cache")
    assert loaded.runtimes == {"mobilenet_v3_large_cqt": "ncnn"}
    file = bundle_folder / "network.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Exception, match=r"no model of bundle b can be used: .*network\.safetensors: has the SHA-256"):
        load_voters(bundle, None, CPU, cache_folder=tmp_path / "cache")


def test_torch_runs_what_ncnn_cannot(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "LARGEST_DIFFERENCE", -1.0)
    loaded = load_voters(read_bundle(bundle_folder), None, CPU, cache_folder=tmp_path / "cache")
    assert loaded.runtimes == {"mobilenet_v3_large_cqt": "torch"}
    assert not loaded.refused
    assert "torch runs mobilenet_v3_large_cqt: " in caplog.text
    voters = loaded.voters
    assert isinstance(voters, CpuVoters)
    [votes] = voters.votes({("cqt", "seed"): torch.zeros(1, 1, 224, 224, dtype=torch.uint8)})
    assert votes["mobilenet_v3_large_cqt"].error is None


def test_networks_are_converted_also_where_nothing_can_be_kept(bundle_folder: Path) -> None:
    loaded = load_voters(read_bundle(bundle_folder), None, CPU, cache_folder=None)
    assert loaded.runtimes == {"mobilenet_v3_large_cqt": "ncnn"}
    voters = loaded.voters
    assert isinstance(voters, CpuVoters)
    voters.network("mobilenet_v3_large_cqt").threads = 2  # reads its files again


def test_a_cache_that_cannot_be_written_leaves_the_networks_to_torch(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    loaded = load_voters(read_bundle(bundle_folder), None, CPU, cache_folder=tmp_path / "cache")
    assert loaded.runtimes == {"mobilenet_v3_large_cqt": "torch"}
    assert not loaded.refused


def test_torch_alone_converts_nothing(bundle_folder: Path, tmp_path: Path) -> None:
    loaded = load_voters(read_bundle(bundle_folder), None, CPU, runtime="torch", cache_folder=tmp_path / "cache")
    assert loaded.runtimes == {"mobilenet_v3_large_cqt": "torch"}
    assert not (tmp_path / "cache").exists()
