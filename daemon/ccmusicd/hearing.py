"""A station of the daemon on a virtual clock, answered by an engine of this process as fast as it computes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.markup import escape

from ccmusic_stream.engine import Engine, Heard
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.spectrogram import SHOWN
from ccmusicd.analyzer import Analyzer
from ccmusicd.analyzer_child import start
from ccmusicd.capture.music.synth import Sound
from ccmusicd.hub import About, Hub, ModelInfo, StationInfo
from ccmusicd.jobs import Answer, ModelAnswer, Order
from ccmusicd.resources import cache_folder
from ccmusicd.station import Station
from ccmusicd.stationplan import StationOptions


class Hearing:
    """The daemon's own station and decisions; `hub` has its events. Its time begins at `origin_us` (UTC microseconds).

    Of `options`, that it reads at full speed goes without saying.
    """

    def __init__(
        self, engine: Engine, bundle: Bundle, name: str, *, options: StationOptions | None = None, origin_us: int = 0
    ) -> None:
        models = tuple(
            ModelInfo(spec.name, spec.backbone, spec.spectrogram, weight=spec.weight) for spec in bundle.models
        )
        about = About(
            node="", bundle=bundle.name, trained=bundle.trained, labels=bundle.labels, models=models,
            stations=(StationInfo(name, name, name),), ensemble_temperature=bundle.ensemble_temperature,
        )  # fmt: skip
        self.hub = Hub(about)
        self._engine = engine
        # It is never run: no child is started, and the engine here answers instead.
        analyzer = Analyzer(bundle.folders, hop_columns=engine.hop_columns, on_ready=lambda _: None)
        options = replace(options or StationOptions(name, name), real_time=False)
        self._station = Station(options, self.hub, analyzer, monotonic=lambda: 0.0, utc_us=lambda: origin_us)

    def begin(self) -> None:
        """Sound comes; subscribe before."""
        self._station.begin()

    def play(self, sound: Sound, on_hop: Callable[[], None] = lambda: None) -> None:
        """Hear mono sound at 22,050 Hz, shape (n,); `on_hop` is called after each hop."""
        self._station.audio(sound)
        while self._station.overdue_s() >= 0:
            self._answer()
            on_hop()

    def gap(self, samples: int) -> None:
        """So many samples were lost here."""
        self._station.gap(samples)

    def title(self, title: str) -> None:
        """What plays from here on is named so."""
        self._station.source_title(title)

    def close(self) -> None:
        """The station ends."""
        self._station.close()

    def _answer(self) -> None:
        job = self._station.next_job()
        (seen,) = self._engine.hop([Heard(job.station, job.samples, reset=job.reset)])
        models = {
            name: ModelAnswer(
                None if vote.probabilities is None else np.asarray(vote.probabilities, np.float64), vote.ms, vote.error
            )
            for name, vote in seen.votes.items()
        }
        columns = b"".join(seen.columns[name].T.tobytes() for name in SHOWN)
        self._station.answered(job, Answer(models, columns, busy_s=0.0))


def engine_of(bundle: Bundle, errors: Console, *, models: Sequence[str] | None = None) -> Engine:
    """The engine as the daemon's analyzer starts it on this machine; what is left out is told on `errors`.

    `models` are those that vote, by name; None means all.
    """
    order = Order(
        bundles=bundle.folders, labels=bundle.labels.slugs, device="auto", models=models, runtime="auto",
        cache=cache_folder(), stations=1, measured_hops=1,
    )  # fmt: skip
    engine, ready = start(order)
    for reason in filter(None, ready["models"].values()):
        errors.print(f"[red]left out:[/] {escape(reason)}", highlight=False, soft_wrap=True)
    return engine
