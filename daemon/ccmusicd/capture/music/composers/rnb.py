"""Composes rhythm and blues: soul of the sixties, Motown, funk, neo-soul, slow jams, gospel, disco-soul, new jack."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin, held
from ccmusicd.capture.music.composers.grooves import LOOP, Band, figure, stabs
from ccmusicd.capture.music.composers.piece import broken, hold
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

_SOULFUL = (
    "I vi ii V", "I IV I IV", "I iii IV V", "I ii iii IV", "I vi IV V",
    "I:7 IV:7", "ii V I vi", "I bVII IV I", "vi ii V I",
)  # fmt: skip
_EXTENDED = (
    "ii:m9 V:13 I:maj9 VI:7#9",
    "IV:maj9 iii:m7 ii:m9 I:maj9",
    "i:m9 iv:m9 bVII:13 bIII:maj9",
    "I:maj9 iii:m7 vi:m9 V:9sus4",
    "i:m11 IV:9",
    "bVI:maj9 v:m7 iv:m9 i:m9",
    "I:maj9 IV:maj9",
    "vi:m9 ii:m9 V:13 I:maj9",
    "IV:maj9 III:7#9 vi:m9 I:9",
)
_ONE_CHORD = ("i:m7", "I:9", "i:m9 IV:9", "I:7#9", "I:9 I:9 I:9 IV:9", "i:m7 i:m7 iv:m7 i:m7")

_SOUL_BASS = ("R--R..5-6-5-R-w-", "R-..R-R-5-..6-w-", "R---3-5-6-5-3-w-", "R--R5-..R--R5-w-", "R-R.3-3.5-5.6-w.")
_MOTOWN_BASS = ("R-.R5.6.R-.58.w.", "R..R.R5.R..R.56w", "R-3-5-6-8-6-5-w-", "R.RR..5.8.6.5.w.", "R--R-R5-R--56-w-")
_FUNK_BASS = (
    "R..x8.x.R.7x8..n",
    "R-x.x8.7..xR.x5l",
    "RxxR.x8.x.7.8xlw",
    "R.......8.7.5.l.",
    "R.R...x8..x7..5.",
    "R..8x.R.n.4.b.5.",
    "Rx8xRx7xRx8xnx4x",
)
_LAID_BASS = ("R------.R.5.7-w-", "R--.....R-5-8-w-", "R-----x8..R-..w-", "R--R....5-..l-w-")
_SUB_BASS = ("R------.R..R----", "R-----R---R-----", "R-------R-..5---")
_DISCO_BASS = ("R.8.R.8.R.8.R.8.", "R-.8R-.8R.8.7.8.", "R..R8..R.R8.7.5.", "R-RR8-RRR-RR8-7w")

_SCRATCH = ("xmmxmmxmxmmxmmxm", "mmxmmmxmmmxmmxmm", "x.mmxm.mx.mmxmxm", "mmmmxmmmmmmmx.xm", "..x...x...x...x.")
_CLAV = ("x.xx.x.xx.xx.xx.", "xmx.mxmxx.xmmx.x", "x..xm.x.mxm.x.xm", "xx.x.xx.x.xx.x.x")
_COMPS = (
    "x---..x-..x---..",
    "x-----x---......",
    "..x-..x-..x-..x-",
    "x--x--....x-..x-",
    "x-------........",
    "....x-......x-..",
)
_HITS = (
    "x..x............",
    "..........x.x.x-",
    "x.......x..x....",
    "......x-......x-",
    "x-.x..x.........",
    "..x..x..x-......",
)
_HORNS = ("brass_section", "brass_section", "trumpet", "tenor_sax", "trombone")


_begin = partial(
    begin,
    modes=("major",),
    swing=(0.5, 0.54),
    loose=(0.004, 0.016),
    room=(0.05, 0.3),
    velocity=(78, 104),
    lag=(0.0, 0.01),
    fills=0.5,
    crashes=0.4,
)


def _bass(band: Band, patterns: Sequence[str], choices: Sequence[str] = ("finger_bass",), step: float = 0.25) -> None:
    part = band.part("bass", pick(band.rng, choices), pan=0.0, room=0.03, gain_db=1, lag=between(band.rng, 0.0, 0.02))
    figure(band, part, pick(band.rng, patterns), 28, 94, step=step, hold=between(band.rng, 0.7, 0.98))


def _chords(
    band: Band, choices: Sequence[str], rhythms: Sequence[str] = _COMPS, *, gain_db: float = -3, above: float = 0.0,
    step: float = 0.25, centre: int = 0,
) -> None:  # fmt: skip
    rng = band.rng
    part = band.part("chords", pick(rng, choices), gain_db=gain_db, above=above, lag=between(rng, 0.0, 0.03))
    stabs(band, part, pick(rng, rhythms), centre or whole(rng, 56, 64), 80, roll=between(rng, 0.0, 0.015), step=step)


def _brass(band: Band, probability: float, above: float = 0.6) -> None:
    """Horns: stabs, or a riff in unison."""
    rng = band.rng
    if not chance(rng, probability):
        return
    if chance(rng, 0.6):
        part = band.part("horns", "brass_section", above=above, gain_db=-1)
        stabs(band, part, pick(rng, _HITS) + pick(rng, (*_HITS, "................")), 64, 98)
    else:
        tones = hook(band, 58, BUSY_CELLS, form="AB")
        for instrument in dict.fromkeys(
            pick(rng, _HORNS) for _ in range(2)
        ):  # a set's order is another in each process
            band.part("horns", instrument, above=max(above, 0.8), gain_db=-2).line(tones, 94, hold=0.75)


def _voice(
    band: Band, probability: float = 0.55, cells: Cells = SONG_CELLS, melisma: float = 0.5, high: float = 0.6
) -> None:
    """A singer rich in melismas, often answered by a choir; or an instrument takes the tune."""
    rng = band.rng
    if chance(rng, probability):
        voice = "voice_high" if chance(rng, high) else "voice_low"
        sing(band, voice, cells=cells, melisma=melisma, lag=between(rng, 0.0, 0.06), above=0.6)
        band.tags = ("vocal",)
        if chance(rng, 0.4):
            backing(band)
        return
    band.tags = ("instrumental",)
    lead = band.part(
        "lead", pick(rng, ("tenor_sax", "alto_sax", "jazz_guitar", "rhodes", "trumpet", "hammond")), above=0.6, room=0.3
    )
    if chance(rng, 0.5):
        solo(band, lead, 58, busy=between(rng, 0.1, 0.7), velocity=88)
    else:
        lead.line(hook(band, 60, cells), 90, hold=0.9)


def _soul(rng: np.random.Generator, seconds: float) -> Band:
    triple = chance(rng, 0.35)
    step = 1 / 3 if triple else 0.25
    band = _begin(
        rng,
        "sixties_soul",
        seconds,
        (58, 78) if triple else (88, 126),
        drumming.RNB_SIX_EIGHT if triple else drumming.RNB_SOUL,
        "slow_soul" if triple else "backbeat",
        loops=_SOULFUL,
        modes=("major", "mixolydian"),
        step=step,
    )
    _bass(band, ("R-----R-3-5-", "R-----5---w-") if triple else _SOUL_BASS, step=step)
    held(band, "organ", ("hammond", "percussive_organ"), 62, 76, gain_db=-6)
    _chords(
        band,
        ("clean_guitar", "grand_piano"),
        ("...x.....x..", "x.xx.xx.xx.x") if triple else (*_COMPS, "....x.......x..."),
        step=step,
    )
    _brass(band, 0.75)
    _voice(band, 0.6, LONG_CELLS if triple else SHOUT_CELLS)
    return band


def _motown(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "motown", seconds, (104, 138), drumming.RNB_MOTOWN, "motown", loops=_SOULFUL, modes=("major", "mixolydian")
    )
    _bass(band, _MOTOWN_BASS)
    _chords(band, ("clean_guitar", "muted_guitar"), ("....x.......x...", "..x...x...x...x."))
    _chords(band, ("grand_piano", "vibraphone", "hammond"), gain_db=-5)
    if chance(rng, 0.5):
        hold(band.part("strings", "string_section", gain_db=-5, above=0.7), band.chords, 70, 82)
    _brass(band, 0.5)
    _voice(band, 0.65, SONG_CELLS, 0.25)
    return band


def _funk(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "funk",
        seconds,
        (92, 122),
        drumming.RNB_FUNK,
        "funk",
        loops=_ONE_CHORD,
        modes=("dorian", "mixolydian"),
        each=(8.0, 4.0),
        swing=(0.5, 0.57),
        shape=LOOP,
    )
    _bass(band, _FUNK_BASS, ("slap_bass", "slap_bass", "finger_bass", "synth_bass"))
    scratch = band.part("scratch guitar", pick(rng, ("muted_guitar", "clean_guitar")), gain_db=-3)
    stabs(band, scratch, pick(rng, _SCRATCH), 65, 84, hold=0.6, roll=0.006)
    if chance(rng, 0.6):
        _chords(band, ("clavinet",), _CLAV, gain_db=-2)
    if chance(rng, 0.4):
        hold(band.part("organ", "hammond", gain_db=-6, above=0.7), band.chords, 63, 80)
    _brass(band, 0.85, 0.7)
    _voice(band, 0.5, SHOUT_CELLS, 0.3, 0.35)
    return band


def _neo_soul(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "neo_soul",
        seconds,
        (66, 98),
        drumming.RNB_NEO,
        "backbeat",
        loops=_EXTENDED,
        modes=("major", "dorian", "minor"),
        kits=("drum_kit", "sampled_kit"),
        swing=(0.52, 0.63),
        lag=(0.01, 0.05),
        velocity=(70, 92),
        fills=0.3,
        shape=LOOP,
    )
    _bass(band, _LAID_BASS, ("finger_bass", "fretless_bass", "synth_bass"))
    _chords(band, ("rhodes", "rhodes", "dx_piano", "grand_piano"), gain_db=0)
    if chance(rng, 0.5):
        _chords(
            band,
            ("jazz_guitar", "clean_guitar"),
            ("....x...........", "..x...x.......x.", "x-.............x"),
            gain_db=-4,
        )
    _voice(band, 0.55, BUSY_CELLS, 0.6)
    return band


def _slow_jam(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "quiet_storm",
        seconds,
        (58, 82),
        drumming.RNB_QUIET,
        "backbeat",
        loops=_EXTENDED,
        modes=("major", "minor"),
        kits=("drum_kit", "kit_808", "sampled_kit"),
        velocity=(66, 92),
        each=(4.0, 2.0),
    )
    _bass(band, _LAID_BASS, ("fretless_bass", "finger_bass", "synth_bass"))
    if chance(rng, 0.5):
        part = band.part("keys", pick(rng, ("dx_piano", "rhodes", "grand_piano")))
        broken(part, band.chords, pick(rng, ((0, 2, 3, 4), (0, 1, 3, 2), (3, 2, 1, 0))), 0.5, 52, 74, 3)
    else:
        _chords(band, ("dx_piano", "rhodes"), gain_db=0)
    held(band, "pad", ("warm_pad", "slow_strings", "synth_strings"), 64, 72, gain_db=-6, room=0.5)
    _voice(band, 0.65, LONG_CELLS, 0.7)
    return band


def _contemporary(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "contemporary",
        seconds,
        (62, 104),
        drumming.RNB_CONTEMPORARY,
        "backbeat",
        loops=(*_EXTENDED, "i bVI", "vi:m7 IV:maj7"),
        modes=("minor", "major"),
        kits=("kit_808",),
        each=(4.0, 8.0),
        fills=0.1,
        swing=(0.5, 0.56),
    )
    _bass(band, _SUB_BASS, ("bass_808", "bass_808", "synth_bass"))
    _chords(band, ("rhodes", "pluck", "bell_pad", "clean_guitar", "dx_piano"))
    if chance(rng, 0.7):
        held(band, "pad", ("warm_pad", "sweep_pad", "synth_strings"), 62, 74, gain_db=-6, room=0.5)
    _voice(band, 0.65, BUSY_CELLS, 0.45)
    return band


def _gospel(rng: np.random.Generator, seconds: float) -> Band:
    slow = chance(rng, 0.45)
    step = 1 / 3 if slow else 0.25
    band = _begin(
        rng,
        "gospel_soul",
        seconds,
        (56, 76) if slow else (108, 152),
        drumming.RNB_SIX_EIGHT if slow else drumming.RNB_GOSPEL,
        "slow_soul" if slow else "gospel",
        loops=("I IV I V", "I I:7 IV iv", "I VI:7 II:7 V:7", "I IV,I V,IV I", "vi II:7 V I:7"),
        step=step,
    )
    _bass(band, ("R-----5-6-w-", "R--R--3-5-w-") if slow else _SOUL_BASS, step=step)
    _chords(
        band,
        ("grand_piano",),
        ("x--x--x-xx-x", "x-xx-xx-xx-x") if slow else ("x-.x..x-x-.x..x-", "x.x.x.x.x.x.x.x."),
        gain_db=0,
        step=step,
    )
    hold(band.part("organ", "hammond", gain_db=-3, room=0.4), band.chords, 64, 86)
    if chance(rng, 0.6):
        held(band, "choir", ("choir", "oohs"), 62, 90, gain_db=-3, above=0.7, room=0.4)
    _voice(band, 0.6, LONG_CELLS if slow else SHOUT_CELLS, 0.6)
    return band


def _disco_soul(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "disco_soul",
        seconds,
        (106, 128),
        drumming.RNB_DISCO,
        "four_on_the_floor",
        loops=(*_EXTENDED, "i:m7 IV:9", "i:m7 bVII bVI:maj7 v:m7"),
        modes=("minor", "dorian", "major"),
        each=(4.0, 8.0),
    )
    _bass(band, _DISCO_BASS, ("finger_bass", "slap_bass", "synth_bass"))
    stabs(band, band.part("scratch guitar", "clean_guitar", gain_db=-4), pick(rng, _SCRATCH), 66, 80, hold=0.6)
    _chords(band, ("rhodes", "clavinet", "grand_piano"), gain_db=-4)
    if chance(rng, 0.8):
        strings = band.part("strings", "string_section", gain_db=-3, above=0.7)
        strings.line(hook(band, 70, LONG_CELLS), 88, hold=0.95)
    _brass(band, 0.6)
    _voice(band, 0.55, SONG_CELLS, 0.3)
    return band


def _new_jack(rng: np.random.Generator, seconds: float) -> Band:
    """Swingbeat of around 1990: machines with swing, orchestral stabs, bright keys."""
    band = _begin(
        rng,
        "new_jack_swing",
        seconds,
        (96, 116),
        drumming.RNB_SWINGBEAT,
        "swingbeat",
        loops=(*_EXTENDED, "i bVII bVI bVII"),
        modes=("minor", "dorian"),
        kits=("kit_909", "kit_808", "sampled_kit"),
        swing=(0.57, 0.66),
        velocity=(90, 110),
    )
    _bass(band, _FUNK_BASS, ("synth_bass", "slap_bass"))
    _chords(band, ("dx_piano", "bright_piano", "synth_brass"))
    _chords(band, ("synth_brass", "brass_section", "string_section"), _HITS, gain_db=-2, above=0.6)
    _voice(band, 0.6, BUSY_CELLS, 0.4)
    return band


def _jump_blues(rng: np.random.Generator, seconds: float) -> Band:
    """Rhythm and blues of the fifties: a shuffle, boogie bass, honking saxophone, triplets of the piano."""
    band = _begin(
        rng,
        "fifties_rnb",
        seconds,
        (84, 156),
        ("k:X..X..X..X.. s:...X.....X.. R:x.xx.xx.xx.x", "k:X.....X..... s:...X.....X.. h:x.xx.xx.xx.x"),
        "shuffle",
        loops=("I:7 IV:7 I:7 I:7 IV:7 IV:7 I:7 I:7 V:7 IV:7 I:7 V:7", "I vi IV V:7"),
        modes=("mixolydian", "major"),
        step=1 / 3,
        each=(4.0,),
    )
    _bass(band, ("R--3--5--6--", "R-.R-.3-.5-w", "R--3--5--6--7--6--5--3--"), ("double_bass", "finger_bass"), 1 / 3)
    _chords(band, ("grand_piano", "honky_tonk"), ("xxxxxxxxxxxx", "..x..x..x..x", "x.xx.xx.xx.x"), step=1 / 3)
    if chance(rng, 0.6):
        _chords(
            band,
            ("tenor_sax", "brass_section", "baritone_sax"),
            ("x-----.....x", "..x......x-.", "x..x........"),
            step=1 / 3,
            above=0.6,
        )
    _voice(band, 0.55, SHOUT_CELLS, 0.25, 0.4)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _soul, _motown, _funk, _funk, _neo_soul, _slow_jam, _contemporary, _gospel, _disco_soul, _new_jack, _jump_blues,
)  # fmt: skip
_FIRST = ("Sweet", "Tender", "Midnight", "Honey", "Golden", "Real", "Slow", "Velvet", "Faithful", "Burning", "Easy")
_SECOND = ("Love", "Devotion", "Groove", "Promise", "Fever", "Feeling", "Touch", "Sugar", "Tears", "Motion")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new piece of rhythm and blues of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("rnb", _FIRST, _SECOND)
