"""Webhooks against a real server on the loopback."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import Call
from ccmusicd.hooks.webhook import Webhook

CALL = Call('{"genre": "爵士"}', {})


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = 200
        self.heard: list[tuple[str, dict[str, str], str]] = []
        self.hold = threading.Event()
        self.hold.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((self.path, dict(self.headers), body))
        self.server.hold.wait(10)
        self.send_response(self.server.answer)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.hold.set()
        running.shutdown()
        thread.join()


async def test_the_event_is_posted_as_json_with_the_secret(server: Server) -> None:
    hook = Webhook(server.url, timeout_s=10, header="X-Key", secret="hush")  # noqa: S106 - of nothing
    await hook.call(CALL)
    await hook.call(CALL)
    await hook.close()
    path, headers, body = server.heard[0]
    assert (path, body, len(server.heard)) == ("/hook", CALL.body, 2)
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Key"] == "hush"
    assert headers["User-Agent"].startswith("ccmusic-stream/")


@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (404, False), (302, False)])
async def test_an_answer_that_is_no_success_fails(server: Server, status: int, again: bool) -> None:
    server.answer = status
    hook = Webhook(server.url, timeout_s=10)
    with pytest.raises(HookError, match=f"answered {status}") as failure:
        await hook.call(CALL)
    await hook.close()
    assert failure.value.again is again
    assert len(server.heard) == 1  # a redirection is not followed


async def test_a_server_that_does_not_answer_or_is_not_there_is_tried_again(server: Server) -> None:
    server.hold.clear()
    slow = Webhook(server.url, timeout_s=0.3)
    with pytest.raises(HookError, match=r"no answer within 0\.3 s") as failure:
        await slow.call(CALL)
    await slow.close()
    assert failure.value.again
    gone = Webhook("http://127.0.0.1:9/?token=hush", timeout_s=5)
    with pytest.raises(HookError, match="cannot be reached") as refused:
        await gone.call(CALL)
    await gone.close()
    assert refused.value.again
    assert "hush" not in str(refused.value)


async def test_a_certificate_must_be_of_an_authority_that_is_trusted(
    server: Server, tmp_path: Path, real_part: Callable[[str], str]
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    line = f"req -x509 -newkey rsa:2048 -nodes -days 1 -keyout {key} -out {certificate} -subj /CN=127.0.0.1"
    extra = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([real_part("openssl"), *line.split(), *extra], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    url = server.url.replace("http:", "https:")
    stranger = Webhook(url, timeout_s=10)
    with pytest.raises(HookError, match=r"cannot be reached.*certificate"):
        await stranger.call(CALL)
    await stranger.close()
    assert not server.heard
    known = Webhook(url, timeout_s=10, ca_file=certificate)
    await known.call(CALL)
    await known.close()
    assert len(server.heard) == 1
