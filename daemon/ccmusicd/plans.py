"""From settings to the plain values that the parts of the daemon are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.spec import SourceSpec, parse_spec
from ccmusicd.hub import StationInfo
from ccmusicd.onair import DecisionOptions
from ccmusicd.publish.access import AccessRules
from ccmusicd.publish.retention import Retention
from ccmusicd.settings import Settings, StationSettings, mqtt_password, state_directory, web_token
from ccmusicd.stationplan import StationOptions, StationPlan
from ccmusicd.watching import checks_of

DEMO = {"demo": StationSettings(input="demo", name="Demo")}


@dataclass(frozen=True, slots=True)
class MqttPlan:
    """Where and how to publish over MQTT, as `Mqtt` takes it."""

    url: str
    node: str
    root: str
    password: str | None
    ca_file: Path | None
    keepalive_s: int
    discovery_prefix: str | None


def stations_of(settings: Settings) -> Mapping[str, StationSettings]:
    """The stations that run; without any, the demo."""
    return settings.stations or DEMO


def station_plans(settings: Settings, *, real_time: bool) -> dict[str, StationPlan]:
    """Every station, by its id."""
    return {key: _plan(key, station, settings, real_time) for key, station in stations_of(settings).items()}


def mqtt_plan(settings: Settings) -> MqttPlan | None:
    """None: nothing is published over MQTT. Raises `SettingsError` when the password's file cannot be read."""
    mqtt = settings.mqtt
    if not mqtt.url:
        return None
    return MqttPlan(
        url=mqtt.url,
        node=settings.daemon.node,
        root=mqtt.root,
        password=mqtt_password(settings),
        ca_file=Path(mqtt.ca_file) if mqtt.ca_file else None,
        keepalive_s=mqtt.keepalive_s,
        discovery_prefix=mqtt.discovery_prefix if mqtt.discovery else None,
    )


def access_rules(settings: Settings) -> AccessRules:
    """Who may ask the web server. Raises `SettingsError` when the token's file cannot be read."""
    return AccessRules(
        token=web_token(settings),
        token_for_all=settings.web.token_for_all,
        allowed_hosts=tuple(settings.web.allowed_hosts),
        allowed_origins=tuple(settings.web.allowed_origins),
    )


def retention(settings: Settings) -> Retention:
    """How long the record keeps what."""
    return Retention(**settings.timeline.model_dump(exclude={"url"}))


def record_url(settings: Settings) -> str:
    """The database of the record."""
    return settings.timeline.url or f"sqlite:///{state_directory(settings) / 'timeline.sqlite'}"


def _plan(key: str, station: StationSettings, settings: Settings, real_time: bool) -> StationPlan:
    spec = parse_spec(station.input)
    return StationPlan(
        info=StationInfo(key, station.name or key, spec.redacted, checks=checks_of(station, settings)),
        spec=spec,
        capture=CaptureOptions(
            speed="real" if real_time else "max",
            raw_rate=station.raw_rate,
            raw_channels=station.raw_channels,
            raw_format=station.raw_format,
            open_timeout_s=settings.capture.open_timeout_s,
            read_timeout_s=settings.capture.read_timeout_s,
            backoff_max_s=settings.capture.longest_backoff_s,
            stall_s=_stall_s(station, spec, settings.capture.read_timeout_s),
            at_end=station.at_end,
        ),
        options=StationOptions(
            id=key,
            source=spec.redacted,
            real_time=real_time,
            patient=spec.kind == "media" and not spec.is_url,
            silence_dbfs=settings.silence.threshold_dbfs,
            silence_after_s=settings.silence.after_s,
            decision=DecisionOptions(**settings.decision.model_dump()),
        ),
    )


def _stall_s(station: StationSettings, spec: SourceSpec, read_timeout_s: float) -> float | None:
    """A stream's child tells its own read timeout, and better, before the watchdog kills it."""
    return read_timeout_s + 2.0 if station.stall_s is None and spec.is_url else station.stall_s
