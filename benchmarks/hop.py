"""The whole hop (new columns, pictures, five votes) against the sum of the five bare forward passes.

Both are measured alternately in one run, so that a noisy machine disturbs them alike. Prints one JSON object; times
in milliseconds, medians over the rounds.

    python benchmarks/hop.py [--bundle starter] [--rounds 30] [--device auto]
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.geometry import HOP_LENGTH
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.models.loading import load_bundle
from ccmusic_stream.picture import SIDE
from ccmusicd.analyzer import SHORTEST_HOP_COLUMNS
from ccmusicd.analyzer_child import Engine
from ccmusicd.resources import bundle_folder


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bundle", default="starter")
    arguments.add_argument("--rounds", type=int, default=30)
    arguments.add_argument("--device", default="auto")
    options = arguments.parse_args()
    device = pick_device(options.device)
    bundle = read_bundle(bundle_folder(options.bundle))
    networks, _ = load_bundle(bundle)
    classifier = Classifier({spec.name: spec for spec in bundle.models}, networks, device)
    engine = Engine(classifier, device)
    noise = np.random.default_rng(0).standard_normal(SHORTEST_HOP_COLUMNS * HOP_LENGTH, dtype=np.float32)
    pictures = torch.rand(1, 3, SIDE, SIDE, device=device).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def bare(network: torch.nn.Module) -> None:
        network(pictures)

    def hop() -> None:
        engine.hop("station", noise, reset=False)

    for _ in range(3):
        hop()
        for network in networks.values():
            bare(network)
    hops: list[float] = []
    forwards: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(options.rounds):
        hops.append(_milliseconds(hop, device))
        for name, network in networks.items():
            forwards[name].append(_milliseconds(partial(bare, network), device))
    medians = {name: statistics.median(values) for name, values in forwards.items()}
    whole, total = statistics.median(hops), sum(medians.values())
    result = {
        "benchmark": "hop",
        "device": str(device),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "rounds": options.rounds,
        "hop_ms": round(whole, 1),
        "bare_forward_ms": {name: round(value, 1) for name, value in medians.items()},
        "bare_forward_sum_ms": round(total, 1),
        "hop_over_bare": round(whole / total, 3),
    }
    print(json.dumps(result, indent=2))


def _milliseconds(work: Callable[[], None], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - started) * 1e3


if __name__ == "__main__":
    main()
