"""The demo station's programme: what is in it, how loud it is, and that its styles are really different."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations, groupby, islice

import numpy as np
import pytest

from ccmusicd.capture.demo import BLOCK, PROGRAMME, Piece, _blocks, programme, render
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound

SEED = 5
TITLES = [piece.title for piece in PROGRAMME]
STYLES = [title for title in TITLES if title]


@pytest.fixture(scope="module")
def pieces() -> list[tuple[str, Sound]]:
    """One round and the first piece of the next: (title, the piece's blocks [shape=(blocks, 2048)])."""
    played = groupby(programme(SEED), key=lambda item: item[0])
    return [(title, np.stack([block for _, block in group])) for title, group in islice(played, len(PROGRAMME) + 1)]


@pytest.fixture(scope="module")
def by_style(pieces: list[tuple[str, Sound]]) -> dict[str, Sound]:
    """The first round's music by its title, silence left out."""
    return {title: blocks.ravel() for title, blocks in pieces[: len(PROGRAMME)] if title}


def dbfs(sound: Sound) -> float:
    return float(10.0 * np.log10(np.mean(sound.astype(np.float64) ** 2)))


def fingerprint(seed: int, blocks: int) -> str:
    return hashlib.sha256(np.concatenate(list(islice(render(seed), blocks))).tobytes()).hexdigest()


def test_round_has_every_piece_in_order_and_then_begins_again(pieces: list[tuple[str, Sound]]) -> None:
    assert [title for title, _ in pieces] == [*TITLES, TITLES[0]]
    assert len(set(TITLES)) == len(TITLES)


def test_blocks_are_what_the_pipe_carries(pieces: list[tuple[str, Sound]]) -> None:
    for title, blocks in pieces:
        assert blocks.dtype == np.float32, title
        assert blocks.shape[1] == BLOCK, title
        assert np.isfinite(blocks).all(), title


def test_peaks_stay_below_minus_1_dbfs(pieces: list[tuple[str, Sound]]) -> None:
    assert {title: peak for title, blocks in pieces if (peak := float(np.abs(blocks).max())) > 10 ** (-1 / 20)} == {}


@pytest.mark.parametrize("title", STYLES)
def test_each_style_is_as_long_and_as_loud_as_on_a_station(by_style: dict[str, Sound], title: str) -> None:
    assert 25.0 <= len(by_style[title]) / SAMPLE_RATE <= 40.0
    assert -19.0 <= dbfs(by_style[title]) <= -13.0


@pytest.mark.parametrize("title", STYLES)
def test_music_has_no_offset_and_no_hole(by_style: dict[str, Sound], title: str) -> None:
    """Up to its final fading, no second of a piece is silent."""
    sound = by_style[title]
    seconds = sound[: len(sound) // SAMPLE_RATE * SAMPLE_RATE].reshape(-1, SAMPLE_RATE)
    assert min(dbfs(second) for second in seconds[:-3]) > -40.0
    assert abs(float(sound.mean())) < 0.005


def test_silence_is_a_quiet_line_and_not_digital_zero(pieces: list[tuple[str, Sound]]) -> None:
    silence = dict(pieces)[""].ravel()
    assert 3.0 <= len(silence) / SAMPLE_RATE <= 4.0
    assert dbfs(silence[: 3 * SAMPLE_RATE]) == pytest.approx(-80.0, abs=1.0)


def test_each_round_is_played_anew(pieces: list[tuple[str, Sound]]) -> None:
    (_, first), (_, again) = pieces[0], pieces[-1]
    assert first.shape != again.shape or not np.allclose(first, again, atol=0.01)


def test_same_seed_gives_the_same_samples_in_another_process(pieces: list[tuple[str, Sound]]) -> None:
    """Here the instruments' remembered notes have been played a whole round; there they are fresh."""
    assert pieces
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


@pytest.mark.parametrize("piece", PROGRAMME, ids=lambda piece: piece.title or "silence")
def test_music_is_computed_a_bar_at_a_time(piece: Piece) -> None:
    """The source is never busy for long, and the first block needs one bar only."""
    assert max(len(part) for part in piece.play(np.random.default_rng(SEED))) <= 4.0 * SAMPLE_RATE


def test_a_part_is_asked_for_only_when_it_is_due() -> None:
    asked: list[int] = []

    def parts() -> Iterator[Sound]:
        for part in range(3):
            asked.append(part)
            yield np.full(BLOCK * 2 + 100, part, dtype=np.float32)

    blocks = _blocks(parts())
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
def described(by_style: dict[str, Sound]) -> dict[str, dict[str, float]]:
    return {title: features(sound) for title, sound in by_style.items()}


@pytest.mark.parametrize(("one", "other"), list(combinations(STYLES, 2)))
def test_any_two_styles_differ_clearly(described: dict[str, dict[str, float]], one: str, other: str) -> None:
    clear = {"brightness": 0.25, "attacks": 1.0, "bass": 3.0, "noisiness": 3.0}
    differing = [name for name, least in clear.items() if abs(described[one][name] - described[other][name]) > least]
    assert differing, (described[one], described[other])


def test_drums_are_where_drums_belong(described: dict[str, dict[str, float]]) -> None:
    attacks = {title: described[title]["attacks"] for title in STYLES}
    nocturne, _, _, _, rain, _ = STYLES
    assert attacks[rain] < 0.3 < attacks[nocturne] < 2.0
    assert all(attacks[title] > 2.5 for title in STYLES if title not in {rain, nocturne})
