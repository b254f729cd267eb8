import pytest

from ccmusicd.capture.spec import SourceSpec, SpecError, parse_spec, redact


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("demo", "demo", ""),
        ("-", "stdin", ""),
        ("soundcard", "soundcard", ""),
        ("soundcard:USB Audio: #1", "soundcard", "USB Audio: #1"),
        ("exec:arecord -f S16_LE", "exec", "arecord -f S16_LE"),
        ("HTTP://radio.example/live#x", "media", "http://radio.example/live"),
        ("https://u:p@radio.example:8000/live", "media", "https://u:p@radio.example:8000/live"),
        ("rtp://239.0.0.1:5004", "media", "rtp://239.0.0.1:5004"),
        ("song.mp3", "media", "song.mp3"),
        ("/music/a b.flac", "media", "/music/a b.flac"),
        ("file:song.mp3", "media", "song.mp3"),
        ("file:///music/a%20b.flac", "media", "/music/a b.flac"),
        ("file://localhost/music/x.mp3", "media", "/music/x.mp3"),
        ("./concat:x", "media", "./concat:x"),
    ],
)
def test_every_kind_of_input_is_understood(text: str, kind: str, target: str) -> None:
    assert parse_spec(text) == SourceSpec(kind, target)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("a\0b", "NUL"),
        ("ftp://host/x.mp3", "'ftp'"),
        ("concat:a.mp3|b.mp3", "'concat'"),
        ("data:audio/mpeg;base64,AAAA", "'data'"),
        ("soundcard:", "lacks the device's name"),
        ("exec:", "lacks its command"),
        ("exec:echo 'a", "cannot be read"),
        ("http:///x", "lacks its host"),
        ("http://host:99999/", "cannot be read"),
        ("http://host/a\r\nX: y", "control character"),
        ("rtp://239.0.0.1", "lacks its port"),
        ("file://server/x.mp3", "'server'"),
        ("file:///a%00b", "names no file"),
    ],
)
def test_what_is_no_input_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        parse_spec(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://dj:hunter2@host/live", "http://***@host/live"),
        ("https://host/live?token=abc&bitrate=128", "https://host/live?token=***&bitrate=128"),
        ("http://host/l?API_KEY=abc&Password=x", "http://host/l?API_KEY=***&Password=***"),
        ("exec:play http://a:b@host/ --password hunter2", "exec:play http://***@host/ --password ***"),
        ("soundcard:Key Studio", "soundcard:Key Studio"),
        ("demo", "demo"),
        ("-", "-"),
        ("/music/x.mp3", "/music/x.mp3"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert parse_spec(text).redacted == shown


def test_an_error_that_quotes_the_address_or_the_password_is_cleaned() -> None:
    spec = parse_spec("http://dj:hun%40ter2@host/live?token=abc")

    hidden = spec.hide("cannot open http://dj:hun%40ter2@host/live?token=abc as dj with hun@ter2")

    assert hidden == "cannot open http://***@host/live?token=*** as dj with ***"


def test_a_password_with_an_at_sign_is_hidden_whole() -> None:
    assert redact("http://dj:a@b@host/live") == "http://***@host/live"


def test_plain_words_are_left_alone() -> None:
    text = "certificate verify failed: self-signed certificate; a key change"
    assert redact(text) == text


def test_a_refusal_does_not_quote_the_password() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("ftp://dj:hunter2@host/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "live"), [("soundcard", True), ("http://h/", True), ("x.mp3", False), ("-", False)])
def test_what_is_live_is_known_beforehand(text: str, live: bool) -> None:
    assert parse_spec(text).live is live


def test_a_path_that_is_no_utf_8_is_opened_as_it_is_and_shown_as_text() -> None:
    path = b"/music/\xff.wav".decode("utf-8", "surrogateescape")
    spec = parse_spec(path)
    assert spec.target == path
    assert spec.redacted == "/music/\N{REPLACEMENT CHARACTER}.wav"
    assert spec.hide(f"{path} is gone") == "/music/\N{REPLACEMENT CHARACTER}.wav is gone"
