"""Layers of electronic music: machines' drums, pads, bass lines, arpeggios, chords, tunes, sweeping lines."""

from collections.abc import Sequence

import numpy as np

from ccmusicd.capture.music.composers.bands import begin
from ccmusicd.capture.music.composers.grooves import (
    CLUB,
    LOOP,
    Band,
    GatedPart,
    figure,
    risers,
    stabs,
)
from ccmusicd.capture.music.composers.piece import broken, hold
from ccmusicd.capture.music.composers.tunes import BUSY_CELLS, LONG_CELLS, SONG_CELLS, breathing, hook
from ccmusicd.capture.music.composers.writing import between, chance, pick, whole
from ccmusicd.capture.music.score import Articulation

_ARPS = (
    (0, 1, 2, 3),
    (0, 2, 1, 3, 2, 4),
    (0, 1, 2, 3, 4, 3, 2, 1),
    (3, 2, 1, 0),
    (0, 3, 1, 4, 2, 5),
    (0, 2, 4),
    (0, 1, 2),
)
_STABS = (
    "x..x..x...x.x...",
    "..x..x....x..x..",
    "x.....x...x.....",
    "...x..x....x..x.",
    "x-..x-..x.x-....",
    "x..x..x.x..x..x.",
    "..x...x...x...x.",
    "..xx..xx..xx..xx",
)
_TOUCHES: tuple[Articulation, ...] = ("", "", "legato", "slide")
KITS = ("kit_909", "kit_909", "kit_808", "sampled_kit")
LEADS = ("saw_lead", "square_lead", "supersaw", "pluck")
_PADS = ("warm_pad", "sweep_pad", "synth_strings", "new_age_pad", "halo_pad", "bowed_pad", "choir_pad", "metal_pad")
_BASSES = ("synth_bass", "synth_bass", "acid_bass", "reese_bass", "bass_808")


def pad(band: Band, gain_db: float = -8, above: float = 0.0, choices: Sequence[str] = _PADS) -> None:
    """Chords held."""
    part = band.part("pad", pick(band.rng, choices), gain_db=gain_db, above=above, room=between(band.rng, 0.2, 0.6))
    hold(part, band.chords, whole(band.rng, 55, 68), 72, between(band.rng, 0.8, 1.0))


def bassline(band: Band, patterns: Sequence[str], choices: Sequence[str] = _BASSES, low: int = 0) -> GatedPart:
    """A bass, of one of the patterns; a quarter of them keep to the tonic."""
    part = band.part("bass", pick(band.rng, choices), above=pick(band.rng, (0.5, 0.6)), pan=0.0, room=0.02)
    figure(
        band, part, pick(band.rng, patterns), low or whole(band.rng, 28, 36), 96, hold=between(band.rng, 0.45, 1.0),
        fixed=chance(band.rng, 0.25),
    )  # fmt: skip
    return part


def arpeggio(band: Band, choices: Sequence[str] = LEADS, above: float = 0.0, gain_db: float = -4) -> None:
    """Broken chords, fast."""
    rng = band.rng
    part = band.part("arpeggio", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    order, step = pick(rng, _ARPS), pick(rng, (0.25, 0.25, 0.25, 0.5, 0.125))
    broken(part, band.chords, order, step, whole(rng, 50, 70), 80, between(rng, 0.4, 1.4))


def chords(band: Band, choices: Sequence[str], above: float = 0.5, gain_db: float = -3) -> None:
    """Chords in rhythm."""
    rng = band.rng
    part = band.part("chords", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    stabs(band, part, pick(rng, _STABS), whole(rng, 56, 68), 84, hold=between(rng, 0.4, 1.0))


def lead(band: Band, choices: Sequence[str] = LEADS, above: float = 0.6, gain_db: float = 0.0) -> None:
    """A tune with breaths, of short notes or long."""
    rng = band.rng
    part = band.part("lead", pick(rng, choices), above=above, gain_db=gain_db, room=between(rng, 0.1, 0.5))
    tones = hook(band, whole(rng, 60, 74), pick(rng, (BUSY_CELLS, SONG_CELLS, LONG_CELLS)))
    articulation: Articulation = pick(rng, _TOUCHES)
    part.line(breathing(rng, tones, 8.0), 88, hold=between(rng, 0.5, 1.0), articulation=articulation)


def sweep(band: Band, choices: Sequence[str] = ("acid_bass", "saw_lead", "square_lead"), low: int = 40) -> None:
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


def track(
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
    kits: Sequence[str] = KITS,
    each: Sequence[float] = (4.0, 4.0, 8.0),
    fills: float = 0.25,
    club: bool = True,
) -> Band:
    """A band of machines: the form of a club track (or of a loop), its drums, the depth of the side-chain."""
    band = begin(
        rng,
        style,
        seconds,
        tempo,
        beats,
        pattern,
        modes=modes,
        loops=loops,
        each=each,
        shape=CLUB if club and chance(rng, 0.7) else LOOP,
        swing=swing,
        loose=(0.0, 0.004),
        room=(0.02, 0.35),
        pumping=pumping,
        pumped=0.8,
        kits=kits,
        velocity=(88, 112),
        fills=fills,
        gain_db=1,
    )
    if club and chance(rng, 0.5):
        risers(band, -10)
    return band
