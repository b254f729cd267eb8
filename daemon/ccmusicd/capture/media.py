"""Sound that PyAV decodes: local files, HTTP streams and downloads, HLS, RTP."""

import contextlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.container
import av.stream

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.icy import HttpStream, clean_title
from ccmusicd.capture.mono import Resampler, mean_of_channels
from ccmusicd.capture.output import InputRefusedError, Output, Pacer, SourceError
from ccmusicd.capture.spec import redact

_BOUNDS = {"probesize": str(2**20), "formatprobesize": str(2**18), "analyzeduration": "5000000"}
_STREAM_BOUNDS = {
    "probesize": str(2**16),
    "formatprobesize": str(2**14),
    "analyzeduration": "1000000",
}  # live, a second takes a second
_LONGEST_BURST_S = 30.0
_SNIFFED_BYTES = 1024
_PLAYLIST_FORMATS = {"hls", "concat", "dash", "sdp", "imf"}
_DAMAGED_IN_A_ROW = 100
_LONGEST_GAP_S = 10.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a server may keep us waiting, in seconds: until audio is recognised, and for each read after that."""

    open_s: float
    read_s: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A container whose audio can be decoded.

    `name` stands for it in messages; `live`: it has no end of its own; `genre`: what its server declares, or "".
    """

    container: av.container.InputContainer
    name: str
    live: bool
    refusal: type[SourceError]  # raised when its content is of no use
    genre: str = ""


def play_file(path: str, output: Output, *, loop: bool, real_time: bool) -> None:
    """Play a local file to its end, or for ever.

    Raises:
        SourceError: permanent, 66: the file is missing or holds no audio that can be decoded.
    """
    output.pacer = Pacer() if real_time else None
    while True:
        before = output.samples
        with contextlib.closing(_open_file(Path(path).expanduser()).container) as container:
            play(Opened(container, repr(path), live=False, refusal=InputRefusedError), output)
        if not loop or output.samples == before:
            return


def check_file(path: str) -> None:
    """Open a local file and close it again, which is quick and refuses most files that cannot be played.

    Raises:
        SourceError: as `play_file`.
    """
    _open_file(Path(path).expanduser()).container.close()


def play_url(url: str, output: Output, timeouts: Timeouts, *, real_time: bool) -> None:
    """Play an HTTP, HLS or RTP address until it ends.

    Raises:
        SourceError: 69: it cannot be reached, stalls, or sends something other than audio.
    """
    opened = _open_rtp(url, timeouts) if url.startswith("rtp:") else _open_http(url, output, timeouts)
    if opened.live and opened.container.format.name == "hls":
        # Segments come at once, and then none for seconds. A little faster than real time, since the server's clock
        # may be: whoever lags behind loses the oldest segments.
        output.pacer = Pacer(rate=1.005, slack_s=5.0)
    elif real_time and not opened.live:
        output.pacer = Pacer()
    elif real_time:
        # A live server sends a burst of some seconds and then keeps time by itself; a recording sent without its
        # length would come as fast as the wire.
        output.pacer = Pacer(rate=1.005, slack_s=5.0, ahead_s=_LONGEST_BURST_S)
    play(opened, output)


def play(opened: Opened, output: Output) -> None:
    """Decode the best audio stream to its end; damaged packets are skipped, counted, and leave a gap."""
    container = opened.container
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise opened.refusal(f"{opened.name} holds no audio.")
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all
    if title := _tagged_title(container.metadata | stream.metadata):  # without tags, what ICY said stays
        output.title(title)
    _Decoder(opened, stream, output).run()


class _Decoder:
    """Decodes one stream packet by packet and follows every change of its format."""

    def __init__(self, opened: Opened, stream: av.AudioStream, output: Output) -> None:
        self._opened = opened
        self._stream = stream
        self._output = output
        self._resampler = Resampler()
        self._format: tuple[int, str] | None = None
        self._decoded = 0
        self._damaged = 0
        self._damaged_in_a_row = 0

    def run(self) -> None:
        for packet in self._packets():
            try:
                frames = packet.decode()
            except (av.InvalidDataError, av.PatchWelcomeError, av.UndefinedError, ValueError):
                self._skip(packet)
                continue
            for frame in frames:
                self._decoded += 1
                self._damaged_in_a_row = 0
                self._frame(frame)
        self._output.write(self._resampler.flush())
        if self._damaged >= self._decoded:
            # Even noise holds a few bytes that look like MPEG audio.
            raise self._opened.refusal(f"{self._opened.name} holds no audio that can be decoded.")

    def _packets(self) -> "Iterator[av.Packet[av.AudioStream]]":
        # A demuxer that meets damage raises; it can be asked again, and finds its way back.
        while True:
            try:
                yield from self._opened.container.demux(self._stream)
            except (av.InvalidDataError, av.PatchWelcomeError):
                self._count_damage("damaged data was skipped")
            except av.ExitError:
                raise SourceError(f"{self._opened.name} is stalled: no packet in time.") from None
            except (av.FFmpegError, OSError) as error:
                raise SourceError(f"{self._opened.name} broke off: {_reason(error)}.") from None
            else:
                return

    def _skip(self, packet: "av.Packet[av.AudioStream]") -> None:
        self._count_damage("damaged packets were skipped")
        if packet.duration and packet.time_base and self._format is not None:
            lost_s = float(packet.duration * packet.time_base)
            if 0 < lost_s <= _LONGEST_GAP_S:
                self._output.gap(round(lost_s * SAMPLE_RATE))

    def _count_damage(self, message: str) -> None:
        self._output.warn(message)
        self._damaged += 1
        self._damaged_in_a_row += 1
        if self._damaged_in_a_row >= _DAMAGED_IN_A_ROW:
            name = self._opened.name
            raise self._opened.refusal(f"{name} cannot be decoded: {_DAMAGED_IN_A_ROW} damaged packets in a row.")

    def _frame(self, frame: av.AudioFrame) -> None:
        if not frame.samples or not frame.sample_rate:
            return
        if self._format != (frame.sample_rate, frame.layout.name):
            self._format = (frame.sample_rate, frame.layout.name)
            self._tell_format(frame)
        self._output.write(self._resampler.feed(mean_of_channels(frame), frame.sample_rate))

    def _tell_format(self, frame: av.AudioFrame) -> None:
        duration = self._opened.container.duration
        self._output.format(
            frame.sample_rate,
            frame.layout.nb_channels,
            self._stream.codec_context.name,
            frame.layout.name,
            live=self._opened.live,
            duration_s=None if duration is None or self._opened.live else duration / av.time_base,
            genre=self._opened.genre,
        )


def _open_file(path: Path) -> Opened:
    name = repr(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputRefusedError(
                f"{name} is not a regular file: expected a sound file; a pipe is read with - or exec:."
            )
        with path.open("rb") as file:
            start = file.read(_SNIFFED_BYTES)
    except OSError as error:
        raise InputRefusedError(f"{name} cannot be read: {error.strerror}.") from None
    _refuse_text(start, name, InputRefusedError)
    try:
        # "file:" keeps a name such as "subfile,,…" from being taken for one of libav's own protocols.
        container = av.open(
            f"file:{path}", "r", options={**_BOUNDS, "protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as error:
        raise InputRefusedError(f"{name} is not audio that can be read: {_reason(error)}.") from None
    _refuse_playlist(container, name, InputRefusedError)
    return Opened(container, name, live=False, refusal=InputRefusedError)


def _open_http(url: str, output: Output, timeouts: Timeouts) -> Opened:
    name = redact(url)
    stream = HttpStream(url, open_timeout_s=timeouts.open_s, read_timeout_s=timeouts.read_s, on_title=output.title)
    start = stream.peek(_SNIFFED_BYTES)
    if _is_hls(start):
        stream.close()
        return _open_hls(stream.url, name, timeouts)
    _refuse_text(start, name, SourceError, content_type=stream.content_type)
    try:
        # No protocol at all: whatever the body turns out to be, it cannot make libav open anything else.
        options = {**_STREAM_BOUNDS, "protocol_whitelist": "none"}
        container = av.open(stream, "r", options=options, metadata_errors="replace", buffer_size=4096)
    except (av.FFmpegError, ValueError) as error:
        raise SourceError(f"{name} is not audio that can be read: {_reason(error)}.") from None
    _refuse_playlist(container, name, SourceError)
    stream.opened()
    return Opened(container, name, live=stream.length is None, refusal=SourceError, genre=stream.genre)


def _open_hls(url: str, name: str, timeouts: Timeouts) -> Opened:
    def fetch(address: str, _flags: int, options: dict[str, str]) -> HttpStream:
        if urlsplit(address).scheme not in {"http", "https"}:
            raise SourceError(f"{name} refers to {redact(address)!r}: expected http(s) addresses, not encrypted.")
        stream = HttpStream(
            address, open_timeout_s=timeouts.open_s, read_timeout_s=timeouts.read_s, on_title=lambda _title: None
        )
        stream.opened()
        if offset := int(options.get("offset", "0")):
            stream.seek(offset)
        return stream

    try:
        # Libav only reads the playlists and asks for addresses; it opens none itself, and no private scheme.
        container = av.open(
            url,
            "r",
            format="hls",
            options={**_STREAM_BOUNDS, "http_persistent": "0"},
            io_open=fetch,
            timeout=(timeouts.open_s, None),  # between two segments silence is in order
            metadata_errors="replace",
        )
    except av.ExitError:
        raise SourceError(f"{name} sent nothing recognisable as audio in {timeouts.open_s:g} s.") from None
    except (av.FFmpegError, ValueError) as error:
        raise SourceError(f"{name} cannot be opened: {_reason(error)}.") from None
    return Opened(container, name, live=container.duration is None, refusal=SourceError)


def _open_rtp(url: str, timeouts: Timeouts) -> Opened:
    try:
        container = av.open(
            url,
            "r",
            format="rtp",
            options={**_STREAM_BOUNDS, "protocol_whitelist": "rtp,udp"},
            timeout=(timeouts.open_s, timeouts.read_s),
            metadata_errors="replace",
        )
    except av.ExitError:
        raise SourceError(f"{url} sent nothing recognisable as audio in {timeouts.open_s:g} s.") from None
    except (av.FFmpegError, ValueError) as error:
        # Without a session description, only RTP payload types with a fixed meaning tell what they carry.
        expected = "expected MPEG audio, an MPEG transport stream or G.711"
        raise SourceError(f"{url} cannot be opened: {_reason(error)} ({expected}).") from None
    return Opened(container, url, live=True, refusal=SourceError)


def _is_hls(start: bytes) -> bool:
    return start.lstrip(b"\xef\xbb\xbf").startswith(b"#EXTM3U") and b"#EXT-X-" in start


def _refuse_text(start: bytes, name: str, refusal: type[SourceError], content_type: str = "") -> None:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    head = text[:200].lower()
    if not start:
        raise refusal(f"{name} is empty.")
    if head.startswith((b"<!doctype html", b"<html")) or content_type == "text/html":
        raise refusal(f"{name} is a web page, not audio.")
    if head.startswith((b"#extm3u", b"[playlist]", b"ffconcat")) or re.match(rb"(https?|file)://", head):
        inside = re.search(rb"https?://[^\s\"'<>]+", text)
        hint = f"; it names {redact(inside[0].decode('utf-8', 'replace'))}" if inside else ""
        raise refusal(f"{name} is a playlist, not audio{hint}.")


def _refuse_playlist(container: av.container.InputContainer, name: str, refusal: type[SourceError]) -> None:
    kind = set(container.format.name.split(","))
    if kind & _PLAYLIST_FORMATS:
        container.close()
        raise refusal(f"{name} is a playlist ({container.format.name}), not audio.")


def _tagged_title(tags: dict[str, str]) -> str:
    plain = {key.lower(): clean_title(value) for key, value in tags.items()}
    return clean_title(" - ".join(filter(None, (plain.get("artist"), plain.get("title")))))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
