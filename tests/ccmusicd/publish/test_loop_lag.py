"""The event loop's lag as /metrics shows it."""

import asyncio
import time

from prometheus_client.parser import text_string_to_metric_families

from ccmusicd.hub import Hub
from ccmusicd.publish.loop_lag import LoopLag
from ccmusicd.publish.metrics import Metrics

NAME = "ccmusic_event_loop_lag_seconds"
EVERY_S, STANDSTILL_S = 0.01, 0.3


def counted(metrics: Metrics) -> dict[str, float]:
    """The histogram's cumulative counts by the upper end of the bucket."""
    families = text_string_to_metric_families(metrics.text().decode())
    samples = [sample for family in families for sample in family.samples]
    return {sample.labels["le"]: sample.value for sample in samples if sample.name == f"{NAME}_bucket"}


async def test_standstill_counts_for_as_long_as_it_lasts(hub: Hub) -> None:
    lag = LoopLag(EVERY_S)
    metrics = Metrics(hub, more=(lag.metric,))
    measuring = asyncio.create_task(lag.run())
    try:
        async with asyncio.timeout(10):
            while counted(metrics)["+Inf"] < 1:  # noqa: ASYNC110 - as a scraper would
                await asyncio.sleep(0)
            before = counted(metrics)
            time.sleep(STANDSTILL_S)  # noqa: ASYNC251 - this is the standstill
            while counted(metrics)["+Inf"] == before["+Inf"]:  # noqa: ASYNC110
                await asyncio.sleep(0)
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
    after = counted(metrics)
    later = {end: (after["+Inf"] - after[end]) - (before["+Inf"] - before[end]) for end in ("0.1", "0.25")}
    # Of the moments in 0.3 s all but those of the last tenth were missed by more than that.
    assert later["0.1"] >= (STANDSTILL_S - 0.1) / EVERY_S - 2
    assert 1 <= later["0.25"] < later["0.1"]
