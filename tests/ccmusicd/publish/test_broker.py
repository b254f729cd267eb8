"""The MQTT broker's address, without a broker."""

from pathlib import Path

import pytest

from ccmusicd.publish.broker import parse_broker
from ccmusicd.publish.errors import TopicError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "http://host",
        "mqtt://",
        "ws://",
        "dj:secret@host",
        "mqtt:dj:secret@host",
        "mqtt://dj:secret@",
        "mqtt://dj:secret@host:99999",
        "mqtt://dj:secret@host:0",
        "mqtt://dj:secret@host/x",
        "mqtt://dj:secret@host?x",
        "ws://dj:secret@host/mqtt?token=secret",
        "wss://dj:secret@host/mqtt#secret",
    ],
)
def test_a_bad_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(TopicError, match="it must be mqtt://") as refused:
        parse_broker(url)
    assert "secret" not in str(refused.value)


def test_an_address_without_scheme_is_told_as_it_was_written() -> None:
    with pytest.raises(TopicError, match=r"address 'broker\.lan' is not valid"):
        parse_broker("broker.lan")


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("mqtt://host", "mqtt://host:1883"),
        ("mqtt://host/", "mqtt://host:1883"),
        ("mqtts://u:p@[::1]", "mqtts://***@[::1]:8883"),
        ("ws://host", "ws://host:80/mqtt"),
        ("ws://host:9001/", "ws://host:9001/"),
        ("wss://u:p@host/live/mqtt", "wss://***@host:443/live/mqtt"),
        ("ws://host/a b/küche/%41", "ws://host:80/a%20b/k%C3%BCche/%41"),
    ],
)
def test_each_way_of_speaking_has_its_port_and_path(url: str, redacted: str) -> None:
    assert parse_broker(url).redacted == redacted


def test_user_and_password_are_those_given_apart_before_those_of_the_address() -> None:
    broker = parse_broker("mqtt://d%40j:p%2Fw@host")
    assert (broker.username, broker.password) == ("d@j", "p/w")
    broker = parse_broker("mqtt://dj@host", password="from-a-file")  # noqa: S106 - of no account
    assert (broker.username, broker.password) == ("dj", "from-a-file")
    assert "from-a-file" not in repr(broker)


def test_certificates_are_read_for_the_encrypted_ways_alone(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    for scheme in ("mqtt", "ws"):
        assert parse_broker(f"{scheme}://host", ca_file=nothing).tls is None
    for scheme in ("mqtts", "wss"):
        assert parse_broker(f"{scheme}://host").tls is not None
        with pytest.raises(TopicError, match=r"nothing\.pem"):
            parse_broker(f"{scheme}://host", ca_file=nothing)
