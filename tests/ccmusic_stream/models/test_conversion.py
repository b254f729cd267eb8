"""Tests of conversion: every upstream checkpoint is recognised in every format, and written as a bundle wants it."""

import itertools
import json
import struct
from pathlib import Path, PurePosixPath

import pytest
import safetensors.torch
import torch
from torch import Tensor

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.backbones import build, canonical_head, skeleton
from ccmusic_stream.models.bundle import BACKBONES, HEADS
from ccmusic_stream.models.checkpoint import Identity, compare
from ccmusic_stream.models.conversion import named_spectrogram, read_checkpoint, save_checkpoint

_NETWORKS = list(itertools.product(BACKBONES, HEADS))
_SUFFIXES = (".pt", ".pth", ".safetensors")
_PREFIXES = ("module.", "model.", "vgg_model.")


def _write(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A file of zeros of these shapes that takes next to no disk: the largest network has half a gigabyte."""
    if path.suffix != ".safetensors":
        zero = torch.zeros(())
        torch.save({key: zero.expand(shape) for key, shape in shapes.items()}, path)
        return
    header: dict[str, dict[str, object]] = {}
    end = 0
    for key, shape in shapes.items():
        start, end = end, end + 4 * torch.Size(shape).numel()
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)  # a hole, which reads as zeros


@pytest.mark.parametrize(("backbone", "head"), _NETWORKS)
def test_every_network_is_read_in_every_format(tmp_path: Path, backbone: str, head: str) -> None:
    network = skeleton(backbone, head, 16)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    for suffix, prefix in zip(_SUFFIXES, _PREFIXES, strict=True):
        path = tmp_path / f"save{suffix}"
        _write(path, {f"{prefix}{key}": shape for key, shape in shapes.items()})
        checkpoint = read_checkpoint(path)
        assert checkpoint.identity == Identity(backbone, canonical_head(backbone, head), 16)
        assert compare(network, checkpoint.state).fits
        path.unlink()


@pytest.mark.parametrize(
    ("backbone", "head"),
    [("mobilenet_v3_large", "linear"), ("efficientnet_b0", "ccmusic"), ("densenet121", "gap"), ("resnet50", "linear")],
)
def test_what_is_written_is_what_the_network_has(tmp_path: Path, backbone: str, head: str) -> None:
    with torch.random.fork_rng(devices=[]):
        state = build(backbone, head, 16).state_dict()
    extra = {"optimizer.step": torch.zeros(1)}
    torch.save({f"module.{key}": value for key, value in state.items()} | extra, tmp_path / "a.pt")
    save_checkpoint(read_checkpoint(tmp_path / "a.pt"), 16, tmp_path / "b.safetensors")
    written = safetensors.torch.load_file(tmp_path / "b.safetensors")
    assert written.keys() == {key for key in state if not key.endswith("num_batches_tracked")}
    assert all(torch.equal(value, state[key]) for key, value in written.items())


@pytest.fixture
def mobile() -> dict[str, Tensor]:
    state = skeleton("mobilenet_v3_large", "gap", 3).state_dict()
    return {key: torch.zeros(value.shape) for key, value in state.items()}


def test_nothing_is_left_of_a_checkpoint_that_is_refused(tmp_path: Path, mobile: dict[str, Tensor]) -> None:
    torch.save(mobile, tmp_path / "a.pt")
    (tmp_path / "b").mkdir()
    target = tmp_path / "b" / "b.safetensors"
    with pytest.raises(CheckpointError, match=r"a\.pt: has 3 classes, expected 4 as the bundle's labels: 262 matched"):
        save_checkpoint(read_checkpoint(tmp_path / "a.pt"), 4, target)
    assert list(target.parent.iterdir()) == []


def test_an_older_file_stays_when_the_new_one_cannot_be_written(
    tmp_path: Path, mobile: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(mobile, tmp_path / "a.pt")
    (tmp_path / "b").mkdir()
    target = tmp_path / "b" / "b.safetensors"
    target.write_text("older")

    def full(_tensors: dict[str, Tensor], path: Path, _metadata: dict[str, str] | None) -> None:
        path.write_text("half")
        raise safetensors.SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr("ccmusic_stream.models.conversion.save_file", full)
    with pytest.raises(CheckpointError, match=r"b\.safetensors cannot be written: I/O error: No space left on device"):
        save_checkpoint(read_checkpoint(tmp_path / "a.pt"), 3, target)
    assert [path.read_text() for path in target.parent.iterdir()] == ["older"]


def test_an_unknown_network_is_refused_by_file(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt: fits none of vgg19_bn"):
        read_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("path", "spectrogram"),
    [
        ("vgg19_bn_cqt/save.pt", "cqt"),
        ("mobilenetv3_mel/save.pt", "mel"),
        ("weights/vgg19_bn_cqt.pth", "cqt"),
        ("VGG19_BN_MEL.safetensors", "mel"),
        ("resnet50-mel-epoch7.pt", "mel"),
        ("all_mel/resnet50_cqt.pt", "cqt"),  # the file's own name goes before
        ("cqt/save.pt", "cqt"),
        ("cqt_vs_mel/save.pt", None),
        ("caramel/melody.pt", None),
        ("mel/one/save.pt", None),
        ("save.pt", None),
    ],
)
def test_the_spectrogram_is_read_off_names(path: str, spectrogram: str | None) -> None:
    assert named_spectrogram(PurePosixPath(path)) == spectrogram
