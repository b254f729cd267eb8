"""How many stations one device holds in real time: time of a hop of all, memory and CPU as their number grows.

Every station gives a hop of 1 s; they are held while 99 % of the hops of all of them are done within it. The number is
doubled from 1 until they are not, or `--most` is reached. Prints one JSON object.

    python benchmarks/stations.py [--bundle starter] [--models all] [--rounds 20] [--device auto] [--most 2048]
"""

import json
import statistics
import time
from typing import Any

import torch
from measuring import arguments, machine, noise, quantile, rss_kib

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine, Heard
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.runtimes.cpu import CpuVoters, quickest, schemes
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle

HOP_S = MEASURED_HOP_COLUMNS * HOP_LENGTH / SAMPLE_RATE


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--most", type=int, default=2_048)
    options = parser.parse_args()
    device = pick_device(options.device)
    bundle = open_bundle([options.bundle])
    specs = {spec.name: spec for spec in models_to_use(bundle, options.models.split(","))}
    loaded = load_voters(bundle, list(specs), device, cache_folder=cache_folder())
    if isinstance(loaded.voters, CpuVoters):
        quickest(loaded.voters, schemes(len(specs)))
        torch.set_num_threads(1)
    engine = Engine(Classifier(specs, loaded.voters), device)
    rows = []
    stations = 1
    while stations <= options.most:
        rows.append(_row(engine, device, stations, options.rounds))
        if not rows[-1]["held"]:
            break
        stations *= 2
    result = {
        "benchmark": "stations",
        **machine(device),
        "models": list(specs),
        "runtimes": loaded.runtimes,
        "hop_s": round(HOP_S, 3),
        "rows": rows,
        "held": max((row["stations"] for row in rows if row["held"]), default=0),
    }
    print(json.dumps(result, indent=2))


def _row(engine: Engine, device: torch.device, stations: int, rounds: int) -> dict[str, Any]:
    sound = noise(MEASURED_HOP_COLUMNS * HOP_LENGTH)
    heard = [Heard(f"station {number}", sound) for number in range(stations)]
    engine.hop(heard)  # graphs are captured, columns' memory grows
    seconds = []
    used = time.process_time()
    begun = time.perf_counter()
    for _ in range(rounds):
        started = time.perf_counter()
        engine.hop(heard)
        seconds.append(time.perf_counter() - started)
    cpu = (time.process_time() - used) / (time.perf_counter() - begun)
    median = statistics.median(seconds)
    row = {
        "stations": stations,
        "hop_ms_median": round(median * 1e3, 1),
        "hop_ms_p99": round(quantile(seconds, 0.99) * 1e3, 1),
        "cores_busy": round(cpu, 2),
        "cores_needed": round(cpu * median / HOP_S, 3),
        "rss_mib": rss_kib() // 1024,
        "held": quantile(seconds, 0.99) <= HOP_S,
    }
    if device.type == "cuda":
        row["gpu_mib"] = torch.cuda.max_memory_reserved(device) >> 20
    return row


if __name__ == "__main__":
    main()
