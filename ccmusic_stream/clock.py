"""From sample indexes to time: the clock of one station.

A station's samples are its clock; an anchor (sample index, monotonic seconds) ties them to the machine's monotonic
clock, and a measured offset ties that to UTC. Sound cards and encoders run some parts in a million beside the
machine's clock, and a stream server sends a burst of past audio on connect; both move the anchor and lose no sample.
"""

from ccmusic_stream.geometry import SAMPLE_RATE

SLEW_AFTER_S = 10.0
"""The newest audio must be late this long before the lateness counts as drift or loss: networks jitter."""

LOSS_S = 1.0
"""Lateness above this, still there after `SLEW_AFTER_S`, is lost audio; below it, two clocks that drift apart."""

STEP_S = 0.5
"""UTC moving against the monotonic clock by more than this at once is a step (somebody set the clock)."""


class SampleClock:
    """Maps a station's sample index to UTC.

    Times are UTC microseconds; monotonic times are seconds. `real_time` False makes a virtual clock: index 0 is the
    start and time passes with samples alone (files read at full speed).
    """

    def __init__(self, monotonic: float, utc_us: int, *, real_time: bool = True) -> None:
        self._real_time = real_time
        self._index = 0
        self._monotonic = monotonic
        self._offset_us = utc_us - round(monotonic * 1e6)
        self._late_since: float | None = None
        self._least_late = 0.0
        self.steps = 0

    def utc_us(self, index: int) -> int:
        """When sample `index` was on air."""
        # The anchor is rounded apart, so that whole seconds of samples are whole seconds of time.
        since_anchor_us = round((index - self._index) * 1_000_000 / SAMPLE_RATE)
        return round(self._monotonic * 1e6) + since_anchor_us + self._offset_us

    def lateness(self, index: int, monotonic: float) -> float:
        """Seconds by which the audio up to `index` lies behind the machine's clock; negative when ahead."""
        return monotonic - self._monotonic - (index - self._index) / SAMPLE_RATE

    def begin(self, index: int, monotonic: float) -> int:
        """Audio comes (again) after an interruption: the samples lost since `index`, 0 on a virtual clock."""
        self._late_since = None
        if not self._real_time:
            return 0
        return max(0, round(self.lateness(index, monotonic) * SAMPLE_RATE))

    def arrived(self, index: int, monotonic: float) -> int:
        """The audio up to `index` is here at `monotonic`; gives the samples that must be counted as lost (mostly 0).

        Audio that is ahead of the clock was on air before it came (the burst on connect): the anchor moves back.
        Audio that stays late for `SLEW_AFTER_S` is drift up to `LOSS_S`, and loss above it.
        """
        if not self._real_time:
            return 0
        late = self.lateness(index, monotonic)
        if late <= 0:
            self._anchor(index, monotonic)
            return 0
        if self._late_since is None:
            self._late_since, self._least_late = monotonic, late
        self._least_late = min(self._least_late, late)
        if monotonic - self._late_since < SLEW_AFTER_S:
            return 0
        self._late_since = None
        if self._least_late > LOSS_S:
            return round(self._least_late * SAMPLE_RATE)
        self._monotonic += self._least_late
        return 0

    def check_utc(self, monotonic: float, utc_us: int) -> float:
        """Compare UTC with the monotonic clock; a step is adopted and its seconds are given (0.0: none).

        Slow correction (NTP slewing the clock) is followed silently.
        """
        if not self._real_time:
            return 0.0
        offset = utc_us - round(monotonic * 1e6)
        moved = (offset - self._offset_us) / 1e6
        self._offset_us = offset
        if abs(moved) < STEP_S:
            return 0.0
        self.steps += 1
        return moved

    def _anchor(self, index: int, monotonic: float) -> None:
        self._index, self._monotonic, self._late_since = index, monotonic, None
