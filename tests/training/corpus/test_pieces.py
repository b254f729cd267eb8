import json
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ccmusicd.capture.music.score import INSTRUMENTS, Note, Part, Score
from training.corpus import pieces
from training.corpus.__main__ import made_already, main
from training.corpus.pieces import Order, composer_of_genres, make_piece, rendered
from training.corpus.soundfont import RATE, TAIL_S


@pytest.fixture(scope="module")
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(main)
    return app


def samples_of(file: Path) -> int:
    with av.open(str(file), "r") as source:
        return sum(frame.samples for frame in source.decode(audio=0))


def test_genres_are_those_that_somebody_composes() -> None:
    assert {"classical", "jazz"} <= set(composer_of_genres())
    assert "writing" not in composer_of_genres()


def test_a_piece_is_a_file_and_a_description(tmp_path: Path) -> None:
    made = make_piece(Order("classical", 3, 0, 6.0), tmp_path)
    assert samples_of(tmp_path / made["file"]) == round(made["seconds"] * RATE)
    assert 4.0 < made["seconds"] <= 6.0
    assert made["file"] == f"classical/{made['style']}_3_0.flac"
    assert (made["genre"], made["seed"], made["number"]) == ("classical", 3, 0)
    assert set(made["families"]) == {INSTRUMENTS[name].family for name in made["instruments"]}
    assert "loudness" in made["effects"]
    json.dumps(made)


def test_an_order_gives_the_same_piece_again(tmp_path: Path) -> None:
    order = Order("jazz", 1, 2, 5.0)
    first, again = make_piece(order, tmp_path / "a"), make_piece(order, tmp_path / "b")
    assert first == again
    assert (tmp_path / "a" / first["file"]).read_bytes() == (tmp_path / "b" / first["file"]).read_bytes()


def test_orders_have_their_own_randomness() -> None:
    orders = [Order("jazz", 0, 0, 5.0), Order("jazz", 0, 1, 5.0), Order("jazz", 1, 0, 5.0), Order("rock", 0, 0, 5.0)]
    assert len({float(order.randomness().random()) for order in orders}) == 4


@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("instrument", ["grand_piano", "kit_808", "drum_kit"])
def test_every_player_fills_the_score(instrument: str, by_band: bool) -> None:
    part = Part("part", instrument, (Note(0, 1, 36, 100),))
    score = Score("test", "test", "Test", 120.0, 4.0, 4.0, "none", (part,))
    sound = rendered(part, score, np.random.default_rng(0), by_band=by_band)
    assert len(sound) == round((2.0 + TAIL_S) * RATE)
    assert sound[: RATE // 2].std() > 1e-4


def test_a_run_goes_on_where_one_was_stopped(tmp_path: Path, command: typer.Typer) -> None:
    asked = ["--out", str(tmp_path), "--seconds", "5", "--genres", "classical,jazz", "--jobs", "1"]
    assert CliRunner().invoke(command, [*asked, "--pieces", "1"]).exit_code == 0
    index = tmp_path / "pieces.jsonl"
    first = index.read_text().splitlines()
    assert {json.loads(line)["genre"] for line in first} == {"classical", "jazz"}
    index.write_text("\n".join([*first, '{"file": "half a li']) + "\n")
    lost = tmp_path / json.loads(first[0])["file"]
    lost.unlink()
    assert len(made_already(tmp_path)) == 1
    assert CliRunner().invoke(command, [*asked, "--pieces", "1"]).exit_code == 0
    assert lost.exists()
    assert len(made_already(tmp_path)) == 2
    assert len(index.read_text().splitlines()) == 4


def test_a_piece_that_fails_is_named_and_the_rest_is_made(tmp_path: Path, command: typer.Typer) -> None:
    (tmp_path / "jazz").write_text("a file where the genre's folder would be")
    answer = CliRunner().invoke(
        command,
        ["--out", str(tmp_path), "--pieces", "1", "--seconds", "5", "--genres", "classical,jazz", "--jobs", "1"],
    )
    assert answer.exit_code == 1
    assert "jazz number 0 of seed 0 failed" in answer.output
    assert [key[0] for key in made_already(tmp_path)] == ["classical"]


def test_a_genre_that_nobody_composes_is_refused(tmp_path: Path, command: typer.Typer) -> None:
    answer = CliRunner().invoke(command, ["--out", str(tmp_path), "--genres", "polka_core"])
    assert answer.exit_code == 2
    assert "polka_core" in answer.output


def test_an_ended_piece_fades() -> None:
    ended = pieces._ended(np.ones(3 * RATE, np.float32), 2.0)
    assert len(ended) == 2 * RATE
    assert ended[-1] == 0
    assert ended[RATE] == 1
