"""Parts that are spoken, by espeak-ng: `talk`, sentence after sentence, and `rap`, a word at each note."""

import io
import math
import shutil
import subprocess
import wave
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import resample_poly

from ccmusic_stream.errors import CcmusicError
from ccmusicd.capture.music.score import Note, Part, Score
from training.corpus.soundfont import RATE, TAIL_S
from training.corpus.speech_text import LANGUAGES, RAP_WORDS, sentences

Sound = npt.NDArray[np.float32]

SPOKEN = frozenset({"talk", "rap"})
_VARIANTS = tuple([f"m{number}" for number in range(1, 8)] + [f"f{number}" for number in range(1, 6)])
_FADE_S = 0.008
_SENTENCE_S = 3.2
"""About how long a sentence lasts, to order enough of them."""
_GRAIN, _SEARCH = 660, 110
"""Samples of a time-stretched sound's grains, 30 ms, and how far from its place each may be taken."""


class SpeakerError(CcmusicError):
    """espeak-ng is not installed, or failed."""

    exit_code = 69


def spoken_part(part: Part, score: Score, rng: np.random.Generator) -> Sound:
    """The whole part, nearly dry: mono float32 at 22,050 Hz, two seconds longer than the score.

    One voice speaks the whole part. Notes of `talk` are when it speaks; a syllable or longer text that a note of `rap`
    brings is said, else a word of the project's own.

    Raises:
        SpeakerError: espeak-ng is not installed, or failed.
    """
    out = np.zeros(round((score.seconds + TAIL_S) * RATE), np.float32)
    notes = sorted(part.notes, key=lambda note: note.start)
    if not notes:
        return out
    if part.instrument == "rap":
        _rap(out, notes, score, rng)
    else:
        _talk(out, notes, score, rng)
    return out


def _talk(out: Sound, notes: Sequence[Note], score: Score, rng: np.random.Generator) -> None:
    language = LANGUAGES[str(rng.choice(list(LANGUAGES), p=_language_odds()))]
    seconds = sum(note.length for note in notes) * 60 / score.tempo
    text = " ".join(sentences(language, rng, 2 + math.ceil(max(seconds, len(notes)) / _SENTENCE_S * 1.6)))
    speed, pitch = int(rng.integers(120, 201)), int(rng.integers(20, 81))
    voice = f"{rng.choice(language.voices)}+{rng.choice(_VARIANTS)}"
    said = _dynamics(_tract(_espeak(text, voice, speed, pitch), float(rng.uniform(0.85, 1.18))), rng)
    phrases = _between_silences(said, shortest_silence_s=0.12)
    pauses = float(rng.uniform(0.12, 0.6))
    turn = 0
    for note in notes:
        turn = _say(out, phrases, turn, note, score, pauses)


def _language_odds() -> list[float]:
    """English is a third of what is said."""
    others = (1 - 1 / 3) / (len(LANGUAGES) - 1)
    return [1 / 3 if name == "en" else others for name in LANGUAGES]


def _say(out: Sound, phrases: Sequence[Sound], turn: int, note: Note, score: Score, pause_s: float) -> int:
    """Fills the note with phrases from `turn` on; the number of the phrase that comes next."""
    at, end = (round(beat * 60 / score.tempo * RATE) for beat in (note.start, note.start + note.length))
    while at < end and phrases:
        phrase = phrases[turn % len(phrases)]
        _add(out, phrase[: end - at], at, note.velocity)
        at += len(phrase) + round(pause_s * RATE)
        turn += 1
    return turn


def _rap(out: Sound, notes: Sequence[Note], score: Score, rng: np.random.Generator) -> None:
    texts = [note.syllable or str(rng.choice(RAP_WORDS)) for note in notes]
    distinct = list(dict.fromkeys(texts))
    pitch, voice = int(rng.integers(15, 60)), f"en-us+{rng.choice(_VARIANTS)}"
    pause = '<break time="400ms"/>'
    listed = f'<speak><prosody range="15%">{pause.join(distinct)}{pause}</prosody></speak>'
    said = _dynamics(_tract(_espeak(listed, voice, 175, pitch), float(rng.uniform(0.85, 1.18))), rng)
    words = _between_silences(said, shortest_silence_s=0.15)
    height = float(np.median([note.pitch for note in notes]))
    for note, text in zip(notes, texts, strict=True) if words else ():
        length = round(note.length * 60 / score.tempo * RATE)
        bent = 2.0 ** (min(5.0, max(-5.0, note.pitch - height)) / 12)
        word = squeezed(_tract(words[distinct.index(text) % len(words)], bent), max(length, RATE // 14))
        _add(out, word, round(note.start * 60 / score.tempo * RATE), note.velocity)


def _espeak(text: str, voice: str, speed: int, pitch: int) -> Sound:
    """What espeak-ng says, at 22,050 Hz. Text may have SSML's marks; `speed` is in words a minute, `pitch` 0 to 99."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SpeakerError("espeak-ng is missing: install the Debian package espeak-ng")
    asked = [program, "-m", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout"]
    answer = subprocess.run(  # noqa: S603  # the program is espeak-ng, and the text goes to its standard input
        asked, input=text.encode(), capture_output=True, check=False, timeout=60
    )
    if answer.returncode or len(answer.stdout) < 44:
        raise SpeakerError(f"espeak-ng failed with voice {voice}: {answer.stderr.decode(errors='replace').strip()}")
    with wave.open(io.BytesIO(answer.stdout)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)
    return np.asarray(samples if rate == RATE else resample_poly(samples, RATE, rate), np.float32)


def _tract(sound: Sound, factor: float) -> Sound:
    """The sound of a vocal tract so much shorter: formants and pitch go up, and it lasts less."""
    places = np.arange(0, len(sound) - 1, factor)
    return np.asarray(np.interp(places, np.arange(len(sound)), sound), np.float32)


def _dynamics(sound: Sound, rng: np.random.Generator) -> Sound:
    """Evens out loud and soft words by a random part, and sets the peak to 0.5."""
    level = np.sqrt(np.maximum(uniform_filter1d(sound**2, RATE // 10), 0)) + 1e-3
    sound = sound * level ** -float(rng.uniform(0.0, 0.6))
    return sound * np.float32(0.5 / max(float(np.abs(sound).max(initial=0.0)), 1e-6))


def _between_silences(sound: Sound, shortest_silence_s: float) -> list[Sound]:
    """The sound's parts between its silences."""
    heard = maximum_filter1d(np.abs(sound), round(shortest_silence_s * RATE)) > 0.01
    edges = np.flatnonzero(np.diff(np.concatenate(([0], heard.astype(np.int8), [0]))))
    margin = round(shortest_silence_s * RATE / 2) - RATE // 100
    pieces = [sound[start + margin : end - margin] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [piece for piece in pieces if len(piece) > RATE // 50]


def squeezed(sound: Sound, length: int) -> Sound:
    """The sound in so many samples, at its own pitch; stretched to double its length at most.

    Grains overlap by half, each taken where it best goes on from the one before (WSOLA).
    """
    length = min(length, 2 * len(sound))
    if abs(length - len(sound)) < len(sound) // 20 or len(sound) <= 2 * _GRAIN:
        return sound[:length].copy()
    hop = _GRAIN // 2
    window = np.hanning(_GRAIN + 1)[:-1].astype(np.float32)
    count = length // hop + 1
    out = np.zeros((count + 1) * hop, np.float32)
    natural = 0
    for number, wanted in enumerate(np.linspace(0, len(sound) - _GRAIN, count).astype(int).tolist()):
        start = _best_start(sound, wanted, natural) if number else 0
        out[number * hop : number * hop + _GRAIN] += sound[start : start + _GRAIN] * window
        natural = min(start + hop, len(sound) - _GRAIN)
    return out[:length]


def _best_start(sound: Sound, wanted: int, natural: int) -> int:
    """The start near `wanted` of the grain that is most like the one at `natural`."""
    first = max(0, wanted - _SEARCH)
    last = min(len(sound) - _GRAIN, wanted + _SEARCH)
    half = _GRAIN // 2
    likeness = np.correlate(sound[first : last + half], sound[natural : natural + half], "valid")
    return first + int(likeness[: last - first + 1].argmax())


def _add(out: Sound, sound: Sound, at: int, velocity: int) -> None:
    """Adds the sound, its ends faded, in place."""
    sound = sound[: max(0, len(out) - at)] * np.float32(velocity / 127)
    fade = min(round(_FADE_S * RATE), len(sound) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        sound[:fade] *= ramp
        sound[-fade:] *= ramp[::-1]
    out[at : at + len(sound)] += sound
