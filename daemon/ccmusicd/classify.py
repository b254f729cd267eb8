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

from ccmusic_stream.classifier import CLIP_SAMPLES, Classifier, Vote, clip_starts, clip_windows
from ccmusic_stream.ensemble import EnsembleVote, band, combine
from ccmusic_stream.errors import AudioError, CcmusicError
from ccmusic_stream.geometry import SAMPLE_RATE, Spectrogram
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.models.loading import load_bundle
from ccmusic_stream.picture import decibels
from ccmusic_stream.spectrogram import Transforms
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import Output, SourceError

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
    """What was found in one file."""

    file: str
    duration_s: float
    windows: Sequence[Window]
    warnings: list[str] = field(default_factory=list)

    def to_dict(self, labels: Labels, *, trained: bool) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "file": self.file,
            "duration_s": round(self.duration_s, 3),
            "trained": trained,
            "warnings": self.warnings,
            "windows": [window.to_dict(labels) for window in self.windows],
        }


class OfflineClassifier:
    """A bundle's models on the CPU or a GPU, for whole recordings."""

    def __init__(self, bundle: Bundle, models: Iterable[str], device: torch.device) -> None:
        networks, self.refused = load_bundle(bundle, models)
        if not networks:
            raise CcmusicError(f"no model of bundle {bundle.name} can be used: {'; '.join(self.refused.values())}")
        self._classifier = Classifier({spec.name: spec for spec in bundle.models}, networks, device)
        self._transforms = Transforms(centre=True).to(device)
        self._device = device

    def recording(self, path: str, clip: str, on_window: Callable[[int, int], None]) -> Result:
        """Classify the clips `clip` ("first", "centre", "all") of a file; `on_window` is told (done, of how many).

        Raises:
            SourceError: the file is missing or holds no audio.
        """
        recording = Recording()
        play_file(path, recording, loop=False, real_time=False)
        audio = recording.audio
        starts = clip_starts(len(audio), clip)
        windows = []
        columns: dict[Spectrogram, torch.Tensor] = {}
        for number, start in enumerate(starts):
            on_window(number, len(starts))
            samples = audio[start : start + CLIP_SAMPLES]
            columns = clip_windows(samples, self._transforms, self._device)
            votes = self._classifier.votes(columns)
            heard = {name: vote.probabilities for name, vote in votes.items() if vote.probabilities is not None}
            end = min(start + CLIP_SAMPLES, len(audio))
            windows.append(Window(start / SAMPLE_RATE, end / SAMPLE_RATE, votes, combine(heard) if heard else None))
        on_window(len(starts), len(starts))
        warnings = _warnings(Path(path), recording, columns["mel"])
        return Result(path, len(audio) / SAMPLE_RATE, windows, warnings)


def classify_files(
    files: Sequence[str], bundle: Bundle, models: Iterable[str], *, clip: str, as_json: bool, device: torch.device
) -> int:
    """Print the tables (or one JSON object a line) of each file; gives the exit status: that of the worst file."""
    errors = Console(stderr=True)
    offline = OfflineClassifier(bundle, models, device)
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
                result = offline.recording(file, clip, advance)
            except (SourceError, AudioError) as error:
                errors.print(f"{file}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
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
