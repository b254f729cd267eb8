"""From folders to what training draws from: recordings divided, their columns computed, their facts looked up."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.labels import Labels
from training.data.recording import Recording
from training.data.splits import Split
from training.facts import FactVocabulary
from training.features import ColumnStore, Job
from training.fit import Held
from training.windows import Example, centre_windows, pictures

SPEEDS = (1.0, 0.92, 1.08)
"""Real recordings are also played by a tape that runs slower or faster: there are few of them."""

MOST_WINDOWS = 6
"""Of one recording held out, evenly spaced: an hour's set does not outvote a hundred songs."""

COMPOSED = "composed"
_PIECES = "pieces.jsonl"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Examples to train on, recordings held out (real ones where there are any), and what was left out and why."""

    train: list[Example]
    held: list[tuple[Recording, Example]]
    vocabulary: FactVocabulary
    unreadable: dict[Path, str]


def gather(
    divided: Split,
    labels: Labels,
    store: ColumnStore,
    processes: int,
    told: Callable[[int, int], None] = lambda *_: None,
) -> Gathered:
    """Compute what is missing of all columns (`told` hears: recordings done, of how many), and join the facts."""
    jobs = [Job(one.path, _speeds(one)) for one in divided.train] + [Job(one.path) for one in divided.validation]
    unreadable = {}
    for done, (path, error) in enumerate(store.compute(jobs, processes), start=1):
        told(done, len(jobs))
        if error is not None:
            unreadable[path] = error
    pieces = _pieces(recording.path for recording in divided.train if recording.source == COMPOSED)
    vocabulary = FactVocabulary.of(list(pieces.values()))

    def examples(recording: Recording, speeds: Sequence[float]) -> list[Example]:
        facts = vocabulary.encode(pieces.get(recording.path))
        genre = labels.slugs.index(recording.genre)
        artist = recording.artist or recording.track
        composed = recording.source == COMPOSED
        kept = [store.columns(recording.path, speed) for speed in speeds]
        return [Example(columns, genre, artist, composed, facts) for columns in kept]

    readable = [one for one in divided.train if one.path not in unreadable]
    held = [one for one in divided.validation if one.path not in unreadable]
    return Gathered(
        [example for one in readable for example in examples(one, _speeds(one))],
        [(one, examples(one, (1.0,))[0]) for one in held],
        vocabulary,
        unreadable,
    )


def held_pictures(held: Sequence[tuple[Recording, Example]], kind: Spectrogram, profile: str, *, every: bool) -> Held:
    """Pictures of recordings held out: the middle window of each, or `every` window of it, up to `MOST_WINDOWS`."""
    drawn: list[Tensor] = []
    genres: list[int] = []
    for _, example in held:
        windows = torch.from_numpy(centre_windows(example.columns, kind))
        if not every:
            windows = windows[len(windows) // 2 : len(windows) // 2 + 1]
        elif len(windows) > MOST_WINDOWS:
            windows = windows[np.linspace(0, len(windows) - 1, MOST_WINDOWS).round().astype(int)]
        drawn.append(pictures(kind, windows, profile))
        genres += [example.genre] * len(windows)
    truth: NDArray[np.int64] = np.array(genres, np.int64)
    return Held(torch.cat(drawn), truth)


def judges(held: Sequence[tuple[Recording, Example]]) -> list[tuple[Recording, Example]]:
    """Those by which training stops and is calibrated: the real ones, where there are any."""
    real = [one for one in held if one[0].source != COMPOSED]
    return real or list(held)


def _speeds(recording: Recording) -> tuple[float, ...]:
    return SPEEDS[:1] if recording.source == COMPOSED else SPEEDS


def _pieces(paths: Iterable[Path]) -> dict[Path, Mapping[str, Any]]:
    """The line of each composed piece in the `pieces.jsonl` beside its genre's folder, by the piece's path."""
    wanted = set(paths)
    found: dict[Path, Mapping[str, Any]] = {}
    for folder in {place for path in wanted for place in path.parents[1:3] if (place / _PIECES).is_file()}:
        for line in (folder / _PIECES).read_text("utf-8").splitlines():
            try:
                piece = json.loads(line)
            except ValueError:  # a run was killed while it wrote the line
                continue
            path = folder / piece["file"]
            if path in wanted:
                found[path] = piece
    return found
