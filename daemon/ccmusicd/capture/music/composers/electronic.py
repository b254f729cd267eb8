"""Composes electronic music: house, techno, trance, drum'n'bass, dubstep, electro, synthwave, downtempo and kin."""

from collections.abc import Callable

import numpy as np

from ccmusicd.capture.music.composers import beats as drumming
from ccmusicd.capture.music.composers import club
from ccmusicd.capture.music.composers.grooves import (
    RISE,
    Band,
    drums,
    echoed,
    figure,
    noise,
    stabs,
)
from ccmusicd.capture.music.composers.tunes import LONG_CELLS, SONG_CELLS, hook, sing
from ccmusicd.capture.music.composers.writing import between, chance, chord_at, pick, whole
from ccmusicd.capture.music.score import Score

_OFF_BASS = ("..R...R...R...R.", "..RR..RR..RR..R8", ".RRR.RRR.RRR.RR8", "..R-..8-..R-..7-")
_HOUSE_BASS = ("R..R..R...R.7...", "R--.R..8..R.l.R.", "..R..R8...R..5R.", "R..R..8.R..R..75", "..R-..R.l-R...R.")
_ACID = ("RRR8R.R7R8RRnR.R", "R.RRR8.RR.R7RR8R", "RR.R8R.RRpR.R8Rn", "R8R.R5R.R7R.R8RR")
_ROLL = ("R-RRR-RRR-RRR-RR", "RRRRRRRRRRRRRRRR", "R.8.R.8.R.8.R.8.", "R.R.R.R.R.R.R.R8")
_WOBBLE = ("R---R-R-R---8-R-", "R-------R-R-R-R-", "R--R--R-R-R-R-n-", "R-----R-R---p-R-")
_CHORDS_M = (
    "i:m9 iv:m9", "i:m7 bVI:maj7", "i:m9 bVII:9sus4", "i:m7 iv:m7 bVII:7 bIII:maj7", "i:m9", "i:m11 bIII:maj9",
)  # fmt: skip


def _house(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _HOUSE_BASS + _OFF_BASS)
    club.chords(band, ("grand_piano", "bright_piano", "hammond", "supersaw", "pluck", "percussive_organ"))
    if chance(rng, 0.5):
        club.pad(band)
    if chance(rng, 0.4):
        sing(band, pick(rng, ("voice_high", "voice_high", "voice_low")), cells=SONG_CELLS, melisma=0.3)
    elif chance(rng, 0.5):
        club.lead(band)
    return band


def _deep_house(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _HOUSE_BASS, ("synth_bass", "finger_bass", "bass_808"))
    club.chords(band, ("rhodes", "rhodes", "pluck", "hammond", "dx_piano"), above=0.0)
    if chance(rng, 0.7):
        club.pad(band, -10)
    return band


def _techno(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _ROLL + _OFF_BASS)
    club.sweep(band, low=whole(rng, 40, 62))
    if chance(rng, 0.6):
        club.chords(band, ("supersaw", "metal_pad", "pluck", "synth_strings"), above=0.6)
    if chance(rng, 0.4):
        band.part("drone", "drone", gain_db=-8).add(0, band.beats, 36 + band.tonic % 12, 80)
    return band


def _minimal(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, ("R.......R..R....", "..R.....R.....8.", "R...R..n....l...", "R..R..R........."))
    club.sweep(band, ("pluck", "square_lead", "marimba", "vibraphone"), low=whole(rng, 48, 72))
    return band


def _trance(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _OFF_BASS, ("synth_bass", "reese_bass"))
    club.arpeggio(band, ("pluck", "saw_lead", "supersaw"))
    club.pad(band, -7, choices=("warm_pad", "synth_strings", "choir_pad", "sweep_pad"))
    part = band.part("supersaw", "supersaw", above=0.85, gain_db=0)
    if chance(rng, 0.5):
        stabs(band, part, pick(rng, ("x.x.x.xx.x.x.x.x", "xxxxxxxxxxxxxxxx", "x..x..x.x..x..x.")), 67, 92, hold=0.7)
    else:
        part.line(hook(band, 67, SONG_CELLS), 94, hold=0.9)
    return band


def _drum_and_bass(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(
        band,
        ("R-------R--R----", "R-----R-----l---", "R---R-----R-8---", "R-----------n---"),
        ("reese_bass", "bass_808"),
    )
    club.pad(band, -6)
    if chance(rng, 0.5):
        club.chords(band, ("rhodes", "pluck", "supersaw"), gain_db=-6)
    if chance(rng, 0.3):
        sing(band, "voice_high", cells=LONG_CELLS, melisma=0.2)
    elif chance(rng, 0.4):
        club.arpeggio(band)
    return band


def _dubstep(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    part = club.bassline(band, _WOBBLE, ("reese_bass", "acid_bass"), low=26)
    for index in range(round(band.beats)):
        speed = pick(rng, (0, 2, 3, 4, 6))
        for turn in range(speed if chance(rng, 0.6) else 0):
            part.add(index + turn / speed, 0.8 / speed, chord_at(band.chords, index).bass(38), 100, "slide")
    bass_drum = band.part("sub", "bass_808", above=0.6, pan=0.0)
    figure(band, bass_drum, "R-------R-------", 26, 90)
    if chance(rng, 0.7):
        club.lead(band, ("supersaw", "saw_lead", "square_lead"), gain_db=-3)
    club.pad(band, -9)
    return band


def _electro(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _ACID + _HOUSE_BASS, ("synth_bass", "acid_bass"))
    club.chords(band, ("synth_strings", "synth_brass", "pluck", "supersaw"))
    if chance(rng, 0.5):
        club.lead(band, ("square_lead", "saw_lead", "talkbox"))
    return band


def _synthwave(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _ROLL, ("synth_bass", "saw_lead"), low=33)
    club.pad(band, -6, choices=("warm_pad", "synth_strings", "sweep_pad"))
    if chance(rng, 0.7):
        club.arpeggio(band, ("pluck", "saw_lead", "square_lead"))
    club.lead(band, ("saw_lead", "square_lead", "synth_brass"))
    return band


def _synth_pop(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _ROLL + _HOUSE_BASS, ("synth_bass", "square_lead"), low=33)
    club.chords(band, ("synth_strings", "synth_brass", "pluck", "bell_pad"))
    club.lead(band, (*club.LEADS, "glockenspiel", "talkbox"), above=0.0)
    return band


def _downtempo(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(
        band, ("R-----R---8-----", "R--R------R-l---", "R-----5-8-------"), ("synth_bass", "fretless_bass", "bass_808")
    )
    club.chords(band, ("rhodes", "dx_piano", "vibraphone", "clean_guitar"), above=0.0)
    club.pad(band, -7)
    if chance(rng, 0.3):
        sing(band, "voice_high", cells=LONG_CELLS, melisma=0.2, above=0.7)
    elif chance(rng, 0.6):
        club.lead(band, ("sitar", "flute", "muted_trumpet", "pluck", "kalimba"), gain_db=-3)
    if chance(rng, 0.3):
        noise(band, "vinyl", -18)
    return band


def _breakbeat(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.bassline(band, _ACID + _HOUSE_BASS + _WOBBLE, ("reese_bass", "synth_bass", "acid_bass"))
    club.chords(band, ("grand_piano", "supersaw", "hammond", "pluck"))
    if chance(rng, 0.6):
        club.sweep(band, low=52)
    return band


def _acid(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
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
    club.sweep(band, ("acid_bass",), low=whole(rng, 33, 48))
    if chance(rng, 0.5):
        club.bassline(band, _OFF_BASS, ("synth_bass", "bass_808"))
    if chance(rng, 0.4):
        club.chords(band, ("supersaw", "synth_strings"), gain_db=-8)
    return band


def _ambient_techno(rng: np.random.Generator, seconds: float) -> Band:
    band = club.track(
        rng, "ambient_techno", seconds, (100, 124), drumming.ELECTRONIC_MINIMAL, "four_on_the_floor", loops=_CHORDS_M,
        modes=("minor", "dorian", "major"), each=(8.0, 16.0), pumping=(0.2, 0.7), club=False,
    )  # fmt: skip
    club.pad(band, -2)
    club.pad(band, -5)
    club.bassline(band, ("R-------......R-", "..R...R...R...R.", "R---........l---"), ("synth_bass", "bass_808"))
    echo = band.part("echoes", pick(rng, ("pluck", "bell_pad", "supersaw")), gain_db=-5, room=0.5)
    for start in np.arange(whole(rng, 0, 3), band.beats, pick(rng, (4.0, 8.0, 6.0))):
        pitches = chord_at(band.chords, start).close(67)
        echoed(echo, float(start), pitches, 82, 0.75, whole(rng, 3, 6))
    return band


def _idm(rng: np.random.Generator, seconds: float) -> Band:
    """Broken beats: the strokes of each bar drawn anew around a core, hats that stutter, tender chords."""
    steps = ["".join(pick(rng, "x..x.o.....") for _ in range(32)) for _ in range(4)]
    beat = f"k:X{steps[0][1:]} s:....X{steps[1][5:]} h:{steps[2]} r:{steps[3]} o:..............x."
    band = club.track(
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
    club.pad(band, -3)
    club.arpeggio(band, ("pluck", "music_box", "square_lead", "kalimba", "bell_pad"))
    club.bassline(
        band, ("R--.R.....8...n-", "R-----..R.l.....", "R.......R---5..."), ("synth_bass", "reese_bass", "bass_808")
    )
    return band


def _big_room(rng: np.random.Generator, seconds: float) -> Band:
    """Festival house: huge chords, claps that build up, a bare hook in octaves."""
    band = club.track(
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
    club.bassline(band, _OFF_BASS, ("synth_bass", "reese_bass"))
    part = band.part("chords", "supersaw", gain_db=1)
    stabs(band, part, pick(rng, ("x--x--x-x--x--x-", "x-x-..x-x-..x-x-", "x-----x---x-----")), 64, 92)
    club.lead(band, ("supersaw", "saw_lead", "pluck"), above=0.8)
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
        band,
        pick(rng, club.KITS),
        pick(rng, drumming.ELECTRONIC_FOUR if straight else drumming.ELECTRONIC_SLOW),
        fills=0.3,
    )
    band.pumping = between(rng, 0.0, 0.8)
    club.arpeggio(band, (*club.LEADS, "marimba", "kalimba", "rhodes"))
    club.pad(band, -6)
    club.bassline(band, _OFF_BASS if straight else _HOUSE_BASS, ("synth_bass", "reese_bass"))
    if chance(rng, 0.5):
        club.lead(band)
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
