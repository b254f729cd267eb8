"""How bands begin: the drums, the chords of the mode drawn, the side-chain, and chords held by one instrument."""

import numpy as np
import pytest

from ccmusicd.capture.music.composers.bands import begin, held
from ccmusicd.capture.music.composers.grooves import Band
from ccmusicd.capture.music.score import Part, Score

BEAT = ("k:X.......X....... s:....X.......X...",)
STEADY = (("verse", 1.0),)
SEEDS = range(20)


def finished(band: Band) -> Score:
    return band.finished("pop", ("One",), ("Two",))


def part_of(score: Score, name: str) -> Part:
    return next(part for part in score.parts if part.name == name)


def test_the_drums_play_one_of_the_beats_on_one_of_the_kits() -> None:
    band = begin(
        np.random.default_rng(1), "plain", 20.0, (100, 100), BEAT, "backbeat",
        kits=("kit_909",), shape=STEADY, loose=(0.0, 0.0), fills=0.0, crashes=0.0, spare=0.0,
    )  # fmt: skip
    drums = part_of(finished(band), "drums")
    assert band.pattern == "backbeat"
    assert drums.instrument == "kit_909"
    assert {(note.pitch, note.start % 4) for note in drums.notes} == {(36, 0.0), (36, 2.0), (38, 1.0), (38, 3.0)}


@pytest.mark.parametrize(("mode", "third"), [("major", 4), ("minor", 3)])
def test_loops_may_depend_on_the_mode(mode: str, third: int) -> None:
    loops = {"major": ("I",), "minor": ("i",)}
    band = begin(np.random.default_rng(2), "plain", 20.0, (90, 110), BEAT, "backbeat", modes=(mode,), loops=loops)
    assert band.mode == mode
    assert {chord.intervals for chord in band.chords} == {(0, third, 7)}


def test_the_side_chain_is_there_in_its_share_of_the_pieces() -> None:
    def pumping(seed: int, pumped: float) -> float:
        rng = np.random.default_rng(seed)
        return begin(rng, "plain", 10.0, (100, 120), BEAT, "beat", pumping=(0.3, 0.6), pumped=pumped).pumping

    assert all(pumping(seed, 0.0) == 0.0 for seed in SEEDS)
    assert all(0.3 <= pumping(seed, 1.0) <= 0.6 for seed in SEEDS)
    assert 0 < sum(pumping(seed, 0.5) > 0 for seed in SEEDS) < len(SEEDS)


def test_a_lag_makes_the_drums_late() -> None:
    band = begin(
        np.random.default_rng(3), "plain", 20.0, (100, 100), BEAT, "backbeat",
        shape=STEADY, loose=(0.0, 0.0), fills=0.0, crashes=0.0, lag=(0.04, 0.06),
    )  # fmt: skip
    late = {round(note.start % 1, 9) for note in part_of(finished(band), "drums").notes}
    assert len(late) == 1
    assert 0.04 <= late.pop() <= 0.06


def test_held_chords_fill_the_loud_sections_only() -> None:
    shape = (("verse", 0.7), ("chorus", 1.0))
    band = begin(np.random.default_rng(4), "plain", 60.0, (100, 100), BEAT, "backbeat", shape=shape, loose=(0.0, 0.0))
    held(band, "pad", ("warm_pad", "choir"), 62, 80, above=0.9)
    pad = part_of(finished(band), "pad")
    assert pad.instrument in {"warm_pad", "choir"}
    loud = {
        chord.start
        for chord in band.chords
        if any(section.name == "chorus" and section.start <= chord.start < section.end for section in band.sections)
    }
    assert {note.start for note in pad.notes} == loud
    assert 0 < len(loud) < len(band.chords)
