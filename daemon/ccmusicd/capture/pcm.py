"""Raw PCM from stdin or from a command's stdout, in a declared rate, number of channels and sample format."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.level import is_sound
from ccmusicd.capture.mono import Resampler
from ccmusicd.capture.output import Output, SourceError
from ccmusicd.lifeline import die_with_parent

_READ_BYTES = 16_384
_STDERR_BYTES = 2000

_FILE_SIGNATURES = {b"RIFF": "a WAV file", b"fLaC": "a FLAC file", b"OggS": "an Ogg file", b"ID3": "an MP3 file"}


@dataclass(frozen=True, slots=True)
class RawFormat:
    """How raw PCM is written; `sample_format` is a key of `SAMPLE_FORMATS`."""

    rate: int
    channels: int
    sample_format: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return SAMPLE_FORMATS[self.sample_format][0] * self.channels


def _integers(dtype: str, full_scale: float) -> Callable[[bytes], NDArray[np.float64]]:
    return lambda data: np.frombuffer(data, dtype).astype(np.float64) / full_scale


def _floats(dtype: str) -> Callable[[bytes], NDArray[np.float64]]:
    return lambda data: np.frombuffer(data, dtype).astype(np.float64)


def _s24le(data: bytes) -> NDArray[np.float64]:
    # Three bytes become the upper three of a 32-bit integer: the sign comes along.
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float64) / 2.0**31


def _u8(data: bytes) -> NDArray[np.float64]:
    return (np.frombuffer(data, np.uint8).astype(np.float64) - 128.0) / 128.0


SAMPLE_FORMATS: dict[str, tuple[int, Callable[[bytes], NDArray[np.float64]]]] = {
    "u8": (1, _u8),
    "s16le": (2, _integers("<i2", 2.0**15)),
    "s16be": (2, _integers(">i2", 2.0**15)),
    "s24le": (3, _s24le),
    "s32le": (4, _integers("<i4", 2.0**31)),
    "f32le": (4, _floats("<f4")),
}
"""Bytes of a sample, and how bytes become numbers of full scale ±1."""


def decode(data: bytes, raw: RawFormat) -> NDArray[np.float64]:
    """The mean of the channels of whole frames of PCM; shape (frames,)."""
    mean: NDArray[np.float64] = SAMPLE_FORMATS[raw.sample_format][1](data).reshape(-1, raw.channels).mean(axis=1)
    return mean


def play(fd: int, raw: RawFormat, output: Output, *, name: str) -> None:
    """Read `fd` to its end. `name` stands for the source in messages.

    Raises:
        SourceError: what comes is a sound file, not raw PCM.
    """
    output.format(raw.rate, raw.channels, f"pcm_{raw.sample_format}", f"{raw.channels} channels", live=False)
    resampler = Resampler()
    carried = b""
    first = True
    while data := os.read(fd, _READ_BYTES):
        carried += data
        if first and len(carried) >= 4:
            _refuse_files(carried, raw, name)
            first = False
        whole = len(carried) - len(carried) % raw.frame_bytes
        samples = decode(carried[:whole], raw)
        carried = carried[whole:]
        if bad := int(np.count_nonzero(~is_sound(samples))):
            output.warn("samples that cannot be sound were set to zero", bad)
        with np.errstate(over="ignore"):  # a float that overflows is zeroed and counted like any infinity
            output.write(resampler.feed(samples.astype(np.float32), raw.rate))
    output.write(resampler.flush())
    if carried:
        output.warn(f"{name} ended within a frame of {raw.frame_bytes} bytes", len(carried))


def play_command(command: str, raw: RawFormat, output: Output) -> None:
    """Run `command` without a shell and read its stdout to the end.

    The command belongs to this child's process group, so that whoever stops the child stops the command.

    Raises:
        SourceError: it cannot be started (69), or ends with a code other than 0, which is passed on.
    """
    environment = {key: value for key, value in os.environ.items() if not key.upper().startswith("CCMUSIC")}
    try:
        process = subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # this child has no other thread yet
        )
    except OSError as error:
        raise SourceError(f"The command {command!r} cannot be started: {error.strerror}.") from None
    assert process.stdout is not None  # noqa: S101  # both are pipes
    assert process.stderr is not None  # noqa: S101
    complaints = _Tail(process.stderr.fileno())
    play(process.stdout.fileno(), raw, output, name="the command's output")
    code = process.wait()
    if code:
        raise SourceError(_how_it_ended(command, code, complaints.last_line()), exit_code=_shell_code(code))


def _refuse_files(start: bytes, raw: RawFormat, name: str) -> None:
    for signature, what in _FILE_SIGNATURES.items():
        if start.startswith(signature):
            raise SourceError(
                f"{name} is {what}: expected raw {raw.sample_format} PCM, {raw.channels} channels at {raw.rate} Hz.",
                exit_code=64,
                permanent=True,
            )


def _shell_code(code: int) -> int:
    return code if code > 0 else 128 - code


def _how_it_ended(command: str, code: int, complaint: str) -> str:
    how = f"ended with code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    return f"The command {command!r} {how}" + (f": {complaint}" if complaint else ".")


class _Tail:
    """Reads a command's stderr, so that it never fills up, and keeps the end of it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._end = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._fd, 4096):
            self._end = (self._end + data)[-_STDERR_BYTES:]

    def last_line(self) -> str:
        # A process that the command left behind may hold the pipe open: do not wait for it.
        self._thread.join(timeout=1.0)
        lines = self._end.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
