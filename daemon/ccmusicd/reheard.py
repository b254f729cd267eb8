"""A recording heard as the daemon would have heard it, as fast as this machine computes. Loads torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import Output
from ccmusicd.events import SegmentEvent
from ccmusicd.hearing import Hearing, engine_of
from ccmusicd.publish.rows import SegmentRow, row_of_event
from ccmusicd.stationplan import StationOptions


class _IntoHearing(Output):
    """What a capture child would send through its pipes, straight into a station."""

    def __init__(self, hearing: Hearing, shown: Progress) -> None:
        super().__init__()
        self._hearing = hearing
        self._inbox = hearing.hub.subscribe(("segment",), capacity=1024)
        self._ended: list[SegmentEvent] = []
        self._shown = shown
        self._task = shown.add_task("heard", total=None)

    def event(self, kind: str, **values: Any) -> None:
        """Titles go to the station, the length to the bar."""
        if kind == "title":
            self._hearing.title(values["title"])
        elif kind == "format" and values["duration_s"]:
            self._shown.update(self._task, total=values["duration_s"])

    def warn(self, message: str, count: int = 1) -> None:
        """Nobody waits for it: what is lost stands in the timeline."""

    def gap(self, samples: int) -> None:
        """Lost samples are lost to the station, too."""
        self.samples += samples
        self._hearing.gap(samples)

    def send(self, samples: NDArray[np.float32]) -> None:
        """Hear them."""
        self.samples += len(samples)
        self._hearing.play(samples)
        self._take()
        self._shown.update(self._task, completed=self.samples / SAMPLE_RATE)

    def segments(self) -> list[SegmentEvent]:
        """The segments of it all, once it is over."""
        self._hearing.close()
        self._take()
        return self._ended

    def _take(self) -> None:
        events = (event for event in self._inbox.drain() if isinstance(event, SegmentEvent))
        self._ended.extend(event for event in events if event.change == "end" and event.end_us > event.start_us)


def heard(
    recording: Path, bundle: Bundle, models: Sequence[ModelSpec], options: StationOptions, *, name: str, origin_us: int
) -> list[SegmentRow]:
    """The segments of a recording that began at `origin_us` (UTC microseconds), as these models of a bundle hear it.

    Raises:
        SourceError: it is missing or holds no audio.
    """
    errors = Console(stderr=True)
    engine = engine_of(bundle, errors, models=[model.name for model in models])
    options = replace(options, id=name, source=recording.name)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as shown:
        hearing = Hearing(engine, replace(bundle, models=tuple(models)), name, options=options, origin_us=origin_us)
        output = _IntoHearing(hearing, shown)
        hearing.begin()
        play_file(str(recording), output, loop=False, real_time=False)
        return [row_of_event(event) for event in output.segments()]
