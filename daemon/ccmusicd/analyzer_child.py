"""The analyzer child: the only process of the daemon that imports torch.

It is forked from a server that has imported this module, torch and all, once: a new analyzer need not wait for that.
Reads job frames from its connection and answers each, one at a time; ends when the connection does.

| from the parent | payload | answer |
|---|---|---|
| `configure {hop_columns}` | | |
| `forget {station}` | | |
| `hop {stations: [{station, reset, samples}]}` | float32 samples of whole hops, station after station | `votes` |

`ready {device, models: {name: null or why not}, runtimes: {name: what runs it}, hop_s}` comes first; `hop_s` is the
measured time of one station's hop. A bundle that cannot be used gives `refused {reason}` instead, and the end; torch
that cannot be imported gives `broken {reason}`, without this module (`analyzer`).
`votes {busy_s, stations: [{models, columns}]}` are those on each station's newest hop, in the order of the job. Its
payload is the new columns as bytes of decibels, CQT then Mel, column after column, `columns` bytes of each station.
Everything else is for the desk (`analyzer_desk`).
"""

import contextlib
import signal
import socket
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.engine import Engine, Heard, Seen
from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.models.joined import joined
from ccmusic_stream.runtimes.cpu import CpuVoters, quickest, schemes
from ccmusic_stream.spectrogram import SHOWN
from ccmusicd import frames
from ccmusicd.analyzer_desk import Desk, votes_on_the_wire
from ccmusicd.jobs import Order
from ccmusicd.lifeline import die_with_parent
from ccmusicd.voting import load_voters


def heard(stations: Sequence[dict[str, Any]], payload: bytes) -> list[Heard]:
    """The stations of a job."""
    samples: NDArray[np.float32] = np.frombuffer(payload, dtype="<f4").copy()
    ends = np.cumsum([station["samples"] for station in stations])
    parts = np.split(samples, ends[:-1])
    return [
        Heard(station["station"], part, reset=station["reset"]) for station, part in zip(stations, parts, strict=True)
    ]


def votes_frame(seen: Sequence[Seen], busy_s: float) -> bytes:
    """The answer to a job; which one goes without saying, one at a time."""
    columns = [b"".join(one.columns[name].T.tobytes() for name in SHOWN) for one in seen]
    head = {
        "op": "votes",
        "busy_s": busy_s,
        "stations": [
            {"models": votes_on_the_wire(one.votes), "columns": len(part)}
            for one, part in zip(seen, columns, strict=True)
        ],
    }
    return frames.encode(head, b"".join(columns))


def serve(engine: Engine, desk: Desk, connection: socket.socket) -> None:
    """Answer jobs until the parent closes the connection."""
    jobs = connection.makefile("rb")
    while (frame := frames.read_blocking(jobs)) is not None:
        head, payload = frame
        match head["op"]:
            case "configure":
                engine.hop_columns = head["hop_columns"]
            case "forget":
                engine.forget(head["station"])
            case "hop":
                started = time.perf_counter()
                seen = engine.hop(heard(head["stations"], payload))
                connection.sendall(votes_frame(seen, time.perf_counter() - started))
            case _:
                connection.sendall(desk.answer(head))


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
        serve(engine, Desk(engine), connection)


def start(order: Order) -> tuple[Engine, dict[str, Any]]:
    """The engine that was ordered, warmed up, and what `ready` says of it.

    Raises:
        CcmusicError: the bundle or all of its models are refused.
    """
    bundle = joined([read_bundle(folder) for folder in order.bundles])
    if order.labels and bundle.labels.slugs != order.labels:
        raise CcmusicError(f"the labels of bundle {bundle.name} were changed while it was in use; reload the daemon")
    device = pick_device(order.device)
    loaded = load_voters(bundle, order.models, device, runtime=order.runtime, cache_folder=order.cache)
    if isinstance(loaded.voters, CpuVoters):
        quickest(loaded.voters, schemes(len(loaded.voters.names)))
    classifier = Classifier({spec.name: spec for spec in bundle.models}, loaded.voters)
    if device.type == "cpu":
        # Columns and pictures are small work: more threads would gain little, and lose much on a busy machine, since
        # each of their many products waits for the slowest thread.
        torch.set_num_threads(1)
    engine = Engine(classifier, device)
    # A GPU computes all stations together; on a CPU they take turns.
    together = order.stations if device.type == "cuda" else 1
    return engine, {
        "op": "ready",
        "device": str(device),
        "models": dict.fromkeys(loaded.voters.names) | loaded.refused,
        "runtimes": loaded.runtimes,
        "hop_s": engine.measure(order.measured_hops, together) / together,
    }
