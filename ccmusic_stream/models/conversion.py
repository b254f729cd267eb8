"""A checkpoint of any origin as a weight file of a bundle: recognised, checked, float32, the network's own keys."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.models.backbones import skeleton
from ccmusic_stream.models.checkpoint import Identity, check, identify, read_state_dict
from ccmusic_stream.models.compact import METADATA, compress

_SPECTROGRAM = re.compile(r"(?:^|[_.\- ])(cqt|mel)(?=$|[_.\- ])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was read of a file: which network it is, and its tensors by name as they were stored."""

    path: Path
    identity: Identity
    state: dict[str, Tensor]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read and recognise a weight file. Raises `CheckpointError` with the file and the reason."""
    state = read_state_dict(path)
    try:
        return Checkpoint(path, identify(state), state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def save_checkpoint(checkpoint: Checkpoint, classes: int, target: Path, *, compact: bool = False) -> None:
    """Write the tensors that the network has as safetensors; `target` is there whole or not at all.

    They are float32, or `compact` as `models.compact` describes, a quarter of that.

    Raises `CheckpointError` with the report when they do not cover a network of `classes` classes, or hold what is no
    number; `OSError` when `target` cannot be written.
    """
    identity = checkpoint.identity
    try:
        report = check(skeleton(identity.backbone, identity.head, classes), checkpoint.state)
    except CheckpointError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from None
    if compact:
        _write(compress({key: checkpoint.state[key] for key in report.matched}), target, METADATA)
        return
    # Cloned, since safetensors refuses what torch stores as well: one tensor under two names, or a turned view of one.
    tensors = {
        key: checkpoint.state[key].to(torch.float32).clone(memory_format=torch.contiguous_format)
        for key in report.matched
    }
    _write(tensors, target, None)


def _write(tensors: Mapping[str, Tensor], target: Path, metadata: Mapping[str, str] | None) -> None:
    unfinished = target.with_name(f".{target.name}.part")
    try:
        save_file(dict(tensors), unfinished, None if metadata is None else dict(metadata))
        unfinished.replace(target)
    except SafetensorError as error:  # what the disk refused, in the library's own words
        raise CheckpointError(f"{target} cannot be written: {error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def named_spectrogram(path: PurePath) -> Spectrogram | None:
    """What the name of a file, or else of its folder, says it was trained on: "cqt" for `vgg19_bn_cqt/save.pt`."""
    for name in (path.stem, path.parent.name):
        found = {word.lower() for word in _SPECTROGRAM.findall(name)}
        if len(found) == 1:
            return cast("Spectrogram", found.pop())
    return None
