"""CSV for spreadsheets (RFC 4180, UTF-8), safe to open whatever a title says."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo

from ccmusicd.export.pieces import COLUMNS, Piece, fields
from ccmusicd.export.times import seconds

BETWEEN_TITLES = " | "

# What a spreadsheet takes for a formula: one of these signs (the wide ones too) at the start of a cell. A cell begins
# at the start of a field and, where the list separator is no comma, after a semicolon or a tab, whatever is quoted.
_FORMULA = re.compile(r"(^|[;\t\r\n]+)(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n\0])")


def csv_lines(pieces: Iterable[Piece], zone: tzinfo) -> Iterator[str]:
    """A header and a line for each piece, each with its line end (CR LF); a title may hold line breaks.

    Cells without a value are empty, titles and other lists have `BETWEEN_TITLES` between them, and `harmless` text is a
    formula to no spreadsheet.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(cells: Iterable[object]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    yield line(COLUMNS)
    for piece in pieces:
        yield line(_cells(piece, zone))


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet could take for the beginning of a formula."""
    return _FORMULA.sub(lambda found: f"{found[1] or ''}'", text)


def _cells(piece: Piece, zone: tzinfo) -> Iterator[object]:
    for name, value in fields(piece, zone).items():
        match value:
            case bool():
                yield "true" if value else "false"
            case str():
                yield harmless(value)
            case list():
                yield harmless(BETWEEN_TITLES.join(value))
            case dict():
                yield harmless(BETWEEN_TITLES.join(f"{key}: {what}" for key, what in value.items()))
            case float() if name == "seconds":
                yield seconds(piece.us)
            case _:
                yield value
