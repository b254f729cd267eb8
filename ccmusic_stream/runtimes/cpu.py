"""The votes on a CPU: each network a call from a picture to logits, all of them side by side on lanes."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ccmusic_stream.lanes import Lanes
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import SIDE, network_input
from ccmusic_stream.votes import PictureKey, Vote, vote

MEASURED_HOPS = 2


class Network(Protocol):
    """A network that is ready to run: picture (1, 3, 224, 224) float32, normalised → logits (1, classes)."""

    threads: int
    """Threads that one call may keep busy; to be set between calls only."""

    def __call__(self, picture: Tensor, /) -> Tensor:
        """The logits."""


class TorchNetwork:
    """A network run by torch: batch norms folded into convolutions, channels last, without gradients."""

    def __init__(self, network: nn.Module) -> None:
        self._network = folded(network)
        self.threads = 1

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        """Logits (1, classes)."""
        logits: Tensor = self._network(picture)
        return logits


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the cores are shared: so many networks at once, each on so many threads."""

    lanes: int
    threads: int


class CpuVoters:
    """Networks that vote side by side. One that raises, gives NaN or stalls is left out of that hop and named."""

    def __init__(self, specs: Mapping[str, ModelSpec], networks: Mapping[str, Network], scheme: Scheme) -> None:
        self._specs = {name: specs[name] for name in networks}
        self._networks = dict(networks)
        self._ms = dict.fromkeys(networks, 0.0)
        self.scheme = scheme
        self._lanes = self._open(scheme)

    @property
    def names(self) -> tuple[str, ...]:
        """The models that vote, in the bundle's order."""
        return tuple(self._networks)

    def network(self, name: str) -> Network:
        """One of the networks by its model's name."""
        return self._networks[name]

    @property
    def pictures(self) -> frozenset[PictureKey]:
        """What the models look at."""
        return frozenset(spec.picture for spec in self._specs.values())

    def share(self, scheme: Scheme) -> None:
        """Share the cores in this way from now on."""
        self._lanes.close()
        self._lanes = self._open(scheme)
        self.scheme = scheme

    def _open(self, scheme: Scheme) -> Lanes[NDArray[np.float32]]:
        for network in self._networks.values():
            network.threads = scheme.threads
        return Lanes(scheme.lanes, prepare=partial(_use_threads, scheme.threads))

    def votes(self, pictures: Mapping[PictureKey, Tensor]) -> list[dict[str, Vote]]:
        """Each station's votes, by model, on pictures of shape (stations, channels, 224, 224) uint8."""
        stations = len(next(iter(pictures.values()), ()))
        return [
            self._hop({key: picture[place : place + 1] for key, picture in pictures.items()})
            for place in range(stations)
        ]

    def _hop(self, pictures: Mapping[PictureKey, Tensor]) -> dict[str, Vote]:
        shown = {name: pictures[spec.picture] for name, spec in self._specs.items() if spec.picture in pictures}
        # The slowest first, so that no core is left alone with it at the end.
        order = sorted(shown, key=lambda name: -self._ms[name])
        outcomes = self._lanes.run({name: partial(self._look, name, shown[name]) for name in order})
        self._ms |= {name: outcome.ms for name, outcome in outcomes.items()}
        return {name: vote(outcomes[name].value, outcomes[name].ms, outcomes[name].error) for name in shown}

    @torch.inference_mode()
    def _look(self, name: str, picture: Tensor) -> NDArray[np.float32]:
        spec = self._specs[name]
        logits = self._networks[name](network_input(picture, spec.mean, spec.std))
        probabilities: NDArray[np.float32] = torch.softmax(logits[0].float() / spec.temperature, dim=0).numpy()
        return probabilities


def _use_threads(count: int) -> None:
    """Let torch use so many threads for what the calling thread computes."""
    torch.get_num_threads()  # a thread's first use takes the number that another thread set last: not after this
    torch.set_num_threads(count)


def folded(network: nn.Module) -> nn.Module:
    """In eval mode, channels last, with each batch norm that follows a convolution folded into it.

    What is not folded is shared with the original, which answers as before but for the order of its sums.
    """
    network = network.eval().requires_grad_(requires_grad=False)
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        network = _fused(fx.symbolic_trace(network))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _fused(traced: fx.GraphModule) -> fx.GraphModule:
    """Fold where nothing else reads what the convolution gives; its module is replaced, not changed."""
    modules = dict(traced.named_modules())
    for norm in traced.graph.nodes:
        before = norm.args[0] if norm.op == "call_module" else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, folds = modules[str(before.target)], modules[str(norm.target)]
        if isinstance(convolution, nn.Conv2d) and isinstance(folds, nn.BatchNorm2d):
            traced.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, folds))
            norm.replace_all_uses_with(before)
            traced.graph.erase_node(norm)
    traced.recompile()
    traced.delete_all_unused_submodules()
    return traced


def quickest(voters: CpuVoters, schemes: Sequence[Scheme]) -> Scheme:
    """The scheme with the least median time of a hop on this machine at this moment; the voters then follow it."""
    pictures = {key: torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8) for key in voters.pictures}
    seconds = {}
    for scheme in schemes:
        voters.share(scheme)
        times = []
        for _ in range(1 + MEASURED_HOPS):
            started = time.perf_counter()
            voters.votes(pictures)
            times.append(time.perf_counter() - started)
        seconds[scheme] = statistics.median(times[1:])
    best = min(schemes, key=lambda scheme: seconds[scheme])
    voters.share(best)
    return best


def schemes(models: int, cores: int | None = None) -> list[Scheme]:
    """Ways to share the cores among so many models: all for one at a time, one for each of many, and between."""
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    lanes = {1, min(cores, models)} | ({2} if cores >= 4 and models > 2 else set())
    return [Scheme(count, max(1, cores // count)) for count in sorted(lanes)]
