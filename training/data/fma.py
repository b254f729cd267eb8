"""The Free Music Archive's data set (Defferrard 2017): numbered files, and a table of their genres and artists."""

import csv
from collections.abc import Iterator
from pathlib import Path

from training.data.genres import GenreNames
from training.data.recording import SUFFIXES, Recording

_TABLE = Path("fma_metadata") / "tracks.csv"
_LONGEST_FIELD = 1 << 24
"""Characters: artists' biographies in the table are longer than the module csv takes by itself."""


def find_table(folder: Path) -> Path | None:
    """The table in a folder that holds the data set, or beside one that holds its files; None when there is none."""
    places = [folder, folder.resolve().parent] if folder.resolve().name.startswith("fma_") else [folder]
    return next((place / _TABLE for place in places if (place / _TABLE).is_file()), None)


def recordings_of_table(table: Path, folder: Path, names: GenreNames) -> Iterator[Recording]:
    """The numbered files of a folder that have one top genre in the table; the artist is `fma:` and its number."""
    tracks = _read(table)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.stem.isdecimal() or not path.is_file():
            continue
        genre, artist = tracks.get(int(path.stem), ("", ""))
        if genre:
            yield Recording(path, names.slug(genre), artist, f"fma:{int(path.stem)}", path.parents[1].name, None)


def _read(table: Path) -> dict[int, tuple[str, str]]:
    """Top genre and artist by the track's number. The header has three rows: group, column, and the index's name."""
    usual = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            columns = list(zip(next(rows), next(rows), strict=True))
            genre, artist = columns.index(("track", "genre_top")), columns.index(("artist", "id"))
            return {int(row[0]): (row[genre], f"fma:{row[artist]}") for row in rows if row[0].isdecimal()}
    finally:
        csv.field_size_limit(usual)
