"""Decodes a stranger's recording, in a process with nothing to lose: `ccmusicd.capture.decode FILE PCM LONGEST_S`.

Writes mono float32 at 22,050 Hz to the file PCM and one JSON object to stdout: `samples`, `size` (bytes of the file),
`rate` (hertz), `codec`, `warnings` (how often each); or `error`, a sentence; or `later`, one of why not now.
It gives way to everything else, and is bounded in memory, CPU time and what it writes: what a file claims to hold is
not believed.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.media import play_file
from ccmusicd.capture.output import InputRefusedError, Output, SourceError
from ccmusicd.lifeline import die_with_parent

MOST_CPU_S = 120
MOST_MEMORY_BYTES = 2 * 1024**3
_MOST_WARNINGS = 20


class Decoded(Output):
    """Keeps samples in a file, at most `longest_s` of them, and what the decoder says."""

    def __init__(self, pcm: BinaryIO, longest_s: float) -> None:
        super().__init__()
        self.rate = 0
        self.codec = ""
        self.warnings: dict[str, int] = {}
        self._pcm = pcm
        self._longest_s = longest_s

    def event(self, kind: str, **values: Any) -> None:
        """Keep what is asked for."""
        if kind == "format":
            self.rate, self.codec = values["rate"], values["codec"]

    def warn(self, message: str, count: int = 1) -> None:
        """Count a fault."""
        if message in self.warnings or len(self.warnings) < _MOST_WARNINGS:
            self.warnings[message] = self.warnings.get(message, 0) + count

    def gap(self, samples: int) -> None:
        """Lost samples are zeros at their place."""
        self.send(np.zeros(samples, np.float32))

    def send(self, samples: NDArray[np.float32]) -> None:
        """Write them.

        Raises:
            InputRefusedError: it is longer than allowed.
        """
        self.samples += len(samples)
        if self.samples > self._longest_s * SAMPLE_RATE:
            raise InputRefusedError(f"it is longer than {self._longest_s / 60:g} min, the most that is analysed.")
        self._pcm.write(samples.astype("<f4", copy=False).tobytes())


def main() -> None:
    """Decode, and tell."""
    die_with_parent()
    file, pcm, longest_s = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    _bound(longest_s)
    try:
        with pcm.open("wb") as target:
            decoded = Decoded(target, longest_s)
            play_file(file, decoded, loop=False, real_time=False)
        told: dict[str, Any] = {
            "samples": decoded.samples,
            "size": Path(file).stat().st_size,
            "rate": decoded.rate,
            "codec": decoded.codec,
            "warnings": decoded.warnings,
        }
        if not decoded.samples:
            told = {"error": "it holds no sound."}
    except SourceError as error:
        told = {"error": str(error)}
    except OSError as error:
        told = {"later": f"there is no room for what is decoded: {error.strerror}"}
    except MemoryError:
        told = {"error": "decoding it takes too much memory."}
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()
    os._exit(0)  # closing a container of a stranger's making may hang


def _bound(longest_s: float) -> None:
    os.nice(19)
    most_written = round(longest_s * SAMPLE_RATE * 4) + 1024**2
    for what, most in (
        (resource.RLIMIT_CPU, MOST_CPU_S),
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, most_written),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
