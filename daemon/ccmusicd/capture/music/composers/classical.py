"""Composes classical pieces: keyboard, strings, winds, orchestra, organ, choir and opera, Baroque to late Romantic."""

from collections.abc import Callable, Sequence

import numpy as np

from ccmusicd.capture.music.composers.classical_forms import (
    QUICK_CELLS,
    RUN_CELLS,
    SLOW_CELLS,
    SONG_CELLS,
    begin,
    tune_of,
)
from ccmusicd.capture.music.composers.piece import Piece, broken, hold, ladder, oom_pah, roll, roots
from ccmusicd.capture.music.composers.writing import (
    PartBuilder,
    between,
    chance,
    chord_at,
    made_up_title,
    pick,
    whole,
)
from ccmusicd.capture.music.score import Score


def _counterpoint(rng: np.random.Generator, seconds: float) -> Piece:
    """Two or three parts of quick figures and calm ones that trade places each bar: inventions, fugues, suites."""
    piece = begin(rng, "baroque_counterpoint", seconds, (58, 112), each=(0.5, 1.0), room=(0.08, 0.35), old=True)
    instrument = pick(rng, ("grand_piano", "harpsichord", "harpsichord", "church_organ"))
    part = piece.part("keyboard", instrument, pan=0.0)
    octave = pick(rng, (0, 0, -5))
    quick = (tune_of(piece, RUN_CELLS, 62 + octave, 84), tune_of(piece, RUN_CELLS, 40, 60))
    calm = (tune_of(piece, SONG_CELLS, 64 + octave, 82), tune_of(piece, ((0.5, 0.5), (1,)), 38, 58))
    for hand in (0, 1):
        for fast, tones in ((0, calm[hand]), (1, quick[hand])):
            chosen = [tone for tone in tones if (int(tone.start // piece.metre) + hand) % 2 == fast]
            part.line(chosen, 76 - 4 * hand, hold=pick(rng, (0.7, 0.9, 1.0)))
    if chance(rng, 0.35):
        part.line(tune_of(piece, SLOW_CELLS, 55, 68), 62)
    return piece


def _alberti(rng: np.random.Generator, seconds: float) -> Piece:
    """The classical sonata: a tune with scales over an Alberti bass."""
    piece = begin(rng, "alberti_sonata", seconds, (88, 152), metre=(4.0, 4.0, 3.0), each=(1.0, 0.5), room=(0.08, 0.3))
    part = piece.part("piano", "grand_piano", pan=0.0)
    broken(part, piece.chords, pick(rng, ((0, 2, 1, 2), (0, 1, 2, 1), (0, 2))), pick(rng, (0.5, 0.25)), 48, 54, 0.9)
    part.line(tune_of(piece, QUICK_CELLS if chance(rng, 0.6) else SONG_CELLS, 66, 89, 0.25), 82, hold=0.85)
    return piece


def _romantic(rng: np.random.Generator, seconds: float) -> Piece:
    """A nocturne or song without words: wide pedalled arpeggios under a singing tune, sometimes in octaves."""
    piece = begin(rng, "romantic_piano", seconds, (46, 92), room=(0.15, 0.5), rubato=between(rng, 0.1, 0.5))
    part = piece.part("piano", "grand_piano", pan=0.0)
    order = pick(rng, ((0, 2, 3, 4, 5, 4, 3, 2), (0, 2, 4, 3, 5, 4), (0, 2, 4, 5, 7, 5, 4, 2), (0, 3, 4)))
    step = pick(rng, (0.5, 1 / 3, 0.25))
    broken(part, piece.chords, order, step, whole(rng, 33, 43), 46, between(rng, 2, len(order)))
    tune = tune_of(piece, SONG_CELLS + SLOW_CELLS, 64, 88, 0.3)
    part.line(tune, 84, hold=1.0)
    if chance(rng, 0.3):
        part.line(tune, 72, shift=-12)
    return piece


def _etude(rng: np.random.Generator, seconds: float) -> Piece:
    """A virtuoso study: unbroken quick notes over the keyboard against octaves in the other hand."""
    piece = begin(rng, "etude", seconds, (96, 176), each=(0.5, 1.0), room=(0.1, 0.35))
    part = piece.part("piano", "grand_piano", pan=0.0)
    if chance(rng, 0.5):
        order = pick(rng, ((0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2, 1), (3, 1, 4, 2, 5, 3, 6, 4), (0, 2, 1, 3)))
        broken(part, piece.chords, order, 0.25, whole(rng, 48, 62), 74, 1.2)
    else:
        part.line(tune_of(piece, ((0.25,) * 4,), 58, 96, 0.12), 78)
    for chord in piece.chords:
        for beat in np.arange(0, chord.length, pick(rng, (1.0, 2.0, chord.length))):
            part.chord(chord.start + beat, 1.0, (chord.bass(38), chord.bass(38) + 12), 92)
    return piece


def _impression(rng: np.random.Generator, seconds: float) -> Piece:
    """Parallel ninth chords, whole tones and bells over deep pedalled basses."""
    piece = Piece(
        rng, "impressionist_piano", seconds, tempo=(48, 100), metre=pick(rng, (3.0, 4.0)), room=(0.25, 0.55),
        scale=pick(rng, ("pentatonic", "lydian", "whole_tone", "mixolydian")), rubato=between(rng, 0.05, 0.4),
    )  # fmt: skip
    piece.harmony(("I:maj9 II:9 IV:maj9 bVII:9", "I:69 bVI:maj7 I:69 bIII:maj9", "ii:m9 I:maj9 bVII:9 bVI:9"))
    part = piece.part("piano", "grand_piano", pan=0.0)
    harp = piece.part("harp", "harp") if chance(rng, 0.3) else part
    roots(part, piece.chords, 36, 52, 1.0)
    broken(harp, piece.chords, (1, 3, 5, 7, 9, 6, 4, 2), pick(rng, (0.25, 0.5, 1 / 3)), 48, 48, 3.0)
    for tone in tune_of(piece, SONG_CELLS, 66, 86, 0.35):
        part.chord(tone.start, tone.length, chord_at(piece.chords, tone.start).close(tone.pitch - 5), 62)
        part.add(tone.start, tone.length, tone.pitch, 76)
    return piece


_QUARTETS: Sequence[Sequence[str]] = (
    ("violin", "violin", "viola", "cello"), ("violin", "viola", "cello"),
    ("violin", "violin", "viola", "viola", "cello"),
    ("clarinet", "violin", "viola", "cello"), ("flute", "violin", "viola", "cello"),
)  # fmt: skip
_WINDS: Sequence[Sequence[str]] = (
    ("flute", "oboe", "clarinet", "french_horn", "bassoon"), ("oboe", "clarinet", "bassoon"),
    ("flute", "clarinet", "bassoon"), ("clarinet", "clarinet", "french_horn", "bassoon"),
)  # fmt: skip
_BRASSES: Sequence[Sequence[str]] = (("trumpet", "trumpet", "french_horn", "trombone", "tuba"),)
_REGISTERS = ((62, 86), (58, 76), (52, 69), (48, 64), (38, 55))


def _chamber(piece: Piece, players: Sequence[str], *, lively: bool) -> Piece:
    """A leading tune, inner voices held or in repeated notes, a moving bass: one part for each player."""
    rng = piece.rng
    repeated = lively and chance(rng, 0.6)
    step = pick(rng, (0.5, 0.25)) if repeated else 0.0
    spread = np.linspace(-0.6, 0.6, len(players))
    for index, instrument in enumerate(players):
        part = piece.part(f"{instrument} {index + 1}", instrument, pan=float(spread[index]))
        low, high = _REGISTERS[4 if index == len(players) - 1 else index]
        if index == 0:
            part.line(tune_of(piece, QUICK_CELLS if lively else SONG_CELLS + SLOW_CELLS, low, high), 84)
        elif index == len(players) - 1:
            part.line(tune_of(piece, ((1, 1), (0.5, 0.5, 1)) if lively else SLOW_CELLS, low, high, 0.35), 72)
        elif chance(rng, 0.3):
            part.line(tune_of(piece, SONG_CELLS, low, high), 70)
        else:
            _inner(part, piece, index, (low + high) / 2, step)
    return piece


def _inner(part: PartBuilder, piece: Piece, voice: int, centre: float, step: float) -> None:
    """One voice of the harmony, held, or repeated each `step` beats when that is above 0."""
    for chord in piece.chords:
        pitch = chord.close(centre)[voice % len(chord.intervals)]
        for start in np.arange(0, chord.length, step or chord.length):
            part.add(chord.start + float(start), (step or chord.length) * (0.7 if step else 0.97), pitch, 62)


def _string_quartet(rng: np.random.Generator, seconds: float) -> Piece:
    lively = chance(rng, 0.5)
    piece = begin(rng, "string_quartet", seconds, (96, 160) if lively else (48, 84), each=(1.0, 0.5))
    return _chamber(piece, pick(rng, _QUARTETS, (5, 1, 1, 1, 1)), lively=lively)


def _wind_ensemble(rng: np.random.Generator, seconds: float) -> Piece:
    lively = chance(rng, 0.6)
    piece = begin(rng, "wind_chamber", seconds, (92, 150) if lively else (54, 88), each=(1.0, 0.5))
    return _chamber(piece, pick(rng, _WINDS), lively=lively)


def _brass_ensemble(rng: np.random.Generator, seconds: float) -> Piece:
    piece = begin(rng, "brass_ensemble", seconds, (66, 130), each=(1.0, 0.5), room=(0.3, 0.6))
    return _chamber(piece, pick(rng, _BRASSES), lively=chance(rng, 0.5))


def _duo(rng: np.random.Generator, seconds: float) -> Piece:
    """A soloist with piano or harp, or a piano trio."""
    piece = begin(rng, "solo_with_piano", seconds, (54, 132), rubato=between(rng, 0.0, 0.25))
    under = piece.part("accompaniment", pick(rng, ("grand_piano", "grand_piano", "harp")), pan=0.0, gain_db=-2)
    if chance(rng, 0.5):
        broken(under, piece.chords, (0, 2, 3, 4, 3, 2), pick(rng, (0.25, 0.5)), 43, 56, 2.0)
    else:
        oom_pah(under, under, piece.chords, piece.beats, bass=41, centre=60, velocity=64, pulses=int(piece.metre))
    soloist = pick(rng, ("violin", "cello", "flute", "clarinet", "oboe", "viola", "french_horn", "bassoon"))
    low = 45 if soloist in {"cello", "bassoon", "french_horn"} else 62
    piece.part("solo", soloist, gain_db=1).line(
        tune_of(piece, SONG_CELLS + QUICK_CELLS, low, low + 24, 0.25), 88, hold=1
    )
    if chance(rng, 0.3):
        piece.part("cello", "cello").line(tune_of(piece, SLOW_CELLS, 43, 62), 74)
    return piece


def _unaccompanied(rng: np.random.Generator, seconds: float) -> Piece:
    """One cello, violin, flute or guitar alone: broken chords that imply several voices, scales between."""
    piece = begin(rng, "unaccompanied", seconds, (60, 112), each=(0.5, 1.0), room=(0.2, 0.5), rubato=0.2, old=True)
    instrument, low = pick(rng, (("cello", 38), ("violin", 57), ("flute", 62), ("nylon_guitar", 42), ("viola", 50)))
    part = piece.part("solo", instrument, pan=0.0)
    halves = [tone for tone in tune_of(piece, RUN_CELLS, low + 4, low + 27) if chance(rng, 0.97)]
    split = pick(rng, (1, 2))
    bars = [int(tone.start // piece.metre) for tone in halves]
    part.line([tone for tone, bar in zip(halves, bars, strict=True) if bar % (2 * split) >= split], 80)
    arpeggiated = [chord for chord in piece.chords if int(chord.start // piece.metre) % (2 * split) < split]
    broken(part, arpeggiated, pick(rng, ((0, 2, 4, 3, 4, 2, 4, 2), (0, 1, 2, 3), (0, 2, 3, 2))), 0.25, low, 78, 1.0)
    return piece


def _continuo(rng: np.random.Generator, seconds: float) -> Piece:
    """A Baroque concerto or sonata: soloists in imitation, a driving bass, harpsichord or organ chords."""
    piece = begin(rng, "baroque_continuo", seconds, (66, 132), each=(0.5, 1.0), old=True)
    quick = piece.tempo < 116
    bass = tune_of(piece, ((0.5, 0.5), (0.5, 0.5), (1,)), 38, 57, 0.3)
    piece.part("cello", "cello", pan=0.3).line(bass, 76, hold=0.8)
    hold(
        piece.part("continuo", pick(rng, ("harpsichord", "church_organ")), gain_db=-3), piece.chords, 60, 64, 0.6, 0.02
    )
    players = pick(
        rng, (("violin", "violin"), ("recorder", "violin"), ("oboe", "oboe"), ("trumpet", "violin"), ("flute",))
    )
    tune = tune_of(piece, RUN_CELLS if quick else QUICK_CELLS, 64, 86)
    for index, instrument in enumerate(players):
        part = piece.part(f"{instrument} {index + 1}", instrument, pan=0.4 - 0.8 * index)
        part.line(tune if index == 0 else tune_of(piece, QUICK_CELLS, 60, 79), 82)
    if chance(rng, 0.5):
        hold(piece.part("ripieno", "string_section", gain_db=-4), piece.chords, 62, 58, 0.8)
    return piece


def _orchestra(rng: np.random.Generator, seconds: float) -> Piece:
    """A tutti: strings in octaves, sustained winds, brass calls, timpani, cymbals at the phrases' heads."""
    piece = begin(rng, "orchestra_tutti", seconds, (76, 160), room=(0.3, 0.6))
    tune = tune_of(piece, QUICK_CELLS + SONG_CELLS, 64, 88)
    violins = piece.part("violins", "string_section", pan=-0.4)
    violins.line(tune, 92)
    violins.line(tune, 80, shift=-12)
    hold(piece.part("winds", pick(rng, ("oboe", "flute", "clarinet")), pan=0.1, gain_db=-3), piece.chords, 72, 76)
    hold(piece.part("horns", "french_horn", pan=-0.2), piece.chords, 58, 84)
    low = piece.part("basses", "contrabass", pan=0.5)
    for chord in piece.chords:
        for start in np.arange(0, chord.length, pick(rng, (0.5, 1.0))):
            low.add(chord.start + float(start), 0.45, chord.bass(38), 84)
    brass = piece.part("brass", pick(rng, ("brass_section", "trumpet", "trombone")), pan=0.3)
    rhythm = pick(rng, ("x..xx...", "x.xxx...", "x.......", "X.x.x.x."))
    timpani = piece.part("timpani", "timpani", pan=0.2)
    cymbals = piece.part("cymbals", "orchestra_kit", gain_db=-3)
    for chord in piece.chords:
        if chance(rng, 0.6):
            for index, symbol in enumerate(rhythm[: int(chord.length * 2)]):
                if symbol != ".":
                    brass.chord(chord.start + index / 2, 0.45, chord.close(64), 96)
        timpani.add(chord.start, 1, chord.bass(44), 94)
        if chance(rng, 0.3):
            roll(timpani, chord.start + chord.length - 1, 1, chord.bass(44), 88)
        if chance(rng, 0.2):
            cymbals.add(chord.start, 2, 49, 90)
    return piece


def _symphonic_light(rng: np.random.Generator, seconds: float) -> Piece:
    """A scherzo or ballet scene: pizzicato, celesta and solo woodwinds with air between them."""
    piece = begin(rng, "symphonic_scherzo", seconds, (100, 170), metre=(3.0, 4.0, 2.0), room=(0.25, 0.5))
    plucked = piece.part("pizzicato", "pizzicato", pan=-0.2)
    oom_pah(plucked, plucked, piece.chords, piece.beats, bass=43, centre=62, velocity=74, pulses=int(piece.metre))
    tune = tune_of(piece, ((0.5, 0.5), (0.25, 0.25, 0.5), (1,), (-0.5, 0.5)), 70, 92, 0.3)
    players = [
        piece.part(name, name) for name in rng.permutation(("flute", "clarinet", "oboe", "celesta", "piccolo"))[:2]
    ]
    turn = piece.metre * pick(rng, (2, 4))
    for index, part in enumerate(players):
        part.line([tone for tone in tune if int(tone.start // turn) % 2 == index], 80, hold=0.6)
    if chance(rng, 0.5):
        hold(piece.part("strings", "string_section", gain_db=-4), piece.chords, 60, 52)
    if chance(rng, 0.4):
        piece.part("triangle", "orchestra_kit", gain_db=-6).hits(0, "x..." * piece.bars, 81, 60, piece.metre / 4)
    return piece


def _adagio(rng: np.random.Generator, seconds: float) -> Piece:
    """Slow strings: long suspended chords, a tune that climbs, sometimes a horn or an oboe or a harp."""
    piece = begin(rng, "adagio_strings", seconds, (40, 72), each=(0.5, 1.0), room=(0.35, 0.65), rubato=0.15)
    section = pick(rng, ("slow_strings", "string_section", "tremolo_strings"), (4, 3, 1))
    strings = piece.part("strings", section, pan=0.0)
    hold(strings, piece.chords, whole(rng, 55, 64), 56, 1.02)
    strings.line(tune_of(piece, SLOW_CELLS, 66, 90, 0.2), 74, hold=1.02)
    roots(piece.part("basses", "contrabass", pan=0.4), piece.chords, 38, 58, 1.0)
    if chance(rng, 0.5):
        solo = pick(rng, ("french_horn", "oboe", "cello", "clarinet", "violin"))
        piece.part("solo", solo).line(tune_of(piece, SLOW_CELLS + SONG_CELLS, 57, 76), 80)
    if chance(rng, 0.25):
        broken(piece.part("harp", "harp"), piece.chords, (0, 2, 3, 4, 5, 4), 0.5, 45, 54, 4)
    return piece


def _organ_chorale(rng: np.random.Generator, seconds: float) -> Piece:
    """Four-part writing on the organ, a chord for each note of the hymn, the pedal an octave below."""
    piece = begin(rng, "organ_chorale", seconds, (54, 92), each=(0.25,), metre=(4.0,), room=(0.45, 0.8), old=True)
    part = piece.part("organ", "church_organ", pan=0.0)
    _hymn(part, piece, 64, 74)
    for chord in piece.chords:
        part.add(chord.start, chord.length * 0.98, chord.bass(36), 76)
    return piece


def _hymn(part: PartBuilder, piece: Piece, centre: int, velocity: float) -> None:
    """Close chords below a tune in quarter notes, the last beat of each second bar held."""
    tune = tune_of(piece, ((1, 1, 1, 1), (2, 1, 1)), centre, centre + 14, 0.1)
    for tone in tune:
        chord = chord_at(piece.chords, tone.start)
        part.add(tone.start, tone.length * 0.97, tone.pitch, velocity + 6)
        below = [pitch for pitch in chord.close(centre - 5) if pitch < tone.pitch]
        part.chord(tone.start, tone.length * 0.97, below, velocity)


def _organ_toccata(rng: np.random.Generator, seconds: float) -> Piece:
    """Running sixteenths over slow pedal notes and full chords."""
    piece = begin(rng, "organ_toccata", seconds, (70, 132), metre=(4.0,), each=(0.5, 1.0), room=(0.5, 0.85), old=True)
    part = piece.part("organ", "church_organ", pan=0.0)
    if chance(rng, 0.5):
        broken(
            part,
            piece.chords,
            pick(rng, ((0, 3, 1, 3, 2, 3, 1, 3), (3, 2, 1, 2), (0, 1, 2, 3, 4, 3, 2, 1))),
            0.25,
            62,
            84,
        )
    else:
        part.line(tune_of(piece, ((0.25,) * 4,), 58, 88, 0.08), 84, hold=1.0)
    for chord in piece.chords:
        part.chord(chord.start, chord.length * 0.99, (chord.bass(36), chord.bass(36) + 12), 92)
        if chance(rng, 0.4):
            part.chord(chord.start, 0.5, chord.close(58), 84)
    return piece


def _choir(rng: np.random.Generator, seconds: float) -> Piece:
    """Voices alone: Renaissance polyphony, a hymn, or long luminous chords."""
    piece = begin(rng, "choir_a_cappella", seconds, (48, 92), each=(0.5, 0.25, 1.0), metre=(4.0,), room=(0.45, 0.85))
    if chance(rng, 0.4):
        _hymn(piece.part("choir", "choir", pan=0.0), piece, 64, 72)
        return piece
    names = ("soprano", "alto", "tenor", "bass")
    for name, (low, high) in zip(names, ((64, 80), (58, 73), (50, 66), (40, 57)), strict=True):
        part = piece.part(name, pick(rng, ("choir", "choir", "oohs")))
        part.line(tune_of(piece, SLOW_CELLS, low, high, 0.1), 70, hold=1.0)
    return piece


def _opera(rng: np.random.Generator, seconds: float) -> Piece:
    """An aria: a voice with leaps and long high notes over orchestra or piano."""
    piece = begin(rng, "opera_aria", seconds, (52, 124), room=(0.25, 0.5), rubato=between(rng, 0.0, 0.3))
    voice, low, high = pick(
        rng, (("voice_high", 60, 83), ("voice_high", 57, 76), ("voice_low", 48, 68), ("voice_low", 41, 62))
    )
    tune = [t for t in tune_of(piece, SONG_CELLS + SLOW_CELLS, low, high, 0.4) if int(t.start // piece.metre) % 4 < 3]
    piece.part("voice", voice, pan=0.0, gain_db=3).line(tune, 98, syllables=("la", "do", "no", "re", "mi", "a", "so"))
    under = pick(rng, ("string_section", "string_section", "grand_piano", "pizzicato"))
    strings = piece.part("orchestra", under, pan=-0.2)
    if chance(rng, 0.5):
        broken(strings, piece.chords, (0, 2, 3, 2), 0.5, 48, 58, 1.0)
    else:
        hold(strings, piece.chords, 60, 60)
    roots(piece.part("basses", "contrabass"), piece.chords, 40, 66)
    if chance(rng, 0.5):
        answer = [t for t in tune_of(piece, SONG_CELLS, 66, 84) if int(t.start // piece.metre) % 4 == 3]
        piece.part("answer", pick(rng, ("flute", "oboe", "clarinet", "french_horn"))).line(answer, 78)
    return piece


def _waltz(rng: np.random.Generator, seconds: float) -> Piece:
    """One-two-three on the piano or in the orchestra, the tune over it."""
    piece = begin(rng, "waltz", seconds, (132, 204), metre=(3.0,), each=(1.0, 2.0))
    cells = ((3,), (2, 1), (1, 1, 1), (1.5, 0.5, 1), (0.5,) * 6)
    tune = tune_of(piece, cells, 66, 88, 0.3)
    if chance(rng, 0.5):
        low = high = piece.part("piano", "grand_piano", pan=0.0)
        low.line(tune, 84)
    else:
        low, high = piece.part("basses", "contrabass", pan=0.5), piece.part("strings", "string_section", gain_db=-3)
        lead = piece.part("tune", pick(rng, ("string_section", "clarinet", "flute", "violin")))
        lead.line(tune, 86)
        if chance(rng, 0.5):
            hold(piece.part("horns", "french_horn", gain_db=-4), piece.chords, 58, 60)
    oom_pah(low, high, piece.chords, piece.beats, bass=40, centre=60, velocity=70, pulses=3)
    return piece


def _concerto(rng: np.random.Generator, seconds: float) -> Piece:
    """Piano or violin against the orchestra: they answer each other every few bars."""
    piece = begin(rng, "concerto", seconds, (72, 144), room=(0.25, 0.5))
    violin = chance(rng, 0.4)
    solo = piece.part("solo", "violin" if violin else "grand_piano", pan=0.0, gain_db=1)
    solo.line(tune_of(piece, RUN_CELLS + SONG_CELLS, 62, 94, 0.2), 90)
    if not violin:
        for chord in piece.chords:
            solo.chord(chord.start, chord.length, [chord.bass(34), *ladder(chord, 46, 4)], 78, 0.03)
    hold(piece.part("strings", "string_section", pan=-0.2), piece.chords, 62, 66)
    roots(piece.part("basses", "contrabass"), piece.chords, 38, 70)
    answer = [t for t in tune_of(piece, SONG_CELLS, 60, 80) if int(t.start // piece.metre) % 4 >= 2]
    piece.part("winds", pick(rng, ("oboe", "flute", "french_horn", "clarinet"))).line(answer, 80)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_counterpoint, 2), (_alberti, 1.5), (_romantic, 2.5), (_etude, 1), (_impression, 1), (_string_quartet, 2),
    (_wind_ensemble, 1), (_brass_ensemble, 0.6), (_duo, 2), (_unaccompanied, 1.2), (_continuo, 1.5), (_orchestra, 2),
    (_symphonic_light, 1.2), (_adagio, 2), (_organ_chorale, 0.7), (_organ_toccata, 0.7), (_choir, 1.2), (_opera, 1.5),
    (_waltz, 1.2), (_concerto, 1.2),
)  # fmt: skip

_FIRST = ("Prelude", "Sonata", "Elegy", "Divertimento", "Intermezzo", "Serenade", "Fantasy", "Variations", "Ode")
_SECOND = ("of the Lindens", "in Silver", "for a Winter Court", "of the Old Bridge", "at Dawn", "for Amalia", "in Grey")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new classical piece of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("classical", made_up_title(rng, _FIRST, _SECOND))
