"""A new configuration against the one in force: what of it can be applied, what waits for a restart, what changes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from ccmusic_stream.errors import CcmusicError
from ccmusicd.checks import check
from ccmusicd.fleet import Fleet, FleetChange
from ccmusicd.plans import MqttPlan, access_rules, mqtt_plan, retention, station_plans, stations_of
from ccmusicd.publish.access import Access
from ccmusicd.publish.timeline import Timeline
from ccmusicd.publish.web import Web
from ccmusicd.settings import Settings
from ccmusicd.watching import PartsMaker, Watching

log = logging.getLogger(__name__)

RESTART = (
    "daemon.node",
    "daemon.listen",
    "daemon.state_dir",
    "analyzer",
    "clips",
    "timeline.url",
    "web.root_path",
    "web.tls_certificate",
    "web.tls_key",
)
"""Keys and tables that only a new daemon takes."""


class Reload:
    """Applies other settings to the parts of a running daemon; what they leave as it is notices nothing."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        real_time: bool,
        fleet: Fleet,
        maker: PartsMaker,
        watching: Watching,
        timeline: Timeline,
        web: Web,
        access: Access,
        switch_mqtt: Callable[[MqttPlan | None], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._load = load
        self._real_time = real_time
        self._fleet = fleet
        self._maker = maker
        self._watching = watching
        self._timeline = timeline
        self._web = web
        self._access = access
        self._switch_mqtt = switch_mqtt
        self._mqtt = mqtt_plan(settings)

    async def now(self) -> None:
        """Read the configuration and apply what of it needs no new daemon; say what was applied and what waits.

        Raises:
            CcmusicError: it cannot be used; nothing was applied.
        """
        try:
            settings, waiting = await self._read()
            # All that can still be refused is made before anything is applied.
            plans = station_plans(settings, real_time=self._real_time)
            parts = self._maker.make(settings, stations_of(settings))
            mqtt, rules = mqtt_plan(settings), access_rules(settings)
        except CcmusicError:
            raise
        except Exception as error:
            log.exception("a fault in the reading of the configuration")
            raise CcmusicError(f"{type(error).__name__}: {error}") from error

        keys = changed_keys(self._settings, settings)
        logging.getLogger().setLevel(settings.daemon.log_level.upper())
        self._access.change(**rules)
        self._web.change(max_clients=settings.web.max_clients)
        if self._settings.timeline != settings.timeline:
            self._timeline.keep(retention(settings))
        await self._watching.apply(parts)
        change = await self._fleet.apply(plans)
        if mqtt != self._mqtt:
            self._mqtt = mqtt
            await self._switch_mqtt(mqtt)
        self._settings = settings

        self._web.say_who_can_reach_it()
        for key in waiting:
            log.warning("%s was changed, which a running daemon cannot follow: it stays as it was until a restart", key)
        log.info("configuration read again: %s", described(change, keys) or "nothing to apply is different")

    async def _read(self) -> tuple[Settings, list[str]]:
        """The settings to apply, checked, and the keys that only a restart can change."""
        wanted = await asyncio.to_thread(self._load)
        settings, waiting = applicable(self._settings, wanted)
        for each in (wanted, settings) if waiting else (settings,):
            await asyncio.to_thread(check, each, real_time=self._real_time)
        return settings, waiting


def applicable(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """`new` with all that only a restart can change as it was, and the keys of that which differ."""
    waiting = sorted(key for key in changed_keys(old, new) if _waits(key))
    tables: dict[str, Any] = {}
    for key in RESTART:
        table, _, name = key.partition(".")
        kept = getattr(old, table)
        tables[table] = tables.get(table, getattr(new, table)).model_copy(
            update={name: getattr(kept, name)} if name else kept.__dict__
        )
    return new.model_copy(update=tables), waiting


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """The keys whose values differ: "silence.after_s", "hooks.log"; stations are named as a whole."""
    before, after = dict(_keys(old)), dict(_keys(new))
    return [key for key in {**before, **after} if key not in before or key not in after or before[key] != after[key]]


def described(change: FleetChange, keys: list[str]) -> str:
    """What became of a new configuration, in a line without values: they may be secrets."""
    words = [
        f"{what} {', '.join(stations)}"
        for what, stations in (
            ("added", change.added),
            ("removed", change.removed),
            ("retuned", change.retuned),
            ("changed", change.changed),
        )
        if stations
    ]
    others = [key for key in keys if not _waits(key) and not key.startswith("stations.")]
    if others:
        words.append(f"changed {', '.join(others)}")
    return "; ".join(words)


def _waits(key: str) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in RESTART)


def _keys(settings: Settings) -> Iterator[tuple[str, Any]]:
    for table in type(settings).model_fields:
        value = getattr(settings, table)
        entries = value if isinstance(value, Mapping) else dict(value)
        for name, entry in entries.items():
            yield f"{table}.{name}", entry
