"""Level and silence, on signals whose level is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.level import BLOCK, FLOOR_DBFS, SILENT, Level, LevelMeter, SilenceDetector, is_sound, measure

Samples = NDArray[np.float32]

LOUD = Level(-20.0, -10.0)
QUIET = Level(-80.0, -70.0)


def sine(amplitude: float, count: int = BLOCK, hertz: float = 1000.0) -> Samples:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(count) / SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 0.01])
def test_a_sine_is_three_decibels_under_its_peak(amplitude: float) -> None:
    level = measure(sine(amplitude))
    assert level.peak_dbfs == pytest.approx(20 * math.log10(amplitude), abs=0.02)
    assert level.rms_dbfs == pytest.approx(20 * math.log10(amplitude / math.sqrt(2)), abs=0.02)


def test_a_full_square_is_zero_and_clips() -> None:
    assert measure(np.where(np.arange(BLOCK) % 40 < 20, 1, -1).astype(np.float32)) == Level(0.0, 0.0, clipped=True)


def test_digital_zero_is_the_floor() -> None:
    assert measure(np.zeros(BLOCK, np.float32)) == Level(FLOOR_DBFS, FLOOR_DBFS, clipped=False) == SILENT


def test_nothing_lies_under_the_floor() -> None:
    assert measure(np.full(BLOCK, 1e-30, np.float32)).rms_dbfs == FLOOR_DBFS


def test_an_absurd_float_still_has_a_finite_level() -> None:
    level = measure(np.full(BLOCK, 3e38, np.float32))
    assert level.rms_dbfs == pytest.approx(level.peak_dbfs, abs=1e-6)
    assert math.isfinite(level.rms_dbfs)


def test_one_sample_at_the_limit_is_no_clipping_but_two_in_a_row_are() -> None:
    block = sine(0.5)
    block[100] = block[300] = 1.0
    assert not measure(block).clipped
    block[301] = -0.9995
    assert measure(block).clipped


def test_a_sine_of_full_scale_does_not_clip_and_an_overdriven_one_does() -> None:
    assert not measure(sine(0.99)).clipped
    assert measure(np.clip(sine(1.5), -1, 1)).clipped


def test_goes_over_the_wire_with_one_decimal() -> None:
    assert Level(-20.1234, -3.0678, clipped=True).to_wire() == {
        "rms_dbfs": -20.1,
        "peak_dbfs": -3.1,
        "clipped": True,
    }


@pytest.mark.parametrize("seed", range(4))
def test_blocks_do_not_depend_on_the_pieces_they_come_in(seed: int) -> None:
    random = np.random.default_rng(seed)
    sound = random.uniform(-1, 1, BLOCK * 20 + 123).astype(np.float32)
    meter, found, place = LevelMeter(), [], 0
    while place < len(sound):
        size = int(random.choice([0, 1, 17, 500, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]))
        found += meter.push(sound[place : place + size])
        place += size
    assert found == [(start, measure(sound[start : start + BLOCK])) for start in range(0, BLOCK * 20, BLOCK)]


def test_a_piece_counts_even_when_nobody_looks_at_its_blocks() -> None:
    meter = LevelMeter()
    meter.push(sine(0.5, BLOCK + 1))
    assert [index for index, _ in meter.push(sine(0.5, BLOCK - 1))] == [BLOCK]


def test_does_not_hold_on_to_the_callers_array() -> None:
    meter, piece = LevelMeter(), sine(0.5, BLOCK - 1)
    meter.push(piece)
    piece[:] = 0
    [(_, level)] = meter.push(sine(0.5, 1))
    assert level.peak_dbfs == pytest.approx(20 * math.log10(0.5), abs=0.02)


def test_after_an_interruption_blocks_begin_there() -> None:
    meter = LevelMeter()
    meter.push(sine(1.0, BLOCK // 2))
    meter.restart(10_000)
    [(index, level)] = meter.push(sine(0.1))
    assert index == 10_000
    assert level.peak_dbfs == pytest.approx(-20, abs=0.02)


def run(detector: SilenceDetector, levels: list[Level], first: int = 0) -> list[tuple[int, bool, int]]:
    """The changes as (block at which they were found, silent, block at which they began)."""
    changes = []
    for number, level in enumerate(levels, start=first):
        change = detector.block(number * BLOCK, level)
        if change is not None:
            changes.append((number, change[0], change[1] // BLOCK))
    return changes


def test_silence_is_dated_back_to_its_first_block() -> None:
    detector = SilenceDetector(after_s=3.0)
    assert run(detector, [LOUD] * 5 + [QUIET] * 40) == [(34, True, 5)]
    assert detector.silent


def test_a_pause_in_the_music_is_no_silence() -> None:
    assert run(SilenceDetector(after_s=3.0), ([LOUD] + [QUIET] * 29) * 5) == []


def test_the_end_of_silence_is_dated_back_to_the_first_loud_block() -> None:
    detector = SilenceDetector(after_s=1.0)
    assert run(detector, [QUIET] * 20 + [LOUD] * 5) == [(9, True, 0), (22, False, 20)]
    assert not detector.silent


def test_a_click_does_not_end_silence_even_between_two_blocks() -> None:
    meter, detector = LevelMeter(), SilenceDetector(after_s=1.0)
    sound = np.zeros(BLOCK * 100, np.float32)
    for start in (BLOCK * 30 + 700, BLOCK * 50 - 40):  # within a block, and across an edge
        sound[start : start + 80] = 0.9
    changes = [change for block in meter.push(sound) if (change := detector.block(*block)) is not None]
    assert changes == [(True, 0)]
    assert detector.silent


def test_clicks_now_and_then_do_not_end_silence() -> None:
    assert run(SilenceDetector(after_s=1.0), ([QUIET] * 10 + [LOUD] * 2) * 20) == [(9, True, 0)]


def test_noise_between_the_two_thresholds_keeps_the_state_it_finds() -> None:
    between = Level(-58.0, -50.0)
    detector = SilenceDetector(threshold_dbfs=-60.0, after_s=1.0)
    assert run(detector, [between] * 50) == []
    assert run(detector, [QUIET] * 10, first=50) == [(59, True, 50)]
    assert run(detector, [between] * 50, first=60) == []
    assert detector.silent


def test_the_threshold_itself_is_sound_and_three_decibels_more_end_silence() -> None:
    assert run(SilenceDetector(threshold_dbfs=-60.0, after_s=0.5), [Level(-60.0, -50.0)] * 20) == []
    detector = SilenceDetector(threshold_dbfs=-60.0, after_s=0.5)
    assert run(detector, [QUIET] * 5 + [Level(-57.0, -50.0)] * 3) == [(4, True, 0), (7, False, 5)]


def test_an_interruption_forgets_silence_and_what_led_to_it() -> None:
    detector = SilenceDetector(after_s=1.0)
    run(detector, [QUIET] * 9)
    detector.restart()
    assert run(detector, [QUIET] * 9, first=9) == []
    run(detector, [QUIET] * 5, first=18)
    assert detector.silent
    detector.restart()
    assert not detector.silent


def test_silence_needs_at_least_one_block() -> None:
    assert run(SilenceDetector(after_s=0.01), [LOUD, QUIET]) == [(1, True, 1)]


def test_what_cannot_be_sound_is_told_from_what_is_merely_loud() -> None:
    samples = np.array([0.0, 1.0, -3.0, 1e4, 1e5, -1e30, np.inf, -np.inf, np.nan], dtype=np.float32)
    assert is_sound(samples).tolist() == [True] * 4 + [False] * 5


def test_other_figures_are_judged_by_from_the_next_block_on() -> None:
    detector = SilenceDetector(threshold_dbfs=-60.0, after_s=1.0)
    run(detector, [QUIET] * 10)
    detector.change(-3.0, 0.5)
    assert detector.silent
    assert run(detector, [LOUD] * 20) == []
    detector.change(-60.0, 0.5)
    assert run(detector, [LOUD] * 3, first=20) == [(22, False, 20)]
    assert run(detector, [QUIET] * 5, first=23) == [(27, True, 23)]
