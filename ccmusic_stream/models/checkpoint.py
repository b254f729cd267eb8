"""Weight files: read without running what is in them, recognised by keys and shapes, fitted only if they fit wholly."""

import pickle
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torchvision.models.swin_transformer import ShiftedWindowAttention

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.backbones import canonical_head, layout
from ccmusic_stream.models.bundle import BACKBONES, HEADS
from ccmusic_stream.models.compact import is_compact, restore
from ccmusic_stream.models.seeded import last_layer

SUFFIXES: tuple[str, ...] = (".safetensors", ".pt", ".pth")

_WRAPPINGS = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Keys under which training scripts put the state dict beside the optimiser's and the epoch."""

_NEEDLESS = re.compile(r"(^|\.)(num_batches_tracked|relative_position_index)$|^AuxLogits\.")
"""Counters of training, Swin's constant table of offsets (computed anew) and Inception's training-only classifier."""

_BUFFER = re.compile(r"(^|\.)(running_mean|running_var|num_batches_tracked|relative_position_index)$")

_LEAST_LIKENESS = 0.5


@dataclass(frozen=True, slots=True)
class Identity:
    """What a state dict is. `head` is "linear" where `gap` is the same network (see `backbones.canonical_head`)."""

    backbone: str
    head: str
    classes: int


@dataclass(frozen=True, slots=True)
class Reshaped:
    """A tensor whose name fits and whose shape does not."""

    key: str
    found: tuple[int, ...]
    expected: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.key}: {_shape(self.found)} found, {_shape(self.expected)} expected"


@dataclass(frozen=True, slots=True)
class Report:
    """A state dict laid beside a network, tensor by tensor. Names are in the network's order, then in the file's.

    `unexpected` tensors lie inside the network's own modules, so the file is of another network. `foreign` ones lie
    outside (a loss's weights, a second network) and `needless` ones serve training alone: both do no harm.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[Reshaped, ...]
    foreign: tuple[str, ...]
    needless: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the network's body and head are wholly covered, and by nothing else."""
        return not (self.missing or self.unexpected or self.reshaped)

    def summary(self) -> str:
        """One line: how many tensors of each kind, with the first few of those that need a look."""
        parts = [f"{len(self.matched)} matched"]
        for word in ("missing", "reshaped", "unexpected", "foreign"):
            entries = getattr(self, word)
            if entries:
                parts.append(f"{len(entries)} {word} ({_some([str(entry) for entry in entries])})")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {
            "fits": self.fits,
            "matched": list(self.matched),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "reshaped": [
                {"key": one.key, "found": list(one.found), "expected": list(one.expected)} for one in self.reshaped
            ],
            "foreign": list(self.foreign),
            "needless": list(self.needless),
        }


@dataclass(frozen=True, slots=True)
class WeightFile:
    """The tensors of a file by name, as a network takes them, and which types of numbers the file itself holds.

    `compact`: they were stored as `models.compact` describes, and were restored.
    """

    state: dict[str, Tensor]
    dtypes: tuple[str, ...]
    compact: bool


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name: see `read_weight_file`."""
    return read_weight_file(path).state


def read_weight_file(path: Path) -> WeightFile:
    """Read a weight file onto the CPU: what is compact is restored, wrappings and prefixes (`module.`, …) taken off.

    A `.pt` or `.pth` file is only ever read with `weights_only=True`: what is not a plain state dict is refused, and
    no code in it runs. Raises `CheckpointError` with the file and the reason.
    """
    try:
        _refuse_what_is_no_weight_file(path)
        if path.suffix.lower() == ".safetensors":
            content, compact = _read_safetensors(path)
        else:
            content, compact = _read_pickle(path), False
        stored = _tensors(content)
        state = _without_prefix(restore(stored) if compact else stored)
        return WeightFile(state, tuple(sorted({_dtype(value) for value in stored.values()})), compact)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None


def identify(state: Mapping[str, Tensor]) -> Identity:
    """Backbone, head and number of classes, read off keys and shapes; `CheckpointError` when they are of no known kind.

    Works on tensors of any device, the meta device included.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    likeness = {name: _likeness(shapes, layout(name, "linear").body) for name in BACKBONES}
    backbone = max(likeness, key=lambda name: likeness[name])
    if likeness[backbone] < _LEAST_LIKENESS:
        raise CheckpointError(
            f"fits none of {', '.join(BACKBONES)}: "
            f"it has {likeness[backbone]:.0%} of the tensors of {backbone}, the nearest"
        )
    head = _head(backbone, shapes)
    last = list(layout(backbone, head).head)[-2]  # weight before bias
    if len(shapes.get(last, ())) != 2:
        raise CheckpointError(f"is a {backbone} whose last layer {last} is missing, so its classes are unknown")
    return Identity(backbone, head, shapes[last][0])


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Report:
    """Lay a state dict beside a network (which may be a skeleton without weights); changes nothing."""
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items() if not _NEEDLESS.search(key)}
    found = {key: tuple(value.shape) for key, value in state.items() if not _NEEDLESS.search(key)}
    own = tuple({key.split(".")[0] for key in expected})
    strange = [key for key in found if key not in expected]
    return Report(
        matched=tuple(key for key, shape in expected.items() if found.get(key) == shape),
        missing=tuple(key for key in expected if key not in found),
        unexpected=tuple(key for key in strange if key.split(".")[0] in own),
        reshaped=tuple(
            Reshaped(key, found[key], shape) for key, shape in expected.items() if key in found and found[key] != shape
        ),
        foreign=tuple(key for key in strange if key.split(".")[0] not in own),
        needless=tuple(key for key in state if _NEEDLESS.search(key)),
    )


def check(network: nn.Module, state: Mapping[str, Tensor]) -> Report:
    """`compare`, with a `CheckpointError` for what `fit` would refuse; changes nothing.

    Refused: body or head not wholly covered, another number of classes, and values that are NaN, infinite or not
    floating-point numbers.
    """
    report = compare(network, state)
    _refuse_other_classes(network, report)
    if not report.fits:
        raise CheckpointError(f"does not cover the network wholly: {report.summary()}")
    for key in report.matched:
        _refuse_unusable(key, state[key])
    return report


def fit(network: nn.Module, state: Mapping[str, Tensor]) -> Report:
    """Copy a state dict into a network, as float32; a skeleton (on the meta device) becomes a network on the CPU.

    Raises `CheckpointError` where `check` does, and then leaves the network as it was.
    """
    report = check(network, state)
    if any(parameter.is_meta for parameter in network.parameters()):
        _materialise(network)
    network.load_state_dict({key: state[key] for key in report.matched}, strict=False)
    return report


def count_parameters(state: Mapping[str, Tensor]) -> int:
    """How many numbers were learnt: batch norm's statistics and other buffers do not count."""
    return sum(value.numel() for key, value in state.items() if not _BUFFER.search(key))


def _refuse_what_is_no_weight_file(path: Path) -> None:
    if not path.exists():
        raise CheckpointError("does not exist")
    if path.is_dir():
        raise CheckpointError("is a directory, expected a weight file")
    if not path.is_file():
        raise CheckpointError("is not a regular file")
    if path.suffix.lower() not in SUFFIXES:
        raise CheckpointError(f"has the suffix {path.suffix!r}, expected one of {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        start = file.read(256)
    if not start:
        raise CheckpointError("is empty (0 bytes)")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"version https://git-lfs"):
        raise CheckpointError("is a git-LFS pointer, not the weights themselves: fetch them with 'git lfs pull'")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise CheckpointError("is a web page, not weights: the download fetched an error or login page")


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], bool]:
    """The tensors as they are stored, and whether they are compact."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            compact = is_compact(file.metadata())  # before anything large is read
            return file.get_tensors(), compact
    except (SafetensorError, RuntimeError) as error:  # the latter of shapes beyond all bounds, whose product is 0
        raise CheckpointError(f"is not a whole .safetensors file, it is truncated or damaged ({error})") from None


def _read_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(2)
    if start != b"PK" and start[:1] != b"\x80":
        raise CheckpointError(f"is not a PyTorch file: it starts with {start!r}, expected a zip archive or a pickle")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols: either the tensors come out, or it is refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_why_not_plain(str(error))) from None
    except Exception as error:  # noqa: BLE001 (a damaged file can raise anything: KeyError, OSError 22, …)
        reason = str(error).partition(". ")[0] or type(error).__name__
        raise CheckpointError(f"is truncated or damaged ({reason})") from None


def _why_not_plain(reason: str) -> str:
    # torch's own text runs over several lines and advises switching the protection off.
    wanted = re.search(r"GLOBAL ([\w.]+)", reason)
    what = f"it asks to run {wanted[1]}" if wanted else "it is damaged, or a pickle of something else"
    return f"is not a plain state dict: {what}; save one with torch.save(model.state_dict(), …)"


def _tensors(content: Any) -> dict[str, Tensor]:
    for key in _WRAPPINGS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        raise CheckpointError(f"holds a {type(content).__name__}, expected a state dict")
    if not content:
        raise CheckpointError("holds no tensors")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"holds {key!r}, a {type(value).__name__}, where a state dict holds named tensors")
        if value.is_meta or value.layout is not torch.strided or value.is_quantized or value.is_nested:
            raise CheckpointError(f"holds {key}, which is not a plain dense tensor")
        if value.dtype is torch.float4_e2m1fn_x2:  # torch itself cannot convert them
            raise CheckpointError(f"holds {key} as {_dtype(value)}: two numbers in a byte are not read here")
    return content


@lru_cache(maxsize=1)
def _known_keys() -> frozenset[str]:
    layouts = [layout(backbone, head) for backbone in BACKBONES for head in HEADS]
    return frozenset(key for one in layouts for key in (*one.body, *one.head))


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off whatever wrappers put before the names: the prefix with which most keys become a known network's."""
    prefixes = Counter(prefix for prefix in map(_prefix, state) if prefix is not None)
    if not prefixes:
        return state
    prefix = prefixes.most_common(1)[0][0]
    stripped = {key.removeprefix(prefix): value for key, value in state.items()}
    if len(stripped) < len(state):
        raise CheckpointError(f"holds two networks: the same names with and without {prefix!r} before them")
    return stripped


def _prefix(key: str) -> str | None:
    """The shortest start of `key` after which the name of a known network's tensor follows."""
    parts = key.split(".")
    known = _known_keys()
    for skipped in range(len(parts)):
        if ".".join(parts[skipped:]) in known:
            return key[: sum(len(part) + 1 for part in parts[:skipped])]
    return None


def _likeness(found: Mapping[str, tuple[int, ...]], body: Mapping[str, tuple[int, ...]]) -> float:
    needed = [key for key in body if not _NEEDLESS.search(key)]
    return sum(found.get(key) == body[key] for key in needed) / len(needed)


def _head(backbone: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The head whose names differ least from those that the file has beside the body's."""
    body, module = layout(backbone, "linear").body, layout(backbone, "linear").head_module
    present = {key for key in shapes if key.startswith(module) and key not in body}
    heads = {head: set(layout(backbone, head).head) for head in HEADS if canonical_head(backbone, head) == head}
    nearest = min(heads, key=lambda head: len(heads[head] ^ present))
    if not present & heads[nearest]:
        held = f"its classifier holds {_some(sorted(present))}" if present else "it has no classifier"
        raise CheckpointError(f"is a {backbone}, but {held}, expected the head {' or '.join(heads)}")
    return nearest


def _refuse_other_classes(network: nn.Module, report: Report) -> None:
    name, _ = last_layer(network)
    for one in report.reshaped:
        if one.key == f"{name}.weight" and len(one.found) == 2 and one.found[0] != one.expected[0]:
            raise CheckpointError(
                f"has {one.found[0]} classes, expected {one.expected[0]} as the bundle's labels: {report.summary()}"
            )


def _refuse_unusable(key: str, value: Tensor) -> None:
    if not value.is_floating_point():
        raise CheckpointError(f"holds {key} as {_dtype(value)}, expected floating-point numbers")
    bad = value.numel() - int(value.to(torch.float32).isfinite().sum())
    if bad:
        raise CheckpointError(f"holds {bad} NaN or infinite values in {key}")


def _materialise(network: nn.Module) -> None:
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, ShiftedWindowAttention):
            module.define_relative_position_index()
    for name, buffer in network.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
