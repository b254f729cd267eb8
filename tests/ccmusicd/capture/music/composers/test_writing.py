import numpy as np
import pytest

from ccmusicd.capture.music.composers import writing
from ccmusicd.capture.music.composers.piece import Piece, broken, groove, ladder, oom_pah


def test_chord_symbols_name_root_and_quality() -> None:
    assert writing.chord_of("I", 0).classes == (0, 4, 7)
    assert writing.chord_of("ii", 0).classes == (2, 5, 9)
    assert writing.chord_of("bVII:7", 2).classes == (0, 4, 7, 10)
    assert writing.chord_of("#iv:dim7", 0).classes == (6, 9, 0, 3)


def test_a_progression_fills_the_beats_and_shares_places() -> None:
    chords = writing.progression("I ii:m7,V:7", 0, 4.0, 14.0)
    assert [(chord.start, chord.length, chord.root) for chord in chords] == [
        (0, 4, 0), (4, 2, 2), (6, 2, 7), (8, 4, 0), (12, 2, 2),
    ]  # fmt: skip
    assert writing.chord_at(chords, 6.5).root == 7
    with pytest.raises(ValueError, match="needs a chord"):
        writing.progression("", 0, 4.0, 8.0)


def test_swing_moves_off_beats_only() -> None:
    assert writing.swung(3.0, 2 / 3) == pytest.approx(3.0)
    assert writing.swung(3.5, 2 / 3) == pytest.approx(3 + 2 / 3)
    assert writing.swung(3.25, 0.6, unit=0.5) == pytest.approx(3.3)
    assert writing.swung(1.75, 0.5) == pytest.approx(1.75)


def test_a_melody_keeps_to_scale_and_range_and_repeats_its_rhythm() -> None:
    chords = writing.progression("I IV V I", 0, 4.0, 32.0)
    tones = writing.melody(
        np.random.default_rng(5), chords, writing.SCALES["major"], ((1, 1), (0.5, 0.5, 1)), low=60, high=79, form="AB"
    )
    assert all(60 <= tone.pitch <= 79 and tone.pitch % 12 in writing.SCALES["major"] for tone in tones)
    rhythms = [[tone.start % 4 for tone in tones if tone.start // 4 == bar] for bar in range(8)]
    assert rhythms[0] == rhythms[2] == rhythms[6]
    assert tones[0].pitch % 12 in chords[0].classes


def test_a_part_ends_with_the_piece_and_keeps_to_its_compass() -> None:
    part = writing.PartBuilder("flute", "flute", np.random.default_rng(0), timing=0.0, dynamics=0.0)
    part.add(2.0, 9.0, 30, 200)
    part.add(1.0, 1.0, 72, 64)
    part.add(8.0, 1.0, 72, 64)
    notes = part.build(4.0).notes
    assert [(note.start, note.length, note.pitch, note.velocity) for note in notes] == [(1, 1, 72, 64), (2, 2, 66, 127)]


def test_hits_are_accents_strokes_and_ghosts() -> None:
    part = writing.PartBuilder("drums", "drum_kit", np.random.default_rng(0), timing=0.0, dynamics=0.0)
    part.hits(0.0, "X.xo", 36, 80, 0.5)
    assert [(note.start, note.velocity) for note in part.build(4.0).notes] == [(0.0, 96), (1.0, 80), (1.5, 40)]


def _piece() -> Piece:
    piece = Piece(np.random.default_rng(2), "study", 20.0, tempo=(120, 120), loose=(0.0, 0.0))
    piece.harmony(("I IV",))
    return piece


def test_a_piece_has_whole_bars_and_leaves_silent_parts_out() -> None:
    piece = _piece()
    piece.part("silent", "flute")
    broken(piece.part("piano", "grand_piano"), piece.chords, (0, 1, 2), 0.5, 48, 80)
    score = piece.score("folk", "A Study")
    assert [part.name for part in score.parts] == ["piano"]
    assert (score.beats, score.seconds) == (40, 20)
    assert len(score.parts[0].notes) == 80


def test_a_ladder_rises_from_the_root() -> None:
    rungs = ladder(writing.chord_of("V:9", 0), 40, 7)
    assert rungs == sorted(rungs)
    assert rungs[0] == 43


def test_a_waltz_bass_sounds_on_the_first_beat() -> None:
    piece = _piece()
    low, high = piece.part("low", "double_bass"), piece.part("high", "grand_piano")
    oom_pah(low, high, piece.chords, piece.beats, bass=38, centre=60, velocity=80, pulses=3)
    assert [round(note.start) % 3 for note in low.build(piece.beats).notes] == [0] * 14
    assert {round(note.start) % 3 for note in high.build(piece.beats).notes} == {1, 2}


def test_a_groove_repeats_to_the_end_and_drops_no_accents() -> None:
    piece = _piece()
    drums = piece.part("drums", "drum_kit")
    groove(drums, piece.beats, {36: "X.", 42: "xx"}, 80, step=0.5, rng=piece.rng, spare=0.5)
    notes = drums.build(piece.beats).notes
    assert sum(note.pitch == 36 for note in notes) == 40
    assert 20 < sum(note.pitch == 42 for note in notes) < 60
