"""Finds labelled recordings in folders: GTZAN, FMA, excerpts with a list, a composed corpus, anyone's crates.

GENRE/…                        any folder of genre folders
[train|validation]/GENRE/…     the same, divided already (eval and test count as validation)
GENRE/ARTIST/…/TRACK.mp3       crates: the folder below the genre is the artist
GENRE/ARTIST - TITLE.mp3       crates: so is what stands before " - "
genres[_original]/GENRE/GENRE.00000.wav             GTZAN: artists are not known
fma_*/000/000002.mp3, fma_metadata/tracks.csv       FMA: genres and artists are in the table
SOURCES.csv beside the genre or split folders       excerpts: artists and titles are in the list
pieces.jsonl beside the genre folders               composed pieces: each is its own artist and track

Nothing is decoded here: whoever decodes says which recordings cannot be read (GTZAN's jazz.00054 is known for that).
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.labels import Label
from training.data.fma import find_table, recordings_of_table
from training.data.genres import GenreNames
from training.data.recording import SUFFIXES, Recording, SplitName

_SPLITS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "eval": "validation",
    "test": "validation",
}
_GTZAN_FOLDERS = ("genres_original", "genres")
_GTZAN_FILE = re.compile(r"([a-z]+\.\d{5})(?:\..+)?")
_LIST = "SOURCES.csv"
_PIECES = "pieces.jsonl"
_TRACK_NUMBER = re.compile(r"^(?:\d{1,3}\s*[-._]\s*|0\d\s+)(?=\S)")
_NO_ARTISTS = {"variousartists", "various", "va", "compilations", "compilation", "unknownartist", "unknown"}

Kind = Literal["folders", "gtzan"]


class DataError(CcmusicError):
    """A folder with recordings is missing, or holds none that can be used."""

    exit_code = os.EX_NOINPUT


@dataclass(frozen=True, slots=True)
class _Part:
    """A folder of genre folders, and the side it was put on, if it was."""

    folder: Path
    split: SplitName | None
    kind: Kind


def find(dirs: Sequence[Path], labels: Iterable[Label] | None = None) -> list[Recording]:
    """Every recording in the folders, in the order of their paths; `labels` decide how genres are named.

    Raises:
        DataError: a folder is missing or holds no recording in a genre folder.
        GenreNameError: a genre folder's name cannot be made a slug.
    """
    names = GenreNames(labels)
    found: dict[Path, Recording] = {}
    for folder in dirs:
        for recording in _in_folder(folder.expanduser(), names):
            found.setdefault(recording.path.resolve(), recording)  # the same folder may be named twice
    return sorted(found.values(), key=lambda recording: recording.path)


def _in_folder(folder: Path, names: GenreNames) -> list[Recording]:
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    table = find_table(folder)
    if table is not None:
        found = list(recordings_of_table(table, folder, names))
    else:
        parts = list(_parts(folder))
        found = [recording for part in parts for recording in _in_part(part, folder, names)]
        found = _with_list(_with_pieces(found, folder), folder, names)
    if not found:
        raise DataError(_nothing(folder))
    return found


def _nothing(folder: Path) -> str:
    loose = sum(1 for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if loose:
        return f"{folder}: its {loose} recordings lie in no genre folder, expected GENRE/recording as in jazz/song.mp3"
    return f"{folder}: there is no recording in it, expected GENRE/recording with one of {' '.join(sorted(SUFFIXES))}"


def _parts(folder: Path) -> Iterator[_Part]:
    gtzan = next((folder / name for name in _GTZAN_FOLDERS if (folder / name).is_dir()), None)
    if gtzan is not None or folder.name in _GTZAN_FOLDERS:
        yield _Part(gtzan or folder, None, "gtzan")
        return
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    divided = [path for path in inner if path.name.lower() in _SPLITS]
    # A crate may well be called "Test": only where nothing else lies beside them are these words sides.
    if divided and len(divided) == len(inner):
        yield from (_Part(path, _SPLITS[path.name.lower()], "folders") for path in divided)
    else:
        yield _Part(folder, None, "folders")


def _in_part(part: _Part, root: Path, names: GenreNames) -> Iterator[Recording]:
    for path in sorted(part.folder.rglob("*")):
        inside = path.relative_to(part.folder)
        hidden = any(name.startswith(".") for name in inside.parts)
        if hidden or len(inside.parts) < 2 or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        genre = names.slug(inside.parts[0])
        match = _GTZAN_FILE.fullmatch(path.stem) if part.kind == "gtzan" else None
        artist, track = ("", match.group(1)) if match else _artist_and_track(inside)
        if not artist and match is None:  # "01" of one folder is not "01" of another
            track = f"{root.resolve().name}/{path.relative_to(root).with_suffix('').as_posix()}"
        yield Recording(path, genre, artist, track, root.resolve().name, part.split)


def _artist_and_track(inside: Path) -> tuple[str, str]:
    """Who plays what, from GENRE/…: the artist is "" where the path does not tell; the track is a key, not a title."""
    title = _TRACK_NUMBER.sub("", inside.stem)
    artist = inside.parts[1] if len(inside.parts) > 2 else ""
    if _key(artist) in _NO_ARTISTS:
        artist = ""
    if not artist and " - " in title:
        artist, title = title.split(" - ", maxsplit=1)
    elif artist and _key(title).startswith(_key(artist)) and " - " in title:
        title = title.split(" - ", maxsplit=1)[1]
    artist = artist.strip()
    return artist, track_key(artist, title) if artist else inside.with_suffix("").as_posix()


def track_key(artist: str, title: str) -> str:
    """What recordings of the same track have in common: without case, spaces and marks."""
    return f"{_key(artist)}/{_key(title)}"


def _key(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _beside(folder: Path, name: str) -> Path | None:
    """A file in the folder or, where the folder is one side of a corpus, beside it."""
    places = [folder, folder.resolve().parent] if folder.resolve().name.lower() in _SPLITS else [folder]
    return next((place / name for place in places if (place / name).is_file()), None)


def _with_pieces(found: list[Recording], folder: Path) -> list[Recording]:
    if _beside(folder, _PIECES) is None:
        return found
    return [
        replace(recording, artist=piece, track=piece, source="composed")
        for recording in found
        for piece in (f"{recording.genre}/{recording.path.stem}",)
    ]


def _with_list(found: list[Recording], folder: Path, names: GenreNames) -> list[Recording]:
    """The recordings with what the list of sources says of them; those that it does not name stay as they are."""
    listed = list_of(folder)
    if listed is None:
        return found
    rows = {(listed.parent / row["file"]).resolve(): row for row in read_list(listed)}
    return [_listed(recording, rows.get(recording.path.resolve()), names) for recording in found]


def _listed(recording: Recording, row: Mapping[str, str] | None, names: GenreNames) -> Recording:
    if row is None:
        return recording
    return replace(
        recording,
        genre=names.slug(row["genre"]),
        artist=row["artist"],
        track=track_key(row["artist"], row["title"]),
        source="real",
        split=_SPLITS.get(row["split"].lower()),
    )


def list_of(folder: Path) -> Path | None:
    """The list of sources (SOURCES.csv) that tells of the recordings in the folder, where there is one."""
    return _beside(folder.expanduser(), _LIST)


def read_list(path: Path) -> list[dict[str, str]]:
    """The rows of a list of sources: file, split, genre, title, artist, licence and where it is from.

    Raises:
        DataError: a column is missing.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"file", "split", "genre", "title", "artist", "licence"} - set(reader.fieldnames or ())
        if missing:
            raise DataError(f"{path}: the column {min(missing)!r} is missing")
        return [{key: value or "" for key, value in row.items()} for row in reader]
