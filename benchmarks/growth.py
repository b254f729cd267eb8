"""Whether processes grow: what each held over many hops, and the least-squares slope of it after warm-up."""

import sys
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from processes import Held, held

GOAL_KB_PER_10_000_HOPS = 50.0
WARM_UP = 0.2
"""The first share of the hops, in which caches fill and allocators settle."""

FEWEST = 8
"""With fewer samples than these a slope says nothing."""

_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process held after so many hops."""

    hops: int
    held: Held


class Growth:
    """Samples of several processes, by what they are for. A process that is replaced begins anew."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._pids: dict[str, int] = {}
        self._samples: dict[str, list[Sample]] = {}
        self._replaced: dict[str, int] = {}

    def take(self, hops: int, processes: Mapping[str, int]) -> None:
        """Look at each process once."""
        for name, pid in processes.items():
            if self._pids.get(name, pid) != pid:
                self._replaced[name] = self._replaced.get(name, 0) + 1
                self._samples[name] = []
            self._pids[name] = pid
            now = held(pid)
            if now is not None:
                self._samples.setdefault(name, []).append(Sample(hops, now))

    def show(self, hops: int, of: int) -> None:
        """One line on stderr: how far it is, and each process' memory since the beginning as a row of bars."""
        passed = time.monotonic() - self._begun
        parts = [f"{name} {samples[-1].held.rss_kib / 1024:.1f} MiB {_bars(samples)}" for name, samples in self._all()]
        sys.stderr.write(f"{hops}/{of} hops, {hops / passed:.0f} a second: {' | '.join(parts)}\n")
        sys.stderr.flush()

    def summary(self) -> dict[str, Any]:
        """Each process' slopes after warm-up, and whether its memory's is within the goal (None: too few samples)."""
        return {name: self._of(name, samples) for name, samples in self._all()}

    def _all(self) -> list[tuple[str, list[Sample]]]:
        return [(name, samples) for name, samples in self._samples.items() if samples]

    def _of(self, name: str, samples: list[Sample]) -> dict[str, Any]:
        steady = [one for one in samples if one.hops >= WARM_UP * samples[-1].hops]
        slopes = {what: slope(steady, place) for place, what in enumerate(("rss", "files", "threads"))}
        rss = slopes["rss"]
        kb = None if rss is None else round(rss * 1.024, 1)
        return {
            "hops": [steady[0].hops, steady[-1].hops],
            "rss_kib": {
                "first": samples[0].held.rss_kib,
                "after_warm_up": steady[0].held.rss_kib,
                "last": steady[-1].held.rss_kib,
                "most": max(one.held.rss_kib for one in samples),
            },
            "rss_kb_per_10000_hops": kb,
            "files": [steady[0].held.files, steady[-1].held.files],
            "files_per_10000_hops": slopes["files"],
            "threads": [steady[0].held.threads, steady[-1].held.threads],
            "threads_per_10000_hops": slopes["threads"],
            "replaced": self._replaced.get(name, 0),
            "flat": None if kb is None else kb <= GOAL_KB_PER_10_000_HOPS,
        }


def slope(samples: list[Sample], place: int) -> float | None:
    """Least-squares growth in 10,000 hops of the `place`-th thing held; None when there are too few samples."""
    if len(samples) < FEWEST or samples[0].hops == samples[-1].hops:
        return None
    hops = np.array([one.hops for one in samples], np.float64)
    values = np.array([astuple(one.held)[place] for one in samples], np.float64)
    return round(float(np.polyfit(hops - hops[0], values, 1)[0]) * 1e4, 3)


def _bars(samples: list[Sample], width: int = 24) -> str:
    values = [one.held.rss_kib for one in samples]
    values = values[:: -(-len(values) // width)]
    least, most = min(values), max(values)
    return "".join(_BARS[round((value - least) / max(most - least, 1) * (len(_BARS) - 1))] for value in values)
