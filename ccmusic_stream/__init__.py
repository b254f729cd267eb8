"""The engine of ccmusic-stream: arrays in, arrays out; no asyncio, sockets or settings.

Importing this package does not import torch. Modules that do (`spectrogram`, `picture`, `classifier`,
`models.backbones`, `models.checkpoint`, `models.loading`) are imported by the analyzer child and `classify` only.
"""

SAMPLE_RATE = 22_050
"""Samples a second of every stream inside the program, in hertz (the article's rate)."""

HOP_LENGTH = 512
"""Samples from one spectrogram column to the next."""

WINDOW_COLUMNS = 431
"""Columns in the window that the networks see: 10 s (220,500 samples) at `HOP_LENGTH`, as a centred transform gives."""
