"""The engine of ccmusic-stream: arrays in, arrays out; no asyncio, sockets or settings.

Importing this package does not import torch. Modules that do (`spectrogram`, `picture`, `classifier`,
`models.backbones`, `models.checkpoint`, `models.loading`) are imported by the analyzer child and `classify` only.
"""
