"""Pictures for people: what lies where."""

import numpy as np
import pytest
import torchaudio
from numpy.typing import NDArray
from PIL import Image

from ccmusic_stream.geometry import TransformName
from ccmusicd import drawing
from ccmusicd.drawing import draw_spectrogram, draw_waveform

LEFT, TOP, WIDTH, HEIGHT = drawing._LEFT, drawing._TOP, drawing._PLOT_WIDTH, drawing._SPECTROGRAM_HEIGHT


def plot(image: Image.Image) -> NDArray[np.int16]:
    """The pixels of a spectrogram's cells."""
    return np.asarray(image, np.int16)[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]


def brightness(image: Image.Image, bins: int, bin_: int) -> float:
    """Mean brightness of a bin's row of cells."""
    y = round((bins - bin_ - 0.5) / bins * HEIGHT)
    return float(plot(image)[y].mean())


@pytest.mark.parametrize(("transform", "bins"), [("cqt", 84), ("mel", 128)])
def test_low_bins_are_at_the_bottom_and_the_first_column_on_the_left(transform: TransformName, bins: int) -> None:
    levels = np.full((bins, 431), -90.0)
    levels[3, :100] = -10.0
    image = draw_spectrogram(transform, levels, 10.0, 43.07, "a.wav")
    assert brightness(image, bins, 3) > 20
    assert brightness(image, bins, 20) == pytest.approx(1, abs=3)
    row = plot(image)[round((bins - 3.5) / bins * HEIGHT)]
    assert row[:200].mean() > 150
    assert row[400:].mean() < 5


def test_the_scale_goes_eighty_decibels_down_from_the_loudest_cell() -> None:
    levels = np.repeat(np.linspace(-130.0, -30.0, 84)[:, None], 431, axis=1)
    image = draw_spectrogram("cqt", levels, 0.0, 43.07, "a.wav")
    assert brightness(image, 84, 83) > 200
    assert brightness(image, 84, 10) < 5  # -118 dB: 88 dB under the loudest
    bar = np.asarray(image, np.int16)[TOP : TOP + HEIGHT, LEFT + WIDTH + drawing._BAR_GAP + 5]
    assert bar[0].mean() > 200
    assert bar[-1].mean() < 5


@pytest.mark.parametrize(("transform", "scale"), [("mel", "htk"), ("mel_librosa", "slaney")])
def test_hertz_stand_at_the_mel_band_that_hears_them_best(transform: TransformName, scale: str) -> None:
    bands = torchaudio.functional.melscale_fbanks(11_026, 0.0, 11_025.0, 128, 22_050, mel_scale=scale)
    for text, place in drawing._pitches(transform, 128):
        number, unit = text.split()
        best = int(bands[int(number) * (1_000 if unit == "kHz" else 1)].argmax())
        assert place == pytest.approx(best + 0.5, abs=0.55), text


def test_notes_stand_at_their_bin() -> None:
    assert list(drawing._pitches("cqt", 84)) == [(f"C{octave + 1}", octave * 12 + 0.5) for octave in range(7)]


def test_a_waveform_shows_its_sound_where_it_is_and_marks_the_clips() -> None:
    sound = np.zeros(30_000, np.float32)
    sound[20_000:25_000] = 0.8
    image = draw_waveform(sound, 1_000, [(10.0, 20.0)], "a.wav")
    pixels = np.asarray(image, np.int16)[TOP : TOP + drawing._WAVEFORM_HEIGHT, LEFT : LEFT + WIDTH]
    wave, clip = np.array(drawing._WAVE), np.array(drawing._CLIP)
    quarter = pixels[drawing._WAVEFORM_HEIGHT // 4]  # amplitude 0.5
    assert (quarter[round(22 / 30 * WIDTH)] == wave).all()
    assert (quarter[round(15 / 30 * WIDTH)] == clip).all()
    assert (quarter[round(5 / 30 * WIDTH)] == 255).all()
    assert (pixels[-10, round(22 / 30 * WIDTH)] == 255).all()


@pytest.mark.parametrize("samples", [0, 1, 100, 50_000])
@pytest.mark.parametrize("peak", [0.0, 1e-4, 1.0, 3.7])
def test_a_waveform_of_any_length_and_level_is_drawn(samples: int, peak: float) -> None:
    sound = np.full(samples, peak, np.float32)
    image = draw_waveform(sound, 22_050, [(0.0, samples / 22_050)], "")
    assert image.size == draw_waveform(np.zeros(9, np.float32), 22_050, [], "").size


def test_a_title_that_is_too_long_is_cut() -> None:
    levels = np.zeros((84, 431))
    image = draw_spectrogram("cqt", levels, 0.0, 43.07, "a long name " * 40)
    right_of_the_plot = np.asarray(image)[: TOP - 12, LEFT + WIDTH + 2 :]
    assert (right_of_the_plot == 255).all()
