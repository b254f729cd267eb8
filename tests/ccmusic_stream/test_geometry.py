"""The numbers of columns and windows agree with each other."""

import pytest

from ccmusic_stream import geometry


def test_a_window_is_ten_seconds_as_a_centred_transform_gives_them() -> None:
    assert geometry.WINDOW_COLUMNS == 10 * geometry.SAMPLE_RATE // geometry.HOP_LENGTH + 1


def test_the_longest_cqt_kernel_is_the_next_power_of_two() -> None:
    quality = 1 / (2 ** (1 / geometry.CQT_BINS_PER_OCTAVE) - 1)
    length = quality * geometry.SAMPLE_RATE / geometry.CQT_FMIN_HZ
    assert geometry.CQT_KERNEL // 2 < length <= geometry.CQT_KERNEL


def test_the_highest_cqt_bin_lies_under_half_the_sample_rate() -> None:
    highest = geometry.CQT_FMIN_HZ * 2 ** ((geometry.CQT_BINS - 1) / geometry.CQT_BINS_PER_OCTAVE)
    assert highest < geometry.SAMPLE_RATE / 2


def test_a_column_lags_by_half_its_kernel() -> None:
    assert geometry.LAG_COLUMNS == {"cqt": 16, "mel": 2}


def test_a_window_of_either_kind_is_determined_by_what_primes_it() -> None:
    for kind, lag in geometry.LAG_COLUMNS.items():
        for profile in ("seed", "floor80", "ccmusic"):
            assert geometry.window_columns(profile) - 1 + 2 * lag <= geometry.PRIME_COLUMNS, kind
    assert geometry.PRIME_COLUMNS == 521


@pytest.mark.parametrize("profile", ["seed", "floor80"])
def test_the_articles_profiles_show_its_ten_seconds_of_its_transforms(profile: str) -> None:
    assert geometry.window_columns(profile) == 431
    assert geometry.transform_of("cqt", profile) == "cqt"
    assert geometry.transform_of("mel", profile) == "mel"


def test_the_published_demos_profile_shows_its_slice_of_librosas_transforms() -> None:
    assert geometry.window_columns("ccmusic") == round(11.4 * geometry.SAMPLE_RATE) // geometry.HOP_LENGTH == 490
    assert geometry.transform_of("cqt", "ccmusic") == "cqt_librosa"
    assert geometry.transform_of("mel", "ccmusic") == "mel_librosa"
