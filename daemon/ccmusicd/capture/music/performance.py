"""The band that plays scores: one part by itself, or the piece in mono, bar by bar."""

import itertools
from collections.abc import Iterator

import numpy as np

from ccmusicd.capture.music.desk import Desk, limited
from ccmusicd.capture.music.players import MAKERS
from ccmusicd.capture.music.playing import Player
from ccmusicd.capture.music.score import INSTRUMENTS, Note, Part, Score
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound, ramped, samples

TAIL_S = 2.0
"""How long a part may ring after its score's last beat."""

PEAK = 0.9
"""The peak of a part that is played by itself."""

LEVEL = 10.0 ** (-16.0 / 20.0)
"""The RMS that the engineer at the desk aims at, -16 dBFS."""

# How far the fader moves in a bar, and what it takes a soft beginning for at most: what follows is louder.
_UP, _DOWN = 10.0 ** (1.5 / 20.0), 10.0 ** (4.0 / 20.0)
_SOFTEST = 0.08
# What brings the families to one level, in decibels: chords of pads add up, basses and drums carry a piece.
_TRIM_DB = {
    "synth_pad": -8.0, "strings": -4.0, "choir": -6.0, "organ": -6.0, "synth_lead": -3.0, "noise": -8.0,
    "distorted_guitar": -5.0, "acoustic_guitar": 3.0, "electric_guitar": 2.0, "drums": 2.0, "voice": 3.0,
    "mallet": -2.0,
}  # fmt: skip
_RINGING = frozenset({"piano", "mallet", "acoustic_guitar", "electric_guitar", "acoustic_bass", "electric_bass"})
_PLUCKED = frozenset({"harp", "pizzicato", "sitar", "banjo", "shamisen", "koto", "oud", "pluck"})
_RING_S = 1.2
_KICKS = frozenset({35, 36})
_DUCKED_S = 0.16


def playable(score: Score) -> bool:
    """Whether the band has every instrument of the score; it has nobody who speaks."""
    return all(part.instrument in MAKERS for part in score.parts)


def longest_rest_s(score: Score) -> float:
    """The longest time in seconds that nobody plays, from the first beat to the last."""
    beat, longest = 0.0, 0.0
    heard = [(note, _heard(part, note, score.tempo)) for part in score.parts for note in part.notes]
    for note, length in sorted(heard, key=lambda item: item[0].start):
        longest = max(longest, note.start - beat)
        beat = max(beat, note.start + length)
    return max(longest, score.beats - beat) * 60.0 / score.tempo


def part_sound(part: Part, score: Score, rng: np.random.Generator) -> Sound:
    """The whole part, dry and without its gain: mono float32 at 22,050 Hz, 2 s longer than the score, peak 0.9.

    The instrument's character is drawn. KeyError when the band does not have the instrument ("rap", "talk").
    """
    sound = _player(part, score, rng).block(length_of(score))
    peak = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(PEAK / peak) if peak > 0.0 else sound


def length_of(score: Score) -> int:
    """How many samples a score lasts when it is played, its tail included."""
    return samples(score.seconds + TAIL_S)


def play(score: Score, rng: np.random.Generator) -> Iterator[Sound]:
    """The piece in bars of 4 s at most, mono float32 at 22,050 Hz, `length_of` samples in all; the tail fades away.

    Peaks stay below -1 dBFS; the level is led towards -16 dBFS from the first bar on. KeyError as `part_sound`.
    """
    players = [_player(part, score, rng) for part in score.parts]
    desk = Desk(gain=1.0, reverb_s=round(float(rng.uniform(0.6, 2.4)), 1))
    level = _Level()
    lengths = _bars(score)
    now = 0
    for length in lengths:
        ducking = _ducking(score, now, length)
        for part, player in zip(score.parts, players, strict=True):
            dry = player.block(length)
            if ducking is not None and not INSTRUMENTS[part.instrument].drums:
                dry *= ducking
            desk.play(0.0, dry, _gain(part), send=0.6 * part.room)
        now += length
        mixed = limited(level.led(desk.mix(length)))
        yield mixed if now < sum(lengths) else ramped(mixed, 0.0, TAIL_S)


class _Level:
    """The master fader: set by the first bar, then moved a little in each, so that the whole is as loud as wanted."""

    def __init__(self) -> None:
        self._gain = 0.0
        self._energy = 0.0
        self._count = 0

    def led(self, mix: Sound) -> Sound:
        """The mix at its level; the fader glides over the bar."""
        here = float(np.mean(np.square(mix)))
        if here <= 1e-9:
            return mix * np.float32(self._gain)
        if not self._gain:
            self._gain = LEVEL / max(_loudest(mix), _SOFTEST)
        # what this bar should be for all that has been played to come out right
        due = max(LEVEL**2 * (self._count + len(mix)) - self._energy, 0.25 * LEVEL**2 * len(mix)) / len(mix)
        wanted = min(due, 2.0 * LEVEL**2) ** 0.5 / here**0.5
        after = float(np.clip(wanted, self._gain / _DOWN, self._gain * _UP))
        out = mix * np.linspace(self._gain, after, len(mix), dtype=np.float32)
        self._gain = after
        self._energy += float(np.square(out).sum())
        self._count += len(mix)
        return out


def _loudest(mix: Sound) -> float:
    """The RMS of the loudest 0.4 s: a first bar that begins with a rest, or with one soft note, is not made loud."""
    window = samples(0.4)
    whole = np.pad(np.square(mix), (0, -len(mix) % window)).reshape(-1, window)
    return float(np.sqrt(whole.mean(axis=1).max()))


def _heard(part: Part, note: Note, tempo: float) -> float:
    """For how many beats a note can be heard: what is struck or plucked dies away however long it is held."""
    instrument = INSTRUMENTS[part.instrument]
    rings = instrument.drums or instrument.family in _RINGING or part.instrument in _PLUCKED
    return min(note.length, _RING_S * tempo / 60.0) if rings else note.length


def _gain(part: Part) -> float:
    trim_db = _TRIM_DB.get(INSTRUMENTS[part.instrument].family, 0.0)
    return float(10.0 ** ((part.gain_db + trim_db) / 20.0))


def _player(part: Part, score: Score, rng: np.random.Generator) -> Player:
    return Player(MAKERS[part.instrument](rng), part.notes, 60.0 / score.tempo, score.tuning)


def _bars(score: Score) -> list[int]:
    """The lengths in samples of the score's bars, halved until they are below 3 s, and last of the tail."""
    beats = score.metre
    while beats * 60.0 / score.tempo > 3.0:
        beats /= 2.0
    count = max(1, int(np.ceil(score.beats / beats - 1e-6)))
    ends = [samples(min(beats * (bar + 1), score.beats) * 60.0 / score.tempo) for bar in range(count)]
    return [end - start for start, end in itertools.pairwise([0, *ends, length_of(score)])]


def _ducking(score: Score, first: int, length: int) -> Sound | None:
    """How the kick drum ducks the other parts in these samples; None where nothing pumps."""
    if not score.pumping:
        return None
    start_s, end_s = first / SAMPLE_RATE, (first + length) / SAMPLE_RATE
    kicks = sorted(
        note.start * 60.0 / score.tempo
        for part in score.parts
        if INSTRUMENTS[part.instrument].drums
        for note in part.notes
        if note.pitch in _KICKS and start_s - 1.0 <= note.start * 60.0 / score.tempo < end_s
    )
    if not kicks:
        return None
    t = start_s + np.arange(length) / SAMPLE_RATE
    since = t - np.asarray([-10.0, *kicks])[np.searchsorted(np.asarray(kicks), t, side="right")]
    return np.asarray(1.0 - score.pumping * np.exp(-((since / _DUCKED_S) ** 2)), dtype=np.float32)
