"""Audacity's labels."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ccmusic_stream.blend import Blend
from ccmusicd.export.audacity import audacity_lines
from ccmusicd.export.pieces import Piece

MakePiece = Callable[..., Piece]


def test_labels_count_from_the_origin(make_piece: MakePiece, noon_us: int) -> None:
    pieces = [make_piece(0, 59.5, titles=("A - B", "C\tD\nE")), make_piece(59.5, 70, kind="no_signal")]
    assert list(audacity_lines(pieces, noon_us - 1_250_000)) == [
        "1.250000\t60.750000\trock 88 % | A - B | C D E\n",
        "60.750000\t71.250000\tno signal\n",
    ]


def test_a_blend_has_its_own_label(make_piece: MakePiece, noon_us: int) -> None:
    blend = Blend("jazz", noon_us + 58_000_000, noon_us + 62_000_000)
    pieces = [make_piece(0, 60, genre="jazz"), make_piece(60, 90, blend=blend)]
    assert [line.split("\t") for line in audacity_lines(pieces, noon_us)][1] == [
        "58.000000",
        "62.000000",
        "jazz > rock\n",
    ]


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=20), st.text(), st.text())
def test_any_text_stays_in_its_line_and_labels_meet(
    make_piece: MakePiece, noon_us: int, lengths_us: list[int], title: str, genre: str
) -> None:
    starts = [sum(lengths_us[:place]) / 1e6 for place in range(len(lengths_us) + 1)]
    pieces = [make_piece(start, end, titles=(title,), genre=genre) for start, end in pairwise(starts)]
    lines = list(audacity_lines(pieces, noon_us))
    cells = [line.removesuffix("\n").split("\t") for line in lines]
    assert all(len(cell) == 3 and len(cell[2].splitlines()) == 1 for cell in cells)
    assert all(before[1] == after[0] for before, after in pairwise(cells))
