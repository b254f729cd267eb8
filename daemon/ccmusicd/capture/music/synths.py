"""Synthesisers: basses, leads and pads. Each function draws one patch; strokes of a patch share its settings."""

import numpy as np

from ccmusicd.capture.music.playing import Instrument, Makers, Stroke
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Curve,
    Sound,
    decay,
    hz,
    lowpass,
    normalised,
    pulse_table,
    ramped,
    resonances,
    resonant_lowpass,
    samples,
    saturated,
    saw_table,
    swept,
    table,
    time_axis,
    wave,
)

_SINE = (1.0,)


def _glide(stroke: Stroke, length: int, glide_s: float) -> Curve | float:
    """The frequency of a stroke; it comes from the pitch before when it is slurred to it."""
    if stroke.before is None:
        return hz(stroke.pitch)
    left = np.exp(-np.arange(length) / (glide_s * SAMPLE_RATE))
    return np.asarray(hz(stroke.pitch) * 2.0 ** ((stroke.before - stroke.pitch) * left / 12.0))


def _shaken(stroke: Stroke, length: int, depth: float, rate_hz: float) -> Curve | float:
    """A lead's frequency: a glide and, in long notes, vibrato."""
    frequency = _glide(stroke, length, 0.04)
    if length < 0.35 * SAMPLE_RATE or not depth:
        return frequency
    t = np.arange(length) / SAMPLE_RATE
    swing = 1.0 + depth * np.clip((t - 0.2) / 0.3, 0.0, 1.0) * np.sin(2.0 * np.pi * rate_hz * t)
    return np.asarray(frequency * swing)


def synth_bass(rng: np.random.Generator) -> Instrument:
    """A sawtooth or a pulse and a sine below it through a filter that shuts after the onset."""
    cutoff, reach, fall = rng.uniform(180, 700), rng.uniform(1.0, 5.0), rng.uniform(0.06, 0.35)
    resonance, drive, sub = rng.uniform(0.2, 2.0), rng.uniform(0.8, 3.0), rng.uniform(0.2, 1.0)
    width = 0.0 if rng.random() < 0.5 else rng.uniform(0.2, 0.5)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.04)
        f = hz(stroke.pitch)
        cycle = pulse_table(f, width) if width else saw_table(f)
        curve = _glide(stroke, length, 0.03)
        open_to = reach * (0.4 + stroke.loudness)
        body = swept(
            wave(cycle, curve, length),
            lambda frequency, at: resonant_lowpass(
                frequency, np.asarray(cutoff * (1.0 + open_to * np.exp(-at / fall))), resonance
            ),
            512,
        )
        mixed = body + sub * wave(table(_SINE), curve, length)
        return ramped(saturated(mixed, drive), 0.004, 0.03)

    return Instrument(timbre)


def reese_bass(rng: np.random.Generator) -> Instrument:
    """Sawtooths out of tune with each other, driven, behind a slowly moving filter."""
    spread, drive = rng.uniform(0.08, 0.4), rng.uniform(1.5, 5.0)
    cutoff, rate = rng.uniform(300, 1400), rng.uniform(0.2, 6.0)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.05)
        saws = np.zeros(length, dtype=np.float32)
        for index, detune in enumerate((-1.0, -0.3, 0.4, 1.0)):
            bent = Stroke(stroke.pitch + spread * detune, stroke.length_s, 1.0, before=stroke.before)
            saws += wave(saw_table(hz(stroke.pitch)), _glide(bent, length, 0.05), length, 0.31 * index)
        moved = swept(
            saturated(saws, 0.4 * drive),
            lambda frequency, at: resonant_lowpass(
                frequency, np.asarray(cutoff * 2.0 ** np.sin(2.0 * np.pi * rate * at)), 0.8
            ),
        )
        sub = wave(table(_SINE), hz(stroke.pitch), length)
        return ramped(saturated(moved + 0.7 * sub, 1.2), 0.006, 0.04)

    return Instrument(timbre)


def bass_808(rng: np.random.Generator) -> Instrument:
    """The long booming bass of a drum machine; a slide travels from the pitch before."""
    drive, ring, click = rng.uniform(1.2, 6.0), rng.uniform(0.35, 1.6), rng.uniform(0.5, 2.5)
    glide = rng.uniform(0.03, 0.12)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(min(stroke.length_s + 0.08, 4.0 * ring))
        curve = _glide(stroke, length, glide) * (1.0 + click * np.exp(-np.arange(length) / samples(0.014)))
        tone = wave(table(_SINE), np.asarray(curve), length) * decay(length, ring)
        return ramped(saturated(tone, drive), 0.002, 0.06)

    return Instrument(timbre)


def acid_bass(rng: np.random.Generator) -> Instrument:
    """One oscillator, a very resonant filter that snaps shut, accents and slides."""
    cutoff, resonance, fall = rng.uniform(200, 600), rng.uniform(3.0, 9.0), rng.uniform(0.06, 0.3)
    reach, drive, square = rng.uniform(3.0, 9.0), rng.uniform(0.8, 3.0), rng.random() < 0.4

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.02)
        f = hz(stroke.pitch)
        tone = wave(pulse_table(f) if square else saw_table(f), _glide(stroke, length, 0.025), length)
        top = reach * (0.3 + stroke.loudness**2)
        out = swept(
            tone,
            lambda frequency, at: resonant_lowpass(
                frequency, np.asarray(cutoff * (1.0 + top * np.exp(-at / fall))), resonance, 3
            ),
            512,
        )
        return ramped(saturated(0.6 * out, drive), 0.003, 0.015)

    return Instrument(timbre)


def _lead(rng: np.random.Generator, *, square: bool) -> Instrument:
    cutoff, spread, width = rng.uniform(1500, 8000), rng.uniform(0.0, 0.12), rng.uniform(0.15, 0.5)
    depth, rate, release = rng.uniform(0.0, 0.008), rng.uniform(4.5, 6.5), rng.uniform(0.03, 0.2)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + release)
        f = hz(stroke.pitch)
        cycle = pulse_table(f, width) if square else saw_table(f)
        curve = _shaken(stroke, length, depth, rate)
        tone = wave(cycle, curve, length) + wave(cycle, curve * (1.0 + spread * 0.0578), length, 0.4)
        return ramped(lowpass(0.55 * tone, cutoff * (0.5 + stroke.loudness), resonance=0.5), 0.006, release)

    return Instrument(timbre)


def saw_lead(rng: np.random.Generator) -> Instrument:
    """Two sawtooths."""
    return _lead(rng, square=False)


def square_lead(rng: np.random.Generator) -> Instrument:
    """Two pulse waves."""
    return _lead(rng, square=True)


def supersaw(rng: np.random.Generator) -> Instrument:
    """Seven sawtooths spread round the pitch."""
    spread, cutoff = rng.uniform(0.08, 0.35), rng.uniform(2500, 9000)
    attack, release = rng.uniform(0.003, 0.05), rng.uniform(0.05, 0.35)
    starts = rng.random(7)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + release)
        total = np.zeros(length, dtype=np.float32)
        for place, start in zip(np.linspace(-1.0, 1.0, 7), starts, strict=True):
            f = hz(stroke.pitch + spread * float(place) * abs(float(place)) ** 0.3)
            total += wave(saw_table(f), f, length, float(start))
        bright = lowpass(total - total.mean(), cutoff * (0.6 + 0.6 * stroke.loudness))
        return ramped(0.3 * bright, attack, release)

    return Instrument(timbre)


def pluck(rng: np.random.Generator) -> Instrument:
    """Short notes whose filter shuts at once."""
    cutoff, resonance, fall = rng.uniform(300, 1200), rng.uniform(0.2, 3.0), rng.uniform(0.05, 0.25)
    reach, ring, spread = rng.uniform(3.0, 10.0), rng.uniform(0.12, 0.6), rng.uniform(0.03, 0.15)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(4.0 * ring)
        f = hz(stroke.pitch)
        tone = wave(saw_table(f), f, length) + wave(saw_table(f), hz(stroke.pitch + spread), length, 0.3)
        top = reach * (0.3 + stroke.loudness)
        out = swept(
            0.6 * tone,
            lambda frequency, at: resonant_lowpass(
                frequency, np.asarray(cutoff * (1.0 + top * np.exp(-at / fall))), resonance
            ),
            512,
        )
        return ramped(out * decay(length, ring), 0.002, 0.02)

    return Instrument(timbre, ends="damped")


def talkbox(rng: np.random.Generator) -> Instrument:
    """A sawtooth shaped by a mouth that opens and shuts in each note."""
    depth, rate, speed = rng.uniform(0.003, 0.01), rng.uniform(4.5, 6.0), rng.uniform(0.08, 0.25)
    size = rng.uniform(0.9, 1.15)
    mouths = ((300.0, 870.0), (730.0, 1090.0), (440.0, 1020.0), (530.0, 1840.0), (270.0, 2290.0))

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.05)
        shut, wide = mouths[round(stroke.pitch) % 5], mouths[(round(stroke.pitch) * 3 + 1) % 5]

        def mouth(frequency: Sound, at: Sound) -> Sound:
            way = 1.0 - np.exp(-at / speed)
            low, high = (size * (a + (b - a) * way) for a, b in zip(shut, wide, strict=True))
            return resonances(frequency, ((low, 90.0, 1.0), (high, 130.0, 0.8), (2600.0 * size, 250.0, 0.25)))

        tone = wave(saw_table(hz(stroke.pitch)), _shaken(stroke, length, depth, rate), length)
        return ramped(normalised(swept(tone, mouth)), 0.015, 0.05)

    return Instrument(timbre)


def _pad(rng: np.random.Generator, *, sweep: float, cutoff: tuple[float, float]) -> Instrument:
    centre, spread = rng.uniform(*cutoff), rng.uniform(0.04, 0.16)
    rate, resonance = rng.uniform(0.05, 0.4), rng.uniform(0.0, 1.5)
    attack, release = rng.uniform(0.15, 0.9), rng.uniform(0.3, 1.2)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + release)
        total = np.zeros(length, dtype=np.float32)
        for index, detune in enumerate((-spread, 0.0, spread)):
            f = hz(stroke.pitch + detune)
            total += wave(saw_table(f), f, length, 0.37 * index)
        if sweep:
            total = swept(
                total,
                lambda frequency, at: resonant_lowpass(
                    frequency, np.asarray(centre * 2.0 ** (sweep * np.sin(2.0 * np.pi * rate * at - 1.2))), resonance
                ),
                2048,
            )
        else:
            total = lowpass(total, centre)
        return ramped(0.5 * total, min(attack, 0.6 * stroke.length_s), release)

    return Instrument(timbre)


def warm_pad(rng: np.random.Generator) -> Instrument:
    """Slowly drifting sawtooths behind a soft filter."""
    return _pad(rng, sweep=0.0, cutoff=(400.0, 1600.0))


def sweep_pad(rng: np.random.Generator) -> Instrument:
    """A pad whose resonant filter opens and shuts."""
    return _pad(rng, sweep=float(rng.uniform(1.0, 2.5)), cutoff=(500.0, 1800.0))


def drone(rng: np.random.Generator) -> Instrument:
    """A few partials, each coming and going at its own pace."""
    count = int(rng.integers(6, 14))
    strengths, rates, phases = rng.uniform(0.2, 1.0, count), rng.uniform(0.02, 0.25, count), rng.random(count)
    slope, detune = rng.uniform(0.6, 1.6), rng.normal(0.0, 0.03, count)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 1.0)
        t = time_axis(length)
        total = np.zeros(length, dtype=np.float32)
        for index in range(count):
            f = hz(stroke.pitch + float(detune[index])) * (1 + index)
            if f < 9000.0:
                swell = 0.55 + 0.45 * np.sin(
                    t * np.float32(2.0 * np.pi * rates[index]) + np.float32(6.28 * phases[index])
                )
                total += np.float32(strengths[index] * (1 + index) ** -slope) * swell * wave(table(_SINE), f, length)
        return ramped(normalised(total), min(1.2, 0.3 * stroke.length_s), 1.0)

    return Instrument(timbre)


def bell_pad(rng: np.random.Generator) -> Instrument:
    """Glassy partials out of tune with each other over a soft tone."""
    ratios = (1.0, 2.0 * rng.uniform(0.99, 1.01), rng.uniform(2.6, 3.1), rng.uniform(4.8, 5.8))
    ring, bed = rng.uniform(0.5, 2.0), rng.uniform(0.1, 0.6)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + ring)
        f = hz(stroke.pitch)
        total = bed * wave(table((1.0, 0.3, 0.1)), f * 1.002, length)
        for index, ratio in enumerate(ratios):
            if f * ratio < 9500.0:
                total += (
                    np.float32(0.8**index) * wave(table(_SINE), f * ratio, length) * decay(length, ring / (1 + index))
                )
        return ramped(normalised(total), 0.01, min(ring, 0.8))

    return Instrument(timbre)


MAKERS: Makers = {
    "synth_bass": synth_bass, "reese_bass": reese_bass, "bass_808": bass_808, "acid_bass": acid_bass,
    "saw_lead": saw_lead, "square_lead": square_lead, "supersaw": supersaw, "pluck": pluck, "talkbox": talkbox,
    "warm_pad": warm_pad, "sweep_pad": sweep_pad, "drone": drone, "bell_pad": bell_pad,
}  # fmt: skip
