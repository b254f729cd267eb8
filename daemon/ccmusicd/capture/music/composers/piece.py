"""A piece in the making (tempo, key, bars, parts) and the textures that accompany a tune."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.writing import (
    SCALES,
    Chord,
    PartBuilder,
    bars_for,
    between,
    chance,
    chord_at,
    pick,
    progression,
    voicings,
    whole,
)
from ccmusicd.capture.music.score import Score


class Piece:
    """The frame that a composer fills: draws tempo, tonic, room and phrasing, hands out parts, ends as a Score.

    `tempo` and `room` are ranges to draw from; `rubato` is how many beats the pulse may bend; `loose` is the range of
    the players' timing in seconds; `swing` is the off-beat's place in a `swing_unit`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        style: str,
        seconds: float,
        *,
        tempo: tuple[float, float],
        metre: float = 4.0,
        scale: str = "major",
        room: tuple[float, float] = (0.1, 0.35),
        rubato: float = 0.0,
        loose: tuple[float, float] = (0.003, 0.018),
        swing: float = 0.5,
        swing_unit: float = 1.0,
    ) -> None:
        self.rng, self.style, self.metre = rng, style, metre
        self.tempo = round(math.exp(between(rng, math.log(tempo[0]), math.log(tempo[1]))), 1)
        self.bars = bars_for(seconds, self.tempo, metre)
        self.beats = self.bars * metre
        self.tonic = whole(rng, 0, 11)
        self.mode = scale
        self.scale = theory.transposed(SCALES[scale], self.tonic)
        self.chords: tuple[Chord, ...] = ()
        self.pattern = "none"
        self.tags: tuple[str, ...] = ()
        self.tuning = float(np.clip(6 * rng.standard_normal(), -25, 25))
        self.loud = between(rng, 0.75, 1.15)
        self.room = between(rng, *room)
        self._timing = between(rng, *loose) * self.tempo / 60
        self._spread = between(rng, 3, 9)
        self._swing, self._swing_unit = swing, swing_unit
        self._parts: list[PartBuilder] = []
        self._contour = self._phrasing()
        self._rubato = self._bending(rubato) if rubato else None

    def _phrasing(self) -> Callable[[float], float]:
        """Loudness over the piece: waves of some bars, and a drift upwards, downwards or over an arch."""
        period = self.metre * pick(self.rng, (2, 4, 4, 8))
        depth, phase = between(self.rng, 0.0, 0.18), between(self.rng, 0, 2 * math.pi)
        drift, arch = between(self.rng, -0.25, 0.25), between(self.rng, -0.1, 0.25)
        loud, beats = self.loud, self.beats

        def contour(beat: float) -> float:
            place = beat / beats
            wave = depth * math.sin(2 * math.pi * beat / period + phase)
            return loud * (1 + wave + drift * (place - 0.5) + arch * (math.sin(math.pi * place) - 0.5))

        return contour

    def _bending(self, depth: float) -> Callable[[float], float]:
        """The pulse hurries and lingers by up to so many beats, over phrases of two bars or more."""
        period = self.metre * pick(self.rng, (2, 4))
        depth = min(depth, period / 10)
        return lambda beat: beat + depth * math.sin(2 * math.pi * beat / period)

    def set_swing(self, ratio: float) -> None:
        """The off-beat's place for the parts made from now on, where it depends on the tempo drawn."""
        self._swing = ratio

    def part(
        self,
        name: str,
        instrument: str,
        *,
        gain_db: float = 0.0,
        pan: float | None = None,
        room: float | None = None,
        lag: float = 0.0,
        straight: bool = False,
    ) -> PartBuilder:
        """A new part of the piece; `pan` is drawn near the middle and `room` is the piece's where not given."""
        made = PartBuilder(
            name,
            instrument,
            self.rng,
            timing=self._timing,
            dynamics=self._spread,
            lag=lag,
            swing=0.5 if straight else self._swing,
            swing_unit=self._swing_unit,
            gain_db=gain_db + between(self.rng, -2, 2),
            pan=between(self.rng, -0.5, 0.5) if pan is None else pan,
            room=self.room if room is None else room,
            contour=self._contour,
            rubato=self._rubato,
        )
        self._parts.append(made)
        return made

    def harmony(self, lines: Sequence[str], each: float | None = None) -> tuple[Chord, ...]:
        """Sets and returns the chords: one of the lines (see `progression`), each place a bar where not given."""
        self.chords = progression(pick(self.rng, lines), self.tonic, each or self.metre, self.beats)
        return self.chords

    def score(self, genre: str, title: str) -> Score:
        """The finished piece; parts that stayed empty are left out."""
        parts = tuple(part for part in (made.build(self.beats) for made in self._parts) if part.notes)
        return Score(
            genre,
            self.style,
            title,
            self.tempo,
            self.metre,
            self.beats,
            self.pattern,
            parts,
            0.0,
            self.tuning,
            self.tags,
        )


def ladder(chord: Chord, low: int, count: int) -> list[int]:
    """So many pitches of a chord, rising from its lowest pitch class at or above `low`, the root first."""
    first = low + (chord.root - low) % 12
    steps = sorted({interval % 12 for interval in chord.intervals})
    return [first + steps[index % len(steps)] + 12 * (index // len(steps)) for index in range(count)]


def hold(
    part: PartBuilder, chords: Sequence[Chord], centre: float, velocity: float, share: float = 0.97, roll: float = 0.0
) -> None:
    """Every chord held for `share` of its length, voices moving as little as they can."""
    for chord, voices in zip(chords, voicings(chords, centre), strict=True):
        part.chord(chord.start, chord.length * share, voices, velocity, roll)


def roots(part: PartBuilder, chords: Sequence[Chord], around: float, velocity: float, share: float = 0.95) -> None:
    """The root of every chord, held."""
    for chord in chords:
        part.add(chord.start, chord.length * share, chord.bass(around), velocity)


def broken(
    part: PartBuilder,
    chords: Sequence[Chord],
    order: Sequence[int],
    step: float,
    low: int,
    velocity: float,
    sounding: float = 1.0,
) -> None:
    """Broken chords: rungs of each chord's ladder in this order, a note each `step` beats, sounding so many steps."""
    rungs = max(order) + 1
    for chord in chords:
        pitches = ladder(chord, low, rungs)
        for index in range(round(chord.length / step)):
            accent = 1.1 if index % len(order) == 0 else 0.95
            part.add(chord.start + index * step, step * sounding, pitches[order[index % len(order)]], velocity * accent)


def oom_pah(
    low: PartBuilder,
    high: PartBuilder,
    chords: Sequence[Chord],
    beats: float,
    *,
    bass: int,
    centre: float,
    velocity: float,
    pulses: int,
    unit: float = 1.0,
) -> None:
    """The bass on the first of so many `pulses` (root and fifth in turn), short chords on the others."""
    for index in range(int(beats / unit)):
        beat = index * unit
        chord = chord_at(chords, beat)
        if index % pulses == 0:
            fifth = (index // pulses) % 2 and beat > chord.start
            low.add(beat, unit * 0.8, theory.nearest([chord.root + 7] if fifth else [chord.root], bass), velocity)
        else:
            high.chord(beat, unit * 0.5, chord.close(centre), velocity * 0.8)


def strum(
    part: PartBuilder,
    chords: Sequence[Chord],
    pattern: str,
    step: float,
    velocity: float,
    low: int = 40,
    strings: int = 6,
) -> None:
    """Strums of a guitar: "D" down, "U" up and lighter, "x" muted, others rest; the pattern begins at each chord."""
    for chord in chords:
        pitches = ladder(chord, low, strings)
        for index in range(round(chord.length / step)):
            stroke = pattern[index % len(pattern)]
            beat = chord.start + index * step
            if stroke == "D":
                part.chord(beat, step * 2.2, pitches, velocity, 0.014)
            elif stroke == "U":
                part.chord(beat, step * 1.6, pitches[-4:], velocity * 0.8, -0.01)
            elif stroke == "x":
                part.chord(beat, 0.12, pitches[-4:], velocity * 0.75, 0.006, "muted")


def groove(
    part: PartBuilder,
    beats: float,
    patterns: Mapping[int, str],
    velocity: float,
    *,
    step: float = 0.25,
    rng: np.random.Generator | None = None,
    spare: float = 0.06,
) -> None:
    """Drum patterns, one for each key, repeated to the end; with `rng` strokes drop out at the rate `spare`."""
    for key, pattern in patterns.items():
        repeats = math.ceil(beats / (len(pattern) * step))
        for turn in range(repeats):
            played = pattern
            if rng is not None:
                played = "".join("." if symbol != "X" and chance(rng, spare) else symbol for symbol in pattern)
            part.hits(turn * len(pattern) * step, played, key, velocity, step)


def roll(part: PartBuilder, start: float, length: float, pitch: int, velocity: float, step: float = 0.125) -> None:
    """A roll or tremolo that grows louder."""
    count = max(1, round(length / step))
    for index in range(count):
        part.add(start + index * step, step, pitch, velocity * (0.6 + 0.4 * index / count))
