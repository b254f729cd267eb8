"""`python -m training.train --data DIR… --bundle OUT`: networks for the genres of any folders of music."""

import json
import math
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from ccmusic_stream.classifier import pick_device
from ccmusic_stream.errors import BundleError, CcmusicError
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.backbones import canonical_head
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.models.loading import load_model
from ccmusicd.resources import cache_folder
from ccmusicd.weights.bundles import open_bundle
from training.bundling import Named, as_shipped, genres_alone, labels_for, start_state, write_bundle
from training.calibration import Calibration, calibrate, uncalibrated
from training.card import RECORD
from training.command import run_and_exit
from training.data.folders import find
from training.data.recording import Recording
from training.data.splits import Split, split
from training.features import ColumnStore
from training.fit import Fit, Held, logits_of
from training.gather import Gathered, gather, held_pictures, judges
from training.measures import measure
from training.plans import DEFAULT_MODELS, fine_plan, plan_for
from training.plots import confusion_matrix, loss_curves
from training.record import command_of, data_record
from training.windows import PROFILES, Windows, class_weights

console = Console(stderr=True)


class TrainingError(CcmusicError):
    """Nothing can be trained on what was given."""

    exit_code = os.EX_DATAERR


class OptionError(CcmusicError):
    """An option has a value that nothing can be done with."""

    exit_code = os.EX_USAGE


class OutputError(CcmusicError):
    """The bundle's folder cannot be written."""

    exit_code = os.EX_CANTCREAT


def train(
    data: Annotated[list[Path], typer.Option("--data", help="A folder of genre folders; may be given several times.")],
    bundle: Annotated[Path, typer.Option("--bundle", help="The folder that becomes the bundle.")],
    models: Annotated[
        list[str] | None, typer.Option("--models", help="A name such as resnet50_mel; without one, the usual five.")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="A bundle whose weights to go on from.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    profile: Annotated[str, typer.Option("--profile", help="seed or floor80.")] = "floor80",
    scale: Annotated[float, typer.Option("--scale", min=0.0, help="How long to train; 1 is the usual.")] = 1.0,
    real: Annotated[float, typer.Option("--real", min=0.0, max=1.0, help="Share of real recordings.")] = 0.5,
    balance: Annotated[
        float, typer.Option("--balance", min=0.0, max=1.0, help="0 draws all genres alike, 1 as often as they occur.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed, the same run.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes that prepare spectrograms.")] = os.cpu_count()
    or 1,
    cache: Annotated[Path | None, typer.Option("--cache", help="Where spectrograms and checkpoints are kept.")] = None,
) -> None:
    """Train, calibrate and write a bundle. A run that was killed goes on where it was."""
    started = time.monotonic()
    _refuse(profile)
    wanted = _named(models or list(DEFAULT_MODELS))
    on = _device(device)
    _make(bundle)
    work = (cache or _own_cache()) / "training"
    old = open_bundle([start or "starter"])
    if start:
        _refuse_start(old, wanted, profile)
    recordings = find(data, old.labels)
    labels = labels_for(_two_genres(recordings), old.labels)
    divided = split(recordings, seed)
    _tell_split(divided)
    store = ColumnStore(work / "columns")
    gathered = _gathered(divided, labels, store, jobs)
    run = _Run(labels, gathered, profile, real, balance, seed, scale, on, work)
    networks = run.all(wanted, old if start else None)
    options = {
        "--start": old.name if start else None, "--profile": profile, "--scale": scale, "--real": real,
        "--balance": balance, "--seed": seed,
    }  # fmt: skip
    known = [one for one in (*divided.train, *divided.validation) if one.path not in gathered.unreadable]
    about = {
        "command": command_of(bundle, data, list(networks), options),
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": (time.monotonic() - started) / 60.0,  # of this process: what a killed run took is not in it
    }
    run.publish(bundle, networks, divided, about | data_record(known, data, store))


def _two_genres(recordings: list[Recording]) -> list[str]:
    genres = sorted({recording.genre for recording in recordings})
    if len(genres) < 2:
        raise TrainingError(f"there is only {genres[0]}: to be told apart there must be two genres")
    return genres


def _own_cache() -> Path:
    folder = cache_folder()
    if folder is None:
        raise TrainingError("there is no cache folder that can be written: name one by --cache")
    return folder


def _refuse(profile: str) -> None:
    if profile not in PROFILES:
        raise OptionError(f"--profile is {profile!r}, expected one of {', '.join(PROFILES)}")


def _named(models: list[str]) -> list[Named]:
    try:
        return [Named.of(name) for name in models]
    except (ValueError, BundleError) as error:
        raise OptionError(f"--models: {error}") from None


def _refuse_start(start: Bundle, wanted: list[Named], profile: str) -> None:
    """A start must have been trained, on the same pictures, and have a layer whose rows can be moved."""
    for spec in start.chosen([named.name for named in wanted]):
        if spec.seed is not None:
            raise OptionError(f"--start: {spec.name} of {start.name} was never trained; leave --start out")
        if spec.profile != profile:
            raise OptionError(f"--start: {spec.name} was trained on --profile {spec.profile}, not {profile}")
        if canonical_head(spec.backbone, spec.head) != canonical_head(spec.backbone, "gap"):
            raise OptionError(f"--start: the head of {spec.name} is {spec.head!r}, expected 'gap'")


def _device(wanted: str) -> torch.device:
    try:
        return pick_device(wanted)
    except RuntimeError:
        raise OptionError(f"--device is {wanted!r}, expected auto, cpu or cuda") from None


def _make(folder: Path) -> None:
    """Now, and not after hours of training, it is told that the bundle's folder cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from None


def _tell_split(divided: Split) -> None:
    for genre in divided.genres:
        console.print(
            f"{genre.genre} ({genre.source}): {genre.train} to train on, {genre.validation} held out by {genre.how}",
            highlight=False,
        )


def _gathered(divided: Split, labels: Labels, store: ColumnStore, jobs: int) -> Gathered:
    with _progress() as progress:
        task = progress.add_task("Spectrograms", total=None)
        gathered = gather(
            divided,
            labels,
            store,
            jobs,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    for path, reason in gathered.unreadable.items():
        console.print(f"Left out: {path}: {reason}", style="yellow", markup=False)
    if not gathered.train:
        raise TrainingError("no recording could be read")
    return gathered


class _Run:
    """One run: the same examples for all networks."""

    def __init__(
        self,
        labels: Labels,
        gathered: Gathered,
        profile: str,
        real: float,
        balance: float,
        seed: int,
        scale: float,
        device: torch.device,
        work: Path,
    ) -> None:
        self._labels, self._gathered, self._profile = labels, gathered, profile
        self._real, self._seed, self._scale, self._device, self._work = real, seed, scale, device, work
        self._weights = class_weights(gathered.train, len(labels), balance)
        self._judges = judges(gathered.held) or [(_nobody(), example) for example in gathered.train]
        self.histories: dict[str, Fit] = {}

    def all(self, wanted: list[Named], start: Bundle | None) -> dict[str, nn.Module]:
        """Every network, one after another."""
        networks = {}
        for named in wanted:
            with _progress() as progress:
                networks[named.name] = self._one(named, start, progress)
        return networks

    def _one(self, named: Named, start: Bundle | None, progress: Progress) -> nn.Module:
        facts = self._gathered.vocabulary.size
        windows = Windows(
            self._gathered.train, named.kind, self._profile, len(self._labels), real=self._real, talk=self._talk(),
            weights=self._weights,
        )  # fmt: skip
        held = held_pictures(self._judges, named.kind, self._profile, every=False) if self._gathered.held else None
        state = _start(named, start, self._labels, len(self._labels) + facts, self._seed)
        stages = (fine_plan if state else plan_for)(named.backbone, self._device.type, self._scale)
        checkpoints = self._work / "checkpoints"
        checkpoints.mkdir(parents=True, exist_ok=True)
        task = progress.add_task(named.name, total=sum(stage.images for stage in stages))
        before = [sum(stage.images for stage in stages[:number]) for number in range(len(stages))]
        fit = Fit(
            named.backbone, len(self._labels), facts, stages, windows, held,
            checkpoints, self._seed, self._device, start=state,
        )  # fmt: skip
        if fit.goes_on:
            console.print(f"{named.name} goes on where it was", highlight=False)
        fit.told = lambda stage, images, loss: progress.update(
            task, completed=before[stage] + images, description=f"{named.name}: loss {loss:.2f}{_found(fit)}"
        )
        network = genres_alone(fit.run(), named.backbone, len(self._labels))
        self.histories[named.name] = fit
        return network

    def publish(self, folder: Path, networks: dict[str, nn.Module], divided: Split, about: Mapping[str, Any]) -> None:
        """Calibrate what is shipped on what was held out; write bundle, plots and the record, which `about` opens."""
        logits, truth = {}, np.empty(0, np.int64)
        for name, network in networks.items():
            held: Held = held_pictures(self._judges, Named.of(name).kind, self._profile, every=True)
            shipped = as_shipped(network).to(self._device)
            logits[name], truth = logits_of(shipped, held.pictures, self._device).numpy(), held.genres
        calibration = (calibrate if self._gathered.held else uncalibrated)(logits, truth)
        figures = {name: _figures(calibration, name, logits[name], truth, self._labels) for name in networks}
        write_bundle(folder, folder.resolve().name, self._labels, networks, self._profile, calibration, figures)
        joint = measure(calibration.probabilities(logits), truth, self._labels)
        histories = {name: fit.history for name, fit in self.histories.items()}
        loss_curves(
            folder / "loss.png",
            {
                name: [math.nan if one.train_loss is None else one.train_loss for one in history]
                for name, history in histories.items()
            },
            {name: [one.loss for one in history] for name, history in histories.items()},
        )
        confusion_matrix(folder / "confusion.png", joint.confusion, self._labels.slugs, "Held out, the ensemble")
        record = {**about, **self._record(divided, calibration, figures)}
        (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
        console.print(
            f"Held out: macro top-1 {joint.macro_top1:.3f}, calibration error {joint.ece:.3f}. Bundle: {folder}"
        )

    def _record(self, divided: Split, calibration: Calibration, figures: dict[str, dict[str, float]]) -> dict[str, Any]:
        return {
            "profile": self._profile,
            "seed": self._seed,
            "device": self._device.type,
            "models": {name: self._told(name, calibration, figures[name]) for name in self.histories},
            "ensemble_temperature": calibration.ensemble_temperature,
            "split": [asdict(genre) for genre in divided.genres],
            "unreadable": len(self._gathered.unreadable),
            "stages": {name: [asdict(stage) for stage in fit.stages] for name, fit in self.histories.items()},
            "history": {name: [asdict(one) for one in fit.history] for name, fit in self.histories.items()},
            "calibration": asdict(calibration),
            "validation": figures,
        }

    def _told(self, name: str, calibration: Calibration, figures: Mapping[str, float]) -> dict[str, Any]:
        """What the card's table says of a network."""
        stages = self.histories[name].stages
        return {
            "stages": len(stages),
            "pictures_at_most": sum(stage.images for stage in stages),
            "temperature": calibration.temperatures[name],
            "weight": calibration.weights[name],
            "macro_top1_held_out" if self._gathered.held else "macro_top1_trained_on": figures["macro_top1"],
        }

    def _talk(self) -> int | None:
        spoken = [index for index, label in enumerate(self._labels) if not label.music]
        return spoken[0] if spoken else None


def _start(
    named: Named, start: Bundle | None, labels: Labels, outputs: int, seed: int
) -> dict[str, torch.Tensor] | None:
    if start is None:
        return None
    (spec,) = start.chosen([named.name])
    generator = torch.Generator().manual_seed(seed)
    return start_state(load_model(spec, start), start.labels, labels, outputs, generator)


def _figures(
    calibration: Calibration, name: str, logits: np.ndarray[Any, Any], truth: np.ndarray[Any, Any], labels: Labels
) -> dict[str, float]:
    alone = Calibration({name: calibration.temperatures[name]}, {name: 1.0}, 1.0, 0.0, 0.0)
    measured = measure(alone.probabilities({name: logits}), truth, labels)
    return {
        "top1": round(measured.top1, 4),
        "macro_top1": round(measured.macro_top1, 4),
        "ece": round(measured.ece, 4),
        "windows": float(measured.recordings),
    }


def _found(fit: Fit) -> str:
    return f", held out {fit.history[-1].recall:.2f}" if fit.history else ""


def _nobody() -> Recording:
    return Recording(Path(), "", "", "", "", None)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


if __name__ == "__main__":
    run_and_exit(train, "train")
