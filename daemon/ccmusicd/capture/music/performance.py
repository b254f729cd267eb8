"""The band that plays scores: one part by itself, or the piece bar by bar."""

import numpy as np

from ccmusicd.capture.music.players import MAKERS
from ccmusicd.capture.music.playing import Player
from ccmusicd.capture.music.score import Part, Score
from ccmusicd.capture.music.synth import Sound, samples

TAIL_S = 2.0
"""How long a part may ring after its score's last beat."""

PEAK = 0.9
"""The peak of a part that is played by itself."""


def playable(score: Score) -> bool:
    """Whether the band has every instrument of the score; it has nobody who speaks."""
    return all(part.instrument in MAKERS for part in score.parts)


def part_sound(part: Part, score: Score, rng: np.random.Generator) -> Sound:
    """The whole part, dry and without its gain: mono float32 at 22,050 Hz, 2 s longer than the score, peak 0.9.

    The instrument's character is drawn. KeyError when the band does not have the instrument ("rap", "talk").
    """
    player = Player(MAKERS[part.instrument](rng), part.notes, 60.0 / score.tempo, score.tuning)
    sound = player.block(samples(score.seconds + TAIL_S))
    peak = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(PEAK / peak) if peak > 0.0 else sound
