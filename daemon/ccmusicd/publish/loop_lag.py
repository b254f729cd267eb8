"""How late the event loop is: what keeps it busy, or the machine from running it, keeps all of the daemon waiting."""

import asyncio

from prometheus_client import Histogram

EVERY_S = 0.05
_MOST_AT_ONCE = 20_000
"""Moments that one standstill is counted as: a quarter of an hour."""

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class LoopLag:
    """Asks to be woken twenty times a second, and counts by how much each time was missed.

    Each moment that fell into a standstill counts, with what was left of the standstill then: a second of it is twenty
    moments, not one, or no quantile would show it. `metric` is for the registry.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self.metric = Histogram(
            "ccmusic_event_loop_lag_seconds",
            "How late the event loop did what was due, twenty times a second.",
            buckets=_BUCKETS_S,
            registry=None,
        )

    async def run(self) -> None:
        """Measure for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._every_s
            await asyncio.sleep(self._every_s)
            late_s = max(0.0, loop.time() - due)
            for missed in range(min(int(late_s / self._every_s) + 1, _MOST_AT_ONCE)):
                self.metric.observe(late_s - missed * self._every_s)
