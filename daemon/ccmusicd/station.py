"""One station: its sound comes in, hops go to the analyzer, and what it hears goes out as events."""

import asyncio
import bisect
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.clock import SampleClock
from ccmusic_stream.geometry import HOP_LENGTH, PRIME_COLUMNS, SAMPLE_RATE
from ccmusic_stream.labels import Labels
from ccmusic_stream.level import SILENT, Level, LevelMeter, SilenceDetector
from ccmusic_stream.ring import AudioRing
from ccmusicd.analyzer import Analyzer
from ccmusicd.changes import ChangeFinder, ColumnsHistory
from ccmusicd.events import ClockStepEvent, LevelEvent, SourceState, StatusEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.jobs import Answer, Job
from ccmusicd.onair import OnAir
from ccmusicd.stationplan import Handover, StationOptions
from ccmusicd.telling import columns_events, hop_event

log = logging.getLogger(__name__)

NO_SIGNAL_S = 2.0
"""Without a sample for this long there is no signal."""

LATE_S = 0.5
"""Sound that is later than this may not come at all: until it does, no segment reaches beyond what was heard."""

MOST_BACKLOG_S = 4.0
"""Hops that wait longer than this are dropped, oldest first: late truth is less use than fresh."""

SHORT_GAP = SAMPLE_RATE // 2
"""Fewer lost samples than this end no silence."""

WARNING_LASTS_S = 60.0
ARRIVALS = 2_048
"""Blocks of sound whose time of arrival is remembered; a minute's worth and more."""

ROOM_HOPS = 2
"""How many whole hops a source read at full speed may be ahead of the analyzer."""


def _since_boot() -> float:
    """Seconds that go on while the machine is suspended: the time asleep was not heard."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Station:
    """A station's ring, clock, meters and decisions; the capture's sink and the analyzer's feed.

    Only the event loop touches it.
    """

    def __init__(
        self,
        options: StationOptions,
        hub: Hub,
        analyzer: Analyzer,
        *,
        after: Handover | None = None,
        monotonic: Callable[[], float] = _since_boot,
        utc_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.id = options.id
        self._options = options
        self._hub = hub
        self._analyzer = analyzer
        self._monotonic = monotonic
        self._utc_us = utc_us
        self._labels: Labels = hub.about.labels
        self._trained = hub.about.trained
        self._ring = AudioRing()
        self._meter = LevelMeter()
        self._silence = SilenceDetector(options.silence_dbfs, options.silence_after_s)
        self._level: Level = SILENT
        self._clock = SampleClock(monotonic(), utc_us(), real_time=options.real_time)
        self._columns = ColumnsHistory()
        self._on_air = OnAir(
            options.id,
            self._labels,
            options.decision,
            self._clock.utc_us(0) if after is None else after.until_us,
            trained=self._trained,
            publish=hub.publish,
            weights={model.name: model.weight for model in hub.about.models},
            ensemble_temperature=hub.about.ensemble_temperature,
            changes=ChangeFinder(self._columns, self._clock.utc_us, options.decision.enter),
        )
        self._heard_at = monotonic()  # when the newest sample came
        self._voted = 0  # the sample up to which hops were voted on or dropped
        self._known = False  # whether the analyzer has this station's columns up to `_voted`
        self._last_vote_end: int | None = None
        self._hops = 0 if after is None else after.hops
        self._dropped = self._xruns = 0
        self._title: str | None = None
        self._source_state: SourceState = "connecting"
        self._source_error: str | None = None
        self._source_warning: str | None = None
        self._warned_at = 0.0
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=ARRIVALS)  # (sample index, when it was here)
        self._begun_at = monotonic()
        self._held_at = self._begun_at - NO_SIGNAL_S  # when the source was held back for the last time
        self._absent = False  # whether the next sample follows an absence, whose length is a gap
        self._new_samples = 0  # of the job that is waited for: what no earlier job held
        self._source_restarts = 0
        self._source_format: Mapping[str, Any] = {}
        self._room = asyncio.Event()
        self._waiting: Job | None = None  # the job whose votes are awaited
        self._begins_anew = True  # the time until the first sound, or until it is resumed, is no loss
        analyzer.add(self)
        if after is not None and after.paused:
            self.pause(paused=True)

    @property
    def hops(self) -> int:
        """Hops voted on since the start."""
        return self._hops

    async def drained(self) -> None:
        """Wait until every whole hop that came was voted on or dropped."""
        while self._waiting is not None or self.overdue_s() >= 0 or (self._hop_samples == 0 and self._ring.end > 0):
            self._room.clear()
            await self._room.wait()

    def summary(self) -> str:
        """One line for the supervisor's status."""
        heard = self._on_air.genre or self._on_air.state
        return f"{heard}, {self._hops} hops, {self._dropped} dropped, source {self._source_state}"

    # --- the capture's sink ---

    def source_state(self, state: SourceState, error: str | None, restarts: int) -> None:
        """The source connects, runs, waits to be started again, or has ended."""
        self._source_state, self._source_error, self._source_restarts = state, error, restarts
        if state == "connecting":
            self._title = None  # the new child has named none yet; it may do so before its first sound
        self.publish_status()

    def source_format(self, fmt: Mapping[str, Any]) -> None:
        """What the source says of its sound."""
        self._source_format = dict(fmt)
        self.publish_status()

    def source_title(self, title: str) -> None:
        """The source named what it plays; "": nothing it has a name for."""
        self._title = title or None
        if not title:
            return
        self._on_air.title(title)
        self._hub.publish(TitleEvent(self.id, self._clock.utc_us(self._ring.end), title))

    def source_warning(self, message: str, count: int) -> None:
        """Something was lost or mended on the way; `count` times."""
        self._xruns += count
        self._warn(message)

    def begin(self) -> None:
        """Sound comes for the first time, or again from a new child."""
        self._begun_at = self._monotonic()
        self._absent = True

    def _resume(self, at: float) -> None:
        """Sound that was absent is here again since the time `at`: what was missed becomes a gap at its place."""
        self._absent = False
        missed = self._clock.begin(self._ring.end, at)
        if self._begins_anew:
            self._ring.append_zeros(missed)
            self._interrupted(missed)
            self._begins_anew = False
        else:
            self.gap(missed)

    def gap(self, samples: int) -> None:
        """`samples` were lost here."""
        self._ring.append_gap(samples)
        if samples >= NO_SIGNAL_S * SAMPLE_RATE and not self._on_air.waiting:
            self._on_air.signal(lost=True, at_us=self._clock.utc_us(self._ring.end - samples))
        self._interrupted(samples)

    def _interrupted(self, samples: int) -> None:
        if samples == 0:
            return
        self._meter.restart(self._ring.end)
        if samples >= SHORT_GAP:
            self._silence.restart()
            self._on_air.silence(silent=False, at_us=self._clock.utc_us(self._ring.end - samples))
        hop = self._hop_samples
        if hop and samples > hop:
            self._voted = self._ring.end // hop * hop  # hops that were never heard are not dropped hops
            self._known = False

    def audio(self, samples: NDArray[np.float32]) -> None:
        """The next samples, shape (n,), finite."""
        now = self._monotonic()
        resumes = self._absent
        if resumes:
            self._resume(now - len(samples) / SAMPLE_RATE)
        first = self._ring.end
        self._ring.append(samples)
        self._heard_at = now
        self._arrivals.append((self._ring.end, now))
        lost = self._clock.arrived(self._ring.end, now)
        self._on_air.signal(lost=False, at_us=self._clock.utc_us(first))
        self._on_air.wait(waiting=False, at_us=self._clock.utc_us(first))
        if resumes and self._title is not None:
            self._on_air.title(self._title)
        for index, level in self._meter.push(samples):
            self._level = level
            self._hub.publish(LevelEvent(self.id, level))
            change = self._silence.block(index, level)
            if change is not None:
                self._on_air.silence(silent=change[0], at_us=self._clock.utc_us(change[1]))
        self.gap(lost)
        if self.overdue_s() >= 0:
            self._analyzer.wake()

    async def room(self) -> None:
        """Wait until more sound may be read: at full speed until the analyzer has nearly caught up."""
        while not self._has_room():
            self._room.clear()
            await self._room.wait()

    def _has_room(self) -> bool:
        if self._options.real_time:
            return self._analyzer.state != "starting" or not self._options.patient
        hop = self._hop_samples
        return hop > 0 and self._ring.end - self._voted < ROOM_HOPS * hop

    # --- the analyzer's feed ---

    def overdue_s(self) -> float:
        """Seconds since the next hop was complete; negative while it is not."""
        hop = self._hop_samples
        if hop == 0 or self.paused:
            return -math.inf
        return (self._ring.end - self._voted - hop) / SAMPLE_RATE

    def next_job(self) -> Job:
        """The next hop, or the newest when too many wait; with the window before it when the analyzer is new."""
        hop = self._hop_samples
        due = (self._ring.end - self._voted) // hop
        take = due if self._options.real_time and (not self._known or due * hop > self._most_backlog) else 1
        end = self._voted + take * hop
        burst = self._monotonic() - self._begun_at <= MOST_BACKLOG_S  # a server's past, not our slowness
        if self._last_vote_end is not None and not burst:  # nor could be voted on what came before the first analyzer
            self._dropped += take - 1
        start = self._voted
        reset = not self._known or take * hop > PRIME_COLUMNS * HOP_LENGTH
        if reset:
            start = end - math.ceil(PRIME_COLUMNS * HOP_LENGTH / hop) * hop
        self._known = True
        self._new_samples = take * hop
        self._voted = end
        self._waiting = Job(self.id, end, self._ring.read_what_is_there(start, end), reset)
        return self._waiting

    def answered(self, job: Job, answer: Answer) -> None:
        """The votes on a hop."""
        self._waiting = None
        self._room.set()
        self._hops += 1
        self._last_vote_end = job.end
        passed_s = self._new_samples / SAMPLE_RATE
        time_us = self._clock.utc_us(job.end)
        self._on_air.analyzer(gone=False, at_us=time_us)
        votes = {name: vote.probabilities for name, vote in answer.models.items() if vote.probabilities is not None}
        for event in columns_events(job, answer, self._analyzer.hop_columns):
            self._columns.add(event.kind, event.first_column, event.data)
            self._hub.publish(event)
        self._hub.publish(
            hop_event(
                job,
                answer,
                self._on_air.vote(votes, time_us, passed_s, self._level.rms_dbfs),
                seq=self._hops,
                time_us=time_us,
                level=self._level,
                lag_s=self._monotonic() - self._arrived_at(job.end) if self._options.real_time else 0.0,
                dropped=self._dropped,
                trained=self._trained,
                slugs=self._labels.slugs,
            )
        )

    def analyzer_changed(self) -> None:
        """The analyzer started, restarts or runs: it knows nothing of this station."""
        self._known = False
        hop = self._hop_samples
        if self._waiting is not None:  # its votes will not come: the hop is due again
            self._voted = self._waiting.end - hop
            self._waiting = None
        if hop:
            self._voted = self._voted // hop * hop
        self._room.set()
        if self._analyzer.state == "restarting":
            self._on_air.analyzer(gone=True, at_us=self._clock.utc_us(self._last_vote_end or 0))
        self.publish_status()

    def hop_changed(self) -> None:
        """Hops have another length: the next one ends at a multiple of it, and nothing was dropped."""
        self._known = False
        place = self._ring.end if self._options.real_time else self._voted
        self._voted = place // self._hop_samples * self._hop_samples
        self._room.set()

    # --- the app ---

    def tick(self) -> None:
        """Look at the clocks, several times a second; in real time only."""
        if not self._options.real_time:
            return
        now = self._monotonic()
        self._check_utc()
        if self._source_warning is not None and now - self._warned_at > WARNING_LASTS_S:
            self._source_warning = None
        if not self._has_room():
            self._held_at = now
        if now - self._heard_at > NO_SIGNAL_S and not self.paused:
            self._absent = True
            self._level = SILENT
            self._tell_absence(now)

    def _tell_absence(self, now: float) -> None:
        """Nothing comes: since the last sound, or since the source was no longer held back for the networks."""
        heard_us = self._clock.utc_us(self._ring.end)
        if now - self._held_at <= NO_SIGNAL_S:
            self._on_air.wait(waiting=True, at_us=heard_us)
            return
        held_us = self._now_us() - round((now - self._held_at) * 1e6)
        self._on_air.signal(lost=True, at_us=max(heard_us, held_us))
        self._on_air.wait(waiting=False, at_us=max(heard_us, held_us))

    def pause(self, *, paused: bool) -> None:
        """Stop or resume listening; the app stops and starts the capture."""
        if paused == self.paused:
            return
        self._begins_anew = True
        self._heard_at = self._monotonic()
        self._on_air.pause(paused=paused, at_us=self._now_us())
        self.publish_status()

    @property
    def paused(self) -> bool:
        """Whether listening is stopped."""
        return self._on_air.paused

    def publish_status(self) -> None:
        """Tell everything that a status holds, and how far the open segment reaches."""
        self._on_air.reach(self._reached_us())
        analyzer = self._analyzer
        self._hub.publish(
            StatusEvent(
                station=self.id,
                state=self._on_air.state,
                trained=self._trained,
                source=self._options.source,
                source_state="paused" if self.paused else self._source_state,
                source_restarts=self._source_restarts,
                source_error=self._source_error,
                source_warning=self._source_warning,
                source_format=self._source_format,
                title=None if self._on_air.lost or self.paused else self._title,
                gap_samples=self._ring.gap_samples,
                xruns=self._xruns,
                dropped_hops=self._dropped,
                hops=self._hops,
                lag_s=max(0.0, self.overdue_s()),
                analyzer=analyzer.state,
                analyzer_restarts=analyzer.restarts,
                device=analyzer.device,
                hop_s=self._hop_samples / SAMPLE_RATE or None,
            )
        )

    def change(self, options: StationOptions) -> None:
        """Decide by other thresholds from now on; no sound and no hop is lost by it."""
        self._options = options
        self._silence.change(options.silence_dbfs, options.silence_after_s)
        self._on_air.change(options.decision)

    def close(self) -> Handover:
        """Nothing more is heard: the open segment ends now, or with the last sample that was heard at full speed."""
        self._check_utc()  # it may have been set since the last tick
        self.publish_status()
        end_us = self._now_us() if self._options.real_time else self._clock.utc_us(self._ring.end)
        self._on_air.close(end_us)
        return Handover(end_us, self._hops, self.paused)

    def _check_utc(self) -> None:
        """Adopt a step of the system clock, and tell it."""
        now, time_us = self._monotonic(), self._utc_us()
        step_s = self._clock.check_utc(now, time_us)
        if not step_s:
            return
        self._on_air.clock_stepped()
        log.warning("%s: the system clock was set by %+.1f s", self.id, step_s)
        self._warn(f"the system clock was set by {step_s:+.1f} s")
        self._hub.publish(ClockStepEvent(self.id, time_us, step_s))

    def _warn(self, message: str) -> None:
        self._source_warning, self._warned_at = message, self._monotonic()

    def _arrived_at(self, index: int) -> float:
        """When the sample before `index` was in the ring; now, when that is not remembered."""
        place = bisect.bisect_left(self._arrivals, index, key=lambda arrival: arrival[0])
        return self._arrivals[place][1] if place < len(self._arrivals) else self._monotonic()

    @property
    def _hop_samples(self) -> int:
        return (self._analyzer.hop_columns or 0) * HOP_LENGTH

    @property
    def _most_backlog(self) -> int:
        return max(round(MOST_BACKLOG_S * SAMPLE_RATE), self._hop_samples)

    def _now_us(self) -> int:
        return self._utc_us() if self._options.real_time else self._clock.utc_us(self._voted)

    def _reached_us(self) -> int:
        """How far the present state is known: what was on air is not said of a time in which nothing was heard."""
        waits = self._monotonic() - self._heard_at > LATE_S and not (self.paused or self._on_air.lost)
        return self._clock.utc_us(self._ring.end) if waits and self._options.real_time else self._now_us()
