"""What `through_jpeg` loses against what a JPEG file of Pillow's loses."""

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccmusic_stream.jpeg import through_jpeg
from ccmusic_stream.magma import MAGMA


def through_a_file(picture: Tensor) -> NDArray[np.int16]:
    """Written and read by libjpeg, with Pillow's defaults: (3, height, width)."""
    file = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(file, "JPEG")
    return np.asarray(Image.open(file).convert("RGB"), np.int16).transpose(2, 0, 1)


def of_magma(height: int, width: int, seed: int) -> Tensor:
    """Noise of a few pixels' size in magma, (3, height, width) uint8: harder than any spectrogram."""
    random = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width + 1)).repeat(4, axis=0)
    return torch.from_numpy(MAGMA[random[:height, :width]]).permute(2, 0, 1)


@pytest.mark.parametrize(("height", "width"), [(369, 496), (16, 16), (37, 51)])
def test_a_picture_comes_back_as_from_a_file(height: int, width: int) -> None:
    before = torch.stack([of_magma(height, width, seed) for seed in range(2)])
    after = through_jpeg(before)
    assert after.shape == before.shape
    assert after.dtype == torch.uint8
    for number in range(2):
        file = through_a_file(before[number])
        lost = np.abs(before[number].numpy() - file).mean()
        # What is left are waves on the verge of being rounded away: libjpeg computes with whole numbers.
        assert np.abs(after[number].numpy() - file).mean() < min(1.5, 0.1 * lost)


def test_an_even_colour_stays_even() -> None:
    after = through_jpeg(torch.tensor([200, 30, 90]).view(1, 3, 1, 1).expand(1, 3, 40, 40))
    assert torch.equal(after, after[..., :1, :1].expand_as(after))
    assert (after[0, :, 0, 0].int() - torch.tensor([200, 30, 90])).abs().max() <= 3
