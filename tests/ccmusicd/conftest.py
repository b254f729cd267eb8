"""Small bundles, and the daemon as a process, for the tests of the rooms above capture and publish."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import urllib.request
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RATE = 22_050

BUNDLE = """
name = "light"
labels = [
    { slug = "jazz", en = "Jazz", zh = "爵士", music = true },
    { slug = "rock", en = "Rock", zh = "摇滚", music = true },
    { slug = "speech", en = "Speech", zh = "语音", music = false },
]
"""

MODEL = """
[[models]]
name = "mobilenet_v3_large_{kind}"
backbone = "mobilenet_v3_large"
spectrogram = "{kind}"
head = "gap"
profile = "seed"
seed = {seed}
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
temperature = {temperature}
"""


@pytest.fixture(scope="session")
def light_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small untrained models whose low temperature makes them sure of themselves: some genre is always on air."""
    folder = tmp_path_factory.mktemp("light")
    models = [MODEL.format(kind=kind, seed=seed, temperature=0.01) for kind, seed in (("cqt", 1), ("mel", 1))]
    (folder / "bundle.toml").write_text(BUNDLE + "".join(models), encoding="utf-8")
    return folder


def music(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Noise-like chords with a beat, mono at 22,050 Hz: loud enough to be no silence."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    chord = np.sin(2 * np.pi * rng.uniform(80, 2_000, (6, 1)) * time).sum(axis=0)
    beat = np.exp(-8 * (time % 0.5)) * rng.standard_normal(len(time))
    return np.asarray(0.05 * chord + 0.1 * beat, np.float32)


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


class Daemon:
    """A running `ccmusicd run` whose output is collected."""

    def __init__(self, arguments: list[str], environment: dict[str, str], before: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "ccmusicd", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=lambda stream=stream, lines=lines: lines.extend(stream), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def address(self) -> str:
        """The viewer's address, "" before it is printed."""
        return next((line.split()[1].rstrip("/") for line in list(self.out) if line.startswith("viewer:")), "")

    def get(self, path: str) -> Any:
        """The JSON at a path; None while it is not served."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as response:
                return json.load(response)
        except (OSError, ValueError):
            return None

    def ready(self) -> bool:
        """Whether `/readyz` says so; fails when the daemon has ended."""
        if self.process.poll() is not None:
            self.stop()
            pytest.fail("the daemon has ended:\n" + "".join(self.err))
        answer = self.get("/readyz") if self.address else None
        return bool(answer and answer["ready"])

    def wait(self, timeout_s: float = 60.0) -> int:
        """The exit status."""
        try:
            return self.process.wait(timeout_s)
        finally:
            self.stop()

    def stop(self) -> None:
        """End it if it still runs, and read the rest of its output."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(15.0)


@pytest.fixture
def daemon(tmp_path: Path, light_bundle: Path) -> Iterator[Callable[..., Daemon]]:
    """Start daemons with the light bundle, a free port and a state folder of their own; all are stopped at the end."""
    started: list[Daemon] = []

    def start(*arguments: str, before: Sequence[str] = (), **environment: str) -> Daemon:
        common = ["--bundle", str(light_bundle), "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")]
        started.append(Daemon([*common, *arguments], os.environ | environment, before))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def make_music() -> Callable[..., NDArray[np.float32]]:
    """Sound for tests: seconds and a seed."""
    return music


COMMAND_TIMEOUT_S = 120

_PARENT_OF_COMMANDS = """
import json, os, sys, time, traceback
import ccmusicd.classify, ccmusicd.cli, ccmusicd.exporting, ccmusicd.settings


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
