"""Whether the daemon does its work: for the supervisor's watchdog, `/healthz`, and the metrics.

A source that is down is none of the daemon's faults: it is waited for.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ccmusicd.events import AnalyzerState

STALE_TICK_S = 10.0
NO_PROGRESS_S = 120.0
"""Hops that wait for so long though an analyzer runs mean that only a new daemon may help."""

UNHEALTHY_S = 30.0
"""Hops that wait for so long, whatever the reason, are told on `/healthz`."""


_LONGEST_SUMMARY = 1_000


class _Waits(Protocol):
    def overdue_s(self) -> float: ...

    def summary(self) -> str: ...


class _Analyzes(Protocol):
    @property
    def state(self) -> AnalyzerState: ...

    @property
    def model_errors(self) -> Mapping[str, str | None]: ...


class _Tells(Protocol):
    @property
    def state(self) -> str: ...


@dataclass(slots=True)
class Vitals:
    """Looks at the parts of one daemon; those that are not there yet, or not wanted, are None."""

    stations: Mapping[str, _Waits]
    analyzer: _Analyzes | None = None
    timeline: _Tells | None = None
    mqtt: _Tells | None = None
    monotonic: Callable[[], float] = time.monotonic
    _ticked: float = field(init=False)

    def __post_init__(self) -> None:
        self._ticked = self.monotonic()

    def tick(self) -> None:
        """The event loop runs."""
        self._ticked = self.monotonic()

    def parts(self) -> dict[str, str]:
        """Each part's own word for how it is: "running", "ok", "online", "degraded: why", … or "off"."""
        return {
            "analyzer": self.analyzer.state if self.analyzer else "starting",
            "timeline": self.timeline.state if self.timeline else "off",
            "mqtt": self.mqtt.state if self.mqtt else "off",
        }

    def alive(self) -> bool:
        """Whether a new daemon would not do better; an analyzer that is started again and again is not given up."""
        works = self.analyzer is not None and self.analyzer.state == "running"
        return self._ticks() and (self._longest_wait()[1] < NO_PROGRESS_S or not works)

    def summary(self) -> str:
        """One line for the supervisor's status: what ails the daemon, what is degraded, and each station."""
        ailment = self.ailment()
        words = [] if ailment is None else [ailment]
        words += [f"{name} {how}" for name, how in self.parts().items() if how.startswith(("degraded", "refused"))]
        words += [f"{key}: {station.summary()}" for key, station in self.stations.items()]
        whole = "; ".join(words)
        return whole if len(whole) <= _LONGEST_SUMMARY else f"{whole[: _LONGEST_SUMMARY - 1]}…"

    def ailment(self) -> str | None:
        """Why nothing, or not everything, is analysed at this moment; None when all is well."""
        if not self._ticks():
            return "the event loop stands still"
        if self.analyzer is None or self.analyzer.state == "starting":
            return "the networks are being loaded"
        if self.analyzer.state != "running":
            return "the analyzer restarts"
        errors = self.analyzer.model_errors
        if errors and all(error is not None for error in errors.values()):
            return "no model votes"
        station, waits = self._longest_wait()
        if waits >= UNHEALTHY_S:
            return f"a hop of station {station} has waited {waits:.0f} s for its votes"
        return None

    def _ticks(self) -> bool:
        return self.monotonic() - self._ticked < STALE_TICK_S

    def _longest_wait(self) -> tuple[str, float]:
        waits = {name: station.overdue_s() for name, station in self.stations.items()}
        longest = max(waits, key=waits.__getitem__, default="")
        return longest, waits.get(longest, 0.0)
