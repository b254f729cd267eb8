"""The ring against a list that keeps everything."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import PRIME_COLUMNS, SAMPLE_RATE
from ccmusic_stream.ring import AudioRing

Samples = NDArray[np.float32]


def ramp(first: int, count: int) -> Samples:
    """Samples that say which index they have, from 1 on: zero is never a sample."""
    return np.arange(first + 1, first + 1 + count, dtype=np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_is_the_end_of_a_list_whatever_the_sizes(seed: int) -> None:
    random = np.random.default_rng(seed)
    capacity = int(random.integers(1, 60))
    ring, whole, gaps = AudioRing(capacity), np.empty(0, np.float32), 0
    for _ in range(300):
        count = int(random.integers(0, capacity * 2 + 2))
        kind = random.integers(0, 5)
        if kind == 0:
            ring.append_gap(count)
            gaps += count
            new = np.zeros(count, np.float32)
        elif kind == 1:
            ring.append_zeros(count)
            new = np.zeros(count, np.float32)
        else:
            new = random.uniform(0.1, 1, count).astype(np.float32)
            ring.append(new)
        whole = np.concatenate((whole, new))
        assert (ring.end, ring.gap_samples) == (len(whole), gaps)
        assert ring.start == max(0, len(whole) - capacity)
        assert ring.capacity == capacity
        start, stop = np.sort(random.integers(ring.start, ring.end + 1, 2))
        np.testing.assert_array_equal(ring.read(int(start), int(stop)), whole[start:stop])
        np.testing.assert_array_equal(ring.read(ring.start, ring.end), whole[ring.start :])


def test_addresses_samples_by_absolute_index_after_many_turns() -> None:
    ring = AudioRing(100)
    for first in range(0, 10_000, 7):
        ring.append(ramp(first, 7))
    np.testing.assert_array_equal(ring.read(ring.end - 50, ring.end - 20), ramp(ring.end - 50, 30))


def test_keeps_the_newest_of_a_piece_that_is_longer_than_itself() -> None:
    ring = AudioRing(10)
    ring.append(ramp(0, 3))
    ring.append(ramp(3, 34))
    assert (ring.start, ring.end) == (27, 37)
    np.testing.assert_array_equal(ring.read(27, 37), ramp(27, 10))


def test_puts_a_gap_of_zeros_at_its_place_and_counts_it() -> None:
    ring = AudioRing(10)
    ring.append(ramp(0, 4))
    ring.append_gap(3)
    ring.append(ramp(7, 2))
    np.testing.assert_array_equal(ring.read(0, 9), [1, 2, 3, 4, 0, 0, 0, 8, 9])
    assert (ring.end, ring.gap_samples) == (9, 3)


def test_a_gap_longer_than_itself_leaves_nothing_of_what_was() -> None:
    ring = AudioRing(10)
    ring.append(ramp(0, 10))
    ring.append_gap(1_000_000_007)
    assert (ring.end, ring.gap_samples) == (1_000_000_017, 1_000_000_007)
    assert not ring.read(ring.start, ring.end).any()


def test_a_pause_is_no_gap() -> None:
    ring = AudioRing(10)
    ring.append_zeros(4)
    assert (ring.end, ring.gap_samples) == (4, 0)


@pytest.mark.parametrize("append", [AudioRing.append_gap, AudioRing.append_zeros])
def test_refuses_a_gap_of_less_than_nothing(append: object) -> None:
    assert callable(append)
    ring = AudioRing(10)
    with pytest.raises(ValueError, match="a gap cannot have -1 samples"):
        append(ring, -1)
    assert (ring.end, ring.gap_samples) == (0, 0)


def test_was_silent_before_its_first_sample() -> None:
    ring = AudioRing(10)
    np.testing.assert_array_equal(ring.read(-3, 0), [0, 0, 0])
    ring.append(ramp(0, 10))
    np.testing.assert_array_equal(ring.read(-3, 2), [0, 0, 0, 1, 2])
    np.testing.assert_array_equal(ring.read(-30, -20), np.zeros(10))


@pytest.mark.parametrize(
    ("start", "stop"),
    [(4, 8), (0, 15), (-1, 15), (-5, -1), (10, 16), (16, 16), (15, 16), (12, 11), (-3, -4)],
    ids=str,
)
def test_refuses_what_it_no_longer_or_not_yet_holds(start: int, stop: int) -> None:
    ring = AudioRing(10)
    ring.append(ramp(0, 15))
    with pytest.raises(IndexError, match=f"samples {start} to {stop} were asked for, the ring holds 5 to 15"):
        ring.read(start, stop)


def test_reads_nothing_from_either_edge() -> None:
    ring = AudioRing(10)
    ring.append(ramp(0, 15))
    assert len(ring.read(5, 5)) == len(ring.read(15, 15)) == 0


def test_gives_copies_that_later_samples_do_not_change() -> None:
    ring = AudioRing(10)
    piece = ramp(0, 10)
    ring.append(piece)
    piece[:] = -1
    read = ring.read(0, 10)
    ring.append(ramp(10, 10))
    np.testing.assert_array_equal(read, ramp(0, 10))
    read[:] = -1
    np.testing.assert_array_equal(ring.read(10, 20), ramp(10, 10))


def test_its_memory_stays_the_same_array() -> None:
    ring = AudioRing(1000)
    memory = ring._samples
    for first in range(0, 50_000, 999):
        ring.append(ramp(first, 999))
        ring.append_gap(5)
    assert ring._samples is memory
    assert memory.shape == (1000,)
    assert memory.dtype == np.float32


def test_holds_thirty_seconds_and_so_whatever_primes_a_new_analyzer() -> None:
    assert AudioRing().capacity == 30 * SAMPLE_RATE
    assert AudioRing().capacity > 2 * PRIME_COLUMNS * 512
