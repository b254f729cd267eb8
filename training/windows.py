"""Batches of pictures with their answers, drawn at random from recordings' columns and augmented.

A batch is drawn genre by genre (each as often as its weight says), real or composed, artist by artist, so that no
artist with a hundred excerpts outvotes the others. Batch k of a seed is always the same, whatever was drawn before: a
run that was killed goes on as if it had not been.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import functional as vision

from ccmusic_stream.geometry import DB_FLOOR, DB_STEP, WINDOW_COLUMNS, Spectrogram
from ccmusic_stream.picture import FLOOR_DB, LOG_FLOOR, SIDE
from training.augment import Levels, Strength, added, coloured, masked, stretched, transposed
from training.features import ROWS, Columns, KeptColumns

PROFILES = ("seed", "floor80")
"""Profiles that networks are trained on; `ccmusic` is for upstream's weights."""


@dataclass(frozen=True, slots=True)
class Example:
    """A recording's columns and what is known of it.

    `genre` is a label's index. `facts` are the values that further heads are asked for, NaN where nothing is known.
    """

    columns: Columns | KeptColumns
    genre: int
    artist: str
    composed: bool
    facts: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (n, 3, 224, width) in -1 to 1, genre shares (n, classes), facts (n, facts), NaN where unknown."""

    pictures: Tensor
    genres: Tensor
    facts: Tensor


@dataclass(slots=True)
class Windows:
    """Draws batches from `examples` for the networks of one spectrogram and profile.

    Pictures are 224 by `width` pixels, of which 224 show 10 s; `real` is the share of real recordings where a genre
    has both; `talk` the index of speech, which is laid over music now and then, None when there is none.
    """

    examples: Sequence[Example]
    kind: Spectrogram
    profile: str
    classes: int
    width: int = SIDE
    real: float = 0.5
    mixup: float = 0.4
    talk: int | None = None
    strength: Strength = field(default_factory=Strength)
    weights: NDArray[np.float64] | None = None
    _by_genre: dict[int, tuple[list[list[Example]], list[list[Example]]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        artists: dict[tuple[int, bool, str], list[Example]] = {}
        for example in self.examples:
            artists.setdefault((example.genre, example.composed, example.artist), []).append(example)
        self._by_genre = {}
        for (genre, composed, _), those in sorted(artists.items(), key=lambda item: item[0]):
            self._by_genre.setdefault(genre, ([], []))[int(composed)].append(those)

    @property
    def columns(self) -> int:
        """Spectrogram columns under a picture of `width` pixels."""
        return round(WINDOW_COLUMNS * self.width / SIDE)

    def fingerprint(self) -> str:
        """Tells apart what batches are drawn from: the choices, each example's answers and one of its rows."""
        drawn = hashlib.sha256(
            repr((self.kind, self.profile, self.classes, self.real, self.mixup, self.talk, self.strength)).encode()
        )
        drawn.update(b"" if self.weights is None else self.weights.tobytes())
        for one in self.examples:
            drawn.update(f"{one.genre}|{one.artist}|{one.composed}|{one.columns.shape}".encode())
            # A row of each kind, which changes with the sound: all of them would be gigabytes to read.
            drawn.update(one.facts.tobytes() + one.columns[ROWS[self.kind].start + 40].tobytes())
        return drawn.hexdigest()

    def batch(self, size: int, seed: tuple[int, ...]) -> Batch:
        """One batch; the same seed gives the same batch."""
        rng = np.random.default_rng(seed)
        drawn = [self._example(rng) for _ in range(size)]
        levels = np.stack([self._window(example, rng) for example in drawn])
        grey = pictures(self.kind, torch.from_numpy(levels), self.profile, self.width)
        genres = torch.nn.functional.one_hot(torch.tensor([one.genre for one in drawn]), self.classes).float()
        facts = torch.from_numpy(np.stack([one.facts for one in drawn]))
        shown = grey.float() / 127.5 - 1.0  # mean and std 0.5
        if rng.random() < self.mixup:
            share = float(rng.beta(0.4, 0.4))
            share = max(share, 1 - share)
            shown, genres = (share * one + (1 - share) * one.flip(0) for one in (shown, genres))
            if share < 0.7:
                facts = torch.full_like(facts, float("nan"))
        shown = shown.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        return Batch(shown, genres, facts)

    def _example(self, rng: np.random.Generator, genre: int | None = None) -> Example:
        if genre is None:
            genres = sorted(self._by_genre)
            shares = None if self.weights is None else self.weights[genres] / self.weights[genres].sum()
            genre = int(rng.choice(genres, p=shares))
        real, composed = self._by_genre[genre]
        artists = real if real and (not composed or rng.random() < self.real) else composed
        # By the root of how much there is: neither each artist alike, nor each excerpt.
        sizes = np.sqrt([len(those) for those in artists])
        those = artists[int(rng.choice(len(artists), p=sizes / sizes.sum()))]
        return those[int(rng.integers(len(those)))]

    def _window(self, example: Example, rng: np.random.Generator) -> Levels:
        strength = self.strength
        levels = self._levels(example, rng)
        if strength.semitones:
            shift = int(rng.integers(-strength.semitones, strength.semitones + 1))
            levels = transposed(levels, self.kind, shift)
        if self.talk in self._by_genre and example.genre != self.talk and rng.random() < strength.talk_over:
            talk = self._levels(self._example(rng, self.talk), rng)
            # Quieter than the music: where the talk is louder, it would be talk that is on air.
            levels = added(levels, talk + (_loudness(levels) - _loudness(talk) - np.float32(rng.uniform(6, 20))))
        levels = coloured(levels, self.kind, rng, strength)
        return masked(levels, rng, strength.masks) if strength.masks else levels

    def _levels(self, example: Example, rng: np.random.Generator) -> Levels:
        rows = example.columns[ROWS[self.kind]]
        return decibels_of(stretched(rows, self.columns, rng, self.strength.tempo))


def centre_windows(columns: Columns | KeptColumns, kind: Spectrogram, hop: int = WINDOW_COLUMNS) -> Levels:
    """Full windows of a recording end to end (or every `hop` columns), not augmented: (windows, bins, 431) in dB.

    A rest of less than half a window is left out; a recording shorter than a window is repeated from its start.
    """
    total = columns.shape[1]
    starts = range(0, max(1, total - WINDOW_COLUMNS // 2), hop)
    index = [np.minimum(start, max(0, total - WINDOW_COLUMNS)) + np.arange(WINDOW_COLUMNS) for start in starts]
    rows = columns[ROWS[kind]]
    return decibels_of(np.stack([rows[:, one % total] for one in index]))


def pictures(kind: Spectrogram, levels: Tensor, profile: str, width: int = SIDE) -> Tensor:
    """Windows in dB (n, bins, columns) → (n, 1, 224, width) uint8, drawn as `ccmusic_stream.picture` draws them."""
    if profile == "floor80":
        top = levels.amax(dim=(-2, -1), keepdim=True)
        scaled = (levels - top + FLOOR_DB).clamp(0.0, FLOOR_DB) / FLOOR_DB * 255.0
    elif profile == "seed":
        values = torch.log(10 ** (levels / (20.0 if kind == "cqt" else 10.0)) + LOG_FLOOR)
        low, high = values.amin(dim=(-2, -1), keepdim=True), values.amax(dim=(-2, -1), keepdim=True)
        scaled = (values - low) / (high - low + 1e-8) * 255.0
    else:
        raise ValueError(f"networks are trained on the profiles {', '.join(PROFILES)}, not {profile!r}")
    drawn: Tensor = vision.resize(scaled.to(torch.uint8).unsqueeze(1), [SIDE, width], antialias=True)
    return drawn


def network_pictures(grey: Tensor) -> Tensor:
    """Bytes (n, 1, 224, width) as a network is given them: (n, 3, 224, width) in -1 to 1, channels last."""
    return (grey.float() / 127.5 - 1.0).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def decibels_of(levels: NDArray[np.uint8]) -> Levels:
    """Bytes of columns as decibels."""
    return levels.astype(np.float32) * np.float32(DB_STEP) + np.float32(DB_FLOOR)


def class_weights(examples: Sequence[Example], classes: int, power: float) -> NDArray[np.float64]:
    """How often each genre is drawn: its number of recordings to a power; 0 draws all genres alike."""
    counts = np.bincount([example.genre for example in examples], minlength=classes).astype(np.float64)
    return np.where(counts > 0, np.maximum(counts, 1) ** power, 0.0)


def _loudness(levels: Levels) -> np.float32:
    return np.float32(10 * np.log10(np.mean(10 ** (levels / 10)) + 1e-12))
