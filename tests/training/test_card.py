"""The card says what was heard, measured and owed."""

import json
import os
import sys
from pathlib import Path

import pytest

from training.card import RECORD, card, credits_of, heard, write_card
from training.command import run_and_exit
from training.data.folders import find
from training.data.recording import Recording
from training.report import Report


def _figures(recordings: int = 4) -> Report:
    genres = [
        {"genre": "jazz", "recordings": 3, "recall": 1 / 3, "precision": 1.0, "f1": 0.5},
        {"genre": "rock", "recordings": 1, "recall": 1.0, "precision": 1 / 3, "f1": 0.5},
        {"genre": "pop", "recordings": 0, "recall": None, "precision": None, "f1": None},
    ]
    bands = [
        {"band": "reliable", "recordings": 2, "share": 0.5, "error": 0.5},
        {"band": "check", "recordings": 0, "share": 0.0, "error": None},
        {"band": "unsure", "recordings": 2, "share": 0.5, "error": 0.25},
    ]
    return {
        "recordings": recordings,
        "top1": 0.5,
        "macro_top1": 2 / 3,
        "macro_f1": 0.5,
        "ece": 0.123,
        "nll": 1.5,
        "speech_accuracy": None,
        "genres": genres,
        "bands": bands,
        "confusion": [[1, 2, 0], [0, 1, 0], [0, 0, 0]],
    }


def _report() -> Report:
    return {
        "bundle": "mine",
        "trained": True,
        "labels": ["jazz", "rock", "pop"],
        "command": "python -m training.evaluate --bundle mine --data audio/eval --clip centre",
        "data": ["audio/eval"],
        "clip": "centre",
        "recordings": 4,
        "windows": 4,
        "artists": {"jazz": 2, "rock": 1, "pop": 0},
        "unreadable": {"audio/eval/jazz/broken.wav": "it is"},
        "other_genres": {"polka": 2},
        "models": {"a_cqt": _figures()},
        "ensemble": _figures(),
        "by_source": {"real": _figures()},
        "leading_artist": {"artist": "Large", "share": 0.25, "without": _figures(3)},
    }


def test_a_whole_card(tmp_path: Path) -> None:
    record = {
        "heard": {
            "jazz": {"real": {"files": 3, "tracks": 2, "artists": 2, "hours": 0.5}},
            "rock": {"composed": {"files": 100, "tracks": 100, "artists": 100, "hours": 2.0}},
        },
        "split": [{"genre": "jazz", "source": "real", "how": "track", "train": 2, "validation": 1, "shared": 1}],
        "models": {"a_cqt": {"epochs": 12, "temperature": 1.25}, "b_mel": {"epochs": 3}},
        "ensemble_temperature": 0.9,
        "credits": [{"artist": "A|B", "title": "Song", "licence": "CC BY 4.0", "source": "r/a"}],
        "command": "python -m training.train",
        "note": "Two of them learnt once more.",
        "limits": ["Nobody sings."],
    }
    path = tmp_path / "new" / "MODEL_CARD.md"
    write_card(path, "mine", record, [_report()], {"Confusion": "confusion.png"})
    text = path.read_text("utf-8")
    for line in (
        "# Model card: mine",
        "| jazz | – | 0.50 (3, 2) |",
        "Two of them learnt once more.",
        "| **all** | **2.0** | **0.5** |",
        "| `a_cqt` | 12 | 1.250 |",
        "| `b_mel` | 3 | – |",
        "| jazz | real | track | 2 | 1 | 1 |",
        "python -m training.evaluate --bundle mine --data audio/eval --clip centre",
        "| ensemble | 4 | 50.0% | 66.7% | 0.500 | 0.123 | 1.500 | – |",
        "| ensemble, without Large (25%) | 3 | 50.0% | 66.7% | 0.500 | 0.123 | 1.500 | – |",
        "| reliable (0.85 and above) | 2 | 50.0% | 50.0% |",
        "| **jazz** | 1 | 2 |  |",
        "![Confusion](confusion.png)",
        "- Genres that are missed more often than found: jazz (33.3%).",
        "- Not measured at all, for want of recordings: pop.",
        "- Most often taken one for another: jazz for rock (2).",
        "- Of the answers in the band “reliable”, 50.0% are wrong, more than the 15% it allows.",
        "- The confidence bands are not in the order of their errors on these recordings.",
        "- Nobody sings.",
        "| A\\|B | CC BY 4.0 | Song | r/a |",
    ):
        assert line in text.splitlines(), line
    assert "1 cannot be read: audio/eval/jazz/broken.wav." in text
    assert "polka 2" in text


def test_a_card_of_random_weights_says_so_and_owes_nobody(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    write_card(path, "mine", {"heard": {}, "models": {}}, [_report() | {"trained": False}])
    text = path.read_text("utf-8")
    assert "random weights" in text
    assert "| artist | licence |" not in text


def test_a_card_does_not_claim_what_was_not_held_out(tmp_path: Path) -> None:
    split = {"genre": "jazz", "source": "real", "how": "track", "train": 2, "validation": 0, "shared": 0}
    path = tmp_path / "card.md"
    write_card(path, "mine", {"heard": {}, "models": {}, "split": [split]}, [])
    assert "**Nothing could be held out**" in path.read_text("utf-8")
    assert "no track is on both sides" not in path.read_text("utf-8")
    write_card(path, "mine", {"heard": {}, "models": {}, "split": [split | {"validation": 1}]}, [])
    assert "no track is on both sides" in path.read_text("utf-8")


def test_what_was_heard_is_counted_by_genre_and_source() -> None:
    recordings = [
        Recording(Path(name), "jazz", artist, track, "real", None)
        for name, artist, track in (("a", "Nina", "t"), ("b", "nina", "t"), ("c", "", "u"))
    ]
    counted = heard(recordings, {Path(name): 1200.0 for name in "abc"})
    assert counted == {"jazz": {"real": {"files": 3, "tracks": 2, "artists": 1, "hours": 1.0}}}


def test_credits_are_of_tracks_that_were_trained_on(tmp_path: Path) -> None:
    rows = ["file,split,genre,title,artist,source_repo,licence"]
    for name, title in (("a_01", "Song"), ("a_02", "Song"), ("b_01", "Other"), ("c_01", "Unheard")):
        path = tmp_path / "train" / "jazz" / f"{name}.opus"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        rows.append(f"train/jazz/{name}.opus,train,jazz,{title},Nina,r/a,CC0 1.0")
    (tmp_path / "SOURCES.csv").write_text("\n".join(rows) + "\n", "utf-8")
    trained = [one for one in find([tmp_path]) if not one.path.name.startswith("c")]
    owed = credits_of(tmp_path / "SOURCES.csv", trained)
    assert [entry["title"] for entry in owed] == ["Other", "Song"]
    assert owed[0] == {"artist": "Nina", "title": "Other", "licence": "CC0 1.0", "source": "r/a"}


def _trained(folder: Path) -> None:
    """A bundle called "mine", as training leaves it beside its pictures."""
    folder.mkdir()
    (folder / "bundle.toml").write_text(
        'name = "mine"\n'
        + "".join(f'[[labels]]\nslug = "{genre}"\nen = "x"\nzh = "x"\n' for genre in ("jazz", "rock")),
        "utf-8",
    )
    record = {
        "heard": {"jazz": {"real": {"files": 1, "tracks": 1, "artists": 1, "hours": 0.5}}},
        "recordings": ["audio/train/jazz/a.opus"],
        "models": {},
        "minutes": 12.4,
    }
    (folder / RECORD).write_text(json.dumps(record), "utf-8")
    (folder / "loss.png").write_bytes(b"loss")


def _run(*words: object) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["card", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            run_and_exit(card, "card")
    return ended.value.code


def test_the_command_writes_a_card_with_its_pictures(tmp_path: Path) -> None:
    _trained(tmp_path / "bundle")
    reports = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(_report() | {"data": [name]}), "utf-8")
        (tmp_path / name / "confusion.png").write_bytes(name.encode())
        reports += ["--report", tmp_path / name / "report.json"]
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "SOURCES.csv").write_text(
        "file,split,genre,title,artist,source_repo,licence\n"
        "train/jazz/a.opus,train,jazz,Song,Nina,r/a,CC0 1.0\ntrain/jazz/b.opus,train,jazz,Unheard,Else,r/a,CC0 1.0\n",
        "utf-8",
    )
    assert not _run("--bundle", tmp_path / "bundle", *reports, "--sources", tmp_path / "audio" / "SOURCES.csv")
    lines = (tmp_path / "bundle" / "MODEL_CARD.md").read_text("utf-8").splitlines()
    for line in (
        "# Model card: mine",
        "minutes: 12.",
        "## Figures on first",
        "## Figures on second",
        "![Loss while training](loss.png)",
        "![Confusion on second (centre)](report2-confusion.png)",
        "| Nina | CC0 1.0 | Song | r/a |",
    ):
        assert line in lines, line
    assert not any("Unheard" in line for line in lines)
    assert (tmp_path / "bundle" / "report1-confusion.png").read_bytes() == b"first"
    assert (tmp_path / "bundle" / "report2-confusion.png").read_bytes() == b"second"


def test_what_no_card_can_be_written_of_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _trained(tmp_path / "bundle")
    (tmp_path / "report.json").write_text(json.dumps(_report() | {"bundle": "other"}), "utf-8")
    assert _run("--bundle", tmp_path / "bundle", "--report", tmp_path / "report.json") == os.EX_DATAERR
    assert "is a report of bundle 'other', not of 'mine'" in capsys.readouterr().err
    assert _run("--bundle", tmp_path / "bundle", "--sources", tmp_path / "away.csv") == os.EX_DATAERR
    (tmp_path / "bundle" / RECORD).unlink()
    assert _run("--bundle", tmp_path / "bundle") == os.EX_DATAERR
    assert not (tmp_path / "bundle" / "MODEL_CARD.md").exists()
