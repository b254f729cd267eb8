"""How a station presents itself to Home Assistant: one retained MQTT message that describes it as a device.

The schema is that of Home Assistant's device discovery (home-assistant.io/integrations/mqtt, "Device discovery
payload"). This module makes the messages and tells whose a message is; `mqtt` sends and receives them.
"""

import hashlib
import json
import re
from typing import Any

from ccmusicd import __version__
from ccmusicd.hub import About, StationInfo
from ccmusicd.publish.topics import check_topic_part, compact

ORIGIN = "ccmusic-stream"

LEVEL_EXPIRES_S = 15
"""The level comes once a second while there is sound; without it for so long its sensor has no value."""

_DEFAULT_BIRTH = "homeassistant/status"

# Jinja templates, rendered by Home Assistant. `none` comes out as "None", which is "unknown" to its sensors.
_PERCENT = "{{{{ (value_json.{0} * 100) | round(1) if value_json.{0} is not none else none }}}}"
_IS_SILENT = "{{ 'ON' if value == 'silent' else 'OFF' }}"
_HAS_SIGNAL = "{{ {'online': 'ON', 'silent': 'ON', 'offline': 'OFF'}.get(value) }}"
_PROBLEM = "{{{{ 'ON' if value_json.{0} else 'OFF' }}}}"
_IS_MEASURED = "{{ 'online' if value in ['online', 'silent'] else 'offline' }}"


class HomeAssistant:
    """The announcements of the node whose topics are below `root`/`node`, under the discovery prefix `prefix`.

    Raises:
        TopicError: the prefix cannot be a part of a topic.
    """

    def __init__(self, prefix: str, root: str, node: str) -> None:
        check_topic_part(prefix)
        self.every_device = f"{prefix}/device/+/config"
        """The subscription that brings every device's announcement, this node's own among them."""

        # Home Assistant's birth message has a setting of its own and does not follow the prefix; people who change the
        # prefix usually make it follow.
        self.births = sorted({_DEFAULT_BIRTH, f"{prefix}/status"})
        """Where Home Assistant says `online` when it has started."""

        self._prefix = prefix
        self._root = root
        self._node = node
        self._base = f"{root}/{node}"

    def topic(self, station: str) -> str:
        """Where the station is announced."""
        return f"{self._prefix}/device/{self._device_id(station)}/config"

    def announcement(self, station: StationInfo, about: About) -> str:
        """The station as a device: who it is, what speaks here, and its entities."""
        device_id = self._device_id(station.id)
        return compact(
            {
                "device": {
                    "identifiers": [device_id],
                    "name": station.name,
                    "manufacturer": ORIGIN,
                    "model": about.bundle if about.trained else f"{about.bundle} (not trained)",
                    "sw_version": __version__,
                },
                "origin": {"name": ORIGIN, "sw_version": __version__},
                # What is measured needs a running node and a station with sound. Its status is not only online or
                # offline, hence the template: "silent" is measured as well; without signal ("offline") and while
                # "paused" there is nothing to show, and the last values would be a lie.
                "availability": [
                    {"topic": f"{self._base}/status"},
                    {"topic": f"{self._base}/{station.id}/status", "value_template": _IS_MEASURED},
                ],
                "availability_mode": "all",
                "components": {
                    key: {"unique_id": f"{device_id}_{key}", **component}
                    for key, component in self._components(f"{self._base}/{station.id}", station, about).items()
                },
            }
        )

    def _components(self, topic: str, info: StationInfo, about: About) -> dict[str, dict[str, Any]]:
        return self._of_every_station(topic, about) | self._of_checks(topic, info)

    def _of_checks(self, station: str, info: StationInfo) -> dict[str, dict[str, Any]]:
        """Problems that somebody asked to be told of; they need the node alone, since dead air may be lost signal."""
        names = {"dead_air": "Dead air"} if "dead_air" in info.checks else {}
        if info.checks - {"dead_air"}:
            names["programme"] = "Programme"
        return {
            key: {
                "platform": "binary_sensor",
                "name": name,
                "device_class": "problem",
                "state_topic": f"{station}/notices",
                "value_template": _PROBLEM.format(key),
                "json_attributes_topic": f"{station}/notices",
                "availability": [{"topic": f"{self._base}/status"}],
                "availability_mode": "all",
            }
            for key, name in names.items()
        }

    def _of_every_station(self, station: str, about: About) -> dict[str, dict[str, Any]]:
        # These two say why there is nothing to show, and let a paused station go on: they need the node alone.
        with_node = {"availability": [{"topic": f"{self._base}/status"}], "availability_mode": "all"}
        measured = {"platform": "sensor", "state_class": "measurement"}
        return {
            "genre": {
                "platform": "sensor",
                "name": "Genre",
                "icon": "mdi:music",
                "device_class": "enum",
                "options": list(dict.fromkeys([*about.labels.slugs, "none"])),
                "state_topic": f"{station}/genre",
                "json_attributes_topic": f"{station}/attributes",
            },
            # Genre, confidence and agreement come on change alone, so that they must not expire: a genre may last.
            "confidence": {
                **measured,
                "name": "Confidence",
                "icon": "mdi:gauge",
                "unit_of_measurement": "%",
                "suggested_display_precision": 0,
                "state_topic": f"{station}/state",
                "value_template": _PERCENT.format("probability"),
            },
            "agreement": {
                **measured,
                "name": "Agreement",
                "icon": "mdi:vote",
                "unit_of_measurement": "%",
                "suggested_display_precision": 0,
                "state_topic": f"{station}/state",
                "value_template": _PERCENT.format("agreement"),
            },
            "level": {
                **measured,
                "name": "Level",
                "icon": "mdi:volume-high",
                "unit_of_measurement": "dBFS",
                "suggested_display_precision": 1,
                "state_topic": f"{station}/level",
                "expire_after": LEVEL_EXPIRES_S,
            },
            "silence": {
                "platform": "binary_sensor",
                "name": "Silence",
                "device_class": "problem",
                "state_topic": f"{station}/status",
                "value_template": _IS_SILENT,
            },
            "signal": {
                "platform": "binary_sensor",
                "name": "Signal",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
                "state_topic": f"{station}/status",
                "value_template": _HAS_SIGNAL,
                **with_node,
            },
            "enabled": {
                "platform": "switch",
                "name": "Enabled",
                "icon": "mdi:ear-hearing",
                "command_topic": f"{station}/enabled/set",
                "state_topic": f"{station}/enabled/state",
                "qos": 1,
                **with_node,
            },
        }

    def is_own(self, topic: str, payload: bytes | bytearray) -> bool:
        """Whether this node announced a device with this message, now or in an earlier life.

        The topic alone does not tell: node `a` with station `b_c` looks like node `a_b` with station `c`.
        """
        if not topic.startswith(f"{self._prefix}/device/{_plain(self._root)}_"):
            return False
        try:
            message = json.loads(payload)
            origin, node = message["origin"]["name"], message["availability"][0]["topic"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return False
        return bool(origin == ORIGIN and node == f"{self._base}/status")

    def _device_id(self, station: str) -> str:
        """Unique and stable. Home Assistant takes letters, digits, _ and - alone; what differs afterwards gets a hash.

        A node with "_" gets one too, since only the first "_" may part it from its station.
        """
        names = (self._root, self._node, station)
        plain = "_".join(map(_plain, names))
        if plain == "_".join(names) and "_" not in self._root + self._node:
            return plain
        return f"{plain}_{hashlib.sha256('/'.join(names).encode()).hexdigest()[:8]}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "-", name)
