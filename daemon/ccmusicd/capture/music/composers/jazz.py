"""Composes jazz: trios, quartets, big bands, ballads, Latin and gypsy jazz, dixieland, stride, fusion."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, groove, hold
from ccmusicd.capture.music.composers.writing import (
    SCALES,
    Chord,
    PartBuilder,
    Tone,
    between,
    chance,
    chord_at,
    made_up_title,
    melody,
    pick,
    voicings,
    whole,
    within,
)
from ccmusicd.capture.music.score import Score

_BLUES = (
    "I:13 IV:9 I:13 v:m7,I:7 IV:9 #iv:dim7 I:13 iii:m7,VI:7b9 ii:m9 V:13 I:13,VI:7#9 ii:m7,V:13",
    "I:7 I:7 I:7 I:7 IV:9 IV:9 I:7 I:7 V:9 IV:9 I:7 V:9",
    "i:m7 i:m7 i:m7 i:m7 iv:m7 iv:m7 i:m7 i:m7 bVI:13 V:7#9 i:m7 V:7b9",
)
_CHANGES = (
    "I:maj7,vi:m7 ii:m7,V:13 iii:m7,VI:7b9 ii:m7,V:7 v:m7,I:7 IV:maj7,iv:m6 I:maj7,VI:7 ii:m7,V:7",
    "ii:m9 V:13 I:maj9 IV:maj7 vii:m7b5 III:7b9 vi:m7 vi:m6",
    "I:maj9 I:69 ii:m7b5 V:7b9 iii:m7 VI:7b9 ii:m9 V:13",
    "I:maj7 IV:9 I:maj7 VI:7b9 ii:m9 V:13 iii:m7,VI:7 ii:m7,V:13",
    "i:m9 iv:m7 bVII:13 bIII:maj9 bVI:maj7 ii:m7b5 V:7b9 i:m6",
    "I:maj9 iii:m7,biii:dim7 ii:m9 V:9sus4 I:maj9 bVII:13 bVI:maj9 V:7b9",
    "I:maj7 bIII:7,bVI:maj7 VII:7,III:maj7 V:7,I:maj7 ii:m9 V:13 I:maj7 I:69",
)
_VAMPS = (
    "i:m11 i:m11 i:m11 i:m11 bii:m11 bii:m11 i:m11 i:m11", "i:m9 IV:9", "I:9sus4 bVII:9sus4", "i:m11 bVII:maj9",
    "I:maj7#11 bII:maj7#11", "I:7sus4 I:7sus4 bIII:7sus4 bIII:7sus4",
)  # fmt: skip
_OLD = (
    "I:6 I:6 VI:7 VI:7 II:7 V:7 I:6 V:7", "I:6 I:7 IV:6 iv:m6 I:6,VI:7 II:7,V:7 I:6 V:7",
    "i:m6 i:m6 iv:m6 i:m6 V:7 V:7 i:m6 V:7",
    "III:7 III:7 VI:7 VI:7 II:7 II:7 V:7 V:7",
)  # fmt: skip
_BOSSAS = (
    "I:maj9 I:maj9 II:9 II:9 ii:m9 V:13 I:maj9 bII:maj7", "i:m9 i:m9 ii:m7b5 V:7b9 i:m9 iv:m9 bVII:13 bIII:maj9",
    "I:maj9 bII:9 ii:m9 V:9sus4",
)  # fmt: skip

_HORNS = (
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
_LOWEST = {
    "trumpet": 58, "muted_trumpet": 60, "tenor_sax": 49, "alto_sax": 55, "trombone": 45, "baritone_sax": 40,
    "soprano_sax": 60, "clarinet": 55, "flute": 64, "vibraphone": 58, "jazz_guitar": 52, "nylon_guitar": 52,
    "violin": 58, "steel_guitar": 52, "grand_piano": 62, "rhodes": 60, "hammond": 60, "voice_high": 58, "voice_low": 46,
    "harmonica": 60,
}  # fmt: skip
"""Where a soloist's comfortable register begins; it spans about two octaves."""

_HEAD_CELLS = ((1, 0.5, 0.5), (0.5, 0.5, 1), (1.5, 0.5), (-0.5, 0.5, 1), (2,), (-1, 1), (0.5, 1, 0.5), (-0.5, 1.5))
_BALLAD_CELLS = ((2, 1, 1), (3, 1), (1.5, 0.5, 2), (-1, 1, 2), (0.5, 0.5, 1, 2))


def _begin(
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


def _scale_of(chord: Chord) -> tuple[int, ...]:
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


def _solo(piece: Piece, low: int, *, busy: float, start: float = 0.0, end: float | None = None) -> list[Tone]:
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
            pitch = theory.stepped(_scale_of(chord), pitch, direction * pick(rng, (1, 2, 3), (7, 2, 1)))
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


def _head(piece: Piece, low: int, end: float, cells: Sequence[Sequence[float]] = _HEAD_CELLS) -> list[Tone]:
    """A written theme up to a beat: short riffs that come back."""
    form = pick(piece.rng, ("AABA", "ABAC", "AAAB", "ABCD"))
    written = melody(
        piece.rng, piece.chords, piece.scale, cells, low=low, high=low + 19, bar=piece.metre, bars=piece.bars, form=form
    )
    return [tone for tone in written if tone.start < end]


def _walk(piece: Piece, part: PartBuilder, velocity: float = 84) -> None:
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
            pool = chord.classes if chance(rng, 0.5) else _scale_of(chord)
            pitch = theory.stepped(pool, pitch, pick(rng, (-1, 1)))
        pitch = within(pitch, low, high)
        part.add(beat, 0.92, pitch, velocity)
        if chance(rng, 0.07):
            part.add(beat + 0.5, 0.3, pitch, velocity * 0.6)


def _two_feel(piece: Piece, part: PartBuilder, around: int = 38, velocity: float = 82) -> None:
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
_FOUR = ("x.x.x.x.",)


def _comp(
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


def _swing_drums(piece: Piece, kit: str = "drum_kit", velocity: float = 72) -> None:
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


def _lead(piece: Piece, name: str, tones: Sequence[Tone], *, velocity: float = 88, gain_db: float = 1.0) -> None:
    """A soloist's part, a little behind the beat; voices scat."""
    part = piece.part(name, name, gain_db=gain_db, lag=between(piece.rng, 0.0, 0.05))
    part.line(tones, velocity, hold=between(piece.rng, 0.8, 1.0), syllables=("du", "ba", "da", "bi", "wa"))


def _rhythm_section(piece: Piece, chordal: str | None, kit: str = "drum_kit", bass: str = "double_bass") -> None:
    """Walking bass, comping and drums."""
    _walk(piece, piece.part("bass", bass, pan=between(piece.rng, -0.2, 0.2)))
    if chordal:
        _comp(piece, piece.part("comping", chordal, gain_db=-3), 60)
    _swing_drums(piece, kit)


def _swing_trio(rng: np.random.Generator, seconds: float) -> Piece:
    piece = _begin(rng, "swing_trio", seconds, (100, 270), _BLUES + _CHANGES, metre=pick(rng, (4.0, 4.0, 4.0, 3.0)))
    lead = pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", "vibraphone"))
    _rhythm_section(piece, lead, pick(rng, ("drum_kit", "brush_kit")))
    _lead(piece, lead, _solo(piece, _LOWEST[lead], busy=between(rng, 0.3, 1)))
    return piece


def _quartet(rng: np.random.Generator, seconds: float) -> Piece:
    """A horn states the head, then it or the pianist plays a solo."""
    piece = _begin(rng, "horn_quartet", seconds, (96, 250), _BLUES + _CHANGES)
    _rhythm_section(piece, pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", None)))
    horn = pick(rng, _HORNS)
    turn = piece.metre * round(piece.bars * between(rng, 0.2, 0.6))
    soloist = pick(rng, (horn, horn, "grand_piano"))
    _lead(piece, horn, _head(piece, _LOWEST[horn] + 3, turn))
    _lead(piece, soloist, _solo(piece, _LOWEST[soloist], busy=between(rng, 0.3, 1), start=turn))
    return piece


def _hard_bop(rng: np.random.Generator, seconds: float) -> Piece:
    """Trumpet and saxophone in unison or thirds, blues and minor, loud drums."""
    piece = _begin(rng, "hard_bop", seconds, (120, 290), _BLUES + _CHANGES[4:5])
    _rhythm_section(piece, "grand_piano")
    turn = piece.metre * round(piece.bars * between(rng, 0.3, 0.7))
    theme = _head(piece, 58, turn)
    _lead(piece, "trumpet", theme, velocity=98)
    second = pick(rng, ("tenor_sax", "alto_sax", "trombone"))
    part = piece.part(second, second)
    part.line(theme, 92, shift=pick(rng, (-12, 0, -5, -3)))
    part.line(_solo(piece, _LOWEST[second], busy=0.9, start=turn), 94)
    return piece


def _cool(rng: np.random.Generator, seconds: float) -> Piece:
    """Soft counterlines of baritone, muted trumpet, vibraphone or flute, often without a piano."""
    piece = _begin(rng, "cool", seconds, (84, 168), _CHANGES)
    _rhythm_section(piece, pick(rng, (None, None, "vibraphone", "jazz_guitar")), "brush_kit")
    for name in pick(
        rng, (("baritone_sax", "muted_trumpet"), ("alto_sax", "trombone"), ("flute", "tenor_sax"), ("vibraphone",))
    ):
        busy = between(rng, 0.0, 0.5)
        _lead(piece, name, _solo(piece, _LOWEST[name], busy=busy), velocity=72)
    return piece


def _modal(rng: np.random.Generator, seconds: float) -> Piece:
    """Long vamps with fourths on the piano, sometimes in three."""
    piece = _begin(rng, "modal", seconds, (104, 220), _VAMPS, metre=pick(rng, (4.0, 4.0, 3.0)), room=(0.15, 0.4))
    _walk(piece, piece.part("bass", "double_bass", pan=0.0))
    piano = piece.part("piano", "grand_piano", gain_db=-2)
    for bar in range(piece.bars):
        for start in pick(rng, ((0.0, 1.5), (1.5,), (0.0, 2.5), (0.5, 2.0))):
            root = chord_at(piece.chords, bar * piece.metre + start).bass(50) + pick(rng, (0, 2, 2, 7))
            piano.chord(bar * piece.metre + start, 1.2, (root, root + 5, root + 10, root + 14), 76)
    _swing_drums(piece)
    horn = pick(rng, ("tenor_sax", "soprano_sax", "trumpet", "grand_piano", "muted_trumpet", "alto_sax"))
    _lead(piece, horn, _solo(piece, _LOWEST[horn], busy=between(rng, 0.3, 1)))
    return piece


def _big_band(rng: np.random.Generator, seconds: float) -> Piece:
    """Saxophones carry riffs in block chords, brass answers with shots, a soloist between; four to the bar below."""
    piece = _begin(rng, "big_band", seconds, (112, 230), _BLUES + _CHANGES[:4], room=(0.15, 0.4))
    _rhythm_section(piece, "grand_piano")
    _comp(piece, piece.part("guitar", "jazz_guitar", gain_db=-7), 55, 60, _FOUR, 0.5)
    riff = _head(piece, 62, piece.beats)
    for index, name in enumerate(("alto_sax", "alto_sax", "tenor_sax", "baritone_sax")):
        part = piece.part(f"reed {index + 1}", name, pan=-0.5 + 0.1 * index, gain_db=-3)
        for tone in riff:
            pool = _scale_of(chord_at(piece.chords, tone.start))
            part.add(tone.start, tone.length * 0.85, theory.stepped(pool, tone.pitch, -2 * index), 84)
    shots = pick(
        rng, (("......x.", "x..x....", "........"), ("x.x..x..", "........"), ("...x..x.", ".......x", "........"))
    )
    for name, centre in (("trumpet", 70), ("trombone", 58)):
        brass = piece.part(f"{name}s", name, pan=0.4, gain_db=-1)
        shape = [pick(rng, shots) for _ in range(4)]
        for bar in range(piece.bars):
            for index, symbol in enumerate(shape[bar % 4]):
                if symbol == "x":
                    beat = bar * piece.metre + index / 2
                    brass.chord(beat, pick(rng, (0.3, 0.3, 1.2)), chord_at(piece.chords, beat).close(centre), 104)
    if chance(rng, 0.6):
        soloist = pick(rng, ("tenor_sax", "trumpet", "clarinet", "voice_low", "voice_high"))
        start = piece.metre * round(piece.bars * between(rng, 0, 0.5))
        _lead(piece, soloist, _solo(piece, _LOWEST[soloist], busy=0.5, start=start), velocity=100)
    return piece


def _ballad(rng: np.random.Generator, seconds: float) -> Piece:
    """Brushes, two to the bar, rich held chords, a breathy soloist or a singer."""
    piece = _begin(rng, "ballad", seconds, (48, 80), _CHANGES[1:], room=(0.2, 0.45))
    _two_feel(piece, piece.part("bass", "double_bass", pan=0.0))
    chordal = pick(rng, ("grand_piano", "grand_piano", "rhodes", "jazz_guitar"))
    hold(piece.part("chords", chordal, gain_db=-3), piece.chords, 60, 58, 0.95, 0.03)
    if chance(rng, 0.85):
        _swing_drums(piece, "brush_kit", 48)
    horn = pick(
        rng, ("tenor_sax", "muted_trumpet", "alto_sax", "grand_piano", "voice_low", "voice_high", "trumpet", "clarinet")
    )
    turn = pick(rng, (piece.beats, piece.beats / 2))
    _lead(piece, horn, _head(piece, _LOWEST[horn] + 3, turn, _BALLAD_CELLS), velocity=76)
    _lead(piece, horn, _solo(piece, _LOWEST[horn], busy=0.6, start=turn), velocity=76)
    return piece


def _bossa(rng: np.random.Generator, seconds: float) -> Piece:
    """Even eighths, guitar or Rhodes in bossa rhythm, a rim click over two bars, root and fifth in the bass."""
    piece = _begin(rng, "bossa_jazz", seconds, (104, 168), _BOSSAS + _CHANGES[1:3], straight=True)
    bass = piece.part("bass", pick(rng, ("double_bass", "fretless_bass")), pan=0.0)
    for beat in np.arange(0.0, piece.beats, 2.0):
        chord = chord_at(piece.chords, beat)
        root, fifth = chord.bass(38), theory.nearest([chord.root + 7], 36)
        bass.add(beat, 1.4, root if beat % 4 == 0 else fifth, 80)
        bass.add(beat + 1.5, 0.45, fifth if beat % 4 == 0 else root, 70)
    comping = pick(rng, ("nylon_guitar", "nylon_guitar", "rhodes", "grand_piano"))
    _comp(piece, piece.part("comping", comping, gain_db=-2), 59, 66, ("x..x..x.", "..x..x..", "x.x..x.."), 0.5)
    drums = piece.part("drums", pick(rng, ("drum_kit", "brush_kit")), pan=0.0, gain_db=-3)
    groove(drums, piece.beats, {37: "x..x..x...x..x..", 36: "x..xx..x", 42: "xxxxxxxx"}, 60, step=0.5, rng=rng)
    piece.pattern = "bossa_nova"
    lead = pick(rng, ("tenor_sax", "flute", "grand_piano", "voice_high", "nylon_guitar", "muted_trumpet"))
    turn = piece.metre * round(piece.bars * between(rng, 0.3, 0.9))
    _lead(piece, lead, _head(piece, _LOWEST[lead], turn, _BALLAD_CELLS + _HEAD_CELLS), velocity=76)
    _lead(piece, lead, _solo(piece, _LOWEST[lead], busy=0.4, start=turn), velocity=78)
    return piece


def _latin(rng: np.random.Generator, seconds: float) -> Piece:
    """Clave, congas, cowbell, tumbao bass ahead of the bar, piano montuno, horns on top."""
    piece = _begin(rng, "latin_jazz", seconds, (150, 230), _VAMPS[:3] + _CHANGES[4:5] + _BLUES[2:], straight=True)
    bass, piano = piece.part("bass", "double_bass", pan=0.0), piece.part("montuno", "grand_piano")
    cycle = pick(rng, ("x.xx.xx.x.x.x.xx", "x..xx.x..x.xx.x.", "xx.xx.x.xx.x.xx."))
    for bar in range(piece.bars):
        start = bar * piece.metre
        chord, ahead = chord_at(piece.chords, start), chord_at(piece.chords, start + piece.metre)
        bass.add(start + 1.5, 1.4, theory.nearest([chord.root + 7], 38), 84)
        bass.add(start + 3, 1.4, ahead.bass(38), 88)
        voices = chord.close(65)
        for index, symbol in enumerate(cycle[8 * (bar % 2) : 8 * (bar % 2) + 8]):
            if symbol == "x":
                pitch = voices[index % len(voices)]
                piano.chord(start + index / 2, 0.4, (pitch, pitch + 12), 76)
    percussion = piece.part("percussion", "percussion", gain_db=-2)
    clave = pick(rng, ("x..x..x...x.x...", "..x.x...x..x..x.", "x..x...x..x.x..."))
    keys = {75: clave, 62: "..x...x.", 63: "......xx", 64: "....o...", 56: "x.xxx.xx"}
    groove(percussion, piece.beats, keys, 80, step=0.5, rng=rng)
    if chance(rng, 0.5):
        groove(
            piece.part("drums", "drum_kit", pan=0.0, gain_db=-3),
            piece.beats,
            {51: "x.xx.xx.", 36: "...x..x."},
            74,
            step=0.5,
        )
    piece.pattern = "clave"
    horn = pick(rng, ("trumpet", "flute", "tenor_sax", "vibraphone", "trombone"))
    _lead(piece, horn, _solo(piece, _LOWEST[horn], busy=between(rng, 0.3, 0.9)))
    return piece


def _gypsy(rng: np.random.Generator, seconds: float) -> Piece:
    """Guitars that pump chords on each beat, no drums; guitar, violin, clarinet or accordion in front."""
    piece = _begin(rng, "gypsy_jazz", seconds, (150, 260), _OLD)
    for index in range(whole(rng, 1, 2)):
        part = piece.part(f"rhythm guitar {index + 1}", "steel_guitar", pan=0.6 - 1.2 * index, gain_db=-3)
        for beat in range(int(piece.beats)):
            voices = chord_at(piece.chords, beat).close(54)
            part.chord(
                beat, 0.2 if beat % 2 else 0.45, voices, 92 if beat % 2 else 72, 0.012, "muted" if beat % 2 else ""
            )
    _two_feel(piece, piece.part("bass", "double_bass", pan=0.0))
    lead = pick(rng, ("nylon_guitar", "steel_guitar", "violin", "clarinet"))
    _lead(piece, lead, _solo(piece, _LOWEST[lead] + 6, busy=between(rng, 0.5, 1)), velocity=96)
    return piece


def _organ_trio(rng: np.random.Generator, seconds: float) -> Piece:
    """Hammond with its own bass, guitar or saxophone, a shuffle on the drums."""
    piece = _begin(rng, "organ_trio", seconds, (92, 200), _BLUES)
    _walk(piece, piece.part("pedals", "hammond", pan=0.0, gain_db=-2), 80)
    organ = piece.part("organ", pick(rng, ("hammond", "percussive_organ")), gain_db=-3)
    _comp(piece, organ, 62, 70, long=1.2)
    _swing_drums(piece)
    lead = pick(rng, ("jazz_guitar", "hammond", "tenor_sax"))
    _lead(piece, lead, _solo(piece, _LOWEST[lead], busy=between(rng, 0.3, 0.9)), velocity=92)
    return piece


def _dixieland(rng: np.random.Generator, seconds: float) -> Piece:
    """Three horns at once (tune, high garlands, low slides) over banjo or piano, tuba and drums."""
    piece = _begin(rng, "dixieland", seconds, (130, 230), _OLD + _BLUES[1:2])
    _two_feel(piece, piece.part("bass", pick(rng, ("tuba", "tuba", "double_bass")), pan=0.2), 36, 90)
    chordal = pick(rng, ("banjo", "banjo", "honky_tonk"))
    _comp(piece, piece.part("chords", chordal, gain_db=-3), 62, 76, _FOUR, 0.35)
    _lead(piece, "trumpet", _head(piece, 60, piece.beats), velocity=98)
    _lead(piece, "clarinet", _solo(piece, 66, busy=1.0), velocity=84, gain_db=0)
    slides = piece.part("trombone", "trombone")
    for tone in _head(piece, 46, piece.beats, ((2, 2), (-1, 1, 2), (1, 1, 2), (4,))):
        slides.add(tone.start, tone.length * 0.9, tone.pitch, 88, "slide" if chance(rng, 0.4) else "")
    drums = piece.part("drums", "drum_kit", pan=0.0, gain_db=-3)
    groove(drums, piece.beats, {36: "x...x...", 38: "..xo..xx", 76: "..x.x.xx"}, 72, step=0.5, rng=rng, spare=0.15)
    piece.pattern = "two_beat"
    return piece


def _stride(rng: np.random.Generator, seconds: float) -> Piece:
    """Piano alone: bass octaves and chords in turn below, ragged lines and thirds above."""
    piece = _begin(rng, "stride_piano", seconds, (100, 230), _OLD + _CHANGES[:1])
    part = piece.part("piano", pick(rng, ("grand_piano", "grand_piano", "honky_tonk", "bright_piano")), pan=0.0)
    for beat in range(int(piece.beats)):
        chord = chord_at(piece.chords, beat)
        if beat % 2 == 0:
            low = theory.nearest([chord.root + 7 * (beat % 4 // 2)], 38)
            part.chord(beat, 0.7, (low, low + pick(rng, (12, 12, 10))), 82)
        else:
            part.chord(beat, 0.4, chord.close(56), 68)
    tune = _solo(piece, 64, busy=0.7) if chance(rng, 0.5) else _head(piece, 66, piece.beats)
    part.line(tune, 88)
    if chance(rng, 0.5):
        for tone in tune[::2]:
            part.add(
                tone.start,
                tone.length * 0.9,
                theory.stepped(chord_at(piece.chords, tone.start).classes, tone.pitch, -1),
                70,
            )
    return piece


def _solo_instrument(rng: np.random.Generator, seconds: float) -> Piece:
    """One player or two, free of drums: piano reveries, guitar with bass, saxophone with bass."""
    piece = _begin(rng, "solo_and_duo", seconds, (60, 180), _CHANGES, room=(0.15, 0.45))
    if chance(rng, 0.5):
        part = piece.part("solo", pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", "rhodes")), pan=0.0)
        hold(part, piece.chords, 55, 62, 0.95, 0.03)
        part.line(_solo(piece, 62, busy=between(rng, 0.1, 0.8)), 82)
        return piece
    _walk(piece, piece.part("bass", "double_bass", pan=0.2))
    lead = pick(rng, ("jazz_guitar", "tenor_sax", "grand_piano", "vibraphone", "clarinet"))
    if chance(rng, 0.4):
        _comp(piece, piece.part("comping", "jazz_guitar", gain_db=-3), 57)
    _lead(piece, lead, _solo(piece, _LOWEST[lead], busy=between(rng, 0.2, 0.9)))
    return piece


def _fusion(rng: np.random.Generator, seconds: float) -> Piece:
    """Rhodes and electric bass over even sixteenths or broken beats, saxophone, guitar or synth solos."""
    piece = _begin(rng, "fusion", seconds, (84, 132), _VAMPS + _CHANGES[5:6], straight=True)
    bass = piece.part("bass", pick(rng, ("fretless_bass", "slap_bass", "finger_bass")), pan=0.0)
    rhythm = pick(rng, ("x..x..x...x.x..x", "x.x...xx..x...x.", "x......xx.x..x.."))
    for bar in range(piece.bars):
        for index, symbol in enumerate(rhythm):
            beat = bar * piece.metre + index / 4
            if symbol == "x":
                chord = chord_at(piece.chords, beat)
                bass.add(beat, 0.3, theory.nearest([chord.root + pick(rng, (0, 0, 7, 10))], 38), 86)
    _comp(piece, piece.part("rhodes", "rhodes", gain_db=-2), 62, 70)
    kit: Mapping[int, str] = {42: "xxxxxxxxxxxxxxxx", 36: "x.....x..x......", 38: "....X..o.o..X..o"}
    groove(piece.part("drums", "drum_kit", pan=0.0), piece.beats, kit, 78, rng=rng)
    piece.pattern = "fusion_sixteenths"
    lead = pick(rng, ("tenor_sax", "soprano_sax", "jazz_guitar", "rhodes", "trumpet"))
    _lead(piece, lead, _solo(piece, _LOWEST[lead], busy=between(rng, 0.5, 1)))
    return piece


def _vocal(rng: np.random.Generator, seconds: float) -> Piece:
    """A singer with a swinging trio, a horn answering."""
    piece = _begin(rng, "vocal_swing", seconds, (92, 190), _CHANGES)
    _rhythm_section(piece, pick(rng, ("grand_piano", "jazz_guitar")), pick(rng, ("drum_kit", "brush_kit")))
    voice = pick(rng, ("voice_high", "voice_low"))
    _lead(piece, voice, _head(piece, _LOWEST[voice], piece.beats, _HEAD_CELLS + _BALLAD_CELLS), gain_db=3)
    if chance(rng, 0.6):
        horn = pick(rng, ("tenor_sax", "trumpet", "muted_trumpet", "clarinet"))
        _lead(piece, horn, _solo(piece, _LOWEST[horn], busy=0.0), velocity=70, gain_db=-2)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_swing_trio, 2.5), (_quartet, 3), (_hard_bop, 1.5), (_cool, 1.2), (_modal, 1.2), (_big_band, 2), (_ballad, 2),
    (_bossa, 1.5), (_latin, 1.2), (_gypsy, 1.2), (_organ_trio, 1), (_dixieland, 1.2), (_stride, 1),
    (_solo_instrument, 1.2), (_fusion, 1), (_vocal, 1.2),
)  # fmt: skip

_FIRST = ("Blue", "Midnight", "Smoky", "Velvet", "Crooked", "Uptown", "Lazy", "Sideways", "Copper")
_SECOND = ("Stroll", "Turnaround", "Lantern", "Avenue", "Bounce", "Corner", "Sunday", "Telegram", "Taxi")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new jazz piece of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("jazz", made_up_title(rng, _FIRST, _SECOND))
