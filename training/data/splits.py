"""Holds recordings out for validation: by artist where a genre has enough of them, else by track.

Genre by genre, and within it source by source: else a large composed corpus would leave no real music to validate on.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from training.data.recording import Recording, SplitName

FEWEST_ARTISTS = 3
"""With fewer in a genre, holding one out would take too much of it from training, or leave nothing to hold out."""

How = Literal["folders", "artist", "track", "none"]


@dataclass(frozen=True, slots=True)
class GenreSplit:
    """What was possible for one genre of one source.

    `how`: "folders" when they were divided already, "none" when there is one track alone, which is trained on. `shared`
    counts artists that are on both sides (of any genre).
    """

    genre: str
    source: str
    how: How
    train: int
    validation: int
    shared: int


@dataclass(frozen=True, slots=True)
class Split:
    """Recordings to train on and to validate on; no track is in both."""

    train: list[Recording]
    validation: list[Recording]
    genres: list[GenreSplit]


def split(recordings: Sequence[Recording], seed: int, fraction: float = 0.15) -> Split:
    """Hold out about `fraction` (above 0, below 1) of each genre and source.

    A source whose folders say what is trained on and what is validated on keeps that; where they name one of the two
    alone, it is divided like all others. Artists of several genres or sources are trained on where
    others can be held out.
    """
    divided = _divided_sources(recordings)
    places_of: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for recording in recordings:
        places_of[_artist(recording)].add((recording.genre, recording.source))
    sides: dict[Recording, SplitName] = {}
    hows: dict[tuple[str, str], How] = {}
    for stratum, members in sorted(_strata(recordings).items()):
        if stratum[1] in divided:
            hows[stratum] = "folders"
            sides |= {recording: recording.split or "train" for recording in members}
            continue
        hows[stratum], held_out = _hold_out(members, places_of, seed, fraction)
        sides |= {recording: "validation" if recording in held_out else "train" for recording in members}
    _mend_tracks(sides)
    train = [recording for recording in recordings if sides[recording] == "train"]
    validation = [recording for recording in recordings if sides[recording] == "validation"]
    return Split(train, validation, _report(hows, train, validation))


def _divided_sources(recordings: Iterable[Recording]) -> set[str]:
    named: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        if recording.split is not None:
            named[recording.source].add(recording.split)
    return {source for source, sides in named.items() if len(sides) == 2}


def _strata(recordings: Iterable[Recording]) -> dict[tuple[str, str], list[Recording]]:
    strata: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for recording in recordings:
        strata[recording.genre, recording.source].append(recording)
    return strata


def _artist(recording: Recording) -> str:
    """Who plays, in one spelling; someone of their own for each track whose artist is not known."""
    return recording.artist.casefold().strip() or f"track:{recording.track}"


def _hold_out(
    members: Sequence[Recording],
    places_of: Mapping[str, set[tuple[str, str]]],
    seed: int,
    fraction: float,
) -> tuple[How, set[Recording]]:
    artists: dict[str, list[Recording]] = defaultdict(list)
    tracks: dict[str, list[Recording]] = defaultdict(list)
    for recording in members:
        artists[_artist(recording)].append(recording)
        tracks[recording.track].append(recording)
    known = {_artist(recording) for recording in members if recording.artist}
    only_here = {artist: group for artist, group in artists.items() if len(places_of[artist]) == 1}
    target = fraction * len(members)
    if len(known) >= FEWEST_ARTISTS and only_here:
        return "artist", _draw(only_here, target, seed)
    if len(tracks) > 1:
        return "track", _draw(tracks, target, seed)
    return "none", set()


def _draw(groups: Mapping[str, list[Recording]], target: float, seed: int) -> set[Recording]:
    """Whole groups in random order, each that brings their size nearer to `target`; at least the smallest.

    The order hangs on names alone: what is added to crates later moves next to none of what was held out before, on
    which weights to start from were calibrated.
    """
    held_out: set[Recording] = set()
    for name in sorted(groups, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest()):
        group = groups[name]
        if abs(len(held_out) + len(group) - target) < abs(len(held_out) - target):
            held_out |= set(group)
    smallest = min(groups, key=lambda name: len(groups[name]))
    return held_out or set(groups[smallest])


def _mend_tracks(sides: dict[Recording, SplitName]) -> None:
    """A track that lies in several genres or sources and fell on both sides is trained on."""
    trained = {recording.track for recording, side in sides.items() if side == "train"}
    for recording in sides:
        if recording.track in trained:
            sides[recording] = "train"


def _report(
    hows: Mapping[tuple[str, str], How], train: Sequence[Recording], validation: Sequence[Recording]
) -> list[GenreSplit]:
    trained = {_artist(recording) for recording in train}
    kept, held = _strata(train), _strata(validation)
    return [
        GenreSplit(
            genre,
            source,
            how,
            train=len(kept.get((genre, source), [])),
            validation=len(held.get((genre, source), [])),
            shared=len({_artist(recording) for recording in held.get((genre, source), [])} & trained),
        )
        for (genre, source), how in hows.items()
    ]
