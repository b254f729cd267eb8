"""Composes ambient music: pads, drones, bells, slow piano, weather and birds, soft sequences; almost never a drum."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, hold
from ccmusicd.capture.music.composers.writing import (
    PartBuilder,
    between,
    chance,
    chord_at,
    made_up_title,
    pick,
    whole,
)
from ccmusicd.capture.music.score import Score

_LINES = (
    "I:maj9 IV:maj9", "I:add9 vi:m9 IV:maj9 V:sus4", "I:5 I:sus2", "i:m9 bVI:maj9", "i:m11 bVII:add9 bVI:maj9 iv:m9",
    "I:maj7#11 II:add9", "I:sus2 bVII:sus2", "i:madd9 bIII:maj9 bVII:sus2 iv:m9", "IV:maj9 I:add9", "I:69 iii:m7",
)  # fmt: skip
_DARK = ("i:5", "i:m i:m bII:maj7", "i:madd9 bvi:m", "i:5 bii:dim", "i:m bvi:m iv:m")
_PADS = (
    "new_age_pad", "warm_pad", "choir_pad", "bowed_pad", "metal_pad", "halo_pad", "sweep_pad", "bell_pad",
    "synth_strings",
    "slow_strings", "choir", "oohs",
)  # fmt: skip
_BELLS = (
    "celesta",
    "glockenspiel",
    "music_box",
    "vibraphone",
    "tubular_bells",
    "kalimba",
    "bell_pad",
    "rhodes",
    "harp",
)
_FIELDS = ("rain", "wind", "sea", "birds")
_SCALES = ("major", "lydian", "pentatonic", "mixolydian", "dorian", "minor", "minor_pentatonic")


def _begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    *,
    tempo: tuple[float, float] = (44, 84),
    lines: Sequence[str] = _LINES,
    scales: Sequence[str] = _SCALES,
    room: tuple[float, float] = (0.55, 1.0),
) -> Piece:
    """A piece of few chords, each from half a bar to the whole piece long, in a large room."""
    scale = pick(rng, scales)
    piece = Piece(rng, style, seconds, tempo=tempo, scale=scale, room=room, loose=(0.01, 0.06))
    piece.harmony(lines, piece.metre * pick(rng, (1, 2, 2, 3, 4, piece.bars)))
    piece.tags = (scale, "beatless")
    return piece


def _pad(piece: Piece, instrument: str, centre: float, velocity: float, *, gain_db: float = 0.0) -> PartBuilder:
    """Held chords that overlap, some with fewer voices, some an octave wider."""
    part = piece.part(instrument, instrument, gain_db=gain_db, pan=between(piece.rng, -0.3, 0.3))
    hold(part, piece.chords, centre, velocity, between(piece.rng, 0.95, 1.2), between(piece.rng, 0.0, 0.3))
    return part


def _field(piece: Piece, instrument: str, gain_db: float, *, breaks: bool = False) -> None:
    """A field recording that lasts as long as the piece, or comes in waves; its loudness is the velocity."""
    rng, part = piece.rng, piece.part(instrument, instrument, gain_db=gain_db, room=between(piece.rng, 0.0, 0.4))
    if not breaks and chance(rng, 0.6):
        part.add(0, piece.beats, 60, between(rng, 50, 105))
        return
    beat = 0.0
    while beat < piece.beats:
        length = between(rng, 3, 14)
        part.add(beat, length, 60, between(rng, 35, 110))
        beat += length * between(rng, 0.6, 1.3)


def _sprinkle(
    piece: Piece, instrument: str, low: int, high: int, *, rate: float, velocity: float, ring: float = 6.0
) -> None:
    """Single notes of the scale at irregular moments, `rate` of them a beat on average, each ringing so many beats."""
    rng, part = piece.rng, piece.part(instrument, instrument, pan=between(piece.rng, -0.7, 0.7))
    beat = between(rng, 0, 2)
    while beat < piece.beats:
        pool = chord_at(piece.chords, beat).classes if chance(rng, 0.6) else piece.scale
        pitch = theory.nearest(pool, between(rng, low, high))
        part.add(beat, ring, pitch, velocity * between(rng, 0.6, 1.1))
        if chance(rng, 0.2):
            part.add(
                beat + pick(rng, (0.0, 0.25, 0.5)),
                ring,
                theory.nearest(pool, pitch + pick(rng, (7, 12, 5))),
                velocity * 0.7,
            )
        beat += float(rng.exponential(1 / rate)) + 0.2


def _bass(piece: Piece, instrument: str, around: int, velocity: float) -> None:
    part = piece.part(f"low {instrument}", instrument, pan=0.0, gain_db=-2)
    for chord in piece.chords:
        part.add(chord.start, chord.length, chord.bass(around), velocity)


def _pads(rng: np.random.Generator, seconds: float) -> Piece:
    """One to three layers of pads over a low note."""
    piece = _begin(rng, "pads", seconds)
    for name in map(str, rng.permutation(_PADS)[: whole(rng, 1, 3)]):
        _pad(piece, name, whole(rng, 50, 74), between(rng, 45, 80))
    if chance(rng, 0.6):
        _bass(piece, pick(rng, ("warm_pad", "drone", "contrabass", "synth_strings")), 36, 66)
    if chance(rng, 0.3):
        _sprinkle(piece, pick(rng, _BELLS), 66, 92, rate=between(rng, 0.1, 0.4), velocity=56)
    return piece


def _drones(rng: np.random.Generator, seconds: float) -> Piece:
    """A fundamental and overtones that enter and leave, no chords that change."""
    piece = _begin(rng, "drone", seconds, lines=("I:5", "i:sus2", "I:sus4"))
    low = theory.nearest([piece.tonic], between(rng, 30, 44))
    instruments = (
        "drone",
        "warm_pad",
        "bowed_pad",
        "slow_strings",
        "reed_organ",
        "church_organ",
        "tanpura",
        "metal_pad",
    )
    for index, partial in enumerate(rng.permutation((0, 7, 12, 19, 24, 28, 31, 14))[: whole(rng, 2, 5)]):
        part = piece.part(f"layer {index + 1}", pick(rng, instruments), gain_db=-2)
        beat = 0.0 if index == 0 else between(rng, 0, piece.beats / 2)
        while beat < piece.beats:
            length = between(rng, 8, piece.beats)
            part.add(beat, length, low + (0 if index == 0 else int(partial)), between(rng, 45, 85))
            beat += length * between(rng, 0.8, 1.1)
    if chance(rng, 0.3):
        _field(piece, pick(rng, _FIELDS), -10)
    return piece


def _dark(rng: np.random.Generator, seconds: float) -> Piece:
    """Low drones and clusters, far metal, wind."""
    piece = _begin(
        rng, "dark_drone", seconds, lines=_DARK, scales=("phrygian", "diminished", "minor", "hungarian_minor")
    )
    _bass(piece, "drone", whole(rng, 26, 38), 84)
    if chance(rng, 0.7):
        _pad(
            piece,
            pick(rng, ("metal_pad", "bowed_pad", "choir", "sweep_pad", "tremolo_strings")),
            whole(rng, 42, 60),
            62,
        )
    if chance(rng, 0.5):
        _sprinkle(
            piece,
            pick(rng, ("tubular_bells", "metal_pad", "grand_piano", "contrabass")),
            30,
            60,
            rate=0.12,
            velocity=64,
        )
    if chance(rng, 0.6):
        _field(piece, pick(rng, ("wind", "wind", "sea", "rain")), between(rng, -12, -4))
    return piece


def _piano(rng: np.random.Generator, seconds: float) -> Piece:
    """Slow piano in a long room: open chords one by one, single notes above, sometimes a pad or rain behind."""
    piece = _begin(rng, "slow_piano", seconds, tempo=(40, 76))
    part = piece.part("piano", pick(rng, ("grand_piano", "grand_piano", "rhodes", "dx_piano")), pan=0.0)
    for chord in piece.chords:
        for start in np.arange(0.0, chord.length, 4.0):
            pitches = chord.stacked(whole(rng, 36, 48))
            part.chord(chord.start + float(start), 7, pitches, between(rng, 38, 62), between(rng, 0.02, 0.6))
    _sprinkle(piece, part.instrument, 62, 86, rate=between(rng, 0.2, 0.8), velocity=58)
    if chance(rng, 0.45):
        _pad(piece, pick(rng, _PADS), 60, 46, gain_db=-6)
    if chance(rng, 0.3):
        _field(piece, pick(rng, ("rain", "birds", "sea", "vinyl")), -10)
    return piece


def _bells(rng: np.random.Generator, seconds: float) -> Piece:
    """Bell sounds at random over a pad, or alone."""
    piece = _begin(rng, "bells", seconds)
    for name in map(str, rng.permutation(_BELLS)[: whole(rng, 1, 3)]):
        _sprinkle(
            piece, name, 62, 96, rate=between(rng, 0.2, 0.9), velocity=between(rng, 45, 75), ring=between(rng, 3, 10)
        )
    if chance(rng, 0.7):
        _pad(piece, pick(rng, _PADS), whole(rng, 50, 66), 50, gain_db=-4)
    return piece


def _field_recording(rng: np.random.Generator, seconds: float) -> Piece:
    """Nothing but rain, wind, sea or birds: one of them, or two together."""
    piece = _begin(rng, "field_recording", seconds, room=(0.0, 0.5))
    names = [str(name) for name in rng.permutation(_FIELDS)[: whole(rng, 1, 2)]]
    for index, name in enumerate(names):
        _field(piece, name, -4.0 * index, breaks=name == "birds" and chance(rng, 0.5))
    return piece


def _field_and_pads(rng: np.random.Generator, seconds: float) -> Piece:
    """Weather, waves or birds before a soft pad, sometimes with a flute or bells."""
    piece = _begin(rng, "field_with_pads", seconds)
    for name in map(str, rng.permutation(_FIELDS)[: whole(rng, 1, 2)]):
        _field(piece, name, between(rng, -8, 0))
    _pad(piece, pick(rng, _PADS), whole(rng, 48, 68), 56)
    if chance(rng, 0.5):
        lead = pick(rng, ("pan_flute", "flute", "harp", "celesta", "shakuhachi", "grand_piano", "kalimba"))
        _sprinkle(piece, lead, 64, 86, rate=between(rng, 0.15, 0.4), velocity=60, ring=3)
    return piece


def _generative(rng: np.random.Generator, seconds: float) -> Piece:
    """Loops of a few notes with lengths that never agree, so that they drift against each other."""
    piece = _begin(rng, "generative_loops", seconds, lines=("I:maj9", "i:m11", "I:69", "I:sus2"))
    instruments = (
        "grand_piano",
        "choir",
        "oohs",
        "vibraphone",
        "slow_strings",
        "rhodes",
        "bell_pad",
        "harp",
        "french_horn",
        "cello",
    )
    for index in range(whole(rng, 3, 7)):
        part = piece.part(f"loop {index + 1}", pick(rng, instruments))
        period, offset = between(rng, 4.0, 13.0), between(rng, 0.0, 6.0) if index else 0.0
        pitch = theory.nearest(piece.scale, between(rng, 45, 82))
        for turn in range(math.ceil(piece.beats / period)):
            part.add(offset + turn * period, period * between(rng, 0.4, 0.8), pitch, between(rng, 42, 70))
    return piece


def _strings(rng: np.random.Generator, seconds: float) -> Piece:
    """Slow strings: voices that move one at a time, swelling."""
    piece = _begin(
        rng, "slow_strings", seconds, tempo=(40, 66), lines=(*_LINES, "i:m bVI bIII bVII", "I iii:m vi:m IV")
    )
    _pad(piece, pick(rng, ("slow_strings", "slow_strings", "synth_strings", "string_section")), whole(rng, 54, 64), 58)
    _bass(piece, pick(rng, ("contrabass", "cello")), 38, 58)
    solo = piece.part("solo", pick(rng, ("violin", "cello", "viola", "french_horn")))
    pitch, beat = theory.nearest(piece.scale, between(rng, 57, 74)), 0.0
    while beat < piece.beats:
        length = pick(rng, (2.0, 3.0, 4.0, 6.0))
        pitch = theory.nearest(chord_at(piece.chords, beat).classes, pitch + between(rng, -5, 5))
        if chance(rng, 0.75):
            solo.add(beat, length * 1.05, pitch, between(rng, 48, 76))
        beat += length
    return piece


def _new_age(rng: np.random.Generator, seconds: float) -> Piece:
    """Pads under a gentle harp or guitar arpeggio and a flute that breathes."""
    piece = _begin(rng, "new_age", seconds, tempo=(56, 96), scales=("major", "pentatonic", "lydian", "dorian"))
    _pad(piece, pick(rng, ("new_age_pad", "warm_pad", "synth_strings", "choir_pad")), 58, 54, gain_db=-2)
    _sequence(piece, pick(rng, ("harp", "nylon_guitar", "grand_piano", "dulcimer")), 0.5, 50, 58, 4.0)
    if chance(rng, 0.75):
        lead = pick(rng, ("flute", "pan_flute", "ocarina", "oboe", "voice_high", "shakuhachi", "soprano_sax"))
        _sprinkle(piece, lead, 64, 84, rate=between(rng, 0.3, 0.6), velocity=68, ring=2.5)
    if chance(rng, 0.3):
        _field(piece, pick(rng, ("sea", "birds")), -9)
    return piece


def _sequence(piece: Piece, instrument: str, step: float, low: int, velocity: float, ring: float) -> None:
    """A figure of four to twelve notes of each chord that returns, each note ringing so many steps."""
    rng, part = piece.rng, piece.part(f"sequence {instrument}", instrument)
    order = [whole(rng, 0, 6) for _ in range(pick(rng, (4, 5, 6, 8, 8, 12)))]
    sparse = between(rng, 0.0, 0.3)
    for index in range(int(piece.beats / step)):
        if chance(rng, sparse):
            continue
        classes = chord_at(piece.chords, index * step).classes
        part.add(index * step, step * ring, theory.stepped(classes, low, order[index % len(order)] + 1), velocity)


def _sequencer(rng: np.random.Generator, seconds: float) -> Piece:
    """A soft, minimal sequence that turns under pads, in eighths or sixteenths."""
    piece = _begin(rng, "soft_sequencer", seconds, tempo=(64, 118))
    for _ in range(whole(rng, 1, 2)):
        instrument = pick(
            rng, ("pluck", "marimba", "vibraphone", "bell_pad", "rhodes", "square_lead", "dx_piano", "kalimba")
        )
        _sequence(piece, instrument, pick(rng, (0.25, 0.5, 0.5, 0.75)), whole(rng, 48, 68), 52, between(rng, 0.6, 2.5))
    _pad(piece, pick(rng, _PADS), whole(rng, 48, 66), 54, gain_db=-2)
    if chance(rng, 0.5):
        _bass(piece, pick(rng, ("warm_pad", "drone", "synth_bass")), 34, 62)
    return piece


def _space(rng: np.random.Generator, seconds: float) -> Piece:
    """Space music: sweeping pads, a deep drone, lone high tones and noise that rises and falls."""
    piece = _begin(rng, "space", seconds, scales=("lydian", "whole_tone", "dorian", "minor"))
    _bass(piece, "drone", whole(rng, 28, 38), 74)
    for name in map(
        str, rng.permutation(("sweep_pad", "halo_pad", "metal_pad", "choir_pad", "warm_pad"))[: whole(rng, 1, 3)]
    ):
        _pad(piece, name, whole(rng, 50, 76), between(rng, 44, 72))
    if chance(rng, 0.6):
        _sprinkle(
            piece,
            pick(rng, ("bell_pad", "saw_lead", "square_lead", "glockenspiel")),
            74,
            100,
            rate=0.15,
            velocity=50,
            ring=5,
        )
    if chance(rng, 0.4):
        _field(piece, "wind", between(rng, -14, -6), breaks=True)
    return piece


def _guitar(rng: np.random.Generator, seconds: float) -> Piece:
    """Clean guitar swells and harmonics in a long echo over pads."""
    piece = _begin(rng, "ambient_guitar", seconds, tempo=(52, 90))
    _sequence(piece, pick(rng, ("clean_guitar", "jazz_guitar", "steel_guitar")), pick(rng, (0.5, 1.0)), 50, 60, 4.0)
    harmonics = piece.part("harmonics", "clean_guitar", gain_db=-3)
    for chord in piece.chords:
        harmonics.chord(chord.start, min(chord.length, 8), chord.close(76)[:3], 56, 0.15, "harmonic")
    if chance(rng, 0.7):
        _pad(piece, pick(rng, _PADS), whole(rng, 48, 64), 52, gain_db=-3)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_pads, 2.5), (_drones, 1.5), (_dark, 1.5), (_piano, 1.8), (_bells, 1.2), (_field_recording, 1.2),
    (_field_and_pads, 1.5), (_generative, 1.2), (_strings, 1.3), (_new_age, 1.5), (_sequencer, 1.3), (_space, 1.3),
    (_guitar, 0.8),
)  # fmt: skip

_FIRST = ("Slow", "Distant", "Pale", "Floating", "Hollow", "Northern", "Silent", "Glass")
_SECOND = ("Tide", "Orbit", "Lake", "Interior", "Weather", "Hours", "Horizon", "Field")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new ambient piece of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("ambient", made_up_title(rng, _FIRST, _SECOND))
