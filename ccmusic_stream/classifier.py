"""The networks' votes on one window, and the article's offline way for a clip."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.errors import AudioError, DeviceError
from ccmusic_stream.geometry import BINS, SAMPLE_RATE, Spectrogram
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import network_input, picture
from ccmusic_stream.spectrogram import Transforms

CLIP_SAMPLES = 10 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Vote:
    """One model's answer: calibrated probabilities of shape (classes,), or None and the reason in `error`."""

    probabilities: NDArray[np.float32] | None
    ms: float
    error: str | None = None


class Classifier:
    """Models that look at the same window. One that fails is left out of that hop and named; the others go on."""

    def __init__(
        self, specs: Mapping[str, ModelSpec], networks: Mapping[str, torch.nn.Module], device: torch.device
    ) -> None:
        self._specs = {name: specs[name] for name in networks}
        self._device = device
        self._networks = {
            name: network.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            for name, network in networks.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The models that vote, in the bundle's order."""
        return tuple(self._networks)

    @torch.inference_mode()
    def votes(self, windows: Mapping[Spectrogram, Tensor]) -> dict[str, Vote]:
        """Every model's vote on CQT and Mel windows, each of shape (bins, columns)."""
        pictures: dict[tuple[Spectrogram, str], Tensor] = {}
        votes = {}
        for name, spec in self._specs.items():
            kind, profile = spec.spectrogram, spec.profile
            started = time.perf_counter()
            try:
                if (kind, profile) not in pictures:
                    pictures[kind, profile] = picture(kind, windows[kind].unsqueeze(0), profile)
                votes[name] = self._vote(name, pictures[kind, profile], started)
            except Exception as error:  # whatever a network raises, the others go on  # noqa: BLE001
                self._raise_if_poisoned(error)
                votes[name] = Vote(None, _ms_since(started), f"{type(error).__name__}: {error}")
        return votes

    def _raise_if_poisoned(self, error: Exception) -> None:
        """A CUDA fault leaves nothing usable in the process: the analyzer must be replaced."""
        if self._device.type != "cuda" or not isinstance(error, RuntimeError):
            return
        if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
            raise error
        torch.cuda.synchronize(self._device)  # raises what is wrong with the device, if it is the device

    def _vote(self, name: str, shown: Tensor, started: float) -> Vote:
        spec = self._specs[name]
        logits = self._networks[name](network_input(shown, spec.mean, spec.std))  # (1, classes)
        probabilities = torch.softmax(logits[0].float() / spec.temperature, dim=0).cpu().numpy()
        if not np.all(np.isfinite(probabilities)):
            return Vote(None, _ms_since(started), "gave NaN instead of probabilities")
        return Vote(probabilities, _ms_since(started))


def pick_device(wanted: str) -> torch.device:
    """The device called `wanted` (auto, cpu, cuda, cuda:N); "auto" is CUDA when there is a device, else the CPU.

    Raises:
        DeviceError: there is no such CUDA device.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"device {wanted} was asked for, but this machine has {torch.cuda.device_count()} for torch")
    return device


def clip_windows(
    samples: NDArray[np.float32], transforms: Transforms, device: torch.device
) -> dict[Spectrogram, Tensor]:
    """The centred CQT and Mel of a clip: shape (n,) → (bins, 431) each; repeated from its start when under 10 s.

    Raises:
        AudioError: there is no sample.
    """
    if len(samples) == 0:
        raise AudioError("there is no sound in it: 0 samples")
    looped = np.resize(samples[:CLIP_SAMPLES], CLIP_SAMPLES)
    tensor = torch.from_numpy(looped).to(device)
    with torch.inference_mode():
        return {kind: transforms.columns(kind, tensor) for kind in BINS}


def clip_starts(samples: int, which: str) -> list[int]:
    """First samples of the 10 s clips of a recording: "first", "centre", or "all" (end to end, a rest kept if ≥ 5 s).

    Raises:
        ValueError: another word.
    """
    match which:
        case "first":
            return [0]
        case "centre":
            return [max(0, samples - CLIP_SAMPLES) // 2]
        case "all":
            last = max(0, samples - CLIP_SAMPLES // 2)
            return list(range(0, last + 1, CLIP_SAMPLES))
        case _:
            raise ValueError(f"clip must be first, centre or all, not {which!r}")


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3
