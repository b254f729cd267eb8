"""Players: notes sound where they are written, slurs and phrases are understood, blocks are as good as the whole."""

from collections.abc import Sequence

import numpy as np
import pytest

from ccmusicd.capture.music.players import MAKERS
from ccmusicd.capture.music.playing import Instrument, Player, Stroke
from ccmusicd.capture.music.score import Note
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound

BEAT_S = 0.5


def clicks(heard: list[Stroke]) -> Instrument:
    def timbre(stroke: Stroke) -> Sound:
        heard.append(stroke)
        return np.ones(1, dtype=np.float32)

    return Instrument(timbre)


def test_notes_begin_at_their_sample_and_louder_ones_are_louder() -> None:
    notes = [Note(2.0, 1.0, 60, 127), Note(0.5, 1.0, 60, 40)]
    sound = Player(clicks([]), notes, BEAT_S).block(2 * SAMPLE_RATE)
    assert np.flatnonzero(sound).tolist() == [round(0.25 * SAMPLE_RATE), SAMPLE_RATE]
    assert sound[SAMPLE_RATE] == pytest.approx(1.0)
    assert 0.1 < sound[round(0.25 * SAMPLE_RATE)] < 0.5


def test_a_repeated_note_is_computed_once() -> None:
    heard: list[Stroke] = []
    Player(clicks(heard), [Note(beat, 0.9, 60 + beat % 2, 100) for beat in range(20)], BEAT_S).block(12 * SAMPLE_RATE)
    assert sorted(stroke.pitch for stroke in heard) == [60, 61]


def test_tuning_bends_every_pitch() -> None:
    heard: list[Stroke] = []
    Player(clicks(heard), [Note(0.0, 1.0, 60, 100)], BEAT_S, tuning=-20.0).block(SAMPLE_RATE)
    assert [stroke.pitch for stroke in heard] == [pytest.approx(59.8)]


def test_a_slur_comes_from_the_pitch_before_and_a_plain_note_from_nowhere() -> None:
    heard: list[Stroke] = []
    notes = [
        Note(0.0, 1.0, 60, 100), Note(1.0, 1.0, 64, 100, "legato"), Note(2.0, 1.0, 67, 100),
        Note(5.0, 1.0, 50, 100, "slide"), Note(8.0, 1.0, 72, 100, "legato"),
    ]  # fmt: skip
    Player(clicks(heard), notes, BEAT_S).block(6 * SAMPLE_RATE)
    assert [(stroke.pitch, stroke.before) for stroke in heard] == [
        (60, None),
        (64, 60),
        (67, None),
        (50, 67),
        (72, None),
    ]


def test_a_phrase_ends_at_a_rest_and_never_holds_two_notes_at_once() -> None:
    heard: list[list[float]] = []

    def sing(strokes: Sequence[Stroke]) -> Sound:
        heard.append([round(stroke.at_s, 3) for stroke in strokes])
        return np.ones(10, dtype=np.float32)

    notes = [Note(beat, 0.95, 60, 100) for beat in (0.0, 1.0, 2.0, 4.0, 5.0)] + [Note(5.0, 1.0, 67, 100)]
    Player(Instrument(sing, in_phrases=True), notes, BEAT_S).block(4 * SAMPLE_RATE)
    assert heard == [[0.0, 0.5, 1.0], [0.0, 0.5], [0.0]]


def test_what_rings_is_damped_when_its_time_is_up_and_a_drum_is_not() -> None:
    ringing = np.ones(2 * SAMPLE_RATE, dtype=np.float32)
    note = [Note(0.0, 1.0, 60, 127)]
    damped = Player(Instrument(lambda _: ringing, ends="damped"), note, BEAT_S).block(3 * SAMPLE_RATE)
    free = Player(Instrument(lambda _: ringing, ends="free"), note, BEAT_S).block(3 * SAMPLE_RATE)
    assert np.flatnonzero(damped).max() / SAMPLE_RATE == pytest.approx(0.62, abs=0.01)
    assert np.flatnonzero(free).max() / SAMPLE_RATE == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("name", ["distorted_guitar", "voice_low", "kit_808", "grand_piano"])
def test_blocks_of_any_length_join_to_the_part_as_a_whole(name: str) -> None:
    notes = [Note(beat * 0.75, 0.7, 45 if beat % 3 else 38, 70 + beat, syllable="sa") for beat in range(10)]
    whole = Player(MAKERS[name](np.random.default_rng(3)), notes, BEAT_S).block(5 * SAMPLE_RATE)
    player = Player(MAKERS[name](np.random.default_rng(3)), notes, BEAT_S)
    blocks = [player.block(length) for length in (SAMPLE_RATE, 777, SAMPLE_RATE, 20_000, 3 * SAMPLE_RATE)]
    np.testing.assert_allclose(np.concatenate(blocks)[: len(whole)], whole, atol=1e-4)
