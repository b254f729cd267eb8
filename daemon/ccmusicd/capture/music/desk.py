"""The mixing desk: sums the sounds of a piece, adds the room, and hands the mix out bar by bar."""

import numpy as np

from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound, convolved, room, samples, saturated

CEILING = 0.88
"""Where the soft limiter ends: peaks stay under -1 dBFS."""


def limited(mix: Sound) -> Sound:
    """The mix bent softly below the ceiling."""
    return saturated(mix, 1.0 / CEILING) * np.float32(CEILING)


class Desk:
    """One piece's mix. Sounds may reach over the bar line; what is beyond it waits for the next bar.

    `gain` brings the piece to its level before the soft limiter; `reverb_s` is the room's decay by 60 dB.
    """

    def __init__(self, *, gain: float, reverb_s: float) -> None:
        self._gain = np.float32(gain)
        self._room = room(reverb_s)
        self._dry = np.zeros(SAMPLE_RATE * 16, dtype=np.float32)
        self._send = np.zeros_like(self._dry)
        self._wet = np.zeros_like(self._dry)

    def play(self, at_s: float, sound: Sound, gain: float, *, send: float = 0.2) -> None:
        """Add a sound that begins `at_s` after the current bar line; `send` of it goes into the room.

        A beginning before the bar line (a hurried player) is moved onto it.
        """
        first = max(0, samples(at_s))
        self._make_room(first + len(sound))
        self._dry[first : first + len(sound)] += sound * np.float32(gain)
        if send:
            self._send[first : first + len(sound)] += sound * np.float32(gain * send)

    def mix(self, length: int) -> Sound:
        """The mix of so many samples up to the next bar line, which becomes the current one; not yet limited."""
        self._make_room(length + len(self._room))
        reverberant = convolved(self._send[:length], self._room)
        self._wet[: len(reverberant)] += reverberant
        mix = (self._dry[:length] + self._wet[:length]) * self._gain
        for line in (self._dry, self._send, self._wet):
            line[:-length] = line[length:]
            line[-length:] = 0.0
        return mix

    def _make_room(self, length: int) -> None:
        missing = length - len(self._dry)
        if missing > 0:
            self._dry, self._send, self._wet = (
                np.pad(line, (0, missing)) for line in (self._dry, self._send, self._wet)
            )
