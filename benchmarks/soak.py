"""Whether the daemon grows over many hops: memory, file descriptors and threads of each of its processes.

`--hops`: decisions and publishing of so many hops by the main process' own parts (station, hub, record, WebSocket, MQTT
with a Mosquitto of its own, metrics), with invented votes and a virtual clock, as fast as they go. `--real`: so many
hops of the whole daemon with its networks. Slopes are least squares after warm-up, the first fifth; the goal is at most
50 kB of memory in 10,000 hops. Progress goes to stderr, one JSON object to stdout.

    python benchmarks/soak.py [--hops 1000000] [--real 20000] [--models light] [--minutes 60] [--trace]
"""

import argparse
import json
import math
from typing import Any

from soak_real import soak_real
from soak_stub import soak_stub


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hops", type=int, default=0, help="with invented votes")
    parser.add_argument("--real", type=int, default=0, help="with the networks")
    parser.add_argument("--bundle", default="starter")
    parser.add_argument("--models", default="light", help="names or presets, separated by commas")
    parser.add_argument("--hop", type=float, default=1.0, help="seconds of a real hop")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end a part after so long, whatever it reached")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trace", action="store_true", help="say which lines' memory grew, with invented votes")
    options = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "soak"}
    most_s = 60 * options.minutes
    if options.hops:
        result["invented"] = soak_stub(options.hops, most_s=most_s, seed=options.seed, trace=options.trace)
    if options.real:
        result["real"] = soak_real(
            options.real,
            bundle=options.bundle,
            models=options.models,
            hop_s=options.hop,
            most_s=most_s,
            seed=options.seed,
        )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
