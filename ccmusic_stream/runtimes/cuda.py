"""The votes on a GPU: a stream for each network, and a captured graph for each network and size of batch.

All stations of a hop go through together. A batch is filled up to the next of `BUCKETS`, so that few graphs serve all
numbers of stations. Half precision where it hardly moves probabilities, channels last.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.models.seeded import synthetic_pictures
from ccmusic_stream.picture import SIDE, network_input
from ccmusic_stream.runtimes.cpu import folded
from ccmusic_stream.votes import PictureKey, Vote, vote

BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Sizes of batch that graphs are captured for; more stations are several batches."""

LARGEST_DIFFERENCE = 1e-2
"""Of any probability from float32's, for half precision to be used."""

_WARM_UPS = 3
"""Runs before a capture, in which cuDNN picks its algorithms."""


@dataclass(slots=True)
class _Captured:
    """One network's graph for one size of batch; `probabilities` shape (bucket, classes) float32 is its answer."""

    graph: torch.cuda.CUDAGraph
    probabilities: Tensor
    begun: torch.cuda.Event
    ended: torch.cuda.Event


class CudaVoters:
    """Networks that vote at the same time on one CUDA device.

    One that raises or gives NaN is left out of that hop and named; a fault of the device itself is raised, since
    nothing in this process can be trusted after it.
    """

    def __init__(self, specs: Mapping[str, ModelSpec], networks: Mapping[str, nn.Module], device: torch.device) -> None:
        torch.backends.cudnn.benchmark = True  # shapes are fixed: the search pays once
        self._specs = {name: specs[name] for name in networks}
        self._device = device
        self._networks = {name: _placed(network, device) for name, network in networks.items()}
        self._streams = {name: torch.cuda.Stream(device) for name in networks}  # type: ignore[no-untyped-call]
        self._pictures: dict[tuple[int, PictureKey], Tensor] = {}
        self._captured: dict[tuple[int, str], _Captured] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The models that vote, in the bundle's order."""
        return tuple(self._networks)

    @property
    def precisions(self) -> dict[str, str]:
        """By model: "float16" or "float32"."""
        return {name: str(dtype).removeprefix("torch.") for name, (_, dtype) in self._networks.items()}

    def votes(self, pictures: Mapping[PictureKey, Tensor]) -> list[dict[str, Vote]]:
        """Each station's votes, by model, on pictures of shape (stations, channels, 224, 224) uint8 on the device."""
        stations = len(next(iter(pictures.values()), ()))
        return [
            votes
            for start in range(0, stations, BUCKETS[-1])
            for votes in self._batch({key: picture[start : start + BUCKETS[-1]] for key, picture in pictures.items()})
        ]

    def _batch(self, pictures: Mapping[PictureKey, Tensor]) -> list[dict[str, Vote]]:
        stations = len(next(iter(pictures.values())))
        bucket = next(size for size in BUCKETS if size >= stations)
        for key, picture in pictures.items():
            self._buffer(bucket, key, picture.shape[1])[:stations].copy_(picture)
        shown = [name for name, spec in self._specs.items() if spec.picture in pictures]
        errors: dict[str, Exception] = {}
        running: dict[str, _Captured] = {}
        for name in shown:
            try:
                running[name] = self._start(bucket, name)
            except Exception as error:  # whatever a network raises, the others go on  # noqa: BLE001
                raise_if_poisoned(error, self._device)
                errors[name] = error
        answers = self._answers(running, stations)
        return [
            {
                name: vote(None, 0.0, errors[name])
                if name in errors
                else vote(answers[name][0][station], answers[name][1])
                for name in shown
            }
            for station in range(stations)
        ]

    def _start(self, bucket: int, name: str) -> _Captured:
        """Let the network's graph begin on its own stream once the pictures are there."""
        captured = self._captured.get((bucket, name))
        if captured is None:
            captured = self._captured[bucket, name] = self._capture(bucket, name)
        stream = self._streams[name]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            captured.begun.record(stream)
            captured.graph.replay()
            captured.ended.record(stream)
        return captured

    def _answers(self, running: Mapping[str, _Captured], stations: int) -> dict[str, tuple[NDArray[np.float32], float]]:
        """Wait for all; by model the probabilities (stations, classes) and the milliseconds between begin and end."""
        if not running:
            return {}
        current = torch.cuda.current_stream(self._device)
        for captured in running.values():
            current.wait_event(captured.ended)
        # One copy for all of them: each would wait for the device.
        stacked = torch.stack([captured.probabilities[:stations] for captured in running.values()]).cpu().numpy()
        return {
            name: (stacked[place], captured.begun.elapsed_time(captured.ended))
            for place, (name, captured) in enumerate(running.items())
        }

    def _buffer(self, bucket: int, key: PictureKey, channels: int) -> Tensor:
        """Where graphs of this size of batch read the picture; models with the same picture share it."""
        buffer = self._pictures.get((bucket, key))
        if buffer is None:
            shape = (bucket, channels, SIDE, SIDE)
            buffer = self._pictures[bucket, key] = torch.zeros(shape, dtype=torch.uint8, device=self._device)
        return buffer

    def _capture(self, bucket: int, name: str) -> _Captured:
        spec, (network, dtype) = self._specs[name], self._networks[name]
        pictures = self._pictures[bucket, spec.picture]

        def look() -> Tensor:
            logits = network(network_input(pictures, spec.mean, spec.std).to(dtype))
            return torch.softmax(logits.float() / spec.temperature, dim=1)

        stream = self._streams[name]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.inference_mode(), torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                look()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.graph(graph, stream=stream):
            probabilities = look()
        return _Captured(graph, probabilities, _timer(), _timer())


def _timer() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def raise_if_poisoned(error: Exception, device: torch.device) -> None:
    """Raise what is wrong with the CUDA device, if it is: its faults leave nothing usable in the process."""
    if not isinstance(error, RuntimeError):
        return
    if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
        raise error
    torch.cuda.synchronize(device)


def _placed(network: nn.Module, device: torch.device) -> tuple[nn.Module, torch.dtype]:
    """The network on the device, in half precision where its probabilities on synthetic pictures allow."""
    network = folded(network).to(device)
    halved = deepcopy(network).half()  # not in place: what was rounded to half precision would stay rounded
    pictures = (
        synthetic_pictures(torch.Generator().manual_seed(0)).to(device).contiguous(memory_format=torch.channels_last)
    )
    with torch.inference_mode():
        exact = torch.softmax(network(pictures), dim=1)
        near = torch.softmax(halved(pictures.half()).float(), dim=1)
    moved = float((near - exact).abs().nan_to_num(nan=1.0).max())
    return (halved, torch.float16) if moved <= LARGEST_DIFFERENCE else (network, torch.float32)
