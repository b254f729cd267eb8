"""Composes rock: classic, blues, punk, indie, hard, ballads, surf, psychedelic, post-rock, acoustic, grunge and kin."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin
from ccmusicd.capture.music.composers.grooves import NOT_SOLO, RISE, ROCK, Band, GatedPart, figure, stabs
from ccmusicd.capture.music.composers.piece import broken, hold, strum
from ccmusicd.capture.music.composers.tunes import (
    BUSY_CELLS,
    LONG_CELLS,
    SHOUT_CELLS,
    SONG_CELLS,
    Cells,
    backing,
    hook,
    sing,
    solo,
)
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole
from ccmusicd.capture.music.score import Score

_BASS = (
    "R.R.R.R.R.R.R.R.",
    "R-R-R-R-R-R-5-w-",
    "R---R-R---R-R---",
    "R--R--R-R--R--w-",
    "R-..R-R-..5-R-w-",
    "R---5---8---5-w-",
)
_BASS_SHUFFLE = ("R-R3-3", "R-.5-.6-.5-.", "R-R5-56-67-7", "R-.3-.5-.6-.")
_RIFFS = (
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
_POWER = (
    "R-------R-------",
    "R-R-R-R-R-R-R-R-",
    "R---R-R-..R-R---",
    "R-..R-R-R-..R-R-",
    "r-r-r-r-r-r-R---",
    "R--R--R-R--R--R-",
    "R-rrR-rrR-rrR-rr",
)
_STRUMS = ("D.DUD.DUD.DUDUDU", "D...D.DU..DUD.DU", "D.x.D.DU.UDUx.DU", "D.D.D.D.D.D.D.D.", "D...DU.UD.x.DU.U")
_MODES = ("major", "mixolydian", "minor", "dorian", "minor")
_PICKED = ((0, 2, 3, 1), (0, 3, 2, 4), (0, 1, 2, 3, 2, 1), (0, 2, 4, 3, 2, 1, 2, 3), (4, 2, 3, 2))
_BLUES = ("I:7 IV:7 I:7 I:7 IV:7 IV:7 I:7 I:7 V:7 IV:7 I:7 V:7", "I:7 I:7 IV:7 I:7")


def _rig(rng: np.random.Generator) -> str:
    return pick(rng, ("overdriven_guitar", "overdriven_guitar", "distorted_guitar"))


_begin = partial(
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


def _bass(band: Band, patterns: Sequence[str] = _BASS, step: float = 0.25) -> None:
    instrument = pick(band.rng, ("pick_bass", "pick_bass", "finger_bass"))
    part = band.part("bass", instrument, pan=between(band.rng, -0.1, 0.1), room=0.05)
    figure(band, part, pick(band.rng, patterns), 28, 92, step=step, hold=between(band.rng, 0.7, 0.98))


def _power(
    band: Band, patterns: Sequence[str] = _POWER, *, above: float = 0.0, low: int = 40, step: float = 0.25,
    instrument: str = "", fixed: bool = False, octave: bool = True,
) -> None:  # fmt: skip
    """Two guitars, left and right, play the same power chords."""
    rng = band.rng
    pattern, chosen = pick(rng, patterns), instrument or _rig(rng)
    stack = (0, 7, 12) if octave else (0, 7)
    width = between(rng, 0.3, 0.9)
    for side in (-width, width) if chance(rng, 0.7) else (0.2,):
        part = band.part("rhythm guitar", chosen, pan=side, above=above, gain_db=-2)
        figure(band, part, pattern, low, 94, step=step, stack=stack, hold=0.95, fixed=fixed)


def _lead(
    band: Band, above: float = 0.9, busy: tuple[float, float] = (0.2, 0.9), instrument: str = "", *, grid: float = 0.5,
    gain_db: float = 1.0,
) -> None:  # fmt: skip
    part = band.part("lead guitar", instrument or _rig(band.rng), above=above, gain_db=gain_db, room=0.35)
    if above >= 0.9 and chance(band.rng, 0.7):
        part.rests = NOT_SOLO
    solo(band, part, whole(band.rng, 57, 66), busy=between(band.rng, *busy), grid=grid)


def _voice(
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
        _lead(band, 0.7)


def _picked(band: Band, instrument: str, above: float = 0.0, gain_db: float = -2, low: int = 45) -> GatedPart:
    part = band.part("picked guitar", instrument, above=above, gain_db=gain_db)
    broken(
        part, band.chords, pick(band.rng, _PICKED), pick(band.rng, (0.5, 0.5, 0.25)), low, 80, between(band.rng, 1, 3)
    )
    return part


def _classic(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(rng, "classic_rock", seconds, (96, 144), drumming.ROCK_STRAIGHT, "backbeat")
    _power(band, _RIFFS + _POWER, fixed=chance(rng, 0.4))
    _bass(band)
    if chance(rng, 0.4):
        hold(band.part("organ", pick(rng, ("rock_organ", "hammond")), gain_db=-5), band.chords, 62, 80)
    if chance(rng, 0.3):
        stabs(band, band.part("piano", "grand_piano", gain_db=-4), "x.x.x.x.x.x.x.x.", 62, 84)
    _voice(band, 0.6)
    return band


def _blues_rock(rng: np.random.Generator, seconds: float) -> Band:
    shuffled = chance(rng, 0.75)
    band = _begin(
        rng,
        "blues_rock",
        seconds,
        (84, 138),
        drumming.ROCK_SHUFFLE if shuffled else drumming.ROCK_STRAIGHT,
        "shuffle" if shuffled else "backbeat",
        modes=("mixolydian", "dorian"),
        loops=_BLUES,
        each=(4.0,),
        step=1 / 3 if shuffled else 0.25,
    )
    step = 1 / 3 if shuffled else 0.25
    riffs = ("R-R6-6R-R6-6", "R-RR-Rn-44-n", "R-r6-rR-r7-r") if shuffled else _RIFFS
    _power(band, riffs, instrument="overdriven_guitar", step=step, octave=False)
    _bass(band, _BASS_SHUFFLE if shuffled else _BASS, step)
    if chance(rng, 0.6):
        _lead(band, 0.6, instrument="overdriven_guitar", grid=2 / 3 if shuffled else 0.5)
    if chance(rng, 0.4):
        stabs(band, band.part("piano", "grand_piano", gain_db=-4), "..x..x..x..x", 62, 78, step=1 / 3)
    if chance(rng, 0.5):
        sing(band, "voice_low", cells=SHOUT_CELLS, melisma=0.2)
    return band


def _punk(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "punk",
        seconds,
        (160, 208),
        drumming.ROCK_PUNK,
        "punk",
        modes=("major", "mixolydian", "minor"),
        each=(4.0, 4.0, 2.0),
        velocity=(98, 116),
        shape=(("verse", 0.8), ("chorus", 1.0), ("verse", 0.85), ("chorus", 1.0), ("break", 0.6)),
    )
    _power(band, ("R-R-R-R-R-R-R-R-", "R-RRR-RRR-RRR-RR", "r-r-r-r-r-r-R-R-"), instrument="distorted_guitar")
    _bass(band, ("R-R-R-R-R-R-R-R-",))
    if chance(rng, 0.65):
        sing(band, "voice_low", cells=SHOUT_CELLS, velocity=108)
    else:
        _lead(band, 0.9, (0.0, 0.3))
    return band


def _indie(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "indie",
        seconds,
        (108, 168),
        drumming.ROCK_STRAIGHT + drumming.ROCK_FLOOR,
        "backbeat",
        modes=("major", "major", "minor"),
        kits=("drum_kit",),
        velocity=(78, 100),
    )
    _picked(band, "clean_guitar")
    _bass(band)
    if chance(rng, 0.5):
        strum(band.part("guitar", "clean_guitar", above=0.6, gain_db=-4), band.chords, pick(rng, _STRUMS), 0.25, 78, 45)
    if chance(rng, 0.5):
        line = band.part("line", "clean_guitar", above=0.6, room=0.4)
        line.line(hook(band, 64, pick(rng, (BUSY_CELLS, SONG_CELLS))), 84)
    if chance(rng, 0.3):
        _power(band, above=0.95, instrument="overdriven_guitar")
    _voice(band, 0.6)
    return band


def _hard_rock(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "hard_rock",
        seconds,
        (86, 142),
        drumming.ROCK_STRAIGHT,
        "backbeat",
        modes=("minor", "dorian", "mixolydian"),
        loops=("I:5 bVII:5 IV:5 I:5", "I:5 I:5 bIII:5 IV:5", "i bVI bVII i", "I:5"),
        kits=("power_kit", "drum_kit"),
        velocity=(95, 115),
    )
    _power(band, _RIFFS, low=pick(rng, (38, 40)), instrument="distorted_guitar")
    figure(band, band.part("bass", "pick_bass", pan=0.0), pick(rng, _RIFFS + _BASS), 28, 96)
    _lead(band, 0.95, (0.5, 1.0), "distorted_guitar")
    if chance(rng, 0.6):
        sing(band, pick(rng, ("voice_high", "voice_low")), cells=SHOUT_CELLS, melisma=0.15, velocity=106)
    return band


def _ballad(rng: np.random.Generator, seconds: float) -> Band:
    triple = chance(rng, 0.4)
    band = _begin(
        rng,
        "rock_ballad",
        seconds,
        (58, 84),
        drumming.ROCK_SLOW_ROCK if triple else drumming.ROCK_STRAIGHT,
        "slow_rock" if triple else "backbeat",
        modes=("major", "major", "minor"),
        step=1 / 3 if triple else 0.25,
        shape=RISE,
        velocity=(80, 104),
    )
    step = 1 / 3 if triple else 0.25
    part = band.part("picked", pick(rng, ("grand_piano", "clean_guitar", "steel_guitar", "clean_guitar")), gain_db=-1)
    broken(part, band.chords, pick(rng, _PICKED), step if triple else 0.5, 48, 78, 2.5)
    _power(band, ("R" + "-" * 11,) if triple else _POWER[:1], above=0.95, step=step)
    _bass(band, ("R-----R---5-",) if triple else ("R-------R-5-w---", "R-----R-R-------"), step)
    if chance(rng, 0.4):
        hold(band.part("strings", "slow_strings", above=0.7, gain_db=-6), band.chords, 66, 76)
    _voice(band, 0.6, LONG_CELLS, 0.15)
    return band


def _surf(rng: np.random.Generator, seconds: float) -> Band:
    """Clean guitar deep in reverb: tunes tremolo-picked low on the strings, no voice."""
    band = _begin(
        rng,
        "surf",
        seconds,
        (136, 178),
        drumming.ROCK_SURF,
        "surf",
        modes=("minor", "phrygian", "major"),
        kits=("drum_kit",),
        loops=("i bVII bVI V", "i iv i V", "I vi IV V", "i i bVI V"),
    )
    lead = band.part("lead guitar", "clean_guitar", room=between(rng, 0.5, 0.9), gain_db=2)
    step = pick(rng, (0.25, 0.5, 1.0))
    for tone in hook(band, whole(rng, 50, 60), pick(rng, (SONG_CELLS, LONG_CELLS)), plain=0.2):
        for index in range(max(1, round(tone.length / step))):
            lead.add(tone.start + index * step, step, tone.pitch, 92)
    strum(band.part("rhythm guitar", "clean_guitar", gain_db=-4, room=0.5), band.chords, "D.DUD.DU", 0.5, 80, 45)
    _bass(band, ("R-R-5-5-R-R-5-5-", "R---5---R---5-w-", "R-R-R-R-R-R-R-R-"))
    if chance(rng, 0.25):
        hold(band.part("organ", "rock_organ", gain_db=-6), band.chords, 64, 76)
    return band


def _psychedelic(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "psychedelic",
        seconds,
        (76, 132),
        drumming.ROCK_LOOSE + drumming.ROCK_TOMS,
        "backbeat",
        modes=("mixolydian", "dorian"),
        loops=("I bVII", "i IV", "I bVII IV I", "I:7", "i:m7 bVII"),
        kits=("drum_kit",),
        fills=0.9,
    )
    hold(
        band.part("organ", pick(rng, ("rock_organ", "hammond", "percussive_organ")), gain_db=-3, room=0.5),
        band.chords,
        62,
        82,
    )
    _power(band, _RIFFS, above=0.65, instrument="overdriven_guitar", fixed=True)
    _bass(band, ("R--R-5-8R--7-5-n", "R-8-7-5-4-n-R-l-", *_BASS))
    if chance(rng, 0.6):
        _lead(band, 0.6, instrument=pick(rng, ("overdriven_guitar", "sitar", "distorted_guitar")))
    if chance(rng, 0.5):
        sing(band, pick(rng, ("voice_low", "voice_high")), cells=LONG_CELLS, gain_db=0)
    return band


def _post_rock(rng: np.random.Generator, seconds: float) -> Band:
    """Picked guitars in long echoes; drums, then a wall of distorted tremolo."""
    band = _begin(
        rng,
        "post_rock",
        seconds,
        (72, 132),
        drumming.ROCK_STRAIGHT + drumming.ROCK_TOMS,
        "backbeat",
        modes=("major", "minor"),
        each=(8.0, 4.0),
        shape=RISE,
        kits=("drum_kit", "power_kit"),
    )
    _picked(band, "clean_guitar").room = 0.6
    _picked(band, "clean_guitar", 0.5, -4, 57).room = 0.7
    _bass(band, ("R-R-R-R-R-R-R-R-", "R---------------"))
    wall = band.part("tremolo guitar", "distorted_guitar", above=0.7, room=0.5, gain_db=-2)
    for tone in hook(band, 62, LONG_CELLS):
        for index in range(round(tone.length * 4)):
            wall.add(tone.start + index / 4, 0.25, tone.pitch, 86)
    _power(band, _POWER[:2], above=0.9, instrument="distorted_guitar")
    return band


def _acoustic(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "acoustic_rock",
        seconds,
        (84, 138),
        drumming.ROCK_STRAIGHT,
        "backbeat",
        modes=("major", "mixolydian", "minor"),
        kits=("drum_kit",),
        velocity=(68, 94),
    )
    strum(band.part("guitar", "steel_guitar", gain_db=1), band.chords, pick(rng, _STRUMS), 0.25, 88)
    _bass(band)
    if chance(rng, 0.4):
        _picked(band, pick(rng, ("steel_guitar", "clean_guitar")), 0.0, -3, 52)
    if chance(rng, 0.35):
        hold(band.part("organ", "hammond", gain_db=-7), band.chords, 62, 76)
    if chance(rng, 0.3):
        _lead(band, 0.9, (0.0, 0.5), "overdriven_guitar")
    if chance(rng, 0.65):
        sing(band, pick(rng, ("voice_low", "voice_low", "voice_high")), melisma=0.1)
    return band


def _grunge(rng: np.random.Generator, seconds: float) -> Band:
    """Quiet verses with a clean guitar, loud choruses."""
    band = _begin(
        rng,
        "grunge",
        seconds,
        (88, 138),
        drumming.ROCK_STRAIGHT,
        "backbeat",
        modes=("minor", "phrygian", "dorian"),
        shape=(("verse", 0.6), ("chorus", 1.0), ("chorus", 0.95), ("verse", 0.6), ("solo", 0.95)),
        kits=("power_kit", "drum_kit"),
    )
    _power(
        band,
        (*_POWER, "R-R-..x.R-R-x.x.", "R--R--x-n-R-..x."),
        above=0.8,
        low=pick(rng, (36, 38, 40)),
        instrument="distorted_guitar",
    )
    figure(
        band,
        band.part("quiet guitar", pick(rng, ("clean_guitar", "overdriven_guitar")), gain_db=-4),
        pick(rng, _RIFFS),
        45,
        78,
    )
    _bass(band)
    _voice(band, 0.6, SONG_CELLS)
    return band


def _instrumental(rng: np.random.Generator, seconds: float) -> Band:
    """A guitarist's piece: themes and solos over a band."""
    band = _begin(
        rng,
        "guitar_instrumental",
        seconds,
        (84, 152),
        drumming.ROCK_STRAIGHT + drumming.ROCK_FLOOR,
        "backbeat",
        kits=("power_kit", "drum_kit"),
    )
    _power(band, _POWER + _RIFFS)
    _bass(band)
    part = band.part("lead guitar", _rig(rng), gain_db=2, room=0.4)
    if chance(rng, 0.5):
        part.line(hook(band, 60, pick(rng, (SONG_CELLS, LONG_CELLS)), span=19), 96, hold=1.0, articulation="legato")
    else:
        solo(band, part, whole(rng, 57, 64), busy=between(rng, 0.4, 1.0))
    if chance(rng, 0.4):
        hold(band.part("pad", pick(rng, ("rock_organ", "warm_pad", "synth_strings")), gain_db=-7), band.chords, 64, 74)
    return band


def _garage(rng: np.random.Generator, seconds: float) -> Band:
    """Rock and roll of the early days and its revivals: boogie riffs, a pounding piano, handclaps."""
    band = _begin(
        rng,
        "rock_and_roll",
        seconds,
        (138, 184),
        (*drumming.ROCK_STRAIGHT, "k:X...X...X...X... s:....X.......X.x. c:....x.......x... R:x.x.x.x.x.x.x.x."),
        "backbeat",
        modes=("mixolydian",),
        loops=_BLUES,
        each=(4.0,),
        kits=("drum_kit",),
        swing=(0.5, 0.6),
    )
    _power(band, ("R-R-6-6-R-R-6-6-", "R-R-6-6-7-7-6-6-"), instrument="overdriven_guitar", octave=False)
    _bass(band, ("R-R-3-3-5-5-6-5-", "R---3---5---6---", "R-R-5-5-6-6-5-5-"))
    if chance(rng, 0.6):
        stabs(
            band, band.part("piano", pick(rng, ("honky_tonk", "grand_piano")), gain_db=-2), "x-x-x-x-x-x-x-x-", 64, 90
        )
    if chance(rng, 0.3):
        stabs(band, band.part("saxes", "tenor_sax", gain_db=-4, above=0.7), "x---..x-x---..x-", 58, 84)
    _voice(band, 0.55, SHOUT_CELLS)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _classic, _classic, _blues_rock, _punk, _indie, _hard_rock, _ballad, _surf, _psychedelic, _post_rock, _acoustic,
    _grunge, _instrumental, _garage,
)  # fmt: skip
_FIRST = ("Broken", "Highway", "Electric", "Rusty", "Wild", "Desert", "Silver", "Burning", "Sunday", "Hollow", "Loud")
_SECOND = ("Engines", "Roads", "Hearts", "Summer", "Avenue", "Thunder", "Mirrors", "Saints", "Radio", "Bones")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new rock piece of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("rock", _FIRST, _SECOND)
