"""Folders of each layout give the recordings that lie in them. Files are empty: nothing is decoded."""

import os
from pathlib import Path

import pytest

from training.data.folders import DataError, find, read_list
from training.data.recording import Recording


def _touch(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _by_file(folder: Path, *dirs: Path) -> dict[str, Recording]:
    return {one.path.relative_to(folder).as_posix(): one for one in find(dirs or (folder,))}


def test_crates_name_artists_by_folder_or_by_file(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        "Jazz/Nina/Live/01 - Feeling.mp3",
        "Jazz/Nina/Best Of/Feeling.flac",
        "Jazz/03 - Bill Evans - Waltz.MP3",
        "Jazz/Various Artists/Bill Evans - Waltz.ogg",
        "Hip-Hop/50 Cent - Club.m4a",
        "Hip-Hop/beat.wav",
        "Jazz/cover.jpg",
        "Jazz/._hidden.mp3",
        "loose.mp3",
    )
    found = _by_file(tmp_path)
    assert len(found) == 6
    live, best = found["Jazz/Nina/Live/01 - Feeling.mp3"], found["Jazz/Nina/Best Of/Feeling.flac"]
    assert (live.genre, live.artist, live.source, live.split) == ("jazz", "Nina", tmp_path.name, None)
    assert live.track == best.track
    assert found["Jazz/03 - Bill Evans - Waltz.MP3"].artist == "Bill Evans"
    assert found["Jazz/03 - Bill Evans - Waltz.MP3"].track == found["Jazz/Various Artists/Bill Evans - Waltz.ogg"].track
    assert found["Hip-Hop/50 Cent - Club.m4a"].artist == "50 Cent"
    assert (found["Hip-Hop/beat.wav"].artist, found["Hip-Hop/beat.wav"].track) == ("", f"{tmp_path.name}/Hip-Hop/beat")
    assert found["Hip-Hop/beat.wav"].genre == "hip_hop"


def test_the_same_title_by_others_is_another_track(tmp_path: Path) -> None:
    _touch(tmp_path, "pop/A - Hello.mp3", "pop/B - Hello.mp3", "pop/A - hello!.ogg")
    found = _by_file(tmp_path)
    assert found["pop/A - Hello.mp3"].track == found["pop/A - hello!.ogg"].track
    assert found["pop/A - Hello.mp3"].track != found["pop/B - Hello.mp3"].track


@pytest.mark.parametrize("given", [".", "genres_original"])
def test_gtzan_knows_no_artists_and_its_slices_are_one_track(tmp_path: Path, given: str) -> None:
    _touch(tmp_path, "genres_original/blues/blues.00000.wav", "genres_original/hiphop/hiphop.00007.0.wav")
    _touch(tmp_path, "genres_original/hiphop/hiphop.00007.1.wav", "images_original/blues/blues00000.png")
    found = find([tmp_path / given])
    assert [(one.genre, one.artist, one.track) for one in found] == [
        ("blues", "", "blues.00000"),
        ("hip_hop", "", "hiphop.00007"),
        ("hip_hop", "", "hiphop.00007"),
    ]


def test_folders_that_are_divided_say_the_side(tmp_path: Path) -> None:
    _touch(tmp_path, "train/jazz/a.wav", "test/jazz/b.wav")
    found = _by_file(tmp_path)
    assert found["train/jazz/a.wav"].split == "train"
    assert found["test/jazz/b.wav"].split == "validation"


def test_numbers_alone_are_other_tracks_on_the_other_side_and_in_another_folder(tmp_path: Path) -> None:
    sides = ("train/Jazz", "train/Rock", "test/Jazz", "test/Rock")
    _touch(tmp_path / "one", *(f"{side}/{number}.wav" for side in sides for number in (1, 2)))
    _touch(tmp_path / "two", "Jazz/1.wav", "Rock/1.wav")
    found = find([tmp_path / "one", tmp_path / "two"])
    assert len({one.track for one in found}) == len(found) == 10


def test_a_folder_of_crates_called_genres_keeps_its_artists(tmp_path: Path) -> None:
    _touch(tmp_path, "genres/Jazz/Bill Evans - Waltz.mp3", "genres/Jazz/jazz.00007.au")
    found = _by_file(tmp_path)
    assert found["genres/Jazz/Bill Evans - Waltz.mp3"].artist == "Bill Evans"
    assert found["genres/Jazz/jazz.00007.au"].artist == ""


def test_a_genre_called_test_beside_others_is_a_genre(tmp_path: Path) -> None:
    _touch(tmp_path, "test/a.wav", "jazz/b.wav")
    assert {(one.genre, one.split) for one in find([tmp_path])} == {("test", None), ("jazz", None)}


def _excerpts(folder: Path) -> None:
    _touch(folder, "train/jazz/nina-feeling_01.opus", "train/jazz/nina-feeling_02.opus", "eval/jazz/bill-waltz_01.opus")
    _touch(folder, "eval/jazz/unlisted.opus")
    (folder / "SOURCES.csv").write_text(
        "file,split,genre,title,artist,source_repo,source_path,licence,licence_evidence\n"
        "train/jazz/nina-feeling_01.opus,train,jazz,Feeling,Nina,r/a,p,CC BY 4.0,e\n"
        "train/jazz/nina-feeling_02.opus,train,jazz,Feeling,Nina,r/a,p,CC BY 4.0,e\n"
        'eval/jazz/bill-waltz_01.opus,eval,jazz,"Waltz, slow",Bill,r/b,p,CC0 1.0,e\n',
        "utf-8",
    )


def test_excerpts_take_artist_track_and_side_from_their_list(tmp_path: Path) -> None:
    _excerpts(tmp_path)
    found = _by_file(tmp_path)
    first, second = found["train/jazz/nina-feeling_01.opus"], found["train/jazz/nina-feeling_02.opus"]
    assert (first.artist, first.source, first.split) == ("Nina", "real", "train")
    assert first.track == second.track
    assert found["eval/jazz/bill-waltz_01.opus"].split == "validation"
    assert found["eval/jazz/unlisted.opus"].source == tmp_path.name


def test_one_side_of_excerpts_finds_the_list_beside_it(tmp_path: Path) -> None:
    _excerpts(tmp_path)
    found = find([tmp_path / "train"])
    assert [one.artist for one in found] == ["Nina", "Nina"]


def test_a_list_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "SOURCES.csv"
    path.write_text("file,split,genre,title,artist\n", "utf-8")
    with pytest.raises(DataError, match="'licence'"):
        read_list(path)


def test_each_composed_piece_is_its_own_artist(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/0001.flac", "rock/0001.flac", "pieces.jsonl")
    found = find([tmp_path])
    assert [(one.artist, one.track, one.source) for one in found] == [
        ("jazz/0001", "jazz/0001", "composed"),
        ("rock/0001", "rock/0001", "composed"),
    ]


def test_a_folder_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "rock/b.wav")
    assert len(find([tmp_path, tmp_path])) == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [(None, "no such folder"), ((), "no recording"), (("a.mp3", "b.mp3"), "its 2 recordings lie in no genre folder")],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, files: tuple[str, ...] | None, message: str) -> None:
    folder = tmp_path / "data"
    if files is not None:
        folder.mkdir()
        _touch(folder, *files)
    with pytest.raises(DataError, match=message) as caught:
        find([folder])
    assert caught.value.exit_code == os.EX_NOINPUT
