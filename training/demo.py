"""`python -m training.demo --bundle B`: what a bundle makes of the demo station, piece by piece.

The programme is heard as the daemon hears it, by its own station, decisions and engine at a hop of about 1 s; only the
clock is virtual, so that minutes of music pass as fast as this machine computes. `demo.schedule` is the truth.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle
from ccmusicd.capture.demo import Slot, programme, schedule
from ccmusicd.capture.music.synth import Sound
from ccmusicd.events import HopEvent, State
from ccmusicd.hearing import Hearing, engine_of
from ccmusicd.weights.bundles import models_to_use, open_bundle
from training.command import run_and_exit
from training.report import percent

SETTLED_S = 12.0
"""From here on a piece fills the window of 10 s, and the average has had time to follow."""

_STATION = "demo"
_SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Hop:
    """What the station showed at `end_s`: its state, and the stable genre if there was one."""

    end_s: float
    state: State
    genre: str | None

    @property
    def shown(self) -> str:
        """The stable genre, else the state."""
        return self.genre or self.state


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was made of one item of the programme.

    `genre` is "silence" for silence, and `known` tells whether the bundle has a label for it. `mostly` is what was
    shown longest, from its start to its end; `settled` of its hops came after the first 12 s, and `right` of them
    showed the truth. `delay_s` is the time from its start until the truth was shown first, None when it never was.
    """

    start_s: float
    title: str
    genre: str
    known: bool
    mostly: str
    settled: int
    right: int
    delay_s: float | None

    @property
    def share(self) -> float | None:
        """Share of the settled hops that are right; None where the item is too short for one."""
        return self.right / self.settled if self.settled else None


def listen(engine: Engine, bundle: Bundle, sound: Iterable[Sound], on_hop: Callable[[], None]) -> list[Hop]:
    """Play mono sound at 22,050 Hz, block by block, to a station of the daemon, and look at it after each hop."""
    hearing = Hearing(engine, bundle, _STATION)
    hops = hearing.hub.subscribe(("hop",), capacity=1)
    seen: list[Hop] = []

    def look() -> None:
        seen.extend(_hop(event) for event in hops.drain() if isinstance(event, HopEvent))
        on_hop()

    hearing.begin()
    for block in sound:
        hearing.play(block, look)
    return seen


def _hop(event: HopEvent) -> Hop:
    return Hop(event.end_sample / SAMPLE_RATE, event.state, event.genre)


def judge(slots: Sequence[Slot], hops: Sequence[Hop], labels: Sequence[str]) -> list[Verdict]:
    """Hold what was shown against the truth; items of which no hop was heard are left out."""
    verdicts = []
    for slot in slots:
        own = [hop for hop in hops if slot.start_s < hop.end_s <= slot.end_s]
        if own:
            verdicts.append(_verdict(slot, own, labels))
    return verdicts


def _verdict(slot: Slot, hops: Sequence[Hop], labels: Sequence[str]) -> Verdict:
    truth = slot.genre or _SILENCE
    settled = [hop for hop in hops if hop.end_s - slot.start_s > SETTLED_S]
    return Verdict(
        start_s=slot.start_s,
        title=slot.title,
        genre=truth,
        known=slot.genre is None or slot.genre in labels,
        mostly=Counter(hop.shown for hop in hops).most_common(1)[0][0],
        settled=len(settled),
        right=sum(hop.shown == truth for hop in settled),
        delay_s=next((hop.end_s - slot.start_s for hop in hops if hop.shown == truth), None),
    )


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Figures over the pieces of genres that the bundle knows; silence is measured, and counts for nothing."""
    pieces = [verdict for verdict in verdicts if verdict.known and verdict.genre != _SILENCE]
    settled = sum(verdict.settled for verdict in pieces)
    return {
        "pieces": len(pieces),
        "mostly_right": sum(verdict.mostly == verdict.genre for verdict in pieces),
        "settled_hops": settled,
        "share": sum(verdict.right for verdict in pieces) / settled if settled else None,
    }


def demo(
    bundle: Annotated[
        str, typer.Option("--bundle", metavar="DIR", help="Folder with bundle.toml, or a bundle's name.")
    ],
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="How much of the programme to hear.")] = 460.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed, the same pieces; the daemon's is 0.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play the demo station to a bundle's networks and tell what they make of each piece."""
    errors = Console(stderr=True)
    opened = open_bundle([bundle])
    models_to_use(opened, [])
    if not opened.trained:
        errors.print("[yellow]The networks of this bundle hold random weights: their answers mean nothing.[/]")
    engine = engine_of(opened, errors)
    total = int(seconds * SAMPLE_RATE) // (MEASURED_HOP_COLUMNS * HOP_LENGTH)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("hops", total=total)
        hops = listen(engine, opened, _first(seconds, seed), lambda: progress.advance(task))
    verdicts = judge(schedule(seed, seconds), hops, opened.labels.slugs)
    if as_json:
        head = {"bundle": opened.name, "trained": opened.trained, "seed": seed, "seconds": seconds}
        report = {**head, **summary(verdicts), "programme": [asdict(one) | {"share": one.share} for one in verdicts]}
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        _print(verdicts, opened, Console())


def _first(seconds: float, seed: int) -> Iterator[Sound]:
    """The programme's blocks until `seconds` have passed; the last one may reach beyond."""
    samples = 0
    for _, block in programme(seed):
        if samples >= seconds * SAMPLE_RATE:
            return
        samples += len(block)
        yield block


def _print(verdicts: Sequence[Verdict], bundle: Bundle, console: Console) -> None:
    table = Table(title=f"{bundle.name} hears the demo station", title_justify="left")
    for name in ("at s", "piece", "genre", "shown most"):
        table.add_column(name, justify="right" if name == "at s" else "left")
    for name in (f"right after {SETTLED_S:.0f} s", "right from"):
        table.add_column(name, justify="right")
    for one in verdicts:
        table.add_row(
            f"{one.start_s:.0f}",
            escape(one.title) or "–",
            one.genre if one.known else f"{one.genre} (no label)",
            one.mostly,
            percent(one.share),
            "–" if one.delay_s is None else f"{one.delay_s:.1f} s",
            style="" if one.mostly == one.genre else "yellow",
        )
    figures = summary(verdicts)
    table.caption = (
        f"{figures['mostly_right']} of {figures['pieces']} pieces shown rightly most of their time; after "
        f"{SETTLED_S:.0f} s {percent(figures['share'])} of {figures['settled_hops']} hops"
    )
    console.print(table)


if __name__ == "__main__":
    run_and_exit(demo, "demo")
