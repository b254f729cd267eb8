"""What bands of popular music share: a form of sections, drum patterns and fills, bass lines, riffs, chords in rhythm.

Patterns are strings of steps (sixteenths where not said otherwise) that go round to the piece's end.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccmusicd.capture.music.composers.piece import Piece
from ccmusicd.capture.music.composers.writing import (
    Chord,
    PartBuilder,
    between,
    chance,
    chord_at,
    made_up_title,
    pick,
    progression,
    voicings,
    whole,
)
from ccmusicd.capture.music.score import Articulation, Score

LOOPS: Mapping[str, tuple[str, ...]] = {
    "major": (
        "I V vi IV", "vi IV I V", "I vi IV V", "IV I V vi", "I IV vi V", "I iii IV V", "ii V I vi", "I IV I V",
        "IV V iii vi", "I V ii IV", "vi V IV V", "I I IV V", "IV vi I V", "I IV",
    ),
    "minor": (
        "i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI v", "bVI bVII i i", "i bIII bVII iv", "i i bVI bVII",
        "i v bVI iv", "i iv i v", "bVI bIII i bVII", "i bVI iv v", "i bVII", "i bVI", "i bVII bVI V",
    ),
    "dorian": ("i IV", "i bVII IV i", "i bIII IV i", "i ii bIII IV", "i:m7 IV:7", "i bVII IV IV"),
    "mixolydian": ("I bVII IV I", "I bVII", "I IV bVII IV", "I bVII IV bVII", "I I bVII IV"),
    "harmonic_minor": ("i iv V i", "i bVI iv V", "i V", "i bVI bVII V"),
    "phrygian": ("i bII", "i i bII i", "i bII bIII bII", "i bVI bII i", "i i i bII"),
}  # fmt: skip
"""Chord loops that fit each mode."""

_KEYS: Mapping[str, int] = {
    "k": 36, "s": 38, "c": 39, "r": 37, "h": 42, "p": 44, "o": 46, "C": 49, "R": 51, "b": 53, "T": 54, "w": 56, "S": 70,
    "g": 63, "G": 64, "L": 45, "M": 47, "H": 50, "F": 41, "e": 40,
}  # fmt: skip
"""Letters of the General MIDI percussion keys in the texts of drum patterns."""

_CORE = frozenset({35, 36, 37, 38, 39, 40, 41, 45, 47, 50})
_TOMS = (50, 48, 47, 45, 43, 41)
_STROKES: Mapping[str, float] = {"X": 1.15, "x": 1.0, "o": 0.5}

_DEGREES: Mapping[str, int] = {
    "R": 0, "p": 1, "2": 2, "n": 3, "N": 4, "4": 5, "b": 6, "5": 7, "t": 8, "6": 9, "7": 10, "8": 12, "9": 15, "l": -2,
    "L": -5, "r": 0, "e": 12, "x": 0,
}  # fmt: skip
"""Semitones of the signs of a figure above the root; "r" and "e" are muted, "x" is a dead note."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the form, in beats; `energy` from 0 to 1 decides who plays and how loudly."""

    name: str
    start: float
    end: float
    energy: float


Shape = tuple[tuple[str, float], ...]
SONG: Shape = (("intro", 0.5), ("verse", 0.7), ("chorus", 1.0), ("verse", 0.75), ("chorus", 1.0), ("break", 0.45))
ROCK: Shape = (("intro", 0.65), ("verse", 0.7), ("chorus", 1.0), ("solo", 0.95), ("chorus", 1.0), ("break", 0.5))
CLUB: Shape = (("intro", 0.65), ("drop", 1.0), ("break", 0.4), ("build", 0.7), ("drop", 1.0), ("drop", 0.9))
LOOP: Shape = (("verse", 0.8), ("verse", 1.0), ("verse", 0.7), ("break", 0.5), ("verse", 0.9))
NOT_SOLO = frozenset({"intro", "verse", "chorus", "break", "riff", "build"})
"""Names of the sections in which a soloist leaves the front to the singer."""

RISE: Shape = (("intro", 0.35), ("verse", 0.55), ("build", 0.75), ("chorus", 1.0), ("chorus", 1.0))


class GatedPart(PartBuilder):
    """A part that rests where its section's energy is below `above`, and plays louder where there is more of it.

    It rests in sections named in `rests` too.
    """

    sections: Sequence[Section] = ()
    above: float = 0.0
    rests: frozenset[str] = frozenset()

    def _weight(self, start: float) -> float:
        """More in a section of more energy; 0 in one that has too little for the part."""
        section = section_at(self.sections, start)
        if section.energy < self.above or section.name in self.rests:
            return 0.0
        return 0.85 + 0.17 * section.energy


class Band(Piece):
    """A piece of popular music in 4/4: its form is drawn from a shape, its harmony goes in loops.

    `modes` are drawn from; `loops` replaces the mode's loops; `each` is how many beats a chord lasts. `swing` is a
    range for the place of the off-beat in a `swing_unit`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        style: str,
        seconds: float,
        tempo: tuple[float, float],
        *,
        modes: Sequence[str] = ("major", "minor"),
        loops: Sequence[str] | None = None,
        each: Sequence[float] = (4.0, 4.0, 4.0, 8.0, 2.0),
        shape: Shape = SONG,
        swing: tuple[float, float] = (0.5, 0.5),
        swing_unit: float = 0.5,
        loose: tuple[float, float] = (0.002, 0.014),
        room: tuple[float, float] = (0.05, 0.35),
    ) -> None:
        mode = pick(rng, modes)
        super().__init__(
            rng,
            style,
            seconds,
            tempo=tempo,
            scale=mode,
            loose=loose,
            room=room,
            swing=between(rng, *swing),
            swing_unit=swing_unit,
        )
        self.sections = _form(rng, self.bars, shape)
        self.pumping = 0.0
        self.harmony(loops if loops is not None else LOOPS[mode], pick(rng, each))

    def harmony(self, lines: Sequence[str], each: float | None = None) -> tuple[Chord, ...]:
        """Sets and returns the chords: a line for all sections, or one for each name of a section."""
        same = pick(self.rng, lines) if chance(self.rng, 0.45) else None
        drawn: dict[str, str] = {}
        chords: list[Chord] = []
        for section in self.sections:
            line = same or drawn.setdefault(section.name, pick(self.rng, lines))
            made = progression(line, self.tonic, each or self.metre, section.end - section.start)
            chords += [replace(chord, start=chord.start + section.start) for chord in made]
        self.chords = tuple(chords)
        return self.chords

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
        above: float = 0.0,
    ) -> GatedPart:
        """A new part, which plays where a section's energy is at least `above`."""
        made = GatedPart(
            name,
            instrument,
            self.rng,
            timing=self._timing,
            dynamics=self._spread,
            lag=lag,
            swing=0.5 if straight else self._swing,
            swing_unit=self._swing_unit,
            gain_db=gain_db + between(self.rng, -2.5, 2.5),
            pan=between(self.rng, -0.6, 0.6) if pan is None else pan,
            room=self.room if room is None else room,
            contour=self._contour,
        )
        made.sections, made.above = self.sections, above
        self._parts.append(made)
        return made

    def finished(self, genre: str, first: Sequence[str], second: Sequence[str]) -> Score:
        """The score, with a title made of two words."""
        return replace(self.score(genre, made_up_title(self.rng, first, second)), pumping=self.pumping)


def _form(rng: np.random.Generator, bars: int, shape: Shape) -> tuple[Section, ...]:
    """Sections from any place of the shape on: quiet ones last two bars, others two to eight."""
    offset = whole(rng, 0, len(shape) - 1) if chance(rng, 0.6) else 0
    sections: list[Section] = []
    bar = 0
    for name, energy in itertools.islice(itertools.cycle(shape), offset, None):
        if bar >= bars:
            return tuple(sections)
        length = min(bars - bar, 2 if energy < 0.6 else pick(rng, (2, 4, 4, 4, 8)))
        sections.append(Section(name, bar * 4.0, (bar + length) * 4.0, energy))
        bar += length
    raise ValueError("a form needs a section")


def section_at(sections: Sequence[Section], beat: float) -> Section:
    """The section at a beat; the last one after the end."""
    return next((section for section in sections if beat < section.end - 1e-6), sections[-1])


def beat_of(text: str) -> dict[int, str]:
    """Drum patterns by percussion key, from a text as "k:x...x... s:....x...": letters of `_KEYS`."""
    pairs = (place.split(":") for place in text.split())
    return {_KEYS[letter]: pattern for letter, pattern in pairs}


def drums(
    band: Band,
    kit: str,
    beat: str,
    *,
    step: float = 0.25,
    velocity: float = 92,
    above: float = 0.5,
    tops_above: float = 0.4,
    fills: float = 0.6,
    crashes: float = 0.6,
    spare: float = 0.02,
    gain_db: float = 0.0,
    lag: float = 0.0,
) -> GatedPart:
    """A drummer: the beat all along, fills into new sections, crashes upon them.

    Kick, snare and toms rest in sections of less energy than `above`, hats and cymbals below `tops_above`. Soft strokes
    drop out at the rate `spare`. Kicks keep going through fills.
    """
    rng, part = band.rng, band.part("drums", kit, pan=0.0, gain_db=gain_db, lag=lag)
    per_bar = round(4 / step)
    patterns = beat_of(beat)
    for bar in range(band.bars):
        start = bar * 4.0
        energy = section_at(band.sections, start).energy
        last = any(abs(section.end - start - 4) < 0.1 for section in band.sections)
        filled = per_bar
        if last and energy >= above and chance(rng, fills):
            filled = per_bar - pick(rng, (2, 4, 4, 8)) * per_bar // 16
            fill(part, rng, start + filled * step, start + 4, step, velocity)
        for key, pattern in patterns.items():
            if energy < (above if key in _CORE else tops_above):
                continue
            for index in range(per_bar if key == 36 else filled):
                symbol = pattern[(bar * per_bar + index) % len(pattern)]
                if symbol in _STROKES and (symbol == "X" or key == 36 or not chance(rng, spare)):
                    part.add(start + index * step, step, key, velocity * _STROKES[symbol])
        first = any(abs(section.start - start) < 0.1 for section in band.sections)
        if first and energy >= above and chance(rng, crashes):
            part.add(start, 2.0, pick(rng, (49, 49, 57)), velocity)
    return part


def fill(part: PartBuilder, rng: np.random.Generator, start: float, end: float, step: float, velocity: float) -> None:
    """Snare and toms, going down and growing louder."""
    count = max(1, round((end - start) / step))
    snare_first, density = between(rng, 0.2, 1.1), between(rng, 0.6, 1.0)
    for index in range(count):
        place = index / count
        if index == 0 or chance(rng, density):
            key = 38 if place < snare_first and chance(rng, 0.8) else _TOMS[int(place * len(_TOMS))]
            part.add(start + index * step, step, key, velocity * (0.75 + 0.3 * place))


def pitch_of(symbol: str, chord: Chord, low: int) -> int:
    """The pitch of a figure's sign over a chord whose root is the first at or above `low`; "3" is the chord's third."""
    root = low + (chord.root - low) % 12
    if symbol == "3":
        return root + next((interval for interval in chord.intervals if interval in {3, 4}), 7)
    return root + _DEGREES[symbol]


def figure(
    band: Band,
    part: PartBuilder,
    pattern: str,
    low: int,
    velocity: float,
    *,
    step: float = 0.25,
    hold: float = 0.92,
    stack: Sequence[int] = (0,),
    articulation: Articulation = "",
    fixed: bool = False,
) -> None:
    """A bass line or riff: signs of `_DEGREES` over each chord's root, "3" its third, "w" leads to the next root.

    "-" holds on, "." rests. `stack` are semitones played together ((0, 7, 12) for power chords); muted notes leave out
    all but the lowest two. `fixed` keeps to the key's tonic whatever the chord.
    """
    tonic = Chord(0.0, band.beats, band.tonic, (0, 7))
    for index in range(round(band.beats / step)):
        symbol = pattern[index % len(pattern)]
        if symbol in ".-":
            continue
        length = 1 + sum(1 for _ in itertools.takewhile(lambda sign: sign == "-", pattern[index % len(pattern) + 1 :]))
        beat = index * step
        chord = tonic if fixed else chord_at(band.chords, beat + step / 2)
        if symbol == "w":
            ahead = chord_at(band.chords, beat + length * step + step / 2)
            pitch = pitch_of("R", ahead, low) + pick(band.rng, (-1, -1, 1, 2))
        else:
            pitch = pitch_of(symbol, chord, low)
        muted = symbol in "rex"
        sound = step * 0.35 if symbol == "x" else length * step * (hold * 0.7 if muted else hold)
        loud = velocity * (0.55 if symbol == "x" else 0.88 if muted else 1.0)
        for interval in stack[:2] if muted else stack:
            part.add(beat, sound, pitch + interval, loud, "muted" if muted else articulation)


def stabs(
    band: Band,
    part: PartBuilder,
    pattern: str,
    centre: float,
    velocity: float,
    *,
    step: float = 0.25,
    hold: float = 0.85,
    roll: float = 0.0,
    articulation: Articulation = "",
) -> None:
    """Chords in a rhythm: "x" a chord (held on by "-"), "u" a lighter upstroke of its top, "m" a muted scratch."""
    voices = voicings(band.chords, centre)
    turn = 0
    for index in range(round(band.beats / step)):
        beat = index * step
        while turn + 1 < len(band.chords) and band.chords[turn].end <= beat + step / 4:
            turn += 1
        place = index % len(pattern)
        symbol = pattern[place]
        length = step * (1 + sum(1 for _ in itertools.takewhile(lambda sign: sign == "-", pattern[place + 1 :])))
        if symbol == "x":
            part.chord(beat, length * hold, voices[turn], velocity, roll, articulation)
        elif symbol == "u":
            part.chord(beat, length * hold, voices[turn][-3:], velocity * 0.85, -roll, articulation)
        elif symbol == "m":
            part.chord(beat, min(0.12, step * 0.6), voices[turn][-3:], velocity * 0.6, roll / 2, "muted")


def echoed(part: PartBuilder, start: float, pitches: Sequence[int], velocity: float, delay: float, count: int) -> None:
    """A chord or a stroke that a tape echo repeats, each time softer."""
    for turn in range(count + 1):
        part.chord(start + turn * delay, 0.2, pitches, velocity * 0.72**turn)


def noise(band: Band, instrument: str, gain_db: float, name: str = "noise") -> None:
    """A noise under the whole piece (vinyl, crowd, rain)."""
    part = band.part(name, instrument, gain_db=gain_db, room=0.0, pan=0.0)
    part.add(0.0, band.beats, 60, 90)


def risers(band: Band, gain_db: float = -6) -> None:
    """Noise that rises into every section that has more energy than the one before."""
    part = band.part("riser", "riser", gain_db=gain_db)
    for before, after in itertools.pairwise(band.sections):
        if after.energy > before.energy:
            length = min(before.end - before.start, pick(band.rng, (4.0, 8.0)))
            part.add(before.end - length, length, 60, 95)
