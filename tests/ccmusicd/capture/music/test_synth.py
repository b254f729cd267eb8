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
    partials_below,
    plucked,
    pulse_table,
    ramped,
    resonant_lowpass,
    room,
    saw_table,
    sine,
    swept,
    table,
    wave,
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
    for read in (frequency_hz, np.full(SAMPLE_RATE, frequency_hz)):
        tone = wave(saw_table(frequency_hz), read, SAMPLE_RATE)
        assert peak_hz(tone) == pytest.approx(frequency_hz, rel=1e-3)


def test_saw_has_its_partials_and_few_aliases() -> None:
    """At 1,800 Hz the partials are its multiples; between them is what folded back, 17 dB down in a bare sawtooth."""
    tone = wave(saw_table(1800.0), 1800.0, SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(SAMPLE_RATE)))  # one bin is one hertz
    partials = np.zeros(len(spectrum), dtype=bool)
    for partial in range(1800, len(spectrum), 1800):
        partials[partial - 3 : partial + 4] = True
    assert 20.0 * np.log10(spectrum[1800] / spectrum[3600]) == pytest.approx(6.0, abs=1.0)
    assert 20.0 * np.log10(spectrum[1800] / spectrum[~partials][10:].max()) > 55.0


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


def test_room_falls_by_60_db_in_its_decay_and_has_unit_energy() -> None:
    response = room(1.2)
    assert float((response**2).sum()) == pytest.approx(1.0, rel=1e-3)
    blocks = np.array_split(response[400:].astype(np.float64) ** 2, 12)
    assert 10.0 * np.log10(blocks[0].mean() / blocks[-1].mean()) > 45.0


def test_convolution_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    sound, response = noise(rng, 500), noise(rng, 77)
    np.testing.assert_allclose(convolved(sound, response), np.convolve(sound, response), atol=1e-4)


def test_tables_hold_the_partials_that_they_were_asked_for() -> None:
    spectrum = np.abs(np.fft.rfft(table((1.0, 0.0, 0.5))))
    assert spectrum[3] / spectrum[1] == pytest.approx(0.5, rel=1e-4)
    assert spectrum[2] < 1e-3 * spectrum[1]
    square = np.abs(np.fft.rfft(pulse_table(100.0)))
    assert square[2] < 1e-3 * square[1]
    assert square[1] / square[3] == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize("frequency_hz", [30.0, 440.0, 4000.0, 9900.0])
def test_no_partial_of_a_table_lies_above_the_limit(frequency_hz: float) -> None:
    count = partials_below(frequency_hz)
    assert count >= 1
    assert count == 1 or count * frequency_hz <= 9800.0


def test_a_moving_filter_moves_and_a_resting_one_changes_nothing() -> None:
    hiss = noise(np.random.default_rng(4), 2 * SAMPLE_RATE)
    open_ = swept(hiss, lambda frequency, at: np.ones((len(at), len(frequency)), dtype=np.float32))
    np.testing.assert_allclose(open_, hiss, atol=1e-5)

    def rising(frequency: Sound, at: Sound) -> Sound:
        return resonant_lowpass(frequency, np.asarray(np.where(at < 1.0, 500.0, 5000.0), dtype=np.float32), 0.0)

    out = swept(hiss, rising)
    early, late = out[: SAMPLE_RATE - 2000], out[SAMPLE_RATE + 2000 :]
    assert level_db(late, 2000.0, 3000.0) > level_db(early, 2000.0, 3000.0) + 20.0
    assert level_db(late, 100.0, 300.0) == pytest.approx(level_db(early, 100.0, 300.0), abs=3.0)
