"""A mix becomes a record, or what a radio makes of one: each step by chance, and with a strength of chance."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.corpus import effects
from training.corpus.codec import CODECS, through_codec
from training.corpus.mixing import Room, convolved

Sound = npt.NDArray[np.float32]
Done = dict[str, str]
"""What was done to a piece: the step's name and its settings in words."""

Step = Callable[[Sound, np.random.Generator], tuple[Sound, str]]


def produced(mix: Sound, rng: np.random.Generator) -> tuple[Sound, Done]:
    """The piece as it goes on air, peak below 1, and what was done. Its length changes with its speed only."""
    done: Done = {}
    sound = mix
    for name, probability, step in _CHAIN:
        if rng.random() < probability:
            sound, done[name] = step(sound, rng)
    return np.clip(sound, -1, 1), done


def speed_of(done: Done) -> float:
    """How much faster than composed the piece runs."""
    return float(done["speed"].split()[0]) if "speed" in done else 1.0


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _equalised(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    hz = effects.frequencies(sound)
    strength = float(rng.uniform(0.2, 1.0))
    tilt, low, high = (float(value) * strength for value in rng.uniform((-2.0, -7.0, -8.0), (2.0, 7.0, 8.0)))
    curves = [
        effects.tilt_db(hz, tilt),
        low - effects.shelf_db(hz, _log_uniform(rng, 80, 350), low),
        effects.shelf_db(hz, _log_uniform(rng, 2500, 7000), high),
    ]
    for _ in range(int(rng.integers(0, 4))):
        gain = float(np.clip(rng.normal(0, 4), -8, 8)) * strength
        curves.append(effects.peak_db(hz, _log_uniform(rng, 90, 8000), float(rng.uniform(0.3, 1.5)), gain))
    text = f"tilt {tilt:+.1f} dB/octave, lows {low:+.1f} dB, highs {high:+.1f} dB, {len(curves) - 3} peaks"
    return effects.filtered(sound, *curves), text


def _hall(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    room = Room.drawn(rng, decay_s=(0.3, 3.5))
    wet = float(rng.uniform(0.1, 0.9))
    heard = convolved(sound, room.response(rng))
    mixed = sound * np.float32(1 - wet / 2) + heard * np.float32(wet)
    return mixed.astype(np.float32), f"{room.decay_s:.1f} s, wet {wet:.2f}"


def _crowd(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    return _with_noise(sound, effects.crowd(len(sound), rng), float(rng.uniform(-34, -14)))


def _saturation(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    drive = _log_uniform(rng, 0.8, 7)
    return effects.saturated(sound, drive, float(rng.uniform(0, 0.3))), f"drive {drive:.1f}"


def _compression(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    over, ratio = float(rng.uniform(-10, 4)), _log_uniform(rng, 1.5, 8)
    return effects.compressed(sound, over, ratio, _log_uniform(rng, 0.03, 0.4)), f"{ratio:.1f}:1 over {over:+.0f} dB"


def _multiband(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    crossovers = (_log_uniform(rng, 120, 350), _log_uniform(rng, 1500, 4000))
    over, ratio = float(rng.uniform(-10, 2)), _log_uniform(rng, 1.5, 6)
    return effects.multiband_compressed(sound, crossovers, over, ratio), f"{ratio:.1f}:1 over {over:+.0f} dB"


def _speed(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    speed = 1 + float(np.clip(rng.normal(0, 0.025), -0.07, 0.07))
    wow, flutter = 0.0, 0.0
    if rng.random() < 0.4:
        wow, flutter = _log_uniform(rng, 2e-4, 4e-3), _log_uniform(rng, 1e-4, 1e-3)
    return effects.warped(sound, speed, wow, flutter, rng), f"{speed:.4f} wow {wow:.4f} flutter {flutter:.4f}"


def _hiss(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    return _with_noise(sound, effects.hiss(len(sound), rng), float(rng.uniform(-55, -26)))


def _vinyl(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    return _with_noise(sound, effects.crackle(len(sound), _log_uniform(rng, 3, 90), rng), float(rng.uniform(-50, -24)))


def _hum(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    return _with_noise(sound, effects.hum(len(sound), float(rng.choice((50, 60))), rng), float(rng.uniform(-58, -32)))


def _with_noise(sound: Sound, noise: Sound, below_db: float) -> tuple[Sound, str]:
    """The noise so many dB below the sound's RMS."""
    return sound + noise * np.float32(effects.level_of(sound) * 10 ** (below_db / 20)), f"{below_db:.0f} dB"


def _low_pass(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    corner, order = _log_uniform(rng, 3500, 11_000), int(rng.integers(1, 9))
    return effects.filtered(sound, effects.low_pass_db(effects.frequencies(sound), corner, order)), f"{corner:.0f} Hz"


def _high_pass(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    corner, order = _log_uniform(rng, 30, 200), int(rng.integers(1, 5))
    return effects.filtered(sound, effects.high_pass_db(effects.frequencies(sound), corner, order)), f"{corner:.0f} Hz"


def _telephone(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    low, high = float(rng.uniform(250, 450)), float(rng.uniform(2600, 3600))
    hz = effects.frequencies(sound)
    narrow = effects.filtered(sound, effects.high_pass_db(hz, low, 4), effects.low_pass_db(hz, high, 6))
    return narrow, f"{low:.0f} to {high:.0f} Hz"


def _loudness(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    level = float(rng.uniform(-24, -8))
    return effects.limited(sound, 10 ** (level / 20)), f"{level:.0f} dB"


def _clipping(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    over = float(rng.uniform(0.5, 5))
    return effects.clipped(sound, over), f"{over:.1f} dB"


def _codec(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """Bits are named as for two channels, which is how records are sent; the one channel has half of them."""
    codec, kbits = CODECS[int(rng.integers(len(CODECS)))], round(_log_uniform(rng, 40, 192))
    return through_codec(sound, codec, kbits * 500), f"{codec} {kbits} kbit/s"


def _gain(sound: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    gain = float(rng.uniform(-15, 0))
    return sound * np.float32(10 ** (gain / 20)), f"{gain:.0f} dB"


_CHAIN: tuple[tuple[str, float, Step], ...] = (
    ("hall", 0.22, _hall), ("crowd", 0.05, _crowd), ("equaliser", 0.8, _equalised), ("saturation", 0.3, _saturation),
    ("compression", 0.4, _compression), ("speed", 0.5, _speed), ("hiss", 0.2, _hiss), ("vinyl", 0.1, _vinyl),
    ("hum", 0.06, _hum), ("low_pass", 0.2, _low_pass), ("high_pass", 0.3, _high_pass), ("telephone", 0.015, _telephone),
    ("multiband", 0.35, _multiband), ("loudness", 1.0, _loudness), ("clipping", 0.08, _clipping),
    ("codec", 0.5, _codec), ("gain", 0.4, _gain),
)  # fmt: skip
"""The steps in their order, with how likely each is."""
