"""How a band of popular music begins a piece: the form and the chords, then the drummer; the others play upon them.

A composer binds the habits of its genre to `begin` (`functools.partial`), and its styles say where they differ.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ccmusicd.capture.music.composers.grooves import SONG, Band, Shape, drums
from ccmusicd.capture.music.composers.piece import hold
from ccmusicd.capture.music.composers.writing import between, chance, pick


def begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    beats: Sequence[str],
    pattern: str,
    *,
    modes: Sequence[str] = ("major", "minor"),
    loops: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    each: Sequence[float] = (4.0, 4.0, 2.0),
    shape: Shape = SONG,
    swing: tuple[float, float] = (0.5, 0.5),
    loose: tuple[float, float] = (0.002, 0.014),
    room: tuple[float, float] = (0.05, 0.35),
    pumping: tuple[float, float] = (0.0, 0.0),
    pumped: float = 0.0,
    kits: Sequence[str] = ("drum_kit",),
    step: float = 0.25,
    velocity: float | tuple[float, float] = (84, 108),
    lag: float | tuple[float, float] = 0.0,
    above: Sequence[float] = (0.5,),
    tops_above: float = 0.4,
    fills: float = 0.6,
    crashes: float = 0.6,
    spare: float = 0.02,
    gain_db: float = 0.0,
) -> Band:
    """A band whose drums already play one of the `beats`, of a pattern's name; what is drawn from is plural.

    `loops` may be given for each mode. `velocity` and `lag` (beats) of the drums are fixed, or ranges. The side-chain
    of depth `pumping` is there in the share `pumped` of the pieces. The rest is as in `Band` and `drums`.
    """
    mode = pick(rng, modes)
    band = Band(
        rng,
        style,
        seconds,
        tempo,
        modes=(mode,),
        loops=loops[mode] if isinstance(loops, Mapping) else loops,
        each=each,
        shape=shape,
        swing=swing,
        loose=loose,
        room=room,
    )
    band.pattern = pattern
    if pumped and chance(rng, pumped):
        band.pumping = between(rng, *pumping)
    drums(
        band,
        pick(rng, kits),
        pick(rng, beats),
        step=step,
        velocity=_drawn(rng, velocity),
        lag=_drawn(rng, lag),
        above=pick(rng, above),
        tops_above=tops_above,
        fills=fills,
        crashes=crashes,
        spare=spare,
        gain_db=gain_db,
    )
    return band


def held(
    band: Band,
    name: str,
    choices: Sequence[str],
    centre: float,
    velocity: float,
    *,
    gain_db: float = 0.0,
    room: float | None = None,
    above: float = 0.0,
) -> None:
    """A new part, for one of the instruments, holds the chords around a pitch."""
    part = band.part(name, pick(band.rng, choices), gain_db=gain_db, room=room, above=above)
    hold(part, band.chords, centre, velocity)


def _drawn(rng: np.random.Generator, value: float | tuple[float, float]) -> float:
    """The value itself, or one of its range."""
    return between(rng, *value) if isinstance(value, tuple) else value
