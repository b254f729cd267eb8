"""How a player turns the notes of a part into sound, block after block: strokes, phrases, remembered sounds, effects.

Whether a part is asked for in bars or as a whole, it sounds the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from ccmusicd.capture.music.score import Articulation, Note
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound

LEVELS = 6
"""So many degrees of loudness have a timbre of their own."""

TAKES = 3
"""So many strokes of a drum differ before the first comes again."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One note as an instrument sees it: `length_s` in seconds, `loudness` 0 to 1 in few degrees.

    `pitch` holds the piece's tuning. `before` is the pitch of the note that ends where this one begins (or, of a
    slide, of the last one), None after a rest. `at_s` is the onset after that of the phrase's first stroke. `take`
    counts the strokes round.
    """

    pitch: float
    length_s: float
    loudness: float
    articulation: Articulation = ""
    before: float | None = None
    syllable: str = ""
    at_s: float = 0.0
    take: int = 0


Timbre = Callable[[Stroke], Sound]
"""Gives the whole sound of one stroke, around [-1, 1] when loud; the same stroke may be remembered and used again."""

Phrased = Callable[[Sequence[Stroke]], Sound]
"""Gives the sound of strokes that are sung or played in one breath."""

Effect = Callable[[Sound], Sound]
"""Changes a part's sound block by block; it remembers what it needs from block to block."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What a player plays on: a timbre, of phrases if `in_phrases`, and what the whole part goes through.

    `takes`: strokes that repeat differ in turn. `ends`: a stroke of another length is another sound ("held"), or the
    sound rings by itself and is "damped" when its time is up, or rings as long as it likes ("free").
    """

    timbre: Timbre | Phrased
    effect: Effect | None = None
    takes: bool = False
    ends: Literal["held", "damped", "free"] = "held"
    in_phrases: bool = False


Maker = Callable[[np.random.Generator], Instrument]
"""Builds an instrument whose character (filters, tunings, drive) is drawn."""

Makers = Mapping[str, Maker]


class Player:
    """Plays notes on an instrument; `block` gives what comes next. `beat_s` is a quarter note, `tuning` in cents."""

    def __init__(self, instrument: Instrument, notes: Iterable[Note], beat_s: float, tuning: float = 0.0) -> None:
        self._instrument = instrument
        ordered = sorted(notes, key=lambda note: (note.start, note.pitch))
        self._waiting = _gathered(list(_strokes(ordered, beat_s, tuning)), phrased=instrument.in_phrases)
        self._waiting.reverse()
        self._remembered: dict[Stroke, Sound] = {}
        self._line = np.zeros(SAMPLE_RATE * 8, dtype=np.float32)
        self._now = 0

    def block(self, length: int) -> Sound:
        """The next so many samples of the part, dry: mono float32."""
        end = self._now + length
        self._reach(length)
        while self._waiting and round(self._waiting[-1][0].at_s * SAMPLE_RATE) < end:
            phrase = self._waiting.pop()
            first = max(0, round(phrase[0].at_s * SAMPLE_RATE) - self._now)
            sound, gain = self._sound(phrase)
            self._reach(first + len(sound))
            self._line[first : first + len(sound)] += sound * np.float32(gain)
        out = self._line[:length].copy()
        self._line[:-length] = self._line[length:]
        self._line[-length:] = 0.0
        self._now = end
        return self._instrument.effect(out) if self._instrument.effect else out

    def _sound(self, phrase: Sequence[Stroke]) -> tuple[Sound, float]:
        if self._instrument.in_phrases:
            start = phrase[0].at_s
            sing = cast("Phrased", self._instrument.timbre)
            return sing([replace(stroke, at_s=stroke.at_s - start) for stroke in phrase]), 1.0
        (stroke,) = phrase
        gain = 0.15 + 0.85 * stroke.loudness**1.4
        key = _key(stroke, self._instrument)
        if key not in self._remembered:
            self._remembered[key] = cast("Timbre", self._instrument.timbre)(key)
        sound = self._remembered[key]
        return (_damped(sound, stroke.length_s) if self._instrument.ends == "damped" else sound), gain

    def _reach(self, length: int) -> None:
        if length > len(self._line) // 2:
            self._line = np.pad(self._line, (0, 2 * length - len(self._line)))


def _key(stroke: Stroke, instrument: Instrument) -> Stroke:
    """The stroke as it is remembered: without what does not change its sound."""
    return replace(
        stroke,
        at_s=0.0,
        length_s=round(max(0.04, stroke.length_s) * 50.0) / 50.0 if instrument.ends == "held" else 0.0,
        loudness=max(1, round(stroke.loudness * LEVELS)) / LEVELS,
        before=stroke.before if stroke.articulation in {"slide", "legato"} else None,
        take=stroke.take if instrument.takes else 0,
    )


def _strokes(notes: Sequence[Note], beat_s: float, tuning: float) -> Iterator[Stroke]:
    last: Note | None = None
    for index, note in enumerate(notes):
        joined = last is not None and (note.articulation == "slide" or note.start - last.start - last.length < 0.12)
        length = note.length * (0.5 if note.articulation == "staccato" else 1.0)
        before = last.pitch + tuning / 100.0 if last is not None and joined and last.start < note.start else None
        yield Stroke(
            pitch=note.pitch + tuning / 100.0,
            length_s=max(0.04, length * beat_s),
            loudness=note.velocity / 127.0,
            articulation=note.articulation,
            before=before,
            syllable=note.syllable,
            at_s=max(0.0, note.start * beat_s),
            take=index % TAKES,
        )
        last = note


def _gathered(strokes: Sequence[Stroke], *, phrased: bool) -> list[list[Stroke]]:
    """Each stroke alone, or phrases of 8 s at most: no rest of 0.15 s in them and never two strokes at once."""
    if not phrased:
        return [[stroke] for stroke in strokes]
    phrases: list[list[Stroke]] = []
    for stroke in strokes:
        if phrases and _joined(phrases[-1], stroke):
            phrases[-1].append(stroke)
        else:
            phrases.append([stroke])
    return phrases


def _joined(phrase: Sequence[Stroke], stroke: Stroke) -> bool:
    last = phrase[-1]
    close = last.at_s + 0.03 < stroke.at_s < last.at_s + last.length_s + 0.15
    return close and stroke.at_s - phrase[0].at_s < 8.0


def _damped(sound: Sound, length_s: float) -> Sound:
    """The sound of something that rings, dying away quickly when its time is up."""
    first, release = round(length_s * SAMPLE_RATE), round(0.12 * SAMPLE_RATE)
    if first + release >= len(sound):
        return sound
    out = sound[: first + release].copy()
    out[first:] *= np.linspace(1.0, 0.0, release, dtype=np.float32) ** 2
    return out
