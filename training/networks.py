"""Networks as training wants them: with further heads, and narrow at first.

A narrow network has the shape of the full one with each width divided; `widened` gives the full one that answers the
same (Net2Net: Chen, Goodfellow, Shlens 2016), so that most of the learning costs a sixteenth (VGG19 by 4) or a quarter
(by 2) of the multiplications, and the full network then goes on from there.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.seeded import last_layer

PICTURE_CHANNELS = 3

_MOMENTUM = 0.1


def network_of(backbone: str, outputs: int, divisor: int = 1) -> nn.Module:
    """The backbone with a `gap` head of so many outputs, drawn anew, every width divided by `divisor`.

    Raises:
        ValueError: the backbone's layers convolve each channel alone (EfficientNet, MobileNet), and dividing does not
            pay, or a width cannot be divided.
    """
    network = build(backbone, "gap", outputs)
    if divisor > 1:
        _narrow(network, divisor)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            # torchvision's MobileNet takes 0.01, for runs of a million steps: here it would lag behind for ever.
            module.momentum = _MOMENTUM
    return network.train()


def _narrow(network: nn.Module, divisor: int) -> None:
    head, _ = last_layer(network)
    for name, module in list(network.named_modules()):
        parent, _, child = name.rpartition(".")
        if isinstance(module, nn.Conv2d):
            setattr(network.get_submodule(parent), child, _narrow_convolution(module, divisor))
        elif isinstance(module, nn.BatchNorm2d):
            width = _divided(module.num_features, divisor)
            setattr(network.get_submodule(parent), child, nn.BatchNorm2d(width, module.eps, module.momentum))
        elif isinstance(module, nn.Linear) and name == head:
            layer = nn.Linear(_divided(module.in_features, divisor), module.out_features)
            setattr(network.get_submodule(parent), child, layer)


def _narrow_convolution(module: nn.Conv2d, divisor: int) -> nn.Conv2d:
    if module.groups != 1:
        raise ValueError(f"a convolution in {module.groups} groups is not made narrow")
    inputs = module.in_channels
    inputs = inputs if inputs == PICTURE_CHANNELS else _divided(inputs, divisor)
    narrow = nn.Conv2d(
        inputs,
        _divided(module.out_channels, divisor),
        module.kernel_size,  # type: ignore[arg-type]  # always a pair
        module.stride,  # type: ignore[arg-type]
        module.padding,  # type: ignore[arg-type]
        bias=module.bias is not None,
    )
    nn.init.kaiming_normal_(narrow.weight, mode="fan_out", nonlinearity="relu")
    if narrow.bias is not None:
        nn.init.zeros_(narrow.bias)
    return narrow


def _divided(width: int, divisor: int) -> int:
    if width % divisor:
        raise ValueError(f"a width of {width} cannot be divided by {divisor}")
    return width // divisor


def widened(
    narrow: Mapping[str, Tensor], full: nn.Module, divisor: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """The state of `full` that answers as the narrow network does, its twins made unlike each other.

    Channel i of the narrow network becomes channels i·divisor … i·divisor + divisor - 1. Each weight towards them is
    shared out among the twins in random parts that sum to it: the function stays, the gradients differ.
    """
    state = {}
    for key, like in full.state_dict().items():
        value = narrow[key]
        if like.shape != value.shape and like.ndim >= 2:
            value = _widened_weight(value, like, generator)
        elif like.shape != value.shape:
            value = value.repeat_interleave(divisor, 0)
        state[key] = value.clone()
    return state


def _widened_weight(value: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    outputs, inputs = like.shape[0] // value.shape[0], like.shape[1] // value.shape[1]
    value = value.repeat_interleave(outputs, 0)
    if inputs == 1:
        return value
    parts = torch.rand(value.shape[0], value.shape[1], inputs, generator=generator) + 0.5
    parts = parts / parts.sum(dim=2, keepdim=True)  # (out, in, twins), sums to 1
    parts = parts.reshape(value.shape[0], -1, *[1] * (value.ndim - 2)).to(value.dtype)
    return value.repeat_interleave(inputs, 1) * parts


class Average:
    """The moving average of a network's weights and buffers, which generalises better than the last step."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self.state = {key: value.detach().clone() for key, value in network.state_dict().items()}

    def restore(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Go on with an average that was kept after so many steps."""
        self._steps = steps
        self.state = {key: value.to(self.state[key].device, copy=True) for key, value in state.items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take the network's present state in; early on the average forgets faster."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for key, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value.detach(), 1 - decay)
            else:
                self.state[key].copy_(value)
