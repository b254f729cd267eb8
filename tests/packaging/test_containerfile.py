"""The Containerfile, as far as it can be tried without a container engine."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ccmusicd.settings import load

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "packaging/Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, continued lines joined, comments left out."""
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def the(word: str) -> str:
    (found,) = [rest for name, rest in instructions() if name == word]
    return found


def environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", the("ENV")))


def test_it_is_built_of_instructions_that_there_are_in_their_order() -> None:
    words = [word for word, _ in instructions()]
    assert words[0] == "FROM"
    known = {
        "FROM",
        "ARG",
        "RUN",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert set(words) <= known
    assert words[-2:] == ["ENTRYPOINT", "CMD"]


def test_its_steps_are_what_a_shell_understands() -> None:
    steps = [rest for word, rest in instructions() if word == "RUN"]
    assert steps
    for step in steps:
        subprocess.run(["sh", "-n", "-c", step], check=True)


def test_it_copies_the_wheel_and_the_constraints() -> None:
    wheel, lock, folder = the("COPY").split()
    assert Path("dist/ccmusic_stream-0.1.0-py3-none-any.whl").match(wheel)
    assert (ROOT / lock).is_file()
    assert folder.endswith("/")


def test_it_runs_as_nobody_else_and_keeps_state_and_cache_in_volumes() -> None:
    assert re.search(rf"useradd .* {the('USER')}\b", " ".join(rest for word, rest in instructions() if word == "RUN"))
    assert json.loads(the("VOLUME")) == [environment()["STATE_DIRECTORY"], environment()["CACHE_DIRECTORY"]]
    assert json.loads(the("ENTRYPOINT")) + json.loads(the("CMD")) == ["ccmusicd", "run"]


def test_its_settings_are_the_daemons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in environment().items():
        if name.startswith("CCMUSIC_"):
            monkeypatch.setenv(name, value)
    empty = tmp_path / "empty.toml"
    empty.touch()
    assert load(empty).daemon.listen == f"0.0.0.0:{the('EXPOSE')}"


class Health(BaseHTTPRequestHandler):
    """Answers as the server's `status` says, at /healthz alone."""

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/healthz" else 404)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def daemon() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_its_health_check_asks_the_daemon(daemon: HTTPServer, status: int, healthy: bool) -> None:
    daemon.status = status  # type: ignore[attr-defined]
    command = json.loads(the("HEALTHCHECK").partition(" CMD ")[2])
    assert command[0] == "python"
    code = command[2].replace(f":{the('EXPOSE')}/", f":{daemon.server_port}/")
    assert code != command[2]
    ended = subprocess.run([sys.executable, command[1], code], capture_output=True, check=False)
    assert (ended.returncode == 0) == healthy
