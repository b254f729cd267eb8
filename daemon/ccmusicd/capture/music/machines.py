"""Drum machines and drum kits: each drum is drawn (tuning, ring, snap), its strokes differ a little in turn."""

from collections.abc import Mapping

import numpy as np

from ccmusicd.capture.music.playing import Effect, Instrument, Makers, Stroke, Timbre
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    bandpass,
    cycles,
    decay,
    lowpass,
    noise,
    normalised,
    ramped,
    samples,
    saturated,
    sine,
    table,
    wave,
)

Kit = Mapping[int, Timbre]
"""A timbre for each General MIDI percussion key."""


def stroke_rng(stroke: Stroke, salt: int) -> np.random.Generator:
    """The same noise for the same stroke of the same drum."""
    return np.random.default_rng((salt, stroke.take, round(stroke.pitch)))


def membrane(
    frequency_hz: float,
    *,
    bend: float,
    fall_s: float,
    ring_s: float,
    rattle: float = 0.0,
    band_hz: tuple[float, float] = (1500.0, 6000.0),
    rattle_s: float = 0.01,
    drive: float = 1.3,
    overtone: float = 0.0,
) -> Timbre:
    """A skin: a sine that falls by the share `bend`, an overtone, and noise (the click of the beater, snare wires)."""

    def timbre(stroke: Stroke) -> Sound:
        rng = stroke_rng(stroke, 1)
        length = samples(max(5.0 * ring_s, 4.0 * rattle_s))
        tuned = frequency_hz * (1.0 + 0.006 * stroke.take)
        t = np.arange(length) / SAMPLE_RATE
        curve = tuned * (1.0 + bend * (0.5 + 0.5 * stroke.loudness) * np.exp(-t / fall_s))
        out = sine(cycles(curve, length)) * decay(length, ring_s)
        if overtone:
            out += overtone * sine(cycles(1.59 * curve, length)) * decay(length, 0.6 * ring_s)
        if rattle:
            wires = bandpass(noise(rng, length), *band_hz) * decay(length, rattle_s)
            out += np.float32(3.0 * rattle * (0.4 + 0.6 * stroke.loudness)) * wires
        struck = saturated(out, drive)
        fall = decay(length, ring_s)
        # the first half wave weighs more than the second; what is left over would be a direct current in fast rolls
        return ramped(struck - fall * (struck.sum() / fall.sum()), 0.0005, 0.01)

    return timbre


def hiss(low_hz: float, high_hz: float, ring_s: float, attack_s: float = 0.0005) -> Timbre:
    """Noise that dies away: shakers, brushes, shut hi-hats."""

    def timbre(stroke: Stroke) -> Sound:
        length = samples(5.0 * ring_s + attack_s)
        body = bandpass(noise(stroke_rng(stroke, 2), length), low_hz, high_hz, order=3)
        return normalised(ramped(body * decay(length, ring_s * (0.6 + 0.4 * stroke.loudness)), attack_s, 0.01))

    return timbre


def metal(
    frequencies_hz: tuple[float, ...], ring_s: float, low_hz: float, *, noisy: float = 0.0, ping: float = 0.0
) -> Timbre:
    """Several square waves that agree on nothing, above `low_hz`: cymbals, bells, the hi-hats of old machines."""

    def timbre(stroke: Stroke) -> Sound:
        length = samples(4.5 * ring_s)
        clang = np.zeros(length, dtype=np.float32)
        square = table(tuple(1.0 / k if k % 2 else 0.0 for k in range(1, 10)))
        for index, frequency in enumerate(frequencies_hz):
            clang += wave(square, frequency * (1.0 + 0.001 * stroke.take), length, 0.37 * index)
        total = (1.0 - noisy) * clang / np.float32(len(frequencies_hz) ** 0.5)
        total += np.float32(3.0 * noisy) * noise(stroke_rng(stroke, 3), length)
        body = bandpass(total, low_hz, 10_500.0, order=3)
        fall = decay(length, ring_s)
        if ping:
            fall = (1.0 - ping) * fall + ping * decay(length, 0.12 * ring_s)
        return normalised(ramped(body * fall, 0.001, 0.02))

    return timbre


def clap(ring_s: float, low_hz: float) -> Timbre:
    """Several hands, not quite together."""

    def timbre(stroke: Stroke) -> Sound:
        length = samples(4.0 * ring_s + 0.03)
        hands = np.zeros(length, dtype=np.float32)
        for begin_s, strength, fall_s in ((0.0, 0.7, 0.006), (0.011, 0.8, 0.006), (0.023, 1.0, ring_s)):
            first = samples(begin_s)
            hands[first:] += np.float32(strength) * decay(length - first, fall_s)
        return normalised(bandpass(noise(stroke_rng(stroke, 4), length), low_hz, 5000.0) * hands)

    return timbre


def tone(frequencies_hz: tuple[float, ...], ring_s: float) -> Timbre:
    """A short knock of sines: claves, blocks, triangles, agogos."""

    def timbre(stroke: Stroke) -> Sound:
        length = samples(5.0 * ring_s)
        parts = [sine(cycles(f * (1.0 + 0.002 * stroke.take), length)) for f in frequencies_hz]
        return normalised(np.asarray(sum(parts), dtype=np.float32) * decay(length, ring_s))

    return timbre


def scaled(timbre: Timbre, gain: float) -> Timbre:
    """The same, softer or louder."""
    return lambda stroke: np.asarray(timbre(stroke) * np.float32(gain), dtype=np.float32)


def kit(sounds: Kit, effect: Effect | None = None) -> Instrument:
    """An instrument of these drums; a key that it lacks sounds like the nearest one that it has."""

    def timbre(stroke: Stroke) -> Sound:
        key = min(sounds, key=lambda other: (abs(other - stroke.pitch), other))
        return sounds[key](stroke)

    return Instrument(timbre, effect=effect, takes=True, ends="free")


def hand_percussion(rng: np.random.Generator) -> dict[int, Timbre]:
    """Everything that is not a drum kit: keys 54, 56 and 58 to 81."""
    high, size = rng.uniform(0.9, 1.12), rng.uniform(0.88, 1.15)
    ring = rng.uniform(0.7, 1.4)

    def skin(frequency: float, ring_s: float, slap: float) -> Timbre:
        return membrane(frequency * size, bend=0.08, fall_s=0.03, ring_s=ring_s * ring, rattle=slap, rattle_s=0.008,
                        band_hz=(900.0, 4500.0), overtone=0.3)  # fmt: skip

    cuica = tone((420.0 * size, 840.0 * size), 0.12)
    return {
        54: scaled(metal((5100.0 * high, 6350.0, 7720.0 * high, 9100.0), 0.09 * ring, 4500.0, noisy=0.4), 0.6),
        56: scaled(metal((540.0 * high, 800.0 * high), 0.12 * ring, 450.0, ping=0.5), 0.6),
        58: scaled(hiss(1800.0, 5000.0, 0.3 * ring), 0.5),
        60: skin(430.0, 0.06, 0.3), 61: skin(300.0, 0.08, 0.25),
        62: skin(330.0, 0.03, 0.6), 63: skin(240.0, 0.14, 0.3), 64: skin(175.0, 0.18, 0.2),
        65: skin(400.0, 0.15, 0.5), 66: skin(290.0, 0.18, 0.5),
        67: scaled(tone((1130.0 * high, 1730.0 * high), 0.12 * ring), 0.6),
        68: scaled(tone((800.0 * high, 1230.0 * high), 0.14 * ring), 0.6),
        69: scaled(hiss(4000.0, 9500.0, 0.035 * ring, 0.01), 0.5), 70: scaled(hiss(5000.0, 9800.0, 0.025, 0.008), 0.5),
        71: scaled(tone((2300.0 * high, 2360.0 * high), 0.08), 0.5), 72: scaled(tone((2250.0, 2310.0), 0.25), 0.5),
        73: scaled(hiss(2500.0, 7000.0, 0.03, 0.02), 0.5), 74: scaled(hiss(2500.0, 7000.0, 0.1, 0.08), 0.5),
        75: scaled(tone((2450.0 * high,), 0.025), 0.7), 76: scaled(tone((1150.0 * high, 1900.0), 0.03), 0.7),
        77: scaled(tone((820.0 * high, 1400.0), 0.035), 0.7),
        78: scaled(cuica, 0.6), 79: scaled(tone((300.0 * size, 600.0 * size), 0.18), 0.6),
        80: scaled(tone((5200.0 * high, 7900.0), 0.04), 0.4),
        81: scaled(tone((5200.0 * high, 7900.0), 0.5 * ring), 0.4),
    }  # fmt: skip


def _toms(low_hz: float, ring_s: float, bend: float, rattle: float) -> dict[int, Timbre]:
    """Six toms, the lowest first."""
    ratios = (1.0, 1.16, 1.36, 1.6, 1.85, 2.15)
    return {
        key: membrane(low_hz * ratio, bend=bend, fall_s=0.06, ring_s=ring_s, rattle=rattle, overtone=0.25)
        for key, ratio in zip((41, 43, 45, 47, 48, 50), ratios, strict=True)
    }


def kit_808(rng: np.random.Generator) -> Instrument:
    """The analogue machine with the booming bass drum."""
    clang = tuple(
        float(f) for f in rng.uniform(0.93, 1.07) * np.array((800.0, 540.0, 523.0, 370.0, 305.0, 205.0)) * 8.0
    )
    ring, snap = rng.uniform(0.1, 0.6), rng.uniform(0.3, 1.0)
    kick = membrane(rng.uniform(42.0, 58.0), bend=rng.uniform(0.8, 2.5), fall_s=0.012, ring_s=ring,
                    rattle=0.05, rattle_s=0.002, drive=rng.uniform(1.0, 3.0))  # fmt: skip
    snare = membrane(rng.uniform(165.0, 220.0), bend=0.3, fall_s=0.02, ring_s=0.05, rattle=snap,
                     band_hz=(900.0, 8000.0), rattle_s=rng.uniform(0.05, 0.13), overtone=0.5)  # fmt: skip
    hat = rng.uniform(0.015, 0.04)
    return kit({
        **hand_percussion(rng),
        **_toms(rng.uniform(75.0, 100.0), rng.uniform(0.12, 0.3), 0.3, 0.05),
        35: kick, 36: kick, 37: scaled(tone((1700.0, 470.0), 0.015), 0.7), 38: snare, 40: snare,
        39: clap(rng.uniform(0.05, 0.14), 900.0), 42: scaled(metal(clang, hat, 6500.0), 0.5),
        44: scaled(metal(clang, 1.5 * hat, 6500.0), 0.45),
        46: scaled(metal(clang, rng.uniform(0.1, 0.35), 6000.0), 0.5),
        49: scaled(metal(clang, 0.5, 3500.0, noisy=0.2), 0.6), 51: scaled(metal(clang, 0.35, 5000.0, ping=0.4), 0.5),
        56: scaled(metal((540.0, 800.0), 0.15, 450.0, ping=0.6), 0.7),
        62: membrane(370.0, bend=0.1, fall_s=0.02, ring_s=0.05),
        63: membrane(250.0, bend=0.1, fall_s=0.02, ring_s=0.07),
        64: membrane(165.0, bend=0.1, fall_s=0.02, ring_s=0.09),
    })  # fmt: skip


def kit_909(rng: np.random.Generator) -> Instrument:
    """The machine of house and techno: a hard kick, a noisy snare, cymbals of short recordings."""
    kick = membrane(rng.uniform(46.0, 60.0), bend=rng.uniform(2.5, 5.5), fall_s=rng.uniform(0.012, 0.035),
                    ring_s=rng.uniform(0.07, 0.2), rattle=rng.uniform(0.1, 0.6), rattle_s=0.003,
                    drive=rng.uniform(1.5, 5.0))  # fmt: skip
    snare = membrane(rng.uniform(180.0, 240.0), bend=0.6, fall_s=0.012, ring_s=0.05, rattle=rng.uniform(0.6, 1.3),
                     band_hz=(1500.0, 9500.0), rattle_s=rng.uniform(0.05, 0.12))  # fmt: skip
    hat, low = rng.uniform(0.012, 0.035), rng.uniform(5500.0, 8000.0)
    clang = tuple(float(f) for f in rng.uniform(2500.0, 7000.0, 6))
    return kit({
        **hand_percussion(rng),
        **_toms(rng.uniform(80.0, 110.0), rng.uniform(0.1, 0.2), 0.6, 0.15),
        35: kick, 36: kick, 37: scaled(tone((1900.0, 510.0), 0.012), 0.7), 38: snare, 40: snare,
        39: clap(rng.uniform(0.05, 0.15), 1000.0), 42: scaled(metal(clang, hat, low, noisy=0.6), 0.5),
        44: scaled(metal(clang, 1.5 * hat, low, noisy=0.6), 0.45),
        46: scaled(metal(clang, rng.uniform(0.08, 0.25), low, noisy=0.6), 0.5),
        49: scaled(metal(clang, rng.uniform(0.4, 0.8), 3500.0, noisy=0.6), 0.6),
        51: scaled(metal(clang, 0.4, 4500.0, noisy=0.2, ping=0.5), 0.5),
    })  # fmt: skip


def acoustic(rng: np.random.Generator, *, power: float = 0.0, brushes: bool = False) -> dict[int, Timbre]:
    """A drum kit of skin and bronze; `power` 0 to 1 makes it bigger, brushes sweep."""
    kick = membrane(rng.uniform(50.0, 70.0), bend=rng.uniform(0.6, 1.5), fall_s=0.02, ring_s=rng.uniform(0.06, 0.1),
                    rattle=0.15 + 0.5 * power * rng.random(), rattle_s=0.004, drive=1.3 + power,
                    band_hz=(1500.0, 5000.0))  # fmt: skip
    wires = rng.uniform(0.06, 0.11) * (1.0 + 0.6 * power)
    snare = membrane(rng.uniform(165.0, 235.0), bend=0.1, fall_s=0.02, ring_s=rng.uniform(0.04, 0.08),
                     rattle=rng.uniform(0.6, 1.0), band_hz=(1100.0, 8500.0), rattle_s=wires, overtone=0.6)  # fmt: skip
    swept_snare = scaled(hiss(1500.0, 7000.0, 0.09, 0.02), 0.6)
    bronze = tuple(float(f) for f in rng.uniform(2300.0, 7800.0, 9))
    hat, ring = rng.uniform(0.015, 0.035), rng.uniform(0.8, 1.3)
    hit = swept_snare if brushes else snare
    return {
        **hand_percussion(rng),
        **_toms(rng.uniform(70.0, 100.0), 0.12 + 0.1 * power, 0.15, 0.2),
        35: kick, 36: kick, 37: scaled(tone((1500.0, 420.0, 2300.0), 0.02), 0.7), 38: hit, 40: hit,
        39: swept_snare if brushes else clap(0.08, 900.0),
        42: scaled(metal(bronze, hat, 5500.0, noisy=0.7), 0.45),
        44: scaled(metal(bronze, 1.3 * hat, 4500.0, noisy=0.7), 0.4),
        46: scaled(metal(bronze, 0.2 * ring, 5000.0, noisy=0.7), 0.5),
        49: scaled(metal(bronze, 0.6 * ring, 2600.0, noisy=0.8), 0.7),
        57: scaled(metal(bronze, 0.5 * ring, 3200.0, noisy=0.8), 0.7),
        52: scaled(metal(bronze, 0.3, 2000.0, noisy=0.6), 0.7),
        55: scaled(metal(bronze, 0.2, 4000.0, noisy=0.8), 0.6),
        51: scaled(metal(bronze, 0.4 * ring, 3500.0, noisy=0.4, ping=0.6), 0.45),
        59: scaled(metal(bronze, 0.45 * ring, 3000.0, noisy=0.5, ping=0.5), 0.45),
        53: scaled(metal(bronze[:4], 0.35, 2000.0, ping=0.5), 0.45),
    }  # fmt: skip


def sampled_kit(rng: np.random.Generator) -> Instrument:
    """A break from an old record: an acoustic kit at another speed, squeezed, dull and coarse."""
    cutoff, drive = rng.uniform(2500.0, 8000.0), rng.uniform(1.2, 3.5)
    steps = float(2.0 ** rng.integers(6, 10))
    sounds = {
        key: _through(timbre, cutoff, drive, steps) for key, timbre in acoustic(rng, power=float(rng.random())).items()
    }
    return kit(sounds)


def _through(timbre: Timbre, cutoff_hz: float, drive: float, steps: float) -> Timbre:
    """The timbre through a sampler of few bits: rounded to so many steps."""

    def dull(stroke: Stroke) -> Sound:
        coarse = np.round(saturated(timbre(stroke), drive) * steps) / steps
        return ramped(lowpass(np.asarray(coarse, dtype=np.float32), cutoff_hz), 0.0, 0.01)

    return dull


def tabla(rng: np.random.Generator) -> Instrument:
    """The small drum with harmonic partials and the big one whose pitch is bent by the hand."""
    sa, ring = rng.uniform(260.0, 340.0), rng.uniform(0.15, 0.4)
    deep = rng.uniform(70.0, 100.0)
    return kit({
        62: membrane(sa, bend=0.02, fall_s=0.02, ring_s=0.03, rattle=0.7, band_hz=(1200.0, 5000.0), rattle_s=0.012),
        63: tone((sa, 2.0 * sa, 3.01 * sa), ring),
        64: membrane(deep, bend=-0.25, fall_s=0.12, ring_s=ring, rattle=0.1, overtone=0.3),
        60: tone((2.0 * sa, 3.0 * sa), 0.5 * ring), 61: tone((sa, 2.0 * sa), 0.5 * ring),
        65: membrane(1.3 * deep, bend=0.1, fall_s=0.05, ring_s=0.05, rattle=0.5, rattle_s=0.02),
    })  # fmt: skip


def taiko(rng: np.random.Generator) -> Instrument:
    """Big barrel drums."""
    deep, ring = rng.uniform(48.0, 70.0), rng.uniform(0.2, 0.5)
    sounds: dict[int, Timbre] = {
        key: membrane(deep * ratio, bend=0.3, fall_s=0.04, ring_s=ring / ratio**0.5, rattle=0.25, overtone=0.5,
                      band_hz=(400.0, 2500.0), rattle_s=0.02)
        for key, ratio in zip((36, 41, 43, 45, 47, 48, 50), (0.9, 1.0, 1.2, 1.4, 1.7, 2.1, 2.6), strict=True)
    }  # fmt: skip
    sounds[37] = scaled(tone((900.0, 1400.0), 0.02), 0.6)
    return kit(sounds)


MAKERS: Makers = {
    "kit_808": kit_808,
    "kit_909": kit_909,
    "sampled_kit": sampled_kit,
    "tabla": tabla,
    "taiko": taiko,
    "drum_kit": lambda rng: kit(acoustic(rng, power=0.3)),
    "power_kit": lambda rng: kit(acoustic(rng, power=1.0)),
    "brush_kit": lambda rng: kit(acoustic(rng, brushes=True)),
    "orchestra_kit": lambda rng: kit(acoustic(rng, power=0.8)),
    "percussion": lambda rng: kit({**acoustic(rng), **hand_percussion(rng)}),
}
