"""Bowed strings, winds, organs and choirs: steady spectra with an onset, breath or bow noise, and vibrato."""

from dataclasses import dataclass

import numpy as np

from ccmusicd.capture.music.playing import Instrument, Maker, Makers, Stroke
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Curve,
    Sound,
    bandpass,
    hz,
    noise,
    partials_below,
    ramped,
    samples,
    table,
    wave,
)


@dataclass(frozen=True, slots=True)
class Tone:
    """A steady tone. `slope` of the partials (strength = number ** slope), `even` the strength of the even ones.

    `formants`: (hertz, width in octaves, height). `attack_s`, `release_s`; `vibrato` as a share of the frequency;
    `breath` noise of the air or the bow; `players` of a section, detuned.
    """

    slope: float
    even: float = 1.0
    formants: tuple[tuple[float, float, float], ...] = ()
    attack_s: float = 0.05
    release_s: float = 0.1
    vibrato: float = 0.0
    breath: float = 0.02
    players: int = 1
    tremolo: float = 0.0


def _spectrum(tone: Tone, frequency_hz: float, slope: float, size: float) -> tuple[float, ...]:
    number = np.arange(1, partials_below(frequency_hz) + 1)
    strength = number**slope * np.where(number % 2 == 0, tone.even, 1.0)
    lift = np.ones(len(number))
    for centre, width, height in tone.formants:
        lift += height * np.exp(-((np.log2(number * frequency_hz / (centre * size)) / width) ** 2))
    return tuple(float(value) for value in np.round(strength * lift, 5))


def _frequency(stroke: Stroke, length: int, depth: float, rate_hz: float) -> Curve:
    t = np.arange(length) / SAMPLE_RATE
    came = 0.0 if stroke.before is None else stroke.before - stroke.pitch
    swing = 1.0 + depth * np.clip((t - 0.15) / 0.3, 0.0, 1.0) * np.sin(2.0 * np.pi * rate_hz * t)
    return np.asarray(hz(stroke.pitch) * 2.0 ** (came * np.exp(-t / 0.04) / 12.0) * swing)


def sustained(tone: Tone) -> Maker:
    """What plays such a tone; brightness, size, vibrato and onset are drawn round it."""

    def maker(rng: np.random.Generator) -> Instrument:
        slope, size = tone.slope + rng.normal(0.0, 0.12), rng.uniform(0.92, 1.08)
        depth, rate = tone.vibrato * rng.uniform(0.5, 1.5), rng.uniform(4.6, 6.2)
        attack, breath = tone.attack_s * rng.uniform(0.7, 1.5), tone.breath * rng.uniform(0.4, 1.8)
        apart = rng.normal(0.0, 0.0022, tone.players) if tone.players > 1 else np.zeros(1)
        shaking = rng.uniform(7.0, 11.0)

        def timbre(stroke: Stroke) -> Sound:
            length = samples(stroke.length_s + tone.release_s)
            f = hz(stroke.pitch)
            total = np.zeros(length, dtype=np.float32)
            bright = table(_spectrum(tone, f, slope + 0.35 * (stroke.loudness - 0.7), size))
            for index, detune in enumerate(apart):
                curve = _frequency(stroke, length, depth, rate + 0.3 * index) if depth else f
                total += wave(bright, curve * (1.0 + float(detune)), length, 0.23 * index)
            total /= np.float32(len(apart) ** 0.5)
            if breath:
                air = noise(np.random.default_rng(round(stroke.pitch * 10.0)), length)
                total += np.float32(3.0 * breath) * bandpass(air, 0.8 * f, 6000.0, order=1)
            if tone.tremolo:
                t = np.arange(length, dtype=np.float32) / SAMPLE_RATE
                total *= 1.0 - tone.tremolo * (0.5 + 0.5 * np.sin(np.float32(6.283 * shaking) * t))
            return ramped(0.8 * total, min(attack, 0.5 * stroke.length_s), tone.release_s)

        return Instrument(timbre)

    return maker


_FIDDLE = ((480.0, 0.3, 1.0), (1000.0, 0.4, 0.8), (2800.0, 0.5, 1.2))
_BIG_FIDDLE = ((220.0, 0.3, 1.0), (600.0, 0.4, 0.8), (1700.0, 0.5, 0.8))
_AH = ((700.0, 0.25, 4.0), (1150.0, 0.25, 2.5), (2900.0, 0.3, 1.0))
_OOH = ((350.0, 0.3, 4.0), (800.0, 0.3, 1.0))
_REED = ((1200.0, 0.5, 1.2), (2800.0, 0.4, 0.6))

_TONES = {
    "violin": Tone(-1.05, formants=_FIDDLE, attack_s=0.06, vibrato=0.006, breath=0.03),
    "viola": Tone(-1.15, formants=((350.0, 0.3, 1.0), (1200.0, 0.4, 0.8)), attack_s=0.07, vibrato=0.006, breath=0.03),
    "cello": Tone(-1.1, formants=_BIG_FIDDLE, attack_s=0.07, vibrato=0.006, breath=0.03),
    "contrabass": Tone(
        -1.2, formants=((120.0, 0.4, 1.0), (500.0, 0.4, 0.6)), attack_s=0.09, vibrato=0.003, breath=0.04
    ),
    "fiddle": Tone(-0.95, formants=_FIDDLE, attack_s=0.03, vibrato=0.003, breath=0.05),
    "tremolo_strings": Tone(-1.1, formants=_FIDDLE, players=4, vibrato=0.003, tremolo=0.7),
    "string_section": Tone(-1.15, formants=_FIDDLE, players=5, attack_s=0.12, release_s=0.25, vibrato=0.004),
    "slow_strings": Tone(-1.3, formants=_BIG_FIDDLE, players=5, attack_s=0.45, release_s=0.5, vibrato=0.004),
    "synth_strings": Tone(-1.2, players=4, attack_s=0.25, release_s=0.4),
    "choir": Tone(-1.2, formants=_AH, players=5, attack_s=0.18, release_s=0.3, vibrato=0.006, breath=0.03),
    "oohs": Tone(-1.5, formants=_OOH, players=4, attack_s=0.15, release_s=0.25, vibrato=0.005, breath=0.03),
    "trumpet": Tone(-0.75, formants=((1300.0, 0.6, 1.0),), attack_s=0.03, vibrato=0.003, breath=0.01),
    "muted_trumpet": Tone(-0.5, formants=((1900.0, 0.35, 3.0),), attack_s=0.03, vibrato=0.004),
    "trombone": Tone(-0.9, formants=((600.0, 0.6, 1.0),), attack_s=0.04, vibrato=0.002),
    "tuba": Tone(-1.3, formants=((250.0, 0.6, 1.0),), attack_s=0.05),
    "french_horn": Tone(-1.4, formants=((450.0, 0.6, 1.0),), attack_s=0.06, vibrato=0.001),
    "brass_section": Tone(-0.8, formants=((1100.0, 0.6, 0.8),), players=4, attack_s=0.035),
    "synth_brass": Tone(-0.95, players=2, attack_s=0.03, breath=0.0),
    "soprano_sax": Tone(-0.9, even=0.8, formants=_REED, attack_s=0.03, vibrato=0.005, breath=0.05),
    "alto_sax": Tone(-0.95, even=0.8, formants=_REED, attack_s=0.035, vibrato=0.005, breath=0.06),
    "tenor_sax": Tone(-0.95, even=0.8, formants=((800.0, 0.5, 1.2), (2200.0, 0.4, 0.6)), vibrato=0.005, breath=0.07),
    "baritone_sax": Tone(-0.9, even=0.8, formants=((500.0, 0.5, 1.2), (1500.0, 0.4, 0.6)), vibrato=0.004, breath=0.06),
    "oboe": Tone(-0.7, formants=((1400.0, 0.35, 2.5), (3000.0, 0.3, 1.0)), attack_s=0.03, vibrato=0.004),
    "bassoon": Tone(-0.9, formants=((480.0, 0.35, 2.5), (1200.0, 0.3, 1.0)), attack_s=0.04, vibrato=0.002),
    "clarinet": Tone(-0.95, even=0.1, attack_s=0.035, breath=0.03),
    "shanai": Tone(-0.5, formants=((1500.0, 0.4, 3.0), (3200.0, 0.4, 1.5)), attack_s=0.03, vibrato=0.006),
    "bagpipe": Tone(-0.55, formants=((1300.0, 0.5, 2.0),), attack_s=0.01, release_s=0.03, breath=0.01),
    "piccolo": Tone(-2.0, attack_s=0.03, vibrato=0.003, breath=0.08),
    "flute": Tone(-1.8, attack_s=0.05, vibrato=0.005, breath=0.1),
    "recorder": Tone(-2.1, even=0.4, attack_s=0.03, breath=0.08),
    "pan_flute": Tone(-2.2, even=0.3, attack_s=0.04, vibrato=0.003, breath=0.25),
    "shakuhachi": Tone(-1.9, attack_s=0.07, vibrato=0.01, breath=0.3),
    "whistle": Tone(-2.2, attack_s=0.02, vibrato=0.003, breath=0.1),
    "ocarina": Tone(-2.8, attack_s=0.03, vibrato=0.003, breath=0.06),
    "church_organ": Tone(-0.9, players=3, attack_s=0.05, release_s=0.3, breath=0.02),
    "reed_organ": Tone(-0.7, players=2, attack_s=0.04, breath=0.01),
    "accordion": Tone(-0.7, formants=((1000.0, 0.6, 0.8),), players=3, attack_s=0.03, breath=0.01),
    "bandoneon": Tone(-0.75, formants=((800.0, 0.5, 1.0),), players=2, attack_s=0.04, breath=0.02),
    "harmonica": Tone(-0.6, formants=((1600.0, 0.5, 1.0),), attack_s=0.03, vibrato=0.004, breath=0.04),
    "new_age_pad": Tone(-1.6, players=4, attack_s=0.3, release_s=0.8, breath=0.04),
    "choir_pad": Tone(-1.3, formants=_AH, players=4, attack_s=0.35, release_s=0.7, vibrato=0.003),
    "bowed_pad": Tone(-1.4, even=0.3, players=4, attack_s=0.4, release_s=0.7),
    "metal_pad": Tone(-0.8, even=0.3, players=4, attack_s=0.25, release_s=0.8),
    "halo_pad": Tone(-1.5, formants=_OOH, players=5, attack_s=0.4, release_s=0.9, breath=0.06),
}


def _drawbars(slope: tuple[float, float], percussion: float, growl: float) -> Maker:
    """A tone-wheel organ: nine drawbars, a rotating loudspeaker, the click of the key."""

    def maker(rng: np.random.Generator) -> Instrument:
        bars = np.zeros(16)
        drawn = rng.uniform(0.0, 1.0, 9) ** 1.2
        drawn[:3] = rng.uniform(0.6, 1.0, 3)
        for place, strength in zip((1, 3, 2, 4, 6, 8, 10, 12, 16), drawn, strict=True):
            bars[place - 1] = strength * place ** rng.uniform(*slope)
        cycle = table(tuple(float(bar) for bar in bars))
        rate, click = rng.choice([0.8, 6.4]), rng.uniform(0.0, 0.3)

        def timbre(stroke: Stroke) -> Sound:
            length = samples(stroke.length_s + 0.03)
            t = np.arange(length) / SAMPLE_RATE
            turn = np.sin(2.0 * np.pi * rate * t)
            # the drawbars begin an octave below the key
            curve = 0.5 * hz(stroke.pitch) * (1.0 + 0.002 * turn)
            tone = wave(cycle, curve, length) * (1.0 + 0.2 * turn).astype(np.float32)
            if percussion:
                ping = wave(table((1.0,)), 2.0 * hz(stroke.pitch), length)
                tone += np.float32(percussion) * ping * np.exp(-t / 0.12).astype(np.float32)
            start = min(length, samples(0.008))
            tone[:start] += np.float32(click) * noise(np.random.default_rng(7), start)
            driven = np.tanh((1.0 + growl) * tone) if growl else tone
            return ramped(0.8 * driven.astype(np.float32), 0.004, 0.02)

        return Instrument(timbre)

    return maker


MAKERS: Makers = {
    **{name: sustained(tone) for name, tone in _TONES.items()},
    "hammond": _drawbars((-0.8, -0.3), 0.0, 0.3),
    "percussive_organ": _drawbars((-1.0, -0.4), 0.6, 0.2),
    "rock_organ": _drawbars((-0.5, 0.0), 0.0, 2.0),
}
