"""One model's answer to one hop, and what gives such answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.geometry import Spectrogram

PictureKey = tuple[Spectrogram, str]
"""Which picture: the spectrogram that people know and the profile."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One model's answer: calibrated probabilities of shape (classes,), or None and the reason in `error`."""

    probabilities: NDArray[np.float32] | None
    ms: float
    error: str | None = None


class Voters(Protocol):
    """Models on one device that look at the same pictures."""

    @property
    def names(self) -> tuple[str, ...]:
        """The models that vote, in the bundle's order."""

    def votes(self, pictures: Mapping[PictureKey, Tensor]) -> list[dict[str, Vote]]:
        """Each station's votes, by model, on pictures of shape (stations, channels, 224, 224) uint8.

        A model whose picture is not there does not vote. One that raises, gives NaN or stalls is left out and named.
        """


def vote(probabilities: NDArray[np.float32] | None, ms: float, error: BaseException | None = None) -> Vote:
    """The vote that a network's answer amounts to; what is no probability is none."""
    if error is not None:
        return Vote(None, ms, str(error) if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}")
    if probabilities is None or not np.all(np.isfinite(probabilities)):
        return Vote(None, ms, "gave NaN instead of probabilities")
    return Vote(probabilities, ms)
