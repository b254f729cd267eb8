"""JSON: one array, or an object on each line."""

import json
from collections.abc import Iterable, Iterator
from datetime import tzinfo

from ccmusicd.export.pieces import Piece, fields


def json_lines(pieces: Iterable[Piece], zone: tzinfo) -> Iterator[str]:
    """A JSON array with an object for each piece, a line each; the lines carry their ends."""
    before = "["
    for piece in pieces:
        yield before + "\n" + _object(piece, zone)
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def jsonl_lines(pieces: Iterable[Piece], zone: tzinfo) -> Iterator[str]:
    """JSON lines: an object for each piece, each with its line end."""
    for piece in pieces:
        yield _object(piece, zone) + "\n"


def _object(piece: Piece, zone: tzinfo) -> str:
    return json.dumps(fields(piece, zone), ensure_ascii=False, allow_nan=False)
