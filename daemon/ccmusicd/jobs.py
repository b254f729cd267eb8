"""What the main process and the analyzer child hand each other: hops, votes, and what a child is to load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.runtimes import Runtime
from ccmusicd import frames


@dataclass(frozen=True, slots=True)
class Job:
    """Whole hops of a station's sound that end at sample `end`; only the newest hop is voted on.

    `samples` shape (hops · hop_columns · 512,). `reset`: nothing the child knows of the station precedes them.
    """

    station: str
    end: int
    samples: NDArray[np.float32]
    reset: bool


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One model's probabilities, shape (classes,), or None and the reason."""

    probabilities: NDArray[np.float64] | None
    ms: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The votes on a job, by model; `columns` are bytes of decibels, CQT then Mel; `busy_s` the computation's time."""

    models: Mapping[str, ModelAnswer]
    columns: bytes
    busy_s: float


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to load. `models` None means all; `measured_hops` are timed before it is ready.

    `bundles` are folders, whose bundles are joined in this order. `labels` are the slugs that the parent reckons with:
    a bundle that was changed since is refused. `runtime` is what runs the networks on a CPU, `cache` where conversions
    are kept (None: nowhere).
    """

    bundles: tuple[Path, ...]
    labels: tuple[str, ...]
    device: str
    models: Sequence[str] | None
    runtime: Runtime
    cache: Path | None
    stations: int
    measured_hops: int


class Feed(Protocol):
    """A station as the analyzer sees it. Everything is called from the event loop."""

    id: str

    def overdue_s(self) -> float:
        """Seconds since the next hop could have been computed; negative while it is not complete."""

    def next_job(self) -> Job:
        """The next hop; only asked for when it is overdue."""

    def answered(self, job: Job, answer: Answer) -> None:
        """The votes came."""

    def analyzer_changed(self) -> None:
        """The analyzer's state changed; a new child knows nothing of the station."""

    def hop_changed(self) -> None:
        """`Analyzer.hop_columns` changed; no job is waiting."""


def hop_frame(jobs: Sequence[Job]) -> bytes:
    """The jobs of several stations, as the child is sent them."""
    stations = [{"station": job.station, "reset": job.reset, "samples": len(job.samples)} for job in jobs]
    payload = b"".join(job.samples.astype("<f4").tobytes() for job in jobs)
    return frames.encode({"op": "hop", "stations": stations}, payload)


def answers_of(reply: Mapping[str, Any], columns: bytes) -> list[Answer]:
    """What the child replied to them, in the same order."""
    answers, place = [], 0
    for station in reply["stations"]:
        answers.append(
            Answer(models_of(station["models"]), columns[place : place + station["columns"]], reply["busy_s"])
        )
        place += station["columns"]
    return answers


def models_of(votes: Mapping[str, Any]) -> dict[str, ModelAnswer]:
    """The models' votes of a reply, by name."""
    return {
        name: ModelAnswer(
            None if vote["probabilities"] is None else np.array(vote["probabilities"]), vote["ms"], vote["error"]
        )
        for name, vote in votes.items()
    }
