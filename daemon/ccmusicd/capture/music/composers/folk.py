"""Composes folk: fingerpicking, singer-songwriters, jigs and reels, polka, bluegrass, shanties, medieval dances."""

from collections.abc import Callable, Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece, broken, groove, hold, ladder, oom_pah, roots, strum
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

_SONGS = (
    "I V vi IV", "I IV I V", "I iii IV V", "vi IV I V", "I I IV I V IV I V", "I bVII IV I", "i bVII bVI bVII",
    "I ii IV I", "I V IV I", "i bIII bVII iv", "I:add9 V:sus4 vi:m7 IV:add9", "I vi ii V", "IV I V vi",
)  # fmt: skip
_MODES = {
    "major": ("I I IV V", "I V I V,I", "I IV I V", "I I V V I IV V I"),
    "dorian": ("i i bVII bVII", "i bVII i bVII,i", "i IV bVII i"),
    "mixolydian": ("I bVII I bVII", "I I bVII IV", "I IV bVII I"),
    "minor": ("i bVII bVI bVII", "i i bVII i", "i iv bVII i"),
}
_PICKS = (
    (0, 2, 1, 3, 2, 1, 3, 2), (0, 3, 2, 4, 1, 3, 2, 4), (0, 2, 3, 4, 3, 2), (0, 3, 1, 4, 0, 3, 2, 4),
    (0, 1, 2, 3), (0, 2, 4, 3, 1, 3, 4, 2),
)  # fmt: skip
_STRUMS = ("D.DU.UDU", "D.D.D.DU", "D.DUD.DU", "D..U.UD.", "DUDUDUDU", "D.x.DUxU")
_SONG_CELLS = ((1, 1), (0.5, 0.5, 1), (1.5, 0.5), (2,), (-0.5, 0.5, 0.5, 0.5), (-1, 1), (0.75, 0.25, 1))
_WORDS = ("la", "the", "o", "and", "we", "ro", "li", "na", "ey")


def _begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    *,
    metre: float = 4.0,
    lines: Sequence[str] | None = None,
    modes: Sequence[str] = ("major",),
    swing: float = 0.5,
    unit: float = 1.0,
    room: tuple[float, float] = (0.05, 0.3),
    each: float | None = None,
) -> Piece:
    """A piece in one of the modes, with that mode's chords unless lines are given."""
    mode = pick(rng, modes)
    piece = Piece(
        rng, style, seconds, tempo=tempo, metre=metre, scale=mode, swing=swing, swing_unit=unit, room=room,
        loose=(0.003, 0.014),
    )  # fmt: skip
    piece.harmony(lines or _MODES[mode], each)
    piece.tags = (mode,)
    return piece


def _tune(piece: Piece, cells: Sequence[Sequence[float]], low: int, high: int, leap: float = 0.25) -> list[Tone]:
    """A tune whose bars return as those of songs and dances do."""
    form = pick(piece.rng, ("AABA", "ABAC", "ABABCDCD", "AABB", "ABACABAD"))
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


def _sing(piece: Piece, *, harmony: bool = False) -> None:
    """A voice, sometimes with a second a third below, that breathes in each fourth bar."""
    rng = piece.rng
    voice, low = pick(rng, (("voice_high", 58), ("voice_low", 47)))
    tune = [
        t for t in _tune(piece, _SONG_CELLS, low, low + 15, 0.15) if t.start % (4 * piece.metre) < 3.5 * piece.metre
    ]
    piece.part("voice", voice, pan=0.0, gain_db=2).line(tune, 86, hold=0.92, syllables=_WORDS)
    if harmony:
        second = piece.part("second voice", voice, gain_db=-2)
        for tone, word in zip(tune, _WORDS * len(tune), strict=False):
            second.add(tone.start, tone.length * 0.9, theory.stepped(piece.scale, tone.pitch, -2), 76, "", word)


def _fingerpicked(rng: np.random.Generator, seconds: float) -> Piece:
    """One guitar: an alternating thumb under a tune on the upper strings."""
    piece = _begin(
        rng,
        "fingerpicked_guitar",
        seconds,
        (64, 138),
        metre=pick(rng, (4.0, 4.0, 3.0)),
        lines=_SONGS,
        swing=pick(rng, (0.5, 0.58)),
    )
    part = piece.part("guitar", pick(rng, ("steel_guitar", "steel_guitar", "nylon_guitar")), pan=0.0)
    broken(part, piece.chords, pick(rng, _PICKS), pick(rng, (0.5, 0.5, 0.25)), 41, 66, between(rng, 1.5, 4))
    if chance(rng, 0.7):
        part.line(_tune(piece, _SONG_CELLS, 64, 80), 82)
    if chance(rng, 0.4):
        roots(piece.part("bass", "double_bass", gain_db=-3), piece.chords, 38, 64)
    return piece


def _songwriter(rng: np.random.Generator, seconds: float) -> Piece:
    """A voice and a strummed or picked guitar; perhaps harmonica, piano, bass, a soft shaker."""
    piece = _begin(rng, "singer_songwriter", seconds, (66, 150), metre=pick(rng, (4.0, 4.0, 4.0, 3.0)), lines=_SONGS)
    guitar = piece.part("guitar", pick(rng, ("steel_guitar", "steel_guitar", "nylon_guitar")))
    if chance(rng, 0.55):
        strum(guitar, piece.chords, pick(rng, _STRUMS), 0.5, 70, whole(rng, 40, 45))
    else:
        broken(guitar, piece.chords, pick(rng, _PICKS), pick(rng, (0.5, 0.25)), 43, 64, 2.5)
    _sing(piece, harmony=chance(rng, 0.3))
    if chance(rng, 0.4):
        roots(piece.part("bass", pick(rng, ("double_bass", "finger_bass")), gain_db=-2), piece.chords, 38, 72)
    if chance(rng, 0.35):
        answer = [t for t in _tune(piece, _SONG_CELLS, 64, 84) if t.start % (4 * piece.metre) >= 3 * piece.metre]
        piece.part("answer", pick(rng, ("harmonica", "fiddle", "cello", "accordion"))).line(answer, 74)
    if chance(rng, 0.25):
        groove(piece.part("shaker", "percussion", gain_db=-6), piece.beats, {70: "xoXo"}, 60, step=0.25, rng=rng)
        piece.pattern = "shaker"
    return piece


def _harmonica(rng: np.random.Generator, seconds: float) -> Piece:
    """Harmonica and strummed guitar, country blues or ballad."""
    piece = _begin(
        rng, "harmonica_and_guitar", seconds, (80, 150), lines=("I:7 IV:7 I:7 V:7", *_SONGS),
        modes=("mixolydian", "major"), swing=pick(rng, (0.5, 0.64)),
    )  # fmt: skip
    strum(piece.part("guitar", "steel_guitar"), piece.chords, pick(rng, _STRUMS), 0.5, 70)
    harp = piece.part("harmonica", "harmonica", gain_db=1)
    for tone in _tune(piece, (*_SONG_CELLS, (3, -1)), 60, 84):
        harp.add(tone.start, tone.length * 0.95, tone.pitch, 84, "slide" if chance(rng, 0.15) else "")
        if chance(rng, 0.4):
            harp.add(tone.start, tone.length * 0.95, theory.stepped(piece.scale, tone.pitch, -2), 72)
    return piece


_CELTIC = ("fiddle", "whistle", "bagpipe", "accordion", "flute", "banjo")


def _dance(rng: np.random.Generator, seconds: float, style: str, tempo: tuple[float, float], metre: float) -> Piece:
    piece = _begin(
        rng, style, seconds, tempo, metre=metre, modes=("major", "dorian", "mixolydian", "minor"),
        swing=0.5 if metre == 3 else between(rng, 0.5, 0.57), unit=1.0, each=metre,
    )  # fmt: skip
    players = [str(name) for name in rng.permutation(_CELTIC)[: whole(rng, 1, 3)]]
    return _celtic_band(piece, players)


def _celtic_band(piece: Piece, players: Sequence[str]) -> Piece:
    """All play the tune together, each with its ornaments; drones, a guitar or bouzouki, and a bodhran support."""
    rng = piece.rng
    jig = piece.metre == 3
    cells = (
        ((0.5, 0.5, 0.5), (1, 0.5), (0.5, 0.5, 0.5))
        if jig
        else ((0.5,) * 4, (1, 0.5, 0.5), (0.5,) * 4, (0.5, 0.25, 0.25, 1))
    )
    tune = _tune(piece, cells, 62, 83, 0.3)
    for name in players:
        part = piece.part(name, name)
        part.line(tune, 86, hold=0.92, shift=-12 if name == "banjo" and chance(rng, 0.5) else 0)
        for tone in tune:
            if tone.length >= 0.5 and chance(rng, 0.12):
                part.add(tone.start, 0.09, theory.stepped(piece.scale, tone.pitch, 1), 70)
    if "bagpipe" in players:
        drone = piece.part("drones", "bagpipe", gain_db=-5)
        drone.chord(0, piece.beats, (45 + (piece.tonic - 45) % 12, 52 + (piece.tonic - 45) % 12), 70)
    if chance(rng, 0.65):
        guitar = piece.part("guitar", pick(rng, ("steel_guitar", "steel_guitar", "grand_piano")), gain_db=-4)
        strum(guitar, piece.chords, "D.UD.U" if jig else pick(rng, ("D.DUD.DU", "DUDUDUDU", "D.UD.UDU")), 0.5, 66)
    if chance(rng, 0.6):
        bodhran = piece.part("bodhran", "percussion", pan=0.0, gain_db=-3)
        keys = {64: "XoxXox" if jig else "XoxoXoxo", 63: "...x.." if jig else "..x...xo"}
        groove(bodhran, piece.beats, keys, 74, step=0.5, rng=rng, spare=0.12)
        piece.pattern = "bodhran_jig" if jig else "bodhran_reel"
    return piece


def _jig(rng: np.random.Generator, seconds: float) -> Piece:
    return _dance(rng, seconds, "celtic_jig", (150, 204), 3.0)


def _reel(rng: np.random.Generator, seconds: float) -> Piece:
    return _dance(rng, seconds, "celtic_reel", (168, 236), 4.0)


def _slow_air(rng: np.random.Generator, seconds: float) -> Piece:
    """A free lament on whistle, fiddle, pipes or harp over a drone or harp chords."""
    piece = _begin(
        rng, "slow_air", seconds, (48, 76), metre=3.0, modes=("dorian", "mixolydian", "major"), room=(0.25, 0.6)
    )
    lead = piece.part("lead", pick(rng, ("whistle", "fiddle", "bagpipe", "flute", "voice_high")), gain_db=1)
    lead.line(_tune(piece, ((1, 0.5, 0.5, 1), (2, 1), (1.5, 0.5, 1), (3,)), 62, 82), 82, hold=1.0, syllables=_WORDS)
    if chance(rng, 0.6):
        broken(
            piece.part("harp", pick(rng, ("harp", "nylon_guitar"))), piece.chords, (0, 2, 3, 4, 3, 2), 0.5, 45, 60, 3
        )
    if chance(rng, 0.6):
        drone = piece.part("drone", pick(rng, ("reed_organ", "accordion", "slow_strings")), gain_db=-5)
        drone.chord(0, piece.beats, (theory.nearest([piece.tonic], 48), theory.nearest([piece.tonic + 7], 55)), 60)
    return piece


def _polka(rng: np.random.Generator, seconds: float) -> Piece:
    """Accordion or clarinet in front, tuba and chords in two."""
    piece = _begin(
        rng, "polka", seconds, (184, 256), lines=("I I V V V V I I", "I I IV I V V I I", "I V V I"), each=4.0
    )
    bass = piece.part("bass", pick(rng, ("tuba", "tuba", "accordion", "double_bass")), gain_db=1)
    chords = piece.part("chords", pick(rng, ("accordion", "steel_guitar", "accordion")), gain_db=-4)
    oom_pah(bass, chords, piece.chords, piece.beats, bass=38, centre=62, velocity=86, pulses=2)
    tune = _tune(piece, ((1, 1), (0.5, 0.5, 1), (0.5,) * 4, (2,), (-0.5, 0.5, 1)), 65, 86, 0.35)
    for name in pick(
        rng, (("accordion",), ("clarinet", "accordion"), ("trumpet", "clarinet"), ("fiddle", "accordion"))
    ):
        part = piece.part(name, name)
        part.line(tune, 88, hold=0.8)
        if chance(rng, 0.5):
            for tone in tune:
                part.add(tone.start, tone.length * 0.8, theory.stepped(piece.scale, tone.pitch, -2), 78)
    if chance(rng, 0.6):
        drums = piece.part("drums", "drum_kit", pan=0.0, gain_db=-4)
        groove(drums, piece.beats, {36: "x.x.", 38: ".x.x"}, 70, step=1.0, rng=rng)
        piece.pattern = "polka"
    return piece


def _bluegrass(rng: np.random.Generator, seconds: float) -> Piece:
    """Rolling banjo, fiddle breaks, chopped mandolin chords off the beat, guitar and bass in two; no drums."""
    piece = _begin(rng, "bluegrass", seconds, (176, 300), modes=("major", "mixolydian"), each=4.0)
    banjo = piece.part("banjo", "banjo")
    broken(
        banjo,
        piece.chords,
        pick(rng, ((2, 3, 0, 4, 2, 3, 0, 4), (0, 2, 4, 0, 2, 4, 0, 4), (1, 4, 2, 4, 1, 4, 0, 4))),
        0.5,
        52,
        82,
    )
    lead = piece.part("lead", pick(rng, ("fiddle", "fiddle", "steel_guitar", "banjo", "harmonica")), gain_db=1)
    lead.line(_tune(piece, ((0.5,) * 4, (1, 0.5, 0.5), (1, 1), (2,)), 60, 84, 0.3), 90)
    chop = piece.part("mandolin", "steel_guitar", gain_db=-3)
    bass = piece.part("bass", "double_bass", pan=0.0)
    for beat in range(int(piece.beats)):
        chord = chord_at(piece.chords, beat)
        if beat % 2:
            chop.chord(beat, 0.15, chord.close(72), 80, 0.01, "muted")
        else:
            bass.add(beat, 0.9, theory.nearest([chord.root + 7 * (beat % 4 // 2)], 38), 86)
    if chance(rng, 0.5):
        strum(piece.part("guitar", "steel_guitar", gain_db=-4), piece.chords, "D.DUD.DU", 0.5, 66)
    if chance(rng, 0.35):
        _sing(piece, harmony=True)
    return piece


def _country_waltz(rng: np.random.Generator, seconds: float) -> Piece:
    """Three in a bar: guitar, bass, fiddle or a voice."""
    piece = _begin(
        rng,
        "country_waltz",
        seconds,
        (92, 156),
        metre=3.0,
        lines=("I I IV I I V I V", "I IV V I", "vi IV I V", "I V V I"),
    )
    guitar = piece.part("guitar", pick(rng, ("steel_guitar", "nylon_guitar", "accordion")), gain_db=-2)
    bass = piece.part("bass", "double_bass", pan=0.0)
    oom_pah(bass, guitar, piece.chords, piece.beats, bass=38, centre=60, velocity=74, pulses=3)
    lead = pick(rng, ("fiddle", "fiddle", "accordion", "harmonica", None))
    if lead:
        piece.part("lead", lead).line(_tune(piece, ((3,), (2, 1), (1, 1, 1), (1, 0.5, 0.5, 1)), 62, 82), 82)
    if lead is None or chance(rng, 0.3):
        _sing(piece)
    return piece


def _medieval(rng: np.random.Generator, seconds: float) -> Piece:
    """An estampie: recorder, fiddle, shawm or hurdy-gurdy tune over a bare drone, frame drum and dulcimer."""
    piece = _begin(
        rng,
        "medieval_dance",
        seconds,
        (96, 184),
        metre=pick(rng, (3.0, 3.0, 4.0)),
        modes=("dorian", "mixolydian", "minor"),
        room=(0.2, 0.5),
    )
    cells = ((1, 0.5), (0.5, 0.5, 0.5), (1.5,)) if piece.metre == 3 else ((1, 1), (1, 0.5, 0.5), (2,))
    tune = _tune(piece, cells, 62, 81, 0.15)
    names = rng.permutation(("recorder", "fiddle", "shanai", "dulcimer", "harp", "bagpipe"))
    for name in map(str, names[: whole(rng, 1, 3)]):
        piece.part(name, name).line(tune, 82, shift=pick(rng, (0, 0, -5, -12)))
    drone = piece.part("drone", pick(rng, ("reed_organ", "fiddle", "bagpipe", "cello")), gain_db=-4)
    fundamental = theory.nearest([piece.tonic], 50)
    for bar in range(0, piece.bars, 4):
        drone.chord(bar * piece.metre, 4 * piece.metre, (fundamental, fundamental + 7), 66)
    if chance(rng, 0.7):
        keys = {64: "X..x.x", 54: "...x.."} if piece.metre == 3 else {64: "X..xX.x.", 54: "..x...x."}
        groove(piece.part("frame drum", "percussion", gain_db=-2), piece.beats, keys, 76, step=0.5, rng=rng)
        piece.pattern = "estampie"
    return piece


def _shanty(rng: np.random.Generator, seconds: float) -> Piece:
    """A lead singer calls, the crew answers; stamping, sometimes a squeeze-box, often nothing else."""
    piece = _begin(
        rng, "sea_shanty", seconds, (92, 168), modes=("major", "dorian", "mixolydian"), swing=between(rng, 0.5, 0.66)
    )
    tune = _tune(piece, ((1, 1), (0.5, 0.5, 1), (1.5, 0.5), (2,)), 50, 66, 0.3)
    call = 2 * piece.metre
    lead = piece.part("shantyman", "voice_low", pan=0.0, gain_db=2)
    lead.line([t for t in tune if int(t.start // call) % 2 == 0], 96, syllables=_WORDS)
    answers = [t for t in tune if int(t.start // call) % 2]
    for index, steps in enumerate((0, -2, 2)):
        crew = piece.part(f"crew {index + 1}", pick(rng, ("voice_low", "choir")), pan=0.5 * (index - 1))
        for tone, word in zip(answers, _WORDS * len(answers), strict=False):
            crew.add(tone.start, tone.length * 0.9, theory.stepped(piece.scale, tone.pitch, steps), 88, "", word)
    if chance(rng, 0.45):
        squeeze = piece.part("concertina", "accordion", gain_db=-4)
        hold(squeeze, piece.chords, 60, 66)
        squeeze.line(tune, 70, shift=12)
    if chance(rng, 0.6):
        groove(
            piece.part("stamping", "percussion", pan=0.0), piece.beats, {64: "X.x.", 39: ".x.x"}, 80, step=1.0, rng=rng
        )
        piece.pattern = "stamping"
    return piece


def _dulcimer(rng: np.random.Generator, seconds: float) -> Piece:
    """Hammered dulcimer: rippling figures, alone or with a fiddle and a guitar."""
    piece = _begin(rng, "dulcimer", seconds, (92, 168), modes=("major", "mixolydian", "dorian"), room=(0.2, 0.5))
    part = piece.part("dulcimer", "dulcimer", pan=0.0)
    broken(part, piece.chords, pick(rng, _PICKS), pick(rng, (0.25, 0.5)), 52, 66, 2)
    part.line(_tune(piece, ((0.5,) * 4, (1, 0.5, 0.5), (1, 1)), 67, 86), 84)
    if chance(rng, 0.4):
        piece.part("fiddle", "fiddle").line(_tune(piece, ((2, 2), (1, 1, 2)), 60, 79), 76)
    if chance(rng, 0.4):
        strum(piece.part("guitar", "nylon_guitar", gain_db=-4), piece.chords, "D.DUD.DU", 0.5, 62)
    return piece


def _alpine(rng: np.random.Generator, seconds: float) -> Piece:
    """Ländler: zither, accordion or two clarinets in thirds over a waltz."""
    piece = _begin(
        rng, "alpine_landler", seconds, (120, 180), metre=3.0, lines=("I V V I", "I I V V V V I I", "I IV V I")
    )
    low, high = piece.part("bass", pick(rng, ("tuba", "double_bass"))), piece.part("guitar", "nylon_guitar", gain_db=-3)
    oom_pah(low, high, piece.chords, piece.beats, bass=38, centre=60, velocity=76, pulses=3)
    lead = pick(rng, ("dulcimer", "accordion", "clarinet", "trumpet"))
    tune = _tune(piece, ((1, 1, 1), (2, 1), (0.5,) * 6, (1.5, 0.5, 1)), 65, 86, 0.45)
    _thirds(piece, piece.part("lead", lead), tune)
    return piece


def _thirds(piece: Piece, part: PartBuilder, tune: Sequence[Tone]) -> None:
    """The tune with the scale's third below each note."""
    part.line(tune, 84, hold=0.85)
    for tone in tune:
        part.add(tone.start, tone.length * 0.85, theory.stepped(piece.scale, tone.pitch, -2), 76)


def _indie_folk(rng: np.random.Generator, seconds: float) -> Piece:
    """A folk band: driving strums, banjo, stamping kick, voices together, perhaps trumpet."""
    piece = _begin(rng, "folk_band", seconds, (100, 168), lines=_SONGS)
    strum(piece.part("guitar", "steel_guitar"), piece.chords, pick(rng, _STRUMS), 0.5, 80)
    if chance(rng, 0.7):
        banjo = piece.part("banjo", "banjo", gain_db=-2)
        broken(banjo, piece.chords, pick(rng, _PICKS), pick(rng, (0.25, 0.5)), 55, 72)
    groove(
        piece.part("stomp", pick(rng, ("drum_kit", "percussion"))),
        piece.beats,
        pick(rng, ({36: "x"}, {36: "x.", 54: ".x"})),
        84,
        step=1.0,
    )
    piece.pattern = "stomp"
    roots(piece.part("bass", "double_bass"), piece.chords, 38, 82)
    _sing(piece, harmony=True)
    if chance(rng, 0.4):
        high = piece.part("horn", pick(rng, ("trumpet", "fiddle", "cello")), gain_db=-1)
        high.line(_tune(piece, ((2, 2), (1, 1, 2), (4,)), 62, 80), 78)
    if chance(rng, 0.3):
        piano = piece.part("piano", "grand_piano", gain_db=-4)
        for chord in piece.chords:
            piano.chord(chord.start, chord.length, ladder(chord, 48, 5), 70)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_fingerpicked, 2.5), (_songwriter, 4), (_harmonica, 1.2), (_jig, 1.5), (_reel, 1.5), (_slow_air, 1), (_polka, 1),
    (_bluegrass, 1.8), (_country_waltz, 1.2), (_medieval, 1.2), (_shanty, 1), (_dulcimer, 0.8), (_alpine, 0.6),
    (_indie_folk, 1.5),
)  # fmt: skip

_FIRST = ("The Miller's", "Old Hannah's", "The Ferryman's", "Maggie's", "The Tinker's", "Wild Rose", "Harbour")
_SECOND = ("Farewell", "Fancy", "Daughter", "Morning", "Lament", "Road", "Crossing", "Hornpipe")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new folk piece of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("folk", made_up_title(rng, _FIRST, _SECOND))
