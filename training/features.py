"""Spectrogram columns of recordings, computed once and kept: what training draws its windows from.

A recording becomes one array of bytes, shape (212, columns): 84 CQT bins, then 128 Mel bands, each byte a level in
decibels from -100 in steps of 0.625 (`geometry.DB_FLOOR`, `DB_STEP`), 9 kB a second. Quantised so finely, a picture
differs from that of the engine by less than its own noise, and hours of music fit into memory.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.geometry import (
    BINS,
    CQT_BINS,
    CQT_KERNEL,
    DB_FLOOR,
    DB_STEP,
    HOP_LENGTH,
    WINDOW_COLUMNS,
    Spectrogram,
)
from ccmusic_stream.picture import decibels
from ccmusic_stream.spectrogram import Transforms
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import SourceError
from ccmusicd.classify import Recording as Decoded

Columns = NDArray[np.uint8]
"""Shape (212, columns): CQT bins and Mel bands of a recording, in steps of 0.625 dB above -100 dB."""

FORMAT = 1
"""Raised when the columns' meaning changes, so that those of an older version are computed again."""

ROWS: dict[Spectrogram, slice] = {"cqt": slice(0, CQT_BINS), "mel": slice(CQT_BINS, CQT_BINS + BINS["mel"])}

_PIECE_COLUMNS = 2_048
"""Columns that are computed at once, about 48 s: beside an hour's samples (320 MB) its transforms need little."""

_PLAYED_AT_ONCE = 1 << 20
"""Samples that are given to the resampler at once; it has no room for hours."""


class ColumnsError(CcmusicError):
    """Spectrograms cannot be computed or kept, whatever the recording."""

    exit_code = os.EX_CANTCREAT


@dataclass(frozen=True, slots=True)
class Job:
    """A file whose columns are wanted, and copies of it that are played `speeds` times as fast (and as high)."""

    path: Path
    speeds: tuple[float, ...] = (1.0,)


class KeptColumns:
    """Columns in a file, opened for each look at them: a map that stayed open would hold a file descriptor."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shape: tuple[int, ...] = self._map().shape

    def __getitem__(self, place: Any) -> Columns:
        """The part of the array, as numpy has it."""
        part: Columns = self._map()[place]
        return part

    def _map(self) -> Columns:
        columns: Columns = np.load(self._path, mmap_mode="r")
        return columns


class ColumnStore:
    """A folder of columns, one file for each recording and speed; a recording that changed is computed again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, recording: Path, speed: float = 1.0) -> Path:
        """Where the columns of a recording are or will be."""
        stat = recording.stat()
        key = f"{FORMAT}|{recording.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{speed:.4f}"
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"

    def columns(self, recording: Path, speed: float = 1.0) -> KeptColumns:
        """The kept columns, read from disk as they are used; `FileNotFoundError` when they were never computed."""
        return KeptColumns(self.path(recording, speed))

    def compute(self, jobs: Sequence[Job], processes: int) -> Iterator[tuple[Path, str | None]]:
        """Compute what is missing, in several processes: every recording as it is done, with what was wrong with it.

        A recording that cannot be decoded, or is silent, is told and left out; the others go on.
        """
        missing = []
        for job in jobs:
            if all(self.path(job.path, speed).exists() for speed in job.speeds):
                yield job.path, None
            else:
                missing.append(job)
        if not missing:
            return
        # Spawned: a forked process would inherit torch's threads in an unknown state.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
            futures = {pool.submit(_compute, self._folder, job): job for job in missing}
            try:
                for future in as_completed(futures):
                    yield futures[future].path, future.result()
            except BrokenProcessPool:
                raise ColumnsError(
                    "a process that prepares spectrograms was killed, as when memory runs out; try fewer than "
                    f"{processes} at once (--jobs). What is done is kept."
                ) from None
            except OSError as error:
                raise ColumnsError(f"spectrograms cannot be kept in {self._folder}: {error.strerror}") from None


def columns_of(samples: NDArray[np.float32]) -> Columns:
    """The columns of mono sound at 22,050 Hz, shape (n,) → (212, n // 512 + 1), centred as the article's are."""
    half = CQT_KERNEL // 2
    count = len(samples) // HOP_LENGTH + 1
    padded = np.pad(samples, half)
    parts = [_piece(padded, first, min(_PIECE_COLUMNS, count - first)) for first in range(0, count, _PIECE_COLUMNS)]
    return np.concatenate(parts, axis=1)


def decode(path: Path) -> NDArray[np.float32]:
    """A file as mono float32 at 22,050 Hz, shape (n,); raises `SourceError` with the reason."""
    decoded = Decoded()
    play_file(str(path), decoded, loop=False, real_time=False)
    return decoded.audio


def _piece(padded: NDArray[np.float32], first: int, count: int) -> Columns:
    samples = torch.from_numpy(padded[first * HOP_LENGTH : (first + count - 1) * HOP_LENGTH + CQT_KERNEL])
    trim = CQT_KERNEL // 2 - 1024  # Mel's frames are 2,048 samples long, about the same centres
    with torch.inference_mode():
        cqt = decibels("cqt", _transforms().columns("cqt", samples))
        mel = decibels("mel", _transforms().columns("mel", samples[trim : len(samples) - trim]))
        levels = torch.cat((cqt, mel[:, : cqt.shape[1]]))
        quantised: Columns = ((levels - DB_FLOOR) / DB_STEP).round().clamp(0, 255).to(torch.uint8).numpy()
    return quantised


@cache
def _transforms() -> Transforms:
    return Transforms(centre=False)


def _one_thread() -> None:
    torch.set_num_threads(1)
    os.nice(5)


def _compute(folder: Path, job: Job) -> str | None:
    """Write the columns of one recording; what is wrong with it, None when nothing is."""
    store = ColumnStore(folder)
    try:
        samples = decode(job.path)
    except (SourceError, OSError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - one odd file among thousands must not end the others
        return f"{job.path}: {type(error).__name__}: {error}"
    if not len(samples) or float(np.abs(samples).max()) == 0.0:
        return f"{job.path}: there is no sound in it"
    if len(samples) < (shortest := (WINDOW_COLUMNS - 1) * HOP_LENGTH):
        samples = np.resize(samples, shortest)
    for speed in job.speeds:
        _write(store.path(job.path, speed), columns_of(samples if speed == 1.0 else faster(samples, speed)))
    return None


def faster(samples: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """The sound of a tape that runs `speed` times as fast: shorter and higher by 12·log2(speed) semitones."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=round(22_050 / speed))
    parts: list[NDArray[np.float32]] = []
    for first in range(0, len(samples), _PLAYED_AT_ONCE):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + _PLAYED_AT_ONCE], "flt", "mono")
        frame.sample_rate = 22_050
        parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32, copy=False)


def _write(path: Path, columns: Columns) -> None:
    """Whole or not at all: a killed run leaves no half file under the name."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.save(file, columns)
    partial.replace(path)
