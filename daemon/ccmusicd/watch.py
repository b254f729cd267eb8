"""`ccmusicd watch`: a daemon's live probabilities in a terminal, or one line a hop when the output is no terminal."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, WebSocketException

from ccmusic_stream.errors import CcmusicError

_DEFAULT_PORT = 8765
_CONNECT_TIMEOUT_S = 5.0
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024
_SILENCE_S = 10.0
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 10.0
_NOT_ADMITTED = 4401  # the daemon's close code when the token is missing
_TOP = 5
_BAR = 24
_QUIETEST_DBFS = -60.0
_SEVERITY_STYLES = {"warning": "yellow", "alarm": "red"}
_BAND_STYLES = {"reliable": "green", "check": "yellow", "unsure": "red"}


class WatchError(CcmusicError):
    """Nothing that speaks our protocol answers at the address."""

    exit_code = os.EX_UNAVAILABLE


class AddressError(WatchError):
    """What was given is no address."""

    exit_code = os.EX_USAGE


class TokenError(WatchError):
    """The daemon lets in only those who show its token."""

    exit_code = os.EX_NOPERM


async def watch(url: str, *, token: str | None = None, console: Console | None = None) -> None:
    """Show the daemon at `url` until cancelled, reconnecting by itself.

    `url` is http(s)://, ws(s):// or host[:port]; the path to `/ws` is added. `WatchError` when nothing answers at
    first, `TokenError` when `token` is not the one that is asked for. On a console that is no terminal, each hop and
    each notice is one line. Returns when the reader of the output is gone.
    """
    address = websocket_address(url)
    console = console or Console()
    screen = _Screen()
    connection = await _first(address, token)
    with suppress(BrokenPipeError):
        if not console.is_terminal:
            async for message in _messages(address, connection, token):
                screen.hear(message)
                for text in _lines(message):
                    _print_line(console, text)
                if message.get("type") == "lost":
                    sys.stderr.write(f"connection to {address} lost; trying again\n")
            return
        with Live(screen.draw(), console=console, auto_refresh=False, screen=False) as live:
            async for message in _messages(address, connection, token):
                screen.hear(message)
                live.update(screen.draw(), refresh=True)


def read_token(file: Path) -> str:
    """The token that a file holds; `TokenError` when it cannot be read or holds what is none."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is no text of ASCII"
        raise TokenError(f"{file}: cannot be read: {why}") from None
    if not token or any(not "!" <= char <= "~" for char in token):
        raise TokenError(f"{file}: holds no token, which is characters without spaces")
    return token


def websocket_address(url: str) -> str:
    """The address of `/ws` for what a person types; `AddressError` when it is none."""
    text = url.strip() if "://" in url else f"ws://{url.strip()}"
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise AddressError(f"{url!r} is not an address to watch: {error}") from None
    schemes = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}
    if parts.scheme not in schemes or not host:
        raise AddressError(
            f"{url!r} is not an address to watch; expected http://HOST:PORT, ws://HOST:PORT or HOST[:PORT]"
        )
    if port is None and "://" not in url:
        port = _DEFAULT_PORT
    shown = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    path = path if path.endswith("/ws") else f"{path}/ws"
    return f"{schemes[parts.scheme]}://{shown}{'' if port is None else f':{port}'}{path}"


def line(hop: Mapping[str, Any]) -> str:
    """One hop as one line of text, for logs and pipes."""
    rolling = ", ".join(f"{slug} {p:.2f}" for slug, p in _best(hop["rolling"], 3))
    genre = f"{hop['genre']} {hop['probability']:.2f}" if hop["genre"] and hop["probability"] is not None else "-"
    untrained = "" if hop["trained"] else "  (untrained)"
    level = hop["level"]["rms_dbfs"]
    return plain(
        f"{hop['time']}  {hop['station']}  {hop['state']}  {genre}  {hop['band']}  agreement {hop['agreement']:.2f}  "
        f"{level:.1f} dBFS  [{rolling}]{untrained}"
    )


def notice_line(notice: Mapping[str, Any]) -> str:
    """One notice as one line of text."""
    subject = f"{notice['kind']} {notice['name']}".strip()
    return plain(
        f"{notice['time']}  {notice['station']}  notice {notice['change']}  {notice['severity']}  {subject}: "
        f"{notice['text']}"
    )


def plain(text: str) -> str:
    """Text of a stranger (a title, a name) without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


async def _first(address: str, token: str | None) -> ClientConnection:
    try:
        return await _connect(address, token)
    except (InvalidHandshake, InvalidMessage) as error:
        raise WatchError(f"something answers at {address}, but it is no ccmusicd ({plain(str(error))})") from None
    except (OSError, TimeoutError, WebSocketException) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer in time"
        raise WatchError(f"nothing answers at {address} ({reason}); is ccmusicd running there?") from None


async def _connect(address: str, token: str | None) -> ClientConnection:
    try:
        connection = await connect(
            address,
            open_timeout=_CONNECT_TIMEOUT_S,
            max_size=_MAX_MESSAGE_BYTES,
            proxy=None,
            additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
        )
    except InvalidStatus as refusal:
        if refusal.response.status_code == HTTPStatus.UNAUTHORIZED:
            raise _token_error(address) from None
        raise
    await connection.send(json.dumps({"type": "subscribe", "topics": ["hop", "status", "title", "level", "notice"]}))
    return connection


def _token_error(address: str) -> TokenError:
    return TokenError(f"{address} wants its token: name a file that holds it with --token-file")


async def _messages(address: str, connection: ClientConnection, token: str | None) -> AsyncIterator[Mapping[str, Any]]:
    """The daemon's messages for ever; {"type": "lost"} at each loss, then the next connection's."""
    delay_s = _FIRST_DELAY_S
    current: ClientConnection | None = connection
    try:
        while True:
            try:
                current = current or await _connect(address, token)
                while True:
                    # The daemon speaks each second: one that is silent for so long is gone, whatever TCP believes.
                    async with asyncio.timeout(_SILENCE_S):
                        text = await current.recv()
                    delay_s = _FIRST_DELAY_S
                    if isinstance(text, str):
                        yield json.loads(text)
            except (OSError, TimeoutError, WebSocketException, ValueError) as error:
                if isinstance(error, ConnectionClosed) and error.rcvd and error.rcvd.code == _NOT_ADMITTED:
                    raise _token_error(address) from None
                if current is not None:
                    await current.close()
                    current = None
                    yield {"type": "lost"}
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
    finally:
        if current is not None:
            await current.close()


def _lines(message: Mapping[str, Any]) -> Iterator[str]:
    """What is said of a message where there is no screen: hops, notices, and at first the notices that hold."""
    if message.get("type") == "hop":
        yield line(message)
    elif message.get("type") == "notice":
        yield notice_line(message)
    elif message.get("type") == "snapshot":
        yield from (notice_line(notice) for now in message["stations"].values() for notice in now["notices"])


def _print_line(console: Console, text: str) -> None:
    console.file.write(f"{text}\n")
    console.file.flush()


def _best(probabilities: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    return sorted(probabilities.items(), key=lambda item: -item[1])[:count]


class _Screen:
    """What is known of the daemon, drawn as one panel a station."""

    def __init__(self) -> None:
        self._hello: Mapping[str, Any] = {}
        self._names: dict[str, str] = {}
        self._hops: dict[str, Mapping[str, Any]] = {}
        self._levels: dict[str, Mapping[str, Any]] = {}
        self._statuses: dict[str, Mapping[str, Any]] = {}
        self._notices: dict[str, Mapping[str, Any]] = {}
        self._lost = False

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take one message in."""
        kind, station = message.get("type"), message.get("station", "")
        self._lost = kind == "lost"
        if kind == "hello":
            self._hello = message
            self._names = {station["id"]: station["name"] for station in message["stations"]}
        elif kind == "snapshot":
            self._notices.clear()
            for latest in message["stations"].values():
                for part in (*latest["notices"], latest["status"], latest["hop"]):
                    self.hear(part or {})
        elif kind == "hop":
            self._hops[station] = message
            self._levels[station] = message["level"]
        elif kind == "level":
            self._levels[station] = message
        elif kind == "status":
            self._statuses[station] = message
        elif kind == "notice":
            self._notices.pop(message["id"], None)
            self._notices |= {message["id"]: message} if message["change"] == "raised" else {}

    def draw(self) -> RenderableType:
        """Everything, top to bottom."""
        parts: list[RenderableType] = []
        if self._lost:
            parts.append(Text("connection lost; trying again", style="bold red"))
        if self._hello and not self._hello["trained"]:
            parts.append(Text("These models are not trained: the genres mean nothing yet.", style="bold yellow"))
        parts += [self._station(station, name) for station, name in self._names.items()]
        return Group(*parts or [Text("waiting for the daemon")])

    def _station(self, station: str, name: str) -> RenderableType:
        hop, status = self._hops.get(station), self._statuses.get(station)
        state = (status or hop or {"state": "starting"})["state"]
        rows: list[RenderableType] = [
            *(_notice(notice) for notice in self._notices.values() if notice["station"] == station),
            self._headline(state, hop, status),
            _level(self._levels.get(station)),
        ]
        if hop and state in {"music", "speech", "uncertain"}:
            rows += [_rolling(hop), _votes(hop)]
        return Panel(Group(*rows), title=Text(plain(name)), title_align="left")

    def _headline(self, state: str, hop: Mapping[str, Any] | None, status: Mapping[str, Any] | None) -> Text:
        text = Text(state.replace("_", " "))
        if hop and hop["genre"] and state in {"music", "speech"}:
            style = _BAND_STYLES.get(hop["band"], "")
            text.append(f"  {self._label(hop['genre'])}", style="bold")
            text.append(f"  {hop['band']}", style=style)
            text.append(f"  agreement {hop['agreement']:.0%}")
        if status and status["source"]["error"]:
            text.append(f"  {plain(status['source']['error'])}", style="red")
        elif status and status["source"]["title"]:
            text.append(f"  {plain(status['source']['title'])}", style="italic")
        return text

    def _label(self, slug: str) -> str:
        for label in self._hello.get("labels", ()):
            if label["slug"] == slug:
                return plain(str(label["en"]))
        return plain(slug)


def _notice(notice: Mapping[str, Any]) -> Text:
    text = Text(f"{notice['severity']}: ", style=f"bold {_SEVERITY_STYLES.get(notice['severity'], '')}".strip())
    return text.append(plain(notice["text"]), style="not bold")


def _level(level: Mapping[str, Any] | None) -> Text:
    rms = level["rms_dbfs"] if level else -120.0
    filled = _filled(1 - rms / _QUIETEST_DBFS)
    style = "red" if level and level["clipped"] else "green"
    return Text.assemble("level  ", (_bar(filled), style), f"  {rms:.1f} dBFS")


def _rolling(hop: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1))
    for slug, p in _best(hop["rolling"], _TOP):
        table.add_row(Text(plain(slug)), Text(_bar(_filled(p)), style="cyan"), Text(f"{p:6.1%}"))
    return table


def _votes(hop: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1))
    for name, vote in hop["models"].items():
        if vote["top5"]:
            slug, p = vote["top5"][0]
            table.add_row(Text(plain(name), style="dim"), Text(plain(slug)), Text(f"{p:6.1%}"))
        else:
            table.add_row(
                Text(plain(name), style="dim"), Text(plain(vote["error"] or "no vote"), style="red"), Text("")
            )
    return table


def _filled(share: float) -> int:
    return round(_BAR * min(1.0, max(0.0, share)))


def _bar(filled: int) -> str:
    return "█" * filled + "·" * (_BAR - filled)
