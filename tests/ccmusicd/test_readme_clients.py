"""The clients that README shows, as they stand there, against a running daemon."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

README = Path(__file__).resolve().parents[2] / "README.md"
ADDRESS = "ws://127.0.0.1:8765/ws"
LONGEST = 18
TOKEN = "long-enough-to-be-one"  # noqa: S105 - of a daemon that lives for one test
STATES = {"music", "speech", "uncertain", "silence"}


def shown(language: str, address: str, token: str | None = None) -> str:
    """The client of README in that language, with the address and the token that a reader would fill in."""
    blocks: list[str] = re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (code,) = [block for block in blocks if ADDRESS in block]
    assert len(code.splitlines()) <= LONGEST
    if token is not None:
        none = {"python": f'"{ADDRESS}", None', "javascript": "token = null"}[language]
        assert none in code
        code = code.replace(none, none.replace("None", repr(token)).replace("null", repr(token)))
    return code.replace(ADDRESS, address.replace("http", "ws") + "/ws")


def spoken_in_python(address: str) -> list[list[str]]:
    client = subprocess.Popen(
        [sys.executable, "-c", shown("python", address, TOKEN)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.stdout is not None
        return [client.stdout.readline().split() for _ in range(2)]
    finally:
        client.kill()
        client.wait()
        client.stdout.close()  # type: ignore[union-attr]


def spoken_in_javascript(address: str, chromium: Browser) -> list[str]:
    page = chromium.new_page()
    try:
        page.goto(address)
        with page.expect_console_message(lambda message: " input " in message.text, timeout=20_000) as heard:
            page.evaluate(shown("javascript", address, TOKEN))
        return heard.value.text.split()
    finally:
        page.close()


def test_the_clients_follow_a_daemon_that_wants_a_token(
    daemon: Callable[..., Any], wait_until: Callable[..., None], chromium: Browser
) -> None:
    environment = {"CCMUSIC_WEB__TOKEN": TOKEN, "CCMUSIC_WEB__TOKEN_FOR_ALL": "true"}
    running = daemon("--input", "demo", **environment)
    wait_until(running.ready, 120, "readiness")
    first, second = spoken_in_python(running.address)
    assert first[0] < second[0]
    for time, station, state, best, probability in (first, second):
        assert time.endswith("Z")
        assert (station, state in STATES, best in {"jazz", "rock", "speech"}) == ("input", True, True)
        assert 0 <= float(probability) <= 1
    time, station, state, *_ = spoken_in_javascript(running.address, chromium)
    assert time >= second[0]
    assert (station, state in STATES) == ("input", True)
