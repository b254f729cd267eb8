"""From spectrogram columns to the picture that a network sees.

A profile names the whole way; each distinct picture is made once per hop.
"""

from typing import cast

import torch
from torch import Tensor
from torchvision.transforms import functional as vision

from ccmusic_stream.geometry import Spectrogram

DRAWN = ("seed", "floor80")
"""Profiles that `picture` knows."""

SIDE = 224
"""Pixels along each side of the picture."""

LOG_FLOOR = 1e-6
"""Added before the article's logarithm."""

FLOOR_DB = 80.0


def picture(kind: Spectrogram, window: Tensor, profile: str) -> Tensor:
    """The grey picture of a window, shape (bins, columns) → (224, 224) uint8; row 0 is the lowest bin.

    `window` is CQT magnitude or Mel power. "seed" is the article's way: natural logarithm, then minimum and maximum
    of the window become 0 and 255. "floor80": decibels from 80 below the window's maximum to the maximum.

    Raises:
        ValueError: the profile has no picture here.
    """
    if profile == "seed":
        grey = _min_max(torch.log(window + LOG_FLOOR))
    elif profile == "floor80":
        grey = _below_maximum(kind, window)
    else:
        raise ValueError(f"profile {profile!r} cannot be drawn; known are {' and '.join(DRAWN)}")
    levels = grey.to(torch.uint8).unsqueeze(0)  # (1, bins, columns)
    # Not transforms.v2, whose resize of bytes on a CPU rounds otherwise: a fifth of the pixels would differ by 1 from
    # the article's, and from those of a GPU.
    return cast("Tensor", vision.resize(levels, [SIDE, SIDE], antialias=True))[0]


def network_input(grey: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """What the network is given: (224, 224) uint8 → (1, 3, 224, 224) float32, scaled to 0-1 and normalised."""
    scaled = (grey.float() / 255.0).expand(1, 3, SIDE, SIDE)
    centre = torch.tensor(mean, device=grey.device).view(1, 3, 1, 1)
    spread = torch.tensor(std, device=grey.device).view(1, 3, 1, 1)
    return ((scaled - centre) / spread).contiguous(memory_format=torch.channels_last)


def decibels(kind: Spectrogram, columns: Tensor) -> Tensor:
    """Columns in dB: 20·log10 of CQT magnitude, 10·log10 of Mel power; at least -100."""
    factor = 20.0 if kind == "cqt" else 10.0
    return (factor * torch.log10(columns.clamp_min(1e-10))).clamp_min(-100.0)


def _min_max(values: Tensor) -> Tensor:
    low, high = values.min(), values.max()
    return (values - low) / (high - low + 1e-8) * 255.0


def _below_maximum(kind: Spectrogram, window: Tensor) -> Tensor:
    levels = decibels(kind, window)
    return ((levels - levels.max() + FLOOR_DB) / FLOOR_DB).clamp(0.0, 1.0) * 255.0
