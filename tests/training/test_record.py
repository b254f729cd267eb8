"""The record of a training tells what was heard and owed, and nothing of the machine."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from training.data.folders import find
from training.features import ColumnStore
from training.record import command_of, data_record


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """An excerpt that a list names, one that none does, and two composed pieces."""
    excerpts, composed = tmp_path / "audio" / "train", tmp_path / "composed"
    for file in ("jazz/a.opus", "rock/b.opus"):
        (excerpts / file).parent.mkdir(parents=True, exist_ok=True)
        (excerpts / file).touch()
    (tmp_path / "audio" / "SOURCES.csv").write_text(
        "file,split,genre,title,artist,source_repo,licence\ntrain/jazz/a.opus,train,jazz,Song,Nina,r/a,CC0 1.0\n",
        "utf-8",
    )
    for genre in ("folk", "jazz"):
        (composed / genre).mkdir(parents=True)
        (composed / genre / "1.flac").touch()
    (composed / "pieces.jsonl").write_text(json.dumps({"file": "folk/1.flac"}) + "\n", "utf-8")
    return [excerpts, composed]


@pytest.fixture
def store(corpus: list[Path], tmp_path: Path) -> ColumnStore:
    """Columns of 60 s for each recording."""
    store = ColumnStore(tmp_path / "columns")
    for recording in find(corpus):
        np.save(store.path(recording.path), np.zeros((212, 60 * SAMPLE_RATE // HOP_LENGTH + 1), np.uint8))
    return store


def test_what_was_heard_is_counted_credited_and_judged(corpus: list[Path], store: ColumnStore, tmp_path: Path) -> None:
    record = data_record(find(corpus), corpus, store)
    hours = {
        genre: {source: part["hours"] for source, part in parts.items()} for genre, parts in record["heard"].items()
    }
    minute = pytest.approx(1 / 60, rel=1e-3)
    assert hours == {
        "folk": {"composed": minute},
        "jazz": {"composed": minute, "real": minute},
        "rock": {"train": minute},
    }
    assert record["recordings"] == ["audio/train/jazz/a.opus", "audio/train/rock/b.opus"]
    assert record["credits"] == [{"artist": "Nina", "title": "Song", "licence": "CC0 1.0", "source": "r/a"}]
    assert record["limits"] == ["No real recording was heard of: folk."]
    assert str(tmp_path) not in json.dumps(record)


def test_the_command_names_no_place_of_this_machine(tmp_path: Path) -> None:
    options = {"--start": None, "--scale": 0.5, "--profile": "floor80"}
    command = command_of(tmp_path / "my own", [tmp_path / "a" / "crates"], ["resnet50_mel"], options)
    assert shlex.split(command)[3:] == [
        "--data", "a/crates", "--bundle", "my own", "--models", "resnet50_mel", "--scale", "0.5", "--profile",
        "floor80",
    ]  # fmt: skip
