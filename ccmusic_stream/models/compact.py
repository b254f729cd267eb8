"""Weights in a quarter of their room: eight bits a weight on disk, float32 again when they are read.

A weight of a convolution or a linear layer is stored as int8 beside `<key>::scale`, float32 of shape (outputs,): the
weight of output channel c is the whole number times scale c. Every other floating-point tensor is float16, or float32
where float16 would change it too much; what is not floating-point stays as it is. In a file the `METADATA` of its
header say so. What is computed is float32 as ever: only the file is small.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ccmusic_stream.errors import CheckpointError

FORMAT = "ccmusic-compact"
VERSION = "1"
METADATA: Mapping[str, str] = {FORMAT: VERSION}
"""What the header of a compact .safetensors file says: one entry, since safetensors writes several in random order, and
the same weights would have another hash each time."""

SCALE = "::scale"
"""Ends the name of a weight's scales; no network has tensors of such names."""

MORE_THAN = 1024
"""Weights of so many numbers or fewer are not worth a loss."""

_LARGEST = 127
_SHARES = (1.0, 0.97, 0.94, 0.91, 0.88, 0.84, 0.8, 0.75, 0.7, 0.6)
"""Shares of a channel's largest magnitude at which it may be cut off: what is larger is stored as that."""

_MOST_CHANGE = 2.0**-10
"""Twice what float16 rounds off where its range suffices."""

_STATISTICS = (".running_mean", ".running_var")


def is_compact(metadata: Mapping[str, str] | None) -> bool:
    """Whether a file of this metadata is compact. Raises `CheckpointError` when it is so in a version unknown here."""
    if metadata is None or FORMAT not in metadata:
        return False
    version = metadata[FORMAT]
    if version != VERSION:
        raise CheckpointError(f"is in version {version!r} of {FORMAT}, this program reads version {VERSION!r}")
    return True


def compress(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The compact form of a network's tensors, contiguous and on the CPU.

    Raises `CheckpointError` when one holds NaN or infinity, or is compact already.
    """
    compact: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.endswith(SCALE):
            raise CheckpointError(f"holds {key}: it is compact already")
        # Cloned, since safetensors refuses one tensor under two names.
        plain = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        if not plain.is_floating_point():
            compact[key] = plain
            continue
        plain = plain.to(torch.float32)
        if not plain.isfinite().all():
            raise CheckpointError(f"holds NaN or infinite values in {key}")
        if _is_large_weight(key, plain):
            compact[key], compact[f"{key}{SCALE}"] = _quantised(plain)
        else:
            compact[key] = _halved(key, plain)
    return compact


def restore(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's tensors from their compact form: float32, but for those that were not floating-point.

    Raises `CheckpointError` when scales are missing, left over, of another shape or no scales.
    """
    restored: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.endswith(SCALE):
            weight = state.get(key.removesuffix(SCALE))
            if weight is None or weight.dtype != torch.int8:
                raise CheckpointError(f"is damaged: {key} belongs to no int8 weight")
        elif value.dtype == torch.int8:
            restored[key] = value.to(torch.float32) * _along_outputs(_checked_scales(key, value, state), value)
        else:
            restored[key] = value.to(torch.float32) if value.is_floating_point() else value
    return restored


def _is_large_weight(key: str, value: Tensor) -> bool:
    # By name as well: ViT's positions and Swin's biases are tables without output channels.
    return key.endswith("weight") and value.dim() >= 2 and value.numel() > MORE_THAN


def _quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 of the weight's shape and a scale for each output channel: the shares with the least mean-square error."""
    largest = weight.flatten(1).abs().amax(dim=1)  # (outputs,)
    # Below the smallest normal number float32 loses the scale's own digits; such a channel is as good as zero.
    full = torch.where(largest < torch.finfo(torch.float32).tiny * _LARGEST, 1.0, largest / _LARGEST)
    best_error = torch.full_like(full, torch.inf)
    best = full
    for share in _SHARES:
        scale = full * share
        error = (_rounded(weight, scale) * _along_outputs(scale, weight) - weight).square().flatten(1).mean(dim=1)
        better = error < best_error
        best_error = torch.where(better, error, best_error)
        best = torch.where(better, scale, best)
    return _rounded(weight, best).to(torch.int8), best


def _rounded(weight: Tensor, scale: Tensor) -> Tensor:
    """The whole numbers from -127 to 127 nearest to weight / scale, as float32."""
    return (weight / _along_outputs(scale, weight)).round_().clamp_(-_LARGEST, _LARGEST)


def _along_outputs(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.reshape(-1, *[1] * (weight.dim() - 1))


def _halved(key: str, value: Tensor) -> Tensor:
    """float16, or float32 where that changes more than `_MOST_CHANGE`, relative to the tensor's own size.

    Statistics are looked at one by one: a channel is divided by its own deviation, however small beside the others'.
    """
    half = value.to(torch.float16)
    change = half.to(torch.float32) - value
    if key.endswith(_STATISTICS):
        faithful = bool((change.abs() <= _MOST_CHANGE * value.abs()).all())
    else:
        faithful = bool(change.norm() <= _MOST_CHANGE * value.norm())
    return half if faithful else value


def _checked_scales(key: str, weight: Tensor, state: Mapping[str, Tensor]) -> Tensor:
    scale = state.get(f"{key}{SCALE}")
    if scale is None:
        raise CheckpointError(f"is damaged: the int8 weight {key} has no scales")
    if weight.dim() < 2 or tuple(scale.shape) != (len(weight),):
        raise CheckpointError(
            f"is damaged: the scales of {key} have the shape {list(scale.shape)}, its weight {list(weight.shape)}"
        )
    if not scale.is_floating_point() or not bool((scale.isfinite() & (scale > 0)).all()):
        raise CheckpointError(f"is damaged: the scales of {key} are not all numbers above 0")
    return scale.to(torch.float32)
