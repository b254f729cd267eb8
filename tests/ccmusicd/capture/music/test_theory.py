"""Scales, chords and voice leading."""

import pytest

from ccmusicd.capture.music.theory import HARMONIC_MINOR, MAJOR, nearest, scale_chord, stepped, transposed, voiced


def test_chords_of_the_scale_are_stacked_thirds() -> None:
    assert scale_chord(MAJOR, 0) == (0, 4, 7)
    assert scale_chord(MAJOR, 4, notes=4) == (7, 11, 14, 17)
    assert scale_chord(HARMONIC_MINOR, 4) == (7, 11, 14)  # the dominant is major: the leading note is raised
    assert scale_chord(MAJOR, 6) == (11, 14, 17)


@pytest.mark.parametrize(
    ("target", "expected"), [(60.0, 60), (61.9, 60), (62.1, 64), (65.5, 64), (71.0, 72), (62.0, 60)]
)
def test_nearest_finds_the_closest_octave(target: float, expected: int) -> None:
    assert nearest([0, 4, 7], target) == expected


def test_steps_follow_the_scale_both_ways() -> None:
    scale = transposed(MAJOR, 60)
    assert [stepped(scale, 60, steps) for steps in (-2, -1, 0, 1, 2, 7)] == [57, 59, 60, 62, 64, 72]


def test_a_voicing_keeps_common_notes_and_moves_the_others_little() -> None:
    c_major = (60, 64, 67)
    assert voiced((9, 12, 16), c_major) == (60, 64, 69)
    assert {pitch % 12 for pitch in voiced((5, 9, 12), c_major)} == {5, 9, 0}
    assert max(voiced((5, 9, 12), c_major)) - min(voiced((5, 9, 12), c_major)) <= 12
