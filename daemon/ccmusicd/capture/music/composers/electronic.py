"""Composes electronic music: house, techno, trance, drum'n'bass, dubstep, electro, synthwave, downtempo and kin."""

from collections.abc import Callable, Sequence

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers.grooves import (
    CLUB,
    LOOP,
    RISE,
    Band,
    GatedPart,
    drums,
    echoed,
    figure,
    noise,
    risers,
    stabs,
)
from ccmusicd.capture.music.composers.piece import broken, hold
from ccmusicd.capture.music.composers.tunes import BUSY_CELLS, LONG_CELLS, SONG_CELLS, breathing, hook, sing
from ccmusicd.capture.music.composers.writing import between, chance, chord_at, pick, whole
from ccmusicd.capture.music.score import Articulation, Score

_ROOTLESS = ("..x...x...x...x.", "..xx..xx..xx..xx", ".xxx.xxx.xxx.xxx", "..x-..x-..x-..x-")
_OFF_BASS = ("..R...R...R...R.", "..RR..RR..RR..R8", ".RRR.RRR.RRR.RR8", "..R-..8-..R-..7-")
_HOUSE_BASS = ("R..R..R...R.7...", "R--.R..8..R.l.R.", "..R..R8...R..5R.", "R..R..8.R..R..75", "..R-..R.l-R...R.")
_ACID = ("RRR8R.R7R8RRnR.R", "R.RRR8.RR.R7RR8R", "RR.R8R.RRpR.R8Rn", "R8R.R5R.R7R.R8RR")
_ROLL = ("R-RRR-RRR-RRR-RR", "RRRRRRRRRRRRRRRR", "R.8.R.8.R.8.R.8.", "R.R.R.R.R.R.R.R8")
_WOBBLE = ("R---R-R-R---8-R-", "R-------R-R-R-R-", "R--R--R-R-R-R-n-", "R-----R-R---p-R-")
_ARPS = (
    (0, 1, 2, 3),
    (0, 2, 1, 3, 2, 4),
    (0, 1, 2, 3, 4, 3, 2, 1),
    (3, 2, 1, 0),
    (0, 3, 1, 4, 2, 5),
    (0, 2, 4),
    (0, 1, 2),
)
_CHORDS_M = (
    "i:m9 iv:m9", "i:m7 bVI:maj7", "i:m9 bVII:9sus4", "i:m7 iv:m7 bVII:7 bIII:maj7", "i:m9", "i:m11 bIII:maj9",
)  # fmt: skip
_STABS = (
    "x..x..x...x.x...",
    "..x..x....x..x..",
    "x.....x...x.....",
    "...x..x....x..x.",
    "x-..x-..x.x-....",
    "x..x..x.x..x..x.",
)

_TOUCHES: tuple[Articulation, ...] = ("", "", "legato", "slide")
_KITS = ("kit_909", "kit_909", "kit_808", "sampled_kit")
_LEADS = ("saw_lead", "square_lead", "supersaw", "pluck")
_PADS = ("warm_pad", "sweep_pad", "synth_strings", "new_age_pad", "halo_pad", "bowed_pad", "choir_pad", "metal_pad")
_BASSES = ("synth_bass", "synth_bass", "acid_bass", "reese_bass", "bass_808")


def _pad(band: Band, gain_db: float = -8, above: float = 0.0, choices: Sequence[str] = _PADS) -> None:
    part = band.part("pad", pick(band.rng, choices), gain_db=gain_db, above=above, room=between(band.rng, 0.2, 0.6))
    hold(part, band.chords, whole(band.rng, 55, 68), 72, between(band.rng, 0.8, 1.0))


def _bass(band: Band, patterns: Sequence[str], choices: Sequence[str] = _BASSES, low: int = 0) -> GatedPart:
    part = band.part("bass", pick(band.rng, choices), above=pick(band.rng, (0.5, 0.6)), pan=0.0, room=0.02)
    figure(
        band, part, pick(band.rng, patterns), low or whole(band.rng, 28, 36), 96, hold=between(band.rng, 0.45, 1.0),
        fixed=chance(band.rng, 0.25),
    )  # fmt: skip
    return part


def _arp(band: Band, choices: Sequence[str] = _LEADS, above: float = 0.0, gain_db: float = -4) -> None:
    rng = band.rng
    part = band.part("arpeggio", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    order, step = pick(rng, _ARPS), pick(rng, (0.25, 0.25, 0.25, 0.5, 0.125))
    broken(part, band.chords, order, step, whole(rng, 50, 70), 80, between(rng, 0.4, 1.4))


def _stabs(band: Band, choices: Sequence[str], above: float = 0.5, gain_db: float = -3) -> None:
    rng = band.rng
    part = band.part("chords", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    stabs(band, part, pick(rng, _STABS + _ROOTLESS[:2]), whole(rng, 56, 68), 84, hold=between(rng, 0.4, 1.0))


def _lead(band: Band, choices: Sequence[str] = _LEADS, above: float = 0.6, gain_db: float = 0.0) -> None:
    rng = band.rng
    part = band.part("lead", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    tones = hook(band, whole(rng, 60, 74), pick(rng, (BUSY_CELLS, SONG_CELLS, LONG_CELLS)))
    articulation: Articulation = pick(rng, _TOUCHES)
    part.line(breathing(rng, tones, 8.0), 88, hold=between(rng, 0.5, 1.0), articulation=articulation)


def _sweep(band: Band, choices: Sequence[str] = ("acid_bass", "saw_lead", "square_lead"), low: int = 40) -> None:
    """A line that comes back while its loudness, and with it its brightness, swells and falls over some bars."""
    rng = band.rng
    part = band.part("line", pick(rng, choices), gain_db=-2, room=between(rng, 0.05, 0.4))
    period, depth = pick(rng, (16.0, 32.0, 64.0)), between(rng, 0.2, 0.45)
    signs = [pick(rng, "RRRR8n57p..-4l") for _ in range(pick(rng, (8, 16, 16, 32)))]
    root = low + (band.tonic - low) % 12
    offsets = {"R": 0, "8": 12, "n": 3, "5": 7, "7": 10, "p": 1, "4": 5, "l": -2}
    for index in range(round(band.beats * 4)):
        sign, beat = signs[index % len(signs)], index / 4
        if sign in offsets:
            swell = 1 - depth * (1 + np.cos(2 * np.pi * beat / period)) / 2
            slide: Articulation = "slide" if chance(rng, 0.15) else ""
            part.add(beat, pick(rng, (0.12, 0.24, 0.26)), root + offsets[sign], 108 * swell, slide)


def _club(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    beats: Sequence[str],
    pattern: str,
    *,
    loops: Sequence[str] | None = None,
    modes: Sequence[str] = ("minor", "minor", "dorian", "major"),
    pumping: tuple[float, float] = (0.0, 0.0),
    swing: tuple[float, float] = (0.5, 0.5),
    kits: Sequence[str] = _KITS,
    each: Sequence[float] = (4.0, 4.0, 8.0),
    fills: float = 0.25,
    club: bool = True,
) -> Band:
    """A band of machines: the form of a club track (or of a loop), its drums, the depth of the side-chain."""
    shape = CLUB if club and chance(rng, 0.7) else LOOP
    band = Band(
        rng, style, seconds, tempo, modes=modes, loops=loops, each=each, shape=shape, swing=swing, loose=(0.0, 0.004),
        room=(0.02, 0.35),
    )  # fmt: skip
    band.pattern = pattern
    band.pumping = between(rng, *pumping) if chance(rng, 0.8) else 0.0
    drums(band, pick(rng, kits), pick(rng, beats), fills=fills, velocity=between(rng, 88, 112), gain_db=1)
    if club and chance(rng, 0.5):
        risers(band, -10)
    return band


def _house(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "house",
        seconds,
        (118, 130),
        drumming.ELECTRONIC_FOUR,
        "four_on_the_floor",
        pumping=(0.2, 0.8),
        swing=(0.5, 0.58),
        kits=("kit_909",),
    )
    _bass(band, _HOUSE_BASS + _OFF_BASS)
    _stabs(band, ("grand_piano", "bright_piano", "hammond", "supersaw", "pluck", "percussive_organ"))
    if chance(rng, 0.5):
        _pad(band)
    if chance(rng, 0.4):
        sing(band, pick(rng, ("voice_high", "voice_high", "voice_low")), cells=SONG_CELLS, melisma=0.3)
    elif chance(rng, 0.5):
        _lead(band)
    return band


def _deep_house(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "deep_house",
        seconds,
        (112, 125),
        drumming.ELECTRONIC_FOUR + drumming.ELECTRONIC_MINIMAL[1:],
        "four_on_the_floor",
        loops=_CHORDS_M,
        modes=("minor", "dorian"),
        pumping=(0.1, 0.6),
        swing=(0.5, 0.6),
    )
    _bass(band, _HOUSE_BASS, ("synth_bass", "finger_bass", "bass_808"))
    _stabs(band, ("rhodes", "rhodes", "pluck", "hammond", "dx_piano"), above=0.0)
    if chance(rng, 0.7):
        _pad(band, -10)
    return band


def _techno(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "techno",
        seconds,
        (124, 148),
        drumming.ELECTRONIC_FOUR[4:5] + drumming.ELECTRONIC_FOUR[:3] + drumming.ELECTRONIC_MINIMAL[:1],
        "four_on_the_floor",
        loops=("i", "i", "i bII"),
        modes=("minor", "phrygian"),
        pumping=(0.2, 0.9),
        kits=("kit_909", "kit_909", "kit_808"),
    )
    _bass(band, _ROLL + _OFF_BASS)
    _sweep(band, low=whole(rng, 40, 62))
    if chance(rng, 0.6):
        _stabs(band, ("supersaw", "metal_pad", "pluck", "synth_strings"), above=0.6)
    if chance(rng, 0.4):
        band.part("drone", "drone", gain_db=-8).add(0, band.beats, 36 + band.tonic % 12, 80)
    return band


def _minimal(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "minimal",
        seconds,
        (120, 130),
        drumming.ELECTRONIC_MINIMAL,
        "four_on_the_floor",
        loops=("i", "i bVII"),
        modes=("minor",),
        pumping=(0.0, 0.4),
        kits=("kit_808", "kit_909"),
        club=False,
    )
    _bass(band, ("R.......R..R....", "..R.....R.....8.", "R...R..n....l...", "R..R..R........."))
    _sweep(band, ("pluck", "square_lead", "marimba", "vibraphone"), low=whole(rng, 48, 72))
    return band


def _trance(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "trance",
        seconds,
        (130, 145),
        drumming.ELECTRONIC_FOUR[:3],
        "four_on_the_floor",
        modes=("minor", "minor", "major"),
        pumping=(0.3, 0.9),
        kits=("kit_909",),
        fills=0.6,
    )
    _bass(band, _OFF_BASS, ("synth_bass", "reese_bass"))
    _arp(band, ("pluck", "saw_lead", "supersaw"))
    _pad(band, -7, choices=("warm_pad", "synth_strings", "choir_pad", "sweep_pad"))
    part = band.part("supersaw", "supersaw", above=0.85, gain_db=0)
    if chance(rng, 0.5):
        stabs(band, part, pick(rng, ("x.x.x.xx.x.x.x.x", "xxxxxxxxxxxxxxxx", "x..x..x.x..x..x.")), 67, 92, hold=0.7)
    else:
        part.line(hook(band, 67, SONG_CELLS), 94, hold=0.9)
    return band


def _drum_and_bass(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "drum_and_bass",
        seconds,
        (164, 180),
        drumming.ELECTRONIC_TWO_STEP + drumming.ELECTRONIC_BREAKS,
        "breakbeat",
        modes=("minor", "dorian"),
        each=(8.0, 8.0, 16.0),
        kits=("sampled_kit",),
        pumping=(0.0, 0.4),
        fills=0.4,
    )
    _bass(
        band,
        ("R-------R--R----", "R-----R-----l---", "R---R-----R-8---", "R-----------n---"),
        ("reese_bass", "bass_808"),
    )
    _pad(band, -6)
    if chance(rng, 0.5):
        _stabs(band, ("rhodes", "pluck", "supersaw"), gain_db=-6)
    if chance(rng, 0.3):
        sing(band, "voice_high", cells=LONG_CELLS, melisma=0.2)
    elif chance(rng, 0.4):
        _arp(band)
    return band


def _dubstep(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "dubstep",
        seconds,
        (136, 146),
        drumming.ELECTRONIC_HALF,
        "half_time",
        modes=("minor", "phrygian"),
        loops=("i", "i bVI", "i bII"),
        each=(8.0,),
        kits=("kit_909", "sampled_kit", "kit_808"),
        pumping=(0.2, 0.7),
        fills=0.5,
    )
    part = _bass(band, _WOBBLE, ("reese_bass", "acid_bass"), low=26)
    for index in range(round(band.beats)):
        speed = pick(rng, (0, 2, 3, 4, 6))
        for turn in range(speed if chance(rng, 0.6) else 0):
            part.add(index + turn / speed, 0.8 / speed, chord_at(band.chords, index).bass(38), 100, "slide")
    bass_drum = band.part("sub", "bass_808", above=0.6, pan=0.0)
    figure(band, bass_drum, "R-------R-------", 26, 90)
    if chance(rng, 0.7):
        _lead(band, ("supersaw", "saw_lead", "square_lead"), gain_db=-3)
    _pad(band, -9)
    return band


def _electro(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "electro",
        seconds,
        (112, 132),
        drumming.ELECTRONIC_ELECTRO,
        "electro",
        modes=("minor", "phrygian", "dorian"),
        kits=("kit_808",),
        loops=("i", "i bVII", "i bVI bVII i"),
    )
    _bass(band, _ACID + _HOUSE_BASS, ("synth_bass", "acid_bass"))
    _stabs(band, ("synth_strings", "synth_brass", "pluck", "supersaw"))
    if chance(rng, 0.5):
        _lead(band, ("square_lead", "saw_lead", "talkbox"))
    return band


def _synthwave(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "synthwave",
        seconds,
        (78, 118),
        drumming.ELECTRONIC_BACK,
        "backbeat",
        modes=("minor", "minor", "major"),
        pumping=(0.0, 0.4),
        kits=("kit_808", "kit_909", "power_kit"),
        fills=0.7,
    )
    _bass(band, _ROLL, ("synth_bass", "saw_lead"), low=33)
    _pad(band, -6, choices=("warm_pad", "synth_strings", "sweep_pad"))
    if chance(rng, 0.7):
        _arp(band, ("pluck", "saw_lead", "square_lead"))
    _lead(band, ("saw_lead", "square_lead", "synth_brass"))
    return band


def _synth_pop(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "synth_pop_instrumental",
        seconds,
        (100, 135),
        drumming.ELECTRONIC_BACK + drumming.ELECTRONIC_FOUR[:2],
        "backbeat",
        modes=("minor", "major"),
        kits=("kit_808", "kit_909"),
        fills=0.5,
    )
    _bass(band, _ROLL + _HOUSE_BASS, ("synth_bass", "square_lead"), low=33)
    _stabs(band, ("synth_strings", "synth_brass", "pluck", "bell_pad"))
    _lead(band, (*_LEADS, "glockenspiel", "talkbox"), above=0.0)
    return band


def _downtempo(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "downtempo",
        seconds,
        (72, 102),
        drumming.ELECTRONIC_SLOW,
        "backbeat",
        loops=_CHORDS_M,
        modes=("minor", "dorian"),
        kits=("sampled_kit", "kit_808"),
        swing=(0.5, 0.62),
        club=False,
    )
    _bass(
        band, ("R-----R---8-----", "R--R------R-l---", "R-----5-8-------"), ("synth_bass", "fretless_bass", "bass_808")
    )
    _stabs(band, ("rhodes", "dx_piano", "vibraphone", "clean_guitar"), above=0.0)
    _pad(band, -7)
    if chance(rng, 0.3):
        sing(band, "voice_high", cells=LONG_CELLS, melisma=0.2, above=0.7)
    elif chance(rng, 0.6):
        _lead(band, ("sitar", "flute", "muted_trumpet", "pluck", "kalimba"), gain_db=-3)
    if chance(rng, 0.3):
        noise(band, "vinyl", -18)
    return band


def _breakbeat(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "breakbeat",
        seconds,
        (122, 142),
        drumming.ELECTRONIC_BREAKS,
        "breakbeat",
        modes=("minor", "dorian"),
        kits=("sampled_kit",),
        swing=(0.5, 0.56),
        pumping=(0.0, 0.4),
        fills=0.5,
    )
    _bass(band, _ACID + _HOUSE_BASS + _WOBBLE, ("reese_bass", "synth_bass", "acid_bass"))
    _stabs(band, ("grand_piano", "supersaw", "hammond", "pluck"))
    if chance(rng, 0.6):
        _sweep(band, low=52)
    return band


def _acid(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng,
        "acid",
        seconds,
        (118, 138),
        drumming.ELECTRONIC_FOUR[:3] + drumming.ELECTRONIC_MINIMAL[:1],
        "four_on_the_floor",
        loops=("i", "i", "i bVII"),
        modes=("minor", "phrygian"),
        kits=("kit_909", "kit_808"),
        pumping=(0.0, 0.4),
    )
    _sweep(band, ("acid_bass",), low=whole(rng, 33, 48))
    if chance(rng, 0.5):
        _bass(band, _OFF_BASS, ("synth_bass", "bass_808"))
    if chance(rng, 0.4):
        _stabs(band, ("supersaw", "synth_strings"), gain_db=-8)
    return band


def _ambient_techno(rng: np.random.Generator, seconds: float) -> Band:
    band = _club(
        rng, "ambient_techno", seconds, (100, 124), drumming.ELECTRONIC_MINIMAL, "four_on_the_floor", loops=_CHORDS_M,
        modes=("minor", "dorian", "major"), each=(8.0, 16.0), pumping=(0.2, 0.7), club=False,
    )  # fmt: skip
    _pad(band, -2)
    _pad(band, -5)
    _bass(band, ("R-------......R-", "..R...R...R...R.", "R---........l---"), ("synth_bass", "bass_808"))
    echo = band.part("echoes", pick(rng, ("pluck", "bell_pad", "supersaw")), gain_db=-5, room=0.5)
    for start in np.arange(whole(rng, 0, 3), band.beats, pick(rng, (4.0, 8.0, 6.0))):
        pitches = chord_at(band.chords, start).close(67)
        echoed(echo, float(start), pitches, 82, 0.75, whole(rng, 3, 6))
    return band


def _idm(rng: np.random.Generator, seconds: float) -> Band:
    """Broken beats: the strokes of each bar drawn anew around a core, hats that stutter, tender chords."""
    steps = ["".join(pick(rng, "x..x.o.....") for _ in range(32)) for _ in range(4)]
    beat = f"k:X{steps[0][1:]} s:....X{steps[1][5:]} h:{steps[2]} r:{steps[3]} o:..............x."
    band = _club(
        rng,
        "idm",
        seconds,
        (84, 160),
        (beat,),
        "breakbeat",
        loops=("i:m9 bVI:maj9", "I:maj9 iii:m7", "i:madd9 bIII:add9"),
        modes=("minor", "major"),
        kits=("kit_808", "sampled_kit", "kit_909"),
        club=False,
    )
    stutter = band.part("stutter", pick(rng, ("kit_808", "sampled_kit")), gain_db=-5)
    for start in range(int(band.beats)):
        count = pick(rng, (0, 0, 0, 3, 6, 8, 12))
        for turn in range(count):
            stutter.add(start + turn / count, 0.05, pick(rng, (42, 38)), 60 + 40 * turn / count)
    _pad(band, -3)
    _arp(band, ("pluck", "music_box", "square_lead", "kalimba", "bell_pad"))
    _bass(band, ("R--.R.....8...n-", "R-----..R.l.....", "R.......R---5..."), ("synth_bass", "reese_bass", "bass_808"))
    return band


def _big_room(rng: np.random.Generator, seconds: float) -> Band:
    """Festival house: huge chords, claps that build up, a bare hook in octaves."""
    band = _club(
        rng,
        "big_room",
        seconds,
        (124, 132),
        drumming.ELECTRONIC_FOUR[:2],
        "four_on_the_floor",
        modes=("minor", "major"),
        pumping=(0.5, 1.0),
        kits=("kit_909",),
        fills=0.8,
    )
    _bass(band, _OFF_BASS, ("synth_bass", "reese_bass"))
    part = band.part("chords", "supersaw", gain_db=1)
    stabs(band, part, pick(rng, ("x--x--x-x--x--x-", "x-x-..x-x-..x-x-", "x-----x---x-----")), 64, 92)
    _lead(band, ("supersaw", "saw_lead", "pluck"), above=0.8)
    build = band.part("build", "kit_909", gain_db=-3)
    for section in band.sections:
        if section.name == "build":
            for index in range(round((section.end - section.start) * 4)):
                place = index / 4 / (section.end - section.start)
                if place > 0.5 or index % 2 == 0:
                    build.add(section.start + index / 4, 0.1, 38, 60 + 50 * place)
    return band


def _chill_rise(rng: np.random.Generator, seconds: float) -> Band:
    """Melodic electronica that grows layer upon layer over a broken or a straight beat."""
    band = Band(
        rng, "melodic_electronica", seconds, (88, 126), modes=("minor", "major"), shape=RISE, loose=(0.0, 0.008)
    )
    straight = chance(rng, 0.5)
    band.pattern = "four_on_the_floor" if straight else "backbeat"
    drums(
        band, pick(rng, _KITS), pick(rng, drumming.ELECTRONIC_FOUR if straight else drumming.ELECTRONIC_SLOW), fills=0.3
    )
    band.pumping = between(rng, 0.0, 0.8)
    _arp(band, (*_LEADS, "marimba", "kalimba", "rhodes"))
    _pad(band, -6)
    _bass(band, _OFF_BASS if straight else _HOUSE_BASS, ("synth_bass", "reese_bass"))
    if chance(rng, 0.5):
        _lead(band)
    return band


_STYLES: tuple[Callable[[np.random.Generator, float], Band], ...] = (
    _house, _deep_house, _techno, _minimal, _trance, _drum_and_bass, _dubstep, _electro, _synthwave, _synth_pop,
    _downtempo, _breakbeat, _acid, _ambient_techno, _idm, _big_room, _chill_rise,
)  # fmt: skip
_FIRST = ("Neon", "Vector", "Carbon", "Phase", "Solar", "Binary", "Night", "Velvet", "Orbital", "Static", "Liquid")
_SECOND = ("Circuit", "Transit", "Signal", "Bloom", "Parallel", "Engine", "Horizon", "Pulse", "Lattice", "Drift")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new electronic piece of about so many seconds, in a style drawn at random."""
    return pick(rng, _STYLES)(rng, seconds).finished("electronic", _FIRST, _SECOND)
