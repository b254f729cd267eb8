import collections

import numpy as np
import pytest

from training.corpus import production
from training.corpus.effects import Sound
from training.corpus.production import produced, speed_of
from training.corpus.soundfont import RATE


def mix(seconds: float = 2.0) -> Sound:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(round(seconds * RATE)) * np.sin(np.arange(round(seconds * RATE)) / RATE * 3)
    return np.asarray(0.9 * sound / np.abs(sound).max(), np.float32)


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, _, step in production._CHAIN])
def test_every_step_changes_the_sound_and_says_how(name: str, step: production.Step) -> None:
    sound, text = step(mix(), np.random.default_rng(1))
    assert text
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    if name != "speed":
        assert len(sound) == len(mix())
    assert len(sound) != len(mix()) or not np.allclose(sound, mix(), atol=1e-4)


def test_pieces_differ_in_what_is_done_and_how_loud_they_are() -> None:
    counts: collections.Counter[str] = collections.Counter()
    levels = []
    for seed in range(25):
        sound, done = produced(mix(), np.random.default_rng(seed))
        counts.update(done.keys())
        levels.append(20 * np.log10(sound.std()))
        assert np.abs(sound).max() <= 1
        assert len(sound) == pytest.approx(len(mix()) / speed_of(done), rel=0.01)
    assert counts["loudness"] == 25
    assert 6 <= counts["codec"] <= 19
    assert len(counts) > 10
    assert max(levels) - min(levels) > 10


def test_the_same_seed_produces_the_same() -> None:
    first, done = produced(mix(), np.random.default_rng(7))
    again, done_again = produced(mix(), np.random.default_rng(7))
    assert np.array_equal(first, again)
    assert done == done_again


def test_silence_stays_finite() -> None:
    for seed in range(5):
        sound, _ = produced(np.zeros(RATE, np.float32), np.random.default_rng(seed))
        assert np.isfinite(sound).all()
