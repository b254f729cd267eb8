"""From spectrogram columns to the picture that a network sees.

A profile names the whole way; each distinct picture is made once per hop, for all stations together.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ccmusic_stream.geometry import Spectrogram, window_columns
from ccmusic_stream.specshow import drawn

DRAWN = ("seed", "floor80", "ccmusic")
"""Profiles that `picture` knows."""

SIDE = 224
"""Pixels along each side of the picture."""

LOG_FLOOR = 1e-6
"""Added before the article's logarithm."""

FLOOR_DB = 80.0


def picture(kind: Spectrogram, window: Tensor, profile: str) -> Tensor:
    """The pictures of stations' windows: (stations, bins, columns) → (stations, channels, 224, 224) uint8.

    `window` is CQT magnitude or Mel power by the transform that the profile wants (`transform_of`); its newest
    `window_columns(profile)` columns are shown. Each station's picture has its own range. Grey (1 channel), row 0 the
    lowest bin: "seed" is the article's way, natural logarithm, then minimum and maximum become 0 and 255; "floor80":
    decibels from 80 below the window's maximum to the maximum. "ccmusic" is the published demo's: those decibels in
    magma (3 channels) between the least and the greatest, low bins at the bottom, as a JPEG file holds them.

    Raises:
        ValueError: the profile has no picture here.
    """
    shown = window[..., -window_columns(profile) :]
    if profile == "seed":
        levels = _min_max(torch.log(shown + LOG_FLOOR)).to(torch.uint8).unsqueeze(1)
    elif profile == "floor80":
        levels = (_above_floor(kind, shown) / FLOOR_DB * 255.0).to(torch.uint8).unsqueeze(1)
    elif profile == "ccmusic":
        levels = drawn(_above_floor(kind, shown))
    else:
        raise ValueError(f"profile {profile!r} cannot be drawn; known are {', '.join(DRAWN)}")
    return _resized(levels)


def as_image(pixels: Tensor) -> NDArray[np.uint8]:
    """One picture, (channels, 224, 224), as image files hold it: (224, 224) grey or (224, 224, 3)."""
    return np.asarray(pixels.permute(1, 2, 0).cpu().numpy().squeeze(), np.uint8)


def network_input(pictures: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """What a network is given: (stations, 1 or 3, 224, 224) uint8 → (stations, 3, 224, 224) float32, channels last.

    Scaled to 0-1 and normalised; a grey channel becomes three equal ones.
    """
    scale, shift = _scale_and_shift(mean, std, pictures.device)
    given = torch.empty((len(pictures), 3, SIDE, SIDE), device=pictures.device, memory_format=torch.channels_last)
    return torch.mul(pictures, scale, out=given).add_(shift)


def decibels(kind: Spectrogram, columns: Tensor) -> Tensor:
    """Columns in dB: 20·log10 of CQT magnitude, 10·log10 of Mel power; at least -100."""
    factor = 20.0 if kind == "cqt" else 10.0
    return (factor * torch.log10(columns.clamp_min(1e-10))).clamp_min(-100.0)


def _resized(levels: Tensor) -> Tensor:
    """To 224 × 224, as torchvision's `transforms.functional.resize` does it to tensors of bytes, by floats.

    Not `transforms.v2`, whose resize of bytes on a CPU rounds otherwise: a fifth of the pixels would differ by 1 from
    the article's, and from those of a GPU. Nor torchvision itself, which takes seconds to import.
    """
    floats = levels.to(torch.float32)
    return functional.interpolate(floats, (SIDE, SIDE), mode="bilinear", antialias=True).round_().to(torch.uint8)


def _min_max(values: Tensor) -> Tensor:
    low, high = values.amin(dim=(-2, -1), keepdim=True), values.amax(dim=(-2, -1), keepdim=True)
    return (values - low) / (high - low + 1e-8) * 255.0


def _above_floor(kind: Spectrogram, window: Tensor) -> Tensor:
    """Decibels above the floor that lies 80 dB below each station's maximum, 0 to 80."""
    levels = decibels(kind, window)
    return (levels - levels.amax(dim=(-2, -1), keepdim=True) + FLOOR_DB).clamp(0.0, FLOOR_DB)


@lru_cache
def _scale_and_shift(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The factor and the summand, each of shape (1, 3, 1, 1), that take a byte to its normalised value."""
    exact = torch.tensor([mean, std], dtype=torch.float64)
    scale, shift = 1.0 / (255.0 * exact[1]), -exact[0] / exact[1]
    return scale.float().view(1, 3, 1, 1).to(device), shift.float().view(1, 3, 1, 1).to(device)
