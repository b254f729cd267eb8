"""What is not a note: records' surfaces, weather, water, birds, crowds, and the noise before a drop."""

import numpy as np
from numpy.typing import NDArray

from ccmusicd.capture.music.playing import Instrument, Makers, Stroke, Timbre
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    bandpass,
    cycles,
    lowpass,
    noise,
    normalised,
    ramped,
    resonances,
    resonant_lowpass,
    samples,
    sine,
    swept,
    time_axis,
)


def _instrument(timbre: Timbre) -> Instrument:
    """Long sounds that differ from stroke to stroke and are faded in and out."""
    return Instrument(timbre, takes=True)


def _drawn(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def _clipped(sound: NDArray[np.floating]) -> Sound:
    """The sound at an even level whatever its rare peaks are: RMS 0.25, bent towards 1."""
    rms = float(np.sqrt(np.mean(np.square(sound)) + 1e-12))
    return np.asarray(np.tanh(sound * np.float32(0.25 / rms)), dtype=np.float32)


def _slow(rng: np.random.Generator, length: int, period_s: float) -> Sound:
    """A smooth random curve in [0, 1] that turns about once a period."""
    count = max(4, int(length / SAMPLE_RATE / period_s * 2.0) + 4)
    points = rng.uniform(0.0, 1.0, count)
    grid = np.linspace(0.0, count - 1.001, length)
    whole = grid.astype(np.int64)
    ease = 0.5 - 0.5 * np.cos(np.pi * (grid - whole))
    return np.asarray(points[whole] * (1.0 - ease) + points[whole + 1] * ease, dtype=np.float32)


def vinyl(rng: np.random.Generator) -> Instrument:
    """The surface of an old record: rumble, hiss and, now and then, a tick."""
    seed, ticks_a_second = _drawn(rng), rng.uniform(3.0, 25.0)
    hiss, rumble = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.6)

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        ticks = np.zeros(length, dtype=np.float32)
        places = mine.integers(0, length, mine.poisson(ticks_a_second * stroke.length_s))
        ticks[places] = mine.normal(0.0, 4.0, len(places)).astype(np.float32)
        ground = hiss * bandpass(noise(mine, length), 800.0, 7000.0) + rumble * lowpass(noise(mine, length), 90.0)
        return ramped(_clipped(ground + bandpass(ticks, 1000.0, 8000.0)), 0.05, 0.1)

    return _instrument(timbre)


def rain(rng: np.random.Generator) -> Instrument:
    """A broad hush that comes and goes, and drops that ring near the ear."""
    seed, drops_a_second = _drawn(rng), rng.uniform(8.0, 50.0)
    low, high, near = rng.uniform(500.0, 1200.0), rng.uniform(5000.0, 9000.0), rng.uniform(0.4, 2.0)

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        hush = bandpass(noise(mine, length), low, high, order=1) * (0.6 + 0.8 * _slow(mine, length, 5.0))
        drops = np.zeros(length, dtype=np.float32)
        places = mine.integers(0, length, mine.poisson(drops_a_second * stroke.length_s))
        drops[places] = mine.exponential(1.0, len(places)).astype(np.float32)
        ringing = bandpass(drops, 1800.0, 5200.0, order=3) + 0.5 * lowpass(drops, 900.0, order=3)
        return ramped(_clipped(0.5 * hush + np.float32(near) * ringing), 0.8, 0.8)

    return _instrument(timbre)


def wind(rng: np.random.Generator) -> Instrument:
    """Noise through resonances that wander with the gusts."""
    seed, low, high = _drawn(rng), rng.uniform(200.0, 400.0), rng.uniform(600.0, 1400.0)
    narrow, gusts_s = rng.uniform(60.0, 250.0), rng.uniform(1.5, 5.0)

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        gust = _slow(mine, length, gusts_s)

        def howl(hertz: Sound, at: Sound) -> Sound:
            here = gust[np.minimum((at[:, 0] * SAMPLE_RATE).astype(np.int64), length - 1)][:, None]
            centre = low + (high - low) * here
            return resonances(
                hertz, ((centre, narrow, 1.0), (1.7 * centre, 2.0 * narrow, 0.4), (0.0, 250.0, 0.4)), 0.01
            )

        blown = swept(noise(mine, length), howl) * (0.2 + 0.8 * gust)
        return ramped(_clipped(blown), 1.0, 1.0)

    return _instrument(timbre)


def sea(rng: np.random.Generator) -> Instrument:
    """Waves that rise, break and run out."""
    seed, period, bright = _drawn(rng), rng.uniform(5.0, 11.0), rng.uniform(1200.0, 4500.0)

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        phase = time_axis(length) / np.float32(period) + np.float32(mine.random()) + 0.4 * _slow(mine, length, period)
        swell = np.asarray((0.5 + 0.5 * np.sin(np.float32(2.0 * np.pi) * phase)) ** 3, dtype=np.float32)

        def water(hertz: Sound, at: Sound) -> Sound:
            here = swell[np.minimum((at[:, 0] * SAMPLE_RATE).astype(np.int64), length - 1)][:, None]
            return resonant_lowpass(hertz, 300.0 + bright * here, 0.0, 1)

        surf = swept(noise(mine, length), water, 2048) * (0.15 + 0.85 * swell)
        return ramped(_clipped(surf), 1.0, 1.0)

    return _instrument(timbre)


def birds(rng: np.random.Generator) -> Instrument:
    """Chirps, trills and whistles of a few kinds over a far rustle."""
    seed, each_s = _drawn(rng), rng.uniform(0.4, 1.5)
    kinds = [(rng.uniform(2200.0, 5500.0), rng.uniform(-0.3, 0.5), rng.uniform(0.05, 0.2), int(rng.integers(1, 9)))
             for _ in range(4)]  # fmt: skip

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        out = np.float32(0.02) * bandpass(noise(mine, length), 2000.0, 6000.0)
        at = mine.exponential(each_s)
        while at < stroke.length_s - 0.1:
            centre, sweep, seconds, times = kinds[int(mine.integers(len(kinds)))]
            far = mine.uniform(0.2, 1.0)
            for turn in range(times):
                first, size = samples(at + 1.3 * turn * seconds), samples(seconds)
                t = np.arange(size) / size
                curve = centre * (1.0 + sweep * (t - 0.5) + 0.05 * np.sin(2.0 * np.pi * 4.0 * t))
                chirp = ramped(sine(cycles(curve, size)), 0.3 * seconds, 0.5 * seconds)[: max(0, length - first)]
                out[first : first + len(chirp)] += np.float32(far) * chirp
            at += times * seconds * 1.3 + mine.exponential(each_s)
        return ramped(normalised(out), 0.3, 0.3)

    return _instrument(timbre)


def crowd(rng: np.random.Generator) -> Instrument:
    """Many people: a murmur, and applause of many hands that swells."""
    seed, clapping = _drawn(rng), rng.uniform(0.1, 1.0)

    def timbre(stroke: Stroke) -> Sound:
        mine = np.random.default_rng((seed, stroke.take))
        length = samples(stroke.length_s)
        murmur = bandpass(noise(mine, length), 250.0, 1100.0) * (0.5 + _slow(mine, length, 0.4))
        hands = np.zeros(length, dtype=np.float32)
        places = mine.integers(0, length, mine.poisson(180.0 * stroke.length_s))
        hands[places] = mine.exponential(1.0, len(places)).astype(np.float32)
        applause = bandpass(hands, 900.0, 3500.0) * (0.3 + 0.7 * _slow(mine, length, 3.0))
        return ramped(_clipped(murmur + np.float32(4.0 * clapping) * applause), 0.5, 0.5)

    return _instrument(timbre)


def riser(rng: np.random.Generator) -> Instrument:
    """Noise that grows and brightens towards a drop."""
    seed, low, octaves = _drawn(rng), rng.uniform(150.0, 500.0), rng.uniform(3.0, 5.0)
    resonance, power = rng.uniform(0.0, 4.0), rng.uniform(1.0, 2.5)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s)
        hiss = noise(np.random.default_rng((seed, stroke.take)), length)

        def climb(hertz: Sound, at: Sound) -> Sound:
            centre = low * 2.0 ** (octaves * np.minimum(at / stroke.length_s, 1.0))
            low_cut = hertz / np.hypot(hertz, centre * 0.5)
            return np.asarray(resonant_lowpass(hertz, np.asarray(centre), resonance) * low_cut, dtype=np.float32)

        place = np.arange(length, dtype=np.float32) / np.float32(length)
        return ramped(normalised(swept(hiss, climb) * place**power), 0.02, 0.01)

    return _instrument(timbre)


MAKERS: Makers = {
    "vinyl": vinyl, "rain": rain, "wind": wind, "sea": sea, "birds": birds, "riser": riser, "crowd": crowd,
}  # fmt: skip
