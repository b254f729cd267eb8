"""Initial weights drawn from a seed, settled so that even an untrained network answers differently to each picture.

A freshly drawn network in eval mode is degenerate: with batch norm's statistics at 0 and 1, EfficientNet's and
MobileNet's logits shrink to 1e-11 (the same answer to everything) and Inception's grow to 1e11 (always certain), and
ViT's last layer is drawn as zeros. So the statistics are measured on a few synthetic pictures, and the last layer is
centred and scaled until its logits vary by 1 between those pictures. A network drawn so still knows nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_SIDE = 224
"""Pixels a side, as in use: statistics of smaller pictures do not carry over (Inception's logits still reach 1e4)."""


def draw(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """`make()` with weights that depend on `seed` alone, in eval mode; the global generators stay undisturbed."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would also reseed the generators of every GPU.
        torch.default_generator.manual_seed(seed)
        network = make().eval()
        with torch.no_grad():
            _settle(network, synthetic_pictures())
    return network


def last_layer(network: nn.Module) -> tuple[str, nn.Linear]:
    """The name and the module of the layer that gives the logits: the last linear one, in every backbone."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]


def _settle(network: nn.Module, pictures: Tensor) -> None:
    _, layer = last_layer(network)
    if not layer.weight.any():
        nn.init.normal_(layer.weight, std=0.02)
    logits = _measure_statistics(network, pictures)  # (pictures, classes)
    mean = logits.mean(dim=0)
    scale = 1 / (logits - mean).std()
    layer.weight.mul_(scale)
    layer.bias.sub_(mean).mul_(scale)


def _measure_statistics(network: nn.Module, pictures: Tensor) -> Tensor:
    """Set every batch norm to the statistics of `pictures`; returns their logits."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the plain mean of what it sees
        norm.train()
    logits: Tensor = network(pictures)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.zero_()
        norm.eval()
    return logits


def synthetic_pictures(generator: torch.Generator | None = None) -> Tensor:
    """Pictures (4, 3, 224, 224) in -1 to 1, as unlike each other as spectrograms can be.

    Statistics measured on pictures of one sort only leave real spectrograms with logits in the tens.
    """
    slope = torch.linspace(0, 1, _SIDE).reshape(1, 1, _SIDE, 1)
    held_notes = _patches(_SIDE // 4, 2, generator)
    phrases = _patches(5, 4, generator)
    sparks_in_the_dark = _patches(_SIDE, _SIDE, generator) ** 3 * _patches(5, 4, generator)
    falling_noise = 1 - slope * _patches(_SIDE, _SIDE, generator) * _patches(3, 3, generator)
    return torch.cat([held_notes, phrases, sparks_in_the_dark, falling_noise]).expand(-1, 3, -1, -1) * 2 - 1


def _patches(high: int, wide: int, generator: torch.Generator | None) -> Tensor:
    """Uniform noise (1, 1, 224, 224) in 0 to 1, so many patches high and wide, blurred into each other."""
    noise = torch.rand(1, 1, high, wide, generator=generator)
    return nn.functional.interpolate(noise, size=(_SIDE, _SIDE), mode="bilinear")
