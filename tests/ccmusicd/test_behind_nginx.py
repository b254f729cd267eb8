"""The guide's nginx.conf in a real nginx: the viewer at a subpath over https, its WebSocket, uploads, and the token."""

import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/operating/nginx.conf"
TOKEN = "long-enough-to-be-one"  # noqa: S105 - of a daemon that lives for one test

Start = Callable[..., Any]
RealPart = Callable[[str], str]
Wait = Callable[..., None]


def shown_settings() -> dict[str, str]:
    """What the example says to set in `[web]`, as environment variables; the token by itself instead of its file."""
    lines = re.findall(r"^#   (\w+) = (.*)$", EXAMPLE.read_text(), re.MULTILINE)
    assert {name for name, _ in lines} == {"token_for_all", "root_path", "allowed_hosts", "token_file"}
    settings = {f"CCMUSIC_WEB__{name.upper()}": value.strip('"') for name, value in lines if name != "token_file"}
    return settings | {"CCMUSIC_WEB__TOKEN": TOKEN}


class Nginx:
    """A server of the example, with a port, a certificate and a daemon of the test in the place of the example's."""

    def __init__(self, program: str, openssl: str, folder: Path, port: int, daemon: str) -> None:
        self.port = port
        self.certificate = folder / "fullchain.pem"
        key = folder / "privkey.pem"
        subprocess.run(
            [
                *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-subj", "/CN=radio.example", "-addext", "subjectAltName=DNS:radio.example", "-days", "2"),
                *("-keyout", str(key), "-out", str(self.certificate)),
            ],
            check=True,
            capture_output=True,
        )
        text = EXAMPLE.read_text()
        for shown, here in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("server 127.0.0.1:8765;", f"server {daemon};"),
            ("/etc/ssl/radio.example/fullchain.pem", str(self.certificate)),
            ("/etc/ssl/radio.example/privkey.pem", str(key)),
        ):
            assert text.count(shown) == 1, shown
            text = text.replace(shown, here)
        (folder / "radio.conf").write_text(text)
        places = "".join(
            f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = folder / "nginx.conf"
        owner = "user root;\n" if os.geteuid() == 0 else ""
        whole.write_text(
            f"{owner}daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr warn;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{places}include {folder}/radio.conf;\n}}\n"
        )
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(whole)], stdout=self._log, stderr=self._log
        )

    def alive(self) -> bool:
        """Whether it answers; the test fails when it has ended."""
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).status_code == 400  # https is wanted
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()


@pytest.fixture
def nginx(
    real_part: RealPart, free_port: Callable[[], int], wait_until: Wait, daemon: Start, folder: Path
) -> Iterator[Nginx]:
    """A daemon with the settings that the example names, and nginx before it."""
    running = daemon("--input", "demo", **shown_settings())
    wait_until(lambda: running.address, 120, "the daemon's address")
    server = Nginx(
        real_part("nginx"), real_part("openssl"), folder, free_port(), running.address.removeprefix("http://")
    )
    wait_until(server.alive, 30, "nginx")
    yield server
    server.stop()
    assert running.terminate() == 0


def test_the_example_shows_the_daemon_at_its_subpath_with_websocket_and_token(nginx: Nginx) -> None:
    trusted = ssl.create_default_context(cafile=nginx.certificate)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    client = httpx.Client(
        base_url=f"https://127.0.0.1:{nginx.port}",
        headers={"host": "radio.example"},
        verify=trusted,
        trust_env=False,
    )
    # The certificate's name is asked for, as a browser does, on the loopback's address.
    named: dict[str, Any] = {"extensions": {"sni_hostname": "radio.example"}}
    with client:
        page = client.get("/radio/", **named)
        assert page.status_code == 200
        assert "ccmusic" in page.text
        assert client.get("/radio/main.js", **named).status_code == 200
        assert client.get("/radio", **named).headers["location"].endswith("/radio/")
        assert client.get("/radio/api/v1/stations", **named).status_code == 401
        stations = client.get("/radio/api/v1/stations", headers=bearer, **named).json()["stations"]
        assert [station["id"] for station in stations] == ["input"]
        assert client.get("/radio/metrics", headers=bearer, **named).status_code == 403
        # More than nginx takes by itself (1 MB), so that it is the daemon who says that it is no sound.
        page_as_clip = b"<html>" + b" no sound " * 200_000
        clip = client.post("/radio/api/v1/clips?name=a.mp3", content=page_as_clip, headers=bearer, timeout=60, **named)
        assert clip.status_code == 422, clip.text
    with (
        socket.create_connection(("127.0.0.1", nginx.port)) as plain,
        connect(
            "wss://radio.example/radio/ws", sock=plain, ssl=trusted, origin=Origin("https://radio.example"), proxy=None
        ) as websocket,
    ):
        websocket.send(json.dumps({"type": "token", "token": TOKEN}))
        assert json.loads(websocket.recv(timeout=10))["type"] == "hello"
