"""What an evaluation found: as a JSON report, as tables, as pictures, and recording by recording."""

import csv
import json
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ccmusic_stream.ensemble import band
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle
from training.data.recording import Recording
from training.measures import Floats, Ints, Measures, measure
from training.plots import confusion_matrix, reliability_diagram

if TYPE_CHECKING:
    from training.evaluate import Answers

Report = dict[str, Any]

LEADING_SHARE = 0.1
"""An artist with more of the recordings than this may be recognised instead of the genre: figures without them, too."""


def make_report(
    bundle: Bundle, answers: "Answers", others: Mapping[str, int], dirs: Sequence[Path], clip: str
) -> Report:
    """Plain values: what was heard, and the figures of each model, the ensemble, each source.

    Folders are named by their last two parts, so that the report says nothing of the machine it was made on.
    """
    labels, truth = bundle.labels, answers.truth(bundle.labels)
    heard = answers.recordings
    by_source = {
        source: _measured(answers.ensemble, truth, labels, [recording.source == source for recording in heard])
        for source in sorted({recording.source for recording in heard})
    }
    data = [short(folder) for folder in dirs]
    return {
        "bundle": bundle.name,
        "trained": bundle.trained,
        "labels": list(labels.slugs),
        "command": _command(bundle.name, data, clip),
        "data": data,
        "clip": clip,
        "recordings": len(heard),
        "windows": sum(answers.windows),
        "artists": _artists(heard, labels),
        "unreadable": {named(path, dirs): _without(reason, path) for path, reason in answers.unreadable.items()},
        "other_genres": dict(others),
        "models": {name: measure(values, truth, labels).to_dict() for name, values in answers.models.items()},
        "ensemble": measure(answers.ensemble, truth, labels).to_dict(),
        "by_source": {source: measures.to_dict() for source, measures in by_source.items()},
        "leading_artist": _leading_artist(answers, truth, labels),
    }


def write_report(folder: Path, report: Report, answers: "Answers", labels: Labels, dirs: Sequence[Path]) -> None:
    """Write report.json, confusion.png, reliability.png and predictions.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    ensemble = measure(answers.ensemble, answers.truth(labels), labels)
    title = f"{report['bundle']} on {', '.join(report['data'])}: top-1 {ensemble.top1:.1%}"
    confusion_matrix(folder / "confusion.png", ensemble.confusion, [label.en for label in labels], title)
    reliability_diagram(folder / "reliability.png", ensemble.reliability, ensemble.ece, report["bundle"])
    _write_predictions(folder / "predictions.csv", answers, labels, dirs)


def print_report(report: Report, console: Console, *, as_json: bool) -> None:
    """Print the report as one JSON object, or as tables."""
    if as_json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return
    others = report["other_genres"]
    console.print(
        f"\n[bold]{escape(report['bundle'])}[/] on {escape(', '.join(report['data']))}: "
        f"{report['recordings']} recordings, {report['windows']} windows; {len(report['unreadable'])} cannot be read, "
        f"{sum(others.values())} are of other genres{' (' + ', '.join(others) + ')' if others else ''}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_figures_table(report))
    console.print(_genres_table(report))
    console.print(_recalls_table(report))
    console.print(_bands_table(report))


def named(path: Path, dirs: Sequence[Path]) -> str:
    """A recording's path from the folder that it was found in, that folder included."""
    for folder in dirs:
        if path.is_relative_to(folder.expanduser()):
            return f"{short(folder)}/{path.relative_to(folder.expanduser()).as_posix()}"
    return path.name


def short(folder: Path) -> str:
    """A folder by its last two parts: enough to know it by, and nothing of the machine."""
    return "/".join(folder.expanduser().resolve().parts[-2:])


def _without(reason: str, path: Path) -> str:
    return reason.replace(str(path), path.name)


def _command(bundle: str, data: Sequence[str], clip: str) -> str:
    folders = [word for folder in data for word in ("--data", folder)]
    return shlex.join(["python", "-m", "training.evaluate", "--bundle", bundle, *folders, "--clip", clip])


def _artists(heard: Sequence[Recording], labels: Labels) -> dict[str, int]:
    """How many known artists each genre has."""
    pairs = {(recording.genre, recording.artist.casefold()) for recording in heard if recording.artist}
    counts = Counter(genre for genre, _ in pairs)
    return {slug: counts[slug] for slug in labels.slugs}


def _measured(probabilities: Floats, truth: Ints, labels: Labels, chosen: Sequence[bool]) -> Measures:
    mask = np.array(chosen, bool)
    return measure(probabilities[mask], truth[mask], labels)


def _leading_artist(answers: "Answers", truth: Ints, labels: Labels) -> Report | None:
    """The artist with the most recordings where they are many, and the ensemble's figures without them."""
    counts = Counter(recording.artist for recording in answers.recordings if recording.artist)
    if not counts:
        return None
    artist, count = counts.most_common(1)[0]
    share = count / len(answers.recordings)
    if not LEADING_SHARE < share < 1.0:
        return None
    rest = [recording.artist != artist for recording in answers.recordings]
    without = _measured(answers.ensemble, truth, labels, rest)
    return {"artist": artist, "share": share, "without": without.to_dict()}


def _write_predictions(path: Path, answers: "Answers", labels: Labels, dirs: Sequence[Path]) -> None:
    """One row a recording: the ensemble's first choice and probabilities, and each model's first choice."""
    known = ("file", "source", "genre", "artist", "track", "windows", "chosen", "right", "confidence", "band")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*known, *answers.models, *(f"p_{slug}" for slug in labels.slugs)])
        for index, recording in enumerate(answers.recordings):
            joint = answers.ensemble[index]
            chosen, confidence = labels.slugs[int(joint.argmax())], float(joint.max())
            writer.writerow(
                [
                    named(recording.path, dirs),
                    recording.source,
                    recording.genre,
                    recording.artist,
                    recording.track,
                    answers.windows[index],
                    chosen,
                    int(chosen == recording.genre),
                    f"{confidence:.4f}",
                    band(confidence),
                    *(labels.slugs[int(values[index].argmax())] for values in answers.models.values()),
                    *(f"{value:.4f}" for value in joint),
                ]
            )


def figures_of(report: Report) -> dict[str, Report]:
    """Every row of the table of figures, by its name: models, the ensemble, and the ensemble on parts of the data."""
    rows: dict[str, Report] = {**report["models"], "ensemble": report["ensemble"]}
    if len(report["by_source"]) > 1:
        rows |= {f"ensemble, {source}": measures for source, measures in report["by_source"].items()}
    leading = report["leading_artist"]
    if leading:
        rows[f"ensemble, without {leading['artist']} ({leading['share']:.0%})"] = leading["without"]
    return rows


def percent(value: float | None) -> str:
    """A share for people; a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def _figures_table(report: Report) -> Table:
    table = Table(title="figures", title_justify="left")
    table.add_column("", overflow="fold")
    for name in ("files", "top-1", "macro\ntop-1", "macro\nF1", "ECE", "NLL", "talk or\nmusic"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, figures in figures_of(report).items():
        if name == "ensemble":
            table.add_section()
        table.add_row(
            name,
            str(figures["recordings"]),
            percent(figures["top1"]),
            percent(figures["macro_top1"]),
            f"{figures['macro_f1']:.3f}",
            f"{figures['ece']:.3f}",
            f"{figures['nll']:.3f}",
            percent(figures["speech_accuracy"]),
            style="bold" if name == "ensemble" else "",
        )
    return table


def _genres_table(report: Report) -> Table:
    table = Table(title="ensemble by genre", title_justify="left")
    table.add_column("genre")
    for name in ("recordings", "artists", "recall", "precision", "F1"):
        table.add_column(name, justify="right")
    for genre in report["ensemble"]["genres"]:
        table.add_row(
            genre["genre"],
            str(genre["recordings"]),
            str(report["artists"][genre["genre"]]),
            percent(genre["recall"]),
            percent(genre["precision"]),
            "–" if genre["f1"] is None else f"{genre['f1']:.3f}",
        )
    return table


def _recalls_table(report: Report) -> Table:
    table = Table(title="recall by model", title_justify="left")
    table.add_column("genre")
    for name in report["models"]:
        table.add_column(name.replace("_", "\n"), justify="right")
    for index, slug in enumerate(report["labels"]):
        recalls = [model["genres"][index]["recall"] for model in report["models"].values()]
        table.add_row(slug, *map(percent, recalls))
    return table


def _bands_table(report: Report) -> Table:
    table = Table(title="confidence bands", title_justify="left")
    for name in ("band", "recordings", "share", "wrong"):
        table.add_column(name, justify="left" if name == "band" else "right")
    for found in report["ensemble"]["bands"]:
        table.add_row(found["band"], str(found["recordings"]), percent(found["share"]), percent(found["error"]))
    return table
