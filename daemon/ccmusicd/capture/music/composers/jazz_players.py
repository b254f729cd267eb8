"""How jazz players play: changes, walking basses, comping, swing drums, heads and solos."""

import math
from collections.abc import Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, groove
from ccmusicd.capture.music.composers.writing import (
    SCALES,
    Chord,
    PartBuilder,
    Tone,
    between,
    chance,
    chord_at,
    melody,
    pick,
    voicings,
    whole,
    within,
)

BLUES = (
    "I:13 IV:9 I:13 v:m7,I:7 IV:9 #iv:dim7 I:13 iii:m7,VI:7b9 ii:m9 V:13 I:13,VI:7#9 ii:m7,V:13",
    "I:7 I:7 I:7 I:7 IV:9 IV:9 I:7 I:7 V:9 IV:9 I:7 V:9",
    "i:m7 i:m7 i:m7 i:m7 iv:m7 iv:m7 i:m7 i:m7 bVI:13 V:7#9 i:m7 V:7b9",
)
CHANGES = (
    "I:maj7,vi:m7 ii:m7,V:13 iii:m7,VI:7b9 ii:m7,V:7 v:m7,I:7 IV:maj7,iv:m6 I:maj7,VI:7 ii:m7,V:7",
    "ii:m9 V:13 I:maj9 IV:maj7 vii:m7b5 III:7b9 vi:m7 vi:m6",
    "I:maj9 I:69 ii:m7b5 V:7b9 iii:m7 VI:7b9 ii:m9 V:13",
    "I:maj7 IV:9 I:maj7 VI:7b9 ii:m9 V:13 iii:m7,VI:7 ii:m7,V:13",
    "i:m9 iv:m7 bVII:13 bIII:maj9 bVI:maj7 ii:m7b5 V:7b9 i:m6",
    "I:maj9 iii:m7,biii:dim7 ii:m9 V:9sus4 I:maj9 bVII:13 bVI:maj9 V:7b9",
    "I:maj7 bIII:7,bVI:maj7 VII:7,III:maj7 V:7,I:maj7 ii:m9 V:13 I:maj7 I:69",
)
VAMPS = (
    "i:m11 i:m11 i:m11 i:m11 bii:m11 bii:m11 i:m11 i:m11", "i:m9 IV:9", "I:9sus4 bVII:9sus4", "i:m11 bVII:maj9",
    "I:maj7#11 bII:maj7#11", "I:7sus4 I:7sus4 bIII:7sus4 bIII:7sus4",
)  # fmt: skip
OLD = (
    "I:6 I:6 VI:7 VI:7 II:7 V:7 I:6 V:7", "I:6 I:7 IV:6 iv:m6 I:6,VI:7 II:7,V:7 I:6 V:7",
    "i:m6 i:m6 iv:m6 i:m6 V:7 V:7 i:m6 V:7",
    "III:7 III:7 VI:7 VI:7 II:7 II:7 V:7 V:7",
)  # fmt: skip
BOSSAS = (
    "I:maj9 I:maj9 II:9 II:9 ii:m9 V:13 I:maj9 bII:maj7", "i:m9 i:m9 ii:m7b5 V:7b9 i:m9 iv:m9 bVII:13 bIII:maj9",
    "I:maj9 bII:9 ii:m9 V:9sus4",
)  # fmt: skip

HORNS = (
    "trumpet",
    "tenor_sax",
    "alto_sax",
    "trombone",
    "baritone_sax",
    "soprano_sax",
    "muted_trumpet",
    "clarinet",
    "flute",
)
LOWEST = {
    "trumpet": 58, "muted_trumpet": 60, "tenor_sax": 49, "alto_sax": 55, "trombone": 45, "baritone_sax": 40,
    "soprano_sax": 60, "clarinet": 55, "flute": 64, "vibraphone": 58, "jazz_guitar": 52, "nylon_guitar": 52,
    "violin": 58, "steel_guitar": 52, "grand_piano": 62, "rhodes": 60, "hammond": 60, "voice_high": 58, "voice_low": 46,
    "harmonica": 60,
}  # fmt: skip
"""Where a soloist's comfortable register begins; it spans about two octaves."""

HEAD_CELLS = ((1, 0.5, 0.5), (0.5, 0.5, 1), (1.5, 0.5), (-0.5, 0.5, 1), (2,), (-1, 1), (0.5, 1, 0.5), (-0.5, 1.5))
BALLAD_CELLS = ((2, 1, 1), (3, 1), (1.5, 0.5, 2), (-1, 1, 2), (0.5, 0.5, 1, 2))


def begin_jazz(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    lines: Sequence[str],
    *,
    metre: float = 4.0,
    straight: bool = False,
    room: tuple[float, float] = (0.08, 0.3),
) -> Piece:
    """A piece over changes, a place each bar. Swing grows from even eighths at high tempos to triplets at slow ones."""
    piece = Piece(
        rng, style, seconds, tempo=tempo, metre=metre, room=room, loose=(0.003, 0.012), swing=0.5 if straight else 0.62,
        scale="bebop",
    )  # fmt: skip
    if not straight:
        piece.set_swing(float(np.clip(0.74 - piece.tempo / 1400 + 0.03 * rng.standard_normal(), 0.54, 0.7)))
    piece.harmony(lines)
    piece.tags = ("straight" if straight else "swung",)
    return piece


def scale_of(chord: Chord) -> tuple[int, ...]:
    """The pitch classes an improviser draws on over a chord."""
    intervals = {interval % 12 for interval in chord.intervals}
    if {4, 10} <= intervals:
        name = "hijaz" if 1 in intervals else "bebop"
    elif {3, 6} <= intervals:
        name = "locrian" if 10 in intervals else "diminished"
    elif 3 in intervals:
        name = "dorian"
    else:
        name = "mixolydian" if 10 in intervals else "major"
    return tuple(dict.fromkeys((*chord.classes, *((chord.root + step) % 12 for step in SCALES[name]))))


def improvised(piece: Piece, low: int, *, busy: float, start: float = 0.0, end: float | None = None) -> list[Tone]:
    """An improvised line: phrases of running eighths with breaths, chord tones on the beat, chromatic approaches.

    `busy` from 0 to 1 makes phrases longer, breaths shorter and runs in triplets or sixteenths more frequent.
    """
    rng, high = piece.rng, low + whole(piece.rng, 19, 26)
    last = piece.beats if end is None else end
    tones: list[Tone] = []
    beat = start + pick(rng, (0.0, 0.5, 1.5))
    pitch = theory.nearest(chord_at(piece.chords, beat).classes, between(rng, low + 5, high - 5))
    while beat < last - 0.5:
        step = pick(rng, (0.5, 1 / 3, 0.25, 1.0), (8, 0.5 + busy, 1.5 * busy * (piece.tempo < 150), 1.5 - busy))
        direction = pick(rng, (-1, 1))
        for _ in range(whole(rng, 3, 6 + round(12 * busy))):
            if beat > last - step:
                break
            chord = chord_at(piece.chords, beat)
            if pitch > high - 2 or pitch < low + 2 or chance(rng, 0.16):
                direction = -1 if pitch > (low + high) / 2 else 1
            pitch = theory.stepped(scale_of(chord), pitch, direction * pick(rng, (1, 2, 3), (7, 2, 1)))
            if abs(beat - round(beat)) < 1e-6 and chance(rng, 0.5):
                pitch = theory.nearest(chord.classes, pitch)
            elif chance(rng, 0.08):
                pitch -= direction
            pitch = within(pitch, low, high)
            tones.append(Tone(beat, step, pitch))
            beat += step
        tones[-1:] = [Tone(tone.start, step * pick(rng, (1, 2, 3)), tone.pitch) for tone in tones[-1:]]
        beat = math.ceil(beat * 2) / 2 + pick(rng, (0.5, 1.0, 1.5, 2.5, 4.0), (2, 2, 2, 2 - busy, 1.2 - busy))
    return tones


def head_tune(piece: Piece, low: int, end: float, cells: Sequence[Sequence[float]] = HEAD_CELLS) -> list[Tone]:
    """A written theme up to a beat: short riffs that come back."""
    form = pick(piece.rng, ("AABA", "ABAC", "AAAB", "ABCD"))
    written = melody(
        piece.rng, piece.chords, piece.scale, cells, low=low, high=low + 19, bar=piece.metre, bars=piece.bars, form=form
    )
    return [tone for tone in written if tone.start < end]


def walking_bass(piece: Piece, part: PartBuilder, velocity: float = 84) -> None:
    """A walking bass: the root where the chord changes, then tones of its scale, a half step into the next root."""
    rng, low, high = piece.rng, 29, 52
    pitch = piece.chords[0].bass(40)
    for beat in range(int(piece.beats)):
        chord, ahead = chord_at(piece.chords, beat), chord_at(piece.chords, beat + 1)
        if abs(beat - chord.start) < 0.01:
            pitch = chord.bass(pitch)
        elif ahead.root != chord.root and chance(rng, 0.75):
            pitch = ahead.bass(pitch) + pick(rng, (-1, 1))
        else:
            pool = chord.classes if chance(rng, 0.5) else scale_of(chord)
            pitch = theory.stepped(pool, pitch, pick(rng, (-1, 1)))
        pitch = within(pitch, low, high)
        part.add(beat, 0.92, pitch, velocity)
        if chance(rng, 0.07):
            part.add(beat + 0.5, 0.3, pitch, velocity * 0.6)


def two_feel_bass(piece: Piece, part: PartBuilder, around: int = 38, velocity: float = 82) -> None:
    """Root and fifth on the first and third beats (dixieland, gypsy jazz, ballads)."""
    for beat in np.arange(0.0, piece.beats, 2.0):
        chord = chord_at(piece.chords, beat)
        fifth = bool(beat > chord.start) or (beat % piece.metre > 0 and chance(piece.rng, 0.5))
        part.add(beat, 1.6, theory.nearest([chord.root + (7 if fifth else 0)], around), velocity)


def _rootless(chord: Chord) -> Chord:
    """The chord without its root and fifth where it has a seventh, with the ninth: a left hand's voicing."""
    upper = tuple(interval for interval in chord.intervals if interval not in {0, 7}) or chord.intervals
    return Chord(chord.start, chord.length, chord.root, (*upper, 14) if len(upper) < 4 else upper)


_COMPING = ("x..x....", "...x...x", ".x..x...", "x.....x.", "..x..x..", ".......x", "...x....", "x..x..x.", "........")
FOUR = ("x.x.x.x.",)


def comped(
    piece: Piece,
    part: PartBuilder,
    centre: float,
    velocity: float = 64,
    rhythms: Sequence[str] = _COMPING,
    long: float = 0.4,
) -> None:
    """Chords in syncopated rhythms (of eighths), a rhythm drawn for each bar; lengths short or held."""
    voices = voicings([_rootless(chord) for chord in piece.chords], centre)
    for bar in range(piece.bars):
        for index, symbol in enumerate(pick(piece.rng, rhythms)[: int(piece.metre * 2)]):
            if symbol == "x":
                beat = bar * piece.metre + index / 2
                voicing = voices[piece.chords.index(chord_at(piece.chords, beat + 0.25))]
                part.chord(beat, long if chance(piece.rng, 0.6) else 1.4, voicing, velocity, 0.008)


def swing_drums(piece: Piece, kit: str = "drum_kit", velocity: float = 72) -> None:
    """Spang-a-lang on the ride, the hi-hat's foot on two and four, feathered kick, chattering snare, some crashes."""
    rng, part = piece.rng, piece.part("drums", kit, pan=0.0, gain_db=-1)
    piece.pattern = "brushes" if kit == "brush_kit" else "swing_ride"
    three = piece.metre == 3
    ride = "x.xxx." if three else "x.xxx.xx"
    groove(part, piece.beats, {pick(rng, (51, 51, 59)): ride}, velocity, step=0.5, rng=rng, spare=0.08)
    groove(part, piece.beats, {44: "..x..." if three else "..x...x."}, velocity * 0.8, step=0.5)
    if chance(rng, 0.6):
        groove(part, piece.beats, {36: "x." * int(piece.metre)}, velocity * 0.45, step=0.5)
    chatter = between(rng, 0.03, 0.25)
    for half in range(int(piece.beats * 2)):
        if chance(rng, chatter):
            part.add(half / 2, 0.3, pick(rng, (38, 38, 38, 36, 37)), between(rng, 25, 85))
        if half % 16 == 0 and chance(rng, 0.25):
            part.add(half / 2, 2, 49, velocity)
    if kit == "brush_kit":
        groove(part, piece.beats, {40: "x." * int(piece.metre)}, velocity * 0.5, step=0.5)


def play_lead(piece: Piece, name: str, tones: Sequence[Tone], *, velocity: float = 88, gain_db: float = 1.0) -> None:
    """A soloist's part, a little behind the beat; voices scat."""
    part = piece.part(name, name, gain_db=gain_db, lag=between(piece.rng, 0.0, 0.05))
    part.line(tones, velocity, hold=between(piece.rng, 0.8, 1.0), syllables=("du", "ba", "da", "bi", "wa"))


def rhythm_section(piece: Piece, chordal: str | None, kit: str = "drum_kit", bass: str = "double_bass") -> None:
    """Walking bass, comping and drums."""
    walking_bass(piece, piece.part("bass", bass, pan=between(piece.rng, -0.2, 0.2)))
    if chordal:
        comped(piece, piece.part("comping", chordal, gain_db=-3), 60)
    swing_drums(piece, kit)
