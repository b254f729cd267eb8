"""The outline of a recording."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def envelope(samples: NDArray[np.float32], width: int) -> list[tuple[float, float]]:
    """The least and the greatest sample, and 0, in each of `width` equal parts of a recording, shape (n,)."""
    edges = np.linspace(0, len(samples), width + 1).astype(int)
    parts = (samples[start : max(end, start + 1)] for start, end in pairwise(edges))
    return [(float(part.min(initial=0.0)), float(part.max(initial=0.0))) for part in parts]
