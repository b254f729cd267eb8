"""Metrics of the programme and of hooks, as Prometheus reads them."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from ccmusicd.events import NoticeEvent
from ccmusicd.hooks.runner import Counts
from ccmusicd.hub import About, Hub
from ccmusicd.publish.metrics import Metrics
from ccmusicd.publish.notice_metrics import NoticeMetrics, QuotaFigures


def test_notices_quotas_and_hooks_are_numbers(about: About) -> None:
    main, web = about.stations
    hub = Hub(replace(about, stations=(replace(main, checks=frozenset({"dead_air", "show"})), web)))
    hub.publish(NoticeEvent("main", "dead_air", "", "raised", "alarm", 0, 0, "x"))
    hub.publish(NoticeEvent("main", "show", "", "raised", "info", 0, 0, "x"))
    more = NoticeMetrics(
        hub,
        quotas=lambda: [QuotaFigures("main", 'jazz "x"', 0.25, -3.0), QuotaFigures("main", "safe", 1.0, float("inf"))],
        hooks=lambda: {"pager": Counts(done=3, failed=1, dropped=2, waiting=4)},
    )
    families = text_string_to_metric_families(Metrics(hub, more=[more]).text().decode())
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }

    def of(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert of("ccmusic_notices_active", station="main", kind="dead_air") == 1
    assert of("ccmusic_notices_active", station="main", kind="show") == 0  # a show that is on is no trouble
    assert not [labels for name, labels in found if name == "ccmusic_notices_active" and ("station", "web") in labels]
    assert of("ccmusic_quota_margin_seconds", station="main", quota='jazz "x"') == -3
    assert of("ccmusic_quota_share_ratio", station="main", quota="safe") == 1
    assert of("ccmusic_hook_calls_total", hook="pager", outcome="dropped") == 2
    assert of("ccmusic_hook_calls_waiting", hook="pager") == 4
