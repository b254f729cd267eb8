"""Whether the engine's memory stays flat: resident memory over many hops, and its least-squares slope.

Hops come as fast as they are computed. The first tenth is warm-up. Prints one JSON object.

    python benchmarks/memory.py [--hops 10000] [--bundle starter] [--models light] [--device auto]
"""

import json
import time

import numpy as np
import torch
from measuring import arguments, machine, noise, rss_kib

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine, Heard
from ccmusic_stream.geometry import HOP_LENGTH
from ccmusic_stream.runtimes.cpu import CpuVoters, quickest, schemes
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle

SAMPLES = 200


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--hops", type=int, default=10_000)
    options = parser.parse_args()
    device = pick_device(options.device)
    bundle = open_bundle([options.bundle])
    specs = {spec.name: spec for spec in models_to_use(bundle, options.models.split(","))}
    voters = load_voters(bundle, list(specs), device, cache_folder=cache_folder()).voters
    if isinstance(voters, CpuVoters):
        quickest(voters, schemes(len(specs)))
        torch.set_num_threads(1)
    engine = Engine(Classifier(specs, voters), device)
    hop = MEASURED_HOP_COLUMNS * HOP_LENGTH
    sound = noise(60 * hop)
    every = max(1, options.hops // SAMPLES)
    hops, memory = [], []
    started = time.monotonic()
    for number in range(options.hops):
        place = number % 60 * hop
        engine.hop([Heard("station", sound[place : place + hop])])
        if number % every == 0 and number >= options.hops // 10:
            hops.append(number)
            memory.append(rss_kib())
    result = {
        "benchmark": "memory",
        **machine(device),
        "models": list(specs),
        "hops": options.hops,
        "ms_a_hop": round((time.monotonic() - started) / options.hops * 1e3, 1),
        "rss_kib": {"first": memory[0], "last": memory[-1], "least": min(memory), "most": max(memory)},
        "slope_kib_per_1000_hops": round(float(np.polyfit(hops, memory, 1)[0]) * 1e3, 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
