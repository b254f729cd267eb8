"""What a station is made from, in plain values, so that two configurations can be compared."""

from dataclasses import dataclass, field

from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.spec import SourceSpec
from ccmusicd.hub import StationInfo
from ccmusicd.onair import DecisionOptions


@dataclass(frozen=True, slots=True)
class StationOptions:
    """Plain values that a station is made from.

    `real_time` False reads its source at full speed on its own clock. `patient`: the source is a recording that can
    wait until the networks are ready, so that its beginning is heard too.
    """

    id: str
    source: str
    real_time: bool = True
    patient: bool = False
    silence_dbfs: float = -60.0
    silence_after_s: float = 3.0
    decision: DecisionOptions = field(default_factory=DecisionOptions)


@dataclass(frozen=True, slots=True)
class Handover:
    """What goes on where a station listens to something else: the time told until then, hops counted, a pause."""

    until_us: int
    hops: int
    paused: bool


@dataclass(frozen=True, slots=True)
class StationPlan:
    """A station of the configuration: how people know it, what it listens to, how that is captured and judged."""

    info: StationInfo
    spec: SourceSpec
    capture: CaptureOptions
    options: StationOptions

    def sounds_like(self, other: "StationPlan") -> bool:
        """Whether the other one listens to the same source in the same way."""
        return self.source == other.source

    @property
    def source(self) -> tuple[object, ...]:
        """What must be the same for the sound to be the same."""
        capture = self.capture
        return self.spec, capture.raw_rate, capture.raw_channels, capture.raw_format
