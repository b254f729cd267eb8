import numpy as np
import pytest

from ccmusicd.capture.music.score import Note, Part, Score
from training.corpus.mixing import Room, Sound, convolved, loud_level, mixed, part_gain
from training.corpus.soundfont import RATE

BEATS = tuple(Note(float(beat), 0.5, 36, 90) for beat in range(8))


def score_of(*parts: Part, pumping: float = 0.0) -> Score:
    return Score("test", "test", "Test", 120.0, 4.0, 8.0, "none", parts, pumping=pumping)


def noise(seed: int = 0, seconds: float = 6.0, level: float = 0.1) -> Sound:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def test_a_mix_is_as_long_as_its_parts_and_peaks_below_full_scale() -> None:
    parts = (Part("a", "grand_piano", BEATS, room=0.4), Part("b", "finger_bass", BEATS))
    mix = mixed(score_of(*parts), [noise(1), noise(2)], np.random.default_rng(0))
    assert mix.dtype == np.float32
    assert len(mix) == 6 * RATE
    assert np.abs(mix).max() == pytest.approx(0.9, abs=1e-4)


def test_silent_parts_are_silence() -> None:
    part = Part("a", "grand_piano", ())
    assert not mixed(score_of(part), [np.zeros(RATE, np.float32)], np.random.default_rng(0)).any()


def test_gain_is_the_same_however_loud_the_rendering_was() -> None:
    part = Part("a", "flute", BEATS)
    levels = [
        part_gain(part, noise(level=level), np.random.default_rng(0)) * loud_level(noise(level=level))
        for level in (0.01, 0.3)
    ]
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)


@pytest.mark.parametrize(
    ("softer", "by_db"),
    [
        (Part("a", "flute", BEATS, gain_db=-6.0), 6.0),
        (Part("a", "flute", BEATS, pan=-1.0), 3.0),
        (Part("a", "flute", tuple(Note(beat, 1, 60, 45) for beat in range(8))), 4.2),
    ],
)
def test_gain_follows_the_part(softer: Part, by_db: float) -> None:
    plain, soft = (part_gain(part, noise(), np.random.default_rng(0)) for part in (Part("a", "flute", BEATS), softer))
    assert 20 * np.log10(plain / soft) == pytest.approx(by_db, abs=0.1)


def test_pumping_ducks_what_is_no_drum_at_the_kick() -> None:
    parts = (Part("kick", "drum_kit", BEATS), Part("pad", "choir", BEATS, room=0.0))
    sounds = [np.zeros(6 * RATE, np.float32), noise()]
    flat, pumped = (mixed(score_of(*parts, pumping=depth), sounds, np.random.default_rng(0)) for depth in (0.0, 1.0))
    at_kick, before_kick = (
        np.mean([pumped[start + shift : start + shift + 1000].std() for start in range(RATE, 3 * RATE, RATE // 2)])
        for shift in (300, -1500)
    )
    assert at_kick < 0.5 * before_kick
    assert flat[RATE + 300 : RATE + 1300].std() == pytest.approx(flat[RATE - 1500 : RATE - 500].std(), rel=0.15)


def test_a_room_answers_after_its_predelay_and_dies_away() -> None:
    room = Room(decay_s=1.0, predelay_s=0.03, damping_hz=4000.0, wet_db=0.0)
    response = room.response(np.random.default_rng(0))
    assert not response[: round(0.03 * RATE) - 1].any()
    assert np.sum(response**2) == pytest.approx(1.0, rel=1e-3)
    early, late = response[RATE // 10 : RATE // 5].std(), response[RATE * 6 // 10 : RATE * 7 // 10].std()
    assert 20 * np.log10(early / late) == pytest.approx(30, abs=4)


def test_convolution_is_the_sum_of_delayed_copies() -> None:
    sound = noise(seconds=0.1)
    response = np.zeros(500, np.float32)
    response[[0, 100]] = (1.0, 0.5)
    expected = sound.copy()
    expected[100:] += 0.5 * sound[:-100]
    assert np.allclose(convolved(sound, response), expected, atol=1e-5)
