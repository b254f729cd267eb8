"""Pictures against the article's listing, followed step by step."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import transforms

from ccmusic_stream.geometry import BINS, SAMPLE_RATE, WINDOW_COLUMNS, Spectrogram, window_columns
from ccmusic_stream.picture import DRAWN, SIDE, decibels, network_input, picture
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


def stations(kind: Spectrogram, columns: int = WINDOW_COLUMNS) -> Tensor:
    """Windows of three stations, whose least and greatest levels and contents differ: (3, bins, columns)."""
    random = torch.rand(3, BINS[kind], columns, generator=torch.Generator().manual_seed(7)) ** 8
    return random * torch.tensor([50.0, 1.0, 1e-4]).view(3, 1, 1) + torch.tensor([1e-1, 1e-3, 0.0]).view(3, 1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_seed_is_the_articles_picture_byte_for_byte(windows: dict[Spectrogram, Tensor], kind: Spectrogram) -> None:
    (grey,) = picture(kind, windows[kind].unsqueeze(0), "seed")
    article = of_the_article(windows[kind])
    assert torch.equal(grey.expand_as(article), article)
    assert int(grey.max()) - int(grey.min()) > 150  # not a picture of nothing


@pytest.mark.parametrize("kind", KINDS)
def test_seed_is_the_articles_picture_of_every_station(kind: Spectrogram) -> None:
    windows = stations(kind)
    greys = picture(kind, windows, "seed")
    for grey, window in zip(greys, windows, strict=True):
        assert torch.equal(grey, of_the_article(window))


@pytest.mark.parametrize("profile", DRAWN)
@pytest.mark.parametrize("kind", KINDS)
def test_stations_together_have_the_pictures_that_they_have_alone(kind: Spectrogram, profile: str) -> None:
    windows = stations(kind, 490)
    together = picture(kind, windows, profile)
    for number in range(3):
        assert torch.equal(together[number : number + 1], picture(kind, windows[number : number + 1], profile))


@pytest.mark.parametrize("profile", DRAWN)
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_bytes_with_the_channels_of_its_profile(kind: Spectrogram, profile: str) -> None:
    windows = stations(kind, 490)
    before = windows.clone()
    pictures = picture(kind, windows, profile)
    assert pictures.shape == (3, 3 if profile == "ccmusic" else 1, SIDE, SIDE)
    assert pictures.dtype == torch.uint8
    assert torch.equal(windows, before)


@pytest.mark.parametrize("profile", DRAWN)
def test_a_picture_is_of_the_newest_columns(profile: str) -> None:
    windows = stations("cqt", 600)
    newest = windows[..., -window_columns(profile) :]
    assert torch.equal(picture("cqt", windows, profile), picture("cqt", newest, profile))


@pytest.mark.parametrize("profile", DRAWN)
def test_low_bins_are_where_the_profile_wants_them_and_the_oldest_column_on_the_left(profile: str) -> None:
    window = torch.full((1, 84, window_columns(profile)), 1e-3)
    window[:, :8, :50] = 1.0
    (shown,) = picture("cqt", window, profile).float().mean(dim=1)
    if profile == "ccmusic":
        shown = shown.flip(0)
    assert shown[:16, :20].mean() > shown[40:].mean() + 50
    assert shown[:16, :20].mean() > shown[:16, 60:].mean() + 50


@pytest.mark.parametrize("level", [0.0, 1e-6, 3.0])
@pytest.mark.parametrize(("profile", "values"), [("seed", {0}), ("floor80", {255}), ("ccmusic", {0, 3, 4})])
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_window_has_a_constant_picture(
    kind: Spectrogram, profile: str, values: set[int], level: float
) -> None:
    constant = picture(kind, torch.full((1, BINS[kind], 490), level), profile)
    assert set(constant.flatten().tolist()) <= values
    assert torch.equal(constant, constant[..., :1, :1].expand_as(constant))


@pytest.mark.parametrize(("kind", "factor"), [("cqt", 20), ("mel", 10)])
def test_floor80_goes_from_eighty_decibels_below_the_maximum(kind: Spectrogram, factor: int) -> None:
    levels_db = torch.linspace(-100, 20, 224).repeat(224, 1)  # maximum 20 dB: black up to -60 dB
    grey = picture(kind, 10 ** (levels_db / factor).unsqueeze(0), "floor80")[0, 0, 100]
    expected = ((levels_db[0] + 60) / 80).clamp(0, 1) * 255
    assert (grey.float() - expected).abs().max() <= 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_floor80_moves_less_with_gain_than_seed(windows: dict[Spectrogram, Tensor], kind: Spectrogram) -> None:
    def moved(profile: str) -> float:
        quieter = windows[kind] * (0.05 if kind == "cqt" else 0.05**2)
        loud_and_quiet = picture(kind, torch.stack((windows[kind], quieter)), profile).float()
        return float((loud_and_quiet[1] - loud_and_quiet[0]).abs().mean())

    assert moved("floor80") < 1
    assert moved("seed") > 3 * moved("floor80")


@pytest.mark.parametrize("profile", ["Seed", ""])
def test_refuses_a_profile_that_it_cannot_draw(profile: str) -> None:
    with pytest.raises(ValueError, match=f"profile '{profile}' cannot be drawn; known are seed, floor80, ccmusic"):
        picture("cqt", torch.ones(1, 84, WINDOW_COLUMNS), profile)


def test_decibels_of_magnitude_and_of_power() -> None:
    columns = torch.tensor([[0.0, 1e-5, 1e-3, 1.0, 10.0]])
    torch.testing.assert_close(decibels("cqt", columns), torch.tensor([[-100.0, -100, -60, 0, 20]]))
    torch.testing.assert_close(decibels("mel", columns), torch.tensor([[-100.0, -50, -30, 0, 10]]))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_is_given_three_normalised_channels_of_each_station(channels: int) -> None:
    shape = (2, channels, SIDE, SIDE)
    pictures = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    before = pictures.clone()
    given = network_input(pictures, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert given.shape == (2, 3, SIDE, SIDE)
    assert given.dtype == torch.float32
    assert given.is_contiguous(memory_format=torch.channels_last)
    scaled = pictures.expand(2, 3, SIDE, SIDE).float() / 255
    expected = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(scaled)
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(pictures, before)


def test_what_a_network_was_given_stays_when_the_next_picture_comes() -> None:
    black, white = (torch.full((1, 1, SIDE, SIDE), value, dtype=torch.uint8) for value in (0, 255))
    given = network_input(black, (0.5,) * 3, (0.5,) * 3)
    network_input(white, (0.5,) * 3, (0.5,) * 3)
    assert set(given.flatten().tolist()) == {-1.0}
