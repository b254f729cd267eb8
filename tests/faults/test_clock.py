"""Row 22: the system clock is set while a station is on air; what the record says of it."""

import asyncio
import contextlib
import itertools
from pathlib import Path

import pytest

from ccmusicd.publish.record import Record
from ccmusicd.publish.timeline import Timeline
from tests.faults.on_air import OnAir, on_air

HOUR_S = 3600


async def clock_is_set(station: OnAir, step_s: int) -> int:
    """Set the system clock; that is told, and the station is heard on. Gives what the clock said right after."""
    hops = station.status.hops
    station.clock_set_s += step_s
    said_us = station.utc_us()
    await station.until(lambda: station.status.source_warning == f"the system clock was set by {step_s:+.1f} s")
    await station.until(lambda: station.status.hops > hops + 4)
    return said_us


# Seen to fail without: the writing of the steps.
@pytest.mark.parametrize("steps_s", [[HOUR_S], [-HOUR_S], [HOUR_S, -HOUR_S]])
async def test_row_22_clock_steps(steps_s: list[int], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'timeline.sqlite'}"
    said_us = []
    async with on_air("demo") as station:
        timeline = Timeline(station.hub, url)
        begin_us = station.utc_us()
        timeline.start(begin_us)
        writing = asyncio.create_task(timeline.run())
        await station.sound()
        latest_us = begin_us
        for step_s in steps_s:
            latest_us = max(latest_us, station.utc_us())
            said_us.append(await clock_is_set(station, step_s))
        station.station.pause(paused=True)
        await asyncio.sleep(0.5)
        station.station.close()
        latest_us = max(latest_us, station.utc_us())
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        await timeline.stop()
    record = Record(url)
    rows, found = record.segments("main"), record.clock_steps("main")
    record.close()
    assert [step_s for _, step_s in found] == pytest.approx(steps_s, abs=0.1)
    assert [time_us for time_us, _ in found] == pytest.approx(said_us, abs=3e6)
    assert "music" in {row.kind for row in rows}
    assert all(row.start_us < row.end_us for row in rows)
    assert all(before.end_us == after.start_us for before, after in itertools.pairwise(rows))
    # Time that the clock skipped is in the record, and what it said twice is there once.
    assert rows[-1].end_us - rows[0].start_us == pytest.approx(latest_us - begin_us, abs=3e6)
