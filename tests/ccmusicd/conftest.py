"""Sound, and commands as processes, for the tests of the daemon."""

import json
import os
import select
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

RATE = 22_050


def music(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Noise-like chords with a beat, mono at 22,050 Hz: loud enough to be no silence; after 30 s they come again."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(min(seconds, 30) * RATE)) / RATE
    chord = np.sin(2 * np.pi * rng.uniform(80, 2_000, (6, 1)) * time).sum(axis=0)
    beat = np.exp(-8 * (time % 0.5)) * rng.standard_normal(len(time))
    return np.resize(np.asarray(0.05 * chord + 0.1 * beat, np.float32), round(seconds * RATE))


@pytest.fixture
def write_wav(tmp_path: Path) -> Callable[[NDArray[np.float32]], Path]:
    """Write mono samples as a 16-bit file."""

    def write(samples: NDArray[np.float32]) -> Path:
        path = tmp_path / "music.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
        return path

    return write


@pytest.fixture
def make_music() -> Callable[..., NDArray[np.float32]]:
    """Sound for tests: seconds and a seed."""
    return music


COMMAND_TIMEOUT_S = 120

_PARENT_OF_COMMANDS = """
import json, os, sys, time, traceback
import ccmusicd.classify, ccmusicd.cli, ccmusicd.exporting, ccmusicd.reheard, ccmusicd.rescoring, ccmusicd.settings


def run(order):
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    for number, name in enumerate((os.devnull, order["out"], order["err"])):
        os.dup2(os.open(name, os.O_RDWR), number)
    sys.stdout, sys.stderr = open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8")
    sys.argv = ["ccmusicd", *order["arguments"]]
    try:
        ccmusicd.cli.main()
    except SystemExit as ended:
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = run(json.loads(line))
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Commands:
    """Runs commands in processes forked from one that has imported what they need, which takes seconds each time.

    Each is a process of its own all the same: own arguments, environment, standard streams and exit status. `folder`
    is for what they print.
    """

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT_OF_COMMANDS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`ccmusicd ARGUMENTS` without this process' own `CCMUSIC_` variables."""
        for file in (self._out, self._err):
            file.write_bytes(b"")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CCMUSIC_")}
        order: Mapping[str, object] = {
            "arguments": arguments,
            "environment": clean | environment,
            "out": str(self._out),
            "err": str(self._err),
        }
        stdin, stdout = self._parent.stdin, self._parent.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order) + "\n")
        if not select.select([stdout], [], [], COMMAND_TIMEOUT_S)[0]:
            raise TimeoutError(f"ccmusicd {' '.join(arguments)} did not end within {COMMAND_TIMEOUT_S} s")
        out, err = (file.read_text("utf-8") for file in (self._out, self._err))
        return subprocess.CompletedProcess(arguments, int(stdout.readline()), out, err)

    def close(self) -> None:
        """End the parent, and wait for it."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(COMMAND_TIMEOUT_S)
        self._parent.stdout.close()


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Runs `ccmusicd` as people call it."""
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()
