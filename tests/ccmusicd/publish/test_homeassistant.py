"""What Home Assistant is told, held against its documentation, without a broker.

The tables below are written down from home-assistant.io: integrations mqtt ("Device discovery payload", "Using
availability topics", "MQTT device configuration"), sensor.mqtt, binary_sensor.mqtt and switch.mqtt.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ccmusicd.hub import About, StationInfo
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.homeassistant import HomeAssistant
from ccmusicd.publish.topics import StationTopics

Keys = Mapping[str, type]

AVAILABILITY: Keys = {
    "availability": list,
    "availability_mode": str,
    "availability_template": str,
    "availability_topic": str,
    "payload_available": str,
    "payload_not_available": str,
}
AVAILABILITY_ENTRY: Keys = {
    "topic": str,
    "payload_available": str,
    "payload_not_available": str,
    "value_template": str,
}
MESSAGE: Keys = {
    **AVAILABILITY,
    "device": dict,
    "origin": dict,
    "components": dict,
    "state_topic": str,
    "command_topic": str,
    "qos": int,
    "encoding": str,
}
DEVICE: Keys = {
    "configuration_url": str,
    "connections": list,
    "hw_version": str,
    "identifiers": list,
    "manufacturer": str,
    "model": str,
    "model_id": str,
    "name": str,
    "serial_number": str,
    "suggested_area": str,
    "sw_version": str,
    "via_device": str,
}
ORIGIN: Keys = {"name": str, "sw_version": str, "support_url": str}
ENTITY: Keys = {
    **AVAILABILITY,
    "platform": str,
    "unique_id": str,
    "default_entity_id": str,
    "name": str,
    "icon": str,
    "entity_picture": str,
    "entity_category": str,
    "enabled_by_default": bool,
    "encoding": str,
    "qos": int,
    "json_attributes_topic": str,
    "json_attributes_template": str,
    "state_topic": str,
    "value_template": str,
    "device_class": str,
}
PLATFORMS: Mapping[str, Keys] = {
    "sensor": {
        **ENTITY,
        "expire_after": int,
        "force_update": bool,
        "last_reset_value_template": str,
        "options": list,
        "state_class": str,
        "suggested_display_precision": int,
        "unit_of_measurement": str,
    },
    "binary_sensor": {
        **ENTITY,
        "expire_after": int,
        "force_update": bool,
        "off_delay": int,
        "payload_off": str,
        "payload_on": str,
    },
    "switch": {
        **ENTITY,
        "command_topic": str,
        "command_template": str,
        "optimistic": bool,
        "payload_off": str,
        "payload_on": str,
        "retain": bool,
        "state_off": str,
        "state_on": str,
    },
}
REQUIRED: Mapping[str, set[str]] = {
    "sensor": {"platform", "unique_id", "state_topic"},
    "binary_sensor": {"platform", "unique_id", "state_topic"},
    "switch": {"platform", "unique_id", "command_topic"},
}
DEVICE_CLASSES: Mapping[str, set[str | None]] = {
    "sensor": {None, "enum"},
    "binary_sensor": {"problem", "connectivity"},
    "switch": {None, "outlet", "switch"},
}
"""Of the documented ones, those that take no unit or the ones used here."""


def hold(found: Mapping[str, Any], allowed: Keys) -> None:
    """Only allowed keys, each of its type."""
    assert set(found) <= set(allowed)
    for key, value in found.items():
        assert type(value) is allowed[key], key


def hold_availability(found: Mapping[str, Any]) -> None:
    assert not {"availability", "availability_topic"} <= set(found)
    assert found.get("availability_mode", "latest") in {"all", "any", "latest"}
    for entry in found.get("availability", []):
        hold(entry, AVAILABILITY_ENTRY)
        assert "topic" in entry


def hold_component(component: Mapping[str, Any]) -> None:
    platform = component["platform"]
    hold(component, PLATFORMS[platform])
    hold_availability(component)
    assert set(component) >= REQUIRED[platform]
    assert component.get("device_class") in DEVICE_CLASSES[platform]
    assert component.get("entity_category") in {None, "config", "diagnostic"}
    assert component.get("state_class") in {None, "measurement", "measurement_angle", "total", "total_increasing"}
    assert component.get("qos", 0) in {0, 1, 2}
    assert component.get("expire_after", 1) > 0
    assert component.get("icon", "mdi:").startswith("mdi:")
    if "options" in component:  # "cannot be used together with state_class or unit_of_measurement"
        assert component["device_class"] == "enum"
        assert not {"state_class", "unit_of_measurement"} & set(component)
        assert component["options"]
        assert all(type(option) is str for option in component["options"])
        assert len(set(component["options"])) == len(component["options"])
    for key, value in component.items():
        if key.endswith("_topic"):
            assert value
            assert not set(value) & set("+#")


@pytest.fixture
def home() -> HomeAssistant:
    return HomeAssistant("homeassistant", "ccmusic", "desk")


@pytest.fixture
def message(home: HomeAssistant, about: About) -> dict[str, Any]:
    """That of station `main`."""
    told: dict[str, Any] = json.loads(home.announcement(about.stations[0], about))
    return told


def test_the_message_is_one_that_the_documentation_allows(message: dict[str, Any]) -> None:
    hold(message, MESSAGE)
    hold_availability(message)
    assert {"device", "origin", "components"} <= set(message)
    hold(message["device"], DEVICE)
    assert message["device"]["identifiers"] == ["ccmusic_desk_main"]
    hold(message["origin"], ORIGIN)
    assert message["origin"]["name"] == "ccmusic-stream"
    for component in message["components"].values():
        hold_component(component)


def test_a_station_has_its_seven_entities(message: dict[str, Any]) -> None:
    components = message["components"]
    what = {key: (c["platform"], c.get("device_class"), c.get("unit_of_measurement")) for key, c in components.items()}
    assert what == {
        "genre": ("sensor", "enum", None),
        "confidence": ("sensor", None, "%"),
        "agreement": ("sensor", None, "%"),
        "level": ("sensor", None, "dBFS"),
        "silence": ("binary_sensor", "problem", None),
        "signal": ("binary_sensor", "connectivity", None),
        "enabled": ("switch", None, None),
    }
    assert components["genre"]["options"] == ["classical", "rock", "jazz", "none"]
    assert components["signal"]["entity_category"] == "diagnostic"
    assert components["enabled"]["command_topic"] == "ccmusic/desk/main/enabled/set"
    assert [c["unique_id"] for c in components.values()] == [f"ccmusic_desk_main_{key}" for key in components]


def test_only_what_comes_regularly_expires(message: dict[str, Any]) -> None:
    assert [key for key, c in message["components"].items() if "expire_after" in c] == ["level"]


def topics_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "topic" or (key.endswith("_topic") and key != "command_topic"):
                yield inner
            else:
                yield from topics_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from topics_of(inner)


def test_every_topic_it_names_is_one_that_is_published(message: dict[str, Any]) -> None:
    below_station = {f"ccmusic/desk/main/{topic}" for topic in [*StationTopics().retained(()), "level"]}
    assert set(topics_of(message)) <= {"ccmusic/desk/status", *below_station}


def render(template: str | None, payload: str) -> str:
    """As Home Assistant does: `value` is the text, `value_json` what it means as JSON, when it is JSON."""
    if template is None:
        return payload
    variables: dict[str, Any] = {"value": payload}
    with suppress(ValueError):
        variables["value_json"] = json.loads(payload)
    return ImmutableSandboxedEnvironment().from_string(template).render(variables)


def shown(message: dict[str, Any], key: str, *, node: str = "online", payloads: Mapping[str, str]) -> str:
    """What Home Assistant shows of an entity: its value, "None" for an unknown one, or "unavailable"."""
    component = message["components"][key]
    said = {"ccmusic/desk/status": node, **{f"ccmusic/desk/main/{topic}": text for topic, text in payloads.items()}}
    availability = component.get("availability", message["availability"])
    assert component.get("availability_mode", message["availability_mode"]) == "all"
    if any(render(entry.get("value_template"), said[entry["topic"]]) != "online" for entry in availability):
        return "unavailable"
    return render(component.get("value_template"), said[component["state_topic"]])


@pytest.mark.parametrize(
    ("status", "silence", "signal", "genre"),
    [
        ("online", "OFF", "ON", "rock"),
        ("silent", "ON", "ON", "rock"),
        ("offline", "unavailable", "OFF", "unavailable"),
        ("paused", "unavailable", "None", "unavailable"),
    ],
)
def test_each_status_is_shown_as_what_it_means(
    message: dict[str, Any], status: str, silence: str, signal: str, genre: str
) -> None:
    payloads = {"status": status, "genre": "rock", "enabled/state": "OFF"}
    assert shown(message, "silence", payloads=payloads) == silence
    assert shown(message, "signal", payloads=payloads) == signal
    assert shown(message, "genre", payloads=payloads) == genre
    assert shown(message, "enabled", payloads=payloads) == "OFF"  # a paused station can be switched on


def test_nothing_is_available_of_a_node_that_is_gone(message: dict[str, Any]) -> None:
    payloads = {"status": "online"}  # its last word: a last will is the node's alone
    for key in message["components"]:
        assert shown(message, key, node="offline", payloads=payloads) == "unavailable"


def test_shares_are_percent_and_unknown_without_a_genre(message: dict[str, Any]) -> None:
    with_genre = {"status": "online", "state": '{"probability": 0.8126, "agreement": 1.0}'}
    assert shown(message, "confidence", payloads=with_genre) == "81.3"
    assert shown(message, "agreement", payloads=with_genre) == "100.0"
    without = {"status": "silent", "state": '{"probability": null, "agreement": null}'}
    assert shown(message, "confidence", payloads=without) == "None"
    assert shown(message, "agreement", payloads=without) == "None"


def test_an_untrained_bundle_is_called_so(home: HomeAssistant, about: About) -> None:
    told = json.loads(home.announcement(about.stations[0], replace(about, trained=False)))
    assert told["device"]["model"] == "starter (not trained)"


def test_devices_that_are_not_the_same_never_share_a_name() -> None:
    names = [
        *(("ccmusic", "a", "b_c"), ("ccmusic", "a_b", "c"), ("ccmusic_a", "b", "c")),
        *(("ccmusic", "a", "küche"), ("ccmusic", "a", "k-che"), ("ccmusic", "a", "k che")),
        *(("radio", "a", "b"), ("ccmusic", "a", "b")),
    ]
    topics = [HomeAssistant("homeassistant", root, node).topic(station) for root, node, station in names]
    assert len(set(topics)) == len(names)
    assert topics[-1] == "homeassistant/device/ccmusic_a_b/config"
    for topic in topics:  # "only letters, digits, underscore and hyphen"
        assert topic.split("/")[2].replace("_", "").replace("-", "").isascii()
        assert topic.split("/")[2].replace("_", "").replace("-", "").isalnum()


def test_a_node_knows_its_own_announcements_and_no_others(home: HomeAssistant, about: About) -> None:
    gone = StationInfo("gone", "Gone", "soundcard")
    told = home.announcement(gone, about).encode()
    assert home.is_own(home.topic("gone"), told)
    other_node = HomeAssistant("homeassistant", "ccmusic", "desk_gone")
    assert not home.is_own(other_node.topic("x"), other_node.announcement(gone, about).encode())
    assert not home.is_own("homeassistant/device/fridge/config", told)
    topic = home.topic("gone")
    foreign = {**json.loads(told), "origin": {"name": "another program"}}
    for payload in (b"", b"\xff", b"no JSON", b"[]", b"null", b'{"origin": 1}', b"[" * 100_000, json.dumps(foreign)):
        assert not home.is_own(topic, payload if isinstance(payload, bytes) else payload.encode())


def test_a_prefix_that_is_no_part_of_a_topic_is_refused() -> None:
    with pytest.raises(TopicError, match="#"):
        HomeAssistant("#", "ccmusic", "desk")


def test_the_birth_is_heard_where_it_is_by_default_and_below_the_prefix() -> None:
    assert HomeAssistant("homeassistant", "ccmusic", "desk").births == ["homeassistant/status"]
    assert HomeAssistant("ha", "ccmusic", "desk").births == ["ha/status", "homeassistant/status"]
