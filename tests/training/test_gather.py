"""From folders to examples: each recording's columns and facts, and what was left out."""

import json
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from ccmusic_stream.geometry import SAMPLE_RATE, WINDOW_COLUMNS
from ccmusic_stream.labels import Label, Labels
from training import features
from training.data.folders import find
from training.data.recording import Recording
from training.data.splits import Split
from training.features import ColumnStore
from training.gather import COMPOSED, MOST_WINDOWS, gather, held_pictures, judges
from training.windows import Example, centre_windows, pictures

LABELS = Labels([Label("rock", "Rock", "Rock"), Label("jazz", "Jazz", "Jazz")])


def _sound(path: Path, hertz: float) -> None:
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((9_000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes())


def _example(genre: int, columns: int) -> Example:
    levels = np.random.default_rng(columns).integers(0, 200, (212, columns), dtype=np.uint8)
    return Example(levels, genre, "", composed=False, facts=np.empty(0, np.float32))


def test_recordings_become_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))
    corpus, crates = tmp_path / "corpus", tmp_path / "crates"
    pieces: list[dict[str, object]] = []
    for number in range(20):
        name = f"jazz/{number}.wav"
        _sound(corpus / name, 200 + 10 * number)
        pieces.append({"file": name, "metre": 3 if number % 2 else 4, "tempo": 90, "pattern": "", "families": []})
    lines = [json.dumps(piece) for piece in pieces]
    lines.insert(3, lines[0][:20])  # a run was killed while it wrote
    (corpus / "pieces.jsonl").write_text("".join(line + "\n" for line in lines), "utf-8")
    _sound(crates / "rock" / "Nina - A.wav", 300)
    _sound(crates / "rock" / "b.wav", 400)
    (crates / "rock" / "c.wav").write_bytes(b"nothing" * 50)
    recordings = find([corpus, crates], LABELS)
    held_out = next(one for one in recordings if one.path.name == "b.wav")
    divided = Split([one for one in recordings if one != held_out], [held_out], [])
    told: list[tuple[int, int]] = []
    gathered = gather(
        divided, LABELS, ColumnStore(tmp_path / "columns"), 2, lambda done, total: told.append((done, total))
    )
    assert told == [(number, 23) for number in range(1, 24)]
    assert [path.name for path in gathered.unreadable] == ["c.wav"]
    composed = [one for one in gathered.train if one.composed]
    real = [one for one in gathered.train if not one.composed]
    assert len(composed) == 20
    assert len(real) == 3  # one recording, at three speeds
    assert len({one.columns[:].tobytes() for one in real}) == 3
    assert {one.artist for one in real} == {next(one.artist for one in recordings if "Nina" in one.path.name)}
    assert {one.genre for one in real} == {0}
    assert {one.genre for one in composed} == {1}
    assert gathered.vocabulary.names == ("metre:3", "metre:4")
    by_path = sorted(one for one in (recording.path for recording in divided.train) if corpus in one.parents)
    for path, example in zip(by_path, composed, strict=True):
        odd = int(path.stem) % 2
        np.testing.assert_array_equal(example.facts, [odd, 1 - odd])
    assert np.isnan(real[0].facts).all()
    ((recording, example),) = gathered.held
    assert recording == held_out
    assert example.columns.shape == (212, WINDOW_COLUMNS)


def test_what_is_held_out_is_seen_in_the_middle_or_everywhere() -> None:
    nobody = Recording(Path(), "rock", "", "", "", None)
    long, short = _example(1, 3 * WINDOW_COLUMNS), _example(0, 100)
    middle = held_pictures([(nobody, long), (nobody, short)], "mel", "floor80", every=False)
    whole = held_pictures([(nobody, long), (nobody, short)], "mel", "floor80", every=True)
    assert middle.pictures.shape == (2, 1, 224, 224)
    assert middle.genres.tolist() == [1, 0]
    assert whole.genres.tolist() == [1, 1, 1, 0]
    second = torch.from_numpy(centre_windows(long.columns, "mel")[1:2])
    torch.testing.assert_close(middle.pictures[:1], pictures("mel", second, "floor80"))
    torch.testing.assert_close(whole.pictures[[1, 3]], middle.pictures)
    hour = _example(1, 40 * WINDOW_COLUMNS)  # does not outvote the others
    some = held_pictures([(nobody, hour), (nobody, short)], "mel", "floor80", every=True)
    assert some.genres.tolist() == [1] * MOST_WINDOWS + [0]
    last = torch.from_numpy(centre_windows(hour.columns, "mel")[-1:])
    torch.testing.assert_close(some.pictures[MOST_WINDOWS - 1 : MOST_WINDOWS], pictures("mel", last, "floor80"))


def test_real_recordings_judge_where_there_are_any() -> None:
    held = [(Recording(Path(), "rock", "", "", source, None), _example(0, 5)) for source in (COMPOSED, "crates")]
    assert judges(held) == held[1:]
    assert judges(held[:1]) == held[:1]
    assert judges([]) == []
