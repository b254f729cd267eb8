"""Pictures against the article's listing, followed step by step."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import transforms

from ccmusic_stream.geometry import BINS, SAMPLE_RATE, WINDOW_COLUMNS, Spectrogram
from ccmusic_stream.picture import SIDE, decibels, network_input, picture
from ccmusic_stream.spectrogram import Transforms

KINDS: tuple[Spectrogram, ...] = ("cqt", "mel")


@pytest.fixture(scope="module")
def windows() -> Iterator[dict[Spectrogram, Tensor]]:
    """Of ten seconds of a falling melody with noise: CQT magnitude and Mel power."""
    random = np.random.default_rng(2)
    time_s = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    hertz = 880 * 2 ** (-np.floor(time_s * 4) / 12)
    sound = 0.4 * np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * (1 - (time_s * 4 % 1))
    sound += 0.003 * random.standard_normal(len(sound))
    with torch.inference_mode():
        centred = Transforms(centre=True)
        yield {kind: centred.columns(kind, torch.from_numpy(sound.astype(np.float32))) for kind in KINDS}


def of_the_article(window: Tensor) -> Tensor:
    """The article's listing, word for word: (bins, columns) → (1 or 3, 224, 224) uint8.

    torchvision's Grayscale leaves a tensor of one channel as it is; the channels would be equal anyway.
    """
    spec = torch.log(window.unsqueeze(0) + 1e-6)
    spec_norm = (spec - spec.min()) / (spec.max() - spec.min() + 1e-8) * 255
    spec_uint8 = spec_norm.to(torch.uint8)
    transform = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.Grayscale(num_output_channels=3),
        ]
    )
    rgb: Tensor = transform(spec_uint8)
    return rgb


@pytest.mark.parametrize("kind", KINDS)
def test_seed_is_the_articles_picture_byte_for_byte(windows: dict[Spectrogram, Tensor], kind: Spectrogram) -> None:
    grey = picture(kind, windows[kind], "seed")
    article = of_the_article(windows[kind])
    assert torch.equal(grey.expand_as(article), article)
    assert int(grey.max()) - int(grey.min()) > 150  # not a picture of nothing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_seed_is_the_articles_picture_of_random_windows_too(kind: Spectrogram, seed: int) -> None:
    window = torch.rand(BINS[kind], WINDOW_COLUMNS, generator=torch.Generator().manual_seed(seed)) ** 8 * 50
    assert torch.equal(picture(kind, window, "seed"), of_the_article(window)[0])


@pytest.mark.parametrize("profile", ["seed", "floor80"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_grey_bytes(windows: dict[Spectrogram, Tensor], kind: Spectrogram, profile: str) -> None:
    before = windows[kind].clone()
    grey = picture(kind, windows[kind], profile)
    assert grey.shape == (SIDE, SIDE)
    assert grey.dtype == torch.uint8
    assert torch.equal(windows[kind], before)


@pytest.mark.parametrize("profile", ["seed", "floor80"])
def test_the_lowest_bin_is_row_zero_and_the_oldest_column_on_the_left(profile: str) -> None:
    window = torch.full((84, WINDOW_COLUMNS), 1e-3)
    window[:8, :50] = 1.0
    grey = picture("cqt", window, profile)
    assert grey[:16, :20].float().mean() > grey[40:].float().mean() + 50
    assert grey[:16, :20].float().mean() > grey[:16, 60:].float().mean() + 50


@pytest.mark.parametrize("level", [0.0, 1e-6, 3.0])
@pytest.mark.parametrize("profile", ["seed", "floor80"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_window_has_a_constant_picture(kind: Spectrogram, profile: str, level: float) -> None:
    grey = picture(kind, torch.full((BINS[kind], WINDOW_COLUMNS), level), profile)
    assert set(grey.flatten().tolist()) == ({0} if profile == "seed" else {255})


@pytest.mark.parametrize(("kind", "factor"), [("cqt", 20), ("mel", 10)])
def test_floor80_goes_from_eighty_decibels_below_the_maximum(kind: Spectrogram, factor: int) -> None:
    levels_db = torch.linspace(-100, 20, 224).repeat(224, 1)  # maximum 20 dB: black up to -60 dB
    grey = picture(kind, 10 ** (levels_db / factor), "floor80")[100]
    expected = ((levels_db[0] + 60) / 80).clamp(0, 1) * 255
    assert (grey.float() - expected).abs().max() <= 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_floor80_moves_less_with_gain_than_seed(windows: dict[Spectrogram, Tensor], kind: Spectrogram) -> None:
    def moved(profile: str) -> float:
        quieter = windows[kind] * (0.05 if kind == "cqt" else 0.05**2)
        change = picture(kind, quieter, profile).float() - picture(kind, windows[kind], profile).float()
        return float(change.abs().mean())

    assert moved("floor80") < 1
    assert moved("seed") > 3 * moved("floor80")


@pytest.mark.parametrize("profile", ["ccmusic", "Seed", ""])
def test_refuses_a_profile_that_it_cannot_draw(profile: str) -> None:
    with pytest.raises(ValueError, match=f"profile '{profile}' cannot be drawn; known are seed and floor80"):
        picture("cqt", torch.ones(84, WINDOW_COLUMNS), profile)


def test_decibels_of_magnitude_and_of_power() -> None:
    columns = torch.tensor([[0.0, 1e-5, 1e-3, 1.0, 10.0]])
    torch.testing.assert_close(decibels("cqt", columns), torch.tensor([[-100.0, -100, -60, 0, 20]]))
    torch.testing.assert_close(decibels("mel", columns), torch.tensor([[-100.0, -50, -30, 0, 10]]))


def test_the_network_is_given_three_normalised_channels() -> None:
    grey = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE).remainder(256).to(torch.uint8)
    given = network_input(grey, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert given.shape == (1, 3, SIDE, SIDE)
    assert given.dtype == torch.float32
    scaled = grey.expand(3, SIDE, SIDE).float() / 255
    expected = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(scaled)
    torch.testing.assert_close(given[0], expected)
