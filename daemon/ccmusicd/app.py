"""The composition root: builds the daemon from its settings, runs it, and stops it in reverse order."""

import asyncio
import contextlib
import enum
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle
from ccmusicd.about import about_daemon
from ccmusicd.analyzer import Analyzer
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.process import Capture, Ended
from ccmusicd.capture.spec import SourceSpec, parse_spec
from ccmusicd.checks import check
from ccmusicd.clips import Clips
from ccmusicd.excerpts import excerpt
from ccmusicd.hub import Hub
from ccmusicd.notify import Notifier
from ccmusicd.onair import DecisionOptions
from ccmusicd.publish.access import Access
from ccmusicd.publish.loop_lag import LoopLag
from ccmusicd.publish.metrics import Metrics, Traffic
from ccmusicd.publish.mqtt import Mqtt
from ccmusicd.publish.retention import Retention
from ccmusicd.publish.streaming import OpenExcerpt
from ccmusicd.publish.timeline import Timeline
from ccmusicd.publish.web import Web
from ccmusicd.resources import cache_folder, resource
from ccmusicd.settings import (
    Settings,
    StationSettings,
    certificate,
    host_and_port,
    model_words,
    mqtt_password,
    state_directory,
    web_token,
)
from ccmusicd.station import Station, StationOptions
from ccmusicd.vitals import Vitals
from ccmusicd.watching import Watching
from ccmusicd.weights.bundles import models_to_use

log = logging.getLogger(__name__)

TICK_S = 0.25
STATUS_EVERY_TICKS = 4

DRAIN_TIMEOUT_S = 180.0
"""After the end of every input, how long its last hops may take."""


class Outcome(enum.Enum):
    """Why `App.run` returned: a signal to stop, a signal to begin anew, or no input is left."""

    STOPPED = enum.auto()
    RELOAD = enum.auto()
    INPUT_ENDED = enum.auto()


class App:
    """The daemon.

    `real_time` False reads files at full speed on a virtual clock. `may_reload` is asked on SIGHUP whether the
    configuration can be used; it logs why not.
    """

    def __init__(self, settings: Settings, *, real_time: bool, may_reload: Callable[[], bool]) -> None:
        self._settings = settings
        self._real_time = real_time
        self._may_reload = may_reload
        self._notifier = Notifier()
        self._stations: dict[str, Station] = {}
        self._captures: dict[str, Capture] = {}
        self._vitals = Vitals(self._stations)
        self._timeline: Timeline | None = None
        self._listening: dict[str, asyncio.Task[Ended]] = {}
        self._pause_changed = asyncio.Event()
        self._outcome: asyncio.Future[Outcome] | None = None
        self._record_url = ""
        self._ready = False
        self.ended: dict[str, Ended] = {}

    async def run(self) -> Outcome:
        """Run until a signal or the end of every input.

        Raises:
            CcmusicError: the bundle, the record or the address cannot be used; everything is stopped.
        """
        self._outcome = asyncio.get_running_loop().create_future()
        settings = self._settings
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._signals())
            bundle = check(settings, real_time=self._real_time)
            stations = settings.stations or {"demo": StationSettings(input="demo", name="Demo")}
            specs = models_to_use(bundle, model_words(settings))
            hub = Hub(about_daemon(settings, bundle, specs, stations))
            if not bundle.trained:
                log.warning("bundle %s is not trained: its networks hold random weights and know no genre", bundle.name)
            log.info("loading the networks of bundle %s", bundle.name)
            await self._record(stack, hub)
            watching = Watching(settings, hub, stations, self._record_url)
            await stack.enter_async_context(watching.running(self._running))
            analyzer = self._vitals.analyzer = self._make_analyzer(bundle, hub)
            for key, station in stations.items():
                self._add(key, station, hub, analyzer)
            await self._publish(stack, hub, watching, analyzer)
            stack.callback(self._close_stations)
            await stack.enter_async_context(self._running(analyzer.run(), "analyzer"))
            await stack.enter_async_context(self._running(self._tick(), "tick"))
            await stack.enter_async_context(self._running(self._notifier.run_watchdog(self._vitals.alive), "watchdog"))
            for key in stations:
                await stack.enter_async_context(self._running(self._listen(key), f"listen {key}"))
            outcome = await self._outcome
            self._notifier.reloading() if outcome is Outcome.RELOAD else self._notifier.stopping()
            log.info("stopping (%s)", outcome.name.lower())
        return outcome

    # --- building ---

    async def _record(self, stack: contextlib.AsyncExitStack, hub: Hub) -> None:
        url = self._settings.timeline.url
        if not url:
            folder = state_directory(self._settings)
            with contextlib.suppress(OSError):  # the timeline says itself, and better, that it cannot write there
                folder.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{folder / 'timeline.sqlite'}"
        self._record_url = url
        limits = Retention(**self._settings.timeline.model_dump(exclude={"url"}))
        timeline = self._timeline = self._vitals.timeline = Timeline(hub, url, limits)
        stack.push_async_callback(timeline.stop)
        await asyncio.to_thread(timeline.start, time.time_ns() // 1000)
        await stack.enter_async_context(self._running(timeline.run(), "timeline"))

    def _make_analyzer(self, bundle: Bundle, hub: Hub) -> Analyzer:
        hop = self._settings.analyzer.hop
        return Analyzer(
            bundle.folders,
            device=self._settings.analyzer.device,
            models=[model.name for model in hub.about.models],
            labels=bundle.labels.slugs,
            runtime=self._settings.analyzer.runtime,
            cache=cache_folder(),
            hop_columns=None if hop == "auto" else round(hop * SAMPLE_RATE / HOP_LENGTH),
            on_ready=lambda analyzer: self._analyzer_ready(hub, analyzer),
        )

    def _add(self, key: str, station: StationSettings, hub: Hub, analyzer: Analyzer) -> None:
        settings = self._settings
        spec = parse_spec(station.input)
        self._stations[key] = Station(
            StationOptions(
                id=key,
                source=spec.redacted,
                real_time=self._real_time,
                patient=spec.kind == "media" and not spec.is_url,
                silence_dbfs=settings.silence.threshold_dbfs,
                silence_after_s=settings.silence.after_s,
                decision=DecisionOptions(**settings.decision.model_dump()),
            ),
            hub,
            analyzer,
        )
        options = CaptureOptions(
            speed="real" if self._real_time else "max",
            raw_rate=station.raw_rate,
            raw_channels=station.raw_channels,
            raw_format=station.raw_format,
            open_timeout_s=settings.capture.open_timeout_s,
            read_timeout_s=settings.capture.read_timeout_s,
            backoff_max_s=settings.capture.longest_backoff_s,
            stall_s=_stall_s(station, spec, settings.capture.read_timeout_s),
            at_end=station.at_end,
        )
        self._captures[key] = Capture(spec, options, self._stations[key])

    async def _publish(
        self, stack: contextlib.AsyncExitStack, hub: Hub, watching: Watching, analyzer: Analyzer
    ) -> None:
        settings = self._settings
        host, port = host_and_port(settings.daemon.listen)
        loop_lag = LoopLag()
        await stack.enter_async_context(self._running(loop_lag.run(), "loop lag"))
        metrics = Metrics(
            hub,
            traffic=lambda: _traffic(web),
            health=self._vitals.parts,
            lost=lambda: _lost(self._timeline),
            more=(watching.metrics, loop_lag.metric),
        )
        await stack.enter_async_context(self._running(metrics.run(), "metrics"))
        clips = Clips(hub, analyzer.requests, longest_s=60 * settings.clips.minutes)
        web = Web(
            hub,
            host=host,
            port=port,
            viewer=resource("web_viewer"),
            ready=lambda: self._ready,
            health=self._vitals.parts,
            ailment=self._vitals.ailment,
            metrics=metrics.text,
            max_clients=settings.web.max_clients,
            pause=self._pause,
            timeline=self._excerpts(hub),
            draw=lambda order: _drawn(analyzer, order),
            analyst=clips if settings.clips.megabytes else None,
            most_clip_bytes=round(settings.clips.megabytes * 1e6),
            access=Access(
                token=web_token(settings),
                token_for_all=settings.web.token_for_all,
                allowed_hosts=settings.web.allowed_hosts,
                allowed_origins=settings.web.allowed_origins,
            ),
            root_path=settings.web.root_path,
            certificate=certificate(settings),
        )
        await web.start()
        stack.push_async_callback(web.stop)
        print(f"viewer: {web.url}", flush=True)  # noqa: T201 - what a newcomer looks for
        if settings.mqtt.url:
            mqtt = self._vitals.mqtt = Mqtt(
                hub,
                url=settings.mqtt.url,
                node=settings.daemon.node,
                root=settings.mqtt.root,
                password=mqtt_password(settings),
                ca_file=Path(settings.mqtt.ca_file) if settings.mqtt.ca_file else None,
                keepalive_s=settings.mqtt.keepalive_s,
                on_enabled=lambda station, enabled: self._pause(station, not enabled),
                discovery_prefix=settings.mqtt.discovery_prefix if settings.mqtt.discovery else None,
            )
            await stack.enter_async_context(self._running(mqtt.run(), "mqtt"))

    def _excerpts(self, hub: Hub) -> OpenExcerpt:
        names = {station.id: station.name for station in hub.about.stations}
        return lambda asked: excerpt(self._record_url, asked, names=names, now_us=time.time_ns() // 1000)

    # --- running ---

    @contextlib.asynccontextmanager
    async def _running(self, work: Coroutine[Any, Any, Any], name: str) -> AsyncIterator[None]:
        """Run `work` beside the body; its failure ends the daemon, the body's end cancels it."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_done)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            assert self._outcome is not None  # noqa: S101 - set before the first task
            if not self._outcome.done():
                self._outcome.set_exception(error)

    def _finish(self, outcome: Outcome) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    async def _listen(self, key: str) -> None:
        """Capture one station, except while it is paused, until its source has ended for good."""
        station = self._stations[key]
        while key not in self.ended:
            while station.paused:
                self._pause_changed.clear()
                await self._pause_changed.wait()
            capturing = asyncio.create_task(self._captures[key].run(), name=f"capture {key}")
            self._listening[key] = capturing
            try:
                await asyncio.wait({capturing})  # ended, or cancelled by a pause
            finally:
                capturing.cancel()
                await asyncio.gather(capturing, return_exceptions=True)
            if not capturing.cancelled():
                self.ended[key] = capturing.result()
        ended = self.ended[key]
        log.log(logging.INFO if ended.message is None else logging.ERROR, "%s: %s", key, ended.message or "input ended")
        if ended.message is None and station.hops == 0:
            log.warning("%s: the input ended before the networks had heard a hop of it", key)
        if len(self.ended) == len(self._stations):
            await self._drain()
            self._finish(Outcome.INPUT_ENDED)

    async def _drain(self) -> None:
        """Wait for the votes on the last whole hops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await asyncio.gather(*(station.drained() for station in self._stations.values()))

    def _pause(self, station: str, paused: bool) -> None:
        self._stations[station].pause(paused=paused)
        capturing = self._listening.get(station)
        if paused and capturing is not None:
            capturing.cancel()
        self._pause_changed.set()

    async def _tick(self) -> None:
        ticks = 0
        while True:
            for station in self._stations.values():
                station.tick()
                if ticks % STATUS_EVERY_TICKS == 0:
                    station.publish_status()
            if ticks % (STATUS_EVERY_TICKS * 10) == 0 and self._ready:
                self._notifier.status(self._status_line())
            ticks += 1
            self._vitals.tick()
            await asyncio.sleep(TICK_S)

    def _analyzer_ready(self, hub: Hub, analyzer: Analyzer) -> None:
        columns, device = analyzer.hop_columns or 0, analyzer.device
        models = tuple(replace(model, error=analyzer.model_errors.get(model.name)) for model in hub.about.models)
        hub.learn(device=device, hop_s=round(columns * HOP_LENGTH / SAMPLE_RATE, 4), models=models)
        log.info("runtimes: %s", ", ".join(f"{name} {runtime}" for name, runtime in analyzer.runtimes.items()))
        for name, error in analyzer.model_errors.items():
            if error is not None:
                log.error("model %s does not vote: %s", name, error)
        hop_s = hub.about.hop_s
        log.info("analyzer on %s: a hop takes %.2f s, there is one every %.2f s", device, analyzer.hop_s, hop_s)
        self._ready = True
        self._notifier.ready()
        self._notifier.status(self._status_line())

    def _status_line(self) -> str:
        return "; ".join(f"{key}: {station.summary()}" for key, station in self._stations.items())

    def _close_stations(self) -> None:
        for station in self._stations.values():
            station.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers: Mapping[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: lambda: self._finish(Outcome.STOPPED),
            signal.SIGINT: lambda: self._finish(Outcome.STOPPED),
            signal.SIGHUP: lambda: self._finish(Outcome.RELOAD) if self._may_reload() else None,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)


def exit_code(outcome: Outcome, ended: Mapping[str, Ended]) -> int:
    """How the process ends: 0, or the worst of its inputs when they ended by themselves."""
    if outcome is not Outcome.INPUT_ENDED:
        return os.EX_OK
    return max((end.exit_code for end in ended.values()), default=os.EX_OK)


def _stall_s(station: StationSettings, spec: SourceSpec, read_timeout_s: float) -> float | None:
    """A stream's child tells its own read timeout, and better, before the watchdog kills it."""
    return read_timeout_s + 2.0 if station.stall_s is None and spec.is_url else station.stall_s


async def _drawn(analyzer: Analyzer, order: Mapping[str, Any]) -> bytes:
    return (await analyzer.requests.ask(order))[1]


def _lost(timeline: Timeline | None) -> Mapping[str, int]:
    return {} if timeline is None else {"segments": timeline.dropped, "blocks": timeline.dropped_blocks}


def _traffic(web: Web) -> Traffic:
    return Traffic(web.clients, web.connections, web.clients_cut, web.clients_refused, web.events_dropped)
