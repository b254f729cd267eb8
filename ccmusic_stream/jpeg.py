"""What a JPEG file loses of a picture, on tensors of any device, without writing one.

The published CCMusic's networks were trained on JPEG files. Magma's hues change within a few pixels of a spectrogram,
and half the resolution of colour that JPEG keeps is what moves a picture most on its way to the networks.

ITU-T T.81 (the transform A.3.3, the tables K.1 and K.2) and JFIF 1.02 (colour), as libjpeg writes at quality 75, the
default of Pillow, and reads with its triangle filter for colour.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 8
_MCU = 16
"""Pixels along a side of the smallest unit of a file whose colour has half the resolution."""

_LUMINANCE_K1 = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE_K2 = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_QUALITY_75 = 0.5
"""libjpeg's factor on both tables."""

_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def through_jpeg(pictures: Tensor) -> Tensor:
    """Colour pictures as they come back from a JPEG file: (n, 3, height, width), 0-255 → the same shape, uint8."""
    height, width = pictures.shape[-2:]
    device = pictures.device
    right, below = -width % _MCU, -height % _MCU
    rgb = functional.pad(pictures.float(), (0, right, 0, below), mode="replicate")
    ycc = torch.einsum("dc,nchw->ndhw", _matrix(_TO_YCC, device), rgb).round_()  # luminance 0-255, colours ±128
    # libjpeg rounds the means of 2×2 pixels half down and half up in turn; it decides whole waves of some blocks.
    halves = torch.tensor([0.25, 0.5], device=device).repeat(rgb.shape[-1] // 4)
    chroma = functional.avg_pool2d(ycc[:, 1:], 2).add_(halves).floor_()  # (n, 2, height / 2, width / 2)
    luminance = _quantised(ycc[:, :1] - 128.0, _table(_LUMINANCE_K1, device)) + 128.0
    chroma = functional.interpolate(
        _quantised(chroma, _table(_CHROMINANCE_K2, device)), scale_factor=2, mode="bilinear"
    )
    decoded = torch.einsum("dc,nchw->ndhw", _matrix(_TO_RGB, device), torch.cat((luminance, chroma.round_()), dim=1))
    return decoded[..., :height, :width].round_().clamp_(0.0, 255.0).to(torch.uint8)


def _quantised(planes: Tensor, table: Tensor) -> Tensor:
    """Planes (n, channels, height, width) around 0, whose 8×8 blocks are coded in whole multiples of `table`."""
    n, channels, height, width = planes.shape
    cosines = _cosines(planes.device)
    blocks = planes.reshape(n, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(3, 4)
    coded = (cosines @ blocks @ cosines.T / table).round_() * table  # (n, channels, rows, columns, 8, 8)
    decoded = (cosines.T @ coded @ cosines).round_().clamp_(-128.0, 127.0)
    return decoded.transpose(3, 4).reshape(n, channels, height, width)


@lru_cache
def _cosines(device: torch.device) -> Tensor:
    """The orthonormal discrete cosine transform of 8 samples, shape (frequency, sample)."""
    step = torch.arange(_BLOCK, dtype=torch.float64)
    cosines = 0.5 * torch.cos((2 * step + 1) * step.unsqueeze(1) * torch.pi / 16)
    cosines[0] *= 0.5**0.5
    return cosines.float().to(device)


@lru_cache
def _table(values: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """A table of T.81, shape (8, 8), at quality 75."""
    return torch.floor(torch.tensor(values) * _QUALITY_75 + 0.5).to(device)


@lru_cache
def _matrix(rows: tuple[tuple[float, ...], ...], device: torch.device) -> Tensor:
    return torch.tensor(rows, device=device)
