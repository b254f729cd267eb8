"""Pitched instruments. Each function gives one note; the same arguments always give the same sound.

What is played over and over (piano, plucked strings) is computed once for each pitch and remembered; callers must not
write into it.
"""

from functools import lru_cache

import numpy as np

from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    bandpass,
    cycles,
    decay,
    hz,
    lowpass,
    noise,
    plucked,
    ramped,
    samples,
    saturated,
    saw,
    sine,
    time_axis,
    vibrato,
)


@lru_cache(maxsize=128)
def piano(pitch: int, *, loud: bool) -> Sound:
    """A hammered string: stretched partials that die the sooner the higher they are; a loud one is brighter."""
    frequency = hz(pitch)
    length = samples(float(np.clip(4.2 - 0.045 * (pitch - 33), 0.8, 3.6)))
    t = time_axis(length)
    note = np.zeros(length, dtype=np.float32)
    stiffness = 3e-4 * 2.0 ** ((pitch - 48) / 14.0)
    fundamental_decay_s = 1.5 * 2.0 ** ((48 - pitch) / 26.0)
    for partial in range(1, 15):
        partial_hz = frequency * partial * float(np.sqrt(1.0 + stiffness * partial * partial))
        if partial_hz > 0.45 * SAMPLE_RATE:
            break
        strength = partial ** (-1.0 if loud else -1.7) * (0.3 + abs(np.sin(np.pi * partial / 7.4)))
        fall = np.exp(t * np.float32(-(1.0 + 0.4 * partial) / fundamental_decay_s))
        tone = sine(cycles(partial_hz, length))
        if partial <= 3:  # two strings a hair apart: the slow beating of a real piano
            tone = 0.6 * tone + 0.4 * sine(cycles(partial_hz * 1.0007, length, start=0.2))
        note += np.float32(strength) * fall * tone
    knock = lowpass(noise(np.random.default_rng(pitch), samples(0.03)), 900.0 if loud else 400.0)
    note[: len(knock)] += 0.25 * knock * decay(len(knock), 0.008)
    return _normalised(ramped(note, 0.002, 0.08))


@lru_cache(maxsize=64)
def electric_piano(pitch: int) -> Sound:
    """A struck tine: a sine bent by another whose bite dies quickly, with a slow tremolo."""
    frequency = hz(pitch)
    length = samples(2.6)
    t = time_axis(length)
    bite = sine(cycles(frequency * 14.0 if pitch < 60 else frequency * 7.0, length)) * decay(length, 0.06)
    body = sine(cycles(frequency, length)) * (1.6 * decay(length, 0.5))
    tone = np.sin(np.float32(2.0 * np.pi) * cycles(frequency, length).astype(np.float32) + body + 0.35 * bite)
    tremolo = np.float32(1.0) + np.float32(0.22) * np.sin(np.float32(2.0 * np.pi * 4.6) * t)
    return _normalised(ramped(tone * decay(length, 0.9) * tremolo, 0.003, 0.1))


def strings(pitch: int, length_s: float, *, brightness_hz: float = 2600.0) -> Sound:
    """A section of four players, each with a vibrato of his own, swelling and dying away over the note."""
    length = samples(length_s)
    frequency = hz(pitch)
    section = np.zeros(length, dtype=np.float32)
    for player, detune in enumerate((-0.0032, -0.0011, 0.0014, 0.0029)):
        curve = vibrato(frequency * (1.0 + detune), length, rate_hz=4.9 + 0.3 * player, depth=0.003, delay_s=0.25)
        section += saw(cycles(curve, length, start=0.23 * player), frequency)
    swell = np.float32(0.75) + np.float32(0.25) * np.sin(time_axis(length) * np.float32(np.pi / length_s))
    filtered = bandpass(section, 0.8 * frequency, brightness_hz)
    return _normalised(ramped(filtered * swell, min(0.28, length_s / 3), min(0.5, length_s / 2)))


@lru_cache(maxsize=64)
def upright_bass(pitch: int) -> Sound:
    """A thick string plucked by a finger: round, with a thud at the beginning."""
    rng = np.random.default_rng(pitch)
    length = samples(0.9)
    string = plucked(rng, hz(pitch), length, sustain=0.992, brightness_hz=700.0)
    round_tone = string + 0.9 * sine(cycles(hz(pitch), length)) * decay(length, 0.35)
    thud = lowpass(noise(rng, samples(0.04)), 300.0) * decay(samples(0.04), 0.012)
    round_tone[: len(thud)] += 0.5 * thud
    return _normalised(ramped(lowpass(round_tone, 1300.0), 0.004, 0.12))


@lru_cache(maxsize=64)
def electric_bass(pitch: int) -> Sound:
    """A bright string played with a plectrum and driven a little."""
    string = plucked(np.random.default_rng(pitch), hz(pitch), samples(0.8), sustain=0.996, brightness_hz=3000.0)
    return _normalised(ramped(lowpass(saturated(string, 2.0), 1800.0), 0.002, 0.05))


@lru_cache(maxsize=64)
def power_chord(root: int, length_s: float, *, muted: bool) -> Sound:
    """Root, fifth and octave through one overdriven amplifier and its loudspeaker; muted by the palm or ringing."""
    length = samples(length_s)
    chord = np.zeros(length, dtype=np.float32)
    for string, interval in enumerate((0, 7, 12)):
        rng = np.random.default_rng((root, string))
        chord += plucked(
            rng,
            hz(root + interval),
            length,
            sustain=0.97 if muted else 0.9985,
            brightness_hz=1400.0 if muted else 5000.0,
        )
    driven = saturated(chord, 5.0 if muted else 9.0)
    speaker = bandpass(driven, 95.0, 1900.0 if muted else 3800.0, order=3)
    return _normalised(ramped(speaker, 0.002, 0.04))


def lead_guitar(pitch: int, length_s: float, *, bend: float = 0.0) -> Sound:
    """A singing overdriven note with late vibrato; `bend` semitones below the pitch at first, pushed up in 0.12 s."""
    length = samples(length_s)
    frequency = hz(pitch)
    curve = vibrato(frequency, length, rate_hz=5.8, depth=0.009, delay_s=0.22)
    rise = np.clip(np.arange(length) / samples(0.12), 0.0, 1.0)
    curve *= 2.0 ** (bend * (rise - 1.0) / 12.0)
    string = 0.7 * saw(cycles(curve, length), frequency) + 0.3 * sine(cycles(0.5 * curve, length))
    return _normalised(ramped(bandpass(saturated(string, 3.0), 180.0, 3400.0, order=3), 0.006, 0.06))


def synth_pluck(pitch: int, length_s: float, *, cutoff_hz: float) -> Sound:
    """Two detuned sawtooths through a resonant filter, short."""
    length = samples(length_s)
    frequency = hz(pitch)
    wave = saw(cycles(frequency * 0.996, length), frequency) + saw(cycles(frequency * 1.004, length, 0.3), frequency)
    return ramped(lowpass(0.5 * wave, cutoff_hz, order=3, resonance=1.3) * decay(length, length_s / 2.2), 0.003, 0.01)


def synth_bass(pitch: int, length_s: float, *, cutoff_hz: float) -> Sound:
    """A sawtooth with a sine an octave below, for the gaps between the kicks."""
    length = samples(length_s)
    frequency = hz(pitch)
    buzz = lowpass(saw(cycles(frequency, length), frequency), cutoff_hz, order=2, resonance=0.6)
    return ramped(0.6 * buzz + 0.6 * sine(cycles(frequency / 2.0, length)), 0.004, 0.02)


def pad(pitch: int, length_s: float, *, cutoff_hz: float, attack_s: float) -> Sound:
    """Three slowly drifting sawtooths behind a soft filter."""
    length = samples(length_s)
    frequency = hz(pitch)
    voices = [
        saw(cycles(frequency * (1.0 + d), length, 0.37 * (i + 1)), frequency)
        for i, d in enumerate((-0.004, 0.0, 0.0047))
    ]
    mixed = np.asarray(sum(voices[1:], voices[0]), dtype=np.float32)
    return _normalised(ramped(lowpass(mixed, cutoff_hz), attack_s, min(0.6 * length_s, 3.0 * attack_s)))


@lru_cache(maxsize=32)
def bell(pitch: int) -> Sound:
    """A far glass bell: a few partials out of tune with each other that ring for seconds."""
    length = samples(4.5)
    tone = np.zeros(length, dtype=np.float32)
    for ratio, strength, ring_s in ((1.0, 1.0, 1.6), (2.0, 0.5, 1.1), (2.76, 0.35, 0.8), (5.4, 0.15, 0.35)):
        if hz(pitch) * ratio < 0.45 * SAMPLE_RATE:
            tone += np.float32(strength) * sine(cycles(hz(pitch) * ratio, length)) * decay(length, ring_s)
    return _normalised(ramped(tone, 0.004, 0.3))


def bass_808(pitch: int, length_s: float, *, slide: float = 0.0) -> Sound:
    """The long booming bass of a drum machine; `slide` semitones are travelled in the note's second half."""
    length = samples(length_s)
    place = np.arange(length) / length
    knock = 1.6 * np.exp(-np.arange(length) / samples(0.018))
    curve = hz(pitch) * 2.0 ** (slide * np.clip((place - 0.5) / 0.2, 0.0, 1.0) / 12.0) * (1.0 + knock)
    boom = saturated(sine(cycles(curve, length)) * decay(length, 0.75 * length_s), 2.2)
    return _normalised(ramped(boom, 0.002, 0.06))


def _normalised(sound: Sound) -> Sound:
    return np.asarray(sound / np.abs(sound).max(), dtype=np.float32)
