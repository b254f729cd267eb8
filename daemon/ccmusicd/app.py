"""The composition root: builds the daemon from its settings, runs it, and stops it in reverse order."""

import asyncio
import contextlib
import enum
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle
from ccmusicd.about import about_daemon
from ccmusicd.analyzer import Analyzer
from ccmusicd.capture.process import Ended
from ccmusicd.checks import check
from ccmusicd.clips import Clips
from ccmusicd.crew import Crew
from ccmusicd.excerpts import excerpt
from ccmusicd.fleet import Fleet
from ccmusicd.hub import Hub
from ccmusicd.logs import tell_repeats
from ccmusicd.notify import Notifier
from ccmusicd.past import past
from ccmusicd.plans import MqttPlan, access_rules, mqtt_plan, record_url, retention, station_plans, stations_of
from ccmusicd.publish.access import Access
from ccmusicd.publish.loop_lag import LoopLag
from ccmusicd.publish.metrics import Metrics, Traffic
from ccmusicd.publish.mqtt import Mqtt
from ccmusicd.publish.streaming import OpenExcerpt
from ccmusicd.publish.timeline import Timeline
from ccmusicd.publish.web import Web
from ccmusicd.reload import Reload
from ccmusicd.resources import cache_folder, resource
from ccmusicd.settings import Settings, certificate, host_and_port, model_words, state_directory
from ccmusicd.vitals import Vitals
from ccmusicd.watching import PartsMaker, Watching
from ccmusicd.weights.bundles import models_to_use

log = logging.getLogger(__name__)

TICK_S = 0.25
STATUS_EVERY_TICKS = 4

UP_WITHIN_S = 300.0
"""A supervisor that is told nothing for longer ends the daemon, whose stations are recorded without networks, too."""


class Outcome(enum.Enum):
    """Why `App.run` returned: a signal to stop, or no input is left."""

    STOPPED = "told to"
    INPUT_ENDED = "every input has ended"


class App:
    """The daemon.

    `real_time` False reads files at full speed on a virtual clock. `load` gives the settings of the moment, or raises
    `CcmusicError`; it is called in a thread on each SIGHUP.
    """

    def __init__(self, settings: Settings, *, real_time: bool, load: Callable[[], Settings]) -> None:
        self._settings = settings
        self._real_time = real_time
        self._load = load
        self._notifier = Notifier()
        self._vitals = Vitals({})
        self._outcome: asyncio.Future[Outcome] | None = None
        self._hangup = asyncio.Event()
        self._ready = False  # for whoever asks: there are networks
        self._up = False  # the supervisor was told that the start is over
        self._told_of: object = None
        self.ended: Mapping[str, Ended] = {}

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
            plans = station_plans(settings, real_time=self._real_time)
            specs = models_to_use(bundle, model_words(settings))
            hub = Hub(about_daemon(settings.daemon.node, bundle, specs, (plan.info for plan in plans.values())))
            if not bundle.trained:
                log.warning("bundle %s is not trained: its networks hold random weights and know no genre", bundle.name)
            log.info("loading the networks of bundle %s", bundle.name)
            timeline = await self._record(stack, hub)
            maker = PartsMaker(bundle.labels)
            parts = maker.make(settings, stations_of(settings))
            watching = Watching(hub, parts, state_directory(settings), record_url(settings))
            await stack.enter_async_context(watching.running(self._running))
            analyzer = self._vitals.analyzer = self._make_analyzer(bundle, hub)
            fleet = Fleet(hub, analyzer, on_all_ended=lambda: self._finish(Outcome.INPUT_ENDED))
            self.ended, self._vitals.stations = fleet.ended, fleet.stations
            fleet.begin(plans)
            access = Access(**access_rules(settings))
            web = await self._serve(stack, hub, analyzer, fleet, timeline, watching, access)
            publishers = Crew()
            switch_mqtt = self._mqtt_switch(publishers, hub, fleet)
            await switch_mqtt(mqtt_plan(settings))
            await stack.enter_async_context(self._running(publishers.working(), "publishers"))
            stack.callback(fleet.close)
            reload = Reload(
                settings,
                load=self._load,
                real_time=self._real_time,
                fleet=fleet,
                maker=maker,
                watching=watching,
                timeline=timeline,
                web=web,
                access=access,
                switch_mqtt=switch_mqtt,
            )
            await stack.enter_async_context(self._running(analyzer.run(), "analyzer"))
            await stack.enter_async_context(self._running(self._tick(fleet), "tick"))
            await stack.enter_async_context(self._running(self._notifier.run_watchdog(self._vitals.alive), "watchdog"))
            await stack.enter_async_context(self._running(fleet.run(), "stations"))
            await stack.enter_async_context(self._running(self._obey_hangups(reload), "reload"))
            await stack.enter_async_context(self._running(self._be_up_in_time(), "start"))
            outcome = await self._outcome
            self._notifier.stopping()
            log.info("stopping: %s", outcome.value)
        return outcome

    # --- building ---

    async def _record(self, stack: contextlib.AsyncExitStack, hub: Hub) -> Timeline:
        settings = self._settings
        if not settings.timeline.url:
            with contextlib.suppress(OSError):  # the timeline says itself, and better, that it cannot write there
                state_directory(settings).mkdir(parents=True, exist_ok=True)
        timeline = self._vitals.timeline = Timeline(hub, record_url(settings), retention(settings))
        stack.push_async_callback(timeline.stop)
        await asyncio.to_thread(timeline.start, time.time_ns() // 1000)
        await stack.enter_async_context(self._running(timeline.run(), "timeline"))
        return timeline

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

    async def _serve(
        self,
        stack: contextlib.AsyncExitStack,
        hub: Hub,
        analyzer: Analyzer,
        fleet: Fleet,
        timeline: Timeline,
        watching: Watching,
        access: Access,
    ) -> Web:
        settings = self._settings
        host, port = host_and_port(settings.daemon.listen)
        loop_lag = LoopLag()
        await stack.enter_async_context(self._running(loop_lag.run(), "loop lag"))
        metrics = Metrics(
            hub,
            traffic=lambda: _traffic(web),
            health=self._vitals.parts,
            lost=lambda: {"segments": timeline.dropped, "blocks": timeline.dropped_blocks},
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
            pause=fleet.pause,
            timeline=_excerpts(hub, record_url(settings)),
            past=_past(hub, record_url(settings), timeline),
            draw=lambda order: _drawn(analyzer, order),
            analyst=clips if settings.clips.megabytes else None,
            most_clip_bytes=round(settings.clips.megabytes * 1e6),
            access=access,
            root_path=settings.web.root_path,
            certificate=certificate(settings),
        )
        await web.start()
        stack.push_async_callback(web.stop)
        print(f"viewer: {web.url}", flush=True)  # noqa: T201 - what a newcomer looks for
        return web

    def _mqtt_switch(
        self, publishers: Crew, hub: Hub, fleet: Fleet
    ) -> Callable[[MqttPlan | None], Coroutine[Any, Any, None]]:
        """What ends the MQTT publisher that runs and starts another one."""

        async def switch(plan: MqttPlan | None) -> None:
            await publishers.stop("mqtt")
            self._vitals.mqtt = None
            if plan is not None:
                mqtt = self._vitals.mqtt = Mqtt(
                    hub, **asdict(plan), on_enabled=lambda station, enabled: fleet.pause(station, not enabled)
                )
                publishers.start("mqtt", mqtt.run())

        return switch

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

    async def _obey_hangups(self, reload: Reload) -> None:
        """Apply the configuration of the moment on each SIGHUP; one that comes meanwhile is obeyed afterwards."""
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            was_ready = self._up  # a start is no reload: READY=1 would tell the supervisor that it is over
            if was_ready:
                self._notifier.reloading()
            try:
                await reload.now()
            except CcmusicError as error:
                reason = "; ".join(str(error).splitlines())
                log.error("the new configuration is refused, the old kept: %s", reason)  # noqa: TRY400 - their words
            finally:
                if was_ready:
                    self._notifier.ready()

    async def _tick(self, fleet: Fleet) -> None:
        ticks = 0
        while True:
            fleet.tick(status=ticks % STATUS_EVERY_TICKS == 0)
            if ticks % (STATUS_EVERY_TICKS * 10) == 0:
                self._tell_status()
                tell_repeats()
            ticks += 1
            self._vitals.tick()
            await asyncio.sleep(TICK_S)

    def _analyzer_ready(self, hub: Hub, analyzer: Analyzer) -> None:
        columns, device = analyzer.hop_columns or 0, analyzer.device
        models = tuple(replace(model, error=analyzer.model_errors.get(model.name)) for model in hub.about.models)
        hub.learn(device=device, hop_s=round(columns * HOP_LENGTH / SAMPLE_RATE, 4), models=models)
        runs = analyzer.device, analyzer.runtimes, analyzer.model_errors
        if runs != self._told_of:  # and not only another hop, or the same in a new child
            self._told_of = runs
            log.info("runtimes: %s", ", ".join(f"{name} {runtime}" for name, runtime in analyzer.runtimes.items()))
            for name, error in analyzer.model_errors.items():
                if error is not None:
                    log.error("model %s does not vote: %s", name, error)
            log.info("the networks run on %s", device)
        log.info("a hop takes %.2f s, there is one every %.2f s", analyzer.hop_s, hub.about.hop_s)
        self._ready = True
        self._tell_up()
        self._tell_status()

    async def _be_up_in_time(self) -> None:
        await asyncio.sleep(UP_WITHIN_S)
        if not self._up:
            log.error("no networks within %.0f s: listening and recording go on, and they are tried again", UP_WITHIN_S)
            self._tell_up()

    def _tell_up(self) -> None:
        if not self._up:
            self._up = True
            self._notifier.ready()

    def _tell_status(self) -> None:
        self._notifier.status(self._vitals.summary())

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers: Mapping[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: lambda: self._finish(Outcome.STOPPED),
            signal.SIGINT: lambda: self._finish(Outcome.STOPPED),
            signal.SIGHUP: self._hangup.set,
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


def _excerpts(hub: Hub, url: str) -> OpenExcerpt:
    def open_(asked: Any) -> Any:
        names = {station.id: station.name for station in hub.about.stations}
        return excerpt(url, asked, names=names, now_us=time.time_ns() // 1000)

    return open_


def _past(hub: Hub, url: str, timeline: Timeline) -> OpenExcerpt:
    def open_(asked: Any) -> Any:
        names = [station.id for station in hub.about.stations]
        return past(url, asked, names=names, now_us=time.time_ns() // 1000, unwritten=timeline.unwritten())

    return open_


async def _drawn(analyzer: Analyzer, order: Mapping[str, Any]) -> bytes:
    return (await analyzer.requests.ask(order))[1]


def _traffic(web: Web) -> Traffic:
    return Traffic(web.clients, web.connections, web.clients_cut, web.clients_refused, web.events_dropped)
