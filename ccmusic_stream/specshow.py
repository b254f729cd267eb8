"""Spectrograms as the published CCMusic draws them: librosa's `specshow` on a matplotlib figure, saved as JPEG.

The figure has 640×480 pixels, the axes' box in it 496×369.6 (matplotlib's default margins), of which 496×369 pixels are
saved. Every pixel shows the cell under its centre, in magma, between the least and the greatest value of the slice.
"""

from functools import lru_cache

import torch
from torch import Tensor

from ccmusic_stream.jpeg import through_jpeg
from ccmusic_stream.magma import MAGMA

WIDTH, HEIGHT = 496, 369
"""Pixels of a saved picture."""

_BOX_HEIGHT = 369.6
_TOP = 0.6
"""Pixels of the axes' box, and how many of it lie above the first saved row (found from matplotlib's own files)."""


def drawn(levels_db: Tensor) -> Tensor:
    """Decibels as upstream's JPEG files show them: (stations, bins, columns) → (stations, 3, 369, 496) uint8.

    Low bins are at the bottom. Decibels without a range (silence) are black.
    """
    bins, columns = levels_db.shape[-2:]
    low = levels_db.amin(dim=(-2, -1), keepdim=True)
    high = levels_db.amax(dim=(-2, -1), keepdim=True)
    share = (levels_db - low) / (high - low).clamp_min(1e-12)
    steps = (share * 256.0).clamp_max_(255.0).long()  # (stations, bins, columns), 0-255
    across, down = _cells(bins, columns, levels_db.device)
    steps = steps.index_select(1, down).index_select(2, across)  # (stations, 369, 496)
    return through_jpeg(_colours(levels_db.device)[steps].permute(0, 3, 1, 2))


@lru_cache
def _cells(bins: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The column under each pixel from the left, (496,), and the bin under each from the top, (369,)."""
    across = (torch.arange(WIDTH) + 0.5) * columns / WIDTH
    down = bins - (torch.arange(HEIGHT) + 0.5 + _TOP) * bins / _BOX_HEIGHT
    return across.long().to(device), down.clamp(0, bins - 1).long().to(device)


@lru_cache
def _colours(device: torch.device) -> Tensor:
    """Magma, (256, 3) float32, 0-255."""
    return torch.tensor(MAGMA, dtype=torch.float32, device=device)
