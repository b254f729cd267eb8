"""Parts become one mono sound: their balance, the room they share, and the kick drum that ducks them.

Levels are those of a mono sum: a part at the side is 3 dB softer than one in the middle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter1d

from ccmusicd.capture.music.score import INSTRUMENTS, Family, Note, Part, Score
from training.corpus.soundfont import RATE

Sound = npt.NDArray[np.float32]

KICKS = frozenset({35, 36})
_LEVEL_DB: Mapping[Family, float] = {
    "drums": -17.0, "drum_machine": -16.0, "percussion": -22.0, "electric_bass": -19.0, "acoustic_bass": -19.5,
    "synth_bass": -18.0, "voice": -17.0, "speech": -15.0, "strings": -21.0, "choir": -22.0, "synth_pad": -24.0,
    "noise": -32.0, "distorted_guitar": -19.0,
}  # fmt: skip
"""The level of a family's loud moments in a plain mix, in dB of full scale (RMS)."""
_OTHER_LEVEL_DB = -20.5
_FRAME = RATE // 20


@dataclass(frozen=True, slots=True)
class Room:
    """`decay_s` is how long the reverb takes to fall by 60 dB; `damping_hz` where its highs begin to be lost."""

    decay_s: float
    predelay_s: float
    damping_hz: float
    wet_db: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, decay_s: tuple[float, float] = (0.3, 2.8)) -> "Room":
        """A room of a random size between a booth and, if `decay_s` allows, a church."""
        decay = math.exp(rng.uniform(math.log(decay_s[0]), math.log(decay_s[1])))
        damping = math.exp(rng.uniform(math.log(1500), math.log(9000)))
        return cls(decay, float(rng.uniform(0.0, 0.045)), damping, float(rng.uniform(-4.0, 4.0)))

    def response(self, rng: np.random.Generator) -> Sound:
        """The room's answer to one impulse, without the impulse itself, of energy 1."""
        length = round(self.decay_s * RATE)
        seconds = np.arange(length, dtype=np.float32) / RATE
        bright = rng.standard_normal(length, dtype=np.float32)
        dark = uniform_filter1d(bright, max(2, round(RATE / self.damping_hz)))
        fall = np.exp(-6.9 / self.decay_s * seconds)
        late = dark * fall + bright * fall**4 * np.float32(0.5)
        early = np.zeros(length, np.float32)
        early[rng.integers(0, max(1, min(length, RATE // 15)), 8)] = rng.uniform(-3.0, 3.0, 8)
        whole = np.concatenate((np.zeros(round(self.predelay_s * RATE), np.float32), late + early))
        return np.asarray(whole / np.sqrt(np.sum(whole**2)), np.float32)


def mixed(score: Score, sounds: Sequence[Sound], rng: np.random.Generator) -> Sound:
    """The mix of the score's parts, whose dry sounds are in the order of `score.parts`; peak 0.9, or silence."""
    length = max((len(sound) for sound in sounds), default=0)
    dry, send = np.zeros(length, np.float32), np.zeros(length, np.float32)
    duck = _ducking(score, length)
    for part, sound in zip(score.parts, sounds, strict=True):
        heard = sound * np.float32(part_gain(part, sound, rng))
        if duck is not None and not INSTRUMENTS[part.instrument].drums:
            heard *= duck[: len(heard)]
        dry[: len(heard)] += heard
        send[: len(heard)] += heard * np.float32(part.room)
    room = Room.drawn(rng)
    mix = dry + convolved(send, room.response(rng)) * np.float32(10 ** (room.wet_db / 20))
    peak = float(np.abs(mix).max(initial=0.0))
    return mix * np.float32(0.9 / peak) if peak > 0 else mix


def part_gain(part: Part, sound: Sound, rng: np.random.Generator) -> float:
    """What the sound is multiplied by, so that its family's usual level, its notes' loudness and its gain hold."""
    level = loud_level(sound)
    if level <= 0:
        return 0.0
    family = INSTRUMENTS[part.instrument].family
    played_db = 20 * math.log10(max(0.15, _mean_velocity(part.notes) / 90)) * 0.7
    side_db = 20 * math.log10(math.cos(min(1.0, abs(part.pan)) * math.pi / 4))
    wanted_db = _LEVEL_DB.get(family, _OTHER_LEVEL_DB) + played_db + side_db + part.gain_db + float(rng.normal(0, 1.3))
    return float(10 ** (wanted_db / 20) / level)


def loud_level(sound: Sound) -> float:
    """RMS of the sound's louder moments: what nine of ten frames of its own sounding time do not exceed."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = np.sqrt(np.mean(frames**2, axis=1))
    sounding = levels[levels > 0.02 * levels.max(initial=0.0)]
    return float(np.quantile(sounding, 0.9)) if len(sounding) else 0.0


def convolved(sound: Sound, response: Sound) -> Sound:
    """The sound in a room, as long as it was."""
    size = next_fast_len(len(sound) + len(response) - 1, real=True)
    wet = irfft(rfft(sound, size) * rfft(response, size), size)[: len(sound)]
    return np.asarray(wet, np.float32)


def _mean_velocity(notes: Sequence[Note]) -> float:
    return sum(note.velocity for note in notes) / len(notes) if notes else 90.0


def _ducking(score: Score, length: int) -> Sound | None:
    """The gain of everything but drums over time; None where nothing pumps.

    Where drums have no kick, they pump on the beat, as producers do with a silent one.
    """
    if score.pumping <= 0:
        return None
    drums = [part for part in score.parts if INSTRUMENTS[part.instrument].drums]
    kicks = sorted({note.start for part in drums for note in part.notes if note.pitch in KICKS})
    beats = np.array(kicks or list(range(math.ceil(score.beats))))
    starts = np.round(beats * 60 / score.tempo * RATE).astype(int)
    starts = starts[(starts >= 0) & (starts < length)]
    since = np.arange(length)
    latest = np.full(length, -RATE)
    latest[starts] = starts
    since -= np.maximum.accumulate(latest)
    back = min(0.28, 45 / score.tempo) * RATE
    gain = 1 - min(1.0, score.pumping) * 0.85 * np.exp(-((since / (0.55 * back)) ** 2))
    return np.asarray(uniform_filter1d(gain, RATE // 200), np.float32)
