"""The analyzer child: the only process of the daemon that imports torch.

It is forked from a server that has imported this module, torch and all, once: a new analyzer need not wait for that.
Reads job frames from its connection and answers each, one at a time; ends when the connection does.

| from the parent | payload | answer |
|---|---|---|
| `configure {hop_columns}` | | |
| `hop {station, reset}` | float32 samples of whole hops | `votes` for the newest of them |

`ready {device, models: {name: null or why not}, hop_s}` comes first; `hop_s` is the measured time of one hop. A
bundle that cannot be used gives `refused {reason}` instead, and the end.
The payload of `votes` is the new columns as bytes of decibels, CQT then Mel, column after column.
"""

import contextlib
import signal
import socket
import statistics
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ccmusic_stream.classifier import Classifier, Vote, pick_device
from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.geometry import BINS, HOP_LENGTH, Spectrogram
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.models.joined import joined
from ccmusic_stream.models.loading import load_bundle
from ccmusic_stream.picture import decibels
from ccmusic_stream.spectrogram import StreamingColumns, Transforms
from ccmusicd import frames
from ccmusicd.analyzer import Order
from ccmusicd.events import DB_FLOOR, DB_STEP
from ccmusicd.lifeline import die_with_parent

MEASURED_HOP_COLUMNS = 43
WARM_UP_HOPS = 1


class Engine:
    """Columns of every station and the classifier, on one device."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        self._classifier = classifier
        self._device = device
        self._transforms = Transforms(centre=False).to(device)
        self._stations: dict[str, StreamingColumns] = {}
        self.hop_columns = MEASURED_HOP_COLUMNS

    @torch.inference_mode()
    def hop(
        self, station: str, samples: NDArray[np.float32], *, reset: bool
    ) -> tuple[dict[str, Vote], dict[Spectrogram, bytes]]:
        """Take one or more whole hops, shape (hops · hop_columns · 512,): votes on the newest window, new columns.

        The columns of each hop are computed apart, so that shapes stay fixed however many hops come at once.
        """
        columns = self._stations.get(station)
        if columns is None:
            columns = self._stations[station] = StreamingColumns(self._transforms, self._device)
        elif reset:
            columns.reset()
        drawn: dict[Spectrogram, list[bytes]] = {kind: [] for kind in BINS}
        for hop in torch.split(torch.from_numpy(samples).to(self._device), self.hop_columns * HOP_LENGTH):
            for kind, new in columns.push(hop).items():
                drawn[kind].append(as_bytes(kind, new))
        votes = self._classifier.votes(columns.windows)
        return votes, {kind: b"".join(parts) for kind, parts in drawn.items()}

    def measure(self, hops: int) -> float:
        """Seconds that one hop takes: the median over `hops` hops of noise after a warm-up."""
        noise = np.random.default_rng(0).standard_normal(MEASURED_HOP_COLUMNS * HOP_LENGTH, dtype=np.float32)
        seconds = []
        for _ in range(WARM_UP_HOPS + hops):
            started = time.perf_counter()
            self.hop("", noise, reset=False)
            seconds.append(time.perf_counter() - started)
        del self._stations[""]
        return statistics.median(seconds[WARM_UP_HOPS:])


def as_bytes(kind: Spectrogram, columns: torch.Tensor) -> bytes:
    """Columns (bins, n) as bytes of decibels for the viewer, column after column."""
    levels = (decibels(kind, columns) - DB_FLOOR) / DB_STEP
    return levels.round().clamp(0, 255).to(torch.uint8).T.contiguous().cpu().numpy().tobytes()


def votes_head(votes: dict[str, Vote], busy_s: float) -> dict[str, Any]:
    """The head of an answer; whose it is goes without saying, one job at a time."""
    return {
        "op": "votes",
        "busy_s": busy_s,
        "models": {
            name: {
                "probabilities": None if vote.probabilities is None else [float(p) for p in vote.probabilities],
                "ms": vote.ms,
                "error": vote.error,
            }
            for name, vote in votes.items()
        },
    }


def serve(engine: Engine, connection: socket.socket) -> None:
    """Answer jobs until the parent closes the connection."""
    jobs = connection.makefile("rb")
    while (frame := frames.read_blocking(jobs)) is not None:
        head, payload = frame
        match head["op"]:
            case "configure":
                engine.hop_columns = head["hop_columns"]
            case "hop":
                started = time.perf_counter()
                samples = np.frombuffer(payload, dtype="<f4").copy()
                votes, columns = engine.hop(head["station"], samples, reset=head["reset"])
                reply = votes_head(votes, time.perf_counter() - started)
                connection.sendall(frames.encode(reply, b"".join(columns.values())))
            case unknown:
                raise ValueError(f"unknown job {unknown!r}")


def main(connection: socket.socket, order: Order) -> None:
    """Load the bundle, say `ready` (or `refused`), and serve until the parent closes the connection."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides
    # Nobody listens any more: the daemon has stopped, and so do we.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), connection:
        try:
            engine, ready = start(order)
        except CcmusicError as error:
            connection.sendall(frames.encode({"op": "refused", "reason": str(error)}))
            return
        connection.sendall(frames.encode(ready))
        serve(engine, connection)


def start(order: Order) -> tuple[Engine, dict[str, Any]]:
    """The engine that was ordered, warmed up, and what `ready` says of it.

    Raises:
        CcmusicError: the bundle or all of its models are refused.
    """
    bundle = joined([read_bundle(folder) for folder in order.bundles])
    if order.labels and bundle.labels.slugs != order.labels:
        raise CcmusicError(f"the labels of bundle {bundle.name} were changed while it was in use; reload the daemon")
    networks, refused = load_bundle(bundle, order.models)
    if not networks:
        raise CcmusicError(f"no model of bundle {bundle.name} can be used: {'; '.join(refused.values())}")
    device = pick_device(order.device)
    engine = Engine(Classifier({spec.name: spec for spec in bundle.models}, networks, device), device)
    return engine, {
        "op": "ready",
        "device": str(device),
        "models": dict.fromkeys(networks) | refused,
        "hop_s": engine.measure(order.measured_hops),
    }
