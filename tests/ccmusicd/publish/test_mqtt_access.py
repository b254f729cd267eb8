"""The MQTT publisher before brokers that want a password or speak TLS."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from ccmusicd.publish.mqtt import Mqtt

Eventually = Callable[..., Awaitable[None]]
Publishing = Callable[..., AbstractAsyncContextManager[Mqtt]]
Listening = Callable[..., AbstractAsyncContextManager[Any]]
Certificate = Callable[..., tuple[Path, tuple[str, ...]]]


# Seen to fail without: the word "refused", told from "away".
async def test_a_wrong_password_is_said_clearly_and_tried_slowly(
    broker: Any, publishing: Publishing, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    broker.start(password=("dj", "right"))
    url = f"mqtt://dj:wr%40ng@127.0.0.1:{broker.port}"
    async with publishing(url=url) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: "))
        refused = time.monotonic()
        await asyncio.sleep(0.5)  # with the patched delays of an absent broker there would be several attempts by now
        assert time.monotonic() - refused > 0.4
    log = Path(broker._config).with_name("mosquitto.log").read_text()
    assert log.count("not authorised") == 1
    assert "uthor" in publisher.state
    assert publisher.redacted == f"mqtt://***@127.0.0.1:{broker.port}"
    assert len([record for record in caplog.records if "refuses" in record.message]) == 1
    assert "wr%40ng" not in caplog.text
    assert "wr@ng" not in caplog.text


@pytest.mark.parametrize(
    ("user", "options"),
    [
        ("dj:p%40ss%2Fw%3Ard@", {}),
        ("dj@", {"password": "p@ss/w:rd"}),
        ("", {"username": "dj", "password": "p@ss/w:rd"}),
    ],
)
async def test_the_right_password_opens(
    broker: Any, publishing: Publishing, eventually: Eventually, user: str, options: dict[str, str]
) -> None:
    broker.start(password=("dj", "p@ss/w:rd"))
    async with publishing(url=f"mqtt://{user}127.0.0.1:{broker.port}", **options) as publisher:
        await eventually(lambda: publisher.state == "online")


async def test_tls_with_the_brokers_own_authority(
    broker: Any, publishing: Publishing, eventually: Eventually, certificate: Certificate
) -> None:
    authority, lines = certificate(until="20991231")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}", ca_file=authority) as publisher:
        await eventually(lambda: publisher.state == "online")


async def test_an_expired_certificate_is_said_clearly_and_tried_slowly(
    broker: Any,
    publishing: Publishing,
    eventually: Eventually,
    certificate: Certificate,
    caplog: pytest.LogCaptureFixture,
) -> None:
    authority, lines = certificate(until="20200102")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}", ca_file=authority) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: "))
    assert publisher.state == "refused: its certificate is not valid (certificate has expired)"
    assert caplog.text.count("certificate has expired") == 1


async def test_a_certificate_nobody_vouches_for_is_refused(
    broker: Any, publishing: Publishing, eventually: Eventually, certificate: Certificate
) -> None:
    _, lines = certificate(until="20991231")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}") as publisher:
        await eventually(lambda: publisher.state.startswith("refused: its certificate is not valid (self"))


async def test_another_authority_than_the_brokers_is_refused(
    broker: Any, publishing: Publishing, eventually: Eventually, certificate: Certificate, tmp_path: Path
) -> None:
    _, lines = certificate(until="20991231")
    other, _ = certificate(until="20991231", folder=tmp_path / "other")
    broker.start(lines=lines)
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}", ca_file=other) as publisher:
        await eventually(lambda: publisher.state.startswith("refused: its certificate is not valid ("))


async def test_tls_with_a_broker_that_speaks_none_is_not_a_crash(
    broker: Any, publishing: Publishing, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    broker.start()
    async with publishing(url=f"mqtts://127.0.0.1:{broker.port}") as publisher:
        await eventually(lambda: "MQTT broker" in caplog.text)
        assert publisher.state != "online"
