"""What a station listens to: the text of `--input`, parsed, checked, and shown without its secrets."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from ccmusic_stream.errors import CcmusicError

Kind = Literal["soundcard", "media", "stdin", "exec", "demo"]

_EXPECTED = "expected soundcard[:name], http(s)://…, rtp://…, a path, - (stdin), exec:command… or demo"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
"""How Python reads the bytes of a file's name that are no UTF-8; nothing that is sent or stored takes them."""

_SECRETS = r"[\w.-]*(?:token|key|passw(?:or)?d|passphrase|pwd|secret|auth|sig(?:nature)?|credential|session)[\w.-]*"
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s?#]*@")
_QUERY_VALUE = re.compile(rf"(?i)\b({_SECRETS}=)[^&#\s\"']+")
_OPTION_VALUE = re.compile(rf"(?i)(?<!\S)(--?{_SECRETS}\s+)[^\s]+")


class SpecError(CcmusicError):
    """The text of an input cannot be understood."""


def redact(text: str) -> str:
    """`text` with the credentials of URLs and the values of secret-looking parameters replaced by ***.

    Bytes that are no text are replaced, too, by U+FFFD.
    """
    text = _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
    text = _USERINFO.sub(r"\1***@", text)
    text = _QUERY_VALUE.sub(r"\1***", text)
    return _OPTION_VALUE.sub(r"\1***", text)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source. `target`: the device's name, the path or URL, the command line; empty where the kind says it all."""

    kind: Kind
    target: str = ""

    @property
    def is_url(self) -> bool:
        """Whether the source is reached over the network."""
        return self.kind == "media" and _is_url(self.target)

    @property
    def live(self) -> bool:
        """Whether the source is expected to go on for ever; what the child finds out overrules it."""
        return self.kind in {"soundcard", "demo"} or self.is_url

    @property
    def redacted(self) -> str:
        """The source as people may see it."""
        if self.kind == "media":
            return redact(self.target)
        if self.kind == "stdin":
            return "-"
        return redact(f"{self.kind}:{self.target}") if self.target else self.kind

    def hide(self, text: str) -> str:
        """`text` without this source's secrets, however a library spelt them."""
        text = text.replace(self.target, redact(self.target)) if self.target else text
        if self.is_url:
            password = urlsplit(self.target).password
            for spelling in {password, unquote(password)} if password else ():
                text = text.replace(spelling, "***")
        return redact(text)


def parse_spec(text: str) -> SourceSpec:
    """The source that `text` names.

    Raises:
        SpecError: the text is empty, holds a NUL, or names a scheme that is not an input.
    """
    if not text.strip():
        raise SpecError(f"The input is empty: {_EXPECTED}.")
    if "\0" in text:
        raise SpecError(f"The input {text!r} holds a NUL character: {_EXPECTED}.")
    if text == "-":
        return SourceSpec("stdin")
    if text in {"demo", "soundcard"}:
        return SourceSpec(text)  # type: ignore[arg-type]  # the two literals just tested
    scheme = _SCHEME.match(text)
    if scheme is None:
        return SourceSpec("media", _checked_path(text))
    return _with_scheme(scheme[1].lower(), text, text[scheme.end() :])


def _with_scheme(scheme: str, text: str, rest: str) -> SourceSpec:
    if scheme == "soundcard":
        if not rest.strip():
            raise SpecError('The input "soundcard:" lacks the device\'s name: write soundcard for the default device.')
        return SourceSpec("soundcard", rest.strip())
    if scheme == "exec":
        return SourceSpec("exec", _checked_command(rest))
    if scheme == "file":
        return SourceSpec("media", _file_path(text, rest))
    if scheme in {"http", "https", "rtp"}:
        return SourceSpec("media", _checked_url(scheme, text, rest))
    raise SpecError(
        f"The input {redact(text)!r} has the scheme {scheme!r}, which is not an input: {_EXPECTED}. "
        "A file whose name looks like that is written ./name."
    )


def _checked_command(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SpecError(f"The command of {redact('exec:' + command)!r} cannot be read: {error}.") from None
    if not words:
        raise SpecError('The input "exec:" lacks its command: expected exec:command and its arguments.')
    return command


def _checked_path(path: str) -> str:
    try:
        Path(path).expanduser()
    except RuntimeError:
        raise SpecError(f"The input {path!r} has no home folder: there is no such user.") from None
    return path


def _file_path(text: str, rest: str) -> str:
    path = rest
    if rest.startswith("//"):
        parts = urlsplit(text)
        if parts.netloc not in {"", "localhost"}:
            raise SpecError(f"The input {text!r} names the host {parts.netloc!r}: a file: input is on this machine.")
        path = unquote(rest[2 + len(parts.netloc) :])
    if not path or "\0" in path:
        raise SpecError(f"The input {text!r} names no file: expected file:path.")
    return path


def _checked_url(scheme: str, text: str, rest: str) -> str:
    if _CONTROL.search(text) or " " in text:
        raise SpecError(f"The address {redact(text)!r} holds a space or a control character.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SpecError(f"The address {redact(text)!r} cannot be read: {error}.") from None
    if not rest.startswith("//") or not host:
        raise SpecError(f"The address {redact(text)!r} lacks its host: expected {scheme}://host…")
    if scheme == "rtp" and port is None:
        raise SpecError(f"The address {redact(text)!r} lacks its port: expected rtp://address:port.")
    return _normal(parts)


def _normal(parts: SplitResult) -> str:
    # The fragment never goes to a server, and the scheme is compared in lower case from here on.
    return parts._replace(scheme=parts.scheme.lower(), fragment="").geturl()


def _is_url(target: str) -> bool:
    return target.startswith(("http://", "https://", "rtp://"))
