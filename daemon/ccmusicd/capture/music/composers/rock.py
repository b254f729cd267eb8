"""Composes rock: classic, blues, punk, indie, hard, ballads, surf, psychedelic, post-rock, acoustic, grunge and kin."""

from collections.abc import Callable

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers import rock_band
from ccmusicd.capture.music.composers.bands import held
from ccmusicd.capture.music.composers.grooves import RISE, Band, figure, stabs
from ccmusicd.capture.music.composers.piece import broken, hold, strum
from ccmusicd.capture.music.composers.tunes import (
    BUSY_CELLS,
    LONG_CELLS,
    SHOUT_CELLS,
    SONG_CELLS,
    hook,
    sing,
    solo,
)
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole
from ccmusicd.capture.music.score import Score

_BASS_SHUFFLE = ("R-R3-3", "R-.5-.6-.5-.", "R-R5-56-67-7", "R-.3-.5-.6-.")
_STRUMS = ("D.DUD.DUD.DUDUDU", "D...D.DU..DUD.DU", "D.x.D.DU.UDUx.DU", "D.D.D.D.D.D.D.D.", "D...DU.UD.x.DU.U")
_BLUES = ("I:7 IV:7 I:7 I:7 IV:7 IV:7 I:7 I:7 V:7 IV:7 I:7 V:7", "I:7 I:7 IV:7 I:7")


def _classic(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(rng, "classic_rock", seconds, (96, 144), drumming.ROCK_STRAIGHT, "backbeat")
    rock_band.power(band, rock_band.RIFFS + rock_band.POWER, fixed=chance(rng, 0.4))
    rock_band.bass(band)
    if chance(rng, 0.4):
        held(band, "organ", ("rock_organ", "hammond"), 62, 80, gain_db=-5)
    if chance(rng, 0.3):
        stabs(band, band.part("piano", "grand_piano", gain_db=-4), "x.x.x.x.x.x.x.x.", 62, 84)
    rock_band.voice(band, 0.6)
    return band


def _blues_rock(rng: np.random.Generator, seconds: float) -> Band:
    shuffled = chance(rng, 0.75)
    step = 1 / 3 if shuffled else 0.25
    band = rock_band.start(
        rng,
        "blues_rock",
        seconds,
        (84, 138),
        drumming.ROCK_SHUFFLE if shuffled else drumming.ROCK_STRAIGHT,
        "shuffle" if shuffled else "backbeat",
        modes=("mixolydian", "dorian"),
        loops=_BLUES,
        each=(4.0,),
        step=step,
    )
    riffs = ("R-R6-6R-R6-6", "R-RR-Rn-44-n", "R-r6-rR-r7-r") if shuffled else rock_band.RIFFS
    rock_band.power(band, riffs, instrument="overdriven_guitar", step=step, octave=False)
    rock_band.bass(band, _BASS_SHUFFLE if shuffled else rock_band.BASS, step)
    if chance(rng, 0.6):
        rock_band.lead(band, 0.6, instrument="overdriven_guitar", grid=2 / 3 if shuffled else 0.5)
    if chance(rng, 0.4):
        stabs(band, band.part("piano", "grand_piano", gain_db=-4), "..x..x..x..x", 62, 78, step=1 / 3)
    if chance(rng, 0.5):
        sing(band, "voice_low", cells=SHOUT_CELLS, melisma=0.2)
    return band


def _punk(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(
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
    rock_band.power(band, ("R-R-R-R-R-R-R-R-", "R-RRR-RRR-RRR-RR", "r-r-r-r-r-r-R-R-"), instrument="distorted_guitar")
    rock_band.bass(band, ("R-R-R-R-R-R-R-R-",))
    if chance(rng, 0.65):
        sing(band, "voice_low", cells=SHOUT_CELLS, velocity=108)
    else:
        rock_band.lead(band, 0.9, (0.0, 0.3))
    return band


def _indie(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(
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
    rock_band.picked(band, "clean_guitar")
    rock_band.bass(band)
    if chance(rng, 0.5):
        strum(band.part("guitar", "clean_guitar", above=0.6, gain_db=-4), band.chords, pick(rng, _STRUMS), 0.25, 78, 45)
    if chance(rng, 0.5):
        line = band.part("line", "clean_guitar", above=0.6, room=0.4)
        line.line(hook(band, 64, pick(rng, (BUSY_CELLS, SONG_CELLS))), 84)
    if chance(rng, 0.3):
        rock_band.power(band, above=0.95, instrument="overdriven_guitar")
    rock_band.voice(band, 0.6)
    return band


def _hard_rock(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(
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
    rock_band.power(band, rock_band.RIFFS, low=pick(rng, (38, 40)), instrument="distorted_guitar")
    figure(band, band.part("bass", "pick_bass", pan=0.0), pick(rng, rock_band.RIFFS + rock_band.BASS), 28, 96)
    rock_band.lead(band, 0.95, (0.5, 1.0), "distorted_guitar")
    if chance(rng, 0.6):
        sing(band, pick(rng, ("voice_high", "voice_low")), cells=SHOUT_CELLS, melisma=0.15, velocity=106)
    return band


def _ballad(rng: np.random.Generator, seconds: float) -> Band:
    triple = chance(rng, 0.4)
    step = 1 / 3 if triple else 0.25
    band = rock_band.start(
        rng,
        "rock_ballad",
        seconds,
        (58, 84),
        drumming.ROCK_SLOW_ROCK if triple else drumming.ROCK_STRAIGHT,
        "slow_rock" if triple else "backbeat",
        modes=("major", "major", "minor"),
        step=step,
        shape=RISE,
        velocity=(80, 104),
    )
    part = band.part("picked", pick(rng, ("grand_piano", "clean_guitar", "steel_guitar", "clean_guitar")), gain_db=-1)
    broken(part, band.chords, pick(rng, rock_band.PICKED), step if triple else 0.5, 48, 78, 2.5)
    rock_band.power(band, ("R" + "-" * 11,) if triple else rock_band.POWER[:1], above=0.95, step=step)
    rock_band.bass(band, ("R-----R---5-",) if triple else ("R-------R-5-w---", "R-----R-R-------"), step)
    if chance(rng, 0.4):
        hold(band.part("strings", "slow_strings", above=0.7, gain_db=-6), band.chords, 66, 76)
    rock_band.voice(band, 0.6, LONG_CELLS, 0.15)
    return band


def _surf(rng: np.random.Generator, seconds: float) -> Band:
    """Clean guitar deep in reverb: tunes tremolo-picked low on the strings, no voice."""
    band = rock_band.start(
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
    rock_band.bass(band, ("R-R-5-5-R-R-5-5-", "R---5---R---5-w-", "R-R-R-R-R-R-R-R-"))
    if chance(rng, 0.25):
        hold(band.part("organ", "rock_organ", gain_db=-6), band.chords, 64, 76)
    return band


def _psychedelic(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(
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
    held(band, "organ", ("rock_organ", "hammond", "percussive_organ"), 62, 82, gain_db=-3, room=0.5)
    rock_band.power(band, rock_band.RIFFS, above=0.65, instrument="overdriven_guitar", fixed=True)
    rock_band.bass(band, ("R--R-5-8R--7-5-n", "R-8-7-5-4-n-R-l-", *rock_band.BASS))
    if chance(rng, 0.6):
        rock_band.lead(band, 0.6, instrument=pick(rng, ("overdriven_guitar", "sitar", "distorted_guitar")))
    if chance(rng, 0.5):
        sing(band, pick(rng, ("voice_low", "voice_high")), cells=LONG_CELLS, gain_db=0)
    return band


def _post_rock(rng: np.random.Generator, seconds: float) -> Band:
    """Picked guitars in long echoes; drums, then a wall of distorted tremolo."""
    band = rock_band.start(
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
    rock_band.picked(band, "clean_guitar").room = 0.6
    rock_band.picked(band, "clean_guitar", 0.5, -4, 57).room = 0.7
    rock_band.bass(band, ("R-R-R-R-R-R-R-R-", "R---------------"))
    wall = band.part("tremolo guitar", "distorted_guitar", above=0.7, room=0.5, gain_db=-2)
    for tone in hook(band, 62, LONG_CELLS):
        for index in range(round(tone.length * 4)):
            wall.add(tone.start + index / 4, 0.25, tone.pitch, 86)
    rock_band.power(band, rock_band.POWER[:2], above=0.9, instrument="distorted_guitar")
    return band


def _acoustic(rng: np.random.Generator, seconds: float) -> Band:
    band = rock_band.start(
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
    rock_band.bass(band)
    if chance(rng, 0.4):
        rock_band.picked(band, pick(rng, ("steel_guitar", "clean_guitar")), 0.0, -3, 52)
    if chance(rng, 0.35):
        hold(band.part("organ", "hammond", gain_db=-7), band.chords, 62, 76)
    if chance(rng, 0.3):
        rock_band.lead(band, 0.9, (0.0, 0.5), "overdriven_guitar")
    if chance(rng, 0.65):
        sing(band, pick(rng, ("voice_low", "voice_low", "voice_high")), melisma=0.1)
    return band


def _grunge(rng: np.random.Generator, seconds: float) -> Band:
    """Quiet verses with a clean guitar, loud choruses."""
    band = rock_band.start(
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
    rock_band.power(
        band,
        (*rock_band.POWER, "R-R-..x.R-R-x.x.", "R--R--x-n-R-..x."),
        above=0.8,
        low=pick(rng, (36, 38, 40)),
        instrument="distorted_guitar",
    )
    figure(
        band,
        band.part("quiet guitar", pick(rng, ("clean_guitar", "overdriven_guitar")), gain_db=-4),
        pick(rng, rock_band.RIFFS),
        45,
        78,
    )
    rock_band.bass(band)
    rock_band.voice(band, 0.6, SONG_CELLS)
    return band


def _instrumental(rng: np.random.Generator, seconds: float) -> Band:
    """A guitarist's piece: themes and solos over a band."""
    band = rock_band.start(
        rng,
        "guitar_instrumental",
        seconds,
        (84, 152),
        drumming.ROCK_STRAIGHT + drumming.ROCK_FLOOR,
        "backbeat",
        kits=("power_kit", "drum_kit"),
    )
    rock_band.power(band, rock_band.POWER + rock_band.RIFFS)
    rock_band.bass(band)
    part = band.part("lead guitar", rock_band.rig(rng), gain_db=2, room=0.4)
    if chance(rng, 0.5):
        part.line(hook(band, 60, pick(rng, (SONG_CELLS, LONG_CELLS)), span=19), 96, hold=1.0, articulation="legato")
    else:
        solo(band, part, whole(rng, 57, 64), busy=between(rng, 0.4, 1.0))
    if chance(rng, 0.4):
        held(band, "pad", ("rock_organ", "warm_pad", "synth_strings"), 64, 74, gain_db=-7)
    return band


def _garage(rng: np.random.Generator, seconds: float) -> Band:
    """Rock and roll of the early days and its revivals: boogie riffs, a pounding piano, handclaps."""
    band = rock_band.start(
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
    rock_band.power(band, ("R-R-6-6-R-R-6-6-", "R-R-6-6-7-7-6-6-"), instrument="overdriven_guitar", octave=False)
    rock_band.bass(band, ("R-R-3-3-5-5-6-5-", "R---3---5---6---", "R-R-5-5-6-6-5-5-"))
    if chance(rng, 0.6):
        stabs(
            band, band.part("piano", pick(rng, ("honky_tonk", "grand_piano")), gain_db=-2), "x-x-x-x-x-x-x-x-", 64, 90
        )
    if chance(rng, 0.3):
        stabs(band, band.part("saxes", "tenor_sax", gain_db=-4, above=0.7), "x---..x-x---..x-", 58, 84)
    rock_band.voice(band, 0.55, SHOUT_CELLS)
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
