"""Singers: a glottal source that follows the melody, formants of the vowels, consonants and breath; and a didgeridoo.

Each singer drawn has another vocal tract, vibrato and voice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccmusicd.capture.music.playing import Instrument, Makers, Stroke
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Curve,
    Sound,
    bandpass,
    hz,
    noise,
    normalised,
    partials_below,
    ramped,
    resonances,
    samples,
    saturated,
    saw_table,
    swept,
    table,
    wave,
)

_RATE = 200  # points a second of the curves that a singer follows

# First three formants in hertz of a vocal tract of 17 cm.
_VOWELS = {
    "a": (730.0, 1150.0, 2500.0), "e": (500.0, 1750.0, 2500.0), "i": (290.0, 2200.0, 2950.0),
    "o": (480.0, 850.0, 2450.0), "u": (320.0, 750.0, 2300.0), "y": (290.0, 2000.0, 2700.0),
}  # fmt: skip
_NASAL = (260.0, 1100.0, 2300.0)

# Band in hertz, seconds and strength of a consonant's noise.
_HISSES = {
    "s": (4500.0, 10_000.0, 0.09, 0.35), "z": (4500.0, 10_000.0, 0.07, 0.2), "f": (1500.0, 9000.0, 0.07, 0.12),
    "v": (1500.0, 8000.0, 0.05, 0.08), "h": (600.0, 5000.0, 0.08, 0.15), "t": (3000.0, 9000.0, 0.025, 0.4),
    "d": (2500.0, 7000.0, 0.02, 0.2), "k": (1500.0, 4500.0, 0.03, 0.4), "g": (1200.0, 3500.0, 0.02, 0.2),
    "p": (500.0, 3000.0, 0.02, 0.35), "b": (300.0, 2000.0, 0.015, 0.2), "c": (2500.0, 8000.0, 0.06, 0.35),
    "j": (2200.0, 7000.0, 0.05, 0.25),
}  # fmt: skip
_VOICED = frozenset("mnlrwbdgvzjy")
_VOICELESS = frozenset("sfhtkpcq")


@dataclass(frozen=True, slots=True)
class Singer:
    """One singer: `tract` scales the formants, `tilt` is the slope of the glottal source's partials."""

    tract: float
    tilt: float
    vibrato: float
    vibrato_hz: float
    glide_s: float
    breath: float
    jitter: float
    seed: int
    rough: float = 0.0
    octave: float = 0.0


def _singer(rng: np.random.Generator, tract: tuple[float, float], *, growl: bool = False) -> Singer:
    return Singer(
        tract=rng.uniform(*tract),
        tilt=rng.uniform(-1.2, -0.6) if not growl else rng.uniform(-0.8, -0.4),
        vibrato=rng.uniform(0.0, 0.45) if not growl else 0.0,
        vibrato_hz=rng.uniform(4.6, 6.4),
        glide_s=rng.uniform(0.025, 0.09),
        breath=rng.uniform(0.02, 0.15) if not growl else rng.uniform(0.3, 0.7),
        jitter=rng.uniform(0.02, 0.1),
        seed=int(rng.integers(1 << 31)),
        rough=rng.uniform(0.5, 0.9) if growl else 0.0,
        octave=-12.0 if growl and rng.random() < 0.6 else 0.0,
    )


def _vowel(syllable: str) -> tuple[float, float, float]:
    for letter in syllable.lower():
        if letter in _VOWELS:
            return _VOWELS[letter]
    return _NASAL if syllable else _VOWELS["a"]


def _smoothed(points: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """The points [shape=(n, ...)] blurred over a time."""
    half = max(1, round(seconds * _RATE))
    kernel = np.hanning(2 * half + 3)[1:-1]
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(points[:1], half, 0), points, np.repeat(points[-1:], half, 0)])
    columns = [np.convolve(column, kernel, "valid") for column in padded.reshape(len(padded), -1).T]
    return np.stack(columns, axis=1).reshape(points.shape)


@dataclass(frozen=True, slots=True)
class _Curves:
    """What the singer does, 200 points a second: pitch, formants [shape=(n, 3)], loudness of the voice."""

    pitch: Curve
    formants: Curve
    loudness: Curve


def _curves(strokes: Sequence[Stroke], singer: Singer, rng: np.random.Generator) -> _Curves:
    count = round((strokes[-1].at_s + strokes[-1].length_s + 0.15) * _RATE) + 1
    pitch, loudness = np.zeros(count), np.zeros(count)
    formants = np.tile(np.asarray(_vowel(strokes[0].syllable)), (count, 1))
    t = np.arange(count) / _RATE
    shake = np.zeros(count)
    for index, stroke in enumerate(strokes):
        follows = index + 1 < len(strokes)
        until = strokes[index + 1].at_s if follows else t[-1]
        first, last = (round(s * _RATE) for s in (stroke.at_s, until))
        pitch[first:] = stroke.pitch + singer.octave
        end = min(last, round((stroke.at_s + stroke.length_s) * _RATE))
        loudness[first:end] = 0.3 + 0.7 * stroke.loudness
        formants[first:] = _vowel(stroke.syllable)
        onset = stroke.syllable[:1].lower()
        if onset in _VOICED:
            formants[first : first + 12] = _NASAL
            loudness[first : first + 10] *= 0.45
        elif onset in _VOICELESS:
            loudness[first : first + 10] = 0.0
        late = np.clip((t[first:last] - stroke.at_s - 0.25) / 0.3, 0.0, 1.0)
        shake[first:last] = late if stroke.length_s > 0.4 else 0.0
    swing = singer.vibrato * shake * np.sin(2.0 * np.pi * singer.vibrato_hz * t)
    drift = _smoothed(rng.standard_normal(count), 0.05) * 4.0 * singer.jitter
    return _Curves(
        _smoothed(pitch, singer.glide_s) + swing + drift, _smoothed(formants, 0.035), _smoothed(loudness, 0.02)
    )


def _consonants(strokes: Sequence[Stroke], length: int, rng: np.random.Generator) -> Sound:
    line = np.zeros(length, dtype=np.float32)
    for stroke in strokes:
        band = _HISSES.get(stroke.syllable[:1].lower())
        first = samples(stroke.at_s)
        if band and first < length:
            low, high, seconds, strength = band
            burst = bandpass(noise(rng, samples(seconds)), low, high)[: length - first]
            line[first : first + len(burst)] += np.float32(strength * (0.4 + stroke.loudness)) * ramped(
                burst, 0.003, 0.02
            )
    return line


def sung(strokes: Sequence[Stroke], singer: Singer) -> Sound:
    """A phrase."""
    rng = np.random.default_rng((singer.seed, len(strokes), round(strokes[0].pitch)))
    curves = _curves(strokes, singer, rng)
    length = samples((len(curves.pitch) - 1) / _RATE)
    place = np.arange(length) * (_RATE / SAMPLE_RATE)
    grid = np.arange(len(curves.pitch))
    frequency = 440.0 * 2.0 ** ((np.interp(place, grid, curves.pitch) - 69.0) / 12.0)
    loudness = np.interp(place, grid, curves.loudness).astype(np.float32)
    count = partials_below(float(frequency.max()))
    source = wave(table(tuple(float(k**singer.tilt) for k in range(1, count + 1))), frequency, length)
    if singer.rough:  # the false folds beat at half the pitch and in noise
        flutter = bandpass(noise(rng, length), 20.0, 90.0) * 8.0
        source = saturated(source * (1.0 + singer.rough * flutter), 2.5)
    source = loudness * (source + np.float32(2.0 * singer.breath) * noise(rng, length))
    widths = (70.0, 100.0, 150.0)

    def mouth(hertz: Sound, at: Sound) -> Sound:
        here = np.minimum((at * _RATE).astype(np.int64), len(grid) - 1)[:, 0]
        tracks = (curves.formants[here] * singer.tract).astype(np.float32)
        peaks = [(tracks[:, i : i + 1], widths[i], height) for i, height in enumerate((1.0, 1.0, 0.7))]
        fixed = [(3400.0 * singer.tract, 250.0, 0.5), (4300.0 * singer.tract, 350.0, 0.3)]
        return resonances(hertz, [*peaks, *fixed], 0.015)

    voice = swept(source, mouth, 512)
    loud = float(max(stroke.loudness for stroke in strokes))
    mixed = normalised(voice) + _consonants(strokes, length, rng)
    return ramped(np.float32(0.3 + 0.7 * loud) * mixed, 0.02, 0.06)


def _voice(tract: tuple[float, float], *, growl: bool, rng: np.random.Generator) -> Instrument:
    singer = _singer(rng, tract, growl=growl)

    def phrase(strokes: Sequence[Stroke]) -> Sound:
        return sung(strokes, singer)

    return Instrument(phrase, in_phrases=True)


def voice_low(rng: np.random.Generator) -> Instrument:
    """A long vocal tract."""
    return _voice((0.92, 1.06), growl=False, rng=rng)


def voice_high(rng: np.random.Generator) -> Instrument:
    """A short vocal tract."""
    return _voice((1.08, 1.28), growl=False, rng=rng)


def growl(rng: np.random.Generator) -> Instrument:
    """A singer of extreme metal."""
    return _voice((0.85, 1.05), growl=True, rng=rng)


def didgeridoo(rng: np.random.Generator) -> Instrument:
    """A drone whose formants are moved by the tongue, in the pulse of breathing."""
    rate, shift = rng.uniform(1.5, 4.0), rng.uniform(0.3, 0.9)
    low, high = rng.uniform(350.0, 600.0), rng.uniform(1200.0, 1900.0)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.1)

        def tongue(hertz: Sound, at: Sound) -> Sound:
            swing = 2.0 ** (shift * np.sin(2.0 * np.pi * rate * at))
            return resonances(hertz, ((low * swing, 90.0, 1.0), (high / swing, 150.0, 0.6), (90.0, 60.0, 1.0)), 0.03)

        f = hz(stroke.pitch)
        buzz = saturated(wave(saw_table(f), f, length), 2.0)
        pulse = 0.8 + 0.2 * np.sin(np.arange(length, dtype=np.float32) * np.float32(2.0 * np.pi * rate / SAMPLE_RATE))
        return ramped(normalised(swept(buzz * pulse, tongue)), 0.06, 0.1)

    return Instrument(timbre)


MAKERS: Makers = {"voice_low": voice_low, "voice_high": voice_high, "growl": growl, "didgeridoo": didgeridoo}
