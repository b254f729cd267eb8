"""Metrics for Prometheus: counts and gauges read from the hub when they are asked for, hop times counted as they come.

Names follow Prometheus' conventions: base units (seconds, decibels relative to full scale), `_total` for what only
grows since the daemon's start. A station without a vote or a level yet has no sample of it, rather than a 0 that lies.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ccmusicd import __version__
from ccmusicd.events import HopEvent, StatusEvent
from ccmusicd.hub import Hub

_INBOX_CAPACITY = 1024
_HOP_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_LAG_BUCKETS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the web server counted since the start; `clients` and `connections` are those of now."""

    clients: int = 0
    connections: int = 0
    cut: int = 0
    refused: int = 0
    events_dropped: int = 0


class Metrics:
    """All numbers of one daemon in a registry of their own.

    `traffic` is asked for the web server's counts, `health` for a state of each part ("ok", "running", "online" are
    good, "off" is left out), `lost` for what the record lost ("segments", "blocks" of hops), all when the metrics are
    read; so are the collectors `more`.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        traffic: Callable[[], Traffic] = Traffic,
        health: Callable[[], Mapping[str, str]] = dict,
        lost: Callable[[], Mapping[str, int]] = dict,
        more: Iterable[Collector] = (),
    ) -> None:
        self._hub = hub
        self._inbox = hub.subscribe(("hop",), capacity=_INBOX_CAPACITY)
        self._counted: set[str] = set()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        for collector in (_OfTheMoment(hub, traffic, health, lost), *more):
            self._registry.register(collector)
        self._hop_s = Histogram(
            "ccmusic_hop_duration_seconds",
            "Time in which the networks saw one hop.",
            ("station",),
            buckets=_HOP_BUCKETS_S,
            registry=self._registry,
        )
        self._lag_s = Histogram(
            "ccmusic_hop_lag_seconds",
            "Time from the newest sample of a hop to its votes.",
            ("station",),
            buckets=_LAG_BUCKETS_S,
            registry=self._registry,
        )

    async def run(self) -> None:
        """Count hops for ever."""
        try:
            while True:
                self._count(await self._inbox.get())
        finally:
            self._hub.unsubscribe(self._inbox)

    def text(self) -> bytes:
        """Everything in Prometheus' text format, version 0.0.4."""
        for event in self._inbox.drain():
            self._count(event)
        for station in self._counted - self._hub.latest.keys():  # they are no longer configured
            self._hop_s.remove(station)
            self._lag_s.remove(station)
            self._counted.discard(station)
        return generate_latest(self._registry)

    def _count(self, event: object) -> None:
        if isinstance(event, HopEvent):
            self._counted.add(event.station)
            self._hop_s.labels(event.station).observe(event.hop_ms / 1e3)
            self._lag_s.labels(event.station).observe(event.lag_s)


class _OfTheMoment(Collector):
    """What the hub, the web server and the parts say at this moment."""

    def __init__(
        self,
        hub: Hub,
        traffic: Callable[[], Traffic],
        health: Callable[[], Mapping[str, str]],
        lost: Callable[[], Mapping[str, int]],
    ) -> None:
        self._hub = hub
        self._traffic = traffic
        self._health = health
        self._lost = lost

    def collect(self) -> Iterator[Metric]:
        about = self._hub.about
        yield InfoMetricFamily(
            "ccmusic_build",
            "The software and the weights that it uses.",
            {"version": __version__, "bundle": about.bundle, "trained": str(about.trained).lower()},
        )
        yield from self._stations()
        yield from self._parts()
        yield from _web(self._traffic())

    def _stations(self) -> Iterator[Metric]:
        statuses = {station: now.status for station, now in self._hub.latest.items()}
        for name, about, read in _COUNTERS:
            counter = CounterMetricFamily(name, about, labels=("station",))
            for station, status in statuses.items():
                if status is not None:
                    counter.add_metric((station,), read(status))
            yield counter
        up = GaugeMetricFamily("ccmusic_up", "1 while sound comes from the station's source.", labels=("station",))
        lag = GaugeMetricFamily("ccmusic_lag_seconds", "How long the next hop has been due.", labels=("station",))
        state = GaugeMetricFamily(
            "ccmusic_state", "1 for the state that the station is in.", labels=("station", "state")
        )
        for station, status in statuses.items():
            if status is not None:
                up.add_metric((station,), float(status.state not in {"no_signal", "paused"} and _runs(status)))
                lag.add_metric((station,), status.lag_s)
                state.add_metric((station, status.state), 1.0)
        yield from (up, lag, state, self._levels(), self._agreement(), self._genres(), self._age())

    def _levels(self) -> Metric:
        level = GaugeMetricFamily("ccmusic_level_dbfs", "Level at the newest hop.", labels=("station",))
        for station, now in self._hub.latest.items():
            if now.hop is not None:
                level.add_metric((station,), now.hop.level.rms_dbfs)
        return level

    def _agreement(self) -> Metric:
        agreement = GaugeMetricFamily("ccmusic_agreement_ratio", "Share of models of one mind.", labels=("station",))
        for station, now in self._hub.latest.items():
            if now.hop is not None:
                agreement.add_metric((station,), now.hop.agreement)
        return agreement

    def _genres(self) -> Metric:
        genre = GaugeMetricFamily(
            "ccmusic_genre_probability", "Rolling probability of the genre shown.", labels=("station", "genre")
        )
        for station, now in self._hub.latest.items():
            if now.hop is not None and now.hop.genre is not None and now.hop.probability is not None:
                genre.add_metric((station, now.hop.genre), now.hop.probability)
        return genre

    def _age(self) -> Metric:
        """An alert on this one finds a daemon that serves pages and analyses nothing."""
        age = GaugeMetricFamily(
            "ccmusic_last_hop_timestamp_seconds",
            "When the newest sample that was voted on was on air.",
            labels=("station",),
        )
        for station, now in self._hub.latest.items():
            if now.hop is not None:
                age.add_metric((station,), min(now.hop.time_us / 1e6, time.time()))
        return age

    def _parts(self) -> Iterator[Metric]:
        part = GaugeMetricFamily("ccmusic_part_up", "1 while a part of the daemon does its work.", labels=("part",))
        for name, state in self._health().items():
            if state != "off":
                part.add_metric((name,), float(state in {"ok", "running", "online"}))
        yield part
        restarts = max(
            (now.status.analyzer_restarts for now in self._hub.latest.values() if now.status is not None), default=0
        )
        lost = CounterMetricFamily(
            "ccmusic_record_dropped",
            "Segments, and blocks of a minute's hops, that could not be written and no longer wait.",
            labels=("what",),
        )
        for what, count in self._lost().items():
            lost.add_metric((what,), count)
        yield lost
        yield CounterMetricFamily("ccmusic_analyzer_restarts", "New starts of the analyzer.", value=restarts)


def _web(traffic: Traffic) -> Iterator[Metric]:
    yield GaugeMetricFamily("ccmusic_websocket_clients", "WebSocket clients connected.", value=traffic.clients)
    yield GaugeMetricFamily(
        "ccmusic_connections", "Connections open, of HTTP and WebSocket.", value=traffic.connections
    )
    yield CounterMetricFamily("ccmusic_websocket_clients_cut", "Clients cut as they read nothing.", value=traffic.cut)
    yield CounterMetricFamily("ccmusic_websocket_clients_refused", "Clients turned away.", value=traffic.refused)
    yield CounterMetricFamily(
        "ccmusic_websocket_events_dropped", "Events that slow clients lost.", value=traffic.events_dropped
    )


def _runs(status: StatusEvent) -> bool:
    return status.source_state == "running"


_COUNTERS: tuple[tuple[str, str, Callable[[StatusEvent], float]], ...] = (
    ("ccmusic_hops", "Hops that were voted on.", lambda status: status.hops),
    ("ccmusic_hops_dropped", "Hops that got no votes.", lambda status: status.dropped_hops),
    ("ccmusic_lost_samples", "Samples that never came, at 22,050 Hz.", lambda status: status.gap_samples),
    ("ccmusic_source_faults", "Overflows and broken packets of the source.", lambda status: status.xruns),
    ("ccmusic_source_restarts", "New starts of the source.", lambda status: status.source_restarts),
)
