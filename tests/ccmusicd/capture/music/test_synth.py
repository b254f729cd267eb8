"""Oscillators, filters, strings and the room, measured."""

import numpy as np
import pytest

from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    bandpass,
    convolved,
    cycles,
    decay,
    hz,
    lowpass,
    noise,
    plucked,
    ramped,
    room,
    saw,
    shortened,
    sine,
)


def peak_hz(sound: Sound) -> float:
    """The strongest frequency, to a fraction of a hertz."""
    length = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), length))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / length


def level_db(sound: Sound, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE)
    return float(10.0 * np.log10(spectrum[(frequency >= low_hz) & (frequency < high_hz)].mean()))


def test_concert_pitch() -> None:
    assert hz(69) == 440.0
    assert hz(57.0) == pytest.approx(220.0)


@pytest.mark.parametrize("frequency_hz", [55.0, 440.0, 3000.0])
def test_oscillators_are_in_tune(frequency_hz: float) -> None:
    phase = cycles(frequency_hz, SAMPLE_RATE)
    assert peak_hz(sine(phase)) == pytest.approx(frequency_hz, rel=1e-3)
    assert peak_hz(saw(phase, frequency_hz)) == pytest.approx(frequency_hz, rel=1e-3)


def test_saw_has_its_partials_and_few_aliases() -> None:
    """At 1,800 Hz the partials are its multiples; between them is what folded back, 17 dB down in a bare sawtooth."""
    wave = saw(cycles(1800.0, SAMPLE_RATE), 1800.0)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(SAMPLE_RATE)))  # one bin is one hertz
    partials = np.zeros(len(spectrum), dtype=bool)
    for partial in range(1800, len(spectrum), 1800):
        partials[partial - 3 : partial + 4] = True
    assert 20.0 * np.log10(spectrum[1800] / spectrum[3600]) == pytest.approx(6.0, abs=1.0)
    assert 20.0 * np.log10(spectrum[1800] / spectrum[~partials][10:].max()) > 25.0


@pytest.mark.parametrize("pitch", [28, 40, 45, 64, 81])
def test_plucked_string_is_in_tune_and_dies_away(pitch: int) -> None:
    string = plucked(np.random.default_rng(1), hz(pitch), SAMPLE_RATE, sustain=0.99, brightness_hz=2000.0)
    spectrum = np.abs(np.fft.rfft(string * np.hanning(len(string)), 1 << 20))
    frequency = np.arange(len(spectrum)) * SAMPLE_RATE / (1 << 20)
    near = np.abs(np.log2(np.maximum(frequency, 1e-9) / hz(pitch))) < 0.4
    found = frequency[near][np.argmax(spectrum[near])]
    assert abs(1200.0 * np.log2(found / hz(pitch))) < 8.0  # cents
    assert np.abs(string[-2000:]).max() < 0.7 * np.abs(string[:2000]).max()


def test_filters_pass_and_stop() -> None:
    hiss = noise(np.random.default_rng(2), SAMPLE_RATE)
    low = lowpass(hiss, 1000.0)
    assert level_db(low, 50.0, 500.0) == pytest.approx(level_db(hiss, 50.0, 500.0), abs=0.5)
    assert level_db(low, 8000.0, 10_000.0) < level_db(hiss, 8000.0, 10_000.0) - 30.0
    band = bandpass(hiss, 1000.0, 4000.0)
    assert level_db(band, 1800.0, 2500.0) == pytest.approx(level_db(hiss, 1800.0, 2500.0), abs=1.0)
    assert level_db(band, 20.0, 200.0) < level_db(hiss, 20.0, 200.0) - 25.0
    resonant = lowpass(hiss, 1000.0, resonance=1.3)
    assert level_db(resonant, 950.0, 1050.0) > level_db(low, 950.0, 1050.0) + 5.0


@pytest.mark.parametrize("length", [1, 10, 3000])
def test_envelopes_begin_and_end_at_nothing_even_when_the_sound_is_short(length: int) -> None:
    ones = np.ones(length, dtype=np.float32)
    shaped = ramped(ones, 0.02, 0.02)
    assert shaped[0] == shaped[-1] == 0.0
    assert ones.min() == 1.0  # the caller's sound is left alone
    assert decay(length, 0.1)[-1] == 0.0
    assert shortened(ones, 0.05)[-1] == 0.0


def test_room_falls_by_60_db_in_its_decay_and_has_unit_energy() -> None:
    response = room(1.2)
    assert float((response**2).sum()) == pytest.approx(1.0, rel=1e-3)
    blocks = np.array_split(response[400:].astype(np.float64) ** 2, 12)
    assert 10.0 * np.log10(blocks[0].mean() / blocks[-1].mean()) > 45.0


def test_convolution_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    sound, response = noise(rng, 500), noise(rng, 77)
    np.testing.assert_allclose(convolved(sound, response), np.convolve(sound, response), atol=1e-4)
