"""CSV: what is written is read, and nothing of it is a formula."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmusic_stream.blend import Blend
from ccmusicd.export.pieces import COLUMNS, Piece
from ccmusicd.export.spreadsheet import csv_lines, harmless

MakePiece = Callable[..., Piece]
NASTY = st.text(st.one_of(st.sampled_from("=+-@\t\r\n\0;,|\"' \uff1dA1()"), st.characters(exclude_categories=["Cs"])))


def read(text: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def test_a_table(make_piece: MakePiece) -> None:
    lines = list(csv_lines([make_piece(0, 1.5, titles=("A, B", 'The "C"')), make_piece(2, 3, kind="silence")], UTC))
    assert all(line.endswith("\r\n") for line in lines)
    header, music, silence = read("".join(lines))
    assert tuple(header) == COLUMNS
    assert dict(zip(header, music, strict=True)) == {
        "station": "studio",
        "start": "2026-05-01T12:00:00.000000+00:00",
        "end": "2026-05-01T12:00:01.500000+00:00",
        "error_s": "0.4",
        "seconds": "1.500000",
        "kind": "music",
        "genre": "rock",
        "note": "",
        "blend": "",
        "probability": "0.8765",
        "probability_min": "0.5",
        "agreement": "1.0",
        "divergence": "0.01",
        "models": "vgg19_bn_cqt: rock",
        "level_dbfs": "-18.2",
        "titles": 'A, B | The "C"',
        "trained": "true",
        "open": "false",
        "cut": "",
    }
    assert silence[5:16] == ["silence", *[""] * 10]


def test_a_blend_is_told_with_its_times(make_piece: MakePiece, noon_us: int) -> None:
    blend = Blend("jazz", noon_us - 2_000_000, noon_us + 2_000_000)
    header, row = read("".join(csv_lines([make_piece(blend=blend)], UTC)))
    assert dict(zip(header, row, strict=True))["blend"] == (
        "before: jazz | start: 2026-05-01T11:59:58.000000+00:00 | end: 2026-05-01T12:00:02.000000+00:00"
    )


def test_without_pieces_there_is_a_header() -> None:
    assert list(csv_lines([], UTC)) == [",".join(COLUMNS) + "\r\n"]


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1", "'+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", "'\t'=1"),
        ("  =1", "'  =1"),
        ("AC-DC = loud", "AC-DC = loud"),
        ("Jay-Z - 99", "Jay-Z - 99"),
        ("a;=1+1", "a;'=1+1"),
        ('a;"=1', "a;'\"=1"),
        ("a\r\n=1", "a\r\n'=1"),
        ("", ""),
    ],
)
def test_formulas_are_defused_and_the_rest_is_left_alone(title: str, written: str) -> None:
    assert harmless(title) == written


@given(titles=st.lists(NASTY, max_size=3), note=st.none() | NASTY, station=NASTY)
def test_any_text_is_read_as_it_was_written_and_no_cell_is_a_formula(
    make_piece: MakePiece, titles: list[str], note: str | None, station: str
) -> None:
    text = "".join(csv_lines([make_piece(titles=tuple(titles), note=note, station=station)], UTC))
    header, row = read(text)
    cells = dict(zip(header, row, strict=True))
    assert cells["titles"] == harmless(" | ".join(titles))
    assert cells["note"] == harmless(note or "")
    assert cells["titles"].replace("'", "") == " | ".join(titles).replace("'", "")
    for separator in ",;\t":
        for cell in (cell for line in read(text, separator) for cell in line):
            formula = re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)
            assert not formula or cell == cells["level_dbfs"], (separator, cell)
