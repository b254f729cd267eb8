"""What a capture child writes: PCM to stdout, events to stderr, in real time where the source is not live itself.

An event always leaves before the PCM that follows it, so that whoever sees the PCM can already read the event.
"""

import json
import os
import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.level import is_sound

_BLOCK = SAMPLE_RATE // 10
_WARNING_EVERY_S = 5.0
_MESSAGE_LENGTH = 1000


class SourceError(CcmusicError):
    """The source cannot be heard. `exit_code`: 64 usage, 66 input missing or refused, 69 unavailable."""

    def __init__(self, message: str, *, exit_code: int = 69, permanent: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.permanent = permanent


class InputRefusedError(SourceError):
    """A file that is missing or is not audio: trying again would not help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=66, permanent=True)


class Pacer:
    """Keeps samples from leaving before they would have been heard.

    `rate` is the speed relative to real time. A source that was late may catch up `slack_s`; beyond that the clock
    starts anew, since a burst of old audio would push out the new. One that is early is let through up to `ahead_s`.
    """

    def __init__(self, rate: float = 1.0, slack_s: float = 1.0, ahead_s: float = 0.0) -> None:
        self._samples_per_s = SAMPLE_RATE * rate
        self._slack_s = slack_s
        self._ahead_s = ahead_s
        self._start = time.monotonic()
        self._samples = 0

    def wait(self, samples: int) -> None:
        """Sleep until the last of the next `samples` samples is due."""
        self._samples += samples
        late = time.monotonic() - self._start - self._samples / self._samples_per_s
        if late < -self._ahead_s:
            time.sleep(-late - self._ahead_s)
        elif late > self._slack_s:
            self._start += late


class Output:
    """The child's two pipes. Audio is mono float32 at 22,050 Hz; `samples` counts what was written."""

    def __init__(self, pcm_fd: int = 1, event_fd: int = 2) -> None:
        self.samples = 0
        self.pacer: Pacer | None = None
        self._pcm_fd = pcm_fd
        self._event_fd = event_fd
        self._title = ""
        self._counts: dict[str, int] = {}
        self._warned: dict[str, float] = {}

    def event(self, kind: str, **values: Any) -> None:
        """One event as a JSON line."""
        line = json.dumps({"event": kind, **values}, ensure_ascii=True)
        # The newline in front: libraries write to stderr too, and may leave a line unfinished.
        _write_all(self._event_fd, f"\n{line}\n".encode())

    def format(
        self,
        rate: int,
        channels: int,
        codec: str,
        layout: str,
        *,
        live: bool,
        duration_s: float | None = None,
        genre: str = "",
    ) -> None:
        """What the source turned out to be, before its conversion; `genre` as its server declares it, if it does."""
        declared = {"genre": genre} if genre else {}
        self.event(
            "format",
            rate=rate,
            channels=channels,
            codec=codec,
            layout=layout,
            live=live,
            duration_s=duration_s,
            **declared,
        )

    def title(self, title: str) -> None:
        """What is playing now, "" for nothing that has a name; sent when it changed."""
        if title != self._title:
            self._title = title
            self.event("title", title=title)

    def warn(self, message: str, count: int = 1) -> None:
        """Something went wrong `count` times and the source goes on; at most one event in 5 s for a message."""
        self._counts[message] = self._counts.get(message, 0) + count
        if time.monotonic() - self._warned.get(message, -_WARNING_EVERY_S) >= _WARNING_EVERY_S:
            self._send_warning(message)

    def gap(self, samples: int) -> None:
        """`samples` samples were lost at this place."""
        if samples > 0:
            self.event("gap", at=self.samples, samples=samples)
            if self.pacer is not None:
                self.pacer.wait(samples)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Audio, shape (n,); what cannot be sound (NaN, infinities) becomes zero and is counted."""
        sound = is_sound(samples)
        if not sound.all():
            self.warn("samples that cannot be sound were set to zero", int(np.count_nonzero(~sound)))
            samples = np.where(sound, samples, np.float32(0))
        self.send(samples)

    def send(self, samples: NDArray[np.float32]) -> None:
        """Audio that is clean, shape (n,), in time."""
        self._flush_old_warnings()
        step = _BLOCK if self.pacer is not None else max(len(samples), 1)
        for start in range(0, len(samples), step):
            block = samples[start : start + step]
            if self.pacer is not None:
                self.pacer.wait(len(block))
            _write_all(self._pcm_fd, block.astype("<f4", copy=False).tobytes())
            self.samples += len(block)

    def end(self, reason: Literal["eof"] = "eof") -> None:
        """The source is over, in order."""
        self._flush_warnings()
        self.event("end", reason=reason)

    def error(self, error: SourceError) -> None:
        """The source is over because of `error`."""
        self._flush_warnings()
        self.event("error", message=str(error)[:_MESSAGE_LENGTH], permanent=error.permanent)

    def _flush_old_warnings(self) -> None:
        now = time.monotonic()
        for message in [m for m in self._counts if now - self._warned[m] >= _WARNING_EVERY_S]:
            self._send_warning(message)

    def _flush_warnings(self) -> None:
        for message in list(self._counts):
            self._send_warning(message)

    def _send_warning(self, message: str) -> None:
        self._warned[message] = time.monotonic()
        self.event("warning", message=message[:_MESSAGE_LENGTH], count=self._counts.pop(message))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
