"""JSON as an array and as lines."""

import json
from collections.abc import Callable
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.jsontext import json_lines, jsonl_lines
from ccmusicd.export.pieces import Piece, fields

MakePiece = Callable[..., Piece]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.text()), max_size=4))
def test_both_forms_read_back_as_the_fields(make_piece: MakePiece, given_rows: list[tuple[int, str]]) -> None:
    pieces = [make_piece(start, start + 1, titles=(title,)) for start, title in given_rows]
    expected = [fields(piece, UTC) for piece in pieces]
    assert json.loads("".join(json_lines(pieces, UTC))) == expected
    lines = list(jsonl_lines(pieces, UTC))
    assert [json.loads(line) for line in lines] == expected
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in lines)


def test_an_array_has_a_line_for_each_piece_and_titles_stay_readable(make_piece: MakePiece) -> None:
    text = "".join(json_lines([make_piece(titles=("古典",)), make_piece()], UTC))
    assert text.count("\n") == 4
    assert "古典" in text
    assert "".join(json_lines([], UTC)) == "[]\n"
