"""Which cell is under which pixel, and its colour."""

import numpy as np
import torch

from ccmusic_stream.magma import MAGMA
from ccmusic_stream.specshow import HEIGHT, WIDTH, drawn


def test_levels_go_from_black_to_pale_yellow() -> None:
    ramp = torch.linspace(-60, 0, 490).expand(84, 490)
    (rising,) = drawn(ramp.unsqueeze(0))
    assert rising.shape == (3, HEIGHT, WIDTH)
    for pixel in (40, 248, 450):
        expected = MAGMA[int((pixel + 0.5) / WIDTH * 256)].astype(int)
        assert np.abs(rising[:, 180, pixel].numpy().astype(int) - expected).max() < 8


def test_every_bin_has_its_pixels_and_the_lowest_are_at_the_bottom() -> None:
    for bins in (84, 128):
        rising = torch.arange(float(bins)).unsqueeze(1).expand(bins, 490)
        brightness = drawn(rising.unsqueeze(0))[0].float().mean(dim=(0, 2))
        assert brightness[0] > 200
        assert brightness[-1] < 5
        assert len(set(brightness.tolist())) > bins // 2


def test_each_station_has_its_own_range() -> None:
    ramp = torch.linspace(-60, 0, 490).expand(1, 84, 490)
    quiet = torch.cat((ramp, ramp / 100 - 50))
    loud, soft = drawn(quiet).int()
    assert (loud - soft).abs().float().mean() < 1


def test_silence_is_black() -> None:
    assert int(drawn(torch.zeros(1, 84, 490)).max()) <= 4
