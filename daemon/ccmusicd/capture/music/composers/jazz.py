"""Composes jazz: trios, quartets, big bands, ballads, Latin and gypsy jazz, dixieland, stride, fusion."""

from collections.abc import Callable, Mapping

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.jazz_players import (
    BALLAD_CELLS,
    BLUES,
    BOSSAS,
    CHANGES,
    FOUR,
    HEAD_CELLS,
    HORNS,
    LOWEST,
    OLD,
    VAMPS,
    begin_jazz,
    comped,
    head_tune,
    improvised,
    play_lead,
    rhythm_section,
    scale_of,
    swing_drums,
    two_feel_bass,
    walking_bass,
)
from ccmusicd.capture.music.composers.piece import Piece, groove, hold
from ccmusicd.capture.music.composers.writing import (
    between,
    chance,
    chord_at,
    made_up_title,
    pick,
    whole,
)
from ccmusicd.capture.music.score import Score


def _swing_trio(rng: np.random.Generator, seconds: float) -> Piece:
    piece = begin_jazz(rng, "swing_trio", seconds, (100, 270), BLUES + CHANGES, metre=pick(rng, (4.0, 4.0, 4.0, 3.0)))
    lead = pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", "vibraphone"))
    rhythm_section(piece, lead, pick(rng, ("drum_kit", "brush_kit")))
    play_lead(piece, lead, improvised(piece, LOWEST[lead], busy=between(rng, 0.3, 1)))
    return piece


def _quartet(rng: np.random.Generator, seconds: float) -> Piece:
    """A horn states the head, then it or the pianist plays a solo."""
    piece = begin_jazz(rng, "horn_quartet", seconds, (96, 250), BLUES + CHANGES)
    rhythm_section(piece, pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", None)))
    horn = pick(rng, HORNS)
    turn = piece.metre * round(piece.bars * between(rng, 0.2, 0.6))
    soloist = pick(rng, (horn, horn, "grand_piano"))
    play_lead(piece, horn, head_tune(piece, LOWEST[horn] + 3, turn))
    play_lead(piece, soloist, improvised(piece, LOWEST[soloist], busy=between(rng, 0.3, 1), start=turn))
    return piece


def _hard_bop(rng: np.random.Generator, seconds: float) -> Piece:
    """Trumpet and saxophone in unison or thirds, blues and minor, loud drums."""
    piece = begin_jazz(rng, "hard_bop", seconds, (120, 290), BLUES + CHANGES[4:5])
    rhythm_section(piece, "grand_piano")
    turn = piece.metre * round(piece.bars * between(rng, 0.3, 0.7))
    theme = head_tune(piece, 58, turn)
    play_lead(piece, "trumpet", theme, velocity=98)
    second = pick(rng, ("tenor_sax", "alto_sax", "trombone"))
    part = piece.part(second, second)
    part.line(theme, 92, shift=pick(rng, (-12, 0, -5, -3)))
    part.line(improvised(piece, LOWEST[second], busy=0.9, start=turn), 94)
    return piece


def _cool(rng: np.random.Generator, seconds: float) -> Piece:
    """Soft counterlines of baritone, muted trumpet, vibraphone or flute, often without a piano."""
    piece = begin_jazz(rng, "cool", seconds, (84, 168), CHANGES)
    rhythm_section(piece, pick(rng, (None, None, "vibraphone", "jazz_guitar")), "brush_kit")
    for name in pick(
        rng, (("baritone_sax", "muted_trumpet"), ("alto_sax", "trombone"), ("flute", "tenor_sax"), ("vibraphone",))
    ):
        busy = between(rng, 0.0, 0.5)
        play_lead(piece, name, improvised(piece, LOWEST[name], busy=busy), velocity=72)
    return piece


def _modal(rng: np.random.Generator, seconds: float) -> Piece:
    """Long vamps with fourths on the piano, sometimes in three."""
    piece = begin_jazz(rng, "modal", seconds, (104, 220), VAMPS, metre=pick(rng, (4.0, 4.0, 3.0)), room=(0.15, 0.4))
    walking_bass(piece, piece.part("bass", "double_bass", pan=0.0))
    piano = piece.part("piano", "grand_piano", gain_db=-2)
    for bar in range(piece.bars):
        for start in pick(rng, ((0.0, 1.5), (1.5,), (0.0, 2.5), (0.5, 2.0))):
            root = chord_at(piece.chords, bar * piece.metre + start).bass(50) + pick(rng, (0, 2, 2, 7))
            piano.chord(bar * piece.metre + start, 1.2, (root, root + 5, root + 10, root + 14), 76)
    swing_drums(piece)
    horn = pick(rng, ("tenor_sax", "soprano_sax", "trumpet", "grand_piano", "muted_trumpet", "alto_sax"))
    play_lead(piece, horn, improvised(piece, LOWEST[horn], busy=between(rng, 0.3, 1)))
    return piece


def _big_band(rng: np.random.Generator, seconds: float) -> Piece:
    """Saxophones carry riffs in block chords, brass answers with shots, a soloist between; four to the bar below."""
    piece = begin_jazz(rng, "big_band", seconds, (112, 230), BLUES + CHANGES[:4], room=(0.15, 0.4))
    rhythm_section(piece, "grand_piano")
    comped(piece, piece.part("guitar", "jazz_guitar", gain_db=-7), 55, 60, FOUR, 0.5)
    riff = head_tune(piece, 62, piece.beats)
    for index, name in enumerate(("alto_sax", "alto_sax", "tenor_sax", "baritone_sax")):
        part = piece.part(f"reed {index + 1}", name, pan=-0.5 + 0.1 * index, gain_db=-3)
        for tone in riff:
            pool = scale_of(chord_at(piece.chords, tone.start))
            part.add(tone.start, tone.length * 0.85, theory.stepped(pool, tone.pitch, -2 * index), 84)
    shots = pick(
        rng, (("......x.", "x..x....", "........"), ("x.x..x..", "........"), ("...x..x.", ".......x", "........"))
    )
    for name, centre in (("trumpet", 70), ("trombone", 58)):
        brass = piece.part(f"{name}s", name, pan=0.4, gain_db=-1)
        shape = [pick(rng, shots) for _ in range(4)]
        for bar in range(piece.bars):
            for index, symbol in enumerate(shape[bar % 4]):
                if symbol == "x":
                    beat = bar * piece.metre + index / 2
                    brass.chord(beat, pick(rng, (0.3, 0.3, 1.2)), chord_at(piece.chords, beat).close(centre), 104)
    if chance(rng, 0.6):
        soloist = pick(rng, ("tenor_sax", "trumpet", "clarinet", "voice_low", "voice_high"))
        start = piece.metre * round(piece.bars * between(rng, 0, 0.5))
        play_lead(piece, soloist, improvised(piece, LOWEST[soloist], busy=0.5, start=start), velocity=100)
    return piece


def _ballad(rng: np.random.Generator, seconds: float) -> Piece:
    """Brushes, two to the bar, rich held chords, a breathy soloist or a singer."""
    piece = begin_jazz(rng, "ballad", seconds, (48, 80), CHANGES[1:], room=(0.2, 0.45))
    two_feel_bass(piece, piece.part("bass", "double_bass", pan=0.0))
    chordal = pick(rng, ("grand_piano", "grand_piano", "rhodes", "jazz_guitar"))
    hold(piece.part("chords", chordal, gain_db=-3), piece.chords, 60, 58, 0.95, 0.03)
    if chance(rng, 0.85):
        swing_drums(piece, "brush_kit", 48)
    horn = pick(
        rng, ("tenor_sax", "muted_trumpet", "alto_sax", "grand_piano", "voice_low", "voice_high", "trumpet", "clarinet")
    )
    turn = pick(rng, (piece.beats, piece.beats / 2))
    play_lead(piece, horn, head_tune(piece, LOWEST[horn] + 3, turn, BALLAD_CELLS), velocity=76)
    play_lead(piece, horn, improvised(piece, LOWEST[horn], busy=0.6, start=turn), velocity=76)
    return piece


def _bossa(rng: np.random.Generator, seconds: float) -> Piece:
    """Even eighths, guitar or Rhodes in bossa rhythm, a rim click over two bars, root and fifth in the bass."""
    piece = begin_jazz(rng, "bossa_jazz", seconds, (104, 168), BOSSAS + CHANGES[1:3], straight=True)
    bass = piece.part("bass", pick(rng, ("double_bass", "fretless_bass")), pan=0.0)
    for beat in np.arange(0.0, piece.beats, 2.0):
        chord = chord_at(piece.chords, beat)
        root, fifth = chord.bass(38), theory.nearest([chord.root + 7], 36)
        bass.add(beat, 1.4, root if beat % 4 == 0 else fifth, 80)
        bass.add(beat + 1.5, 0.45, fifth if beat % 4 == 0 else root, 70)
    comping = pick(rng, ("nylon_guitar", "nylon_guitar", "rhodes", "grand_piano"))
    comped(piece, piece.part("comping", comping, gain_db=-2), 59, 66, ("x..x..x.", "..x..x..", "x.x..x.."), 0.5)
    drums = piece.part("drums", pick(rng, ("drum_kit", "brush_kit")), pan=0.0, gain_db=-3)
    groove(drums, piece.beats, {37: "x..x..x...x..x..", 36: "x..xx..x", 42: "xxxxxxxx"}, 60, step=0.5, rng=rng)
    piece.pattern = "bossa_nova"
    lead = pick(rng, ("tenor_sax", "flute", "grand_piano", "voice_high", "nylon_guitar", "muted_trumpet"))
    turn = piece.metre * round(piece.bars * between(rng, 0.3, 0.9))
    play_lead(piece, lead, head_tune(piece, LOWEST[lead], turn, BALLAD_CELLS + HEAD_CELLS), velocity=76)
    play_lead(piece, lead, improvised(piece, LOWEST[lead], busy=0.4, start=turn), velocity=78)
    return piece


def _latin(rng: np.random.Generator, seconds: float) -> Piece:
    """Clave, congas, cowbell, tumbao bass ahead of the bar, piano montuno, horns on top."""
    piece = begin_jazz(rng, "latin_jazz", seconds, (150, 230), VAMPS[:3] + CHANGES[4:5] + BLUES[2:], straight=True)
    bass, piano = piece.part("bass", "double_bass", pan=0.0), piece.part("montuno", "grand_piano")
    cycle = pick(rng, ("x.xx.xx.x.x.x.xx", "x..xx.x..x.xx.x.", "xx.xx.x.xx.x.xx."))
    for bar in range(piece.bars):
        start = bar * piece.metre
        chord, ahead = chord_at(piece.chords, start), chord_at(piece.chords, start + piece.metre)
        bass.add(start + 1.5, 1.4, theory.nearest([chord.root + 7], 38), 84)
        bass.add(start + 3, 1.4, ahead.bass(38), 88)
        voices = chord.close(65)
        for index, symbol in enumerate(cycle[8 * (bar % 2) : 8 * (bar % 2) + 8]):
            if symbol == "x":
                pitch = voices[index % len(voices)]
                piano.chord(start + index / 2, 0.4, (pitch, pitch + 12), 76)
    percussion = piece.part("percussion", "percussion", gain_db=-2)
    clave = pick(rng, ("x..x..x...x.x...", "..x.x...x..x..x.", "x..x...x..x.x..."))
    keys = {75: clave, 62: "..x...x.", 63: "......xx", 64: "....o...", 56: "x.xxx.xx"}
    groove(percussion, piece.beats, keys, 80, step=0.5, rng=rng)
    if chance(rng, 0.5):
        groove(
            piece.part("drums", "drum_kit", pan=0.0, gain_db=-3),
            piece.beats,
            {51: "x.xx.xx.", 36: "...x..x."},
            74,
            step=0.5,
        )
    piece.pattern = "clave"
    horn = pick(rng, ("trumpet", "flute", "tenor_sax", "vibraphone", "trombone"))
    play_lead(piece, horn, improvised(piece, LOWEST[horn], busy=between(rng, 0.3, 0.9)))
    return piece


def _gypsy(rng: np.random.Generator, seconds: float) -> Piece:
    """Guitars that pump chords on each beat, no drums; guitar, violin, clarinet or accordion in front."""
    piece = begin_jazz(rng, "gypsy_jazz", seconds, (150, 260), OLD)
    for index in range(whole(rng, 1, 2)):
        part = piece.part(f"rhythm guitar {index + 1}", "steel_guitar", pan=0.6 - 1.2 * index, gain_db=-3)
        for beat in range(int(piece.beats)):
            voices = chord_at(piece.chords, beat).close(54)
            part.chord(
                beat, 0.2 if beat % 2 else 0.45, voices, 92 if beat % 2 else 72, 0.012, "muted" if beat % 2 else ""
            )
    two_feel_bass(piece, piece.part("bass", "double_bass", pan=0.0))
    lead = pick(rng, ("nylon_guitar", "steel_guitar", "violin", "clarinet"))
    play_lead(piece, lead, improvised(piece, LOWEST[lead] + 6, busy=between(rng, 0.5, 1)), velocity=96)
    return piece


def _organ_trio(rng: np.random.Generator, seconds: float) -> Piece:
    """Hammond with its own bass, guitar or saxophone, a shuffle on the drums."""
    piece = begin_jazz(rng, "organ_trio", seconds, (92, 200), BLUES)
    walking_bass(piece, piece.part("pedals", "hammond", pan=0.0, gain_db=-2), 80)
    organ = piece.part("organ", pick(rng, ("hammond", "percussive_organ")), gain_db=-3)
    comped(piece, organ, 62, 70, long=1.2)
    swing_drums(piece)
    lead = pick(rng, ("jazz_guitar", "hammond", "tenor_sax"))
    play_lead(piece, lead, improvised(piece, LOWEST[lead], busy=between(rng, 0.3, 0.9)), velocity=92)
    return piece


def _dixieland(rng: np.random.Generator, seconds: float) -> Piece:
    """Three horns at once (tune, high garlands, low slides) over banjo or piano, tuba and drums."""
    piece = begin_jazz(rng, "dixieland", seconds, (130, 230), OLD + BLUES[1:2])
    two_feel_bass(piece, piece.part("bass", pick(rng, ("tuba", "tuba", "double_bass")), pan=0.2), 36, 90)
    chordal = pick(rng, ("banjo", "banjo", "honky_tonk"))
    comped(piece, piece.part("chords", chordal, gain_db=-3), 62, 76, FOUR, 0.35)
    play_lead(piece, "trumpet", head_tune(piece, 60, piece.beats), velocity=98)
    play_lead(piece, "clarinet", improvised(piece, 66, busy=1.0), velocity=84, gain_db=0)
    slides = piece.part("trombone", "trombone")
    for tone in head_tune(piece, 46, piece.beats, ((2, 2), (-1, 1, 2), (1, 1, 2), (4,))):
        slides.add(tone.start, tone.length * 0.9, tone.pitch, 88, "slide" if chance(rng, 0.4) else "")
    drums = piece.part("drums", "drum_kit", pan=0.0, gain_db=-3)
    groove(drums, piece.beats, {36: "x...x...", 38: "..xo..xx", 76: "..x.x.xx"}, 72, step=0.5, rng=rng, spare=0.15)
    piece.pattern = "two_beat"
    return piece


def _stride(rng: np.random.Generator, seconds: float) -> Piece:
    """Piano alone: bass octaves and chords in turn below, ragged lines and thirds above."""
    piece = begin_jazz(rng, "stride_piano", seconds, (100, 230), OLD + CHANGES[:1])
    part = piece.part("piano", pick(rng, ("grand_piano", "grand_piano", "honky_tonk", "bright_piano")), pan=0.0)
    for beat in range(int(piece.beats)):
        chord = chord_at(piece.chords, beat)
        if beat % 2 == 0:
            low = theory.nearest([chord.root + 7 * (beat % 4 // 2)], 38)
            part.chord(beat, 0.7, (low, low + pick(rng, (12, 12, 10))), 82)
        else:
            part.chord(beat, 0.4, chord.close(56), 68)
    tune = improvised(piece, 64, busy=0.7) if chance(rng, 0.5) else head_tune(piece, 66, piece.beats)
    part.line(tune, 88)
    if chance(rng, 0.5):
        for tone in tune[::2]:
            part.add(
                tone.start,
                tone.length * 0.9,
                theory.stepped(chord_at(piece.chords, tone.start).classes, tone.pitch, -1),
                70,
            )
    return piece


def _solo_instrument(rng: np.random.Generator, seconds: float) -> Piece:
    """One player or two, free of drums: piano reveries, guitar with bass, saxophone with bass."""
    piece = begin_jazz(rng, "solo_and_duo", seconds, (60, 180), CHANGES, room=(0.15, 0.45))
    if chance(rng, 0.5):
        part = piece.part("solo", pick(rng, ("grand_piano", "grand_piano", "jazz_guitar", "rhodes")), pan=0.0)
        hold(part, piece.chords, 55, 62, 0.95, 0.03)
        part.line(improvised(piece, 62, busy=between(rng, 0.1, 0.8)), 82)
        return piece
    walking_bass(piece, piece.part("bass", "double_bass", pan=0.2))
    lead = pick(rng, ("jazz_guitar", "tenor_sax", "grand_piano", "vibraphone", "clarinet"))
    if chance(rng, 0.4):
        comped(piece, piece.part("comping", "jazz_guitar", gain_db=-3), 57)
    play_lead(piece, lead, improvised(piece, LOWEST[lead], busy=between(rng, 0.2, 0.9)))
    return piece


def _fusion(rng: np.random.Generator, seconds: float) -> Piece:
    """Rhodes and electric bass over even sixteenths or broken beats, saxophone, guitar or synth solos."""
    piece = begin_jazz(rng, "fusion", seconds, (84, 132), VAMPS + CHANGES[5:6], straight=True)
    bass = piece.part("bass", pick(rng, ("fretless_bass", "slap_bass", "finger_bass")), pan=0.0)
    rhythm = pick(rng, ("x..x..x...x.x..x", "x.x...xx..x...x.", "x......xx.x..x.."))
    for bar in range(piece.bars):
        for index, symbol in enumerate(rhythm):
            beat = bar * piece.metre + index / 4
            if symbol == "x":
                chord = chord_at(piece.chords, beat)
                bass.add(beat, 0.3, theory.nearest([chord.root + pick(rng, (0, 0, 7, 10))], 38), 86)
    comped(piece, piece.part("rhodes", "rhodes", gain_db=-2), 62, 70)
    kit: Mapping[int, str] = {42: "xxxxxxxxxxxxxxxx", 36: "x.....x..x......", 38: "....X..o.o..X..o"}
    groove(piece.part("drums", "drum_kit", pan=0.0), piece.beats, kit, 78, rng=rng)
    piece.pattern = "fusion_sixteenths"
    lead = pick(rng, ("tenor_sax", "soprano_sax", "jazz_guitar", "rhodes", "trumpet"))
    play_lead(piece, lead, improvised(piece, LOWEST[lead], busy=between(rng, 0.5, 1)))
    return piece


def _vocal(rng: np.random.Generator, seconds: float) -> Piece:
    """A singer with a swinging trio, a horn answering."""
    piece = begin_jazz(rng, "vocal_swing", seconds, (92, 190), CHANGES)
    rhythm_section(piece, pick(rng, ("grand_piano", "jazz_guitar")), pick(rng, ("drum_kit", "brush_kit")))
    voice = pick(rng, ("voice_high", "voice_low"))
    play_lead(piece, voice, head_tune(piece, LOWEST[voice], piece.beats, HEAD_CELLS + BALLAD_CELLS), gain_db=3)
    if chance(rng, 0.6):
        horn = pick(rng, ("tenor_sax", "trumpet", "muted_trumpet", "clarinet"))
        play_lead(piece, horn, improvised(piece, LOWEST[horn], busy=0.0), velocity=70, gain_db=-2)
    return piece


_STYLES: tuple[tuple[Callable[[np.random.Generator, float], Piece], float], ...] = (
    (_swing_trio, 2.5), (_quartet, 3), (_hard_bop, 1.5), (_cool, 1.2), (_modal, 1.2), (_big_band, 2), (_ballad, 2),
    (_bossa, 1.5), (_latin, 1.2), (_gypsy, 1.2), (_organ_trio, 1), (_dixieland, 1.2), (_stride, 1),
    (_solo_instrument, 1.2), (_fusion, 1), (_vocal, 1.2),
)  # fmt: skip

_FIRST = ("Blue", "Midnight", "Smoky", "Velvet", "Crooked", "Uptown", "Lazy", "Sideways", "Copper")
_SECOND = ("Stroll", "Turnaround", "Lantern", "Avenue", "Bounce", "Corner", "Sunday", "Telegram", "Taxi")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """A new jazz piece of about so many seconds."""
    write = pick(rng, [style for style, _ in _STYLES], [weight for _, weight in _STYLES])
    return write(rng, seconds).score("jazz", made_up_title(rng, _FIRST, _SECOND))
