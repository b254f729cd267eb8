"""Tests of weight files: what is read, recognised, fitted, and what is refused with which sentence."""

import itertools
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.backbones import build, canonical_head, layout, skeleton
from ccmusic_stream.models.bundle import BACKBONES, HEADS
from ccmusic_stream.models.checkpoint import (
    Identity,
    Report,
    Reshaped,
    check,
    compare,
    count_parameters,
    fit,
    identify,
    read_state_dict,
)

_FEW: dict[str, Tensor] = {"features.0.weight": torch.ones(4, 3), "classifier.weight": torch.zeros(2, 4)}
_MOBILE = "mobilenet_v3_large"


class _RunsCode:
    """A pickle that creates a file when it is loaded without protection."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self._marker}",)


@pytest.fixture(scope="module")
def mobile() -> dict[str, Tensor]:
    """A real state dict: mobilenet_v3_large with a gap head of 13 classes. Read only: change a copy."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(11)
        return build(_MOBILE, "gap", 13).state_dict()


def _refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "weights_only" not in message
    return message.removeprefix(f"{path}: ")


# --- reading -----------------------------------------------------------------------------------------------------


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors.torch.save_file(_FEW, tmp_path / "a.safetensors")
    state = read_state_dict(tmp_path / "a.safetensors")
    assert state.keys() == _FEW.keys()
    assert all(torch.equal(state[key], _FEW[key]) for key in _FEW)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "A.PT"])
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_torch_are_read(tmp_path: Path, name: str, zipped: bool) -> None:
    torch.save(_FEW, tmp_path / name, _use_new_zipfile_serialization=zipped)
    state = read_state_dict(tmp_path / name)
    assert all(torch.equal(state[key], _FEW[key]) for key in _FEW)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net", "weights"])
def test_a_state_dict_inside_a_training_checkpoint_is_found(tmp_path: Path, key: str) -> None:
    torch.save({"epoch": 3, key: _FEW, "optimizer": {"lr": 0.1}}, tmp_path / "a.pt")
    assert read_state_dict(tmp_path / "a.pt").keys() == _FEW.keys()


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "vgg_model.", "_orig_mod.", "module._orig_mod.", "a.b.c."])
def test_prefixes_are_taken_off(tmp_path: Path, prefix: str) -> None:
    state = {f"{prefix}{key}": torch.zeros(1) for key in layout("vgg19_bn", "linear").body}
    torch.save(state, tmp_path / "a.pt")
    assert read_state_dict(tmp_path / "a.pt").keys() == layout("vgg19_bn", "linear").body.keys()


def test_only_the_networks_own_prefix_is_taken_off(tmp_path: Path) -> None:
    state = {f"model.{key}": torch.zeros(1) for key in layout("resnet50", "linear").body}
    torch.save(state | {"criterion.weight": torch.zeros(2), "model.fc.weight": torch.zeros(2)}, tmp_path / "a.pt")
    assert read_state_dict(tmp_path / "a.pt").keys() == layout("resnet50", "linear").body.keys() | {
        "criterion.weight",
        "fc.weight",
    }


def test_two_networks_under_one_another_are_refused(tmp_path: Path) -> None:
    body = layout("resnet50", "linear").body
    state = {f"module.{key}": torch.zeros(1) for key in body} | {"conv1.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "a.pt")
    assert _refusal(tmp_path / "a.pt").startswith("holds two networks")


# --- refused files -----------------------------------------------------------------------------------------------


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "a.pt") == "does not exist"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").mkdir()
    assert _refusal(tmp_path / "a.pt") == "is a directory, expected a weight file"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pt")
    assert _refusal(tmp_path / "a.pt") == "is not a regular file"


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"weights")
    assert _refusal(tmp_path / "a.onnx") == "has the suffix '.onnx', expected one of .safetensors, .pt, .pth"


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    assert _refusal(tmp_path / f"{'a' * 300}.pt") == "cannot be read: File name too long"


_BOTH = pytest.mark.parametrize("suffix", [".safetensors", ".pt"])


# Seen to fail without: the look at the first bytes.
@_BOTH
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty (0 bytes)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "is a git-LFS pointer"),
        (b"\n <!DOCTYPE html><html><body>404</body></html>", "is a web page, not weights"),
        (b"\xef\xbb\xbf<html>", "is a web page, not weights"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "is a web page, not weights"),
    ],
)
def test_what_a_failed_download_leaves_is_refused(tmp_path: Path, suffix: str, content: bytes, sentence: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert sentence in _refusal(path)


@pytest.mark.parametrize("kept", [5, 20, 60, -1])
def test_truncated_safetensors_are_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.torch.save_file(_FEW, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert _refusal(path).startswith("is not a whole .safetensors file, it is truncated or damaged (")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_truncated_files_of_torch_are_refused(tmp_path: Path, zipped: bool, kept: float) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.rand(3000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert "damaged" in _refusal(path)


@pytest.mark.parametrize("content", [b"hello", b'{"error": 1}', b"\x93NUMPY", b"RIFF"])
def test_text_and_other_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    assert "is not a PyTorch file: it starts with" in _refusal(path)


def test_a_file_under_the_other_formats_name_is_refused(tmp_path: Path) -> None:
    torch.save(_FEW, tmp_path / "a.safetensors")
    safetensors.torch.save_file(_FEW, tmp_path / "b.pt")
    assert "is not a whole .safetensors file" in _refusal(tmp_path / "a.safetensors")
    assert "is not a PyTorch file" in _refusal(tmp_path / "b.pt")


# Seen to fail without: `weights_only`.
@pytest.mark.parametrize("by_torch", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path, by_torch: bool, protocol: int) -> None:
    path, marker = tmp_path / "a.pt", tmp_path / "ran"
    content = _FEW | {"classifier.bias": _RunsCode(marker)}
    if by_torch:
        torch.save(content, path, pickle_protocol=protocol)
    else:
        path.write_bytes(pickle.dumps(_RunsCode(marker), protocol=protocol))
    assert _refusal(path).startswith("is not a plain state dict: ")
    assert not marker.exists()


def test_the_code_that_a_pickle_asks_for_is_named(tmp_path: Path) -> None:
    torch.save({"a": _RunsCode(tmp_path / "ran")}, tmp_path / "a.pt")
    assert "it asks to run posix.system;" in _refusal(tmp_path / "a.pt")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_which_have_no_shape_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])}, tmp_path / "a.pt")
    assert "holds a, which is not a plain dense tensor" in _refusal(tmp_path / "a.pt")


def test_shape_beyond_all_bounds_is_refused(tmp_path: Path) -> None:
    header = {"a": {"dtype": "F32", "shape": [0, 2**63 - 1, 2**62], "data_offsets": [0, 0]}}
    text = json.dumps(header).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert "is truncated or damaged" in _refusal(tmp_path / "a.safetensors")


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "a.pt")
    assert "it asks to run torch.nn.modules.linear.Linear; save one with torch.save(model.state_dict()" in _refusal(
        tmp_path / "a.pt"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([1, 2], "holds a list, expected a state dict"),
        (torch.zeros(3), "holds a Tensor, expected a state dict"),
        ({}, "holds no tensors"),
        ({"state_dict": {}}, "holds no tensors"),
        ({"epoch": 3, "accuracy": 0.9}, "holds 'epoch', a int, where a state dict holds named tensors"),
        ({3: torch.zeros(2)}, "holds 3, a Tensor, where a state dict holds named tensors"),
        ({"a": torch.empty(2, device="meta")}, "holds a, which is not a plain dense tensor"),
        ({"a": torch.eye(2).to_sparse()}, "holds a, which is not a plain dense tensor"),
        (
            {"a": torch.empty(2, dtype=torch.float4_e2m1fn_x2)},
            "holds a as float4_e2m1fn_x2: two numbers in a byte are not read here",
        ),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: Any, sentence: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    assert _refusal(tmp_path / "a.pt") == sentence


def test_safetensors_without_tensors_are_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({}, tmp_path / "a.safetensors")
    assert _refusal(tmp_path / "a.safetensors") == "holds no tensors"


# --- recognising -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("backbone", "head"), list(itertools.product(BACKBONES, HEADS)))
def test_every_network_is_recognised(backbone: str, head: str) -> None:
    state = skeleton(backbone, head, 7).state_dict()
    assert identify(state) == Identity(backbone, canonical_head(backbone, head), 7)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_network_is_recognised_without_counters_and_with_a_hole(backbone: str) -> None:
    state = {
        key: value for key, value in skeleton(backbone, "ccmusic", 16).state_dict().items() if "num_batches" not in key
    }
    del state[next(iter(state))]
    assert identify(state) == Identity(backbone, "ccmusic", 16)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"fits none of vgg19_bn, .*: it has 0% of the tensors of vgg19_bn"):
        identify(_FEW)


def test_a_network_without_a_classifier_is_refused() -> None:
    state = dict.fromkeys(layout("resnet50", "linear").body, torch.empty(0))
    shaped = {key: torch.empty(layout("resnet50", "linear").body[key], device="meta") for key in state}
    with pytest.raises(
        CheckpointError, match="is a resnet50, but it has no classifier, expected the head linear or cc"
    ):
        identify(shaped)


def test_a_classifier_of_another_make_is_refused() -> None:
    state = skeleton("resnet50", "linear", 13).state_dict()
    state["fc.last.weight"] = state.pop("fc.weight")
    del state["fc.bias"]
    with pytest.raises(CheckpointError, match=r"is a resnet50, but its classifier holds fc\.last\.weight, expected"):
        identify(state)


def test_a_classifier_without_its_last_layer_is_refused() -> None:
    state = skeleton("vgg19_bn", "ccmusic", 16).state_dict()
    del state["classifier.9.weight"]
    with pytest.raises(CheckpointError, match=r"is a vgg19_bn whose last layer classifier\.9\.weight is missing"):
        identify(state)


# --- comparing and fitting ---------------------------------------------------------------------------------------


def test_the_report_sorts_every_tensor(mobile: dict[str, Tensor]) -> None:
    state = dict(mobile)
    del state["features.0.0.weight"]
    state["features.16.1.bias"] = torch.zeros(5)
    state["features.17.weight"] = torch.zeros(5)
    state["criterion.weight"] = torch.zeros(5)
    report = compare(skeleton(_MOBILE, "gap", 13), state)
    assert report.missing == ("features.0.0.weight",)
    assert report.reshaped == (Reshaped("features.16.1.bias", (5,), (960,)),)
    assert report.unexpected == ("features.17.weight",)
    assert report.foreign == ("criterion.weight",)
    assert set(report.needless) == {key for key in mobile if key.endswith("num_batches_tracked")}
    assert len(report.matched) + len(report.needless) == len(mobile) - 2
    assert not report.fits
    assert report.summary() == (
        f"{len(report.matched)} matched, 1 missing (features.0.0.weight), "
        "1 reshaped (features.16.1.bias: 5 found, 960 expected), 1 unexpected (features.17.weight), "
        "1 foreign (criterion.weight)"
    )
    assert report.to_dict()["reshaped"] == [{"key": "features.16.1.bias", "found": [5], "expected": [960]}]


def test_a_long_list_is_cut_in_the_summary() -> None:
    report = Report((), ("a", "b", "c", "d"), (), (), (), ())
    assert report.summary() == "0 matched, 4 missing (a, b, c, …)"


def test_a_skeleton_becomes_the_network(mobile: dict[str, Tensor]) -> None:
    network = skeleton(_MOBILE, "gap", 13)
    without_counters = {key: value for key, value in mobile.items() if not key.endswith("num_batches_tracked")}
    report = fit(network, without_counters)
    assert report.fits
    got = network.state_dict()
    assert got.keys() == mobile.keys()
    assert all(value.device.type == "cpu" for value in got.values())
    assert all(torch.equal(got[key], mobile[key]) for key in mobile)


def test_a_fitted_network_has_its_own_copy(mobile: dict[str, Tensor]) -> None:
    # Tensors of a .safetensors file are mapped from it: a file replaced under a running daemon must not matter.
    state = {key: value.clone() for key, value in mobile.items()}
    network = skeleton(_MOBILE, "gap", 13)
    fit(network, state)
    state["classifier.bias"].fill_(9.0)
    assert torch.equal(network.state_dict()["classifier.bias"], mobile["classifier.bias"])


def test_half_precision_is_widened(mobile: dict[str, Tensor]) -> None:
    network = skeleton(_MOBILE, "gap", 13)
    fit(network, {key: value.half() if value.is_floating_point() else value for key, value in mobile.items()})
    got = network.state_dict()["classifier.weight"]
    assert got.dtype == torch.float32
    assert torch.equal(got, mobile["classifier.weight"].half().float())


def test_what_lies_outside_the_network_does_no_harm(mobile: dict[str, Tensor]) -> None:
    report = fit(skeleton(_MOBILE, "gap", 13), mobile | {"criterion.weight": torch.zeros(13)})
    assert report.foreign == ("criterion.weight",)


def test_swins_table_of_offsets_is_computed_and_not_taken_from_the_file() -> None:
    key = "features.1.0.attn.relative_position_index"
    network = skeleton("swin_b", "gap", 2)
    state = {
        name: torch.full(value.shape, 10_000) if name.endswith("_index") else torch.zeros(value.shape)
        for name, value in network.state_dict().items()
    }
    assert key in fit(network, state).needless
    index = network.state_dict()[key]
    assert index.min() == 0
    assert index.max() == 13 * 13 - 1  # offsets of -6 to 6 both ways


def test_inceptions_auxiliary_classifier_is_not_needed() -> None:
    network = skeleton("inception_v3", "ccmusic", 16)
    state = network.state_dict()
    with_auxiliary = state | {"AuxLogits.fc.weight": torch.empty(1000, 768), "AuxLogits.conv0.bn.weight": torch.ones(3)}
    assert identify(with_auxiliary) == Identity("inception_v3", "ccmusic", 16)
    report = compare(network, with_auxiliary)
    assert report.fits
    assert {"AuxLogits.fc.weight", "AuxLogits.conv0.bn.weight"} <= set(report.needless)


def _without(key: str) -> Callable[[dict[str, Tensor]], None]:
    def change(state: dict[str, Tensor]) -> None:
        del state[key]

    return change


def _with(key: str, value: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], None]:
    def change(state: dict[str, Tensor]) -> None:
        state[key] = value(state.get(key, torch.zeros(3)).clone())

    return change


def _one_set_to(number: float) -> Callable[[Tensor], Tensor]:
    def change(value: Tensor) -> Tensor:
        value.view(-1)[0] = number
        return value

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without("features.3.block.0.0.weight"), "does not cover the network wholly: 263 matched, 1 missing"),
        (_without("classifier.bias"), "1 missing (classifier.bias)"),
        (_without("features.0.1.running_var"), "1 missing (features.0.1.running_var)"),
        (
            _with("features.0.0.weight", lambda one: one[:, :1]),
            "features.0.0.weight: 16 x 1 x 3 x 3 found, 16 x 3 x 3 x 3",
        ),
        (_with("features.17.0.weight", lambda one: one), "1 unexpected (features.17.0.weight)"),
        (_with("classifier.weight", lambda one: one[:9]), "has 9 classes, expected 13 as the bundle's labels: "),
        (_with("classifier.weight", lambda one: one[:, :9]), "classifier.weight: 13 x 9 found, 13 x 960 expected"),
        (_with("features.0.0.weight", _one_set_to(float("nan"))), "1 NaN or infinite values in features.0.0.weight"),
        (_with("classifier.bias", _one_set_to(float("-inf"))), "1 NaN or infinite values in classifier.bias"),
        (_with("classifier.bias", lambda one: one.double() * 1e300 + 1e300), "13 NaN or infinite values in classifier"),
        (_with("classifier.weight", lambda one: one.to(torch.int8)), "holds classifier.weight as int8, expected float"),
    ],
)
def test_weights_with_a_fault_are_refused_and_the_network_left_alone(
    mobile: dict[str, Tensor], change: Callable[[dict[str, Tensor]], None], sentence: str
) -> None:
    state = dict(mobile)
    change(state)
    network = skeleton(_MOBILE, "gap", 13)
    with pytest.raises(CheckpointError) as caught:
        fit(network, state)
    assert sentence in str(caught.value)
    assert all(parameter.is_meta for parameter in network.parameters())
    with pytest.raises(CheckpointError):
        check(network, state)


def test_a_deeper_network_of_the_same_family_is_refused() -> None:
    # All tensors of resnet50 are in resnet101; the article's way of loading would take it without a word.
    from torchvision.models import resnet101  # noqa: PLC0415 (only here)

    with torch.device("meta"):
        state = resnet101(num_classes=13).state_dict()
    assert identify(state).backbone == "resnet50"
    report = compare(skeleton("resnet50", "linear", 13), state)
    assert not report.missing
    assert not report.reshaped
    assert not report.fits
    assert "layer3.6.conv1.weight" in report.unexpected


def test_parameters_are_counted_without_buffers() -> None:
    network = skeleton("swin_b", "linear", 13)
    assert count_parameters(network.state_dict()) == sum(one.numel() for one in network.parameters())
    network = skeleton("resnet50", "linear", 13)
    assert count_parameters(network.state_dict()) == sum(one.numel() for one in network.parameters())
