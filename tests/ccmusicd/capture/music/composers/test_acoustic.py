"""Classical, jazz, folk, world and ambient: what is true of every piece, and what makes each idiom."""

import functools
from collections.abc import Callable
from itertools import groupby

import numpy as np
import pytest

from ccmusicd.capture.music.composers import ambient, classical, folk, jazz, jazz_players, world
from ccmusicd.capture.music.composers.writing import chord_of
from ccmusicd.capture.music.score import INSTRUMENTS, Part, Score

_COMPOSERS: dict[str, Callable[[np.random.Generator, float], Score]] = {
    "classical": classical.compose, "jazz": jazz.compose, "folk": folk.compose, "world": world.compose,
    "ambient": ambient.compose,
}  # fmt: skip
_STYLES = {"classical": 12, "jazz": 10, "folk": 9, "world": 12, "ambient": 9}

_RANGES = {  # MIDI pitches of the real instruments
    "piano": (21, 108), "strings": (23, 105), "brass": (24, 88), "reed": (32, 94), "pipe": (53, 108),
    "acoustic_bass": (24, 68), "acoustic_guitar": (36, 90), "voice": (36, 86), "choir": (36, 86), "mallet": (45, 108),
    "electric_bass": (23, 68), "organ": (24, 100),
}  # fmt: skip


@functools.cache
def _pieces(genre: str) -> tuple[Score, ...]:
    return tuple(_COMPOSERS[genre](np.random.default_rng(seed), 30.0) for seed in range(60))


def _of(genre: str, *styles: str) -> list[Score]:
    found = [piece for piece in _pieces(genre) if piece.style in styles]
    assert found, f"no seed drew {styles}"
    return found


def _onsets(part: Part) -> list[float]:
    return [note.start for note in part.notes]


@pytest.mark.parametrize("genre", _COMPOSERS)
def test_notes_are_inside_the_piece_and_the_instruments_ranges(genre: str) -> None:
    for piece in _pieces(genre):
        assert piece.genre == genre
        assert piece.title
        assert piece.parts
        for part in piece.parts:
            instrument = INSTRUMENTS[part.instrument]
            low, high = (35, 81) if instrument.drums else _RANGES.get(instrument.family, (21, 108))
            for note in part.notes:
                assert 0 <= note.start < piece.beats, (piece.style, part.name)
                assert 0 < note.length <= piece.beats - note.start + 1e-6, (piece.style, part.name)
                assert low <= note.pitch <= high, (piece.style, part.instrument, note.pitch)
                assert 1 <= note.velocity <= 127


@pytest.mark.parametrize("genre", _COMPOSERS)
def test_pieces_last_as_long_as_asked_and_sound_to_their_end(genre: str) -> None:
    for piece in _pieces(genre):
        assert piece.seconds == pytest.approx(30, abs=4), piece.style
        assert piece.beats % piece.metre == pytest.approx(0)
        starts = sorted(note.start for part in piece.parts for note in part.notes)
        ends = max(note.start + note.length for part in piece.parts for note in part.notes)
        assert starts[0] < piece.beats / 4, piece.style
        assert ends > piece.beats * 0.8, piece.style
    assert _COMPOSERS[genre](np.random.default_rng(1), 90.0).seconds == pytest.approx(90, abs=6)


@pytest.mark.parametrize("genre", _COMPOSERS)
def test_styles_tempos_keys_and_instruments_are_many(genre: str) -> None:
    pieces = _pieces(genre)
    assert len({piece.style for piece in pieces}) >= _STYLES[genre]
    tempos = [piece.tempo for piece in pieces]
    assert max(tempos) / min(tempos) > 1.8
    assert len({part.instrument for piece in pieces for part in piece.parts}) >= 15
    loudness = [np.mean([note.velocity for part in piece.parts for note in part.notes]) for piece in pieces]
    assert np.std(loudness) > 5


@pytest.mark.parametrize("genre", _COMPOSERS)
def test_a_seed_is_a_piece(genre: str) -> None:
    compose = _COMPOSERS[genre]
    for seed in range(0, 40, 5):
        assert compose(np.random.default_rng(seed), 30.0) == _pieces(genre)[seed]
    assert len({(piece.style, piece.tempo, piece.parts) for piece in _pieces(genre)}) == len(_pieces(genre))


@pytest.mark.parametrize("genre", _COMPOSERS)
def test_the_pattern_says_whether_there_are_drums(genre: str) -> None:
    orchestral = {"timpani", "orchestra_kit"}
    for piece in _pieces(genre):
        drummed = any(INSTRUMENTS[p.instrument].drums and p.instrument not in orchestral for p in piece.parts)
        assert drummed == (piece.pattern != "none"), (piece.style, piece.pattern)


def test_a_walking_bass_plays_on_every_beat() -> None:
    for piece in _of("jazz", "swing_trio", "horn_quartet", "hard_bop", "big_band"):
        bass = next(part for part in piece.parts if part.instrument == "double_bass")
        played = np.array(_onsets(bass))
        for beat in range(int(piece.beats)):
            assert np.min(np.abs(played - beat)) < 0.3, (piece.style, beat)
        assert all(note.pitch <= 53 for note in bass.notes)


def test_the_ride_cymbal_swings() -> None:
    for piece in _of("jazz", "swing_trio", "horn_quartet", "hard_bop"):
        drums = next(part for part in piece.parts if INSTRUMENTS[part.instrument].drums)
        off = [note.start % 1 for note in drums.notes if note.pitch in {51, 59} and 0.3 < note.start % 1 < 0.9]
        assert 0.51 < np.median(off) < 0.72, piece.style


@pytest.mark.parametrize(
    ("symbol", "avoided"), [("ii:m7b5", {9}), ("V:7b9", {6, 9}), ("I:maj7", {10}), ("vii:dim7", {6})]
)
def test_an_improviser_avoids_what_clashes_with_the_chord(symbol: str, avoided: set[int]) -> None:
    assert not avoided & set(jazz_players.scale_of(chord_of(symbol, 0)))


def test_jazz_chords_have_sevenths_or_more() -> None:
    for piece in _of("jazz", "horn_quartet", "vocal_swing"):
        for part in (p for p in piece.parts if p.name == "comping"):
            together = [len(list(group)) for _, group in groupby(part.notes, key=lambda note: round(note.start))]
            assert np.median(together) >= 3


def test_ambient_has_no_drums_and_large_rooms() -> None:
    for piece in _pieces("ambient"):
        assert not any(INSTRUMENTS[part.instrument].drums for part in piece.parts)
        if piece.style != "field_recording":
            wettest = max(part.room for part in piece.parts)
            assert wettest >= 0.55, piece.style
            assert len([n for p in piece.parts for n in p.notes]) / piece.seconds < 25, piece.style


def test_field_recordings_are_nothing_else() -> None:
    for piece in _of("ambient", "field_recording"):
        assert {INSTRUMENTS[part.instrument].family for part in piece.parts} == {"noise"}


def test_ragas_have_a_drone_and_one_line_and_no_chords() -> None:
    for piece in _of("world", "raga_alap", "raga_gat"):
        names = {part.instrument for part in piece.parts}
        assert "tanpura" in names
        assert not any(INSTRUMENTS[name].family in {"piano", "organ", "acoustic_guitar"} for name in names)
        lead = next(part for part in piece.parts if part.name == "lead")
        gaps = np.diff(sorted(_onsets(lead)))
        assert np.mean(gaps < 0.02) < 0.05
        assert ("tabla" in names) == (piece.style == "raga_gat")


def test_talas_have_their_number_of_beats() -> None:
    beats = {"rupak": 7, "jhaptal": 10, "tintal": 16}
    played = [world._gat(np.random.default_rng(seed), 30.0) for seed in range(20)]
    assert {piece.pattern for piece in played} == set(beats)
    assert all(piece.metre == beats[piece.pattern] for piece in played)


def test_balkan_metres_are_odd_and_named() -> None:
    for piece in _of("world", "balkan"):
        assert piece.pattern == f"balkan_{round(piece.metre * 2)}_8"


def test_waltzes_and_jigs_are_in_three() -> None:
    assert all(piece.metre == 3 for piece in _of("classical", "waltz"))
    assert all(piece.metre == 3 for piece in _of("folk", "celtic_jig", "country_waltz"))
    assert all(piece.metre == 4 for piece in _of("folk", "celtic_reel"))


def test_bluegrass_has_a_banjo_and_no_drums() -> None:
    for piece in _of("folk", "bluegrass"):
        assert "banjo" in {part.instrument for part in piece.parts}
        assert piece.pattern == "none"


def test_classical_pieces_have_no_drum_kit_and_orchestras_are_large() -> None:
    for piece in _pieces("classical"):
        assert not any(INSTRUMENTS[part.instrument].family in {"drums", "drum_machine"} for part in piece.parts)
    assert all(len(piece.parts) >= 6 for piece in _of("classical", "orchestra_tutti"))


def test_voices_sing_syllables() -> None:
    for genre in ("classical", "jazz", "folk", "world"):
        sung = [note for piece in _pieces(genre) for p in piece.parts for note in p.notes if "voice_" in p.instrument]
        assert sung
        assert all(note.syllable for note in sung), genre
