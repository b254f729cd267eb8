"""`python -m training.evaluate`: how well a bundle's networks, and their ensemble, do on labelled recordings.

Recordings are heard as `ccmusicd classify` hears them, by the engine's own transforms, pictures, networks and ensemble.
Each counts once, by the mean of its windows' probabilities.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.clip import CLIP_SAMPLES, Slices, clip_starts, clip_windows
from ccmusic_stream.ensemble import combine
from ccmusic_stream.errors import AudioError, CcmusicError
from ccmusic_stream.geometry import TransformName, transform_of
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.spectrogram import SHOWN, Transforms
from ccmusicd.capture.output import SourceError
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle
from training.command import run_and_exit
from training.data.folders import DataError, find
from training.data.recording import Recording
from training.features import decode
from training.measures import Floats, Ints
from training.report import make_report, print_report, write_report

BATCH = 16
"""Clips that the networks see at once."""

Clip = Literal["centre", "all"]
Windows = Mapping[TransformName, torch.Tensor]


class EvaluationError(CcmusicError):
    """Nothing could be evaluated, or a network gave no answer."""

    exit_code = os.EX_DATAERR


@dataclass(slots=True)
class Answers:
    """What was answered to the recordings that could be read, in their order.

    `models` and `ensemble`: probabilities, shape (recordings, classes). `unreadable`: why the others could not be.
    """

    recordings: list[Recording]
    windows: list[int]
    models: dict[str, Floats]
    ensemble: Floats
    unreadable: dict[Path, str] = field(default_factory=dict)

    def truth(self, labels: Labels) -> Ints:
        """Class indexes of the recordings' genres, shape (recordings,)."""
        return np.array([labels.slugs.index(recording.genre) for recording in self.recordings], np.int64)


class Evaluator:
    """A bundle's models, ready to answer to whole recordings."""

    def __init__(self, bundle: Bundle, models: Iterable[str], device: torch.device) -> None:
        loaded = load_voters(bundle, models, device, runtime="torch", cache_folder=cache_folder())
        if loaded.refused:
            raise EvaluationError("; ".join(loaded.refused.values()))
        self._classifier = Classifier({spec.name: spec for spec in bundle.models}, loaded.voters)
        wanted = {transform_of(*key) for key in self._classifier.pictures}
        self._centred = sorted(wanted & set(SHOWN))
        self._upstream = sorted(wanted - set(SHOWN))
        self._transforms = {centre: Transforms(centre=centre).to(device) for centre in (True, False)}
        self._device = device
        self._weights = bundle.weights
        self._ensemble_temperature = bundle.ensemble_temperature

    @property
    def names(self) -> tuple[str, ...]:
        """The models that answer, in the bundle's order."""
        return self._classifier.names

    def answers(self, recordings: Sequence[Recording], clip: Clip, on_read: Callable[[], None]) -> Answers:
        """Hear all recordings; `on_read` is called after each, also after one that cannot be read.

        Raises:
            EvaluationError: no recording can be read, or a model fails.
        """
        unreadable: dict[Path, str] = {}
        sums: dict[Recording, Floats] = {}  # (models + ensemble, classes)
        counts: Counter[Recording] = Counter()
        waiting: list[tuple[Recording, Windows]] = []

        def hear() -> None:
            for (recording, _), answer in zip(waiting, self._heard([windows for _, windows in waiting]), strict=True):
                sums[recording] = sums.get(recording, 0.0) + answer
                counts[recording] += 1
            waiting.clear()

        for recording in recordings:
            try:
                for windows in self._windows(recording.path, clip):
                    waiting.append((recording, windows))
                    if len(waiting) == BATCH:
                        hear()
            except (SourceError, AudioError, OSError) as error:
                unreadable[recording.path] = str(error)
            on_read()
        if waiting:
            hear()
        heard = [recording for recording in recordings if recording in counts]
        if not heard:
            raise EvaluationError(
                f"none of the {len(recordings)} recordings can be read, as {next(iter(unreadable.values()))}"
            )
        means = np.stack([sums[recording] / counts[recording] for recording in heard], axis=1)
        models = dict(zip(self.names, means, strict=False))
        return Answers(heard, [counts[recording] for recording in heard], models, means[-1], unreadable)

    def _windows(self, path: Path, clip: Clip) -> Iterator[Windows]:
        """What the networks' pictures are drawn from: each clip's transforms, shape (1, bins, columns)."""
        audio = decode(path)
        slices = Slices(audio, self._transforms[False], self._device, self._upstream)
        for start in clip_starts(len(audio), clip):
            samples = audio[start : start + CLIP_SAMPLES]
            centred = clip_windows(samples, self._transforms[True], self._device, self._centred)
            yield {**centred, **slices.around(start + CLIP_SAMPLES // 2)}

    def _heard(self, clips: Sequence[Windows]) -> Iterator[Floats]:
        """Each clip's probabilities, shape (models + 1, classes): the ensemble's are the last."""
        batch = {name: torch.cat([windows[name] for windows in clips]) for name in clips[0]}
        for votes in self._classifier.votes(batch):
            failed = next((f"{name}: {vote.error}" for name, vote in votes.items() if vote.error), None)
            heard = {name: vote.probabilities for name, vote in votes.items() if vote.probabilities is not None}
            if failed:
                raise EvaluationError(failed)
            joint = combine(heard, self._weights, self._ensemble_temperature)
            yield np.stack([*(np.asarray(vote, np.float64) for vote in heard.values()), joint.probabilities])


def evaluate(
    bundle: Bundle, models: Iterable[str], dirs: Sequence[Path], clip: Clip, device: torch.device, console: Console
) -> tuple[Answers, Counter[str]]:
    """Answers to the recordings in the folders whose genres the bundle knows; how many are of each other genre.

    Raises:
        DataError: a folder is missing, or no recording is of a genre that the bundle knows.
        EvaluationError: no recording can be read, or a model fails.
    """
    found = find(dirs, bundle.labels)
    known = [recording for recording in found if recording.genre in bundle.labels.slugs]
    others = Counter(recording.genre for recording in found if recording.genre not in bundle.labels.slugs)
    if not known:
        raise DataError(f"bundle {bundle.name} knows none of the genres {', '.join(sorted(others))}")
    evaluator = Evaluator(bundle, models, device)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{len(evaluator.names)} networks", total=len(known))
        answers = evaluator.answers(known, clip, lambda: progress.advance(task))
    return answers, others


def run(
    bundle: Annotated[str, typer.Option(metavar="DIR", help="Folder with bundle.toml, or a bundle's name.")],
    data: Annotated[
        list[Path], typer.Option(metavar="DIR", help="Folder of genre folders, GTZAN, FMA …; again for several.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.json, predictions.csv and pictures there.")
    ] = None,
    clip: Annotated[Clip, typer.Option(help="The middle 10 s of each recording, or all of it.")] = "centre",
    models: Annotated[str, typer.Option(metavar="NAMES", help="Models or presets, with commas between.")] = "",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the networks run.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure a bundle on labelled recordings."""
    errors = Console(stderr=True)
    opened = open_bundle([bundle])
    names = [spec.name for spec in models_to_use(opened, [word.strip() for word in models.split(",") if word.strip()])]
    if not opened.trained:
        errors.print("[yellow]The networks of this bundle hold random weights: their answers mean nothing.[/]")
    answers, others = evaluate(opened, names, data, clip, pick_device(device), errors)
    for reason in answers.unreadable.values():
        errors.print(f"[red]cannot be read:[/] {escape(reason)}", highlight=False, soft_wrap=True)
    report = make_report(opened, answers, others, data, clip)
    if out is not None:
        write_report(out, report, answers, opened.labels, data)
    print_report(report, Console(), as_json=as_json)


if __name__ == "__main__":
    run_and_exit(run, "evaluate")
