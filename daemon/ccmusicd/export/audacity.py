"""A label track of Audacity: a line for each piece, "start TAB end TAB text", in seconds of a recording."""

from collections.abc import Iterable, Iterator

from ccmusicd.export.pieces import Piece
from ccmusicd.export.text import one_line
from ccmusicd.export.times import seconds


def audacity_lines(pieces: Iterable[Piece], origin_us: int) -> Iterator[str]:
    """A label for each piece of one station, each with its line end; times count from `origin_us`.

    The text is the genre (or kind), how probable it was on average, and the titles: "rock 87 % | Artist - Song". A
    blend is a label of its own, over both: "jazz > rock".
    """
    for piece in pieces:
        row = piece.row
        if row.blend is not None and not piece.cut_start:
            start, end = seconds(row.blend.start_us - origin_us), seconds(row.blend.end_us - origin_us)
            yield f"{start}\t{end}\t{one_line(row.blend.before)} > {one_line(piece.label)}\n"
        start, end = seconds(row.start_us - origin_us), seconds(row.end_us - origin_us)
        yield f"{start}\t{end}\t{_text(piece)}\n"


def _text(piece: Piece) -> str:
    probability = piece.row.probability
    share = "" if probability is None else f" {100 * probability:.0f} %"
    return " | ".join(filter(None, [one_line(piece.label) + share, *map(one_line, piece.row.titles)]))
