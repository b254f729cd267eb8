"""Tests of compact weights: how near they come, what is left as it was, and that damage is told."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.checkpoint import Identity, fit, read_state_dict, read_weight_file
from ccmusic_stream.models.compact import METADATA, MORE_THAN, SCALE, compress, is_compact, restore
from ccmusic_stream.models.conversion import read_checkpoint, save_checkpoint
from ccmusic_stream.models.loading import inspect

_CLASSES = 13
_FIVE = ("vgg19_bn", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3_large")
_MOST_BYTES = 60_000_000


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build("mobilenet_v3_large", "gap", _CLASSES, seed=5)


@pytest.fixture
def file(tmp_path: Path, network: nn.Module) -> Path:
    """The network as a compact file."""
    path = tmp_path / "compact.safetensors"
    save_file(compress(network.state_dict()), path, dict(METADATA))
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("shape", [(64, 32), (40, 16, 3, 3), (300, 1, 3, 3), (2, 1000)])
def test_a_weight_comes_back_within_half_a_step_of_its_channel(shape: tuple[int, ...]) -> None:
    weight = _random(*shape) * torch.logspace(-4, 3, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    compact = compress({"a.weight": weight})
    assert compact["a.weight"].dtype == torch.int8
    scale = compact[f"a.weight{SCALE}"]
    assert (scale.shape, scale.dtype) == ((shape[0],), torch.float32)
    restored = restore(compact)["a.weight"]
    assert (restored.dtype, restored.shape) == (torch.float32, weight.shape)
    error = (restored - weight).flatten(1)
    kept = compact["a.weight"].flatten(1).abs() < 127  # what is cut off may be further away
    step = scale.reshape(-1, 1).expand_as(error)
    assert (error.abs()[kept] <= 0.5001 * step[kept]).all()
    plain = weight.flatten(1).abs().amax(dim=1) / 127
    unclipped = (weight.flatten(1) / plain.unsqueeze(1)).round() * plain.unsqueeze(1) - weight.flatten(1)
    assert (error.square().mean(dim=1) <= unclipped.square().mean(dim=1) * 1.0001).all()


def test_what_stands_alone_is_cut_off_where_that_is_nearer_on_the_whole() -> None:
    weight = _random(1, 200_000) / 6
    weight[0, 0] = weight.abs().max() * 1.3
    compact = compress({"a.weight": weight})
    assert float(compact[f"a.weight{SCALE}"][0]) < float(weight.abs().max()) / 127 * 0.99


@pytest.mark.parametrize("value", [0.0, 1e-42])
def test_a_channel_of_next_to_nothing_comes_back_as_zeros(value: float) -> None:
    weight = _random(4, 600)
    weight[2] = value
    restored = restore(compress({"a.weight": weight}))["a.weight"]
    assert (restored[2] == 0).all()
    assert restored.isfinite().all()


def test_a_weight_that_was_compact_once_does_not_change_again() -> None:
    once = restore(compress({"a.weight": _random(50, 90)}))
    again = restore(compress(once))
    torch.testing.assert_close(again["a.weight"], once["a.weight"], rtol=1e-6, atol=0)


def test_small_tensors_tables_and_whole_numbers_keep_their_place() -> None:
    state = {
        "small.weight": _random(4, MORE_THAN // 4),
        "long.weight": _random(5_000),
        "encoder.pos_embedding": _random(1, 197, 768),
        "norm.num_batches_tracked": torch.tensor(7),
    }
    compact = compress(state)
    assert compact.keys() == state.keys()
    assert {key: value.dtype for key, value in compact.items()} == {
        "small.weight": torch.float16,
        "long.weight": torch.float16,
        "encoder.pos_embedding": torch.float16,
        "norm.num_batches_tracked": torch.int64,
    }
    restored = restore(compact)
    assert restored["norm.num_batches_tracked"].dtype == torch.int64
    for key in ("small.weight", "long.weight", "encoder.pos_embedding"):
        torch.testing.assert_close(restored[key], state[key], rtol=2**-11, atol=1e-7)


@pytest.mark.parametrize(
    ("key", "values", "half"),
    [
        ("norm.running_var", [0.5, 3.0, 1e-3], True),
        ("norm.running_var", [0.5, 3.0, 1e-7], False),  # float16 has hardly a digit of it left
        ("norm.running_var", [0.5, 70_000.0], False),  # float16 ends at 65,504
        ("norm.running_mean", [-0.5, 0.0, 12.0], True),
        ("norm.bias", [0.5, 3.0, 1e-7], True),  # beside the others it is nothing
        ("norm.bias", [1e-7, 3e-7], False),
    ],
)
def test_float16_is_taken_only_where_its_range_suffices(key: str, values: list[float], half: bool) -> None:
    value = torch.tensor(values)
    compact = compress({key: value})
    assert compact[key].dtype == (torch.float16 if half else torch.float32)
    torch.testing.assert_close(restore(compact)[key], value, rtol=2**-10, atol=0 if "running" in key else 1e-7)


def test_nan_and_what_is_compact_already_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"holds NaN or infinite values in a\.weight"):
        compress({"a.weight": torch.tensor([1.0, torch.nan])})
    with pytest.raises(CheckpointError, match="compact already"):
        compress(compress({"a.weight": _random(40, 40)}))


def test_five_networks_fit_into_60_mb(tmp_path: Path) -> None:
    sizes = {}
    for backbone in _FIVE:
        with torch.random.fork_rng(devices=[]):
            state = build(backbone, "gap", _CLASSES).state_dict()
        path = tmp_path / f"{backbone}.safetensors"
        save_file(compress(state), path, dict(METADATA))
        sizes[backbone] = path.stat().st_size
        path.unlink()
    assert sum(sizes.values()) <= _MOST_BYTES, sizes


def test_a_compact_file_is_read_as_any_other(file: Path, network: nn.Module) -> None:
    read = read_weight_file(file)
    assert read.compact
    expected = network.state_dict()
    assert read.state.keys() == expected.keys()
    assert all(value.dtype == expected[key].dtype for key, value in read.state.items())
    assert read_checkpoint(file).identity == Identity("mobilenet_v3_large", "gap", _CLASSES)
    answering = copy.deepcopy(network)
    fit(answering, read.state)
    pictures = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        change = (answering(pictures).softmax(1) - network(pictures).softmax(1)).abs().max()
    assert 0 < float(change) < 0.05


def test_an_inspection_tells_how_it_is_stored(tmp_path: Path, file: Path, network: nn.Module) -> None:
    found = inspect(file)
    assert (found.problem, found.compact) == (None, True)
    assert found.dtypes == ("float16", "float32", "int64", "int8")
    assert found.to_dict()["compact"] is True
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    plain = inspect(tmp_path / "plain.safetensors")
    assert (plain.compact, plain.dtypes) == (False, ("float32", "int64"))
    assert (found.parameters, found.tensors) == (plain.parameters, plain.tensors)
    assert found.bytes < 0.3 * plain.bytes


def test_a_checkpoint_of_any_kind_can_be_saved_compact(tmp_path: Path, network: nn.Module, file: Path) -> None:
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, tmp_path / "a.pt")
    save_checkpoint(read_checkpoint(tmp_path / "a.pt"), _CLASSES, tmp_path / "b.safetensors", compact=True)
    written, expected = read_state_dict(tmp_path / "b.safetensors"), read_state_dict(file)
    assert written.keys() == {key for key in expected if not key.endswith("num_batches_tracked")}
    assert all(torch.equal(value, expected[key]) for key, value in written.items())


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {}])
def test_other_metadata_is_of_a_plain_file(metadata: dict[str, str] | None) -> None:
    assert not is_compact(metadata)


@pytest.mark.parametrize("version", ["2", ""])
def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.safetensors"
    metadata = dict.fromkeys(METADATA, version)
    save_file({"a": torch.zeros(1)}, path, metadata)
    assert _refusal(path) == f"is in version {version!r} of ccmusic-compact, this program reads version '1'"


def test_damage_is_told(tmp_path: Path, file: Path) -> None:
    state = load_file(file)
    key = next(name.removesuffix(SCALE) for name in state if name.endswith(SCALE))
    scales = state[f"{key}{SCALE}"]

    def saved(changes: dict[str, Tensor], without: str = "") -> str:
        path = tmp_path / "damaged.safetensors"
        save_file({name: one for name, one in (state | changes).items() if name != without}, path, dict(METADATA))
        return _refusal(path)

    assert saved({}, without=f"{key}{SCALE}") == f"is damaged: the int8 weight {key} has no scales"
    assert saved({}, without=key) == f"is damaged: {key}{SCALE} belongs to no int8 weight"
    assert saved({f"{key}{SCALE}": scales[1:].clone()}).startswith(f"is damaged: the scales of {key} have the shape")
    for bad in (torch.nan, torch.inf, 0.0, -1.0):
        assert saved({f"{key}{SCALE}": scales * bad}).endswith("are not all numbers above 0")


@pytest.mark.parametrize("kept", [4, 1_000, 100_000, -1])
def test_a_truncated_file_is_refused(file: Path, kept: int) -> None:
    file.write_bytes(file.read_bytes()[:kept])
    assert _refusal(file).startswith("is not a whole .safetensors file, it is truncated or damaged (")
