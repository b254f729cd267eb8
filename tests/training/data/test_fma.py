"""The Free Music Archive's table gives genres and artists to numbered files."""

from pathlib import Path

import pytest

from training.data.folders import DataError, find


def _archive(folder: Path) -> None:
    for file in ("000/000002.mp3", "000/000005.mp3", "000/000010.mp3", "134/134000.mp3", "000/000099.mp3"):
        path = folder / "fma_small" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "fma_metadata").mkdir()
    biography = "x" * 200_000  # longer than the module csv takes by itself
    (folder / "fma_metadata" / "tracks.csv").write_text(
        ",artist,artist,set,track,track\n"
        ",bio,id,subset,genre_top,title\n"
        "track_id,,,,,\n"
        f"2,{biography},1,small,Hip-Hop,Food\n"
        '5,"several\nlines",1,small,Hip-Hop,This World\n'
        "10,,6,small,International,Freeway\n"
        "134000,,7,large,,No genre\n",
        "utf-8",
    )


@pytest.mark.parametrize("given", [".", "fma_small"])
def test_files_that_the_table_gives_a_genre(tmp_path: Path, given: str) -> None:
    _archive(tmp_path)
    found = find([tmp_path / given])
    assert [(one.path.stem, one.genre, one.artist, one.track, one.source) for one in found] == [
        ("000002", "hip_hop", "fma:1", "fma:2", "fma_small"),
        ("000005", "hip_hop", "fma:1", "fma:5", "fma_small"),
        ("000010", "world", "fma:6", "fma:10", "fma_small"),
    ]


def test_a_table_without_files_is_said(tmp_path: Path) -> None:
    _archive(tmp_path)
    for path in (tmp_path / "fma_small").rglob("*.mp3"):
        path.unlink()
    with pytest.raises(DataError, match="no recording"):
        find([tmp_path])
