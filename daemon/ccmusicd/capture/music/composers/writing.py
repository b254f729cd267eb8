"""Tools that all composers share: chance, time, chords, melodies, and the builder of a part.

Time is in quarter-note beats from the piece's beginning, pitches are MIDI pitches, velocities 1 to 127.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.score import INSTRUMENTS, Articulation, Note, Part

T = TypeVar("T")

SCALES: Mapping[str, tuple[int, ...]] = {
    "major": theory.MAJOR, "minor": theory.MINOR, "harmonic_minor": theory.HARMONIC_MINOR,
    "melodic_minor": (0, 2, 3, 5, 7, 9, 11), "dorian": (0, 2, 3, 5, 7, 9, 10), "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11), "mixolydian": (0, 2, 4, 5, 7, 9, 10), "hijaz": (0, 1, 4, 5, 7, 8, 10),
    "double_harmonic": (0, 1, 4, 5, 7, 8, 11), "hungarian_minor": (0, 2, 3, 6, 7, 8, 11),
    "pentatonic": (0, 2, 4, 7, 9), "minor_pentatonic": theory.MINOR_PENTATONIC, "blues": (0, 3, 5, 6, 7, 10),
    "in": (0, 1, 5, 7, 8), "hirajoshi": (0, 2, 3, 7, 8), "pelog": (0, 1, 3, 7, 8), "whole_tone": (0, 2, 4, 6, 8, 10),
    "bebop": (0, 2, 4, 5, 7, 9, 10, 11), "diminished": (0, 2, 3, 5, 6, 8, 9, 11),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}  # fmt: skip

QUALITIES: Mapping[str, tuple[int, ...]] = {
    "": (0, 4, 7), "m": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "5": (0, 7), "sus2": (0, 2, 7),
    "sus4": (0, 5, 7), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10), "mmaj7": (0, 3, 7, 11), "m7b5": (0, 3, 6, 10), "dim7": (0, 3, 6, 9), "7sus4": (0, 5, 7, 10),
    "add9": (0, 4, 7, 14), "madd9": (0, 3, 7, 14), "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14), "69": (0, 4, 7, 9, 14), "m11": (0, 3, 7, 10, 14, 17), "13": (0, 4, 7, 10, 14, 21),
    "7b9": (0, 4, 7, 10, 13), "7#9": (0, 4, 7, 10, 15), "maj7#11": (0, 4, 7, 11, 18), "9sus4": (0, 5, 7, 10, 14),
}  # fmt: skip

COMPASS: Mapping[str, tuple[int, int]] = {
    "grand_piano": (21, 108), "harpsichord": (29, 89), "harp": (24, 103), "celesta": (60, 108),
    "church_organ": (24, 96),
    "violin": (55, 100), "fiddle": (55, 96), "viola": (48, 86), "cello": (36, 79), "contrabass": (28, 60),
    "double_bass": (28, 67), "string_section": (28, 100), "slow_strings": (28, 98), "tremolo_strings": (28, 98),
    "pizzicato": (28, 91), "flute": (60, 96), "piccolo": (74, 105), "oboe": (58, 91), "clarinet": (50, 91),
    "bassoon": (34, 74), "recorder": (60, 93), "whistle": (62, 98), "pan_flute": (55, 91), "shakuhachi": (55, 88),
    "ocarina": (60, 91), "trumpet": (54, 86), "muted_trumpet": (54, 86), "trombone": (36, 74), "tuba": (26, 60),
    "french_horn": (36, 77), "soprano_sax": (56, 88), "alto_sax": (49, 83), "tenor_sax": (44, 77),
    "baritone_sax": (36, 70), "timpani": (36, 60), "nylon_guitar": (40, 84), "steel_guitar": (40, 86),
    "jazz_guitar": (40, 86), "banjo": (50, 88), "dulcimer": (48, 88), "accordion": (41, 93), "bandoneon": (38, 93),
    "harmonica": (55, 96), "bagpipe": (43, 84), "sitar": (43, 84), "koto": (43, 88), "shamisen": (48, 84),
    "oud": (38, 76), "kalimba": (55, 91), "marimba": (45, 96), "vibraphone": (53, 89), "xylophone": (60, 103),
    "glockenspiel": (72, 108), "tubular_bells": (55, 79), "shanai": (55, 86), "voice_high": (55, 84),
    "voice_low": (38, 69), "choir": (38, 82), "oohs": (40, 80), "didgeridoo": (26, 58), "tanpura": (31, 67),
}  # fmt: skip
"""The lowest and the highest pitch of acoustic instruments; a note beyond moves by octaves. Others play anything."""

_NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}


def pick(rng: np.random.Generator, choices: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the choices; `weights` need not sum to 1."""
    if weights is None:
        return choices[int(rng.integers(len(choices)))]
    limits = np.cumsum(weights)
    return choices[min(int(np.searchsorted(limits, rng.random() * limits[-1], side="right")), len(choices) - 1)]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from low to high, all equally likely."""
    return float(low + (high - low) * rng.random())


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))


def bars_for(seconds: float, tempo: float, metre: float) -> int:
    """How many whole bars last about so many seconds; at least one."""
    return max(1, round(seconds * tempo / 60.0 / metre))


def swung(beat: float, ratio: float, unit: float = 1.0) -> float:
    """The beat as played with swing: the middle of each unit comes at `ratio` of it (0.5 straight, 2/3 triplets)."""
    index, place = divmod(beat / unit, 1.0)
    place = place * 2 * ratio if place < 0.5 else ratio + (place - 0.5) * 2 * (1 - ratio)
    return float((index + place) * unit)


def made_up_title(rng: np.random.Generator, first: Sequence[str], second: Sequence[str]) -> str:
    """A title of one of the first and one of the second words."""
    return f"{pick(rng, first)} {pick(rng, second)}"


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord in its time: `root` is a pitch class, `intervals` are semitones above it, rising from 0."""

    start: float
    length: float
    root: int
    intervals: tuple[int, ...]

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, the root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def end(self) -> float:
        """The beat at which the next chord begins."""
        return self.start + self.length

    def bass(self, around: float) -> int:
        """Its root as the pitch closest to a pitch."""
        return theory.nearest([self.root], around)

    def close(self, centre: float) -> tuple[int, ...]:
        """Every pitch class once, each as near to the centre as can be; rising."""
        return theory.voiced(self.classes, [round(centre)])

    def stacked(self, low: int) -> tuple[int, ...]:
        """Its intervals above the first root at or above `low`; rising."""
        root = low + (self.root - low) % 12
        return theory.transposed(self.intervals, root)


def chord_of(symbol: str, tonic: int, start: float = 0.0, length: float = 4.0) -> Chord:
    """A chord of a symbol as "I", "ii:m7", "bVII:7": a degree of the major scale, and a key of QUALITIES.

    Without ":" a capital numeral is a major triad and a small one a minor triad; "ii:7" is a dominant seventh.
    """
    numeral, colon, quality = symbol.partition(":")
    degree = numeral.lstrip("b#")
    shift = numeral.count("#", 0, len(numeral) - len(degree)) - numeral.count("b", 0, len(numeral) - len(degree))
    if not colon:
        quality = "m" if degree.islower() else ""
    return Chord(start, length, (tonic + _NUMERALS[degree.lower()] + shift) % 12, QUALITIES[quality])


def progression(symbols: str, tonic: int, each: float, beats: float) -> tuple[Chord, ...]:
    """The chords of a line as "I vi IV V:7", each so many beats, again and again until `beats` are full.

    Chords joined by "," share one place evenly: "I ii:m7,V:7".
    """
    chords: list[Chord] = []
    for index, place in enumerate(itertools.cycle(symbols.split())):
        start = index * each
        if start >= beats - 1e-9:
            return tuple(chords)
        shares = place.split(",")
        length = each / len(shares)
        chords += [
            chord_of(share, tonic, start + turn * length, min(length, beats - start - turn * length))
            for turn, share in enumerate(shares)
            if start + turn * length < beats - 1e-9
        ]
    raise ValueError("a progression needs a chord")


def chord_at(chords: Sequence[Chord], beat: float) -> Chord:
    """The chord that sounds at a beat; the last one after the end."""
    for chord in chords:
        if beat < chord.end - 1e-6:
            return chord
    return chords[-1]


def voicings(chords: Sequence[Chord], centre: float) -> list[tuple[int, ...]]:
    """Close voicings, voice leading smooth from each to the next, that stay within a fifth of the centre."""
    led: list[tuple[int, ...]] = []
    for chord in chords:
        before = led[-1] if led else (round(centre),)
        mean = sum(before) / len(before)
        led.append(theory.voiced(chord.classes, [round(float(np.clip(mean, centre - 5, centre + 5)))]))
    return led


def rhythm_of(rng: np.random.Generator, beats: float, cells: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """(start, length) of notes that fill `beats`, from cells of lengths chosen at random; a negative length rests."""
    filled: list[tuple[float, float]] = []
    beat = 0.0
    while beat < beats - 1e-6:
        for length in pick(rng, cells):
            if beat >= beats - 1e-6:
                break
            if length > 0:
                filled.append((beat, min(length, beats - beat)))
            beat += abs(length)
    return filled


@dataclass(frozen=True, slots=True)
class Tone:
    """A note of a melody before anyone plays it."""

    start: float
    length: float
    pitch: int


def melody(
    rng: np.random.Generator,
    chords: Sequence[Chord],
    scale: Sequence[int],
    cells: Sequence[Sequence[float]],
    *,
    low: int,
    high: int,
    bar: float = 4.0,
    bars: int | None = None,
    form: str = "ABAC",
    leap: float = 0.25,
) -> list[Tone]:
    """A tune over the chords made of motifs: each letter of `form` is a bar's rhythm and contour, which returns.

    `scale` holds pitch classes (or pitches). Notes on a bar's strong places are drawn to the chord, others step along
    the scale, or leap with the probability `leap`. Pitches stay within low to high; `bars` defaults to the chords' end.
    """
    count = bars if bars is not None else max(1, round(chords[-1].end / bar))
    motifs: dict[str, list[tuple[float, float, int]]] = {}
    tones: list[Tone] = []
    pitch = theory.nearest(chords[0].classes, between(rng, low + (high - low) * 0.3, low + (high - low) * 0.8))
    for index, letter in zip(range(count), itertools.cycle(form), strict=False):
        if letter not in motifs:
            motifs[letter] = [(start, length, _move(rng, leap)) for start, length in rhythm_of(rng, bar, cells)]
        for start, length, steps in motifs[letter]:
            pitch = theory.stepped(scale, pitch, steps)
            beat = index * bar + start
            if start < 1e-6 or length >= bar / 2:
                pitch = theory.nearest(chord_at(chords, beat).classes, pitch)
            pitch = within(pitch, low, high)
            tones.append(Tone(beat, length, pitch))
    return tones


def _move(rng: np.random.Generator, leap: float) -> int:
    """Steps along a scale to the next note: mostly one, seldom none."""
    if chance(rng, leap):
        return pick(rng, (-4, -3, -2, 2, 3, 4, 5))
    return pick(rng, (-1, 1, 0, -2), (5, 5, 1, 1))


def within(pitch: int, low: int, high: int) -> int:
    """The pitch moved by octaves into low to high, which should span an octave."""
    while pitch > high:
        pitch -= 12
    while pitch < low:
        pitch += 12
    return pitch


class PartBuilder:
    """Collects what one player plays and humanises it.

    `timing` is the spread of the onsets in beats, `dynamics` that of the velocities; `lag` in beats is later than the
    beat when positive. `swing` is the place of the off-beat in each `swing_unit` (0.5 is straight). `contour` is what
    to multiply a beat's velocities by, `rubato` when a written beat is played, both the same for all parts of a piece.
    """

    def __init__(
        self,
        name: str,
        instrument: str,
        rng: np.random.Generator,
        *,
        timing: float = 0.01,
        dynamics: float = 6.0,
        lag: float = 0.0,
        swing: float = 0.5,
        swing_unit: float = 1.0,
        gain_db: float = 0.0,
        pan: float = 0.0,
        room: float = 0.2,
        contour: Callable[[float], float] | None = None,
        rubato: Callable[[float], float] | None = None,
    ) -> None:
        self.name, self.instrument = name, instrument
        self.gain_db, self.pan, self.room = gain_db, pan, room
        self._rng = rng
        self._timing, self._dynamics, self._lag = timing, dynamics, lag
        self._swing, self._swing_unit = swing, swing_unit
        self._contour, self._rubato = contour, rubato
        self._compass = None if INSTRUMENTS[instrument].drums else COMPASS.get(instrument)
        self._notes: list[Note] = []

    def add(
        self,
        start: float,
        length: float,
        pitch: int,
        velocity: float,
        articulation: Articulation = "",
        syllable: str = "",
    ) -> None:
        """One note; written time in, played time kept; none where the part rests."""
        weight = self._weight(start)
        if not weight:
            return
        velocity *= weight
        played = swung(start, self._swing, self._swing_unit) + self._lag + self._timing * self._rng.standard_normal()
        if self._rubato:
            played = self._rubato(played)
        if self._contour:
            velocity *= self._contour(start)
        if self._compass:
            pitch = within(int(pitch), *self._compass)
        loud = int(np.clip(round(velocity + self._dynamics * self._rng.standard_normal()), 1, 127))
        self._notes.append(Note(max(0.0, float(played)), length, int(pitch), loud, articulation, syllable))

    def _weight(self, start: float) -> float:
        """What to multiply the velocity at a beat by; 0 where the part rests."""
        del start
        return 1.0

    def chord(
        self,
        start: float,
        length: float,
        pitches: Iterable[int],
        velocity: float,
        roll: float = 0.0,
        articulation: Articulation = "",
    ) -> None:
        """Notes together; each `roll` beats after the one before (from the top down when negative, as an upstroke)."""
        ordered = sorted(pitches, reverse=roll < 0)
        for index, pitch in enumerate(ordered):
            delay = abs(roll) * index
            self.add(start + delay, max(0.05, length - delay), pitch, velocity, articulation)

    def line(
        self,
        tones: Iterable[Tone],
        velocity: float,
        *,
        hold: float = 0.95,
        shift: int = 0,
        offset: float = 0.0,
        articulation: Articulation = "",
        syllables: Sequence[str] = ("",),
    ) -> None:
        """A melody: `hold` is the sounding share of each length, `shift` semitones, `offset` beats later."""
        for tone, syllable in zip(tones, itertools.cycle(syllables), strict=False):
            self.add(tone.start + offset, tone.length * hold, tone.pitch + shift, velocity, articulation, syllable)

    def hits(self, start: float, pattern: str, key: int, velocity: float, step: float = 0.25) -> None:
        """Strokes of a drum: "X" an accent, "x" a stroke, "o" a ghost note, anything else a rest; each `step` beats."""
        weights = {"X": 1.2, "x": 1.0, "o": 0.5}
        for index, symbol in enumerate(pattern):
            if symbol in weights:
                self.add(start + index * step, step, key, velocity * weights[symbol])

    def build(self, beats: float) -> Part:
        """The part: notes in time's order, none that begins after the piece's end or sounds beyond it."""
        kept = [
            Note(n.start, min(n.length, beats - n.start), n.pitch, n.velocity, n.articulation, n.syllable)
            for n in self._notes
            if n.start < beats - 0.02 and n.length > 0
        ]
        kept.sort(key=lambda note: (note.start, note.pitch))
        return Part(self.name, self.instrument, tuple(kept), self.gain_db, self.pan, self.room)
