"""Composes metal: thrash, death, black, doom, power, groove, djent, symphonic, heavy, gothic, folk and metalcore."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.bands import begin, held
from ccmusicd.capture.music.composers.grooves import NOT_SOLO, Band, Shape, figure
from ccmusicd.capture.music.composers.piece import broken, hold
from ccmusicd.capture.music.composers.tunes import LONG_CELLS, SHOUT_CELLS, SONG_CELLS, Cells, hook, sing, solo
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole
from ccmusicd.capture.music.score import Score

_GALLOPS = ("r.rrr.rrr.rrr.rr", "R-rrr.rrn-rrr.rr", "r-rrr-rrR-n-4-b4", "R-rrR-rrp-rrR-rr", "r.rrr.rrR---p---")
_CHUGS = (
    "rrrrR-rrrrp-rrn-",
    "rrrrrrrrR-p-n-p-",
    "R-rrrrp-rrrrR-n-",
    "r.rrb-r.rr4-r.n-",
    "rrr.rrr.R---b---",
    "R-rr4-rrb-rr4-n-",
)
_TREMOLO = ("RRRRRRRRppppppppnnnnnnnnppppRRRR", "RRRRRRRR55555555bbbbbbbb44444444", "RRRRnnnnppppRRRRllllRRRRpppptttt")
_DOOM = ("R-------b-------", "R-----------n---", "R-------n---p---", "R---R---l---p---", "R--------------.")
_METAL_POWER = ("R-rrR-rrR-rrR-rr", "R---R-R-R---R-R-", "r.r.r.r.R-..R-..", "R-------R---R---")
_DJENT = (
    "r..r..r.r..rr.R-r..r..r.r..r.r..",
    "r.rr..rr..r.r..rr.rr..r.R---....",
    "rr..r..rr..r..r.rr..r..p-..r..r.",
    "R-..r.r..rr..r.rr..r.r..R-..p-..",
)
_GROOVES = ("r..r..r.R-rr..p-", "R-r..rr.n-r..r4-", "r.rr..R-r.rr..b-", "R--R--r.rr.rR-p-")
_LOOPS = (
    "i:5",
    "i:5 i:5 bVI:5 bVII:5",
    "i:5 bII:5",
    "i:5 i:5 bIII:5 bII:5",
    "i:5 bVI:5 bIII:5 bVII:5",
    "i:5 iv:5 bVI:5 v:5",
)
_EPIC = ("i bVI bIII bVII", "i bVII bVI V", "i iv bVI V", "bVI bVII i i", "i bIII bVII iv", "i bVI iv V")
_SHAPE: Shape = (("riff", 0.85), ("verse", 0.8), ("chorus", 1.0), ("solo", 0.95), ("riff", 0.9), ("break", 0.65))


_begin = partial(
    begin,
    modes=("minor", "phrygian"),
    loops=_LOOPS,
    each=(4.0, 8.0, 8.0),
    shape=_SHAPE,
    loose=(0.001, 0.008),
    room=(0.03, 0.35),
    kits=("power_kit", "power_kit", "drum_kit"),
    velocity=(98, 118),
    above=(0.6,),
    tops_above=0.3,
    fills=0.8,
    crashes=0.95,
    spare=0.0,
    gain_db=1,
)


def _riffs(
    band: Band, patterns: Sequence[str], low: int, *, fixed: bool = True, fifths: float = 0.75, above: float = 0.0,
    articulated: bool = False,
) -> None:  # fmt: skip
    """Two distorted guitars, hard left and right, and the bass below play one riff; riffs change in the choruses."""
    rng = band.rng
    pattern = pick(rng, patterns)
    stack = (0, 7) if chance(rng, fifths) else (0,)
    instrument = "distorted_guitar" if chance(rng, 0.9) else "overdriven_guitar"
    for side in (-0.8, 0.8):
        part = band.part("rhythm guitar", instrument, pan=side, gain_db=0, above=above, room=between(rng, 0.0, 0.15))
        figure(
            band,
            part,
            pattern,
            low,
            104,
            stack=stack,
            fixed=fixed,
            hold=0.98,
            articulation="legato" if articulated else "",
        )
    bass = band.part("bass", pick(rng, ("pick_bass", "finger_bass")), pan=0.0, room=0.0, above=above)
    figure(band, bass, pattern.replace("r", "R"), max(24, low - 12), 98, fixed=fixed)


def _vocals(
    band: Band, voice: str, cells: Cells = SHOUT_CELLS, probability: float = 0.5, melisma: float = 0.05
) -> None:
    """A singer or a growler in half of the pieces."""
    if chance(band.rng, probability):
        sing(
            band, voice, cells=cells, melisma=melisma, velocity=110, gain_db=1, doubled=0.2 if voice == "growl" else 0.5
        )
        band.tags = ("vocal",)
    else:
        band.tags = ("instrumental",)


def _leads(band: Band, *, harmonised: float = 0.3, above: float = 0.94, busy: tuple[float, float] = (0.5, 1.0)) -> None:
    """A fast solo, sometimes with a second guitar a third above."""
    rng = band.rng
    part = band.part("lead guitar", "distorted_guitar", above=above, gain_db=1, room=0.35, pan=0.2)
    if chance(rng, 0.6):
        part.rests = NOT_SOLO
    played = solo(band, part, whole(rng, 60, 67), busy=between(rng, *busy), velocity=104)
    if chance(rng, harmonised):
        second = band.part("second lead", "distorted_guitar", above=above, gain_db=-1, room=0.35, pan=-0.3)
        second.rests = part.rests
        for tone in played:
            second.add(tone.start, tone.length * 0.95, theory.stepped(band.scale, tone.pitch, 2), 98)


def _thrash(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(rng, "thrash", seconds, (158, 212), drumming.METAL_THRASH, "thrash")
    _riffs(band, _CHUGS + _GALLOPS, whole(rng, 38, 40))
    _leads(band)
    _vocals(band, pick(rng, ("voice_low", "growl", "voice_high")))
    return band


def _death(rng: np.random.Generator, seconds: float) -> Band:
    beats, pattern = pick(
        rng, ((drumming.METAL_BLAST, "blast"), (drumming.METAL_DOUBLE, "double_kick"), (drumming.METAL_BLAST, "blast"))
    )
    band = _begin(rng, "death", seconds, (150, 220), beats, pattern, modes=("phrygian",))
    _riffs(band, _CHUGS + _TREMOLO, whole(rng, 33, 37), fifths=0.4)
    if chance(rng, 0.4):
        _leads(band, busy=(0.8, 1.0), harmonised=0.1)
    _vocals(band, "growl", probability=0.6)
    return band


def _black(rng: np.random.Generator, seconds: float) -> Band:
    """Tremolo-picked minor chords and tunes over blast beats, far away in the reverb."""
    beats, pattern = pick(
        rng, ((drumming.METAL_BLAST, "blast"), (drumming.METAL_BLAST, "blast"), (drumming.METAL_DOUBLE, "double_kick"))
    )
    band = _begin(rng, "black", seconds, (150, 216), beats, pattern, loops=_EPIC, each=(8.0, 16.0))
    part = band.part("tremolo guitar", "distorted_guitar", pan=-0.6, room=0.4)
    for tone in hook(band, whole(rng, 50, 60), LONG_CELLS, plain=0.1):
        for index in range(round(tone.length * 4)):
            part.add(tone.start + index / 4, 0.25, tone.pitch, 94)
    second = band.part("chords", "distorted_guitar", pan=0.6, room=0.4)
    figure(band, second, "RRRRRRRRRRRRRRRR", 40, 92, stack=pick(rng, ((0, 7), (0, 3, 7), (0, 7, 12))), hold=1.0)
    figure(band, band.part("bass", "pick_bass", pan=0.0), "R-R-R-R-R-R-R-R-", 28, 90)
    if chance(rng, 0.3):
        held(band, "pad", ("choir_pad", "slow_strings", "synth_strings"), 62, 84, gain_db=-5, room=0.6)
    _vocals(band, "growl", LONG_CELLS, 0.55)
    return band


def _doom(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "doom",
        seconds,
        (46, 84),
        drumming.METAL_SLOW,
        "half_time",
        each=(8.0, 4.0),
        modes=("minor", "phrygian", "dorian"),
    )
    _riffs(band, _DOOM, whole(rng, 33, 37), fixed=chance(rng, 0.5), fifths=0.95)
    if chance(rng, 0.5):
        _leads(band, busy=(0.0, 0.3), above=0.9)
    if chance(rng, 0.3):
        held(band, "organ", ("church_organ", "rock_organ", "choir"), 58, 80, gain_db=-7)
    _vocals(band, pick(rng, ("voice_low", "growl", "voice_high")), LONG_CELLS)
    return band


def _power(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "power",
        seconds,
        (138, 196),
        drumming.METAL_DOUBLE,
        "double_kick",
        loops=_EPIC,
        modes=("minor", "harmonic_minor", "minor"),
        each=(4.0, 4.0, 2.0),
    )
    _riffs(band, _METAL_POWER + _GALLOPS[:1], 40, fixed=False)
    lead = band.part("lead guitar", "distorted_guitar", above=0.9, room=0.35, pan=0.3)
    second = band.part("second lead", "distorted_guitar", above=0.9, room=0.35, pan=-0.3, gain_db=-1)
    for tone in hook(band, 64, pick(rng, (SONG_CELLS, LONG_CELLS)), span=17, plain=0.2):
        lead.add(tone.start, tone.length * 0.96, tone.pitch, 98)
        second.add(tone.start, tone.length * 0.96, theory.stepped(band.scale, tone.pitch, -2), 94)
    if chance(rng, 0.5):
        held(band, "keys", ("synth_strings", "choir", "string_section"), 64, 80, gain_db=-5)
    _vocals(band, "voice_high", pick(rng, (SONG_CELLS, LONG_CELLS)), 0.55, 0.15)
    return band


def _groove(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng, "groove", seconds, (92, 132), drumming.METAL_GROOVE, "groove", modes=("phrygian", "minor", "dorian")
    )
    _riffs(band, _GROOVES + _CHUGS[:3], whole(rng, 33, 38))
    _leads(band, harmonised=0.1)
    _vocals(band, pick(rng, ("growl", "growl", "voice_low")), probability=0.6)
    return band


def _djent(rng: np.random.Generator, seconds: float) -> Band:
    """Low palm mutes in cycles against the backbeat; the kick follows the guitars; clean chords shimmer above."""
    pattern = pick(rng, _DJENT)
    kick = "".join("X" if sign not in ".-" else "." for sign in pattern)
    band = _begin(
        rng,
        "djent",
        seconds,
        (88, 142),
        (f"k:{kick} s:........X....... C:X...X...X...X...",),
        "djent",
        loops=("i:madd9", "i bVI", "i bII"),
        each=(8.0, 16.0),
    )
    _riffs(band, (pattern,), whole(rng, 28, 33), fifths=0.3)
    if chance(rng, 0.7):
        pad = band.part("clean guitar", pick(rng, ("clean_guitar", "bell_pad", "halo_pad")), gain_db=-4, room=0.6)
        broken(pad, band.chords, (0, 2, 4, 3), 0.5, 62, 70, 3)
    if chance(rng, 0.5):
        _leads(band, harmonised=0.0)
    _vocals(band, pick(rng, ("growl", "growl", "voice_high")))
    return band


def _symphonic(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "symphonic",
        seconds,
        (96, 172),
        drumming.METAL_DOUBLE,
        "double_kick",
        loops=_EPIC,
        modes=("minor", "harmonic_minor"),
        each=(4.0, 8.0),
    )
    _riffs(band, _METAL_POWER + _GALLOPS[:1], whole(rng, 36, 40), fixed=False)
    held(band, "strings", ("string_section", "slow_strings"), 66, 92, gain_db=-1, room=0.5)
    hold(
        band.part("choir", pick(rng, ("choir", "choir_pad")), gain_db=-2, room=0.6, above=pick(rng, (0.0, 0.9))),
        band.chords,
        62,
        92,
    )
    if chance(rng, 0.5):
        runs = band.part("runs", pick(rng, ("string_section", "harpsichord", "grand_piano")), gain_db=-3, above=0.8)
        broken(runs, band.chords, (0, 1, 2, 3, 4, 3, 2, 1), 0.25, 60, 84)
    if chance(rng, 0.4):
        figure(band, band.part("horns", "french_horn", gain_db=-3, above=0.9), "R-------5-------", 53, 96)
    _vocals(band, pick(rng, ("voice_high", "voice_high", "growl")), LONG_CELLS, 0.55, 0.1)
    return band


def _heavy(rng: np.random.Generator, seconds: float) -> Band:
    """Heavy metal of the eighties: gallops, twin leads, a high voice."""
    band = _begin(
        rng,
        "heavy",
        seconds,
        (112, 172),
        drumming.METAL_HEAVY,
        "backbeat",
        loops=_EPIC + _LOOPS[1:2],
        modes=("minor", "dorian"),
    )
    _riffs(band, _GALLOPS + _METAL_POWER, 40, fixed=chance(rng, 0.3))
    _leads(band, harmonised=0.6, above=0.92)
    _vocals(band, "voice_high", probability=0.55)
    return band


def _metalcore(rng: np.random.Generator, seconds: float) -> Band:
    """Melodic leads over double kick, breakdowns, growled verses and sung choruses."""
    band = _begin(rng, "metalcore", seconds, (118, 182), drumming.METAL_DOUBLE[:2], "double_kick", loops=_EPIC)
    _riffs(band, _CHUGS + _GROOVES, whole(rng, 34, 38), fixed=chance(rng, 0.5))
    lead = band.part("lead guitar", "distorted_guitar", above=0.85, room=0.3)
    lead.line(hook(band, 66, ((0.25, 0.25, 0.5), (0.5, 0.5), (1,))), 94)
    _vocals(band, "growl")
    if "vocal" in band.tags:
        sing(band, "voice_high", above=0.98, cells=LONG_CELLS)
    return band


def _gothic(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "gothic",
        seconds,
        (84, 132),
        drumming.METAL_HEAVY,
        "backbeat",
        loops=_EPIC,
        modes=("minor", "harmonic_minor"),
    )
    _riffs(band, _METAL_POWER + _DOOM[:2], whole(rng, 36, 40), fixed=False, fifths=1.0)
    keys = band.part("keys", pick(rng, ("grand_piano", "church_organ", "harpsichord", "synth_strings")), gain_db=-1)
    broken(keys, band.chords, (0, 2, 1, 2), 0.5, 58, 84, 2)
    hold(band.part("strings", "slow_strings", gain_db=-5, room=0.5), band.chords, 64, 82)
    _vocals(band, pick(rng, ("voice_low", "voice_high")), LONG_CELLS, 0.55)
    return band


def _folk_metal(rng: np.random.Generator, seconds: float) -> Band:
    band = _begin(
        rng,
        "folk_metal",
        seconds,
        (124, 186),
        drumming.METAL_DOUBLE,
        "double_kick",
        loops=_EPIC,
        modes=("minor", "dorian"),
        each=(4.0, 2.0),
    )
    _riffs(band, _METAL_POWER + _GALLOPS[:1], 40, fixed=False)
    lead = band.part("fiddle", pick(rng, ("fiddle", "whistle", "accordion", "bagpipe")), above=0.8, gain_db=1)
    lead.line(hook(band, 69, ((0.5, 0.5), (0.25, 0.25, 0.5), (1,), (0.75, 0.25)), plain=0.1), 98)
    _vocals(band, pick(rng, ("growl", "voice_low")), SHOUT_CELLS)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _thrash, _death, _black, _doom, _power, _groove, _djent, _symphonic, _heavy, _metalcore, _gothic, _folk_metal,
)  # fmt: skip
_FIRST = ("Iron", "Black", "Ashen", "Crimson", "Storm", "Grave", "Frozen", "Blood", "Steel", "Eternal", "Infernal")
_SECOND = ("Throne", "Legion", "Ruin", "Covenant", "Wrath", "Oath", "Winter", "Tombs", "Hammer", "Descent")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new metal piece of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("metal", _FIRST, _SECOND)
