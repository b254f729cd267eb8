"""CUE sheets: their grammar holds whatever is put in, and times never lie."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmusicd.export.cuesheet import MAX_TEXT, MAX_TRACKS, cue_lines, frames, index
from ccmusicd.export.pieces import Piece

MakePiece = Callable[..., Piece]
SECOND_US = 1_000_000

GRAMMAR = re.compile(
    r'REM DATE \d{4}-\d\d-\d\d\nPERFORMER "[^"\n]*"\nTITLE "[^"\n]*"\nFILE "[^"\n]*" (WAVE|MP3|AIFF)\n'
    r'(  TRACK \d\d AUDIO\n    TITLE "[^"\n]*"\n    PERFORMER "[^"\n]*"\n(    REM GENRE "[^"\n]*"\n)?'
    r"    INDEX 01 \d\d+:[0-5]\d:[0-7]\d\n)*"
)


def sheet(pieces: Iterable[Piece], origin_us: int, end_us: int | None = None, **names: str) -> str:
    named = {"station": "studio", "audio": "show.wav", **names}
    return "".join(cue_lines(pieces, origin_us, end_us, zone=UTC, **named))


def tracks(text: str) -> list[tuple[int, str, str, int]]:
    """Number, title, performer and frame of each."""
    pattern = (
        r'TRACK (\d\d) AUDIO\n    TITLE "(.*)"\n    PERFORMER "(.*)"\n(?:    REM.*\n)?    INDEX 01 (\d+):(\d\d):(\d\d)'
    )
    return [
        (int(number), title, performer, (int(minutes) * 60 + int(whole)) * 75 + int(rest))
        for number, title, performer, minutes, whole, rest in re.findall(pattern, text)
    ]


def test_a_sheet(make_piece: MakePiece, noon_us: int) -> None:
    pieces = [
        make_piece(0, 61, titles=("The Band - A Song",)),
        make_piece(61, 64.5, kind="silence"),
        make_piece(64.5, 100, titles=("One", "Two")),
        make_piece(100, 130, kind="speech", genre="speech", titles=("News - at noon",)),
    ]
    assert sheet(pieces, noon_us, audio="a show.mp3") == (
        'REM DATE 2026-05-01\nPERFORMER "studio"\nTITLE "studio, 2026-05-01 12:00:00 +0000"\nFILE "a show.mp3" MP3\n'
        '  TRACK 01 AUDIO\n    TITLE "A Song"\n    PERFORMER "The Band"\n    REM GENRE "rock"\n    INDEX 01 00:00:00\n'
        '  TRACK 02 AUDIO\n    TITLE "silence"\n    PERFORMER "studio"\n    INDEX 01 01:01:00\n'
        '  TRACK 03 AUDIO\n    TITLE "rock: One; Two"\n    PERFORMER "studio"\n    REM GENRE "rock"\n'
        "    INDEX 01 01:04:37\n"
        '  TRACK 04 AUDIO\n    TITLE "speech: News - at noon"\n    PERFORMER "studio"\n    REM GENRE "speech"\n'
        "    INDEX 01 01:40:00\n"
    )


def test_time_without_a_record_is_a_track_of_its_own(make_piece: MakePiece, noon_us: int) -> None:
    text = sheet([make_piece(10, 20), make_piece(30, 40)], noon_us, noon_us + 50 * SECOND_US)
    assert [(title, frame // 75) for _, title, _, frame in tracks(text)] == [
        ("not recorded", 0),
        ("rock", 10),
        ("not recorded", 20),
        ("rock", 30),
        ("not recorded", 40),
    ]


@pytest.mark.parametrize("count", [98, 99, 100, 250])
def test_the_99th_track_stands_for_all_that_follows(make_piece: MakePiece, noon_us: int, count: int) -> None:
    found = tracks(sheet((make_piece(10 * n, 10 * n + 10) for n in range(count)), noon_us))
    assert len(found) == min(count, MAX_TRACKS)
    if count > MAX_TRACKS:
        assert found[-1][1:] == (f"{count - 98} more from 12:16:20", "studio", 980 * 75)
    else:
        assert found[-1][1] == "rock"


def test_frames_are_75_to_a_second_and_minutes_go_on_above_99() -> None:
    assert [frames(us) for us in (0, 13_333, 13_334, 1_000_000)] == [0, 0, 1, 75]
    assert [index(frame) for frame in (0, 74, 75, 75 * 60 * 120 + 76)] == [
        "00:00:00",
        "00:00:74",
        "00:01:00",
        "120:01:01",
    ]


def test_an_empty_range_has_no_track(noon_us: int) -> None:
    assert tracks(sheet([], noon_us)) == []


@given(
    lengths_us=st.lists(st.integers(1, 60 * SECOND_US) | st.integers(1, 30_000), max_size=130),
    holes=st.sets(st.integers(0, 129)),
    text=st.text(),
)
def test_frames_rise_and_the_grammar_holds(
    make_piece: MakePiece, noon_us: int, lengths_us: list[int], holes: set[int], text: str
) -> None:
    starts_us = [sum(lengths_us[:place]) for place in range(len(lengths_us) + 1)]
    pieces = [
        make_piece(start / 1e6, end / 1e6, titles=(text,), genre=text)
        for place, (start, end) in enumerate(pairwise(starts_us))
        if place not in holes
    ]
    written = sheet(pieces, noon_us, noon_us + starts_us[-1], station=text, audio=text)
    assert GRAMMAR.fullmatch(written)
    found = tracks(written)
    assert [number for number, *_ in found] == list(range(1, len(found) + 1))
    assert all(before[3] < after[3] for before, after in pairwise(found))
    assert not found or found[0][3] == 0
    assert bool(found) == (frames(starts_us[-1]) > 0)
    assert all(len(title) <= MAX_TEXT and len(performer) <= MAX_TEXT for _, title, performer, _ in found)
