"""Settings: command line > CCMUSIC_* environment > the user's TOML file > the shipped default.toml."""

import contextlib
import json
import os
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingsError

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.runtimes import Runtime
from ccmusicd.capture.options import AtEnd, RawSampleFormat
from ccmusicd.capture.spec import parse_spec, redact
from ccmusicd.faults import ENV_PREFIX, explain
from ccmusicd.programme_settings import (
    DeadAirSettings,
    HookSettings,
    NoticesSettings,
    NowPlayingSettings,
    ProgrammeSettings,
)
from ccmusicd.publish.topics import check_topic_part
from ccmusicd.resources import resource
from ccmusicd.tables import Days, NotNegative, PathText, Positive, Probability, Table, check_path
from ccmusicd.web_settings import ClipsSettings, WebSettings, check_token

SYSTEM_FILE = Path("/etc/ccmusic-stream/config.toml")


class SettingsError(CcmusicError):
    """The configuration cannot be used; the text has a line for each fault: where, the key and the reason."""


@contextlib.contextmanager
def _faults_of_values() -> Iterator[None]:
    """Refusals of other rooms as `ValueError`, which pydantic collects with their place."""
    try:
        yield
    except CcmusicError as error:
        raise ValueError(str(error)) from None


def _check_topic_part(text: str) -> None:
    with _faults_of_values():
        check_topic_part(text)


class DaemonSettings(Table):
    """[daemon]."""

    node: str
    listen: str
    state_dir: PathText
    log_level: Literal["debug", "info", "warning", "error"]

    @field_validator("node")
    @classmethod
    def _named(cls, node: str) -> str:
        name = node or socket.gethostname().split(".")[0]
        _check_topic_part(name)
        return name

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        host_and_port(listen)
        return listen


class AnalyzerSettings(Table):
    """[analyzer]. `bundle` and `models` are written as one name or a list of them."""

    bundle: str | Annotated[list[str], Field(min_length=1)]
    models: str | list[str]
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    runtime: Runtime
    hop: Annotated[float, Field(ge=1, le=10)] | Literal["auto"]

    @field_validator("bundle")
    @classmethod
    def _paths(cls, bundle: str | list[str]) -> str | list[str]:
        for name in _listed(bundle):
            check_path(name)
        return bundle


class DecisionSettings(Table):
    """[decision]."""

    time_constant_s: Positive
    enter: Probability
    leave: Probability
    margin: Probability
    hold_s: Annotated[float, Field(ge=0)]
    least_heard_s: Annotated[float, Field(ge=0)]

    @field_validator("leave")
    @classmethod
    def _below_enter(cls, leave: float, info: ValidationInfo) -> float:
        if leave > info.data.get("enter", 1.0):
            raise ValueError("must not be above enter, or a genre is given up as soon as it is shown")
        return leave


class SilenceSettings(Table):
    """[silence]."""

    threshold_dbfs: Annotated[float, Field(ge=-110, le=0)]
    after_s: Positive


class MqttSettings(Table):
    """[mqtt]."""

    url: str
    root: str
    keepalive_s: Annotated[int, Field(ge=5, le=3600)]
    password: SecretStr | None = None
    password_file: PathText
    ca_file: PathText
    discovery: bool
    discovery_prefix: str

    @field_validator("root", "discovery_prefix")
    @classmethod
    def _part_of_a_topic(cls, part: str) -> str:
        _check_topic_part(part)
        return part


class TimelineSettings(Table):
    """[timeline]. 0 is no limit."""

    url: PathText
    keep_days: Days
    keep_megabytes: NotNegative
    disk_reserve_megabytes: NotNegative
    keep_segments_days: Days


class CaptureSettings(Table):
    """[capture]."""

    open_timeout_s: Positive
    read_timeout_s: Positive
    longest_backoff_s: Positive


class StationSettings(Table):
    """[stations.<id>]."""

    input: str
    name: str | None = None
    at_end: AtEnd | None = None
    stall_s: Positive | None = None
    raw_rate: Annotated[int, Field(ge=1_000, le=768_000)] = 44_100
    raw_channels: Annotated[int, Field(ge=1, le=64)] = 2
    raw_format: RawSampleFormat = "s16le"
    dead_air: DeadAirSettings | None = None
    programme: ProgrammeSettings | None = None
    now_playing: NowPlayingSettings | None = None

    @field_validator("input")
    @classmethod
    def _spec(cls, text: str) -> str:
        with _faults_of_values():
            parse_spec(text)
        return text


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", allow_inf_nan=False, frozen=True
    )

    daemon: DaemonSettings
    analyzer: AnalyzerSettings
    decision: DecisionSettings
    silence: SilenceSettings
    web: WebSettings
    clips: ClipsSettings
    mqtt: MqttSettings
    timeline: TimelineSettings
    capture: CaptureSettings
    dead_air: DeadAirSettings
    notices: NoticesSettings
    hooks: dict[str, HookSettings] = Field(default_factory=dict)
    stations: dict[str, StationSettings] = Field(default_factory=dict)

    @field_validator("stations")
    @classmethod
    def _ids(cls, stations: dict[str, StationSettings]) -> dict[str, StationSettings]:
        for station in stations:
            _check_topic_part(station)
        return stations

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` merges all sources itself, so that it can tell where a fault stands."""
        return (init_settings,)


def load(
    file: Path | None, overrides: Mapping[str, Any] | None = None, *, only_station: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from the shipped defaults, `file` (None: the system's file when there is one), environment, overrides.

    `overrides` is what the command line says, nested as in the file. `only_station` replaces every station.

    Raises:
        SettingsError: the file cannot be read, or a value in any source cannot be used.
    """
    if file is None and SYSTEM_FILE.is_file():
        file = SYSTEM_FILE
    text = _read(file) if file is not None else ""
    users = _parse(text, file)
    defaults = _parse(_read(_default_file()), _default_file())
    environment = _from_environment()
    line = dict(overrides or {})
    merged = _merge(_merge(_merge(defaults, users), environment), line)
    if only_station is not None:
        line["stations"] = merged["stations"] = {"input": dict(only_station)}
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise SettingsError(explain(error, text, file, environment, line)) from None


def as_json(settings: Settings) -> str:
    """Every setting in force, secrets redacted."""
    shown = settings.model_dump(mode="json")
    shown["mqtt"]["url"] = redact(settings.mqtt.url)
    shown["timeline"]["url"] = redact(settings.timeline.url)
    for key, station in settings.stations.items():
        shown["stations"][key]["input"] = parse_spec(station.input).redacted
    for name, hook in settings.hooks.items():
        shown["hooks"][name]["url"] = redact(hook.url)
    return json.dumps(shown, indent=2, ensure_ascii=False)


def host_and_port(listen: str) -> tuple[str, int]:
    """("127.0.0.1", 8765) of "127.0.0.1:8765"; an IPv6 address stands in brackets; port 0 takes a free one.

    Raises:
        ValueError: it is something else.
    """
    matched = re.fullmatch(r"(?:\[([0-9a-fA-F:.%]+)\]|([^\s:\[\]]+)):(\d{1,5})", listen)
    if matched is None or int(matched[3]) > 65_535:
        shown = "It" if "@" in listen else repr(listen)
        raise ValueError(f"{shown} is not an address and port, as in 127.0.0.1:8765 or [::1]:8765")
    return matched[1] or matched[2], int(matched[3])


def bundle_names(settings: Settings) -> list[str]:
    """The bundles to use side by side; at least one."""
    return _listed(settings.analyzer.bundle)


def model_words(settings: Settings) -> list[str]:
    """Names and presets of the models to use; none means all."""
    return _listed(settings.analyzer.models)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def state_directory(settings: Settings) -> Path:
    """Where the daemon keeps its record."""
    chosen = settings.daemon.state_dir or os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(chosen).expanduser() if chosen else Path.home() / ".local/state/ccmusic-stream"


def mqtt_password(settings: Settings) -> str | None:
    """The broker's password: of the environment, the named file, or systemd's credentials; None when there is none.

    Raises:
        SettingsError: the named file cannot be read.
    """
    if settings.mqtt.password is not None:
        return settings.mqtt.password.get_secret_value()
    return secret(settings.mqtt.password_file, "mqtt_password")


def web_token(settings: Settings) -> str | None:
    """The web server's token: of the environment, the named file, or systemd's credentials; None when there is none.

    Raises:
        SettingsError: the named file cannot be read, or holds what is no token.
    """
    if settings.web.token is not None:
        return settings.web.token.get_secret_value()
    token = secret(settings.web.token_file, "web_token")
    if token is not None:
        try:
            check_token(token)
        except ValueError as error:
            raise SettingsError(f"the web server's token file: {error}") from None
    return token


def certificate(settings: Settings) -> tuple[Path, Path] | None:
    """The web server's certificate and its key; None where it speaks plain HTTP."""
    web = settings.web
    return (Path(web.tls_certificate), Path(web.tls_key)) if web.tls_certificate else None


def secret(named: str, credential: str) -> str | None:
    """What stands in the named file, else in systemd's credential; None when there is neither. `SettingsError`."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if named:
        return _read(Path(named)).strip()
    if credentials and (file := Path(credentials) / credential).is_file():
        return _read(file).strip()
    return None


def _default_file() -> Path:
    return resource("config") / "default.toml"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text (byte {error.start})") from None


def _parse(text: str, file: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides bad syntax: huge numbers, deep nesting
        raise SettingsError(f"{file}: {error}") from None


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _from_environment() -> dict[str, Any]:
    """CCMUSIC_MQTT__URL=… as {"mqtt": {"url": …}}; an unknown table is refused like an unknown key in a file."""
    for name in os.environ:
        table = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.startswith(ENV_PREFIX) and table not in Settings.model_fields:
            known = ", ".join(f"{ENV_PREFIX}{known.upper()}__…" for known in Settings.model_fields)
            raise SettingsError(f"environment {name}: unknown; known are {known}")
    try:
        return EnvSettingsSource(Settings)()
    except UnreadableSettingsError as error:
        raise SettingsError(f"environment {ENV_PREFIX}…: {error}; lists and tables are written as JSON") from None
