"""The Iberian and Latin American styles of world music: flamenco, mariachi, salsa, bossa nova, tango, Andes."""

from collections.abc import Mapping, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, groove, hold, ladder, oom_pah, roll, roots, strum
from ccmusicd.capture.music.composers.traditions import FLOWING, LONG, VOWELS, begin, ornamented, tune_of
from ccmusicd.capture.music.composers.writing import (
    chance,
    chord_at,
    pick,
)


def andean(rng: np.random.Generator, seconds: float) -> Piece:
    """Pan flutes in parallel, charango (a small guitar) strummed fast, bombo."""
    piece = begin(
        rng,
        "andean",
        seconds,
        (84, 132),
        ("minor_pentatonic", "minor"),
        ("i bIII bVII bIII", "bVI bIII V i", "i i bIII V"),
    )
    lead = piece.part("flute", pick(rng, ("pan_flute", "pan_flute", "recorder", "ocarina")), gain_db=1)
    tune = tune_of(piece, ((1, 0.5, 0.5), (0.5, 0.25, 0.25), (1.5, 0.5), (2,)), 66, 86, 0.3)
    lead.line(tune, 88)
    if chance(rng, 0.5):
        second = piece.part("second flute", "pan_flute")
        for tone in tune:
            second.add(tone.start, tone.length * 0.9, theory.stepped(piece.scale, tone.pitch, -2), 78)
    charango = piece.part("charango", pick(rng, ("nylon_guitar", "steel_guitar")), gain_db=-2)
    strum(charango, piece.chords, pick(rng, ("D.DUDUDU", "DUUDUUDU", "D.DUD.DU")), 0.25, 70, 57, 5)
    roots(piece.part("guitar bass", "nylon_guitar"), piece.chords, 43, 74)
    if chance(rng, 0.8):
        groove(piece.part("bombo", "percussion"), piece.beats, {64: "X..ox.o.", 70: "xoxoxoxo"}, 78, step=0.5, rng=rng)
        piece.pattern = "huayno"
    return piece


def flamenco(rng: np.random.Generator, seconds: float) -> Piece:
    """Guitar in the Andalusian cadence: rasgueado, runs, claps and box drum in twelve or in a quick four."""
    metre = pick(rng, (6.0, 4.0, 3.0))
    piece = begin(
        rng,
        "flamenco",
        seconds,
        (112, 200),
        ("phrygian", "hijaz"),
        ("iv bIII bII I", "I bII I bII", "I bII bIII bII I"),
        metre=metre,
    )
    guitar = piece.part("guitar", "nylon_guitar", pan=0.0)
    for chord in piece.chords:
        if chance(rng, 0.5):
            strum(guitar, [chord], pick(rng, ("DUDUDU", "D.DUDU", "DDU.DU")), 0.5, 84, 40)
        else:
            guitar.chord(chord.start, 1.0, ladder(chord, 40, 5), 86, 0.02)
    guitar.line(tune_of(piece, ((0.25,) * 4, (0.25,) * 8, (0.5, 0.5), (-1, 1), (1 / 3,) * 3), 57, 79, 0.1), 86)
    claps = {6.0: "..X..X.X.X.X", 4.0: "X..X..X.", 3.0: "x.X.xx"}[metre]
    if chance(rng, 0.75):
        groove(
            piece.part("palmas", "percussion"),
            piece.beats,
            {39: claps, 64: claps.replace("X", "o")},
            80,
            step=0.5,
            rng=rng,
        )
        piece.pattern = "palmas"
    if chance(rng, 0.4):
        ornamented(piece, piece.part("cante", "voice_low", gain_db=2), tune_of(piece, LONG, 52, 67, 0.08), 96, 0.8)
    return piece


def mariachi(rng: np.random.Generator, seconds: float) -> Piece:
    """Two trumpets and violins in thirds, vihuela strums, guitarron; waltz or two-step."""
    metre = pick(rng, (3.0, 4.0))
    piece = begin(
        rng,
        "mariachi",
        seconds,
        (108, 200),
        ("major",),
        ("I I V V V V I I", "I IV V I", "I V I V I IV V I"),
        metre=metre,
    )
    bass, vihuela = piece.part("guitarron", "double_bass"), piece.part("vihuela", "nylon_guitar", gain_db=-2)
    oom_pah(bass, vihuela, piece.chords, piece.beats, bass=38, centre=62, velocity=84, pulses=3 if metre == 3 else 2)
    tune = tune_of(piece, ((1, 1), (0.5, 0.5, 1), (2,), (1.5, 0.5), (-0.5, 0.5)), 66, 82, 0.3)
    turn = 4 * metre
    for name, parity in (("trumpet", 0), ("violin", 1)):
        for voice, steps in ((1, 0), (2, -2)):
            part = piece.part(f"{name} {voice}", name)
            for tone in tune:
                if int(tone.start // turn) % 2 == parity or chance(rng, 0.05):
                    part.add(tone.start, tone.length * 0.85, theory.stepped(piece.scale, tone.pitch, steps), 92)
    if chance(rng, 0.4):
        piece.part("voice", "voice_low", gain_db=2).line(tune_of(piece, LONG, 50, 66), 92, syllables=VOWELS)
    return piece


_LATIN: Mapping[str, tuple[tuple[float, float], Mapping[int, str], Sequence[str]]] = {
    "salsa": (
        (168, 216), {75: "x..x..x...x.x...", 62: "..x...x...x...x.", 63: "......xx......xx",
         56: "x.xxx.xxx.xxx.xx", 70: "xoxoxoxoxoxoxoxo"},
        ("i iv V i", "I IV V IV", "i bVII bVI V", "ii:m7 V:7 I:6 VI:7"),
    ),
    "samba": (
        (176, 220), {64: "x..Xx..X", 70: "xoxxxoxx", 54: "xoxxxoxx", 67: "x.x.xx.x.x.xx.x.", 62: "..xx..xo"},
        ("I:69 VI:7 ii:m7 V:7", "i:m7 iv:m7 V:7 i:m7", "I:maj7 I:maj7 ii:m7 V:7"),
    ),
    "cumbia": (
        (84, 112), {70: "x.xxx.xx", 64: "X...X...", 62: "..x...xx", 56: "x.x.x.x."},
        ("i V:7", "i i V:7 V:7", "I V I V", "i bVII"),
    ),
}  # fmt: skip


def latin_american(rng: np.random.Generator, seconds: float) -> Piece:
    """Salsa, samba or cumbia: layered percussion, syncopated bass, montuno or strums, brass, accordion or voices."""
    style = pick(rng, tuple(_LATIN))
    tempo, strokes, lines = _LATIN[style]
    piece = begin(
        rng, style, seconds, tempo, ("minor",) if style == "cumbia" else ("major", "minor"), lines, pattern=style
    )
    for key, pattern in strokes.items():
        groove(
            piece.part(f"percussion {key}", "percussion", gain_db=-3),
            piece.beats,
            {key: pattern},
            82,
            step=0.5,
            rng=rng,
        )
    bass = piece.part("bass", pick(rng, ("finger_bass", "double_bass")), pan=0.0)
    for bar in range(piece.bars):
        start = bar * piece.metre
        chord, ahead = chord_at(piece.chords, start), chord_at(piece.chords, start + piece.metre)
        if style == "salsa":
            bass.add(start + 1.5, 1.4, theory.nearest([chord.root + 7], 38), 86)
            bass.add(start + 3, 1.4, ahead.bass(38), 90)
        else:
            bass.add(start, 1.8, chord.bass(38), 86)
            bass.add(start + 2, 0.9, theory.nearest([chord.root + 7], 38), 88)
            bass.add(start + 3, 0.9, chord.bass(38) if style == "samba" else theory.nearest([chord.root + 4], 38), 80)
    _montuno(piece, "nylon_guitar" if style == "samba" else pick(rng, ("grand_piano", "accordion", "nylon_guitar")))
    lead = {
        "salsa": ("trumpet", "brass_section", "flute", "trombone"),
        "samba": ("flute", "choir", "trombone"),
        "cumbia": ("accordion", "clarinet", "recorder"),
    }
    name = pick(rng, lead[style])
    tune = tune_of(piece, ((0.5, 0.5, 1), (-0.5, 0.5, 0.5, 0.5), (1.5, 0.5), (-2, 1, 1), (2,)), 62, 80, 0.25)
    piece.part("lead", name).line(tune, 90)
    if chance(rng, 0.5):
        piece.part("voice", pick(rng, ("voice_low", "voice_high")), gain_db=2).line(
            tune_of(piece, FLOWING, 55, 70), 92, syllables=VOWELS
        )
    return piece


def _montuno(piece: Piece, instrument: str) -> None:
    """Syncopated chords in a rhythm of two bars."""
    rhythm = pick(piece.rng, ("x.xx.xx.x.x.x.xx", "x..xx.x..x.xx.x.", ".x.x.x.xx.x..x.x", "..xx..xx..xx..xx"))
    part = piece.part("montuno", instrument, gain_db=-2)
    for index in range(int(piece.beats * 2)):
        if rhythm[index % 16] == "x":
            voices = chord_at(piece.chords, index / 2 + 0.25).close(64)
            part.chord(index / 2, 0.35, (voices[index % len(voices)], voices[0] + 12), 76, 0.005)


def bossa_guitar(rng: np.random.Generator, seconds: float) -> Piece:
    """A soft voice or flute and a nylon guitar whose thumb keeps the beat, hardly any percussion."""
    lines = ("I:maj9 II:9 ii:m9 V:13", "i:m9 ii:m7b5 V:7b9 i:m9", "I:69 bIII:dim7 ii:m7 V:7b9")
    piece = begin(rng, "bossa_guitar", seconds, (104, 152), ("major", "minor"), lines, pattern="bossa_nova")
    guitar = piece.part("guitar", "nylon_guitar", pan=0.0)
    rhythm = pick(rng, ("x..x..x...x..x..", "..xx..x...x.xx..", "x.x..x.x.x.x..x."))
    for index in range(int(piece.beats * 2)):
        chord = chord_at(piece.chords, index / 2)
        if index % 4 == 0:
            guitar.add(index / 2, 1.8, theory.nearest([chord.root + 7 * (index % 8 // 4)], 44), 72)
        if rhythm[index % 16] == "x":
            guitar.chord(index / 2, 0.5, chord.close(60), 66)
    voice = pick(rng, ("voice_high", "voice_low", "flute"))
    low = 50 if voice == "voice_low" else 60
    piece.part("lead", voice, gain_db=1).line(
        tune_of(piece, ((1, 0.5, 0.5), (-0.5, 1.5), (2,), (0.5,) * 4), low, low + 15), 72, syllables=VOWELS
    )
    groove(
        piece.part("shaker", "percussion", gain_db=-8),
        piece.beats,
        {70: "xoxo", 37: "x..x..x...x..x.."},
        54,
        step=0.5,
        rng=rng,
    )
    return piece


def tango(rng: np.random.Generator, seconds: float) -> Piece:
    """Bandoneon and violin, piano in marked fours or in 3-3-2, contrabass; no drums."""
    lines = ("i iv V:7 i", "i i V:7 V:7 V:7 V:7 i i", "i VI:7 iv V:7", "i bVI ii:m7b5 V:7b9")
    piece = begin(rng, "tango", seconds, (108, 138), ("harmonic_minor",), lines)
    rhythm = pick(rng, ("x.x.x.x.", "x..x..x.", "x..xx.x."))
    piano, bass = piece.part("piano", "grand_piano", gain_db=-1), piece.part("bass", "contrabass")
    for index in range(int(piece.beats * 2)):
        if rhythm[index % 8] == "x":
            chord = chord_at(piece.chords, index / 2)
            piano.chord(index / 2, 0.3, (chord.bass(40), *chord.close(58)), 84, 0.0, "staccato")
            bass.add(index / 2, 0.45, chord.bass(36), 86)
    lead = piece.part("bandoneon", pick(rng, ("bandoneon", "bandoneon", "accordion")), gain_db=1)
    lead.line(
        tune_of(piece, ((0.5, 0.5, 1), (0.75, 0.25, 1), (0.25,) * 4, (3, 1), (-0.5, 0.5, 0.5, 0.5)), 60, 82, 0.2), 92
    )
    violin = piece.part("violin", "violin")
    violin.line(tune_of(piece, LONG, 64, 86), 80)
    if chance(rng, 0.4):
        hold(piece.part("strings", "string_section", gain_db=-5), piece.chords, 62, 60)
    return piece


def calypso(rng: np.random.Generator, seconds: float) -> Piece:
    """Steel drums in thirds and rolls over bass, shaker and cowbell."""
    piece = begin(
        rng, "calypso", seconds, (168, 224), ("major",), ("I IV V I", "I ii V I", "I I IV V"), pattern="calypso"
    )
    lead = piece.part("steel drum", "steel_drum")
    for tone in tune_of(piece, ((0.5, 0.5, 1), (1.5, 0.5), (-0.5, 1, 0.5), (2,)), 62, 84, 0.35):
        second = theory.stepped(piece.scale, tone.pitch, -2)
        if tone.length >= 1.5:
            roll(lead, tone.start, tone.length, tone.pitch, 84)
        else:
            lead.chord(tone.start, tone.length, (second, tone.pitch), 86)
    strum(
        piece.part("strum", pick(rng, ("steel_drum", "clean_guitar")), gain_db=-4),
        piece.chords,
        "..DU..DU",
        0.5,
        68,
        55,
        4,
    )
    roots(piece.part("bass", "finger_bass"), piece.chords, 38, 86, 0.4)
    strokes = {70: "xoxxxoxx", 56: "x..x..x.", 36: "x..x..x.", 38: "..x...x."}
    groove(piece.part("percussion", "percussion", gain_db=-3), piece.beats, strokes, 78, step=0.5, rng=rng)
    return piece
