"""Writes MODEL_CARD.md: what networks heard, how they were measured, where they fail, whose music they learnt from.

It is made of two kinds of plain values, both JSON: reports of `training.evaluate`, and a record of the training, which
holds (all but `heard` and `models` may be missing):

heard                  {genre: {source: {files, tracks, artists, hours}}}, see `heard`
split                  [{genre, source, how, train, validation, shared}], see `training.data.splits.GenreSplit`
models                 {model: {key: value}}, as epochs, temperature, weight: the same keys for each
ensemble_temperature   that of the votes' weighted mean
credits                [{artist, title, licence, source}], see `credits_of`
command, device, seed, date
minutes                what the run that ended took; what was killed before is not in it
note                   a sentence about what the command does not say
limits                 [sentence], what is known of the data's weaknesses

`python -m training.card --bundle B --report report.json` writes the card of a bundle that `training.train` wrote.
"""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.models.bundle import read_bundle
from ccmusicd.resources import bundle_folder
from training.command import run_and_exit
from training.data.folders import read_list
from training.data.recording import Recording
from training.report import Report, figures_of, percent

Record = Mapping[str, Any]

CARD = "MODEL_CARD.md"
RECORD = "training.json"
"""What a run of training leaves beside its bundle."""

FEW = 20
"""With fewer recordings than this a genre's figure moves by more than 5 points with each of them."""

_WORST = 5
_MARGIN = 1e-9


def heard(recordings: Iterable[Recording], seconds: Mapping[Path, float]) -> dict[str, dict[str, dict[str, float]]]:
    """Files, tracks, artists and hours of each genre and source; `seconds` are the recordings' durations."""
    groups: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.genre, recording.source].append(recording)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (genre, source), members in sorted(groups.items()):
        found.setdefault(genre, {})[source] = {
            "files": len(members),
            "tracks": len({member.track for member in members}),
            "artists": len({member.artist.casefold() for member in members if member.artist}),
            "hours": sum(seconds[member.path] for member in members) / 3600.0,
        }
    return found


def credits_of(source_list: Path, recordings: Iterable[Recording]) -> list[dict[str, str]]:
    """Whom to name for what was trained on: one entry a track of a list of sources (SOURCES.csv)."""
    paths = {recording.path.resolve() for recording in recordings}
    return _credits(source_list, paths.__contains__)


def credits_by_name(source_list: Path, names: Iterable[str]) -> list[dict[str, str]]:
    """The same for recordings that are known by the last parts of their paths alone (FOLDER/…/FILE)."""
    endings = tuple(f"/{name}" for name in names)
    return _credits(source_list, lambda path: path.as_posix().endswith(endings))


def _credits(source_list: Path, trained_on: Callable[[Path], bool]) -> list[dict[str, str]]:
    entries = {
        (row["artist"], row["title"]): {
            "artist": row["artist"],
            "title": row["title"],
            "licence": row["licence"],
            "source": row.get("source_repo", ""),
        }
        for row in read_list(source_list)
        if trained_on((source_list.parent / row["file"]).resolve())
    }
    return [entries[key] for key in sorted(entries)]


def write_card(
    path: Path, name: str, record: Record, reports: Sequence[Report], pictures: Mapping[str, str] | None = None
) -> None:
    """Write the card of the bundle called `name`.

    Each of `reports` gets a section; the last one says where the networks fail. `pictures` are titles and addresses of
    PNGs, relative to the card.
    """
    parts = [
        _title(name, reports),
        _heard(record),
        _training(record),
        *(_figures(report) for report in reports),
        _pictures(pictures or {}),
        _failures(reports[-1] if reports else None, record),
        _licence(record),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _title(name: str, reports: Sequence[Report]) -> str:
    lines = [f"# Model card: {name}", ""]
    lines.append("Networks that tell the genre of 10 s of music from its spectrogram, and their ensemble.")
    if any(not report["trained"] for report in reports):
        lines.append("\n**These networks hold random weights: their answers mean nothing.**")
    if reports:
        lines.append(f"\nLabels: {', '.join(reports[0]['labels'])}.")
    return "\n".join(lines)


def _heard(record: Record) -> str:
    genres: Mapping[str, Mapping[str, Mapping[str, float]]] = record["heard"]
    sources = sorted({source for parts in genres.values() for source in parts})
    header = ["genre", *(f"{source}: hours (files, artists)" for source in sources)]
    rows = [[genre, *(_part(parts.get(source)) for source in sources)] for genre, parts in genres.items()]
    rows.append(["**all**", *(f"**{_hours(genres, source):.1f}**" for source in sources)])
    text = "## What they heard\n\nRecordings that they were trained on and chosen by, before augmentation.\n\n"
    text += _table(header, rows)
    if "composed" in sources:
        text += "\n\nComposed pieces were written and played by this project's own programs; each is its own artist."
    return text


def _part(part: Mapping[str, float] | None) -> str:
    if part is None:
        return "–"
    return f"{part['hours']:.2f} ({part['files']:.0f}, {part['artists']:.0f})"


def _hours(genres: Mapping[str, Mapping[str, Mapping[str, float]]], source: str) -> float:
    return sum(parts[source]["hours"] for parts in genres.values() if source in parts)


def _training(record: Record) -> str:
    text = "## How they were trained"
    facts = [f"{key}: {record[key]}" for key in ("date", "device", "seed") if key in record]
    if "minutes" in record:
        facts.append(f"minutes: {record['minutes']:.0f}")
    if facts:
        text += f"\n\n{'; '.join(facts)}."
    if "command" in record:
        text += f"\n\n```sh\n{record['command']}\n```"
    if "note" in record:
        text += f"\n\n{record['note']}"
    models: Mapping[str, Mapping[str, Any]] = record["models"]
    keys = list(dict.fromkeys(key for values in models.values() for key in values))
    rows = [[f"`{model}`", *(_value(values.get(key)) for key in keys)] for model, values in models.items()]
    text += f"\n\n{_table(['model', *(key.replace('_', ' ') for key in keys)], rows)}"
    if "ensemble_temperature" in record:
        text += f"\n\nTemperature of the weighted mean of the votes: {record['ensemble_temperature']:.3f}."
    if record.get("split"):
        text += "\n\n### Held out while training\n\n" + _held_out(record["split"])
    return text


def _held_out(genres: Sequence[Mapping[str, Any]]) -> str:
    if any(genre["validation"] for genre in genres):
        text = "Weights, temperatures and epochs were chosen on these, on the real ones alone where there are any; "
        text += "no track is on both sides.\n\n"
    else:
        text = "**Nothing could be held out**: weights and temperatures were chosen on what was trained on.\n\n"
    header = ["genre", "source", "divided by", "trained on", "held out", "artists on both sides"]
    keys = ("genre", "source", "how", "train", "validation", "shared")
    return text + _table(header, [[str(genre[key]) for key in keys] for genre in genres])


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _figures(report: Report) -> str:
    unreadable, others = report["unreadable"], report["other_genres"]
    text = f"## Figures on {', '.join(report['data'])}\n\n```sh\n{report['command']}\n```\n\n"
    text += f"{report['recordings']} recordings, {report['windows']} windows of 10 s; a recording counts once."
    if unreadable:
        text += f" {len(unreadable)} cannot be read: {', '.join(unreadable)}."
    if others:
        text += f" Of genres that have no label: {', '.join(f'{genre} {count}' for genre, count in others.items())}."
    header = ["", "recordings", "top-1", "macro top-1", "macro F1", "ECE", "NLL", "talk or music"]
    rows = [
        [
            name,
            str(figures["recordings"]),
            percent(figures["top1"]),
            percent(figures["macro_top1"]),
            f"{figures['macro_f1']:.3f}",
            f"{figures['ece']:.3f}",
            f"{figures['nll']:.3f}",
            percent(figures["speech_accuracy"]),
        ]
        for name, figures in figures_of(report).items()
    ]
    text += f"\n\n{_table(header, rows)}"
    text += "\n\nMacro figures are means over genres; ECE is over 15 bins (Guo 2017); NLL is in nats."
    return text + f"\n\n{_genres(report)}\n\n{_bands(report)}\n\n{_confusion(report)}"


def _genres(report: Report) -> str:
    header = ["genre", "recordings", "artists", "recall", "precision", "F1"]
    rows = [
        [
            genre["genre"],
            str(genre["recordings"]),
            str(report["artists"][genre["genre"]]),
            percent(genre["recall"]),
            percent(genre["precision"]),
            _value(genre["f1"]),
        ]
        for genre in report["ensemble"]["genres"]
    ]
    return f"### By genre (ensemble)\n\n{_table(header, rows)}"


def _bands(report: Report) -> str:
    names = {"reliable": "reliable (0.85 and above)", "check": "check (0.65 to 0.85)", "unsure": "unsure (below 0.65)"}
    rows = [
        [names[found["band"]], str(found["recordings"]), percent(found["share"]), percent(found["error"])]
        for found in report["ensemble"]["bands"]
    ]
    return f"### Confidence bands (ensemble)\n\n{_table(['band', 'recordings', 'share', 'wrong'], rows)}"


def _confusion(report: Report) -> str:
    slugs, counts = report["labels"], report["ensemble"]["confusion"]
    rows = [[f"**{slug}**", *(str(count or "") for count in row)] for slug, row in zip(slugs, counts, strict=True)]
    return f"### Confusion (ensemble)\n\nTrue genres by row, first choices by column.\n\n{_table(['', *slugs], rows)}"


def _pictures(pictures: Mapping[str, str]) -> str:
    if not pictures:
        return ""
    return "## Pictures\n\n" + "\n\n".join(f"![{title}]({address})" for title, address in pictures.items())


def _failures(report: Report | None, record: Record) -> str:
    lines = [] if report is None else [*_weak_genres(report), *_mistaken(report), *_sure_and_wrong(report)]
    lines += record.get("limits", [])
    return "" if not lines else "## Where they fail\n\n" + "\n".join(f"- {line}" for line in lines)


def _weak_genres(report: Report) -> list[str]:
    present = [genre for genre in report["ensemble"]["genres"] if genre["recordings"]]
    weak = sorted((genre for genre in present if genre["recall"] < 0.5), key=lambda genre: genre["recall"])
    few = [f"{genre['genre']} ({genre['recordings']})" for genre in present if genre["recordings"] < FEW]
    absent = [genre["genre"] for genre in report["ensemble"]["genres"] if not genre["recordings"]]
    lines = []
    if weak:
        named = ", ".join(f"{genre['genre']} ({percent(genre['recall'])})" for genre in weak)
        lines.append(f"Genres that are missed more often than found: {named}.")
    if few:
        lines.append(f"Fewer than {FEW} recordings, so that a genre's figure is a hint at most: {', '.join(few)}.")
    if absent:
        lines.append(f"Not measured at all, for want of recordings: {', '.join(absent)}.")
    return lines


def _mistaken(report: Report) -> list[str]:
    slugs, counts = report["labels"], report["ensemble"]["confusion"]
    pairs = [
        (count, slugs[true], slugs[chosen])
        for true, row in enumerate(counts)
        for chosen, count in enumerate(row)
        if count and true != chosen
    ]
    commonest = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:_WORST]
    if not commonest:
        return []
    named = ", ".join(f"{true} for {chosen} ({count})" for count, true, chosen in commonest)
    return [f"Most often taken one for another: {named}."]


def _sure_and_wrong(report: Report) -> list[str]:
    """Whether the bands keep their word."""
    found = [band for band in report["ensemble"]["bands"] if band["error"] is not None]
    lines = [
        f"Of the answers in the band “reliable”, {percent(band['error'])} are wrong, more than the 15% it allows."
        for band in found
        if band["band"] == "reliable" and band["error"] > 0.15
    ]
    if any(lower["error"] < upper["error"] - _MARGIN for upper, lower in pairwise(found)):
        lines.append("The confidence bands are not in the order of their errors on these recordings.")
    return lines


def _licence(record: Record) -> str:
    text = "## Licence and attribution\n\nThe weights are under the MIT licence, as the project is."
    credited: Sequence[Mapping[str, str]] = record.get("credits", [])
    if not credited:
        return text
    kinds = sorted({entry["licence"] for entry in credited})
    text += (
        f" They were trained in part on excerpts of {len(credited)} recordings under other licences"
        f" ({', '.join(kinds)}). The recordings themselves are not part of the bundle."
    )
    works: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for entry in credited:
        works[entry["artist"], entry["licence"], entry["source"]].append(entry["title"])
    rows = [[artist, licence, "; ".join(titles), source] for (artist, licence, source), titles in sorted(works.items())]
    return f"{text}\n\n{_table(['artist', 'licence', 'works', 'taken from'], rows)}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; bars in cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


class CardError(CcmusicError):
    """The bundle or a report is not what a card can be written of."""

    exit_code = os.EX_DATAERR


def card(
    bundle: Annotated[str, typer.Option("--bundle", metavar="DIR", help="Folder that training wrote, or its name.")],
    report: Annotated[
        list[Path] | None,
        typer.Option("--report", metavar="FILE", help="report.json of training.evaluate; the last one is judged by."),
    ] = None,
    sources: Annotated[
        list[Path] | None,
        typer.Option("--sources", metavar="CSV", help="Lists with artists and licences that lie elsewhere."),
    ] = None,
) -> None:
    """Write MODEL_CARD.md, and the pictures that it shows, into the bundle's folder."""
    folder = bundle_folder(bundle)
    name = read_bundle(folder).name
    record = _read(folder / RECORD)
    reports = [_report_of(path, name) for path in report or []]
    for found in sources or []:
        if not found.is_file():
            raise CardError(f"{found}: there is no such file")
        known = record.setdefault("credits", [])
        known += [one for one in credits_by_name(found, record.get("recordings", [])) if one not in known]
    write_card(folder / CARD, name, record, reports, _copied(folder, report or [], reports))
    Console(stderr=True).print(f"Written: {folder / CARD}", highlight=False, soft_wrap=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CardError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise CardError(f"{path} holds no JSON object")
    return content


def _report_of(path: Path, bundle: str) -> Report:
    report = _read(path)
    if report.get("bundle") != bundle:
        raise CardError(f"{path} is a report of bundle {report.get('bundle')!r}, not of {bundle!r}")
    return report


def _copied(folder: Path, paths: Sequence[Path], reports: Sequence[Report]) -> dict[str, str]:
    """Titles and names of the pictures in the bundle's folder: training's own, and copies of those beside reports."""
    own = {"Loss while training": "loss.png", "Confusion on what was held out while training": "confusion.png"}
    pictures = {title: file for title, file in own.items() if (folder / file).is_file()}
    for number, (path, report) in enumerate(zip(paths, reports, strict=True), start=1):
        for kind in ("confusion", "reliability"):
            picture = path.parent / f"{kind}.png"
            if picture.is_file():
                file = f"report{number}-{kind}.png"
                shutil.copyfile(picture, folder / file)
                pictures[f"{kind.capitalize()} on {', '.join(report['data'])} ({report['clip']})"] = file
    return pictures


if __name__ == "__main__":
    run_and_exit(card, "card")
