"""From windows to the networks' votes: each distinct picture is drawn once, then all look at the same time."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ccmusic_stream.errors import DeviceError
from ccmusic_stream.geometry import TransformName, transform_of
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import picture
from ccmusic_stream.votes import PictureKey, Vote, Voters


class Classifier:
    """Models that look at the same windows. One that fails is left out of that hop and named; the others go on."""

    def __init__(self, specs: Mapping[str, ModelSpec], voters: Voters) -> None:
        self._specs = {name: specs[name] for name in voters.names}
        self._voters = voters
        self._keys = list(dict.fromkeys(spec.picture for spec in self._specs.values()))
        self.seen: Mapping[PictureKey, Tensor] = {}
        """The pictures of the newest `votes`, (stations, channels, 224, 224) uint8; one that failed is missing."""

    def picture_of(self, model: str) -> PictureKey | None:
        """Which picture a model looks at; None where no model of that name votes."""
        spec = self._specs.get(model)
        return None if spec is None else spec.picture

    @property
    def names(self) -> tuple[str, ...]:
        """The models that vote, in the bundle's order."""
        return self._voters.names

    @property
    def pictures(self) -> tuple[PictureKey, ...]:
        """The distinct pictures that the models look at."""
        return tuple(self._keys)

    @torch.inference_mode()
    def votes(self, windows: Mapping[TransformName, Tensor]) -> list[dict[str, Vote]]:
        """Each station's votes, by model, on windows of shape (stations, bins, columns), the newest column last."""
        drawn: dict[PictureKey, Tensor] = {}
        undrawn: dict[PictureKey, str] = {}
        for key in self._keys:
            try:
                drawn[key] = picture(key[0], windows[transform_of(*key)], key[1])
            except (ValueError, KeyError) as error:
                undrawn[key] = f"{type(error).__name__}: {error}"
        self.seen = drawn
        stations = len(next(iter(windows.values())))
        answers = self._voters.votes(drawn) if drawn else [{} for _ in range(stations)]
        return [
            {name: votes.get(name) or Vote(None, 0.0, undrawn[spec.picture]) for name, spec in self._specs.items()}
            for votes in answers
        ]


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
