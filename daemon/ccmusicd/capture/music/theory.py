"""Scales, chords and voice leading, in MIDI pitches (60 is middle C) and pitch classes (0 is C)."""

from collections.abc import Iterable, Sequence

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)
MINOR_PENTATONIC = (0, 3, 5, 7, 10)


def transposed(intervals: Iterable[int], root: int) -> tuple[int, ...]:
    """The intervals as pitches (or pitch classes, as `root` is) above a root."""
    return tuple(root + interval for interval in intervals)


def scale_chord(scale: Sequence[int], degree: int, notes: int = 3) -> tuple[int, ...]:
    """Stacked thirds on a degree (0 is the tonic), as semitones above the tonic, rising."""
    return tuple(
        scale[(degree + 2 * third) % len(scale)] + 12 * ((degree + 2 * third) // len(scale)) for third in range(notes)
    )


def nearest(pitches: Iterable[int], target: float) -> int:
    """The pitch closest to the target whose pitch class is one of those given; the lower one of two."""
    classes = {pitch % 12 for pitch in pitches}
    around = range(round(target) - 12, round(target) + 13)
    return min((pitch for pitch in around if pitch % 12 in classes), key=lambda pitch: (abs(pitch - target), pitch))


def stepped(pitches: Iterable[int], start: int, steps: int) -> int:
    """The pitch so many scale steps above (below, when negative) the start, which need not be in the scale."""
    classes = {pitch % 12 for pitch in pitches}
    direction = 1 if steps > 0 else -1
    pitch = start
    for _ in range(abs(steps)):
        pitch += direction
        while pitch % 12 not in classes:
            pitch += direction
    return pitch


def voiced(chord: Iterable[int], before: Sequence[int]) -> tuple[int, ...]:
    """The chord in close position, each voice moved as little as possible from the voicing before; rising.

    Every pitch class of the chord sounds once, near the middle of the voicing before.
    """
    centre = sum(before) / len(before)
    return tuple(sorted(nearest([pitch], centre) for pitch in {pitch % 12 for pitch in chord}))
