"""Voices and soloists of popular music: sung lines with breaths and melismas, raps, guitar solos, hooks."""

from collections.abc import Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.grooves import Band, GatedPart
from ccmusicd.capture.music.composers.piece import hold
from ccmusicd.capture.music.composers.writing import (
    SCALES,
    Tone,
    between,
    chance,
    chord_at,
    melody,
    pick,
    whole,
    within,
)

Cells = Sequence[Sequence[float]]
SONG_CELLS: Cells = ((1, 1), (0.5, 0.5, 1), (1.5, 0.5), (0.5, 1, 0.5), (2,), (0.5, 0.5, 0.5, 0.5), (-0.5, 0.5, 1))
BUSY_CELLS: Cells = (
    (0.5, 0.5, 0.5, 0.5), (0.25, 0.25, 0.5, 1), (-0.5, 0.25, 0.25, 1), (0.75, 0.75, 0.5), (0.5, 0.25, 0.25, 1), (1, 1),
)  # fmt: skip
LONG_CELLS: Cells = ((2, 2), (3, 1), (4,), (1, 1, 2), (1.5, 0.5, 2), (-1, 1, 2))
SHOUT_CELLS: Cells = ((1, 1), (0.5, 0.5, 1), (-1, 1), (1, 0.5, 0.5), (0.5, 0.5, -1), (2,))

_SYLLABLES = (
    ("la", "la", "da", "la"), ("oh", "ah", "oh", "ey"), ("na", "na", "ney", "na"), ("wo", "oh", "ee", "ah", "no"),
    ("ba", "da", "du", "ba"), ("me", "yo", "sa", "lo", "ve", "ri"), ("ah", "ee", "i", "o"),
    ("so", "na", "ma", "re", "li"),
)  # fmt: skip
_REGISTERS = {"voice_low": (44, 52), "voice_high": (56, 64), "growl": (34, 43)}
"""Between which pitches the lowest note of a singer's tune lies."""

_RAP = ("da", "ka", "ti", "bo", "ra", "me", "so", "ya", "po", "ge", "lu", "ni", "to", "be", "ha")


def tuneful(mode: str) -> tuple[int, ...]:
    """The intervals of the pentatonic scale that tunes of popular music in a mode are made of."""
    return SCALES["pentatonic"] if mode in {"major", "mixolydian"} else SCALES["minor_pentatonic"]


def hook(
    band: Band, low: int, cells: Cells, *, span: int = 15, leap: float = 0.25, form: str = "", plain: float = 0.6
) -> list[Tone]:
    """A tune over the whole piece whose bars come back; `plain` is how probably it keeps to the pentatonic scale."""
    rng = band.rng
    scale = theory.transposed(tuneful(band.mode), band.tonic) if chance(rng, plain) else band.scale
    form = form or pick(rng, ("ABAC", "AABA", "ABAB", "AAAB", "ABCB", "AABB"))
    return melody(rng, band.chords, scale, cells, low=low, high=low + span, bars=band.bars, form=form, leap=leap)


def breathing(rng: np.random.Generator, tones: Sequence[Tone], phrase: float) -> list[Tone]:
    """The tune with a rest of a half to two beats at the end of each phrase of so many beats."""
    rest = pick(rng, (0.5, 1.0, 1.0, 1.5, 2.0))
    kept: list[Tone] = []
    for tone in tones:
        left = phrase - rest - tone.start % phrase
        if left > 0.2:
            kept.append(Tone(tone.start, min(tone.length, left), tone.pitch))
    return kept


def sing(
    band: Band,
    voice: str,
    *,
    cells: Cells = SONG_CELLS,
    melisma: float = 0.0,
    above: float = 0.55,
    gain_db: float = 2.0,
    doubled: float = 0.5,
    lag: float = 0.0,
    velocity: float = 96,
) -> None:
    """A singer: `melisma` is how probably a long note is ornamented, `doubled` how probably choruses are doubled."""
    rng = band.rng
    low = whole(rng, *_REGISTERS[voice])
    lead = band.part("voice", voice, gain_db=gain_db, pan=between(rng, -0.15, 0.15), above=above, lag=lag)
    lead.rests = frozenset({"solo"})
    syllables = pick(rng, _SYLLABLES)
    tones = breathing(rng, hook(band, low, cells, span=whole(rng, 12, 17)), pick(rng, (4.0, 8.0, 8.0)))
    for tone in tones:
        _sung(band, lead, tone, pick(rng, syllables), melisma, velocity)
    if chance(rng, doubled):
        steps = pick(rng, (2, 2, 0, -3))
        second = band.part("second voice", voice, gain_db=gain_db - 5, above=0.95, lag=lag + 0.02)
        for tone in tones:
            pitch = theory.stepped(band.scale, tone.pitch, steps) if steps else tone.pitch
            _sung(band, second, Tone(tone.start, tone.length, pitch), pick(rng, syllables), 0.0, velocity * 0.9)


def _sung(band: Band, part: GatedPart, tone: Tone, syllable: str, melisma: float, velocity: float) -> None:
    """One syllable, on one note or running along the scale."""
    count = whole(band.rng, 3, 6) if tone.length >= 1 and chance(band.rng, melisma) else 1
    if count == 1:
        part.add(tone.start, tone.length * 0.97, tone.pitch, velocity, "legato", syllable)
        return
    scale = theory.transposed(tuneful(band.mode), band.tonic)
    direction, pitch, step = pick(band.rng, (-1, -1, 1)), tone.pitch, 0.25
    for index in range(min(count, int(tone.length / step))):
        length = step if index < count - 1 else max(step, tone.length - index * step)
        part.add(tone.start + index * step, length * 0.98, pitch, velocity, "legato", syllable[-1:])
        pitch = theory.stepped(scale, pitch, direction if chance(band.rng, 0.8) else -direction)


def backing(band: Band, instrument: str = "oohs", *, above: float = 0.9, gain_db: float = -7) -> None:
    """A choir of backing singers holds the chords."""
    hold(band.part("backing", instrument, above=above, gain_db=gain_db), band.chords, whole(band.rng, 58, 66), 75, 0.9)


def rap(band: Band, *, gain_db: float = 4.0, above: float = 0.6, triplets: bool = False) -> None:
    """A rapper: syllables on the grid, flows that come back, a stressed rhyme at each bar's end, breaths."""
    rng = band.rng
    part = band.part(
        "rap", "rap", gain_db=gain_db, pan=0.0, room=between(rng, 0.0, 0.15), above=above, straight=triplets
    )
    step, per_bar = (1 / 3, 12) if triplets else (0.25, 16)
    base, density = whole(rng, 43, 58), between(rng, 0.5, 0.92)
    rhyme = pick(rng, ((per_bar - 4, per_bar - 2), (per_bar - 4,), (per_bar - 5, per_bar - 3), (per_bar - 2,)))
    flows = [[chance(rng, density if index % 2 else density + 0.15) for index in range(per_bar)] for _ in range(2)]
    drift = 0.0
    for bar in range(band.bars):
        flow = flows[pick(rng, (0, 0, 1))]
        breath = per_bar - 2 if bar % 2 else per_bar
        for index in range(per_bar):
            stressed = index in rhyme
            if not stressed and (not flow[index] or index > max(rhyme) or index >= breath):
                continue
            drift = float(np.clip(0.7 * drift + 1.2 * rng.standard_normal(), -4, 4))
            pitch = round(base + drift + (3 if stressed else 0) - 2 * index / per_bar)
            loud = 108 if stressed else 90 + 8 * (index % 4 == 0)
            length = step * (1.6 if stressed else 0.92)
            part.add(bar * 4 + index * step, length, pitch, loud, "", pick(rng, _RAP))


def solo(
    band: Band,
    part: GatedPart,
    low: int,
    *,
    busy: float = 0.5,
    velocity: float = 96,
    grid: float = 0.5,
    blue: float = 0.3,
) -> list[Tone]:
    """A soloist's phrases on the pentatonic or blues scale, bends into long notes; gives what was played.

    `busy` from 0 to 1 makes the notes shorter and the breaths rarer; `grid` is the beats of an unhurried note.
    """
    rng, high = band.rng, low + whole(band.rng, 17, 24)
    blues = band.mode not in {"major", "phrygian"} and chance(rng, blue)
    scale = theory.transposed(SCALES["blues"] if blues else tuneful(band.mode), band.tonic)
    played: list[Tone] = []
    beat, pitch = pick(rng, (0.0, 0.5, 1.0)), low + 7
    while beat < band.beats - 1:
        step = grid / pick(rng, (1, 2, 4), (1.2 - busy, 1, 1.2 * busy))
        motif = [pick(rng, (1, -1, 2, -2, 0), (4, 4, 2, 2, 1)) for _ in range(whole(rng, 2, 4))]
        for index in range(whole(rng, 3, 5 + round(9 * busy))):
            pitch = within(theory.stepped(scale, pitch, motif[index % len(motif)]), low, high)
            part.add(beat, step * 0.95, pitch, velocity, "slide" if chance(rng, 0.12) else "")
            played.append(Tone(beat, step, pitch))
            beat += step
        pitch = within(theory.nearest(chord_at(band.chords, beat).classes, pitch), low, high)
        length = pick(rng, (1.0, 1.5, 2.0, 3.0))
        part.add(beat, length, pitch, velocity * 1.08, pick(rng, ("slide", "", "")))
        played.append(Tone(beat, length, pitch))
        beat = float(np.ceil((beat + length) / grid) * grid) + pick(rng, (0.0, 0.5, 1.0), (busy + 0.2, 1, 1 - busy))
    return played
