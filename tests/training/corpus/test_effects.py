import numpy as np
import pytest

from training.corpus import effects
from training.corpus.effects import Sound
from training.corpus.soundfont import RATE


def tone(hz: float, seconds: float = 2.0, peak: float = 0.5) -> Sound:
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def gain_db(before: Sound, after: Sound) -> float:
    inner = slice(RATE // 4, -RATE // 4)
    return float(20 * np.log10(after[inner].std() / before[inner].std()))


@pytest.mark.parametrize(("hz", "expected_db"), [(200.0, 0.0), (1000.0, 6.0), (5000.0, 0.0)])
def test_a_peak_lifts_its_centre(hz: float, expected_db: float) -> None:
    sound = tone(hz)
    lifted = effects.filtered(sound, effects.peak_db(effects.frequencies(sound), 1000, 0.5, 6.0))
    assert gain_db(sound, lifted) == pytest.approx(expected_db, abs=0.3)


@pytest.mark.parametrize(("hz", "expected_db"), [(500.0, 0.0), (4000.0, -3.0), (8000.0, -24.0)])
def test_a_low_pass_falls_by_its_order(hz: float, expected_db: float) -> None:
    sound = tone(hz)
    dull = effects.filtered(sound, effects.low_pass_db(effects.frequencies(sound), 4000, 4))
    assert gain_db(sound, dull) == pytest.approx(expected_db, abs=0.5)


def test_a_high_pass_takes_the_lows() -> None:
    sound = tone(50)
    thin = effects.filtered(sound, effects.high_pass_db(effects.frequencies(sound), 200, 2))
    assert gain_db(sound, thin) == pytest.approx(-24, abs=1)


def test_shelf_and_tilt_leave_their_middle() -> None:
    hz = np.array([50, 800, 12_000], np.float32)
    assert effects.shelf_db(hz, 800, 6.0) == pytest.approx([0, 3, 6], abs=0.1)
    assert effects.tilt_db(hz, 2.0) == pytest.approx([-8, 0, 7.8], abs=0.1)


def two_levels() -> Sound:
    return np.concatenate((tone(440, peak=0.05), tone(440, peak=0.8)))


@pytest.mark.parametrize("multiband", [False, True])
def test_compression_brings_loud_and_soft_together(multiband: bool) -> None:
    sound = two_levels()
    if multiband:
        squashed = effects.multiband_compressed(sound, (200.0, 2000.0), -15.0, 4.0)
    else:
        squashed = effects.compressed(sound, -15.0, 4.0, 0.1)
    before, after = (gain_db(half[: 2 * RATE], half[2 * RATE :]) for half in (sound, squashed))
    assert before == pytest.approx(24, abs=0.1)
    assert 8 < after < 18


def test_bands_that_are_not_compressed_sum_to_the_sound() -> None:
    sound = two_levels()
    assert np.allclose(effects.multiband_compressed(sound, (200.0, 2000.0), 60.0, 4.0), sound, atol=1e-4)


def test_a_limiter_reaches_the_level_and_keeps_the_ceiling() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    loud = effects.limited(noise, 10 ** (-14 / 20))
    assert 20 * np.log10(loud.std()) == pytest.approx(-14, abs=1)
    assert np.abs(effects.limited(noise, 0.5)).max() <= 0.98 + 1e-6


def test_saturation_adds_overtones_and_keeps_the_level() -> None:
    sound = tone(440)
    bent = effects.saturated(sound, 6.0, 0.0)
    assert bent.std() == pytest.approx(sound.std(), rel=0.01)
    spectrum = np.abs(np.fft.rfft(bent[:RATE]))
    assert spectrum[1320] > 0.05 * spectrum[440]


def test_clipping_cuts_peaks() -> None:
    assert np.abs(effects.clipped(tone(440), 6.0)).max() == pytest.approx(0.25, abs=0.003)


@pytest.mark.parametrize("speed", [0.95, 1.0, 1.06])
def test_speed_moves_pitch_and_length(speed: float) -> None:
    sound = effects.warped(tone(1000, 4.0), speed, 0.0, 0.0, np.random.default_rng(0))
    assert len(sound) == pytest.approx(4 * RATE / speed, abs=8)
    spectrum = np.abs(np.fft.rfft(sound[1000 : 1000 + RATE] * np.hanning(RATE)))
    assert spectrum.argmax() == pytest.approx(1000 * speed, abs=1)


def test_wow_spreads_the_pitch() -> None:
    rng = np.random.default_rng(0)
    steady, wavering = (effects.warped(tone(1000, 4.0), 1.0, wow, 0.0, rng) for wow in (0.0, 0.004))
    widths = [np.sum((s := np.abs(np.fft.rfft(sound[:RATE]))) > 0.1 * s.max()) for sound in (steady, wavering)]
    assert widths[1] > widths[0]


@pytest.mark.parametrize("kind", ["hiss", "crackle", "hum", "crowd"])
def test_noises_have_level_one_and_the_length(kind: str) -> None:
    rng = np.random.default_rng(0)
    noise = {
        "hiss": lambda: effects.hiss(2 * RATE, rng),
        "crackle": lambda: effects.crackle(2 * RATE, 20.0, rng),
        "hum": lambda: effects.hum(2 * RATE, 50.0, rng),
        "crowd": lambda: effects.crowd(2 * RATE, rng),
    }[kind]()
    assert noise.dtype == np.float32
    assert len(noise) == 2 * RATE
    assert effects.level_of(noise) == pytest.approx(1.0, rel=1e-3)
