"""Four to the floor: a filtered arpeggio opens, pads and bass duck under the kick, a break, a drop."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.drums import TAKES, clap, crash, hi_hat, kick, riser
from ccmusicd.capture.music.instruments import pad, synth_bass, synth_pluck
from ccmusicd.capture.music.synth import Sound, samples
from ccmusicd.capture.music.theory import MINOR, nearest, scale_chord, transposed, voiced

TITLE = "Night Shift at 126"

_BEAT_S = 60.0 / 126.0
_BAR_S = 4.0 * _BEAT_S
_BARS = 16
_BREAK = (10, 11)
_CHANGES = ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 4))  # scale degrees, one a bar
_ARPEGGIO = ((0, 1, 2, 3, 2, 1, 2, 3), (0, 2, 1, 3, 0, 2, 3, 1), (3, 2, 1, 0, 1, 2, 3, 2))
_DELAY = ((0.0, 1.0), (0.75, 0.42), (1.5, 0.2))  # echoes of the arpeggio: beats later, strength


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 32 seconds, bar by bar."""
    tonic = int(rng.integers(44, 50))
    changes = _CHANGES[int(rng.integers(len(_CHANGES)))]
    pattern = _ARPEGGIO[int(rng.integers(len(_ARPEGGIO)))]
    desk = Desk(gain=0.55, reverb_s=1.4)
    voicing: tuple[int, ...] = (60, 64, 67)
    for bar in range(_BARS):
        chord = transposed(scale_chord(MINOR, changes[bar % 4]), tonic)
        voicing = voiced(chord, voicing)
        in_break = bar in _BREAK
        # The sweep: 700 Hz at the beginning, 8 kHz at the drop.
        cutoff_hz = 700.0 * 2.0 ** (3.5 * min(1.0, bar / (_BARS - 4)))
        _arpeggio(desk, rng, (*voicing, voicing[0] + 12), pattern, cutoff_hz)
        if bar >= 4:
            _ducked_pads(desk, voicing, cutoff_hz, ducked=not in_break)
        if bar >= 2 and not in_break:
            _bass(desk, nearest(chord[:1], 33.0), 250.0 + 0.12 * cutoff_hz)
        if not in_break:
            _beat(desk, rng, bar)
        if bar in {4, 12}:
            desk.play(0.0, crash(0), 0.35, send=0.3)
        if bar == _BREAK[0]:
            desk.play(0.0, riser(2.0 * _BAR_S), 0.5, send=0.3)
        yield desk.bar(_BAR_S)
    desk.play(0.0, kick(0, electronic=True), 0.9, send=0.3)
    yield desk.fade_out(1.8)


def _arpeggio(
    desk: Desk, rng: np.random.Generator, chord: Sequence[int], pattern: Sequence[int], cutoff_hz: float
) -> None:
    """Sixteenths with an echo; a machine's time, a player's hand on the filter."""
    for step in range(16):
        note = chord[pattern[step % len(pattern)]] + (12 if step % 8 == 7 else 0)
        sound = synth_pluck(note, 0.22, cutoff_hz=cutoff_hz * float(rng.uniform(0.85, 1.2)))
        accent = 1.0 if step % 4 == 0 else 0.75
        for beats, strength in _DELAY:
            desk.play((step / 4 + beats) * _BEAT_S, sound, 0.34 * accent * strength, send=0.25)


def _duck(length: int) -> Sound:
    """The side-chain: down at each kick and back up within the beat."""
    place = (np.arange(length) / (samples(_BAR_S) / 4.0)) % 1.0
    return (0.12 + 0.88 * np.clip(place / 0.65, 0.0, 1.0) ** 1.5).astype(np.float32)


def _ducked_pads(desk: Desk, voicing: Sequence[int], cutoff_hz: float, *, ducked: bool) -> None:
    for pitch in voicing:
        sound = pad(pitch, _BAR_S, cutoff_hz=0.5 * cutoff_hz + 500.0, attack_s=0.03)
        desk.play(0.0, sound * _duck(len(sound)) if ducked else sound, 0.22, send=0.35)


def _bass(desk: Desk, root: int, cutoff_hz: float) -> None:
    """On the off-beats, where the kick leaves room."""
    for beat in range(4):
        desk.play((beat + 0.5) * _BEAT_S, synth_bass(root, 0.24, cutoff_hz=cutoff_hz), 0.42, send=0.0)
        desk.play((beat + 0.75) * _BEAT_S, synth_bass(root, 0.11, cutoff_hz=cutoff_hz), 0.3, send=0.0)


def _beat(desk: Desk, rng: np.random.Generator, bar: int) -> None:
    for beat in range(4):
        desk.play(beat * _BEAT_S, kick(beat % TAKES, electronic=True), 0.8, send=0.02)
        if bar >= 2:
            desk.play((beat + 0.5) * _BEAT_S, hi_hat(int(rng.integers(TAKES)), opened=True), 0.32)
        if bar >= 4 and beat % 2 == 1:
            desk.play(beat * _BEAT_S, clap(int(rng.integers(TAKES))), 0.5, send=0.2)
    for sixteenth in range(16):
        desk.play(sixteenth * _BEAT_S / 4, hi_hat(int(rng.integers(TAKES))), 0.12 + 0.08 * (sixteenth % 2))
