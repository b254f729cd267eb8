"""`python -m training.corpus --out DIR` writes a corpus: composed pieces as FLAC in genre folders, and pieces.jsonl.

What is there already is not made again, so a run that was stopped goes on. The same seed gives the same pieces.
"""

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ccmusic_stream.errors import CcmusicError
from training.corpus.pieces import Order, composer_of_genres, make_piece
from training.corpus.soundfont import sound_font

INDEX = "pieces.jsonl"
_QUEUED_PER_JOB = 4


def main(
    out: Annotated[Path, typer.Option(help="Folder for the genre folders and pieces.jsonl.")],
    pieces: Annotated[int, typer.Option(min=1, help="Pieces of each genre.")] = 100,
    seconds: Annotated[float, typer.Option(min=5.0, help="About how long a piece lasts.")] = 30.0,
    genres: Annotated[str, typer.Option(help="Genres' slugs with commas between, or all.")] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Other seeds give other pieces.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Write a corpus of composed and produced pieces."""
    console = Console(stderr=True)
    chosen = _chosen(genres)
    out.mkdir(parents=True, exist_ok=True)
    made = made_already(out)
    orders = [Order(genre, seed, number, seconds) for number in range(pieces) for genre in chosen]
    orders = [order for order in orders if order.key not in made]
    failures = 0
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as progress, (out / INDEX).open("a", encoding="utf-8") as index:  # fmt: skip
        task = progress.add_task("Pieces", total=len(orders))
        _end_line(out / INDEX, index)
        for order, answer in _made(orders, out, jobs):
            if isinstance(answer, dict):
                index.write(json.dumps(answer, ensure_ascii=False) + "\n")
                index.flush()
            else:
                failures += 1
                which = f"{order.genre} number {order.number} of seed {order.seed}"
                progress.console.print(f"{which} failed: {type(answer).__name__}: {answer}", markup=False)
            progress.advance(task)
    if failures:
        console.print(f"{failures} of {len(orders)} pieces failed.")
        raise typer.Exit(1)


def _end_line(path: Path, index: TextIO) -> None:
    """A line that a killed run left unfinished is not to swallow the next one."""
    if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
        index.write("\n")


def made_already(out: Path) -> set[tuple[str, int, int]]:
    """The keys of the pieces that pieces.jsonl names and whose files are there."""
    index = out / INDEX
    made = set()
    for line in index.read_text(encoding="utf-8").splitlines() if index.exists() else ():
        try:
            piece = json.loads(line)
        except ValueError:  # a run was killed while it wrote the line
            continue
        if (out / piece["file"]).exists():
            made.add((piece["genre"], piece["seed"], piece["number"]))
    return made


def _chosen(genres: str) -> list[str]:
    known = sorted(composer_of_genres())
    if genres == "all":
        return known
    chosen = [genre.strip() for genre in genres.split(",") if genre.strip()]
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        raise typer.BadParameter(f"nobody composes {', '.join(unknown) or 'that'}; there are {', '.join(known)}")
    return chosen


def _made(orders: list[Order], out: Path, jobs: int) -> Iterator[tuple[Order, dict[str, Any] | BaseException]]:
    """Each order with what is known of its piece, or what went wrong, as they finish."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting: dict[Future[dict[str, Any]], Order] = {}
        rest = iter(orders)
        while True:
            for order in _first(rest, jobs * _QUEUED_PER_JOB - len(waiting)):
                waiting[pool.submit(make_piece, order, out)] = order
            if not waiting:
                return
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                error = future.exception()
                yield waiting.pop(future), future.result() if error is None else error


def _first(orders: Iterable[Order], count: int) -> Iterator[Order]:
    for _, order in zip(range(count), orders, strict=False):
        yield order


if __name__ == "__main__":
    try:
        sound_font()  # said once, and not by every process
    except CcmusicError as error:
        raise SystemExit(str(error)) from error
    typer.run(main)
