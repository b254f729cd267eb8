"""`ccmusicd classify`: recordings the article's way, clip by clip, every model side by side."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ccmusic_stream.classifier import Classifier
from ccmusic_stream.clip import CLIP_SAMPLES, Slices, clip_starts, clip_windows
from ccmusic_stream.ensemble import EnsembleVote, band, combine
from ccmusic_stream.errors import AudioError
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE, TransformName, transform_of
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.picture import decibels
from ccmusic_stream.runtimes import Runtime
from ccmusic_stream.spectrogram import SHOWN, Transforms
from ccmusic_stream.votes import Vote
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import Output, SourceError
from ccmusicd.pictures import PictureFolder
from ccmusicd.refusals import tell_refused
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters

USUAL_RATES = frozenset({22_050, 44_100, 48_000})
LEAST_MP3_KBIT_S = 128
HIGH_BINS = 32
"""The highest quarter of the Mel bands, above about 5 kHz."""

TOO_QUIET_DB = -40.0
"""The article: high bands below this throughout hold too little information."""

_BAND_WORDS = {"reliable": "reliable", "check": "check the other models", "unsure": "unsure: try the other spectrogram"}


class Recording(Output):
    """A decoded file in memory: mono samples at 22,050 Hz and what its container said."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[NDArray[np.float32]] = []
        self.rate = 0
        self.codec = ""
        self.warnings: dict[str, int] = {}

    @property
    def audio(self) -> NDArray[np.float32]:
        """All samples, shape (n,)."""
        return np.concatenate([np.empty(0, np.float32), *self._parts])

    def event(self, kind: str, **values: Any) -> None:
        """Keep what `classify` warns of; nobody else listens."""
        if kind == "format":
            self.rate, self.codec = values["rate"], values["codec"]

    def warn(self, message: str, count: int = 1) -> None:
        """Count a fault in the file."""
        self.warnings[message] = self.warnings.get(message, 0) + count

    def gap(self, samples: int) -> None:
        """Lost samples are zeros at their place."""
        self.send(np.zeros(samples, dtype=np.float32))

    def send(self, samples: NDArray[np.float32]) -> None:
        """Keep them."""
        self._parts.append(samples)
        self.samples += len(samples)


@dataclass(frozen=True, slots=True)
class Window:
    """One clip of a file: [start_s, end_s), every model's vote and the joint one (None when no model voted)."""

    start_s: float
    end_s: float
    votes: Mapping[str, Vote]
    joint: EnsembleVote | None

    def to_dict(self, labels: Labels) -> dict[str, Any]:
        """Plain values, for JSON."""
        joint = self.joint
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "models": {name: _vote_dict(vote, labels) for name, vote in self.votes.items()},
            "ensemble": _by_slug(joint.probabilities, labels) if joint else {},
            "agreement": joint.agreement if joint else 0.0,
            "divergence": joint.divergence if joint else 0.0,
            "contenders": [labels.slugs[index] for index in joint.contenders] if joint else [],
            "band": band(float(joint.probabilities.max())) if joint else "unsure",
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in one file; `pictures` is the folder of its pictures, None when none were wanted."""

    file: str
    duration_s: float
    windows: Sequence[Window]
    warnings: list[str] = field(default_factory=list)
    pictures: Path | None = None

    def to_dict(self, labels: Labels, *, trained: bool) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "file": self.file,
            "duration_s": round(self.duration_s, 3),
            "trained": trained,
            "warnings": self.warnings,
            "windows": [window.to_dict(labels) for window in self.windows],
        } | ({} if self.pictures is None else {"pictures": str(self.pictures)})


class OfflineClassifier:
    """A bundle's models on the CPU or a GPU, for whole recordings."""

    def __init__(
        self, bundle: Bundle, models: Iterable[str], device: torch.device, *, runtime: Runtime = "torch"
    ) -> None:
        loaded = load_voters(bundle, models, device, runtime=runtime, cache_folder=cache_folder())
        self.refused = loaded.refused
        self._classifier = Classifier({spec.name: spec for spec in bundle.models}, loaded.voters)
        wanted = {transform_of(*key) for key in self._classifier.pictures}
        self._upstream = sorted(wanted - set(SHOWN))
        self._centred = Transforms(centre=True).to(device)
        self._uncentred = Transforms(centre=False).to(device)
        self._device = device
        self._weights = bundle.weights
        self._ensemble_temperature = bundle.ensemble_temperature
        self._specs = [spec for spec in bundle.models if spec.name in loaded.voters.names]

    def recording(
        self, path: str, clip: str, on_window: Callable[[int, int], None], folder: PictureFolder | None = None
    ) -> Result:
        """Classify the clips `clip` ("first", "centre", "all") of a file; `on_window` is told (done, of how many).

        Every step of it is drawn into a folder of `folder`, when there is one.

        Raises:
            SourceError: the file is missing or holds no audio.
            PicturesError: a picture cannot be written.
        """
        recording = Recording()
        play_file(path, recording, loop=False, real_time=False)
        audio = recording.audio
        starts = clip_starts(len(audio), clip)
        pictures = None if folder is None else folder.of(path, self._specs)
        windows = []
        windows_of: dict[TransformName, torch.Tensor] = {}
        slices = Slices(audio, self._uncentred, self._device, self._upstream)
        for number, start in enumerate(starts):
            on_window(number, len(starts))
            samples = audio[start : start + CLIP_SAMPLES]
            windows_of = clip_windows(samples, self._centred, self._device)
            windows_of |= slices.around(start + CLIP_SAMPLES // 2)
            votes = self._classifier.votes(windows_of)[0]
            heard = {name: vote.probabilities for name, vote in votes.items() if vote.probabilities is not None}
            end = min(start + CLIP_SAMPLES, len(audio))
            joint = combine(heard, self._weights, self._ensemble_temperature) if heard else None
            windows.append(Window(start / SAMPLE_RATE, end / SAMPLE_RATE, votes, joint))
            if pictures:
                sliced_s = slices.first_column(start + CLIP_SAMPLES // 2) * HOP_LENGTH / SAMPLE_RATE
                shown = {
                    name: (start / SAMPLE_RATE if name in SHOWN else sliced_s, window[0])
                    for name, window in windows_of.items()
                }
                pictures.window(start / SAMPLE_RATE, shown)
        if pictures:
            pictures.waveform(audio, [(window.start_s, window.end_s) for window in windows])
        on_window(len(starts), len(starts))
        warnings = _warnings(Path(path), recording, windows_of["mel"][0])
        return Result(path, len(audio) / SAMPLE_RATE, windows, warnings, None if pictures is None else pictures.folder)


def classify_files(
    files: Sequence[str],
    bundle: Bundle,
    models: Iterable[str],
    *,
    clip: str,
    as_json: bool,
    device: torch.device,
    runtime: Runtime,
    pictures: Path | None = None,
) -> int:
    """Print the tables (or one JSON object a line) of each file, and write its pictures into a folder of `pictures`.

    Gives the exit status: that of the worst file.

    Raises:
        PicturesError: a picture cannot be written.
    """
    errors = Console(stderr=True)
    folder = None if pictures is None else PictureFolder(pictures)
    offline = OfflineClassifier(bundle, models, device, runtime=runtime)
    for reason in offline.refused.values():
        errors.print(f"[red]left out:[/] {escape(reason)}", highlight=False, soft_wrap=True)
    if not bundle.trained:
        errors.print("[yellow]The networks of this bundle hold random weights: their answers mean nothing.[/]")
    status = 0
    # While it runs, the bar would take along to stderr what is written to stdout, also where that is a pipe.
    to_terminal = sys.stdout.isatty()
    with Progress(
        console=errors, transient=True, disable=not errors.is_terminal, redirect_stdout=to_terminal
    ) as progress:
        task = progress.add_task("", total=len(files))
        for number, file in enumerate(files):
            progress.update(task, completed=number, description=escape(Path(file).name))

            def advance(done: int, windows: int, number: int = number) -> None:
                progress.update(task, completed=number + done / windows)

            try:
                result = offline.recording(file, clip, advance, folder)
            except (SourceError, AudioError) as error:
                tell_refused(errors, file, error)
                status = max(status, getattr(error, "exit_code", os.EX_NOINPUT))
                continue
            if as_json:
                sys.stdout.write(json.dumps(result.to_dict(bundle.labels, trained=bundle.trained)) + "\n")
                sys.stdout.flush()
            else:
                _print(result, bundle.labels, Console())
    return status


def _warnings(path: Path, recording: Recording, mel: torch.Tensor) -> list[str]:
    """What the article warns of, measured on the file and its last window."""
    duration_s = recording.samples / SAMPLE_RATE
    found = [f"{message} ({count})" for message, count in recording.warnings.items()]
    if recording.samples < CLIP_SAMPLES:
        found.append(f"{duration_s:.1f} s long: repeated from its start to fill 10 s")
    if recording.rate not in USUAL_RATES:
        found.append(f"unusual sample rate of {recording.rate} Hz")
    kbit_s = path.expanduser().stat().st_size * 8 / 1000 / max(duration_s, 1e-3)
    if recording.codec.startswith("mp3") and kbit_s < LEAST_MP3_KBIT_S:
        found.append(f"MP3 of about {kbit_s:.0f} kbit/s: under {LEAST_MP3_KBIT_S} the networks see too little")
    levels = decibels("mel", mel)
    if float((levels[-HIGH_BINS:] - levels.max()).max()) < TOO_QUIET_DB:
        found.append(f"the high bands stay below {TOO_QUIET_DB:.0f} dB: too little information, all models are unsure")
    return found


def _print(result: Result, labels: Labels, console: Console) -> None:
    console.print(f"\n[bold]{escape(result.file)}[/]  {result.duration_s:.1f} s", highlight=False)
    for warning in result.warnings:
        console.print(f"[yellow]warning:[/] {warning}", highlight=False)
    if result.pictures is not None:
        console.print(f"pictures: {escape(str(result.pictures))}", highlight=False, soft_wrap=True)
    for window in result.windows:
        console.print(_table(window, labels))


def _table(window: Window, labels: Labels) -> Table:
    """A row for each model: its top 5 and its time; the ensemble below."""
    table = Table(title=f"{window.start_s:.1f} to {window.end_s:.1f} s", title_justify="left")
    table.add_column("model")
    for place in range(1, 6):
        table.add_column(str(place))
    table.add_column("ms", justify="right")
    for name, vote in window.votes.items():
        if vote.probabilities is None:
            table.add_row(name, f"[red]{escape(str(vote.error))}[/]", *[""] * 4, f"{vote.ms:.0f}")
        else:
            table.add_row(name, *_cells(vote.probabilities, labels), f"{vote.ms:.0f}")
    joint = window.joint
    if joint is not None:
        table.add_section()
        table.add_row("ensemble", *_cells(joint.probabilities, labels), "", style="bold")
        word = _BAND_WORDS[band(float(joint.probabilities.max()))]
        split = " or ".join(labels.named(labels.slugs[index]).en for index in joint.contenders)
        table.caption = (
            f"{word} · agreement {joint.agreement:.0%} · divergence {joint.divergence:.3f}"
            f"{' · split: ' + split if split else ''}"
        )
    return table


def _cells(probabilities: NDArray[Any], labels: Labels) -> list[str]:
    best = np.argsort(probabilities)[::-1][:5]
    cells = [f"{labels.named(labels.slugs[index]).en} {probabilities[index]:.1%}" for index in best]
    return cells + [""] * (5 - len(cells))


def _vote_dict(vote: Vote, labels: Labels) -> dict[str, Any]:
    probabilities = {} if vote.probabilities is None else _by_slug(vote.probabilities, labels)
    top5 = sorted(probabilities.items(), key=lambda item: -item[1])[:5]
    return {
        "probabilities": probabilities,
        "top5": [list(pair) for pair in top5],
        "ms": round(vote.ms, 2),
        "error": vote.error,
    }


def _by_slug(values: NDArray[Any], labels: Labels) -> dict[str, float]:
    return {slug: float(value) for slug, value in zip(labels.slugs, values, strict=True)}
