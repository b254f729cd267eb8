"""What a run of training leaves beside its bundle for the model card: `training.json`.

Nothing in it tells of the machine: folders are named by their last two parts, bundles by their names.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from training.card import credits_of, heard
from training.data.folders import list_of
from training.data.recording import Recording
from training.features import ColumnStore
from training.gather import COMPOSED
from training.report import named, short


def command_of(bundle: Path, data: Sequence[Path], models: Sequence[str], options: Mapping[str, object]) -> str:
    """The command that trains the same again, given the same data; options that are None are left out."""
    words = ["python", "-m", "training.train"]
    for folder in data:
        words += ["--data", short(folder)]
    words += ["--bundle", bundle.resolve().name]
    for model in models:
        words += ["--models", model]
    for option, value in options.items():
        words += [] if value is None else [option, str(value)]
    return shlex.join(words)


def data_record(recordings: Sequence[Recording], data: Sequence[Path], store: ColumnStore) -> dict[str, Any]:
    """What was heard, whom to credit for it, and what it lacks; the columns of all `recordings` are in the store.

    heard        see `card.heard`; a recording shorter than a window counts as long as one, since it is repeated
    recordings   those that are not composed, named from their folder on, by which the card finds them in lists
    credits      see `card.credits_of`, from the lists that lie beside the data
    limits       sentences
    """
    seconds = {
        one.path: (store.columns(one.path).shape[1] - 1) * HOP_LENGTH / SAMPLE_RATE for one in recordings
    }  # columns are centred: the last one lies on the end
    counted = heard(recordings, seconds)
    lists = dict.fromkeys(found for folder in data if (found := list_of(folder)) is not None)
    return {
        "heard": counted,
        "recordings": sorted(named(one.path, data) for one in recordings if one.source != COMPOSED),
        "credits": [entry for found in lists for entry in credits_of(found, recordings)],
        "limits": _limits(counted),
    }


def _limits(counted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    composed = [genre for genre, sources in counted.items() if set(sources) == {COMPOSED}]
    return [f"No real recording was heard of: {', '.join(composed)}."] if composed else []
