"""Composes reggae: roots, rockers, steppers, dub, ska, rocksteady, lovers rock, dancehall and ragga."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin, held
from ccmusicd.capture.music.composers.grooves import LOOP, Band, echoed, figure, stabs
from ccmusicd.capture.music.composers.tunes import (
    BUSY_CELLS,
    LONG_CELLS,
    SONG_CELLS,
    Cells,
    backing,
    breathing,
    hook,
    rap,
    sing,
    solo,
)
from ccmusicd.capture.music.composers.writing import between, chance, chord_at, pick, whole
from ccmusicd.capture.music.score import Score

_ROOTS_LOOPS = {
    "major": ("I IV", "I V", "I ii", "I IV V IV", "I vi ii V", "I iii IV V", "I I IV V", "I bVII"),
    "minor": ("i iv", "i bVII", "i v", "i bVI bVII i", "i i iv iv", "i iv v i", "i", "bVI bVII i i"),
}
_SKA_LOOPS = ("I IV V IV", "I vi IV V", "I I IV V", "i iv V i", "i bVII bVI V", "I:7 IV:7 I:7 V:7", "ii V I I")

_DEEP = (
    "R-..R-3-5-..R---",
    "R--R....5-3-R---",
    "....R-R-5---3-R-",
    "R-R-R-..5-5-3-..",
    "R---..5-8-5-..w-",
    "R-3-5---....R-l-",
    "..R-R-5-..3-R---",
    "R-R.R...l-R.n-R.",
    "R-----R-R-5-L---",
    "R--R--5-....8-5-",
    "........R-R-5-3-R---5-3-R-..5-L-",
    "R-R-3-3-5---....R-R-l-L-R---....",
)
_SKA_BASS = ("R---3---5---6---", "R---3---5---3---8---5---3---w---", "R---5---8---5---", "R---R---3---w---")
_STEADY_BASS = ("R-..R-3-5-R-..w-", "R--R--5-..6-5-3-", "R-3-5-..5-3-R-..", "..R-3-5-6-5-3-w-")
_DIGITAL = ("R..R..R.....R.R.", "R--R--R-..R-5-8-", "R..R..8.R..R..l.", "R-..R-..R.R.n-R.")

_SKANKS = ("..x...x...x...x.", "..x...x...x...x.", "..xu..xu..xu..xu", "..x...xu..x...xu", "....x.......x...")
_BUBBLE = (".xx..xx..xx..xx.", "..x..xx...x..xx.", ".xxx.xxx.xxx.xxx", "..xx..xx..xx..xx")
_ORGANS = ("hammond", "percussive_organ", "reed_organ", "clavinet")
_LEADS = ("trombone", "trumpet", "tenor_sax", "harmonica", "hammond", "flute", "clean_guitar", "square_lead")


_begin = partial(
    begin,
    loops=_ROOTS_LOOPS,
    swing=(0.5, 0.6),
    loose=(0.003, 0.014),
    room=(0.05, 0.4),
    velocity=(78, 104),
    lag=(0, 0.015),
    above=(0.45,),
    crashes=0.3,
)


def _bass(
    band: Band, patterns: Sequence[str] = _DEEP, choices: Sequence[str] = ("finger_bass",), gain_db: float = 3
) -> None:
    part = band.part("bass", pick(band.rng, choices), pan=0.0, room=0.0, gain_db=gain_db)
    figure(band, part, pick(band.rng, patterns), whole(band.rng, 27, 31), 98, hold=between(band.rng, 0.75, 1.0))


def _skank(
    band: Band,
    patterns: Sequence[str] = _SKANKS,
    choices: Sequence[str] = ("clean_guitar", "muted_guitar"),
    gain_db: float = 0,
) -> None:
    """Short chords on the off-beats."""
    rng = band.rng
    part = band.part("skank", pick(rng, choices), gain_db=gain_db)
    stabs(
        band,
        part,
        pick(rng, patterns),
        whole(rng, 60, 69),
        90,
        hold=between(rng, 0.35, 0.8),
        roll=0.005,
        articulation="staccato",
    )


def _bubble(band: Band, probability: float = 0.6) -> None:
    """The organ's shuffling off-beats between the guitar's."""
    if chance(band.rng, probability):
        part = band.part("bubble", pick(band.rng, _ORGANS), gain_db=-5)
        stabs(band, part, pick(band.rng, _BUBBLE), whole(band.rng, 55, 64), 78, hold=0.6)


def _voice(band: Band, probability: float = 0.5, cells: Cells = SONG_CELLS, high: float = 0.4) -> None:
    """A singer in half of the pieces, else horns or a melodica take the tune."""
    rng = band.rng
    if chance(rng, probability):
        sing(
            band,
            "voice_high" if chance(rng, high) else "voice_low",
            cells=cells,
            melisma=0.12,
            lag=between(rng, 0, 0.04),
        )
        band.tags = ("vocal",)
        if chance(rng, 0.35):
            backing(band, gain_db=-5)
        return
    band.tags = ("instrumental",)
    _horns(band, 0.6)


def _horns(band: Band, above: float = 0.6) -> None:
    """A tune in unison or thirds of two horns, or one soloist."""
    rng = band.rng
    tones = breathing(rng, hook(band, 60, pick(rng, (SONG_CELLS, LONG_CELLS, BUSY_CELLS))), 8.0)
    lead = band.part("lead", pick(rng, _LEADS), above=above, room=0.35)
    if chance(rng, 0.3):
        solo(band, lead, 60, busy=between(rng, 0, 0.6), velocity=88)
        return
    lead.line(tones, 92, hold=0.85)
    if chance(rng, 0.5):
        band.part("second horn", pick(rng, _LEADS[:3]), above=above, gain_db=-2).line(
            tones, 88, hold=0.85, shift=-12 * whole(rng, 0, 1)
        )


def _roots(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "roots", seconds, (66, 84), drumming.REGGAE_ONE_DROP, "one_drop", modes=("minor", "minor", "major")
    )
    _bass(band)
    _skank(band)
    _skank(band, choices=("grand_piano", "hammond"), gain_db=-5)
    _bubble(band, 0.8)
    if chance(rng, 0.4):
        _horns(band, 0.9)
    _voice(band)
    return band


def _rockers(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(rng, "rockers", seconds, (72, 92), drumming.REGGAE_ROCKERS, "rockers")
    _bass(band)
    _skank(band)
    _bubble(band)
    if chance(rng, 0.4):
        muted = band.part("picked guitar", "muted_guitar", gain_db=-5)
        figure(band, muted, pick(rng, _DEEP), 52, 76, articulation="muted")
    _voice(band)
    return band


def _steppers(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "steppers",
        seconds,
        (68, 84),
        drumming.REGGAE_STEPPERS,
        "four_on_the_floor",
        modes=("minor",),
        kits=("drum_kit", "kit_808", "kit_909"),
        shape=LOOP,
    )
    _bass(band, choices=("finger_bass", "synth_bass", "bass_808"))
    _skank(band, choices=("clean_guitar", "hammond", "pluck", "grand_piano"))
    _bubble(band)
    _voice(band, 0.4)
    return band


def _dub(rng: np.random.Generator, seconds: float) -> Band:
    """Bass and drums alone for long, everything else comes in splashes that echo away."""
    steppers = chance(rng, 0.4)
    band = _begin(
        rng,
        "dub",
        seconds,
        (64, 84),
        drumming.REGGAE_STEPPERS if steppers else drumming.REGGAE_ONE_DROP,
        "four_on_the_floor" if steppers else "one_drop",
        modes=("minor", "minor", "major"),
        each=(8.0, 4.0),
        shape=LOOP,
        room=(0.3, 0.7),
        kits=("drum_kit", "drum_kit", "kit_808"),
    )
    _bass(band, gain_db=5)
    delay = pick(rng, (0.75, 0.5, 1.0, 1 / 3))
    for instrument in ("clean_guitar", pick(rng, ("hammond", "grand_piano", "clavinet"))):
        part = band.part("echoes", instrument, gain_db=-2, room=0.7)
        for bar in range(band.bars):
            if chance(rng, 0.45):
                start = bar * 4 + pick(rng, (0.5, 1.5, 2.5, 3.5))
                echoed(part, start, chord_at(band.chords, start).close(65), 92, delay, whole(rng, 2, 7))
    splash = band.part("splashes", "drum_kit", gain_db=-5, room=0.9)
    for bar in range(band.bars):
        if chance(rng, 0.3):
            echoed(
                splash,
                bar * 4 + pick(rng, (1.0, 2.0, 3.5)),
                (pick(rng, (37, 38, 49, 76)),),
                88,
                delay,
                whole(rng, 3, 6),
            )
    if chance(rng, 0.4):
        _horns(band, 0.85)
    if chance(rng, 0.3):
        sing(band, "voice_low", above=0.95, cells=LONG_CELLS, gain_db=-1)
    return band


def _ska(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "ska",
        seconds,
        (116, 172),
        drumming.REGGAE_SKA,
        "ska",
        modes=("major", "major", "minor"),
        loops=_SKA_LOOPS,
        swing=(0.5, 0.56),
        fills=0.7,
    )
    _bass(band, _SKA_BASS, ("double_bass", "finger_bass", "pick_bass"), 1)
    _skank(band, ("..x...x...x...x.",), ("clean_guitar", "muted_guitar"), 1)
    if chance(rng, 0.6):
        _skank(band, ("..x...x...x...x.",), ("grand_piano", "hammond"), -3)
    _horns(band, 0.5)
    if chance(rng, 0.6):
        _horns(band, 0.7)
    if chance(rng, 0.5):
        sing(band, "voice_low", cells=SONG_CELLS)
    return band


def _rocksteady(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "rocksteady", seconds, (76, 98), drumming.REGGAE_ROCKSTEADY, "one_drop", modes=("major", "major", "minor")
    )
    _bass(band, _STEADY_BASS)
    _skank(band)
    muted = band.part("picked guitar", "muted_guitar", gain_db=-3)
    figure(band, muted, pick(rng, _STEADY_BASS), 40, 80, articulation="muted")
    _skank(band, choices=("grand_piano", "hammond"), gain_db=-4)
    _voice(band, 0.6)
    return band


def _lovers(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "lovers_rock",
        seconds,
        (68, 90),
        drumming.REGGAE_ONE_DROP,
        "one_drop",
        modes=("major", "major", "minor"),
        loops=(
            "I:maj7 vi:m7 ii:m7 V:7",
            "I:maj7 iii:m7 IV:maj7 V",
            "i:m7 iv:m7",
            "IV:maj7 iii:m7 ii:m7 I:maj7",
            "I vi IV V",
        ),
        kits=("drum_kit", "kit_808"),
    )
    _bass(band, _DEEP + _STEADY_BASS, ("finger_bass", "fretless_bass", "synth_bass"))
    _skank(band, choices=("clean_guitar", "dx_piano", "rhodes"))
    _bubble(band)
    held(band, "pad", ("synth_strings", "warm_pad", "slow_strings"), 64, 72, gain_db=-7)
    _voice(band, 0.65, high=0.8)
    return band


def _dancehall(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "dancehall",
        seconds,
        (86, 112),
        drumming.REGGAE_DANCEHALL,
        "dancehall",
        modes=("minor", "minor", "major"),
        kits=("kit_808", "kit_909", "sampled_kit"),
        swing=(0.5, 0.52),
        shape=LOOP,
        fills=0.2,
    )
    _bass(band, _DIGITAL, ("synth_bass", "bass_808"))
    _skank(band, choices=("pluck", "synth_brass", "clavinet", "dx_piano", "hammond"))
    if chance(rng, 0.5):
        band.part("riff", pick(rng, ("square_lead", "pluck", "saw_lead", "steel_drum"))).line(
            hook(band, 64, BUSY_CELLS, form="AB"), 84
        )
    if chance(rng, 0.4):
        rap(band, triplets=False)
    else:
        _voice(band, 0.4, BUSY_CELLS)
    return band


def _ragga(rng: np.random.Generator, seconds: float) -> Band:
    """Digital rhythms of the eighties: a machine's one-drop, cheap keyboards, a toaster."""
    band = _begin(
        rng,
        "digital_roots",
        seconds,
        (76, 98),
        (*drumming.REGGAE_ONE_DROP, "k:........X....... c:........X....... h:x.x.x.x.x.x.x.x. L:............x.xx"),
        "one_drop",
        kits=("kit_808", "kit_909"),
        swing=(0.5, 0.52),
        shape=LOOP,
    )
    _bass(band, _DIGITAL + _DEEP, ("synth_bass",))
    _skank(band, choices=("dx_piano", "synth_brass", "percussive_organ", "square_lead"))
    _bubble(band, 0.5)
    if chance(rng, 0.4):
        rap(band)
    else:
        _voice(band, 0.5)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _roots, _roots, _rockers, _steppers, _dub, _ska, _rocksteady, _lovers, _dancehall, _ragga,
)  # fmt: skip
_FIRST = ("Kingston", "Mountain", "Higher", "Island", "Righteous", "Sunrise", "River", "Harbour", "Natural", "Cool")
_SECOND = ("Version", "Vibration", "Road", "Morning", "Rhythm", "Gates", "Breeze", "Children", "Harvest", "Shore")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new reggae piece of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("reggae", _FIRST, _SECOND)
