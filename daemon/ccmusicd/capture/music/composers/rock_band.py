"""Layers of rock: the drummer with the habits of the genre, bass, power chords, lead guitar, singer, picked guitar."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers.bands import begin
from ccmusicd.capture.music.composers.grooves import NOT_SOLO, ROCK, Band, GatedPart, figure
from ccmusicd.capture.music.composers.piece import broken
from ccmusicd.capture.music.composers.tunes import (
    SONG_CELLS,
    Cells,
    backing,
    sing,
    solo,
)
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole

BASS = (
    "R.R.R.R.R.R.R.R.",
    "R-R-R-R-R-R-5-w-",
    "R---R-R---R-R---",
    "R--R--R-R--R--w-",
    "R-..R-R-..5-R-w-",
    "R---5---8---5-w-",
)
RIFFS = (
    "R--R--4-R--R--n-",
    "R-r-R-n-4-..R---",
    "R-rrR-rrn-4-R---",
    "R---n---4-R-n-b4",
    "R-R-..7-..8-7-5-",
    "R-.R-.n-4-n-R---",
    "R---..R-n-R-l-L-",
    "r-r-R---r-r-4-n-",
    "R-8-7-5-4-n-R---",
    "R--n--R-l---R---",
)
POWER = (
    "R-------R-------",
    "R-R-R-R-R-R-R-R-",
    "R---R-R-..R-R---",
    "R-..R-R-R-..R-R-",
    "r-r-r-r-r-r-R---",
    "R--R--R-R--R--R-",
    "R-rrR-rrR-rrR-rr",
)
_MODES = ("major", "mixolydian", "minor", "dorian", "minor")
PICKED = ((0, 2, 3, 1), (0, 3, 2, 4), (0, 1, 2, 3, 2, 1), (0, 2, 4, 3, 2, 1, 2, 3), (4, 2, 3, 2))


def rig(rng: np.random.Generator) -> str:
    """A guitar whose amplifier is driven hard."""
    return pick(rng, ("overdriven_guitar", "overdriven_guitar", "distorted_guitar"))


start = partial(
    begin,
    modes=_MODES,
    each=(4.0, 4.0, 2.0, 8.0),
    shape=ROCK,
    swing=(0.5, 0.53),
    loose=(0.003, 0.015),
    room=(0.05, 0.4),
    kits=("drum_kit", "power_kit"),
    velocity=(85, 110),
    tops_above=0.3,
    fills=0.7,
    crashes=0.85,
    gain_db=1,
)


def bass(band: Band, patterns: Sequence[str] = BASS, step: float = 0.25) -> None:
    """The bass, close to the middle."""
    instrument = pick(band.rng, ("pick_bass", "pick_bass", "finger_bass"))
    part = band.part("bass", instrument, pan=between(band.rng, -0.1, 0.1), room=0.05)
    figure(band, part, pick(band.rng, patterns), 28, 92, step=step, hold=between(band.rng, 0.7, 0.98))


def power(
    band: Band, patterns: Sequence[str] = POWER, *, above: float = 0.0, low: int = 40, step: float = 0.25,
    instrument: str = "", fixed: bool = False, octave: bool = True,
) -> None:  # fmt: skip
    """Two guitars, left and right, play the same power chords."""
    rng = band.rng
    pattern, chosen = pick(rng, patterns), instrument or rig(rng)
    stack = (0, 7, 12) if octave else (0, 7)
    width = between(rng, 0.3, 0.9)
    for side in (-width, width) if chance(rng, 0.7) else (0.2,):
        part = band.part("rhythm guitar", chosen, pan=side, above=above, gain_db=-2)
        figure(band, part, pattern, low, 94, step=step, stack=stack, hold=0.95, fixed=fixed)


def lead(
    band: Band, above: float = 0.9, busy: tuple[float, float] = (0.2, 0.9), instrument: str = "", *, grid: float = 0.5,
    gain_db: float = 1.0,
) -> None:  # fmt: skip
    """A solo of the guitar; a loud one mostly leaves the front to the singer."""
    part = band.part("lead guitar", instrument or rig(band.rng), above=above, gain_db=gain_db, room=0.35)
    if above >= 0.9 and chance(band.rng, 0.7):
        part.rests = NOT_SOLO
    solo(band, part, whole(band.rng, 57, 66), busy=between(band.rng, *busy), grid=grid)


def voice(
    band: Band, probability: float = 0.55, cells: Cells = SONG_CELLS, melisma: float = 0.08, low: float = 0.65
) -> None:
    """A singer in some pieces, a solo or a tune of the guitar in the others."""
    if chance(band.rng, probability):
        sing(band, "voice_low" if chance(band.rng, low) else "voice_high", cells=cells, melisma=melisma)
        band.tags = ("vocal",)
        if chance(band.rng, 0.3):
            backing(band)
    else:
        band.tags = ("instrumental",)
        lead(band, 0.7)


def picked(band: Band, instrument: str, above: float = 0.0, gain_db: float = -2, low: int = 45) -> GatedPart:
    """Broken chords of a guitar."""
    part = band.part("picked guitar", instrument, above=above, gain_db=gain_db)
    broken(
        part, band.chords, pick(band.rng, PICKED), pick(band.rng, (0.5, 0.5, 0.25)), low, 80, between(band.rng, 1, 3)
    )
    return part
