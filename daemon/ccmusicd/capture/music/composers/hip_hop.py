"""Composes hip-hop: boom-bap, trap, lo-fi, G-funk, old school electro, drill, cloud and Southern beats, with raps."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin, held
from ccmusicd.capture.music.composers.grooves import LOOP, SONG, Band, GatedPart, figure, noise, stabs
from ccmusicd.capture.music.composers.piece import broken, hold
from ccmusicd.capture.music.composers.tunes import BUSY_CELLS, LONG_CELLS, SONG_CELLS, breathing, hook, rap, sing
from ccmusicd.capture.music.composers.writing import between, chance, chord_at, pick, whole
from ccmusicd.capture.music.score import Score

_JAZZY = (
    "i:m9 iv:m9", "ii:m9 V:13 I:maj9 VI:7b9", "i:m7 bVI:maj7 ii:m7b5 V:7b9", "I:maj9 iii:m7 vi:m9 ii:m9", "i:m9",
    "IV:maj9 iii:m7 ii:m9 I:maj9", "i:m11 bVII:13", "bVI:maj9 v:m7 i:m9 i:m9", "iv:m9 bVII:9 bIII:maj9 bVI:maj7",
)  # fmt: skip
_DARK = ("i", "i bVI", "i bII", "i i bVI v", "i bVI bII i", "i iv", "i bVI iv V", "i bVII bVI bVI")

_WALKING = ("R.....R.5...7..w", "R--.R..8..5.R..w", "R..R....5..R.l..", "R------.R.-.5.w.", "R..x8...R..x7.5.")
_SUB = ("R------.R..R----", "R-----R---R-----", "R-------........", "R--R--R-----8---", "R-------..R-l---")
_SLIDES = ("R------.R..8----", "R-----n---R-----", "R--8--R-----n---", "R-----..R--5----")

_SAMPLES = (
    "rhodes",
    "grand_piano",
    "vibraphone",
    "jazz_guitar",
    "dx_piano",
    "string_section",
    "hammond",
    "nylon_guitar",
)
_TRAP_LEADS = (
    "bell_pad",
    "glockenspiel",
    "grand_piano",
    "pluck",
    "string_section",
    "flute",
    "nylon_guitar",
    "music_box",
    "choir_pad",
    "harp",
    "square_lead",
    "kalimba",
)
_HORNS = ("muted_trumpet", "tenor_sax", "flute", "alto_sax", "trumpet", "soprano_sax")


_begin = partial(
    begin,
    modes=("minor",),
    each=(4.0, 4.0, 2.0, 8.0),
    shape=LOOP,
    loose=(0.0, 0.01),
    room=(0.02, 0.25),
    velocity=98,
    lag=(0.0, 0.02),
    fills=0.1,
    crashes=0.15,
    spare=0.03,
    gain_db=1.5,
)


def _maybe_rap(band: Band, probability: float = 0.55, *, triplets: bool = False) -> None:
    """A rapper in about half of the pieces, sometimes with a sung hook in the choruses."""
    if chance(band.rng, probability):
        rap(band, triplets=triplets)
        band.tags = ("rap",)
        if chance(band.rng, 0.2):
            sing(band, pick(band.rng, ("voice_high", "voice_low")), above=0.95, melisma=0.2, gain_db=-1)
    else:
        band.tags = ("instrumental",)


def _sample(band: Band, choices: Sequence[str] = _SAMPLES, gain_db: float = -2, above: float = 0.0) -> None:
    """The sampled loop: chords held, stabbed or broken, or a chopped phrase."""
    rng = band.rng
    part = band.part("sample", pick(rng, choices), gain_db=gain_db, above=above, lag=between(rng, 0.0, 0.03))
    kind = whole(rng, 0, 2)
    if kind == 0:
        hold(part, band.chords, whole(rng, 54, 64), 78, between(rng, 0.5, 0.98), 0.015)
    elif kind == 1:
        rhythm = pick(
            rng, ("x---....x-..x---", "x--.x--.........", "..x-..x-..x-..x-", "x-...x-...x-..x-", "x---x---x---x---")
        )
        stabs(band, part, rhythm, whole(rng, 54, 66), 80, roll=0.01)
    else:
        broken(
            part,
            band.chords,
            pick(rng, ((0, 1, 2, 3), (2, 1, 0, 3), (0, 2, 3, 1, 2))),
            pick(rng, (0.5, 0.25)),
            50,
            76,
            1.6,
        )


def _bass(band: Band, patterns: Sequence[str], choices: Sequence[str], low: int = 0, gain_db: float = 1.0) -> GatedPart:
    part = band.part("bass", pick(band.rng, choices), pan=0.0, room=0.0, above=0.5, gain_db=gain_db)
    figure(band, part, pick(band.rng, patterns), low or whole(band.rng, 28, 35), 98)
    return part


def _riff(band: Band, choices: Sequence[str], low: int, gain_db: float = 0.0, above: float = 0.0) -> None:
    """A short tune that comes back again and again."""
    rng = band.rng
    part = band.part("riff", pick(rng, choices), gain_db=gain_db, above=above, room=between(rng, 0.1, 0.5))
    tones = hook(
        band, low, pick(rng, (SONG_CELLS, BUSY_CELLS, LONG_CELLS)), span=12, form=pick(rng, ("AB", "AAAB", "AABC"))
    )
    part.line(breathing(rng, tones, 8.0), 84, hold=0.9)


def _hats(band: Band, kit: str = "kit_808") -> None:
    """Hi-hats of trap: eighths or sixteenths that break into rolls of triplets and thirty-seconds."""
    rng = band.rng
    part = band.part("hats", kit, gain_db=-4, above=0.45, pan=between(rng, -0.3, 0.3))
    base = pick(rng, (2, 2, 4))
    rolls = between(rng, 0.15, 0.4)
    for beat in range(int(band.beats)):
        count = pick(rng, (3, 4, 6, 8, 12), (2, 2, 3, 3, 1)) if chance(rng, rolls) else base
        slope = between(rng, -30, 30)
        for index in range(count):
            part.add(beat + index / count, 0.9 / count, 42, 84 + (slope * (index / count - 0.5) if count > 4 else 0))


def _boom_bap(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "boom_bap", seconds, (82, 99), drumming.HIP_HOP_BOOM_BAP, "boom_bap", kits=("sampled_kit",), loops=_JAZZY,
        modes=("minor", "dorian", "major"), swing=(0.52, 0.64),
    )  # fmt: skip
    _sample(band)
    _bass(band, _WALKING, ("double_bass", "finger_bass", "synth_bass"))
    if chance(rng, 0.4):
        _riff(band, _HORNS, 60, -3)
    if chance(rng, 0.6):
        noise(band, "vinyl", between(rng, -24, -14))
    _maybe_rap(band, 0.6)
    return band


def _lofi(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "lofi",
        seconds,
        (66, 90),
        drumming.HIP_HOP_LOFI,
        "boom_bap",
        kits=("sampled_kit",),
        loops=_JAZZY,
        modes=("major", "minor", "dorian"),
        swing=(0.54, 0.66),
        velocity=82,
        loose=(0.006, 0.02),
    )
    _sample(band, ("rhodes", "rhodes", "grand_piano", "jazz_guitar", "nylon_guitar", "dx_piano"), 1)
    _bass(
        band, ("R-----..5---....", "R---....R-..7---", "R-------........"), ("finger_bass", "double_bass", "synth_bass")
    )
    if chance(rng, 0.5):
        _riff(band, ("vibraphone", "jazz_guitar", "flute", "muted_trumpet", "grand_piano", "celesta"), 64, -3)
    noise(band, pick(rng, ("vinyl", "vinyl", "rain")), between(rng, -20, -11))
    _maybe_rap(band, 0.15)
    return band


def _trap(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "trap",
        seconds,
        (124, 160),
        drumming.HIP_HOP_TRAP,
        "trap",
        kits=("kit_808",),
        loops=_DARK,
        modes=("minor", "phrygian"),
        each=(8.0, 4.0, 16.0),
    )
    _hats(band)
    _slides(band)
    _riff(band, _TRAP_LEADS, whole(rng, 58, 74))
    if chance(rng, 0.5):
        _sample(band, ("warm_pad", "synth_strings", "choir_pad", "slow_strings"), -7)
    _maybe_rap(band, 0.6, triplets=chance(rng, 0.5))
    return band


def _slides(band: Band) -> None:
    """An 808 whose notes slide into each other."""
    part = _bass(band, _SUB, ("bass_808",), whole(band.rng, 24, 31), 2)
    slides = band.part("slides", "bass_808", pan=0.0, room=0.0, above=0.7)
    for start in np.arange(pick(band.rng, (6.0, 7.0, 14.5)), band.beats, 8.0):
        pitch = chord_at(band.chords, float(start)).bass(30)
        slides.add(float(start), 0.5, pitch + 12, 96)
        slides.add(float(start) + 0.5, 0.75, pitch + pick(band.rng, (0, 3, 7)), 96, "slide")
    part.add(0.0, 1.0, band.chords[0].bass(29), 100)


def _drill(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "drill", seconds, (138, 146), drumming.HIP_HOP_DRILL, "drill", kits=("kit_808", "sampled_kit"),
        loops=_DARK, modes=("minor", "phrygian"), each=(8.0, 4.0),
    )  # fmt: skip
    part = band.part("bass", "bass_808", pan=0.0, room=0.0, above=0.5, gain_db=2)
    figure(band, part, pick(rng, _SLIDES), whole(rng, 24, 31), 100, articulation="slide")
    _riff(
        band,
        ("grand_piano", "string_section", "choir_pad", "bell_pad", "nylon_guitar", "tremolo_strings"),
        whole(rng, 56, 70),
    )
    if chance(rng, 0.6):
        _sample(band, ("slow_strings", "warm_pad", "choir_pad"), -7)
    _maybe_rap(band, 0.7)
    return band


def _gfunk(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "g_funk",
        seconds,
        (86, 104),
        drumming.HIP_HOP_GFUNK,
        "backbeat",
        kits=("kit_808", "sampled_kit"),
        loops=("i:m7 iv:m7", "i:m9", "i:m7 IV:7", "i bVII bVI bVII"),
        modes=("minor", "dorian"),
        swing=(0.5, 0.58),
        shape=SONG,
    )
    _bass(
        band, ("R..R..8.R.l.R.nR", "R-..R.7.8..R.l..", "R..RR...R.7.8.5."), ("synth_bass", "slap_bass", "finger_bass")
    )
    lead = band.part(
        "lead", pick(rng, ("saw_lead", "square_lead", "saw_lead")), room=0.3, above=pick(rng, (0.0, 0.6, 0.9))
    )
    lead.line(breathing(rng, hook(band, whole(rng, 72, 80), LONG_CELLS), 8.0), 80, hold=1.0, articulation="slide")
    _sample(band, ("rhodes", "clavinet", "muted_guitar", "dx_piano", "clean_guitar"))
    if chance(rng, 0.4):
        sing(band, "voice_high", above=0.9, gain_db=-2)
    _maybe_rap(band, 0.6)
    return band


def _old_school(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "old_school_electro",
        seconds,
        (100, 128),
        drumming.HIP_HOP_OLD,
        "electro",
        kits=("kit_808",),
        loops=("i", "i bVII", "i bVI bVII i"),
        modes=("minor", "dorian"),
    )
    _bass(band, ("R..R..R8..R.l.R.", "R.R.R.R.8.R.n.R.", "R--.R..R..7.8..."), ("synth_bass", "slap_bass"))
    part = band.part("stabs", pick(rng, ("synth_strings", "synth_brass", "brass_section", "supersaw")), above=0.6)
    stabs(band, part, pick(rng, ("x..x......x.....", "x...............", "..x..x....x..x..")), 62, 94)
    if chance(rng, 0.5):
        _riff(band, ("square_lead", "talkbox", "pluck"), 64, -2)
    _maybe_rap(band, 0.6)
    return band


def _southern(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "southern_bounce",
        seconds,
        (74, 104),
        drumming.HIP_HOP_BOUNCE,
        "trap",
        kits=("kit_808",),
        loops=_DARK,
        modes=("minor", "phrygian"),
    )
    _hats(band)
    _bass(band, _SUB, ("bass_808",), 26, 2)
    part = band.part("brass", pick(rng, ("brass_section", "synth_brass", "trombone", "trumpet")), above=0.6)
    stabs(band, part, pick(rng, ("x-.x-.x-........", "x---..x-x-......", "xx.xx.x.........")), 60, 96)
    _riff(band, _TRAP_LEADS, 62, -3)
    _maybe_rap(band, 0.6)
    return band


def _cloud(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "cloud_rap",
        seconds,
        (118, 150),
        drumming.HIP_HOP_TRAP,
        "trap",
        kits=("kit_808",),
        loops=("I:maj9 iii:m7", "IV:maj7 vi:m7", "i:m9 bVI:maj9"),
        modes=("major", "minor"),
        each=(8.0,),
        velocity=86,
    )
    _hats(band)
    _bass(band, _SUB, ("bass_808",), 27, 1)
    held(band, "pad", ("warm_pad", "halo_pad", "sweep_pad", "new_age_pad"), 62, 76, gain_db=-3, room=0.6)
    _riff(band, ("bell_pad", "pluck", "clean_guitar", "rhodes"), 66, -3)
    if chance(rng, 0.5):
        sing(band, pick(rng, ("voice_high", "voice_low")), melisma=0.3, cells=BUSY_CELLS)
    _maybe_rap(band, 0.4)
    return band


def _soul_sample(rng: np.random.Generator, seconds: float) -> Band:
    """A sped-up soul record: high strings, piano and a chopped voice over hard drums."""
    band = _begin(
        rng,
        "soul_sample",
        seconds,
        (76, 98),
        drumming.HIP_HOP_BOOM_BAP,
        "boom_bap",
        kits=("sampled_kit",),
        loops=(*_JAZZY, "I vi IV V", "vi IV I V", "i bVII bVI V"),
        modes=("major", "minor"),
        swing=(0.5, 0.6),
    )
    _sample(band, ("string_section", "grand_piano", "brass_section"))
    _sample(band, ("string_section", "glockenspiel", "clean_guitar", "hammond"), -5)
    _bass(band, _WALKING, ("finger_bass", "bass_808"))
    if chance(rng, 0.6):
        sing(band, "voice_high", cells=LONG_CELLS, melisma=0.5, above=0.0, gain_db=-5)
    if chance(rng, 0.5):
        noise(band, "vinyl", -20)
    _maybe_rap(band, 0.6)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _boom_bap, _boom_bap, _lofi, _trap, _trap, _drill, _gfunk, _old_school, _southern, _cloud, _soul_sample,
)  # fmt: skip
_FIRST = ("Corner", "Concrete", "Midnight", "Golden", "Dusty", "Block", "Paper", "Smoke", "Metro", "Cold", "Crooked")
_SECOND = ("Stories", "Crowns", "Tape", "Blues", "Avenue", "Cipher", "Hustle", "Summer", "Letters", "Static")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new hip-hop piece of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("hip_hop", _FIRST, _SECOND)
