"""Rules without a server: who counts as whom, which names and sites are known, how a token is compared."""

import hmac
import json

import pytest
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from ccmusicd.publish import access as module
from ccmusicd.publish.access import Access, client_address, is_loopback

KEY = "correct-horse-battery"


def connection(address: str, **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "client": (address, 5), "headers": raw})


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.4", False),
        ("::ffff:192.168.1.4", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),  # noqa: S104 - what is to be refused
        ("", False),
    ],
)
def test_what_is_loopback(address: str, is_one: bool) -> None:
    assert is_loopback(address) is is_one


def test_without_a_token_nobody_is_asked() -> None:
    assert Access().is_open
    assert not Access().asks(connection("192.168.1.4"))
    assert not Access().knows("")


def test_those_of_other_machines_are_asked_and_those_that_a_proxy_passes_on() -> None:
    access = Access(token=KEY)
    assert access.asks(connection("192.168.1.4"))
    assert access.asks(connection("127.0.0.1", x_forwarded_for="203.0.113.9"))
    assert access.asks(connection("127.0.0.1", forwarded="for=203.0.113.9"))
    assert not access.asks(connection("127.0.0.1"))
    assert Access(token=KEY, token_for_all=True).asks(connection("127.0.0.1"))


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        (f"Bearer {KEY}", True),
        (f"bearer   {KEY}", True),
        (f"Basic {KEY}", False),
        (f"Bearer {KEY}x", False),
        (f"Bearer {KEY[:-1]}", False),
        ("Bearer", False),
        (KEY, False),
        ("Bearer t\u00f6ken", False),
    ],
)
def test_the_header(header: str, is_known: bool) -> None:
    assert Access(token=KEY).knows_header(Headers({"authorization": header})) is is_known


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        (json.dumps({"type": "token", "token": KEY}), True),
        (json.dumps({"type": "subscribe", "token": KEY}), False),
        (json.dumps({"type": "token", "token": [KEY]}), False),
        (json.dumps({"type": "token"}), False),
        (json.dumps({"type": "token", "token": "\ud800"}), False),
        (json.dumps(KEY), False),
        ("[" * 5_000, False),
        ("", False),
        (None, False),
    ],
)
def test_the_first_message(text: str | None, is_known: bool) -> None:
    assert Access(token=KEY).knows_message(text) is is_known


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with a token, and with the scheme before it, all of it goes through the one comparison."""
    compared: list[bytes] = []

    def compare(given: bytes, token: bytes) -> bool:
        compared.append(given)
        assert token == KEY.encode()
        return hmac.compare_digest(given, token)

    monkeypatch.setattr(module, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
    access = Access(token=KEY)
    wrong = ("c", "wrong", KEY[:-1], "")
    assert not any(access.knows_header(Headers({"authorization": f"Basic {given}"})) for given in wrong)
    assert not any(access.knows_message(json.dumps({"type": "token", "token": given})) for given in wrong)
    assert compared == [given.encode() for given in wrong] * 2


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:8765", True),
        ("LOCALHOST", True),
        ("localhost:80", True),
        ("[::1]:8765", True),
        ("[::1]", True),
        ("radio.example", True),
        ("radio.example:443", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:8765", False),
        ("evil.example:127.0.0.1", False),
        ("", False),
        (":", False),
    ],
)
def test_names_on_the_loopback(host: str, is_known: bool) -> None:
    access = Access(allowed_hosts=["Radio.example"])
    access.listens("127.0.0.1", loopback=True)
    assert access.is_host(Headers({"host": host})) is is_known


def test_elsewhere_every_name_is_answered_until_some_are_allowed() -> None:
    access = Access()
    access.listens("0.0.0.0", loopback=False)  # noqa: S104 - listens nowhere
    assert access.is_host(Headers({"host": "any.example"}))
    access = Access(allowed_hosts=["radio.example"])
    access.listens("192.168.1.4", loopback=False)
    assert [access.is_host(Headers({"host": host})) for host in ("any.example", "192.168.1.4:80", "radio.example")] == [
        False, True, True
    ]  # fmt: skip


def test_addresses_to_count_by() -> None:
    assert client_address(connection("192.168.1.4")) == "192.168.1.4"
    # One subscriber has a whole /64.
    assert client_address(connection("2001:db8::1")) == client_address(connection("2001:db8::ffff:2"))
    # Only what the proxy on this machine added, at the end, is believed; and only that proxy is.
    assert client_address(connection("127.0.0.1", x_forwarded_for="1.1.1.1, 203.0.113.9")) == "203.0.113.9"
    assert client_address(connection("192.168.1.4", x_forwarded_for="203.0.113.9")) == "192.168.1.4"
    assert client_address(connection("127.0.0.1", x_forwarded_for="x" * 500)) == "x" * 45


def test_rules_change_while_it_listens() -> None:
    access = Access(token=KEY, allowed_hosts=["old.example"])
    access.listens("127.0.0.1", loopback=True)
    access.change(allowed_hosts=["radio.example"], allowed_origins=["https://studio.example"])
    assert access.is_open
    assert access.is_host(Headers({"host": "radio.example"}))
    assert access.is_host(Headers({"host": "localhost:8765"}))
    assert not access.is_host(Headers({"host": "old.example"}))
    assert access.is_origin(Headers({"origin": "https://studio.example", "host": "x"}))
