"""Stations that come and go while the daemon runs, over a real broker."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from ccmusicd.hub import Hub, StationInfo

Connected = Callable[..., AbstractAsyncContextManager[Any]]
Eventually = Callable[..., Awaitable[None]]

WEB = "homeassistant/device/ccmusic_desk_web/config"
NEW = "homeassistant/device/ccmusic_desk_new/config"


async def test_a_station_that_goes_leaves_nothing_at_the_broker_and_one_that_comes_is_there(
    hub: Hub,
    broker: Any,
    publishing: Connected,
    listening: Connected,
    eventually: Eventually,
    make_status: Callable[..., Any],
    make_hop: Callable[..., Any],
    make_segment: Callable[..., Any],
    make_level: Callable[..., Any],
) -> None:
    broker.start()
    main, web = hub.about.stations
    hub.list_stations((main, replace(web, checks=frozenset({"dead_air"}))))
    async with listening("ccmusic/#", "homeassistant/#") as ear, publishing(discovery_prefix="homeassistant"):
        for station in ("main", "web"):
            hub.publish(make_status(station))
            hub.publish(make_hop(station=station))
        await eventually(lambda: {"web/notices", "web/genre", WEB} <= ear.newest.keys())
        hub.publish(make_level("web"))
        hub.publish(make_segment("end", station="web"))
        hub.list_stations((main, StationInfo("new", "New", "demo")))
        hub.publish(make_status("new", "speech"))
        await eventually(lambda: ear.newest.get(WEB) == "" and "new/status" in ear.newest and ear.newest.get(NEW))
        await eventually(lambda: '"end"' in ear.newest.get("web/event", ""))
        async with listening("ccmusic/#", "homeassistant/#") as newcomer:
            await eventually(lambda: {"main/status", "new/status", "info", NEW} <= newcomer.newest.keys())
            assert not [topic for topic in newcomer.newest if topic.startswith("web/") or topic == WEB]
            assert '"web"' not in newcomer.newest["info"]
