"""Composes music of the world's traditions: ragas, maqam, Balkan, African, Andean, Asian and Latin American styles."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, broken, groove, hold, ladder, oom_pah, roll, roots, strum
from ccmusicd.capture.music.composers.writing import (
    PartBuilder,
    Tone,
    between,
    chance,
    chord_at,
    made_up_title,
    melody,
    pick,
    whole,
)
from ccmusicd.capture.music.score import Score

_DRONE = ("I:5",)
_RAGAS = ("major", "dorian", "mixolydian", "lydian", "phrygian", "double_harmonic", "hijaz", "pentatonic", "minor")
_MAQAMS = ("hijaz", "double_harmonic", "phrygian", "minor", "harmonic_minor", "hungarian_minor")
_FLOWING = ((0.5,) * 4, (1, 0.5, 0.5), (1, 1), (0.5, 0.5, 1), (0.25,) * 4, (1.5, 0.5))
_LONG = ((3, 1), (2, 1, 1), (4,), (-1, 2, 1), (0.5, 0.5, 3), (1.5, 0.5, -1, 1))
_VOWELS = ("a", "e", "ya", "la", "na", "o", "ma")


def _begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    scales: Sequence[str],
    lines: Sequence[str] = _DRONE,
    *,
    metre: float = 4.0,
    room: tuple[float, float] = (0.08, 0.35),
    rubato: float = 0.0,
    pattern: str = "none",
) -> Piece:
    """A piece in one of the scales over chords, or over a bare fifth."""
    scale = pick(rng, scales)
    piece = Piece(
        rng, style, seconds, tempo=tempo, metre=metre, scale=scale, room=room, rubato=rubato, loose=(0.003, 0.014)
    )  # fmt: skip
    piece.harmony(lines)
    piece.pattern = pattern
    piece.tags = (scale,)
    return piece


def _tune(
    piece: Piece, cells: Sequence[Sequence[float]], low: int, high: int, leap: float = 0.15, form: str | None = None
) -> list[Tone]:
    """A melody of returning bars."""
    form = form or pick(piece.rng, ("AABA", "ABAC", "AABB", "ABACABAD", "ABCB"))
    return melody(
        piece.rng,
        piece.chords,
        piece.scale,
        cells,
        low=low,
        high=high,
        bar=piece.metre,
        bars=piece.bars,
        form=form,
        leap=leap,
    )


def _ornamented(piece: Piece, part: PartBuilder, tones: Sequence[Tone], velocity: float, rate: float = 0.3) -> None:
    """A line with slides, grace notes and shakes at the rate given."""
    rng = piece.rng
    for tone in tones:
        upper = theory.stepped(piece.scale, tone.pitch, 1)
        if tone.length >= 0.5 and chance(rng, rate * 0.5):
            part.add(tone.start, 0.1, upper, velocity * 0.8, "", "a")
            part.add(tone.start + 0.1, tone.length - 0.1, tone.pitch, velocity, "", "a")
        elif tone.length >= 1 and chance(rng, rate * 0.3):
            for index in range(int(tone.length * 4)):
                part.add(tone.start + index / 4, 0.24, upper if index % 2 else tone.pitch, velocity * 0.9, "", "a")
        else:
            slide = chance(rng, rate * 0.6)
            part.add(tone.start, tone.length * 0.97, tone.pitch, velocity, "slide" if slide else "", "a")


def _tanpura(piece: Piece) -> None:
    """Fifth, tonic, tonic, low tonic, plucked slowly over and over and ringing on."""
    part = piece.part("tanpura", "tanpura", gain_db=-6)
    low = theory.nearest([piece.tonic], 38)
    step = pick(piece.rng, (0.75, 1.0, 1.25)) * max(1.0, piece.tempo / 90)
    for index, beat in enumerate(np.arange(0.0, piece.beats, step)):
        part.add(float(beat), step * 3, (low + 7, low + 12, low + 12, low)[index % 4], 58)


def _alap(rng: np.random.Generator, seconds: float) -> Piece:
    """A raga's opening: free, without a beat, unfolding upwards over the drone."""
    piece = _begin(rng, "raga_alap", seconds, (48, 84), _RAGAS, room=(0.15, 0.5), rubato=0.4)
    _tanpura(piece)
    lead = pick(rng, ("sitar", "sitar", "flute", "voice_low", "violin", "shanai"))
    low = {"voice_low": 45, "sitar": 50}.get(lead, 60)
    _ornamented(
        piece, piece.part("lead", lead, gain_db=1), _tune(piece, _LONG, low, low + 16, 0.1, "ABCDEFGH"), 80, 0.7
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
    piece = _begin(rng, "raga_gat", seconds, (120, 220), _RAGAS, metre=metre)
    _tanpura(piece)
    name, strokes = _TALAS[metre]
    piece.pattern = name
    groove(piece.part("tabla", "tabla", pan=0.2), piece.beats, strokes, 82, step=0.5, rng=rng, spare=0.15)
    lead = pick(rng, ("sitar", "sitar", "flute", "violin", "shanai", "voice_high"))
    low = 52 if lead == "sitar" else 60
    _ornamented(piece, piece.part("lead", lead, pan=-0.2, gain_db=1), _tune(piece, _FLOWING, low, low + 21), 84, 0.35)
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
        piece = _begin(rng, "oud_taqsim", seconds, (60, 100), _MAQAMS, rubato=0.4, room=(0.15, 0.5))
        tones = _tune(piece, (*_FLOWING, (2, -1, 1), (0.25,) * 8), 45, 70, 0.12, "ABCDEFGH")
        _ornamented(piece, piece.part("oud", "oud", pan=0.0), tones, 82, 0.5)
        return piece
    metre = pick(rng, (4.0, 4.0, 3.5, 4.5, 5.0))
    piece = _begin(rng, "middle_east", seconds, (92, 168), _MAQAMS, metre=metre)
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
    tune = _tune(piece, _FLOWING, 55, 76)
    for name in map(
        str, rng.permutation(("oud", "violin", "dulcimer", "flute", "clarinet", "string_section"))[: whole(rng, 1, 3)]
    ):
        _ornamented(piece, piece.part(name, name), tune, 82, 0.3)
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
    piece = _begin(
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
    tune = _tune(piece, ((0.5,) * 4, (0.25,) * 4, (1, 0.5), (0.5, 0.25, 0.25)), 62, 82, 0.12)
    for name in pick(
        rng, (("trumpet", "trumpet"), ("clarinet",), ("trumpet", "alto_sax"), ("accordion", "clarinet"), ("violin",))
    ):
        _ornamented(piece, piece.part(name, name), tune, 90, 0.35)
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
    piece = _begin(
        rng,
        "west_african",
        seconds,
        (84, 144),
        ("major", "mixolydian", "pentatonic", "lydian"),
        ("I IV I V", "I bVII", "I:5"),
    )
    _interlocked(piece, lead, whole(rng, 55, 64), whole(rng, 1, 3), 76, (6, 8, 12, 16))
    if lead in {"harp", "nylon_guitar"} or chance(rng, 0.3):
        runs = _tune(piece, ((0.25,) * 4, (-1, 1), (0.25,) * 8, (0.5, 0.5, -1)), 62, 86, 0.1)
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
    tune = _tune(piece, ((1, 0.5, 0.5), (0.5, 0.5, 1), (-1, 1)), 55, 72)
    lead, crowd = piece.part("caller", "voice_high", gain_db=2), piece.part("answer", "choir")
    for tone in tune:
        if int(tone.start // (2 * piece.metre)) % 2:
            crowd.chord(tone.start, tone.length * 0.9, (tone.pitch, theory.stepped(piece.scale, tone.pitch, -2)), 84)
        else:
            lead.add(tone.start, tone.length * 0.9, tone.pitch, 92, "", pick(piece.rng, _VOWELS))


def _drumming(rng: np.random.Generator, seconds: float) -> Piece:
    """Drums alone: a djembe ensemble, a batucada or taiko."""
    if chance(rng, 0.4):
        piece = _begin(rng, "taiko", seconds, (84, 168), ("in",), room=(0.25, 0.6), pattern="taiko")
        for index, pattern in enumerate(("X..x..x.", "x.xxx.xx", "X.......", "xxoxxoxx")[: whole(rng, 2, 4)]):
            keys = {(41, 45, 43, 50)[index]: pattern}
            groove(piece.part(f"taiko {index + 1}", "taiko"), piece.beats, keys, 92, step=0.5, rng=rng, spare=0.1)
        if chance(rng, 0.6):
            _ornamented(piece, piece.part("flute", "shakuhachi"), _tune(piece, _LONG, 62, 82), 80, 0.6)
        return piece
    piece = _begin(rng, "djembe_ensemble", seconds, (96, 168), ("pentatonic",), pattern="twelve_eight_bell")
    for key, pattern in _BELL.items():
        groove(
            piece.part(f"drum {key}", "percussion"), piece.beats, {key: pattern}, 86, step=1 / 3, rng=rng, spare=0.12
        )
    if chance(rng, 0.5):
        _call_and_answer(piece)
    return piece


def _andean(rng: np.random.Generator, seconds: float) -> Piece:
    """Pan flutes in parallel, charango (a small guitar) strummed fast, bombo."""
    piece = _begin(
        rng,
        "andean",
        seconds,
        (84, 132),
        ("minor_pentatonic", "minor"),
        ("i bIII bVII bIII", "bVI bIII V i", "i i bIII V"),
    )
    lead = piece.part("flute", pick(rng, ("pan_flute", "pan_flute", "recorder", "ocarina")), gain_db=1)
    tune = _tune(piece, ((1, 0.5, 0.5), (0.5, 0.25, 0.25), (1.5, 0.5), (2,)), 66, 86, 0.3)
    lead.line(tune, 88)
    if chance(rng, 0.5):
        second = piece.part("second flute", "pan_flute")
        for tone in tune:
            second.add(tone.start, tone.length * 0.9, theory.stepped(piece.scale, tone.pitch, -2), 78)
    charango = piece.part("charango", pick(rng, ("nylon_guitar", "steel_guitar")), gain_db=-2)
    strum(charango, piece.chords, pick(rng, ("D.DUDUDU", "DUUDUUDU", "D.DUD.DU")), 0.25, 70, 57, 5)
    roots(piece.part("guitar bass", "nylon_guitar"), piece.chords, 43, 74)
    if chance(rng, 0.8):
        groove(piece.part("bombo", "percussion"), piece.beats, {64: "X..ox.o.", 70: "xoxoxoxo"}, 78, step=0.5, rng=rng)
        piece.pattern = "huayno"
    return piece


def _gamelan(rng: np.random.Generator, seconds: float) -> Piece:
    """Layers of bronze: a slow core, doublings twice and four times as fast, gongs at the cycle's end."""
    piece = _begin(rng, "gamelan", seconds, (60, 132), ("pelog", "pentatonic", "in"), room=(0.25, 0.6))
    piece.tuning += between(rng, -40, 40)
    core = _tune(piece, ((1, 1, 1, 1),), 57, 70, 0.3, "ABAC")
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
    piece = _begin(
        rng, "japanese", seconds, (52, 112), ("in", "hirajoshi", "pentatonic"), room=(0.15, 0.5), rubato=0.25
    )
    koto = piece.part("koto", pick(rng, ("koto", "koto", "shamisen")))
    koto.line(_tune(piece, (*_FLOWING, (1, -1), (-2, 0.5, 0.5, 1), (2, -2)), 50, 79, 0.3), 80, hold=1.5)
    if chance(rng, 0.4):
        for bar in range(0, piece.bars, 4):
            for index in range(8):
                koto.add(bar * piece.metre + index / 8, 2, theory.stepped(piece.scale, 80, -index), 64)
    if chance(rng, 0.65):
        _ornamented(piece, piece.part("shakuhachi", "shakuhachi", room=0.5), _tune(piece, _LONG, 62, 82, 0.2), 80, 0.8)
    return piece


def _china(rng: np.random.Generator, seconds: float) -> Piece:
    """Bamboo flute or fiddle in pentatonic runs and trills, plucked zither, a wood block."""
    piece = _begin(
        rng, "chinese", seconds, (66, 140), ("pentatonic",), ("I I V I", "I vi I V", "I:5"), room=(0.15, 0.45)
    )
    tune = _tune(piece, _FLOWING + _LONG[:2], 64, 86, 0.25)
    for name in pick(
        rng, (("flute",), ("violin",), ("flute", "violin"), ("koto",), ("shanai",), ("dulcimer", "flute"))
    ):
        _ornamented(piece, piece.part(name, name), tune, 84, 0.6)
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
    piece = _begin(rng, "didgeridoo", seconds, (84, 152), ("minor_pentatonic", "dorian"), pattern="clapsticks")
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
        _ornamented(
            piece,
            piece.part("voice", "voice_low"),
            _tune(piece, ((1, 1, 2), (0.5,) * 4, (-2, 2)), 48, 64, 0.1),
            86,
            0.3,
        )
    return piece


def _flamenco(rng: np.random.Generator, seconds: float) -> Piece:
    """Guitar in the Andalusian cadence: rasgueado, runs, claps and box drum in twelve or in a quick four."""
    metre = pick(rng, (6.0, 4.0, 3.0))
    piece = _begin(
        rng,
        "flamenco",
        seconds,
        (112, 200),
        ("phrygian", "hijaz"),
        ("iv bIII bII I", "I bII I bII", "I bII bIII bII I"),
        metre=metre,
    )
    guitar = piece.part("guitar", "nylon_guitar", pan=0.0)
    for chord in piece.chords:
        if chance(rng, 0.5):
            strum(guitar, [chord], pick(rng, ("DUDUDU", "D.DUDU", "DDU.DU")), 0.5, 84, 40)
        else:
            guitar.chord(chord.start, 1.0, ladder(chord, 40, 5), 86, 0.02)
    guitar.line(_tune(piece, ((0.25,) * 4, (0.25,) * 8, (0.5, 0.5), (-1, 1), (1 / 3,) * 3), 57, 79, 0.1), 86)
    claps = {6.0: "..X..X.X.X.X", 4.0: "X..X..X.", 3.0: "x.X.xx"}[metre]
    if chance(rng, 0.75):
        groove(
            piece.part("palmas", "percussion"),
            piece.beats,
            {39: claps, 64: claps.replace("X", "o")},
            80,
            step=0.5,
            rng=rng,
        )
        piece.pattern = "palmas"
    if chance(rng, 0.4):
        _ornamented(piece, piece.part("cante", "voice_low", gain_db=2), _tune(piece, _LONG, 52, 67, 0.08), 96, 0.8)
    return piece


def _mariachi(rng: np.random.Generator, seconds: float) -> Piece:
    """Two trumpets and violins in thirds, vihuela strums, guitarron; waltz or two-step."""
    metre = pick(rng, (3.0, 4.0))
    piece = _begin(
        rng,
        "mariachi",
        seconds,
        (108, 200),
        ("major",),
        ("I I V V V V I I", "I IV V I", "I V I V I IV V I"),
        metre=metre,
    )
    bass, vihuela = piece.part("guitarron", "double_bass"), piece.part("vihuela", "nylon_guitar", gain_db=-2)
    oom_pah(bass, vihuela, piece.chords, piece.beats, bass=38, centre=62, velocity=84, pulses=3 if metre == 3 else 2)
    tune = _tune(piece, ((1, 1), (0.5, 0.5, 1), (2,), (1.5, 0.5), (-0.5, 0.5)), 66, 82, 0.3)
    turn = 4 * metre
    for name, parity in (("trumpet", 0), ("violin", 1)):
        for voice, steps in ((1, 0), (2, -2)):
            part = piece.part(f"{name} {voice}", name)
            for tone in tune:
                if int(tone.start // turn) % 2 == parity or chance(rng, 0.05):
                    part.add(tone.start, tone.length * 0.85, theory.stepped(piece.scale, tone.pitch, steps), 92)
    if chance(rng, 0.4):
        piece.part("voice", "voice_low", gain_db=2).line(_tune(piece, _LONG, 50, 66), 92, syllables=_VOWELS)
    return piece


_LATIN: Mapping[str, tuple[tuple[float, float], Mapping[int, str], Sequence[str]]] = {
    "salsa": (
        (168, 216), {75: "x..x..x...x.x...", 62: "..x...x...x...x.", 63: "......xx......xx",
         56: "x.xxx.xxx.xxx.xx", 70: "xoxoxoxoxoxoxoxo"},
        ("i iv V i", "I IV V IV", "i bVII bVI V", "ii:m7 V:7 I:6 VI:7"),
    ),
    "samba": (
        (176, 220), {64: "x..Xx..X", 70: "xoxxxoxx", 54: "xoxxxoxx", 67: "x.x.xx.x.x.xx.x.", 62: "..xx..xo"},
        ("I:69 VI:7 ii:m7 V:7", "i:m7 iv:m7 V:7 i:m7", "I:maj7 I:maj7 ii:m7 V:7"),
    ),
    "cumbia": (
        (84, 112), {70: "x.xxx.xx", 64: "X...X...", 62: "..x...xx", 56: "x.x.x.x."},
        ("i V:7", "i i V:7 V:7", "I V I V", "i bVII"),
    ),
}  # fmt: skip


def _latin_american(rng: np.random.Generator, seconds: float) -> Piece:
    """Salsa, samba or cumbia: layered percussion, syncopated bass, montuno or strums, brass, accordion or voices."""
    style = pick(rng, tuple(_LATIN))
    tempo, strokes, lines = _LATIN[style]
    piece = _begin(
        rng, style, seconds, tempo, ("minor",) if style == "cumbia" else ("major", "minor"), lines, pattern=style
    )
    for key, pattern in strokes.items():
        groove(
            piece.part(f"percussion {key}", "percussion", gain_db=-3),
            piece.beats,
            {key: pattern},
            82,
            step=0.5,
            rng=rng,
        )
    bass = piece.part("bass", pick(rng, ("finger_bass", "double_bass")), pan=0.0)
    for bar in range(piece.bars):
        start = bar * piece.metre
        chord, ahead = chord_at(piece.chords, start), chord_at(piece.chords, start + piece.metre)
        if style == "salsa":
            bass.add(start + 1.5, 1.4, theory.nearest([chord.root + 7], 38), 86)
            bass.add(start + 3, 1.4, ahead.bass(38), 90)
        else:
            bass.add(start, 1.8, chord.bass(38), 86)
            bass.add(start + 2, 0.9, theory.nearest([chord.root + 7], 38), 88)
            bass.add(start + 3, 0.9, chord.bass(38) if style == "samba" else theory.nearest([chord.root + 4], 38), 80)
    _montuno(piece, "nylon_guitar" if style == "samba" else pick(rng, ("grand_piano", "accordion", "nylon_guitar")))
    lead = {
        "salsa": ("trumpet", "brass_section", "flute", "trombone"),
        "samba": ("flute", "choir", "trombone"),
        "cumbia": ("accordion", "clarinet", "recorder"),
    }
    name = pick(rng, lead[style])
    tune = _tune(piece, ((0.5, 0.5, 1), (-0.5, 0.5, 0.5, 0.5), (1.5, 0.5), (-2, 1, 1), (2,)), 62, 80, 0.25)
    piece.part("lead", name).line(tune, 90)
    if chance(rng, 0.5):
        piece.part("voice", pick(rng, ("voice_low", "voice_high")), gain_db=2).line(
            _tune(piece, _FLOWING, 55, 70), 92, syllables=_VOWELS
        )
    return piece


def _montuno(piece: Piece, instrument: str) -> None:
    """Syncopated chords in a rhythm of two bars."""
    rhythm = pick(piece.rng, ("x.xx.xx.x.x.x.xx", "x..xx.x..x.xx.x.", ".x.x.x.xx.x..x.x", "..xx..xx..xx..xx"))
    part = piece.part("montuno", instrument, gain_db=-2)
    for index in range(int(piece.beats * 2)):
        if rhythm[index % 16] == "x":
            voices = chord_at(piece.chords, index / 2 + 0.25).close(64)
            part.chord(index / 2, 0.35, (voices[index % len(voices)], voices[0] + 12), 76, 0.005)


def _bossa_guitar(rng: np.random.Generator, seconds: float) -> Piece:
    """A soft voice or flute and a nylon guitar whose thumb keeps the beat, hardly any percussion."""
    lines = ("I:maj9 II:9 ii:m9 V:13", "i:m9 ii:m7b5 V:7b9 i:m9", "I:69 bIII:dim7 ii:m7 V:7b9")
    piece = _begin(rng, "bossa_guitar", seconds, (104, 152), ("major", "minor"), lines, pattern="bossa_nova")
    guitar = piece.part("guitar", "nylon_guitar", pan=0.0)
    rhythm = pick(rng, ("x..x..x...x..x..", "..xx..x...x.xx..", "x.x..x.x.x.x..x."))
    for index in range(int(piece.beats * 2)):
        chord = chord_at(piece.chords, index / 2)
        if index % 4 == 0:
            guitar.add(index / 2, 1.8, theory.nearest([chord.root + 7 * (index % 8 // 4)], 44), 72)
        if rhythm[index % 16] == "x":
            guitar.chord(index / 2, 0.5, chord.close(60), 66)
    voice = pick(rng, ("voice_high", "voice_low", "flute"))
    low = 50 if voice == "voice_low" else 60
    piece.part("lead", voice, gain_db=1).line(
        _tune(piece, ((1, 0.5, 0.5), (-0.5, 1.5), (2,), (0.5,) * 4), low, low + 15), 72, syllables=_VOWELS
    )
    groove(
        piece.part("shaker", "percussion", gain_db=-8),
        piece.beats,
        {70: "xoxo", 37: "x..x..x...x..x.."},
        54,
        step=0.5,
        rng=rng,
    )
    return piece


def _tango(rng: np.random.Generator, seconds: float) -> Piece:
    """Bandoneon and violin, piano in marked fours or in 3-3-2, contrabass; no drums."""
    lines = ("i iv V:7 i", "i i V:7 V:7 V:7 V:7 i i", "i VI:7 iv V:7", "i bVI ii:m7b5 V:7b9")
    piece = _begin(rng, "tango", seconds, (108, 138), ("harmonic_minor",), lines)
    rhythm = pick(rng, ("x.x.x.x.", "x..x..x.", "x..xx.x."))
    piano, bass = piece.part("piano", "grand_piano", gain_db=-1), piece.part("bass", "contrabass")
    for index in range(int(piece.beats * 2)):
        if rhythm[index % 8] == "x":
            chord = chord_at(piece.chords, index / 2)
            piano.chord(index / 2, 0.3, (chord.bass(40), *chord.close(58)), 84, 0.0, "staccato")
            bass.add(index / 2, 0.45, chord.bass(36), 86)
    lead = piece.part("bandoneon", pick(rng, ("bandoneon", "bandoneon", "accordion")), gain_db=1)
    lead.line(
        _tune(piece, ((0.5, 0.5, 1), (0.75, 0.25, 1), (0.25,) * 4, (3, 1), (-0.5, 0.5, 0.5, 0.5)), 60, 82, 0.2), 92
    )
    violin = piece.part("violin", "violin")
    violin.line(_tune(piece, _LONG, 64, 86), 80)
    if chance(rng, 0.4):
        hold(piece.part("strings", "string_section", gain_db=-5), piece.chords, 62, 60)
    return piece


def _calypso(rng: np.random.Generator, seconds: float) -> Piece:
    """Steel drums in thirds and rolls over bass, shaker and cowbell."""
    piece = _begin(
        rng, "calypso", seconds, (168, 224), ("major",), ("I IV V I", "I ii V I", "I I IV V"), pattern="calypso"
    )
    lead = piece.part("steel drum", "steel_drum")
    for tone in _tune(piece, ((0.5, 0.5, 1), (1.5, 0.5), (-0.5, 1, 0.5), (2,)), 62, 84, 0.35):
        second = theory.stepped(piece.scale, tone.pitch, -2)
        if tone.length >= 1.5:
            roll(lead, tone.start, tone.length, tone.pitch, 84)
        else:
            lead.chord(tone.start, tone.length, (second, tone.pitch), 86)
    strum(
        piece.part("strum", pick(rng, ("steel_drum", "clean_guitar")), gain_db=-4),
        piece.chords,
        "..DU..DU",
        0.5,
        68,
        55,
        4,
    )
    roots(piece.part("bass", "finger_bass"), piece.chords, 38, 86, 0.4)
    strokes = {70: "xoxxxoxx", 56: "x..x..x.", 36: "x..x..x.", 38: "..x...x."}
    groove(piece.part("percussion", "percussion", gain_db=-3), piece.beats, strokes, 78, step=0.5, rng=rng)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_alap, 1.3), (_gat, 1.8), (_middle_east, 2.2), (_balkan, 1.5), (_west_africa, 2), (_drumming, 1.3), (_andean, 1.2),
    (_gamelan, 1.2), (_japan, 1.3), (_china, 1.3), (_didgeridoo, 0.8), (_flamenco, 1.4), (_mariachi, 1.1),
    (_latin_american, 2.6), (_bossa_guitar, 1), (_tango, 1.2), (_calypso, 0.7),
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
