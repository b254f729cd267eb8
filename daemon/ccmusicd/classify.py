"""`ccmusicd classify`: recordings the article's way, clip by clip, every model side by side."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
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
from ccmusic_stream.clip import CLIP_SAMPLES, ClipVoter, clip_starts, high_bands_db
from ccmusic_stream.ensemble import band
from ccmusic_stream.errors import AudioError
from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.runtimes import Runtime
from ccmusic_stream.spectrogram import SHOWN
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import Output, SourceError
from ccmusicd.found import Decoded, Result, Window, advice_of
from ccmusicd.pictures import PictureFolder
from ccmusicd.refusals import tell_refused
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters

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


class OfflineClassifier:
    """A bundle's models on the CPU or a GPU, for whole recordings."""

    def __init__(
        self, bundle: Bundle, models: Iterable[str], device: torch.device, *, runtime: Runtime = "torch"
    ) -> None:
        loaded = load_voters(bundle, models, device, runtime=runtime, cache_folder=cache_folder())
        self.refused = loaded.refused
        classifier = Classifier({spec.name: spec for spec in bundle.models}, loaded.voters)
        self._voter = ClipVoter(classifier, device)
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
        windows: list[Window] = []
        high_db = 0.0
        on_window(0, len(starts))
        for seen in filter(None, self._voter.votes(audio, starts)):
            start_s, end = seen.start / SAMPLE_RATE, min(seen.start + CLIP_SAMPLES, len(audio))
            windows.append(Window.of(start_s, end / SAMPLE_RATE, seen.votes, self._weights, self._ensemble_temperature))
            high_db = high_bands_db(seen.windows["mel"][0])
            if pictures:
                sliced_s = seen.sliced_from / SAMPLE_RATE
                pictures.window(
                    start_s,
                    {name: (start_s if name in SHOWN else sliced_s, each[0]) for name, each in seen.windows.items()},
                )
            on_window(len(windows), len(starts))
        if pictures:
            pictures.waveform(audio, [(window.start_s, window.end_s) for window in windows])
        size = Path(path).expanduser().stat().st_size
        decoded = Decoded(len(audio) / SAMPLE_RATE, recording.rate, recording.codec, size, recording.warnings)
        advice = advice_of(decoded, high_db)
        return Result(path, decoded.duration_s, windows, advice, None if pictures is None else pictures.folder)


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
