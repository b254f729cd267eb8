"""What is held out shares no track, and where possible no artist, with what is trained on."""

from pathlib import Path

import pytest

from training.data.recording import Recording, SplitName
from training.data.splits import Split, split


def _recordings(
    genre: str, artists: int, tracks: int, files: int = 1, source: str = "real", side: SplitName | None = None
) -> list[Recording]:
    """So many artists with so many tracks of so many files each."""
    return [
        Recording(
            Path(f"{source}/{genre}/{a}-{t}-{f}"), genre, f"{genre} {a}", f"{source}/{genre}/{a}/{t}", source, side
        )
        for a in range(artists)
        for t in range(tracks)
        for f in range(files)
    ]


def _artists(side: list[Recording]) -> set[str]:
    return {one.artist.casefold() for one in side}


def _tracks(side: list[Recording]) -> set[str]:
    return {one.track for one in side}


@pytest.mark.parametrize("seed", range(5))
def test_by_artist_where_there_are_three_else_by_track(seed: int) -> None:
    everything = _recordings("jazz", 10, 3, 2) + _recordings("metal", 2, 10) + _recordings("rnb", 1, 1, 5)
    divided = split(everything, seed)
    assert sorted(map(str, divided.train + divided.validation)) == sorted(map(str, everything))
    assert not _tracks(divided.train) & _tracks(divided.validation)
    figures = {genre.genre: genre for genre in divided.genres}
    assert (figures["jazz"].how, figures["jazz"].shared) == ("artist", 0)
    assert figures["jazz"].validation == 6 or figures["jazz"].validation == 12
    assert (figures["metal"].how, figures["metal"].validation) == ("track", 3)
    assert 1 <= figures["metal"].shared <= 2
    assert (figures["rnb"].how, figures["rnb"].train, figures["rnb"].validation) == ("none", 5, 0)


def test_the_seed_decides() -> None:
    everything = _recordings("jazz", 20, 2)
    first, again, other = (split(everything, seed).validation for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_crates_that_grow_keep_what_is_held_out() -> None:
    jazz, rock = _recordings("jazz", 20, 2), _recordings("rock", 20, 2)
    before = split(jazz + rock, 3).validation
    more = [Recording(Path(f"n{n}"), "jazz", f"New {n}", f"n{n}", "real", None) for n in range(3)]
    after = split([*more, *rock, *jazz], 3).validation
    assert [one for one in after if one.genre == "rock"] == [one for one in before if one.genre == "rock"]
    moved = {one.artist for one in before if one.genre == "jazz"} - {one.artist for one in after}
    assert len(moved) <= 1


def test_a_large_artist_is_not_held_out() -> None:
    large = [Recording(Path(f"l{n}"), "jazz", "Large", f"l{n}", "real", None) for n in range(50)]
    for seed in range(10):
        divided = split(large + _recordings("jazz", 4, 2), seed)
        assert "large" not in _artists(divided.validation)
        assert divided.validation


def test_each_source_of_a_genre_is_divided() -> None:
    everything = _recordings("jazz", 8, 2) + _recordings("jazz", 200, 1, source="composed")
    divided = split(everything, 0)
    held = {source: sum(one.source == source for one in divided.validation) for source in ("real", "composed")}
    assert held == {"real": 2, "composed": 30}


def test_artists_of_several_genres_are_trained_on() -> None:
    both = [Recording(Path(f"{g}{n}"), g, "Both", f"{g}{n}", "real", None) for g in ("jazz", "rock") for n in range(2)]
    everything = both + _recordings("jazz", 5, 1) + _recordings("rock", 5, 1)
    for seed in range(10):
        divided = split(everything, seed)
        assert not _artists(divided.train) & _artists(divided.validation)


def test_artists_of_several_sources_are_trained_on() -> None:
    own = [Recording(Path(f"b{n}"), "jazz", "Jazz 0", f"b{n}", "other", None) for n in range(2)]
    everything = _recordings("jazz", 8, 2) + own + _recordings("jazz", 5, 2, source="more")
    for seed in range(10):
        divided = split(everything, seed)
        held = [one for one in divided.validation if one.source == "real"]
        assert "jazz 0" not in _artists(held)
        assert held


def test_a_track_in_two_genres_is_on_one_side() -> None:
    twins = [Recording(Path(f"{g}{n}"), g, "", f"twin {n}", "real", None) for g in ("jazz", "rock") for n in range(20)]
    for seed in range(5):
        divided = split(twins, seed)
        assert not _tracks(divided.train) & _tracks(divided.validation)


def _sides(divided: Split) -> tuple[int, int]:
    return len(divided.train), len(divided.validation)


def test_a_division_by_folders_is_kept_only_where_both_sides_are_there() -> None:
    train = _recordings("jazz", 4, 5, side="train")
    held = [Recording(Path("v"), "jazz", "V", "v", "real", "validation")]
    whole = split(train + held, 0)
    assert (_sides(whole), whole.genres[0].how) == ((20, 1), "folders")
    alone = split(train, 0)
    assert (_sides(alone), alone.genres[0].how) == ((15, 5), "artist")


def test_unknown_artists_are_no_artist() -> None:
    everything = [Recording(Path(f"{n}"), "jazz", "", f"{n // 2}", "gtzan", None) for n in range(40)]
    divided = split(everything, 0)
    assert (divided.genres[0].how, _sides(divided)) == ("track", (34, 6))
