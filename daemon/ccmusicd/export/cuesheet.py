"""A CUE sheet: the tracks of one recording, as players and burning programs read it.

The grammar is CDRWIN's: the text of TITLE and PERFORMER stands in double quotes and at most 80 characters are taken;
nothing escapes a quote, so those within are written as single ones. INDEX is minutes:seconds:frames, 75 frames to a
second, from the start of the file; the first track must begin at 00:00:00. There are at most 99 tracks.
"""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import islice
from pathlib import PurePath
from typing import NamedTuple

from ccmusicd.export.pieces import Piece
from ccmusicd.export.text import one_line, shortened
from ccmusicd.export.times import at

MAX_TRACKS = 99
FRAMES_A_SECOND = 75
MAX_TEXT = 80
NOT_RECORDED = "not recorded"

_TYPES = {".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF"}  # all else is called WAVE, as is usual for FLAC and Ogg


class _Track(NamedTuple):
    frame: int
    title: str
    performer: str
    genre: str | None
    start_us: int


def cue_lines(
    pieces: Iterable[Piece], origin_us: int, end_us: int | None = None, *, station: str, audio: str, zone: tzinfo
) -> Iterator[str]:
    """The sheet of one station's pieces, line by line with their ends; `audio` is the recording, begun at `origin_us`.

    Pieces lie at or after `origin_us`, in order. Time between them, and until `end_us`, that was not recorded is a
    track of its own; players let the last track last until the recording ends.
    A piece shorter than a frame is none. The 99th track stands for all that follows when there is more: its title
    says how many tracks are left out.
    """
    tracks = _tracks(pieces, origin_us, end_us, station)
    begun = at(origin_us, zone)
    yield f"REM DATE {begun:%Y-%m-%d}\n"
    yield f"PERFORMER {_quoted(station)}\n"
    yield f"TITLE {_quoted(f'{station}, {begun:%Y-%m-%d %H:%M:%S %z}')}\n"
    yield f"FILE {_quoted(audio, most=None)} {_TYPES.get(PurePath(audio).suffix.lower(), 'WAVE')}\n"
    for number, track in enumerate(islice(tracks, MAX_TRACKS - 1), start=1):
        yield from _lines(number, track)
    last = next(tracks, None)
    if last is not None:
        more = sum(1 for _ in tracks)
        if more:
            title = f"{more + 1} more from {at(last.start_us, zone):%H:%M:%S}"
            last = _Track(last.frame, title, station, None, last.start_us)
        yield from _lines(MAX_TRACKS, last)


def frames(us: int) -> int:
    """The frame that a time from the start of the file lies in."""
    return us * FRAMES_A_SECOND // 1_000_000


def index(frame: int) -> str:
    """A frame as mm:ss:ff; minutes have more than two digits when they must."""
    seconds, rest = divmod(frame, FRAMES_A_SECOND)
    return f"{seconds // 60:02d}:{seconds % 60:02d}:{rest:02d}"


def _tracks(pieces: Iterable[Piece], origin_us: int, end_us: int | None, station: str) -> Iterator[_Track]:
    """Tracks whose frames rise, the first at 0."""
    reached_us = origin_us

    def frame(us: int) -> int:
        return frames(us - origin_us)

    def unknown() -> _Track:
        return _Track(frame(reached_us), NOT_RECORDED, station, None, reached_us)

    for piece in pieces:
        row = piece.row
        if frame(row.start_us) > frame(reached_us):
            yield unknown()
            reached_us = row.start_us
        if frame(row.end_us) > frame(reached_us):
            performer, title = _names(piece)
            yield _Track(frame(reached_us), title, performer, row.genre, row.start_us)
            reached_us = row.end_us
    if end_us is not None and frame(end_us) > frame(reached_us):
        yield unknown()


def _names(piece: Piece) -> tuple[str, str]:
    """Performer and title: those of the one title that was heard ("Artist - Song"), else station and genre."""
    heard = [title for title in map(one_line, piece.row.titles) if title]
    if len(heard) == 1 and piece.row.kind == "music":
        artist, dash, song = heard[0].partition(" - ")
        if dash and artist.strip() and song.strip():
            return artist.strip(), song.strip()
    return piece.row.station, ": ".join(filter(None, [one_line(piece.label), "; ".join(heard)]))


def _lines(number: int, track: _Track) -> Iterator[str]:
    yield f"  TRACK {number:02d} AUDIO\n"
    yield f"    TITLE {_quoted(track.title)}\n"
    yield f"    PERFORMER {_quoted(track.performer)}\n"
    if track.genre is not None:
        yield f"    REM GENRE {_quoted(track.genre)}\n"
    yield f"    INDEX 01 {index(track.frame)}\n"


def _quoted(text: str, most: int | None = MAX_TEXT) -> str:
    plain = one_line(text).replace('"', "'")
    return f'"{plain if most is None else shortened(plain, most)}"'
