"""Sound through MP3, AAC and Opus and back, and into FLAC files, by PyAV."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from scipy.fft import irfft, next_fast_len, rfft

from training.corpus.soundfont import RATE

Sound = npt.NDArray[np.float32]
Codec = Literal["mp3", "aac", "opus"]

CODECS: tuple[Codec, ...] = ("mp3", "aac", "opus")
_ENCODER = {"mp3": ("libmp3lame", "mp3", RATE), "aac": ("aac", "adts", RATE), "opus": ("libopus", "ogg", 48_000)}
_FASTEST = {"mp3": {"compression_level": "9"}, "aac": {"aac_coder": "fast"}, "opus": {"compression_level": "3"}}
_DELAY_SEARCH = RATE // 5
"""Samples; no codec is later than 0.2 s."""


def through_codec(sound: Sound, codec: Codec, bits_per_s: int) -> Sound:
    """The sound as the codec leaves it at so many bits a second for its one channel; as long, and not delayed."""
    coder, container, rate = _ENCODER[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast("AudioStream", output.add_stream(coder, rate=rate, layout="mono", options=_FASTEST[codec]))
        stream.bit_rate = bits_per_s
        _encode(output, stream, _frame(sound))
    file.seek(0)
    return aligned(_decoded(file), sound)


def write_flac(path: Path, sound: Sound) -> None:
    """Writes mono 16-bit FLAC at 22,050 Hz; the file appears under its name only when it is whole."""
    part = path.with_name(path.name + ".part")
    with av.open(str(part), "w", format="flac") as output:
        stream = output.add_stream("flac", rate=RATE, layout="mono")
        stream.codec_context.format = AudioFormat("s16")
        _encode(output, stream, _frame(np.clip(sound, -1, 1)))
    part.replace(path)


def aligned(late: Sound, original: Sound) -> Sound:
    """`late` moved to where it is most like the original, and cut or filled to its length."""
    start = int(np.argmax(np.abs(original) > 0.05 * np.abs(original).max(initial=0.0)))
    window = slice(max(0, start - RATE // 10), start + 4 * RATE)
    ours, theirs = original[window], late[window.start : window.stop + _DELAY_SEARCH]
    size = next_fast_len(len(ours) + len(theirs), real=True)
    likeness = irfft(rfft(theirs, size) * np.conj(rfft(ours, size)), size)
    delay = int(np.argmax(np.concatenate((likeness[-_DELAY_SEARCH:], likeness[:_DELAY_SEARCH])))) - _DELAY_SEARCH
    moved = late[delay:] if delay >= 0 else np.concatenate((np.zeros(-delay, np.float32), late))
    out = np.zeros(len(original), np.float32)
    out[: len(moved)] = moved[: len(out)]
    return out


def _encode(output: OutputContainer, stream: AudioStream, whole: AudioFrame) -> None:
    """Encodes and writes the whole sound, in frames as long as the coder wants them."""
    coder = stream.codec_context
    coder.thread_count = 1
    coder.open()
    resampler = AudioResampler(coder.format, "mono", coder.rate, coder.frame_size)
    for frame in [*resampler.resample(whole), *resampler.resample(None)]:
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _frame(samples: Sound) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[np.newaxis]), format="fltp", layout="mono")
    frame.sample_rate = RATE
    frame.time_base = Fraction(1, RATE)
    frame.pts = 0
    return frame


def _decoded(file: io.BytesIO) -> Sound:
    resampler = AudioResampler(format="fltp", layout="mono", rate=RATE)
    pieces: list[Sound] = []
    with av.open(file, "r") as source:
        for frame in source.decode(audio=0):
            pieces.extend(piece.to_ndarray()[0] for piece in resampler.resample(frame))
        pieces.extend(piece.to_ndarray()[0] for piece in resampler.resample(None))
    return np.concatenate(pieces).astype(np.float32)
