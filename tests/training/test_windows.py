"""Batches: pictures as the engine draws them, each genre and artist as often as is said, the same seed the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ccmusic_stream.geometry import BINS, CQT_BINS, WINDOW_COLUMNS, Spectrogram
from ccmusic_stream.picture import picture
from training.augment import Strength
from training.features import Columns
from training.windows import (
    Example,
    Windows,
    centre_windows,
    class_weights,
    decibels_of,
    network_pictures,
    pictures,
)

NOTHING = Strength(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)


def _columns(seed: int, columns: int = 500) -> Columns:
    return np.random.default_rng(seed).integers(20, 200, (212, columns), dtype=np.uint8)


def _example(genre: int, artist: str, *, composed: bool = False, seed: int = 0) -> Example:
    facts = np.array([1.0, 0.0] if composed else [np.nan, np.nan], np.float32)
    return Example(_columns(seed), genre, artist, composed, facts)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [
        *(_example(0, "prolific", seed=number) for number in range(16)),
        _example(0, "rare", seed=16),
        _example(0, "piece", composed=True, seed=17),
        _example(1, "other", seed=18),
        _example(1, "other", seed=19),
        _example(2, "piece", composed=True, seed=20),
    ]


@pytest.mark.parametrize("kind", ["cqt", "mel"])
@pytest.mark.parametrize("profile", ["seed", "floor80"])
def test_pictures_of_full_width_are_the_engines(kind: Spectrogram, profile: str) -> None:
    rng = np.random.default_rng(3)
    slope = np.linspace(0, 90, BINS[kind])[None, :, None]
    levels = decibels_of((rng.integers(0, 120, (2, BINS[kind], WINDOW_COLUMNS)) + slope).astype(np.uint8))
    own = pictures(kind, torch.from_numpy(levels), profile)
    power = torch.from_numpy(10.0 ** (levels / (20.0 if kind == "cqt" else 10.0)))
    engines = picture(kind, power, profile)
    assert own.shape == engines.shape == (2, 1, 224, 224)
    difference = (own.int() - engines.int()).abs()
    assert difference.max() <= 1
    assert difference.float().mean() < 0.01
    assert own.max() > own.min() + 100


def test_a_profile_that_is_not_trained_on_is_refused() -> None:
    with pytest.raises(ValueError, match="seed, floor80"):
        pictures("cqt", torch.zeros(1, 84, 431), "ccmusic")


def test_network_pictures_are_normalised_by_a_half() -> None:
    given = network_pictures(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1))
    torch.testing.assert_close(given[:, :, 0, 0], torch.tensor([[-1.0] * 3, [1.0] * 3]))


def test_batches_have_the_shapes_that_are_promised(examples: list[Example]) -> None:
    windows = Windows(examples, "mel", "floor80", 4, width=96, mixup=0.0)
    batch = windows.batch(6, (1, 2, 3))
    assert batch.pictures.shape == (6, 3, 224, 96)
    assert -1.0 <= batch.pictures.min() < batch.pictures.max() <= 1.0
    assert batch.genres.shape == (6, 4)
    assert batch.facts.shape == (6, 2)
    np.testing.assert_array_equal(batch.genres.sum(dim=1), 1.0)
    assert windows.columns == 185


def test_the_same_seed_gives_the_same_batch_whatever_was_drawn_before(examples: list[Example]) -> None:
    windows = Windows(examples, "cqt", "seed", 3, width=32)
    first = windows.batch(4, (1, 7))
    other = windows.batch(4, (1, 8))
    again = Windows(examples, "cqt", "seed", 3, width=32).batch(4, (1, 7))
    for key in ("pictures", "genres", "facts"):
        torch.testing.assert_close(getattr(first, key), getattr(again, key), rtol=0, atol=0, equal_nan=True)
    assert (first.pictures != other.pictures).any()


def test_genres_are_drawn_as_weights_say_artists_by_the_root_of_their_number(examples: list[Example]) -> None:
    windows = Windows(examples, "cqt", "floor80", 3, real=0.75, weights=np.array([1.0, 0.0, 1.0]))
    rng = np.random.default_rng(5)
    drawn = [windows._example(rng) for _ in range(6_000)]
    genres = np.bincount([one.genre for one in drawn], minlength=3) / len(drawn)
    np.testing.assert_allclose(genres, [0.5, 0.0, 0.5], atol=0.03)
    first = [one for one in drawn if one.genre == 0]
    assert np.mean([one.composed for one in first]) == pytest.approx(0.25, abs=0.03)
    real = [one.artist for one in first if not one.composed]
    assert real.count("prolific") / len(real) == pytest.approx(4 / 5, abs=0.03)  # roots of 16 and of 1


def test_without_weights_all_genres_that_have_recordings_are_drawn_alike(examples: list[Example]) -> None:
    windows = Windows(examples, "cqt", "floor80", 5)
    rng = np.random.default_rng(6)
    genres = np.bincount([windows._example(rng).genre for _ in range(3_000)], minlength=5) / 3_000
    np.testing.assert_allclose(genres, [1 / 3, 1 / 3, 1 / 3, 0, 0], atol=0.04)


def test_weights_are_a_power_of_the_numbers(examples: list[Example]) -> None:
    np.testing.assert_array_equal(class_weights(examples, 4, 0.0), [1, 1, 1, 0])
    np.testing.assert_array_equal(class_weights(examples, 4, 1.0), [18, 2, 1, 0])


def test_talk_over_music_is_quieter_than_the_music() -> None:
    music, talk = (
        Example(np.full((212, 500), level, np.uint8), genre, "", composed=False, facts=np.empty(0, np.float32))
        for genre, level in ((0, 96), (1, 160))
    )
    over = Windows([music, talk], "cqt", "floor80", 2, talk=1, strength=replace(NOTHING, talk_over=1.0))
    music_db, talk_db = (float(decibels_of(one.columns[:1, :1])[0, 0]) for one in (music, talk))
    added = []
    for seed in range(30):
        window = over._window(music, np.random.default_rng(seed))
        assert np.ptp(window) < 1e-3
        added.append(float(window[0, 0]) - music_db)
        np.testing.assert_allclose(over._window(talk, np.random.default_rng(seed)), talk_db, atol=1e-3)
    least, most = (10 * np.log10(1 + 10 ** (-below / 10)) for below in (20, 6))
    assert least - 1e-3 <= min(added) < max(added) <= most + 1e-3
    assert max(added) - min(added) > 0.3


def test_where_no_talk_was_read_none_is_laid_over(examples: list[Example]) -> None:
    windows = Windows(examples, "cqt", "floor80", 5, talk=4, strength=replace(NOTHING, talk_over=1.0))
    rng = np.random.default_rng(0)
    assert windows._window(examples[0], rng).shape == (CQT_BINS, WINDOW_COLUMNS)


def test_mixed_windows_have_shares_and_facts_only_where_one_prevails() -> None:
    pieces = [_example(genre, "piece", composed=True, seed=genre) for genre in (0, 1)]
    windows = Windows(pieces, "cqt", "floor80", 2, width=16, mixup=1.0)
    unknown = set()
    for seed in range(40):
        batch = windows.batch(4, (seed,))
        np.testing.assert_allclose(batch.genres.sum(dim=1), 1.0, rtol=1e-5)
        share = float(batch.genres.max())
        pure = bool((batch.genres.max(dim=1).values == 1.0).all())
        assert share >= 0.5
        if not pure:
            assert bool(batch.facts.isnan().all()) == (float(batch.genres.max(dim=1).values.min()) < 0.7)
            unknown.add(bool(batch.facts.isnan().all()))
    assert unknown == {True, False}


def test_windows_lie_end_to_end_and_a_short_recording_is_repeated() -> None:
    ramp = np.tile((np.arange(2_000) % 256).astype(np.uint8), (212, 1))
    assert len(centre_windows(ramp[:, : 2 * WINDOW_COLUMNS + 100], "mel")) == 2  # a rest of less than a half
    three = centre_windows(ramp[:, : 2 * WINDOW_COLUMNS + 300], "mel")
    assert three.shape == (3, 128, WINDOW_COLUMNS)
    np.testing.assert_array_equal(three[2], decibels_of(ramp[84:, WINDOW_COLUMNS + 300 : 2 * WINDOW_COLUMNS + 300]))
    (short,) = centre_windows(ramp[:, :100], "cqt")
    np.testing.assert_array_equal(short[0], decibels_of(np.resize(ramp[0, :100], WINDOW_COLUMNS)))


def test_the_fingerprint_tells_data_and_choices_apart(examples: list[Example]) -> None:
    windows = Windows(examples, "cqt", "floor80", 3)
    others = (
        Windows(examples[:-1], "cqt", "floor80", 3),
        Windows(examples, "cqt", "seed", 3),
        Windows(examples, "cqt", "floor80", 4),
        Windows(examples, "cqt", "floor80", 3, weights=np.ones(3)),
        Windows([*examples[:-1], replace(examples[-1], genre=1)], "cqt", "floor80", 3),
        Windows([*examples[:-1], replace(examples[-1], facts=np.zeros(2, np.float32))], "cqt", "floor80", 3),
        Windows([*examples[:-1], replace(examples[-1], columns=_columns(99))], "cqt", "floor80", 3),
    )
    assert len({windows.fingerprint(), *(one.fingerprint() for one in others)}) == 1 + len(others)
    same = Windows(list(examples), "cqt", "floor80", 3, width=96)  # stages set the width
    assert same.fingerprint() == windows.fingerprint()
