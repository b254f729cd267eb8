"""Popular genres and speech: what they write is sane, varied and true to the idiom."""

import itertools
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest

from ccmusicd.capture.music.composers import electronic, hip_hop, metal, pop, reggae, rnb, rock, speech
from ccmusicd.capture.music.score import INSTRUMENTS, Part, Score

COMPOSERS: Mapping[str, Callable[[np.random.Generator, float], Score]] = {
    "electronic": electronic.compose,
    "hip_hop": hip_hop.compose,
    "rock": rock.compose,
    "metal": metal.compose,
    "rnb": rnb.compose,
    "reggae": reggae.compose,
    "pop": pop.compose,
    "speech": speech.compose,
}
SEEDS = range(44)
SUNG = {"voice_low", "voice_high", "growl"}


@cache
def pieces(genre: str) -> tuple[Score, ...]:
    return tuple(COMPOSERS[genre](np.random.default_rng(seed), 30.0) for seed in SEEDS)


def of_style(genre: str, style: str) -> list[Score]:
    found = [piece for piece in pieces(genre) if piece.style == style]
    assert found, f"no {style} among the seeds"
    return found


def of_pattern(genre: str, pattern: str) -> list[Score]:
    found = [piece for piece in pieces(genre) if piece.pattern == pattern]
    assert found, f"no {pattern} among the seeds"
    return found


def drums_of(piece: Score) -> Part:
    return next(part for part in piece.parts if part.name == "drums")


def places(piece: Score, key: int, grid: float = 0.25) -> dict[int, set[float]]:
    """In each bar, the beats (from 0) at which a key is struck, rounded to the grid."""
    found: dict[int, set[float]] = {}
    for note in drums_of(piece).notes:
        if note.pitch == key:
            beat = round(note.start / grid) * grid
            found.setdefault(int(beat // 4), set()).add(beat % 4)
    return found


@pytest.mark.parametrize("genre", COMPOSERS)
def test_notes_lie_within_the_piece_and_in_sane_ranges(genre: str) -> None:
    for piece in pieces(genre):
        assert piece.genre == genre
        assert piece.title.strip()
        assert 22 <= piece.seconds <= 38, piece.style
        assert 40 <= piece.tempo <= 225
        assert 0 <= piece.pumping <= 1
        for part in piece.parts:
            instrument = INSTRUMENTS[part.instrument]
            assert part.notes
            assert -1 <= part.pan <= 1
            assert 0 <= part.room <= 1
            for note in part.notes:
                assert 0 <= note.start < piece.beats
                assert note.length > 0
                assert note.start + note.length <= piece.beats + 1e-6
                assert 1 <= note.velocity <= 127
                low, high = (35, 81) if instrument.drums else (20, 108)
                assert low <= note.pitch <= high, (piece.style, part.name, note)


@pytest.mark.parametrize("genre", COMPOSERS)
def test_many_styles_tempos_keys_and_instruments(genre: str) -> None:
    styles = {piece.style for piece in pieces(genre)}
    assert len(styles) >= (6 if genre == "speech" else 8)
    assert len({round(piece.tempo) for piece in pieces(genre)}) >= 20
    if genre != "speech":
        assert len({part.instrument for piece in pieces(genre) for part in piece.parts}) >= 10


@pytest.mark.parametrize("genre", COMPOSERS)
def test_a_seed_gives_the_same_piece_and_others_differ(genre: str) -> None:
    compose = COMPOSERS[genre]
    assert compose(np.random.default_rng(5), 12.0) == compose(np.random.default_rng(5), 12.0)
    first = [tuple(part.notes[:4] for part in piece.parts) for piece in pieces(genre)]
    assert len(set(first)) == len(first)


@pytest.mark.parametrize("seconds", [8.0, 75.0])
@pytest.mark.parametrize("genre", COMPOSERS)
def test_length_is_about_as_asked(genre: str, seconds: float) -> None:
    for seed in range(3):
        assert abs(COMPOSERS[genre](np.random.default_rng(seed), seconds).seconds - seconds) <= 4.0


@pytest.mark.parametrize("genre", ["electronic", "reggae", "rnb", "pop"])
def test_four_on_the_floor_has_a_kick_on_every_beat_of_bars_with_kicks(genre: str) -> None:
    for piece in of_pattern(genre, "four_on_the_floor"):
        bars = places(piece, 36)
        assert len(bars) >= piece.beats / 4 * 0.3, piece.style
        assert all({0.0, 1.0, 2.0, 3.0} <= beats for beats in bars.values()), piece.style


def test_one_drop_leaves_beat_one_empty_and_kicks_on_three() -> None:
    for piece in of_pattern("reggae", "one_drop"):
        bars = places(piece, 36)
        assert bars
        assert all(0.0 not in beats and 2.0 in beats for beats in bars.values()), piece.style


def test_backbeats_have_the_snare_on_two_and_four() -> None:
    for piece in of_pattern("rock", "backbeat"):
        snares = places(piece, 38)
        strokes = [{1.0, 3.0} & beats or {2.0} & beats for beats in snares.values()]
        assert sum(map(bool, strokes)) >= 0.7 * len(strokes), piece.style


def test_trap_rolls_its_hats_over_808s() -> None:
    for piece in of_style("hip_hop", "trap"):
        hats = next(part for part in piece.parts if part.name == "hats")
        starts = np.array([note.start for note in hats.notes])
        assert (np.diff(starts) < 0.2).mean() > 0.1
        assert (np.diff(starts) > 0.22).any()
        assert any(part.instrument == "bass_808" for part in piece.parts)


def test_about_half_of_hip_hop_is_rapped_in_syllables_of_sixteenths() -> None:
    rapped = [piece for piece in pieces("hip_hop") if any(part.instrument == "rap" for part in piece.parts)]
    assert 0.3 <= len(rapped) / len(SEEDS) <= 0.75
    for piece in rapped:
        part = next(part for part in piece.parts if part.instrument == "rap")
        assert all(note.syllable for note in part.notes)
        assert len(part.notes) > 3 * piece.seconds / 30 * 10


@pytest.mark.parametrize("style", ["ska", "roots", "rockers", "rocksteady", "lovers_rock"])
def test_the_skank_is_on_the_off_beats(style: str) -> None:
    pieces_of = [piece for piece in pieces("reggae") if piece.style == style]
    pieces_of = pieces_of or [piece for piece in map(_reggae, range(100, 200)) if piece.style == style][:2]
    assert pieces_of
    for piece in pieces_of:
        skank = next(part for part in piece.parts if part.name == "skank")
        on_beat = [note for note in skank.notes if abs(note.start - round(note.start)) < 0.12]
        off = [note for note in skank.notes if abs(note.start % 1 - 0.5) < 0.2]
        downbeats = [note for note in on_beat if round(note.start) % 4 in {0, 2}]
        assert not downbeats
        assert len(off) + len(on_beat) >= 0.5 * len(skank.notes)
        assert style != "ska" or len(off) == len(skank.notes)


def _reggae(seed: int) -> Score:
    return reggae.compose(np.random.default_rng(seed), 20.0)


def test_reggae_always_has_a_bass_below_the_skank() -> None:
    for piece in pieces("reggae"):
        bass = next(part for part in piece.parts if part.name == "bass")
        assert np.median([note.pitch for note in bass.notes]) < 46


def test_metal_always_has_two_distorted_guitars_and_drums() -> None:
    for piece in pieces("metal"):
        distorted = [part for part in piece.parts if INSTRUMENTS[part.instrument].family == "distorted_guitar"]
        assert len(distorted) >= 2
        assert min(note.pitch for part in distorted for note in part.notes) <= 52
        assert drums_of(piece).notes


def test_blast_beats_are_dense_and_double_kicks_run() -> None:
    for pattern, least in (("blast", 2.0), ("double_kick", 2.8)):
        for piece in of_pattern("metal", pattern):
            kicks = sum(note.pitch == 36 for note in drums_of(piece).notes)
            assert kicks / piece.beats >= least * 0.9, piece.style


def test_thrash_mutes_its_strings_with_the_palm() -> None:
    for piece in of_style("metal", "thrash"):
        assert any(note.articulation == "muted" for part in piece.parts for note in part.notes)


@pytest.mark.parametrize(
    ("genre", "least", "most"),
    [("rock", 0.3, 0.75), ("metal", 0.3, 0.75), ("rnb", 0.35, 0.8), ("reggae", 0.25, 0.75), ("pop", 0.85, 1.0)],
)
def test_share_of_pieces_that_are_sung(genre: str, least: float, most: float) -> None:
    sung = [piece for piece in pieces(genre) if any(part.instrument in SUNG for part in piece.parts)]
    assert least <= len(sung) / len(SEEDS) <= most


@pytest.mark.parametrize("genre", ["rock", "rnb", "reggae", "pop", "metal"])
def test_a_singer_sings_syllables_one_at_a_time_and_breathes(genre: str) -> None:
    lines = [part for piece in pieces(genre) for part in piece.parts if part.name == "voice"]
    assert lines
    for part in lines:
        assert all(note.syllable for note in part.notes)
        starts = np.array([note.start for note in part.notes])
        ends = np.array([note.start + note.length for note in part.notes])
        gaps = starts[1:] - ends[:-1]
        assert (gaps > -0.15).all()
        assert (gaps > 0.3).sum() >= len(starts) / 40


def test_funk_scratches_sixteenths_over_a_bass() -> None:
    for piece in of_style("rnb", "funk"):
        scratch = next(part for part in piece.parts if part.name == "scratch guitar")
        muted = [note for note in scratch.notes if note.articulation == "muted"]
        assert len(muted) > len(scratch.notes) * 0.2 or len(scratch.notes) / piece.beats < 5


def test_speech_is_talk_without_drums_and_pauses() -> None:
    for piece in pieces("speech"):
        talk = [part for part in piece.parts if part.instrument == "talk"]
        assert 1 <= len(talk) <= 2
        assert piece.pattern == "none"
        assert not any(INSTRUMENTS[part.instrument].drums for part in piece.parts)
        spoken = sum(note.length for part in talk for note in part.notes) / piece.beats
        assert 0.4 <= spoken < 1.0, piece.style
        others = [part for part in piece.parts if part.instrument != "talk"]
        assert all(part.gain_db <= -11 for part in others)
        assert (piece.style == "talk_over") == any(part.name == "bed" for part in others)


def test_two_speakers_take_turns_at_different_heights() -> None:
    dialogues = [piece for piece in pieces("speech") if sum(part.instrument == "talk" for part in piece.parts) == 2]
    assert dialogues
    for piece in dialogues:
        first, second = (part for part in piece.parts if part.instrument == "talk")
        assert abs(np.mean([n.pitch for n in first.notes]) - np.mean([n.pitch for n in second.notes])) > 1
        notes = sorted((*first.notes, *second.notes), key=lambda note: note.start)
        overlaps = [a.start + a.length - b.start for a, b in itertools.pairwise(notes)]
        assert max(overlaps) < 0.5
