"""Composes music of the world's traditions: ragas, maqam, Balkan, African, Andean, Asian and Latin American styles."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.latin import (
    andean,
    bossa_guitar,
    calypso,
    flamenco,
    latin_american,
    mariachi,
    tango,
)
from ccmusicd.capture.music.composers.piece import Piece, broken, groove, roots
from ccmusicd.capture.music.composers.traditions import FLOWING, LONG, VOWELS, begin, ornamented, tune_of
from ccmusicd.capture.music.composers.writing import (
    between,
    chance,
    chord_at,
    made_up_title,
    pick,
    whole,
)
from ccmusicd.capture.music.score import Score

_RAGAS = ("major", "dorian", "mixolydian", "lydian", "phrygian", "double_harmonic", "hijaz", "pentatonic", "minor")
_MAQAMS = ("hijaz", "double_harmonic", "phrygian", "minor", "harmonic_minor", "hungarian_minor")


def _tanpura(piece: Piece) -> None:
    """Fifth, tonic, tonic, low tonic, plucked slowly over and over and ringing on."""
    part = piece.part("tanpura", "tanpura", gain_db=-6)
    low = theory.nearest([piece.tonic], 38)
    step = pick(piece.rng, (0.75, 1.0, 1.25)) * max(1.0, piece.tempo / 90)
    for index, beat in enumerate(np.arange(0.0, piece.beats, step)):
        part.add(float(beat), step * 3, (low + 7, low + 12, low + 12, low)[index % 4], 58)


def _alap(rng: np.random.Generator, seconds: float) -> Piece:
    """A raga's opening: free, without a beat, unfolding upwards over the drone."""
    piece = begin(rng, "raga_alap", seconds, (48, 84), _RAGAS, room=(0.15, 0.5), rubato=0.4)
    _tanpura(piece)
    lead = pick(rng, ("sitar", "sitar", "flute", "voice_low", "violin", "shanai"))
    low = {"voice_low": 45, "sitar": 50}.get(lead, 60)
    ornamented(
        piece, piece.part("lead", lead, gain_db=1), tune_of(piece, LONG, low, low + 16, 0.1, "ABCDEFGH"), 80, 0.7
    )
    return piece


_TALAS: Mapping[float, tuple[str, Mapping[int, str]]] = {
    7.0: ("rupak", {62: "..oxoo..ox.xox", 63: "x.....x..xx..x", 64: "......X...X..."}),
    10.0: ("jhaptal", {62: "x.o.xox.o.x.xo.x.xox", 63: "..x.....x....x...x..", 64: "X...X.........X....."}),
    16.0: ("tintal", {62: "x.ooxo.xx.ooxo.xx.o.xo.xx.ooxo.x", 63: "..x...x...x...x.......x...x...x.",
                      64: "X.......X...............X......."}),
}  # fmt: skip


def _gat(rng: np.random.Generator, seconds: float) -> Piece:
    """A raga in tala: sitar, flute or violin with tabla over the drone; the cycle has 7, 10 or 16 beats."""
    metre = pick(rng, (7.0, 10.0, 16.0))
    piece = begin(rng, "raga_gat", seconds, (120, 220), _RAGAS, metre=metre)
    _tanpura(piece)
    name, strokes = _TALAS[metre]
    piece.pattern = name
    groove(piece.part("tabla", "tabla", pan=0.2), piece.beats, strokes, 82, step=0.5, rng=rng, spare=0.15)
    lead = pick(rng, ("sitar", "sitar", "flute", "violin", "shanai", "voice_high"))
    low = 52 if lead == "sitar" else 60
    ornamented(piece, piece.part("lead", lead, pan=-0.2, gain_db=1), tune_of(piece, FLOWING, low, low + 21), 84, 0.35)
    return piece


_RHYTHMS: Mapping[float, Sequence[tuple[str, Mapping[int, str]]]] = {
    4.0: (
        ("maqsum", {64: "X...X...", 63: ".x.x..x.", 62: "..o..o.o"}),
        ("baladi", {64: "XX..X...", 63: "...x..x.", 62: "..o..o.o"}),
        ("saidi", {64: "X..XX...", 63: ".x....x.", 62: "..o..o.o"}),
    ),
    3.5: (("laz", {64: "X..X.X.", 63: "..x.x.x", 62: ".o....."}),),
    4.5: (("karsilama", {64: "X.X.X....", 63: "......X.x", 62: ".o.o.o.o."}),),
    5.0: (("samai", {64: "X....XX...", 63: "...x....x.", 62: ".oo.o....o"}),),
}  # fmt: skip


def _middle_east(rng: np.random.Generator, seconds: float) -> Piece:
    """Oud, kanun, ney or violins in unison with darbuka and riq, or an oud alone in a free taqsim."""
    if chance(rng, 0.25):
        piece = begin(rng, "oud_taqsim", seconds, (60, 100), _MAQAMS, rubato=0.4, room=(0.15, 0.5))
        tones = tune_of(piece, (*FLOWING, (2, -1, 1), (0.25,) * 8), 45, 70, 0.12, "ABCDEFGH")
        ornamented(piece, piece.part("oud", "oud", pan=0.0), tones, 82, 0.5)
        return piece
    metre = pick(rng, (4.0, 4.0, 3.5, 4.5, 5.0))
    piece = begin(rng, "middle_east", seconds, (92, 168), _MAQAMS, metre=metre)
    piece.pattern, strokes = pick(rng, _RHYTHMS[metre])
    groove(piece.part("darbuka", "percussion"), piece.beats, strokes, 84, step=0.5, rng=rng)
    if chance(rng, 0.5):
        groove(
            piece.part("riq", "percussion", gain_db=-6),
            piece.beats,
            {54: "xo" * int(metre * 2)},
            60,
            step=0.25,
            rng=rng,
        )
    tune = tune_of(piece, FLOWING, 55, 76)
    for name in map(
        str, rng.permutation(("oud", "violin", "dulcimer", "flute", "clarinet", "string_section"))[: whole(rng, 1, 3)]
    ):
        ornamented(piece, piece.part(name, name), tune, 82, 0.3)
    if chance(rng, 0.4):
        drone = piece.part("drone", pick(rng, ("string_section", "accordion")), gain_db=-6)
        roots(drone, piece.chords, 50, 58, 1.0)
    return piece


def _balkan(rng: np.random.Generator, seconds: float) -> Piece:
    """Brass band or clarinet and accordion in 7/8, 9/8, 11/8 or a quick two; tuba and off-beat chords."""
    metre, strong = pick(
        rng, ((3.5, "x..x.x."), (3.5, "x.x.x.."), (4.5, "x.x.x.x.."), (5.5, "x.x.x..x.x."), (4.0, "x.x.x.x."))
    )
    lines = ("i i iv i", "i bVII i V", "I bII I bvii:m", "i iv V i")
    piece = begin(
        rng, "balkan", seconds, (132, 230), ("hijaz", "harmonic_minor", "hungarian_minor", "dorian"), lines, metre=metre
    )
    tuba, chords = (
        piece.part("bass", "tuba", gain_db=1),
        piece.part("chords", pick(rng, ("french_horn", "trombone", "accordion")), gain_db=-4),
    )
    for bar in range(piece.bars):
        chord = chord_at(piece.chords, bar * metre)
        for index, symbol in enumerate(strong):
            beat = bar * metre + index / 2
            if symbol == "x":
                tuba.add(beat, 0.4, theory.nearest([chord.root + (7 if index > 3 else 0)], 38), 92)
            elif index and strong[index - 1] == "x":
                chords.chord(beat, 0.3, chord.close(62), 76)
    tune = tune_of(piece, ((0.5,) * 4, (0.25,) * 4, (1, 0.5), (0.5, 0.25, 0.25)), 62, 82, 0.12)
    for name in pick(
        rng, (("trumpet", "trumpet"), ("clarinet",), ("trumpet", "alto_sax"), ("accordion", "clarinet"), ("violin",))
    ):
        ornamented(piece, piece.part(name, name), tune, 90, 0.35)
    strokes = {36: strong, 38: "".join("." if s == "x" else "x" for s in strong)}
    groove(piece.part("drum", "drum_kit", pan=0.0, gain_db=-3), piece.beats, strokes, 80, step=0.5, rng=rng)
    piece.pattern = f"balkan_{round(metre * 2)}_8"
    return piece


def _interlocked(
    piece: Piece, instrument: str, low: int, players: int, velocity: float, lengths: Sequence[int]
) -> None:
    """Short ostinatos of different lengths (in steps of an eighth triplet or eighth) that shift against each other."""
    rng = piece.rng
    step = pick(rng, (0.5, 1 / 3))
    for player in range(players):
        part = piece.part(f"{instrument} {player + 1}", instrument, pan=between(rng, -0.7, 0.7))
        length = pick(rng, lengths)
        figure = [
            theory.stepped(piece.scale, low + 7 * player, whole(rng, 0, 6)) if chance(rng, 0.7) else 0
            for _ in range(length)
        ]
        figure[0] = theory.nearest([piece.tonic], low + 7 * player)
        for index in range(int(piece.beats / step)):
            if figure[index % length] and chance(rng, 0.96):
                part.add(index * step, step * 1.6, figure[index % length], velocity)


_BELL = {56: "x.x.xx.x.x.x", 64: "X..x..X..x.x", 63: "..xx..x.xx..", 62: "x..o.xx..o.x", 70: "xoxxoxxoxxox"}


def _west_africa(rng: np.random.Generator, seconds: float) -> Piece:
    """Kora, balafon or kalimba ostinatos against each other; djembes in twelve over four; voices call and answer."""
    lead = pick(rng, ("harp", "nylon_guitar", "marimba", "kalimba", "xylophone"))
    piece = begin(
        rng,
        "west_african",
        seconds,
        (84, 144),
        ("major", "mixolydian", "pentatonic", "lydian"),
        ("I IV I V", "I bVII", "I:5"),
    )
    _interlocked(piece, lead, whole(rng, 55, 64), whole(rng, 1, 3), 76, (6, 8, 12, 16))
    if lead in {"harp", "nylon_guitar"} or chance(rng, 0.3):
        runs = tune_of(piece, ((0.25,) * 4, (-1, 1), (0.25,) * 8, (0.5, 0.5, -1)), 62, 86, 0.1)
        piece.part("runs", lead).line(runs, 84)
    if chance(rng, 0.75):
        strokes = {key: _BELL[key] for key in _BELL if chance(rng, 0.7)} or _BELL
        groove(piece.part("djembes", "percussion"), piece.beats, strokes, 84, step=1 / 3, rng=rng, spare=0.1)
        piece.pattern = "twelve_eight_bell"
    if chance(rng, 0.4):
        _call_and_answer(piece)
    return piece


def _call_and_answer(piece: Piece) -> None:
    """One voice, then several in thirds, two bars each."""
    tune = tune_of(piece, ((1, 0.5, 0.5), (0.5, 0.5, 1), (-1, 1)), 55, 72)
    lead, crowd = piece.part("caller", "voice_high", gain_db=2), piece.part("answer", "choir")
    for tone in tune:
        if int(tone.start // (2 * piece.metre)) % 2:
            crowd.chord(tone.start, tone.length * 0.9, (tone.pitch, theory.stepped(piece.scale, tone.pitch, -2)), 84)
        else:
            lead.add(tone.start, tone.length * 0.9, tone.pitch, 92, "", pick(piece.rng, VOWELS))


def _drumming(rng: np.random.Generator, seconds: float) -> Piece:
    """Drums alone: a djembe ensemble, a batucada or taiko."""
    if chance(rng, 0.4):
        piece = begin(rng, "taiko", seconds, (84, 168), ("in",), room=(0.25, 0.6), pattern="taiko")
        for index, pattern in enumerate(("X..x..x.", "x.xxx.xx", "X.......", "xxoxxoxx")[: whole(rng, 2, 4)]):
            keys = {(41, 45, 43, 50)[index]: pattern}
            groove(piece.part(f"taiko {index + 1}", "taiko"), piece.beats, keys, 92, step=0.5, rng=rng, spare=0.1)
        if chance(rng, 0.6):
            ornamented(piece, piece.part("flute", "shakuhachi"), tune_of(piece, LONG, 62, 82), 80, 0.6)
        return piece
    piece = begin(rng, "djembe_ensemble", seconds, (96, 168), ("pentatonic",), pattern="twelve_eight_bell")
    for key, pattern in _BELL.items():
        groove(
            piece.part(f"drum {key}", "percussion"), piece.beats, {key: pattern}, 86, step=1 / 3, rng=rng, spare=0.12
        )
    if chance(rng, 0.5):
        _call_and_answer(piece)
    return piece


def _gamelan(rng: np.random.Generator, seconds: float) -> Piece:
    """Layers of bronze: a slow core, doublings twice and four times as fast, gongs at the cycle's end."""
    piece = begin(rng, "gamelan", seconds, (60, 132), ("pelog", "pentatonic", "in"), room=(0.25, 0.6))
    piece.tuning += between(rng, -40, 40)
    core = tune_of(piece, ((1, 1, 1, 1),), 57, 70, 0.3, "ABAC")
    for name, instrument, splits, shift in (
        ("core", "vibraphone", 1, 0), ("doubling", "marimba", 2, 0),
        ("garlands", "glockenspiel", 4, 12), ("bells", "celesta", 4, 12)
    ):  # fmt: skip
        if splits > 1 and chance(rng, 0.25):
            continue
        part = piece.part(name, instrument, pan=between(rng, -0.8, 0.8))
        for tone in core:
            for index in range(splits):
                step = (0, 1, 0, -1)[index] if splits == 4 else 0
                pitch = theory.stepped(piece.scale, tone.pitch + shift, step)
                part.add(tone.start + index * tone.length / splits, tone.length * 1.5 / splits, pitch, 78)
    gong = piece.part("gong", "tubular_bells", room=0.6)
    for bar in range(0, piece.bars, 2):
        gong.add(bar * piece.metre, 8, theory.nearest([piece.tonic], 56), 84)
    if chance(rng, 0.7):
        groove(
            piece.part("kendang", "percussion", gain_db=-3),
            piece.beats,
            {64: "X...x..x", 62: "..x.o.x."},
            70,
            step=0.5,
            rng=rng,
        )
        piece.pattern = "kendang"
    return piece


def _japan(rng: np.random.Generator, seconds: float) -> Piece:
    """Koto, shamisen and shakuhachi with much silence between, or a quicker dance."""
    piece = begin(rng, "japanese", seconds, (52, 112), ("in", "hirajoshi", "pentatonic"), room=(0.15, 0.5), rubato=0.25)
    koto = piece.part("koto", pick(rng, ("koto", "koto", "shamisen")))
    koto.line(tune_of(piece, (*FLOWING, (1, -1), (-2, 0.5, 0.5, 1), (2, -2)), 50, 79, 0.3), 80, hold=1.5)
    if chance(rng, 0.4):
        for bar in range(0, piece.bars, 4):
            for index in range(8):
                koto.add(bar * piece.metre + index / 8, 2, theory.stepped(piece.scale, 80, -index), 64)
    if chance(rng, 0.65):
        ornamented(piece, piece.part("shakuhachi", "shakuhachi", room=0.5), tune_of(piece, LONG, 62, 82, 0.2), 80, 0.8)
    return piece


def _china(rng: np.random.Generator, seconds: float) -> Piece:
    """Bamboo flute or fiddle in pentatonic runs and trills, plucked zither, a wood block."""
    piece = begin(
        rng, "chinese", seconds, (66, 140), ("pentatonic",), ("I I V I", "I vi I V", "I:5"), room=(0.15, 0.45)
    )
    tune = tune_of(piece, FLOWING + LONG[:2], 64, 86, 0.25)
    for name in pick(
        rng, (("flute",), ("violin",), ("flute", "violin"), ("koto",), ("shanai",), ("dulcimer", "flute"))
    ):
        ornamented(piece, piece.part(name, name), tune, 84, 0.6)
    broken(
        piece.part("zither", pick(rng, ("koto", "dulcimer", "harp")), gain_db=-3),
        piece.chords,
        (0, 1, 2, 3, 4, 3),
        0.5,
        48,
        64,
        3,
    )
    if chance(rng, 0.4):
        groove(
            piece.part("block", "percussion", gain_db=-5),
            piece.beats,
            {76: "x...x...", 77: "..x...xx"},
            66,
            step=0.5,
            rng=rng,
        )
        piece.pattern = "wood_block"
    return piece


def _didgeridoo(rng: np.random.Generator, seconds: float) -> Piece:
    """A pulsing drone in one pitch with calls, clapsticks on the beat, perhaps a voice descending."""
    piece = begin(rng, "didgeridoo", seconds, (84, 152), ("minor_pentatonic", "dorian"), pattern="clapsticks")
    part = piece.part("didgeridoo", "didgeridoo", pan=0.0, gain_db=2)
    low = 32 + piece.tonic % 8
    rhythm = pick(rng, ("x.xx", "xxx.", "x..x", "x.x.xxx."))
    for index in range(int(piece.beats * 2)):
        if rhythm[index % len(rhythm)] == "x":
            part.add(index / 2, pick(rng, (0.5, 1.0)), low + (12 if chance(rng, 0.04) else 0), 88)
    groove(
        piece.part("clapsticks", "percussion"), piece.beats, {75: pick(rng, ("x", "x.", "xx.x"))}, 82, step=1.0, rng=rng
    )
    if chance(rng, 0.4):
        ornamented(
            piece,
            piece.part("voice", "voice_low"),
            tune_of(piece, ((1, 1, 2), (0.5,) * 4, (-2, 2)), 48, 64, 0.1),
            86,
            0.3,
        )
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_alap, 1.3), (_gat, 1.8), (_middle_east, 2.2), (_balkan, 1.5), (_west_africa, 2), (_drumming, 1.3), (andean, 1.2),
    (_gamelan, 1.2), (_japan, 1.3), (_china, 1.3), (_didgeridoo, 0.8), (flamenco, 1.4), (mariachi, 1.1),
    (latin_american, 2.6), (bossa_guitar, 1), (tango, 1.2), (calypso, 0.7),
)  # fmt: skip

_FIRST = ("Song", "Dance", "Caravan", "Feast", "Moon", "River", "Market", "Journey")
_SECOND = (
    "of the Salt Road",
    "from the Delta",
    "of Seven Wells",
    "at the Harbour",
    "of the High Plain",
    "at First Rain",
)


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new piece of one of the world's traditions, of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("world", made_up_title(rng, _FIRST, _SECOND))
