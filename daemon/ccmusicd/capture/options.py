"""How a source is to be captured, and the order that carries it to the child."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from ccmusicd.capture.spec import SourceSpec

ORDER = "CCMUSICD_CAPTURE_ORDER"
"""Environment variable with the child's order: an address may hold a password, which a command line would show."""

RawSampleFormat = Literal["u8", "s16le", "s16be", "s24le", "s32le", "f32le"]
Speed = Literal["real", "max"]
AtEnd = Literal["stop", "loop", "restart"]


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """Plain values; `raw_*` describe the PCM of stdin and exec.

    `stall_s`: seconds without PCM after which the child is killed; None: by the kind of source; 0: never.
    `at_end`: what the end of the source means; None: stop for what has an end, restart for what has none.
    `steady_s`: seconds of audio after which the next failure waits `backoff_s` again, instead of ever longer.
    """

    speed: Speed = "real"
    raw_rate: int = 44_100
    raw_channels: int = 2
    raw_format: RawSampleFormat = "s16le"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 8.0
    stall_s: float | None = None
    at_end: AtEnd | None = None
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0
    steady_s: float = 10.0
    grace_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to play, and the process that it must not outlive."""

    spec: SourceSpec
    options: CaptureOptions
    parent: int

    def to_json(self) -> str:
        """The text of the environment variable."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Read it back; ValueError, TypeError or KeyError when it is no order."""
        values = json.loads(text)
        return cls(SourceSpec(**values["spec"]), CaptureOptions(**values["options"]), values["parent"])
