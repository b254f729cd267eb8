"""The formats of segments by name, each as lines of text."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Literal

from ccmusicd.export.audacity import audacity_lines
from ccmusicd.export.cuesheet import cue_lines
from ccmusicd.export.jsontext import json_lines, jsonl_lines
from ccmusicd.export.pieces import Piece
from ccmusicd.export.spreadsheet import csv_lines

Format = Literal["csv", "json", "jsonl", "audacity", "cue"]

OF_A_RECORDING: tuple[Format, ...] = ("audacity", "cue")
"""Formats whose times count from the start of a recording, and which are of one station."""


def formatted(
    form: Format,
    pieces: Iterator[Piece],
    zone: tzinfo,
    *,
    begin_us: int | None,
    until_us: int | None,
    station: str | None,
    audio: str | None = None,
) -> Iterator[str]:
    """The lines of a format; one of a recording counts from `begin_us`, else from the first piece."""
    if form not in OF_A_RECORDING:
        return {"csv": csv_lines, "json": json_lines, "jsonl": jsonl_lines}[form](pieces, zone)
    first, pieces = _peek(pieces)
    if begin_us is None:
        begin_us = first.row.start_us if first is not None else until_us or 0
    if form == "audacity":
        return audacity_lines(pieces, begin_us)
    name = station or "none"
    return cue_lines(pieces, begin_us, until_us, station=name, audio=audio or f"{name}.wav", zone=zone)


def _peek(pieces: Iterator[Piece]) -> tuple[Piece | None, Iterator[Piece]]:
    """The first piece, and all of them again."""
    first = next(pieces, None)

    def again() -> Iterator[Piece]:
        if first is not None:
            yield first
            yield from pieces

    return first, again()
