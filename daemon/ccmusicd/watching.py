"""From settings to the parts that watch the programme: its monitor, the hooks, the files of what is playing."""

import contextlib
import functools
import os
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.genre_names import GenreNames
from ccmusic_stream.labels import Labels
from ccmusicd.events import NoticeKind
from ccmusicd.export.times import zone_of
from ccmusicd.hooks.command import Command
from ccmusicd.hooks.rule import Rule
from ccmusicd.hooks.runner import Hook, HookRunner, Target
from ccmusicd.hooks.webhook import Webhook
from ccmusicd.hub import Hub
from ccmusicd.programme.dead_air import DeadAir
from ccmusicd.programme.declared import DeclaredCheck
from ccmusicd.programme.finding import SECOND_US, Check, length, percent
from ccmusicd.programme.icalendar_file import CalendarFile
from ccmusicd.programme.ledger import Span
from ccmusicd.programme.monitor import Monitor, Watched
from ccmusicd.programme.quota import Bound, Quota
from ccmusicd.programme.show_watch import ShowWatch
from ccmusicd.programme.shows import Schedule, WeeklyShow
from ccmusicd.programme.store import NoticeStore
from ccmusicd.programme_settings import HookSettings, ProgrammeSettings, QuotaSettings, clock
from ccmusicd.publish.notice_metrics import NoticeMetrics, QuotaFigures
from ccmusicd.publish.nowplaying import NowPlaying, NowPlayingFile, Template
from ccmusicd.publish.reader import RecordReader
from ccmusicd.settings import Settings, SettingsError, StationSettings, secret, state_directory

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Running = Callable[[Coroutine[Any, Any, Any], str], AbstractAsyncContextManager[None]]
"""Runs something beside the body of a context."""


def check_programme(settings: Settings, labels: Labels) -> None:
    """Everything about these settings that can be found wrong without starting anything.

    Raises:
        CcmusicError: a genre is none of `labels`, a station is not there, a calendar, secret or folder not usable.
    """
    names = _Names(labels)
    for key, station in settings.stations.items():
        watched = _watched(key, station, settings, names)
        for calendar in watched.calendars:
            calendar.load(time.time_ns() // 1000)
    files = _now_playing_files(settings)
    for key, file in files.items():
        folder = file.path.parent
        # pathlib would raise where a name is too long, or a folder on the way closed to us.
        there = os.path.isdir(folder)  # noqa: PTH112
        if not there and folder != state_directory(settings):  # which is made at the start
            raise SettingsError(f"stations.{key}.now_playing.file: there is no folder {folder}")
    if len({file.path for file in files.values()}) < len(files):
        raise SettingsError("stations.….now_playing.file: two stations write the same file")
    for name, hook in settings.hooks.items():
        _hook(name, hook, settings, names)


def checks_of(station: StationSettings, settings: Settings) -> frozenset[NoticeKind]:
    """The kinds of notices that may hold for a station."""
    programme = station.programme
    wanted: dict[NoticeKind, bool] = {
        "dead_air": (station.dead_air or settings.dead_air).after_s > 0,
        "quota": programme is not None and bool(programme.quotas),
        "show": programme is not None and bool(programme.shows or programme.calendar),
        "declared": programme is not None and programme.declared is not None,
    }
    return frozenset(kind for kind, is_wanted in wanted.items() if is_wanted)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the settings ask to be watched, by station, and by hook."""

    watched: Mapping[str, Watched]
    hooks: Mapping[str, Hook]
    files: Mapping[str, NowPlayingFile]


class PartsMaker:
    """Makes parts of settings; of words that stay the same come the very same parts, with all that they know."""

    def __init__(self, labels: Labels) -> None:
        self._names = _Names(labels)
        self._made: dict[tuple[str, str], tuple[object, Any]] = {}

    def make(self, settings: Settings, stations: Mapping[str, StationSettings]) -> Parts:
        """All parts for these stations.

        Raises:
            SettingsError: what a setting names cannot be used.
        """
        before, self._made = self._made, {}
        try:
            return self._parts(settings, stations, before)
        except CcmusicError:
            self._made = before
            raise

    def _parts(
        self, settings: Settings, stations: Mapping[str, StationSettings], before: Mapping[tuple[str, str], Any]
    ) -> Parts:
        def kept(kind: str, key: str, words: object, make: Callable[[], Any]) -> Any:
            known = before.get((kind, key))
            part = known[1] if known is not None and known[0] == words else make()
            self._made[kind, key] = words, part
            return part

        hooks: dict[str, Hook] = {}
        for name, hook in settings.hooks.items():
            # The secret's file may hold another one, and the stations that may be named others.
            words = hook, secret(hook.secret_file, f"hook_{name}")
            hooks[name] = kept("hook", name, words, functools.partial(_hook, name, hook, settings, self._names))
        told_of_gaps = any("down" in hook.rule.on for hook in hooks.values())
        watched: dict[str, Watched] = {}
        for key, station in stations.items():
            common = settings.dead_air, settings.silence.after_s, settings.notices
            checked = station.programme, station.dead_air, common
            part = kept("watched", key, checked, functools.partial(_watched, key, station, settings, self._names))
            if part.all_checks or told_of_gaps:
                watched[key] = part
        files = {
            key: kept("file", key, (stations[key].now_playing, file.path), functools.partial(_same, file))
            for key, file in _now_playing_files(settings).items()
            if key in stations
        }
        return Parts(watched, hooks, files)


def _same(part: NowPlayingFile) -> NowPlayingFile:
    return part


class Watching:
    """The programme's monitor, the hooks and the files of what is playing. `parts` are those at the start."""

    def __init__(self, hub: Hub, parts: Parts, folder: Path, record_url: str) -> None:
        # The runner first: it must hear what the monitor tells at its start.
        self._runner = HookRunner(hub, list(parts.hooks.values()))
        store = NoticeStore(folder / "notices.json")
        self._monitor = Monitor(hub, parts.watched, store, _history(record_url))
        self._now_playing = NowPlaying(hub, parts.files)
        self.metrics = NoticeMetrics(hub, quotas=self._figures, hooks=lambda: self._runner.counts)
        with contextlib.suppress(OSError):  # who cannot write there says so
            folder.mkdir(parents=True, exist_ok=True)

    @contextlib.asynccontextmanager
    async def running(self, run: Running) -> AsyncIterator[None]:
        """Run all parts beside the body, each through `run`."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(run(self._runner.run(), "hooks"))
            await self._monitor.start(time.time_ns() // 1000)
            stack.push_async_callback(self._monitor.stop)
            await stack.enter_async_context(run(self._monitor.run(), "programme"))
            await stack.enter_async_context(run(self._now_playing.run(), "now playing"))
            yield

    async def apply(self, parts: Parts) -> None:
        """Watch by these from now on. Before the hub lists other stations: those that go have notices to end."""
        await self._monitor.apply(parts.watched, time.time_ns() // 1000)
        await self._runner.apply(list(parts.hooks.values()))
        await self._now_playing.apply(parts.files)

    def _figures(self) -> Iterable[QuotaFigures]:
        for station, watched in self._monitor.watched.items():
            for quota in watched.quotas:
                if len(watched.ledger):
                    reading = quota.read(watched.ledger)
                    yield QuotaFigures(station, quota.name, reading.share, reading.margin_us / SECOND_US)


class _Names:
    """The genres of the labels, by what people call them; what is none is a fault of the key that names it."""

    def __init__(self, labels: Labels) -> None:
        self._names = GenreNames(labels)
        self._known = ", ".join(labels.slugs)

    def meant(self, text: str) -> frozenset[str]:
        return self._names.meant(text)

    def of(self, words: Sequence[str], key: str) -> frozenset[str]:
        slugs = [self._names.meant(word) for word in words]
        for word, found in zip(words, slugs, strict=True):
            if not found:
                raise SettingsError(f"{key}: {word!r} is no genre of the bundle; known are {self._known}")
        return frozenset().union(*slugs)


def _watched(key: str, station: StationSettings, settings: Settings, names: _Names) -> Watched:
    programme = station.programme or ProgrammeSettings()
    zone = zone_of(programme.timezone)
    below = f"stations.{key}.programme"
    checks: list[Check] = []
    dead_air = station.dead_air or settings.dead_air
    if dead_air.after_s > 0:
        # Silence is known only after its own time: until then it looks like sound.
        clear_s = max(dead_air.clear_after_s, settings.silence.after_s + 1)
        checks.append(DeadAir(_us(dead_air.after_s), _us(clear_s), zone))
    for quota in programme.quotas:
        checks += _quotas(quota, names, below, zone)
    weekly = [
        WeeklyShow(
            show.name,
            frozenset(_DAYS.index(day) for day in show.days),
            clock(show.start),
            clock(show.end),
            names.of(show.genres, f"{below}.shows"),
            show.at_least if show.at_least is not None or not show.genres else programme.show_at_least,
            zone,
        )
        for show in programme.shows
    ]
    path = Path(programme.calendar).expanduser()
    calendars = [CalendarFile(path, zone, names.meant, programme.show_at_least)] if programme.calendar else []
    schedule = Schedule([*weekly, *calendars]) if weekly or calendars else None
    if schedule is not None:
        checks.append(ShowWatch(schedule, _us(programme.warn_before_s), zone))
    declared = programme.declared

    def compare(who: str) -> DeclaredCheck | None:
        return None if declared is None else DeclaredCheck(who, _us(declared.over_s), declared.at_least, zone)

    return Watched(
        zone=zone,
        checks=checks,
        declares=compare("stream"),
        due=compare("schedule") if schedule is not None else None,
        schedule=schedule,
        calendars=calendars,
        meant=names.meant,
        down_us=_us(settings.notices.down_after_s),
    )


def _quotas(quota: QuotaSettings, names: _Names, below: str, zone: tzinfo) -> list[Check]:
    """One check for each bound."""
    genres, words = names.of(quota.genres, f"{below}.quotas"), " or ".join(quota.genres)
    bounds: tuple[tuple[Bound, float | None, str], ...] = (
        ("at_least", quota.at_least, "at least"),
        ("at_most", quota.at_most, "at most"),
    )
    window_us = _us(quota.window_s)
    return [
        Quota(
            name=f"{words} {said} {percent(share)} in {length(window_us)}",
            genres=genres,
            words=words,
            bound=bound,
            share=share,
            window_us=window_us,
            warn_us=_us(quota.warn_before_s),
            clear_us=_us(quota.clear_margin_s),
            zone=zone,
        )
        for bound, share, said in bounds
        if share is not None
    ]


def _hook(name: str, hook: HookSettings, settings: Settings, names: _Names) -> Hook:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise SettingsError(f"hooks.{name[:64]}: a hook is named with letters, digits, '_' and '-'")
    strange = [station for station in hook.stations if settings.stations and station not in settings.stations]
    if strange:
        known = ", ".join(settings.stations)
        raise SettingsError(f"hooks.{name}.stations: there is no station {strange[0]!r}; known are {known}")
    rule = Rule(
        on=frozenset(hook.on),
        changes=frozenset(hook.changes),
        stations=frozenset(hook.stations),
        genres=names.of(hook.genres, f"hooks.{name}.genres"),
    )
    target: Target
    if hook.command:
        target = Command(hook.command, timeout_s=hook.timeout_s)
    else:
        word = secret(hook.secret_file, f"hook_{name}")
        if word is not None and not re.fullmatch(r"[!-~]([ -~]{0,4094}[!-~])?", word):
            raise SettingsError(f"hooks.{name}.secret_file: a secret is one line of ASCII")
        ca_file = Path(hook.ca_file) if hook.ca_file else None
        try:
            target = Webhook(hook.url, timeout_s=hook.timeout_s, header=hook.header, secret=word, ca_file=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"hooks.{name}.ca_file: {hook.ca_file}: {error.strerror or error}") from None
    return Hook(name, rule, target, hook.retries if hook.url else 0)


def _now_playing_files(settings: Settings) -> dict[str, NowPlayingFile]:
    folder = state_directory(settings)
    return {
        key: NowPlayingFile(
            folder / Path(wanted.file).expanduser(), *map(Template, (wanted.template, wanted.without_title))
        )
        for key, station in settings.stations.items()
        if (wanted := station.now_playing) is not None
    }


def _history(url: str) -> Callable[[str, int], list[Span]]:
    def read(station: str, from_us: int) -> list[Span]:
        with RecordReader(url) as reader:
            rows = reader.segments(station, from_us)
            return [Span(row.start_us, row.end_us, row.kind, row.genre, row.note) for row in rows]  # type: ignore[arg-type]  # a text in the database

    return read


def _us(seconds: float) -> int:
    return round(seconds * SECOND_US)
