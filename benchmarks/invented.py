"""A station that hears an invented programme on a virtual clock: every kind of event of years of radio, seeded."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from synthetic import MODELS

from ccmusic_stream.geometry import BINS, HOP_LENGTH, SAMPLE_RATE
from ccmusicd.analyzer import Analyzer
from ccmusicd.events import AnalyzerState
from ccmusicd.hub import Hub
from ccmusicd.jobs import Answer, ModelAnswer
from ccmusicd.station import Station
from ccmusicd.stationplan import StationOptions

HOP_COLUMNS = 11
"""A quarter of a second: as many hops in as little sound as may be."""

STATUS_EVERY_HOPS = 4
HOP = HOP_COLUMNS * HOP_LENGTH
HOP_S = HOP / SAMPLE_RATE


class Programme:
    """One station of `hub`. `start_us` is when its virtual clock begins."""

    def __init__(self, hub: Hub, start_us: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._now = 0.0
        self._start_us = start_us
        self._offset_us = 0
        # It is never run: no child is started, and the votes are invented here.
        self._analyzer = Analyzer([Path("nowhere")], hop_columns=HOP_COLUMNS, on_ready=lambda _: None)
        self._classes = len(hub.about.labels)
        self._genre = 0
        self._silent_hops = self._hops = 0
        (info,) = hub.about.stations
        self.station = Station(
            StationOptions(info.id, info.source),
            hub,
            self._analyzer,
            monotonic=lambda: self._now,
            utc_us=self._utc_us,
        )
        self._sounds = [self._noise(loudness) for loudness in (0.02, 0.05, 0.1, 0.2, 0.3)]
        self._columns = [self._random.integers(0, 256, _column_bytes(1), np.uint8).tobytes() for _ in range(8)]
        self.station.begin()
        self.station.source_state("running", None, 0)
        self._analyzer_is("running")

    def hop(self) -> None:
        """What happens in the time of one hop."""
        self._happen()
        sound = self._sounds[self._random.integers(len(self._sounds))]
        if self._silent_hops:
            self._silent_hops -= 1
            sound = np.zeros(HOP, np.float32)
        self._now += HOP_S
        if not self.station.paused:
            self.station.audio(sound)
        self.station.tick()
        self._hops += 1
        if self._hops % STATUS_EVERY_HOPS == 0:
            self.station.publish_status()
        while self.station.overdue_s() >= 0:
            self._answer()

    def close(self) -> None:
        """The daemon stops."""
        self.station.close()

    def _happen(self) -> None:
        station, random = self.station, self._random
        rates: dict[float, Callable[[], object]] = {
            1 / 100: self._another_genre,
            1 / 240: lambda: station.source_title(f"Song {random.integers(10**9)} - Singer {random.integers(10**6)}"),
            1 / 300: self._silence,
            1 / 500: lambda: station.gap(int(random.integers(1, 3 * SAMPLE_RATE))),
            1 / 1_000: lambda: station.source_warning(f"trouble {random.integers(10**9)}", 1),
            1 / 2_000: self._absence,
            1 / 3_000: self._source_restarts,
            1 / 5_000: self._analyzer_restarts,
            1 / 10_000: self._pause,
            1 / 50_000: self._clock_is_set,
        }
        for (rate, event), chance in zip(rates.items(), random.random(len(rates)), strict=True):
            if chance < rate:
                event()

    def _another_genre(self) -> None:
        self._genre = int(self._random.integers(self._classes))

    def _silence(self) -> None:
        self._silent_hops = int(self._random.integers(1, 30))

    def _absence(self) -> None:
        for _ in range(self._random.integers(1, 40)):
            self._now += 0.25
            self.station.tick()

    def _source_restarts(self) -> None:
        self.station.source_state("backoff", f"broke off {self._random.integers(10**9)}", 1)
        self._absence()
        self.station.source_state("connecting", None, 1)
        self.station.begin()
        self.station.source_state("running", None, 1)
        self.station.source_format({"rate": 44_100, "codec": "mp3"})

    def _analyzer_restarts(self) -> None:
        self._analyzer.restarts += 1
        self._analyzer_is("restarting")
        self._absence()
        self._analyzer_is("running")

    def _pause(self) -> None:
        self.station.pause(paused=True)
        self._now += float(self._random.uniform(1, 60))
        self.station.pause(paused=False)
        self.station.begin()

    def _clock_is_set(self) -> None:
        self._offset_us += int(self._random.integers(-3_000_000, 3_000_000))

    def _analyzer_is(self, state: AnalyzerState) -> None:
        self._analyzer.state = state
        self.station.analyzer_changed()

    def _answer(self) -> None:
        job = self.station.next_job()
        sure = np.ones(self._classes)
        sure[self._genre] = self._random.uniform(5, 60)
        votes = self._random.dirichlet(sure, len(MODELS))  # (models, classes)
        failing = self._random.integers(200)
        models = {
            name: ModelAnswer(None, 1.0, "gave NaN") if place == failing else ModelAnswer(vote, 20.0, None)
            for place, (name, vote) in enumerate(zip(MODELS, votes, strict=True))
        }
        hops = len(job.samples) // HOP
        columns = self._columns[self._random.integers(len(self._columns))] * hops
        self.station.answered(job, Answer(models, columns, 0.1))

    def _utc_us(self) -> int:
        return self._start_us + self._offset_us + round(self._now * 1e6)

    def _noise(self, loudness: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        return cast(
            "np.ndarray[tuple[int], np.dtype[np.float32]]",
            (loudness * self._random.standard_normal(HOP)).astype(np.float32),
        )


def _column_bytes(hops: int) -> int:
    return hops * HOP_COLUMNS * sum(BINS.values())
