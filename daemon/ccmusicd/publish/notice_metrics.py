"""Metrics of the programme and of hooks: what holds, how near quotas are, and what became of hooks' calls."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ccmusicd.hub import Hub


@dataclass(frozen=True, slots=True)
class QuotaFigures:
    """How a quota stands: `share` 0-1 of its window, `margin_s` until it is missed (infinite: it cannot be)."""

    station: str
    quota: str
    share: float
    margin_s: float


class Calls(Protocol):
    """What became of one hook's calls since the start; `waiting` is of now."""

    done: int
    failed: int
    dropped: int
    waiting: int


class NoticeMetrics(Collector):
    """Read when they are asked for: the hub's notices, the quotas' figures, the hooks' counts by name."""

    def __init__(
        self,
        hub: Hub,
        *,
        quotas: Callable[[], Iterable[QuotaFigures]] = tuple,
        hooks: Callable[[], Mapping[str, Calls]] = dict,
    ) -> None:
        self._hub = hub
        self._quotas = quotas
        self._hooks = hooks

    def collect(self) -> Iterator[Metric]:
        """Every family; a station has a gauge of each kind that is looked for, 0 while nothing of it holds."""
        active = GaugeMetricFamily(
            "ccmusic_notices_active",
            "Notices that hold, without those of mere information.",
            labels=("station", "kind"),
        )
        for station in self._hub.about.stations:
            holding = self._hub.latest[station.id].notices.values()
            for kind in sorted(station.checks):
                count = sum(notice.kind == kind and notice.severity != "info" for notice in holding)
                active.add_metric((station.id, kind), float(count))
        share = GaugeMetricFamily(
            "ccmusic_quota_share_ratio", "Share of a quota's window that was heard.", labels=("station", "quota")
        )
        margin = GaugeMetricFamily(
            "ccmusic_quota_margin_seconds",
            "Time until a quota is missed if its genres do not come, or do not end; negative: it is missed.",
            labels=("station", "quota"),
        )
        for figures in self._quotas():
            share.add_metric((figures.station, figures.quota), figures.share)
            margin.add_metric((figures.station, figures.quota), figures.margin_s)
        calls = CounterMetricFamily(
            "ccmusic_hook_calls", "Calls of hooks by their outcome.", labels=("hook", "outcome")
        )
        waiting = GaugeMetricFamily("ccmusic_hook_calls_waiting", "Calls that wait for a hook.", labels=("hook",))
        for name, counts in self._hooks().items():
            for outcome, value in (("done", counts.done), ("failed", counts.failed), ("dropped", counts.dropped)):
                calls.add_metric((name, outcome), value)
            waiting.add_metric((name,), counts.waiting)
        yield from (active, share, margin, calls, waiting)
