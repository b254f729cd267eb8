"""The fleet's end: when no input is left, and when another one comes before the last votes are in."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd import fleet as module
from ccmusicd.analyzer import Analyzer
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.process import Ended
from ccmusicd.capture.spec import parse_spec
from ccmusicd.fleet import Fleet
from ccmusicd.hub import About, Hub, StationInfo
from ccmusicd.stationplan import StationOptions, StationPlan

LABELS = Labels([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])


def plans(*stations: str) -> dict[str, StationPlan]:
    return {
        key: StationPlan(StationInfo(key, key, "demo"), parse_spec("demo"), CaptureOptions(), StationOptions(key, "x"))
        for key in stations
    }


class Tape:
    """A capture that ends when the test says so."""

    def __init__(self, *_: Any) -> None:
        self.ends = asyncio.Event()

    async def run(self) -> Ended:
        await self.ends.wait()
        return Ended("eof", None, 0)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fleet]:
    monkeypatch.setattr(module, "Capture", Tape)

    def made(on_all_ended: Callable[[], None]) -> Fleet:
        first = plans("first")
        hub = Hub(About("node", "light", True, LABELS, (), tuple(plan.info for plan in first.values())))
        fleet = Fleet(hub, Analyzer([Path("nowhere")], on_ready=lambda _: None), on_all_ended=on_all_ended)
        fleet.begin(first)
        return fleet

    return made


async def ended(fleet: Fleet, station: str) -> None:
    tape = fleet._captures[station]
    assert isinstance(tape, Tape)
    tape.ends.set()
    async with asyncio.timeout(5):
        while station not in fleet.ended:  # noqa: ASYNC110 - it is told to nobody
            await asyncio.sleep(0)


async def test_a_station_that_comes_before_the_last_votes_keeps_the_fleet_listening(
    make: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    over, voted = asyncio.Event(), asyncio.Event()
    fleet = make(over.set)
    monkeypatch.setattr(fleet, "drained", voted.wait)
    running = asyncio.create_task(fleet.run())
    await asyncio.sleep(0)
    await ended(fleet, "first")
    await fleet.apply(plans("first", "second"))
    voted.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not over.is_set()
    await ended(fleet, "second")
    await asyncio.wait_for(over.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
