"""The stations of a daemon, each with its capture: made, paused, changed and taken away while the others go on."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ccmusicd.analyzer import Analyzer
from ccmusicd.capture.process import Capture, Ended
from ccmusicd.crew import Crew
from ccmusicd.hub import Hub
from ccmusicd.station import Station
from ccmusicd.stationplan import Handover, StationPlan

log = logging.getLogger(__name__)

DRAIN_TIMEOUT_S = 180.0
"""After the end of every input, how long its last hops may take."""


@dataclass(frozen=True, slots=True)
class FleetChange:
    """The stations, by their ids, that another configuration makes, ends, lets listen to something else, or changes."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retuned: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Fleet:
    """All stations. Only the event loop touches it.

    `run` listens; `on_all_ended` is called when no input is left and what was heard of the last is voted on.
    """

    def __init__(self, hub: Hub, analyzer: Analyzer, *, on_all_ended: Callable[[], None]) -> None:
        self.stations: dict[str, Station] = {}
        self.ended: dict[str, Ended] = {}
        self._hub = hub
        self._analyzer = analyzer
        self._on_all_ended = on_all_ended
        self._plans: dict[str, StationPlan] = {}
        self._captures: dict[str, Capture] = {}
        self._capturing: dict[str, asyncio.Task[Ended]] = {}
        self._pause_changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._crew = Crew()

    def begin(self, plans: Mapping[str, StationPlan]) -> None:
        """Make the first stations, which the hub lists already."""
        for key, plan in plans.items():
            self._open(key, plan, None)
        self._plans = dict(plans)

    async def run(self) -> None:
        """Listen for ever."""
        for key in self.stations:
            self._crew.start(key, self._listen(key))
        await self._crew.working()

    def compare(self, plans: Mapping[str, StationPlan]) -> FleetChange:
        """What `apply` would do."""
        known = {key: self._plans[key] for key in plans if key in self._plans}
        retuned = [key for key, plan in known.items() if self._must_begin_anew(key, plan, plans[key])]
        return FleetChange(
            added=tuple(key for key in plans if key not in known),
            removed=tuple(key for key in self._plans if key not in plans),
            retuned=tuple(retuned),
            changed=tuple(key for key, plan in known.items() if key not in retuned and plan != plans[key]),
        )

    def _must_begin_anew(self, key: str, before: StationPlan, after: StationPlan) -> bool:
        # What has ended for good may be meant to go on, as by another `at_end`.
        return not after.sounds_like(before) or (key in self.ended and after.capture != before.capture)

    async def apply(self, plans: Mapping[str, StationPlan]) -> FleetChange:
        """Make the stations those of `plans`; the ones that stay the same notice nothing of it.

        A station that listens to something else from now on keeps its id, its count of hops and its pause; its record
        goes on without a hole, in a new segment.
        """
        change = self.compare(plans)
        handovers = {key: self._close(key) for key in (*change.removed, *change.retuned)}
        if [plan.info for plan in plans.values()] != [plan.info for plan in self._plans.values()] or handovers:
            self._hub.list_stations(tuple(plan.info for plan in plans.values()))
        for key in (*change.retuned, *change.added):
            self._open(key, plans[key], handovers.get(key))
        for key in change.changed:
            self.stations[key].change(plans[key].options)
            self._captures[key].change(plans[key].capture)
        self._plans = dict(plans)
        self._sort()
        for key in change.added:
            self._crew.start(key, self._listen(key))
        await self._crew.stop(*handovers)  # a sound card is free only when the child that had it has ended
        for key in change.retuned:
            self._crew.start(key, self._listen(key))
        self._look_for_the_end()
        return change

    def pause(self, station: str, paused: bool) -> None:
        """Stop or resume listening to a station; one that was removed meanwhile is left alone."""
        if station not in self.stations:
            return
        self.stations[station].pause(paused=paused)
        capturing = self._capturing.get(station)
        if paused and capturing is not None:
            capturing.cancel()
        self._pause_changed.set()

    def tick(self, *, status: bool) -> None:
        """Let every station look at its clocks, and tell its status."""
        for station in self.stations.values():
            station.tick()
            if status:
                station.publish_status()

    async def drained(self) -> None:
        """Wait for the votes on the last whole hops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await asyncio.gather(*(station.drained() for station in self.stations.values()))

    def close(self) -> None:
        """The daemon stops: every open segment ends."""
        for station in self.stations.values():
            station.close()

    def _open(self, key: str, plan: StationPlan, after: Handover | None) -> None:
        station = self.stations[key] = Station(plan.options, self._hub, self._analyzer, after=after)
        self._captures[key] = Capture(plan.spec, plan.capture, station)
        if after is not None:
            self._hub.latest[key].hop = None  # it tells of a sound that is no longer listened to
        station.publish_status()

    def _close(self, key: str) -> Handover:
        """End a station at this moment; its capture may take a while longer, and is not heard."""
        if key in self._capturing:
            self._capturing[key].cancel()
        station = self.stations.pop(key)
        self._analyzer.remove(station)
        del self._captures[key]
        self.ended.pop(key, None)
        return station.close()

    def _sort(self) -> None:
        ordered = {key: self.stations[key] for key in self._plans}
        self.stations.clear()
        self.stations.update(ordered)

    async def _listen(self, key: str) -> None:
        """Capture one station, except while it is paused, until its source has ended for good."""
        station, capture = self.stations[key], self._captures[key]
        while True:
            while station.paused:
                self._pause_changed.clear()
                await self._pause_changed.wait()
            capturing = asyncio.create_task(capture.run(), name=f"capture {key}")
            self._capturing[key] = capturing
            try:
                await asyncio.wait({capturing})  # ended, or cancelled by a pause
            finally:
                capturing.cancel()
                await asyncio.gather(capturing, return_exceptions=True)
                del self._capturing[key]
            if not capturing.cancelled():
                break
        ended = self.ended[key] = capturing.result()
        log.log(logging.INFO if ended.message is None else logging.ERROR, "%s: %s", key, ended.message or "input ended")
        if ended.message is None and station.hops == 0:
            log.warning("%s: the input ended before the networks had heard a hop of it", key)
        self._look_for_the_end()

    def _look_for_the_end(self) -> None:
        """Wait for the last votes once no input is left; a new configuration may bring another one meanwhile."""
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.create_task(self._end(), name="last votes") if self._is_over else None

    async def _end(self) -> None:
        await self.drained()
        if self._is_over:
            self._on_all_ended()

    @property
    def _is_over(self) -> bool:
        return bool(self.stations) and all(key in self.ended for key in self.stations)
