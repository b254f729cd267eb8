"""The numbers that fix the shape of columns and windows; free of torch, so that the main process can read them.

Column k of a station is centred on sample 512·k. A column is complete when half its kernel has come after its centre.
"""

from typing import Literal

Spectrogram = Literal["cqt", "mel"]
"""What people know: constant-Q or Mel."""

TransformName = Literal["cqt", "mel", "cqt_librosa", "mel_librosa"]
"""Ways of computing a spectrogram: the article's (nnAudio's CQT, torchaudio's HTK Mel), or upstream's, librosa's."""

SAMPLE_RATE = 22_050
"""Samples a second of every stream inside the program, in hertz (the article's rate)."""

HOP_LENGTH = 512
"""Samples from one spectrogram column to the next."""

WINDOW_COLUMNS = 431
"""Columns in the window that the networks see: 10 s (220,500 samples) at `HOP_LENGTH`, as a centred transform gives."""

CCMUSIC_WINDOW_COLUMNS = 490
"""Columns of a picture of the published CCMusic: its slice of 11.4 s."""

CQT_BINS = 84
CQT_BINS_PER_OCTAVE = 12
CQT_FMIN_HZ = 32.703
"""C1, the lowest of the 84 semitones."""

CQT_KERNEL = 16_384
"""Samples under the longest CQT kernel, padded to a power of two by nnAudio."""

MEL_BINS = 128
MEL_FFT = 2_048
MEL_FMAX_HZ = SAMPLE_RATE / 2

BINS: dict[Spectrogram, int] = {"cqt": CQT_BINS, "mel": MEL_BINS}
KERNELS: dict[Spectrogram, int] = {"cqt": CQT_KERNEL, "mel": MEL_FFT}

KIND_OF: dict[TransformName, Spectrogram] = {"cqt": "cqt", "mel": "mel", "cqt_librosa": "cqt", "mel_librosa": "mel"}

LAG_COLUMNS: dict[Spectrogram, int] = {kind: length // 2 // HOP_LENGTH for kind, length in KERNELS.items()}
"""Columns by which the newest complete column lies behind the newest sample: half its kernel (CQT 16, Mel 2)."""

PRIME_COLUMNS = CCMUSIC_WINDOW_COLUMNS - 1 + 2 * LAG_COLUMNS["cqt"]
"""Columns' worth of samples that determine the longest CQT window: 490 columns and half a kernel on either side."""

DB_FLOOR = -100.0
"""Decibels of byte value 0 in the columns that people are shown."""

DB_STEP = 0.625
"""Decibels from one byte value to the next: 255 stands for +59.375 dB."""


def transform_of(kind: Spectrogram, profile: str) -> TransformName:
    """The transform whose columns the profile's pictures show."""
    if profile != "ccmusic":
        return kind
    return "cqt_librosa" if kind == "cqt" else "mel_librosa"


def window_columns(profile: str) -> int:
    """Columns of one of the profile's pictures."""
    return CCMUSIC_WINDOW_COLUMNS if profile == "ccmusic" else WINDOW_COLUMNS
