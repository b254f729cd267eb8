"""Notices over MQTT, and how Home Assistant hears of them."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import jinja2

from ccmusicd.events import NoticeEvent
from ccmusicd.hub import About, Hub
from ccmusicd.publish.homeassistant import HomeAssistant
from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]


def watched(about: About, *checks: Any) -> About:
    main, web = about.stations
    return replace(about, stations=(replace(main, checks=frozenset(checks)), web))


async def test_a_notice_is_an_event_and_what_holds_is_retained(
    about: About,
    broker: Any,
    publishing: Callable[..., AbstractAsyncContextManager[Mqtt]],
    listening: Callable[..., AbstractAsyncContextManager[Any]],
    eventually: Eventually,
) -> None:
    broker.start()
    hub = Hub(watched(about, "dead_air", "quota"))
    async with listening() as ear, publishing(hub):
        await eventually(lambda: "main/notices" in ear.newest)
        assert json.loads(ear.newest["main/notices"]) == {"dead_air": False, "programme": False, "active": []}
        hub.publish(NoticeEvent("main", "dead_air", "", "raised", "alarm", 0, 0, "Dead air: 爵士."))
        await eventually(lambda: json.loads(ear.newest["main/notices"])["dead_air"])
        await eventually(lambda: ear.all("main/notice"))
        event = json.loads(ear.all("main/notice")[0])
        assert (event["kind"], event["change"], event["text"]) == ("dead_air", "raised", "Dead air: 爵士.")
        async with listening() as newcomer:
            await eventually(lambda: "main/notices" in newcomer.newest)
            assert [one["id"] for one in json.loads(newcomer.newest["main/notices"])["active"]] == ["main:dead_air:"]
            assert not newcomer.all("main/notice")
        hub.publish(NoticeEvent("main", "dead_air", "", "cleared", "info", 0, 0, "Over."))
        hub.publish(NoticeEvent("main", "quota", "jazz", "raised", "warning", 0, 0, "Soon."))
        await eventually(lambda: json.loads(ear.newest["main/notices"])["programme"])
        assert not json.loads(ear.newest["main/notices"])["dead_air"]
    assert "web/notices" not in ear.newest  # nothing is looked for there


def test_home_assistant_has_a_problem_for_what_is_looked_for(about: About) -> None:
    home = HomeAssistant("homeassistant", "ccmusic", "desk")

    def components(*checks: Any) -> dict[str, Any]:
        known = watched(about, *checks)
        return dict(json.loads(home.announcement(known.stations[0], known))["components"])

    assert not components().keys() & {"dead_air", "programme"}
    assert "programme" not in components("dead_air")
    found = components("dead_air", "quota")
    for key, other in (("dead_air", "programme"), ("programme", "dead_air")):
        assert (found[key]["platform"], found[key]["device_class"]) == ("binary_sensor", "problem")
        assert found[key]["state_topic"] == "ccmusic/desk/main/notices"
        assert found[key]["availability"] == [{"topic": "ccmusic/desk/status"}]  # dead air may be lost signal
        template = jinja2.Template(found[key]["value_template"])
        assert template.render(value_json={key: True, other: False}) == "ON"
        assert template.render(value_json={key: False, other: True}) == "OFF"
