"""The demo station: what is on air when, how loud it is, that its genres are really different, and what it costs."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
import pytest

from ccmusicd.capture import demo
from ccmusicd.capture.demo import BLOCK, COMPOSERS, PROGRAMME, Slot, pieces, programme, render, schedule
from ccmusicd.capture.music.score import Note, Part, Score
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound

SEED = 5
ROUND = len(PROGRAMME)
GENRES = [genre for genre in PROGRAMME if genre]


@pytest.fixture(scope="module")
def slots() -> list[Slot]:
    """The first round's slots and those of a few minutes more."""
    return schedule(SEED, 600.0)


@pytest.fixture(scope="module")
def on_air(slots: list[Slot]) -> tuple[list[str], Sound, float]:
    """The first round as it is broadcast: titles, blocks [shape=(blocks, 2048)], seconds of processor time."""
    count = round(slots[ROUND - 1].end_s * SAMPLE_RATE) // BLOCK
    before = time.process_time()
    titles, blocks = zip(*islice(programme(SEED), count), strict=True)
    return list(titles), np.stack(blocks), time.process_time() - before


@pytest.fixture(scope="module")
def by_genre(slots: list[Slot], on_air: tuple[list[str], Sound, float]) -> dict[str, Sound]:
    """The first round's music, cut where the schedule says; silence left out."""
    sound = on_air[1].ravel()
    return {slot.genre: sound[_sample(slot.start_s) : _sample(slot.end_s)] for slot in slots[:ROUND] if slot.genre}


def _sample(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def dbfs(sound: Sound) -> float:
    return float(10.0 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def fingerprint(seed: int, blocks: int) -> str:
    return hashlib.sha256(np.concatenate(list(islice(render(seed), blocks))).tobytes()).hexdigest()


def test_a_round_has_every_genre_of_music_once_and_one_silence() -> None:
    assert sorted(GENRES) == sorted(COMPOSERS)
    assert len(GENRES) == 12
    assert PROGRAMME.count(None) == 1


def test_the_schedule_has_no_gaps_and_follows_the_programme(slots: list[Slot]) -> None:
    assert slots[0].start_s == 0.0
    assert all(slot.end_s == after.start_s for slot, after in pairwise(slots))
    assert [slot.genre for slot in slots[: ROUND + 1]] == [*PROGRAMME, PROGRAMME[0]]
    assert slots[-1].start_s < 600.0 <= slots[-1].end_s


def test_the_schedule_says_what_is_on_air_to_the_block(
    slots: list[Slot], on_air: tuple[list[str], Sound, float]
) -> None:
    expected: list[str] = []
    for slot in slots[:ROUND]:
        expected += [slot.title] * (round((slot.end_s - slot.start_s) * SAMPLE_RATE) // BLOCK)
    assert on_air[0] == expected


def test_a_shorter_schedule_is_the_longer_ones_beginning(slots: list[Slot]) -> None:
    assert schedule(SEED, 60.0) == slots[: len(schedule(SEED, 60.0))]


def test_pieces_carry_their_genre_and_style() -> None:
    for genre, piece in zip(PROGRAMME, pieces(SEED), strict=False):
        assert piece.genre == genre
        assert bool(piece.style) is bool(piece.title) is (genre is not None)


def test_blocks_are_what_the_pipe_carries(on_air: tuple[list[str], Sound, float]) -> None:
    blocks = on_air[1]
    assert blocks.dtype == np.float32
    assert blocks.shape[1] == BLOCK
    assert np.isfinite(blocks).all()
    assert np.abs(blocks).max() < 10 ** (-1 / 20)


@pytest.mark.parametrize("genre", GENRES)
def test_each_piece_is_as_long_and_as_loud_as_on_a_station(by_genre: dict[str, Sound], genre: str) -> None:
    assert 22.0 <= len(by_genre[genre]) / SAMPLE_RATE <= 50.0
    assert -19.0 <= dbfs(by_genre[genre]) <= -13.0


@pytest.mark.parametrize("genre", GENRES)
def test_music_has_no_offset_and_no_hole(by_genre: dict[str, Sound], genre: str) -> None:
    """Up to its final fading, no second of a piece is silent."""
    sound = by_genre[genre]
    seconds = sound[: len(sound) // SAMPLE_RATE * SAMPLE_RATE].reshape(-1, SAMPLE_RATE)
    assert min(dbfs(second) for second in seconds[:-3]) > -45.0
    assert abs(float(sound.mean())) < 0.005


def test_silence_is_a_quiet_line_and_not_digital_zero(
    slots: list[Slot], on_air: tuple[list[str], Sound, float]
) -> None:
    slot = slots[PROGRAMME.index(None)]
    assert 3.0 <= slot.end_s - slot.start_s <= 4.0
    silence = on_air[1].ravel()[_sample(slot.start_s) :][: 3 * SAMPLE_RATE]
    assert dbfs(silence) == pytest.approx(-80.0, abs=1.0)


def test_each_round_is_new() -> None:
    titles = [piece.title for piece in islice(pieces(SEED), 3 * ROUND) if piece.genre]
    assert len(set(titles)) > 0.9 * len(titles)


def test_same_seed_gives_the_same_samples_in_another_process(on_air: tuple[list[str], Sound, float]) -> None:
    """Here a whole round has been played before; there everything is fresh."""
    assert on_air
    script = f"""
import hashlib, itertools, numpy
from ccmusicd.capture.demo import render
blocks = list(itertools.islice(render({SEED}), 700))
print(hashlib.sha256(numpy.concatenate(blocks).tobytes()).hexdigest())
"""
    environ = {**os.environ, "PYTHONHASHSEED": "17"}
    there = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == fingerprint(SEED, 700)


def test_another_seed_gives_other_music() -> None:
    assert fingerprint(SEED, 40) != fingerprint(SEED + 1, 40)


def test_render_is_the_programme_without_titles() -> None:
    blocks = zip(islice(render(SEED), 20), islice(programme(SEED), 20), strict=True)
    assert all(np.array_equal(block, titled) for block, (_, titled) in blocks)


def test_music_is_computed_a_bar_at_a_time() -> None:
    """The source is never busy for long, and the first block needs one bar only."""
    for piece in islice(pieces(SEED), ROUND):
        lengths = [len(bar) for bar in piece.play()]
        assert max(lengths) <= 4.0 * SAMPLE_RATE, piece.genre
        assert sum(lengths) == piece.length, piece.genre


def test_the_processor_is_hardly_busy(on_air: tuple[list[str], Sound, float]) -> None:
    _, blocks, busy_s = on_air
    assert busy_s < 0.06 * blocks.size / SAMPLE_RATE


def test_the_demo_needs_numpy_and_nothing_bigger() -> None:
    script = """
import sys
import ccmusicd.capture.demo
assert not {"torch", "scipy", "librosa"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def score_for(instrument: str, *, first_beat: float = 0.0) -> Score:
    part = Part("one", instrument, (Note(first_beat, 60.0 - first_beat, 60, 100),))
    return Score("test", "test", "Test", 120.0, 4.0, 60.0, "none", (part,))


def test_what_the_band_cannot_play_or_rests_long_is_written_again() -> None:
    drafts = iter([score_for("rap"), score_for("talk"), score_for("flute", first_beat=8.0), score_for("flute")])
    score = demo._playable(lambda _rng, _seconds: next(drafts), np.random.default_rng(1))
    assert (score.parts[0].instrument, score.parts[0].notes[0].start) == ("flute", 0.0)


def test_a_composer_who_writes_nothing_playable_is_given_up() -> None:
    with pytest.raises(LookupError, match="none that the band can play"):
        demo._playable(lambda _rng, _seconds: score_for("rap"), np.random.default_rng(1))


def test_a_part_is_asked_for_only_when_it_is_due() -> None:
    asked: list[int] = []

    def parts() -> Iterator[Sound]:
        for part in range(3):
            asked.append(part)
            yield np.full(BLOCK * 2 + 100, part, dtype=np.float32)

    blocks = demo._blocks(parts())
    assert [float(next(blocks)[0]) for _ in range(2)] == [0.0, 0.0]
    assert asked == [0]
    rest = list(blocks)
    assert asked == [0, 1, 2]
    assert len(rest) == 5
    assert rest[-1][299:].tolist() == [2.0] + [0.0] * (BLOCK - 300)


def features(sound: Sound) -> dict[str, float]:
    """What tells styles apart: brightness in octaves, attacks a second, share of low bass in dB, steadiness."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 2048)[::512]
    power = np.abs(np.fft.rfft(frames * np.hanning(2048).astype(np.float32), axis=1)) ** 2
    frequency = np.fft.rfftfreq(2048, 1.0 / SAMPLE_RATE)
    mean = power.mean(axis=0)
    log_power = np.log10(power[:, 4:] + 1e-3)
    flux = np.maximum(np.diff(log_power, axis=0), 0.0).mean(axis=1)
    peaks = (flux[1:-1] > flux[:-2]) & (flux[1:-1] >= flux[2:]) & (flux[1:-1] > 0.35)
    flat = np.exp(np.log(mean[20:] + 1e-9).mean()) / mean[20:].mean()
    return {
        "brightness": float(np.log2((np.sqrt(mean) * frequency).sum() / np.sqrt(mean).sum())),
        "attacks": float(peaks.sum() / (len(sound) / SAMPLE_RATE)),
        "bass": float(10.0 * np.log10(mean[frequency < 100.0].sum() / mean.sum())),
        "noisiness": float(10.0 * np.log10(flat)),
    }


@pytest.fixture(scope="module")
def described(by_genre: dict[str, Sound]) -> dict[str, dict[str, float]]:
    return {genre: features(sound) for genre, sound in by_genre.items()}


def test_neighbours_in_the_programme_differ_clearly(described: dict[str, dict[str, float]]) -> None:
    clear = {"brightness": 0.25, "attacks": 1.0, "bass": 3.0, "noisiness": 3.0}
    for one, other in pairwise(GENRES):
        differing = [
            name for name, least in clear.items() if abs(described[one][name] - described[other][name]) > least
        ]
        assert differing, (one, described[one], other, described[other])


def test_beats_are_where_beats_belong(described: dict[str, dict[str, float]]) -> None:
    attacks = {genre: described[genre]["attacks"] for genre in GENRES}
    assert all(attacks["ambient"] < attacks[genre] for genre in ("electronic", "metal", "rock", "reggae", "hip_hop"))
