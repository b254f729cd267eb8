"""Five networks at once against the slowest of them alone, and against all of them one after the other.

On a GPU each network has its stream and captured graph; on a CPU the cores are shared by the scheme that was measured
to be quickest, and the slowest alone has all of them. Milliseconds, medians; prints one JSON object.

    python benchmarks/parallel.py [--bundle starter] [--models all] [--rounds 20] [--device auto] [--stations 1]
"""

import json
from functools import partial

import torch
from measuring import alternately, arguments, machine, medians

from ccmusic_stream.classifier import pick_device
from ccmusic_stream.picture import SIDE
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme, quickest, schemes
from ccmusic_stream.votes import PictureKey, Voters
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--stations", type=int, default=1, help="in one batch")
    options = parser.parse_args()
    device = pick_device(options.device)
    bundle = open_bundle([options.bundle])
    specs = models_to_use(bundle, options.models.split(","))
    cores = torch.get_num_threads()

    def voters(names: list[str]) -> Voters:
        found = load_voters(bundle, names, device, cache_folder=cache_folder()).voters
        if isinstance(found, CpuVoters):
            if len(names) > 1:
                quickest(found, schemes(len(names)))
            else:
                found.share(Scheme(1, cores))
        return found

    pictures: dict[PictureKey, torch.Tensor] = {
        spec.picture: torch.randint(0, 256, (options.stations, 1, SIDE, SIDE), dtype=torch.uint8, device=device)
        for spec in specs
    }
    together = voters([spec.name for spec in specs])
    works = {"together": partial(together.votes, pictures)}
    for spec in specs:
        works[spec.name] = partial(voters([spec.name]).votes, {spec.picture: pictures[spec.picture]})
    times = medians(alternately(works, options.rounds))
    alone = [times[spec.name] for spec in specs]
    result = {
        "benchmark": "parallel",
        **machine(device),
        "stations": options.stations,
        "ms": times,
        "together_over_slowest": round(times["together"] / max(alone), 3),
        "together_over_sum": round(times["together"] / sum(alone), 3),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
