"""The article's offline way: a clip of a recording, looped when short, and its centred transforms."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.errors import AudioError
from ccmusic_stream.geometry import SAMPLE_RATE, TransformName
from ccmusic_stream.spectrogram import SHOWN, Transforms

CLIP_SAMPLES = 10 * SAMPLE_RATE


def clip_windows(
    samples: NDArray[np.float32], transforms: Transforms, device: torch.device, names: Iterable[TransformName] = SHOWN
) -> dict[TransformName, Tensor]:
    """The centred transforms of a clip: shape (n,) → (1, bins, 431) each; repeated from its start when under 10 s.

    Raises:
        AudioError: there is no sample.
    """
    if len(samples) == 0:
        raise AudioError("there is no sound in it: 0 samples")
    looped = np.resize(samples[:CLIP_SAMPLES], (1, CLIP_SAMPLES))
    tensor = torch.from_numpy(looped).to(device)
    with torch.inference_mode():
        return {name: transforms.columns(name, tensor) for name in names}


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
