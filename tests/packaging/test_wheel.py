"""The wheel, installed alone: a daemon with its viewer, configuration and weights, and nothing of the source tree."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/operating.md"

# Run at the start of every Python of the environment, the daemon's children included: writes down each file of the
# source tree that is opened or listed. What was compiled is kept below .cache, and dependencies lie below .venv.
WITNESS = f"""
import os, sys

ROOT, KEPT, SEEN = {str(ROOT)!r}, ({str(ROOT / ".venv")!r}, {str(ROOT / ".cache")!r}), os.environ.get("WITNESS_FILE")


def witness(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "import") and arguments:
        path = os.path.realpath(os.fsdecode(arguments[0])) if isinstance(arguments[0], (str, bytes)) else ""
        if path.startswith(ROOT + os.sep) and not path.startswith(KEPT):
            with open(SEEN, "a") as seen:
                seen.write(f"{{event}} {{path}}\\n")


if SEEN:
    sys.addaudithook(witness)
"""


def uv() -> str:
    """The installer that the Makefile takes, too."""
    found = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
    if not os.access(found, os.X_OK):
        if os.environ.get("CI") == "true":
            pytest.fail("uv is neither on the PATH nor in .cache/uv")
        pytest.skip("uv is neither on the PATH nor in .cache/uv: run make")
    return found


class Installed:
    """A fresh environment that holds the wheel, sees the dependencies of this one, and works in `folder`."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.witnessed = folder / "witnessed"
        environment = folder / "venv"
        run(uv(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(environment))
        run(uv(), "pip", "install", "--quiet", "--no-deps", "--python", str(environment / "bin/python"), str(wheel))
        (packages,) = environment.glob("lib/python*/site-packages")
        # A line that names a folder adds it, and leaves the .pth files inside alone: the editable install stays out.
        (packages / "dependencies.pth").write_text(f"import witness\n{sysconfig.get_path('purelib')}\n")
        (packages / "witness.py").write_text(WITNESS)
        self.package = packages / "ccmusicd"
        self.python = environment / "bin/python"
        self.command = environment / "bin/ccmusicd"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPYCACHEPREFIX": str(ROOT / ".cache/python"),
            "OMP_NUM_THREADS": "1",  # the daemon and `weights verify` share the cores
            "WITNESS_FILE": str(self.witnessed),
        }

    def says(self, *arguments: str) -> str:
        """What `ccmusicd ARGUMENTS` prints, outside the source tree."""
        ended = subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def run(*command: str) -> None:
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("ccmusic_stream-*-py3-none-any.whl")
    return Installed(folder, wheel)


class Daemon:
    """The installed daemon, running; `said` grows with its standard error."""

    def __init__(self, installed: Installed) -> None:
        self.process = subprocess.Popen(
            [installed.command, "run", "--listen", "127.0.0.1:0", "--models", "mobilenet_v3_large_cqt"],
            cwd=installed.folder,
            env=installed.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self.said.extend, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def address(self) -> str:
        """Where the viewer is, as the daemon prints it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("viewer:"), self.said
        return line.split()[1].rstrip("/")

    def stop(self) -> int:
        """Its exit status after SIGTERM."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            for stream in (self.process.stdout, self.process.stderr):
                assert stream is not None
                stream.close()


@pytest.fixture
def daemon(installed: Installed) -> Iterator[Daemon]:
    running = Daemon(installed)
    yield running
    assert running.stop() == 0, running.said


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return bytes(answer.read())


def ready(address: str) -> bool:
    try:
        return bool(json.loads(fetch(address + "/readyz"))["ready"])
    except urllib.error.HTTPError:
        return False


def test_the_installed_daemon_serves_its_viewer_and_listens_with_its_own_weights(
    installed: Installed, daemon: Daemon, wait_until: Callable[..., None]
) -> None:
    address = daemon.address()
    shipped = installed.package / "_web_viewer"
    assert fetch(address + "/") == (shipped / "index.html").read_bytes()
    for file in shipped.glob("*.js"):
        assert fetch(f"{address}/{file.name}") == file.read_bytes()

    (command,) = re.findall(r"^```sh wheel\nccmusicd (.*)\n```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    verified = installed.says(*command.split()).splitlines()  # while the daemon's networks are loaded
    assert len(verified) == 5, verified
    assert all(line.startswith("ok ") and str(installed.package / "_weights") in line for line in verified), verified
    wait_until(lambda: ready(address), 300, "readiness")
    assert b'ccmusic_build_info{bundle="starter",trained="true"' in fetch(address + "/metrics")
    assert not installed.witnessed.exists(), installed.witnessed.read_text()


def test_a_file_of_the_source_tree_would_be_noticed(installed: Installed) -> None:
    seen = installed.folder / "seen"
    reading = f"open({str(ROOT / 'config/default.toml')!r}).close()"
    environment = installed.environment | {"WITNESS_FILE": str(seen)}
    subprocess.run([installed.python, "-c", reading], cwd="/", env=environment, check=True)
    assert "config/default.toml" in seen.read_text()
