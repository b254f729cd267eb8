"""Metrics: Prometheus' own parser reads them back, and they say what the hub knows."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ccmusicd.events import HopEvent, Level, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.metrics import Metrics, Traffic

MakeHop = Callable[..., HopEvent]
MakeStatus = Callable[..., StatusEvent]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    """Every sample by its name and labels, as Prometheus would read it."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_before_the_first_hop_there_is_no_figure_that_lies(hub: Hub) -> None:
    found = samples(Metrics(hub))
    assert of(found, "ccmusic_build_info", bundle="starter", trained="true", version=_version(found)) == 1
    assert not [name for name, labels in found if dict(labels).get("station")]
    assert of(found, "process_open_fds") > 0


def _version(found: Samples) -> str:
    return next(dict(labels)["version"] for name, labels in found if name == "ccmusic_build_info")


def test_what_the_record_lost_is_counted_from_the_first_scrape_on(hub: Hub) -> None:
    lost = {"segments": 0, "blocks": 0}
    metrics = Metrics(hub, lost=lambda: lost)
    assert of(samples(metrics), "ccmusic_record_dropped_total", what="blocks") == 0
    lost["blocks"] = 3
    found = samples(metrics)
    assert of(found, "ccmusic_record_dropped_total", what="blocks") == 3
    assert of(found, "ccmusic_record_dropped_total", what="segments") == 0


def test_a_station_is_counted_from_its_status(hub: Hub, make_status: MakeStatus) -> None:
    hub.publish(
        make_status(
            hops=70, dropped_hops=3, gap_samples=22_050, xruns=2, source_restarts=4, analyzer_restarts=1, lag_s=0.5
        )
    )
    hub.publish(make_status("web", state="no_signal", source_state="backoff"))
    found = samples(Metrics(hub))
    assert of(found, "ccmusic_hops_total", station="main") == 70
    assert of(found, "ccmusic_hops_dropped_total", station="main") == 3
    assert of(found, "ccmusic_lost_samples_total", station="main") == 22_050
    assert of(found, "ccmusic_source_faults_total", station="main") == 2
    assert of(found, "ccmusic_source_restarts_total", station="main") == 4
    assert of(found, "ccmusic_analyzer_restarts_total") == 1
    assert of(found, "ccmusic_lag_seconds", station="main") == 0.5
    assert of(found, "ccmusic_up", station="main") == 1
    assert of(found, "ccmusic_up", station="web") == 0
    assert of(found, "ccmusic_state", station="web", state="no_signal") == 1


async def test_hop_times_are_a_histogram_of_all_hops(hub: Hub, make_hop: MakeHop) -> None:
    metrics = Metrics(hub)
    running = asyncio.create_task(metrics.run())
    for seq, ms in enumerate((40.0, 240.0, 900.0), start=1):
        hub.publish(make_hop(seq=seq, hop_ms=ms, lag_s=2 * ms / 1e3, level=Level(-20.5, -3.0)))
    found = samples(metrics)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert of(found, "ccmusic_hop_duration_seconds_count", station="main") == 3
    assert of(found, "ccmusic_hop_duration_seconds_sum", station="main") == pytest.approx(1.18)
    assert of(found, "ccmusic_hop_duration_seconds_bucket", station="main", le="0.05") == 1
    assert of(found, "ccmusic_hop_duration_seconds_bucket", station="main", le="0.3") == 2
    assert of(found, "ccmusic_hop_lag_seconds_bucket", station="main", le="0.5") == 2
    assert of(found, "ccmusic_level_dbfs", station="main") == -20.5
    assert of(found, "ccmusic_agreement_ratio", station="main") == 1.0
    assert of(found, "ccmusic_genre_probability", station="main", genre="rock") == pytest.approx(0.8)
    assert of(found, "ccmusic_last_hop_timestamp_seconds", station="main") > 1.7e9


def test_parts_and_clients_are_asked_when_the_metrics_are_read(hub: Hub) -> None:
    health = {"analyzer": "running", "timeline": "degraded: disk full", "mqtt": "off"}
    traffic = Traffic(clients=5, connections=7, cut=1, refused=2, events_dropped=30)
    found = samples(Metrics(hub, traffic=lambda: traffic, health=lambda: health))
    assert of(found, "ccmusic_part_up", part="analyzer") == 1
    assert of(found, "ccmusic_part_up", part="timeline") == 0
    assert ("ccmusic_part_up", (("part", "mqtt"),)) not in found
    assert of(found, "ccmusic_websocket_clients") == 5
    assert of(found, "ccmusic_connections") == 7
    assert of(found, "ccmusic_websocket_clients_cut_total") == 1
    assert of(found, "ccmusic_websocket_clients_refused_total") == 2
    assert of(found, "ccmusic_websocket_events_dropped_total") == 30


def test_hostile_names_stay_values(hub: Hub, make_hop: MakeHop) -> None:
    hub.publish(make_hop(genre='rock"} 1\nevil{a="'))
    found = samples(Metrics(hub))
    assert not [name for name, _ in found if name.startswith("evil")]


async def test_what_ran_leaves_the_hub(hub: Hub) -> None:
    metrics = Metrics(hub)
    running = asyncio.create_task(metrics.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not hub._inboxes


def test_a_station_that_goes_takes_its_figures_along(hub: Hub, make_hop: MakeHop) -> None:
    metrics = Metrics(hub)
    for station in ("main", "web"):
        hub.publish(make_hop(station=station))
    assert of(samples(metrics), "ccmusic_hop_duration_seconds_count", station="web") == 1
    hub.publish(make_hop(station="web"))
    hub.list_stations(hub.about.stations[:1])
    found = samples(metrics)
    assert of(found, "ccmusic_hop_duration_seconds_count", station="main") == 1
    assert not [labels for _, labels in found if ("station", "web") in labels]
