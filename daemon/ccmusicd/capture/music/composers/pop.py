"""Composes pop: dance, teen, synth, disco, indie, piano, acoustic, Latin and eighties pop, power ballads and kin."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin
from ccmusicd.capture.music.composers.grooves import RISE, Band, figure, stabs
from ccmusicd.capture.music.composers.piece import broken, hold, strum
from ccmusicd.capture.music.composers.tunes import BUSY_CELLS, LONG_CELLS, SONG_CELLS, Cells, backing, hook, sing
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole
from ccmusicd.capture.music.score import Score

_FOUR_CHORDS = (
    "I V vi IV",
    "vi IV I V",
    "I vi IV V",
    "IV I V vi",
    "I IV vi V",
    "I iii IV V",
    "vi V IV V",
    "IV V vi I",
    "I V ii IV",
    "ii IV vi V",
    "vi I V IV",
    "I IV I V",
    "I:add9 V vi:m7 IV:add9",
    "IV vi I V",
    "I I vi IV",
)
_MINOR = (
    "i bVI bIII bVII",
    "i bVII bVI bVII",
    "bVI bVII i i",
    "i iv bVI bVII",
    "i bIII bVII iv",
    "i v bVI bVII",
    "i iv bVI V",
)
_BASS = ("R-R-R-R-R-R-R-R-", "R---R-R---R-R-w-", "R-..R-..R-..R-w-", "R--R--R-R--R--5-", "R-------R-5-R-w-")
_PUMPED = ("..R-..R-..R-..R-", "R.R.R.R.R.R.R.R.", "R.8.R.8.R.8.R.8.", "R..R..R.R..R..8.", "..RR..RR..RR..R8")
_DISCO_BASS = ("R.8.R.8.R.8.R.8.", "R-.8R-.8R.8.7.8.", "R..R8..R.R8.5.6.", "R-R.8-R-5-5.6-w-")
_LATIN_BASS = ("R-----5-8-----5-", "..R...5-....R-w-", "R-..R-5-R-..5-8-", "R--R--R-R--R--5-")
_STABS = (
    "x-..x-..x-..x-..",
    "x..x..x.x..x..x.",
    "x-x-x-x-x-x-x-x-",
    "..x-..x-..x-..x-",
    "x--x--x---x-x---",
    "x-----x-....x---",
)
_MONTUNO = ("x.xx.x.xx.x.xx.x", "x..x..x...x.x...", "..x.x.xx.x.x.xx.", "...x..x....x..x.")
_STRUMS = ("D.DUD.DUD.DUDUDU", "D...D.DU..DUD.DU", "D.x.D.DU.UDUx.DU", "D...DU.UD.x.DU.U", "D.DUx.DUD.DUx.DU")
_ARPS = ((0, 1, 2, 3), (0, 2, 1, 2), (0, 2, 4, 3, 2, 1), (3, 2, 1, 0), (0, 3, 1, 4, 2, 5))


_begin = partial(
    begin,
    modes=("major", "major", "major", "minor"),
    loops={"major": _FOUR_CHORDS, "minor": _MINOR},
    swing=(0.5, 0.52),
    loose=(0.0, 0.012),
    room=(0.08, 0.4),
    pumped=0.7,
    above=(0.5, 0.6),
    fills=0.5,
)


def _voice(band: Band, cells: Cells = SONG_CELLS, melisma: float = 0.15, high: float = 0.65) -> None:
    """Singer, doubled choruses, often a choir behind; very seldom none."""
    rng = band.rng
    if chance(rng, 0.06):
        band.tags = ("instrumental",)
        lead = band.part("lead", pick(rng, ("pluck", "clean_guitar", "grand_piano", "saw_lead")), above=0.5)
        lead.line(hook(band, 64, cells), 92)
        return
    band.tags = ("vocal",)
    sing(band, "voice_high" if chance(rng, high) else "voice_low", cells=cells, melisma=melisma, doubled=0.8)
    if chance(rng, 0.45):
        backing(band, pick(rng, ("oohs", "oohs", "choir")))


def _bass(band: Band, patterns: Sequence[str], choices: Sequence[str], *, step: float = 0.25) -> None:
    part = band.part("bass", pick(band.rng, choices), pan=0.0, room=0.02, above=pick(band.rng, (0.4, 0.6)))
    figure(
        band, part, pick(band.rng, patterns), whole(band.rng, 28, 33), 92, step=step, hold=between(band.rng, 0.6, 0.98)
    )


def _chords(
    band: Band, choices: Sequence[str], rhythms: Sequence[str] = _STABS, *, gain_db: float = -2, above: float = 0.0,
    step: float = 0.25,
) -> None:  # fmt: skip
    part = band.part("chords", pick(band.rng, choices), gain_db=gain_db, above=above)
    stabs(band, part, pick(band.rng, rhythms), whole(band.rng, 57, 67), 84, step=step)


def _pad(
    band: Band, gain_db: float = -7, above: float = 0.0, choices: Sequence[str] = ("warm_pad", "synth_strings")
) -> None:
    hold(
        band.part("pad", pick(band.rng, choices), gain_db=gain_db, above=above),
        band.chords,
        whole(band.rng, 60, 68),
        76,
    )


def _hook(band: Band, choices: Sequence[str], above: float = 0.9, gain_db: float = -3) -> None:
    """A short tune of an instrument that everyone remembers."""
    part = band.part("hook", pick(band.rng, choices), above=above, gain_db=gain_db)
    part.line(hook(band, whole(band.rng, 64, 74), pick(band.rng, (SONG_CELLS, BUSY_CELLS)), form="AB"), 86, hold=0.85)


def _dance(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "dance_pop",
        seconds,
        (112, 132),
        drumming.POP_FOUR,
        "four_on_the_floor",
        kits=("kit_909", "kit_808"),
        pumping=(0.1, 0.7),
        modes=("major", "minor"),
    )
    _bass(band, _PUMPED, ("synth_bass", "reese_bass"))
    _chords(band, ("supersaw", "pluck", "grand_piano", "saw_lead"))
    _pad(band, -8, 0.7)
    if chance(rng, 0.7):
        _hook(band, ("supersaw", "pluck", "square_lead", "saw_lead"))
    _voice(band)
    return band


def _teen(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "teen_pop",
        seconds,
        (88, 124),
        drumming.POP_BACK + drumming.POP_MODERN,
        "backbeat",
        kits=("sampled_kit", "kit_909", "drum_kit"),
        modes=("major", "minor"),
    )
    _bass(band, _BASS + _PUMPED, ("synth_bass", "finger_bass", "slap_bass"))
    _chords(band, ("dx_piano", "clean_guitar", "grand_piano", "pluck", "clavinet"))
    if chance(rng, 0.6):
        _hook(band, ("pluck", "glockenspiel", "square_lead", "string_section"))
    _voice(band, BUSY_CELLS, 0.2)
    return band


def _power_ballad(rng: np.random.Generator, seconds: float) -> Band:
    triple = chance(rng, 0.35)
    step = 1 / 3 if triple else 0.25
    band = _begin(
        rng,
        "power_ballad",
        seconds,
        (56, 84),
        drumming.POP_SIX_EIGHT if triple else drumming.POP_BACK[:2],
        "slow_rock" if triple else "backbeat",
        kits=("power_kit", "drum_kit"),
        shape=RISE,
        step=step,
    )
    part = band.part("piano", pick(rng, ("grand_piano", "grand_piano", "dx_piano")))
    broken(part, band.chords, pick(rng, _ARPS), step if triple else 0.5, 50, 80, 3)
    _bass(band, ("R-----R---5-",) if triple else _BASS[1:], ("finger_bass", "pick_bass"), step=step)
    hold(band.part("strings", "slow_strings", above=0.7, gain_db=-4, room=0.5), band.chords, 67, 84)
    if chance(rng, 0.5):
        power = band.part("guitar", "overdriven_guitar", above=0.95, gain_db=-4)
        figure(band, power, "R" + "-" * (11 if triple else 15), 40, 88, step=step, stack=(0, 7, 12))
    _voice(band, LONG_CELLS, 0.35)
    return band


def _acoustic(rng: np.random.Generator, seconds: float) -> Band:
    bare = chance(rng, 0.35)
    band = _begin(
        rng,
        "acoustic_pop",
        seconds,
        (78, 126),
        ("S:xoxoxoxoxoxoxoxo",) if bare else drumming.POP_BACK,
        "none" if bare else "backbeat",
        kits=("percussion",) if bare else ("drum_kit",),
        velocity=(60, 90),
        fills=0.0 if bare else 0.4,
    )
    guitar = band.part("guitar", pick(rng, ("steel_guitar", "steel_guitar", "nylon_guitar")), gain_db=1)
    if chance(rng, 0.6):
        strum(guitar, band.chords, pick(rng, _STRUMS), 0.25, 84)
    else:
        broken(guitar, band.chords, pick(rng, ((0, 3, 2, 4), (0, 2, 3, 4, 3, 2), (0, 3, 1, 4))), 0.5, 43, 80, 2)
    if not bare:
        _bass(band, _BASS, ("finger_bass", "double_bass"))
    if chance(rng, 0.4):
        _pad(band, -8, 0.7, ("slow_strings", "hammond", "cello"))
    _voice(band, SONG_CELLS, 0.1, 0.5)
    return band


def _synth(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "synth_pop",
        seconds,
        (96, 136),
        drumming.POP_EIGHTIES,
        "backbeat",
        kits=("kit_808", "kit_909"),
        modes=("minor", "major"),
        pumping=(0.0, 0.3),
    )
    _bass(band, _PUMPED, ("synth_bass", "square_lead"))
    part = band.part("arpeggio", pick(rng, ("pluck", "square_lead", "saw_lead")), gain_db=-5)
    broken(part, band.chords, pick(rng, _ARPS), pick(rng, (0.25, 0.5)), 60, 76, 0.7)
    _pad(band)
    _hook(band, ("saw_lead", "square_lead", "bell_pad", "synth_brass"))
    _voice(band, SONG_CELLS, 0.05, 0.5)
    return band


def _disco(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "disco_pop",
        seconds,
        (108, 126),
        drumming.POP_FOUR,
        "four_on_the_floor",
        kits=("drum_kit", "kit_909"),
        modes=("minor", "major"),
        pumping=(0.0, 0.4),
        loops=(*_FOUR_CHORDS[:4], "vi:m7 ii:m7 V:7 I:maj7", "i:m7 iv:m7 bVII:7 bIII:maj7", "ii:m7 iii:m7 vi:m7 V"),
    )
    _bass(band, _DISCO_BASS, ("finger_bass", "slap_bass", "synth_bass"))
    scratch = band.part("guitar", pick(rng, ("clean_guitar", "muted_guitar")), gain_db=-3)
    stabs(band, scratch, pick(rng, ("xmmxmmxmxmmxmmxm", "mmxmmmxmmmxmmxmm", "..x.mmxm..x.mmxm")), 66, 80, hold=0.6)
    _chords(band, ("grand_piano", "rhodes", "dx_piano"), gain_db=-4)
    if chance(rng, 0.6):
        _hook(band, ("string_section",), 0.7)
    _voice(band)
    return band


def _indie(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "indie_pop",
        seconds,
        (96, 152),
        drumming.POP_BACK + drumming.POP_TOMS,
        "backbeat",
        kits=("drum_kit", "sampled_kit"),
        velocity=(76, 98),
    )
    _bass(band, _BASS, ("pick_bass", "finger_bass"))
    part = band.part("guitar", "clean_guitar", gain_db=-2)
    broken(part, band.chords, pick(rng, _ARPS), pick(rng, (0.5, 0.25)), 55, 78, 1.5)
    _chords(band, ("hammond", "grand_piano", "rhodes", "clean_guitar"), gain_db=-5)
    if chance(rng, 0.7):
        _hook(band, ("glockenspiel", "whistle", "clean_guitar", "trumpet", "kalimba"), 0.65)
    _voice(band, SONG_CELLS, 0.05, 0.5)
    return band


def _piano(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "piano_pop", seconds, (70, 138), drumming.POP_BACK, "backbeat", kits=("drum_kit",), swing=(0.5, 0.6)
    )
    _chords(
        band, ("grand_piano", "bright_piano"), ("x-x-x-x-x-x-x-x-", "x--x--x-x--x--x-", "x-.x.-x-x-.x.-x-"), gain_db=2
    )
    left = band.part("left hand", "grand_piano", gain_db=-1)
    figure(band, left, pick(rng, _BASS[:4]), 36, 84)
    _bass(band, _BASS, ("finger_bass", "pick_bass"))
    if chance(rng, 0.4):
        _pad(band, -7, 0.8, ("slow_strings", "string_section"))
    _voice(band, SONG_CELLS, 0.15, 0.5)
    return band


def _latin(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "latin_pop",
        seconds,
        (88, 128),
        drumming.POP_LATIN,
        "latin",
        kits=("kit_909", "sampled_kit", "drum_kit"),
        modes=("minor", "minor", "major"),
    )
    _bass(band, _LATIN_BASS, ("synth_bass", "finger_bass", "bass_808"))
    _chords(band, ("grand_piano", "nylon_guitar", "pluck", "accordion"), _MONTUNO, gain_db=-1)
    if chance(rng, 0.5):
        part = band.part("guitar", "nylon_guitar", gain_db=-2)
        broken(part, band.chords, pick(rng, _ARPS), pick(rng, (0.25, 0.5)), 52, 80, 1.5)
    if chance(rng, 0.5):
        _hook(band, ("trumpet", "brass_section", "accordion", "pluck", "flute"), 0.65)
    _voice(band, BUSY_CELLS, 0.15, 0.5)
    return band


def _eighties(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "eighties_pop",
        seconds,
        (96, 134),
        drumming.POP_EIGHTIES,
        "backbeat",
        kits=("power_kit", "kit_808", "kit_909"),
        fills=0.8,
    )
    _bass(band, _PUMPED + _BASS, ("synth_bass", "slap_bass", "pick_bass"))
    _chords(band, ("dx_piano", "synth_brass", "synth_strings"))
    _pad(band, -8)
    if chance(rng, 0.6):
        _hook(band, ("synth_brass", "saw_lead", "alto_sax", "bell_pad", "overdriven_guitar"), 0.65)
    if chance(rng, 0.5):
        figure(band, band.part("guitar", "muted_guitar", gain_db=-5), "R.R.5.R.8.R.5.R.", 52, 76, articulation="muted")
    _voice(band)
    return band


def _modern(rng: np.random.Generator, seconds: float) -> Band:
    """Today's radio: sparse verses over an 808, plucks, wide choruses."""
    band = _begin(
        rng,
        "electro_pop",
        seconds,
        (78, 112),
        drumming.POP_MODERN,
        "backbeat",
        kits=("kit_808", "sampled_kit"),
        modes=("minor", "major"),
        fills=0.2,
        pumping=(0.0, 0.5),
    )
    _bass(band, ("R------.R..R----", "R-----R---R-----", *_PUMPED[:1]), ("bass_808", "synth_bass"))
    _chords(band, ("pluck", "clean_guitar", "rhodes", "kalimba", "grand_piano"), gain_db=0)
    _pad(band, -6, 0.9, ("supersaw", "warm_pad", "sweep_pad"))
    if chance(rng, 0.6):
        _hook(band, ("pluck", "talkbox", "bell_pad", "marimba"), 0.9)
    _voice(band, BUSY_CELLS, 0.15)
    return band


def _sunshine(rng: np.random.Generator, seconds: float) -> Band:
    """Pop of the sixties: jangling guitar, tambourine, close harmony, a little orchestra."""
    band = _begin(
        rng,
        "sixties_pop",
        seconds,
        (104, 142),
        (*drumming.POP_BACK[:2], "k:X.....x.X....... s:....X.......X... T:x.x.x.x.x.x.x.x."),
        "backbeat",
        kits=("drum_kit",),
        velocity=(74, 96),
        swing=(0.5, 0.6),
        loops=("I vi IV V", "I IV V IV", "I iii IV V", "I II IV I", "I bVII IV I", "I vi ii V:7"),
        modes=("major",),
    )
    strum(
        band.part("guitar", pick(rng, ("clean_guitar", "steel_guitar"))), band.chords, pick(rng, _STRUMS), 0.25, 82, 45
    )
    _bass(band, ("R---5---R---5-w-", "R-R-3-3-5-5-3-w-", *_BASS[1:3]), ("pick_bass", "finger_bass"))
    if chance(rng, 0.6):
        _hook(band, ("string_section", "trumpet", "harpsichord", "flute", "french_horn"), 0.65)
    backing(band, above=0.7, gain_db=-4)
    _voice(band, SONG_CELLS, 0.05, 0.5)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _dance, _teen, _power_ballad, _acoustic, _synth, _disco, _indie, _piano, _latin, _eighties, _modern, _sunshine,
)  # fmt: skip
_FIRST = ("Summer", "Crazy", "Dancing", "Paper", "Shining", "Forever", "Secret", "Sugar", "Wonder", "Falling", "Bright")
_SECOND = ("Hearts", "Tonight", "Stars", "Dreams", "Kisses", "Rain", "Colours", "Lights", "Magic", "Girls", "Boys")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new pop song of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("pop", _FIRST, _SECOND)
