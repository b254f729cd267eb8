import asyncio
import base64
import functools
import http.server
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.mono import Resampler, mean_of_channels


def _sine(frequency: int, rate: int, seconds: float) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=frequency={frequency}:sample_rate={rate}:duration={seconds}")


@pytest.mark.parametrize(
    ("name", "rate", "encoding"),
    [
        ("a.mp3", 44_100, ("-ac", "2", "-b:a", "128k")),
        ("a.opus", 48_000, ("-c:a", "libopus")),
        ("a.flac", 96_000, ("-ac", "2", "-sample_fmt", "s32")),
        ("a.m4a", 48_000, ("-c:a", "aac")),
        ("a.wav", 8_000, ()),
        ("u8.wav", 11_025, ("-c:a", "pcm_u8")),
        ("seven.wav", 48_000, ("-ac", "8", "-channel_layout", "7.1")),
        ("a.ogg", 22_050, ("-c:a", "libvorbis", "-ac", "2")),
    ],
)
async def test_every_format_rate_and_layout_becomes_the_same_sine(
    name: str,
    rate: int,
    encoding: tuple[str, ...],
    tmp_path: Path,
    ffmpeg: Callable[..., Path],
    play: Callable[..., Any],
    frequency: Callable[..., float],
) -> None:
    path = ffmpeg(tmp_path / name, *_sine(440, rate, 2.0), *encoding)

    ended, sink = await play(str(path))

    assert (ended.reason, ended.exit_code) == ("eof", 0)
    assert sink.samples == pytest.approx(2 * SAMPLE_RATE, abs=2048 * SAMPLE_RATE / rate)
    assert frequency(sink.sound) == pytest.approx(440, abs=1)
    # lavfi's sine has an amplitude of 1/8; ffmpeg's own upmix to 7.1 decides how many of the channels carry it.
    assert 0.005 < np.abs(sink.sound).max() < 0.2
    assert sink.formats[0]["rate"] == rate
    assert sink.formats[0]["live"] is False
    assert sink.formats[0]["duration_s"] == pytest.approx(2.0, abs=0.1)


async def test_mono_is_the_mean_of_all_channels(
    tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any]
) -> None:
    """Libav's own downmix would drop the low-frequency channel and weigh the others."""
    levels = "0.8|0.1|0.1|0.8|0.1|0.1|0.1|0.3"
    source = ("-f", "lavfi", "-i", f"aevalsrc={levels}:s=22050:c=7.1:d=0.5")
    path = ffmpeg(tmp_path / "levels.wav", *source, "-c:a", "pcm_f32le")

    _, sink = await play(str(path))

    np.testing.assert_allclose(sink.sound, np.full(11_025, 0.3), atol=1e-6)


@pytest.mark.parametrize("sample_format", ["u8", "s16", "s32p", "fltp", "dbl"])
def test_full_scale_is_one_in_every_sample_format(sample_format: str) -> None:
    loud = av.AudioFrame.from_ndarray(np.full((1, 64), 0.5, np.float32), "flt", "mono")
    loud.sample_rate = 8000
    (frame,) = av.AudioResampler(format=sample_format, layout="mono", rate=8000).resample(loud)

    np.testing.assert_allclose(mean_of_channels(frame), 0.5, atol=0.01)


def test_a_resampled_sound_does_not_depend_on_its_blocks() -> None:
    sound = np.random.default_rng(1).standard_normal(30_000).astype(np.float32)

    def through(sizes: Iterator[int]) -> np.ndarray[Any, Any]:
        resampler, rest, out = Resampler(), sound, []
        while len(rest):
            size = next(sizes)
            out.append(resampler.feed(rest[:size], 48_000))
            rest = rest[size:]
        return np.concatenate([*out, resampler.flush()])

    whole = through(iter([30_000]))
    pieces = through(iter(np.random.default_rng(2).integers(1, 3000, 30_000).tolist()))

    np.testing.assert_allclose(pieces, whole, atol=1e-6)
    assert len(whole) == pytest.approx(30_000 * SAMPLE_RATE / 48_000, abs=2)


# Seen to fail without: the new resampler at a new rate.
async def test_a_change_of_rate_and_layout_within_a_stream_is_followed(
    tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    parts = [
        ffmpeg(tmp_path / "1.mp3", *_sine(440, 44_100, 2.0), "-ac", "2", "-write_xing", "0", "-id3v2_version", "0"),
        ffmpeg(tmp_path / "2.mp3", *_sine(880, 48_000, 2.0), "-ac", "1", "-write_xing", "0", "-id3v2_version", "0"),
    ]
    path = tmp_path / "both.mp3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))

    _, sink = await play(str(path))

    # Libav's decoder gives the first frame of a new rate the old one.
    formats = [(fmt["rate"], fmt["channels"]) for fmt in sink.formats]
    assert (formats[0], formats[-1]) == ((44_100, 2), (48_000, 1))
    assert sink.samples == pytest.approx(4 * SAMPLE_RATE, abs=4000)
    assert frequency(sink.sound[:SAMPLE_RATE]) == pytest.approx(440, abs=2)
    assert frequency(sink.sound[-SAMPLE_RATE:]) == pytest.approx(880, abs=2)


# Seen to fail without: the skipping of a packet that cannot be decoded.
async def test_damaged_packets_are_skipped_and_counted(
    tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any]
) -> None:
    path = ffmpeg(tmp_path / "a.m4a", *_sine(440, 44_100, 5.0), "-c:a", "aac")
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(3)
    for place in random.integers(len(data) // 4, len(data) // 2, 40):
        data[place] ^= 0xFF
    path.write_bytes(data)

    ended, sink = await play(str(path))

    assert ended.reason == "eof"
    assert sum(count for _, count in sink.warnings) >= 5
    lost = sum(samples for what, samples in sink.log if what == "gap")
    assert lost > 0
    assert sink.samples + lost == pytest.approx(5 * SAMPLE_RATE, abs=2048)


async def test_a_file_plays_in_real_time(
    tmp_path: Path, ffmpeg: Callable[..., Path], started: Callable[..., Any]
) -> None:
    path = ffmpeg(tmp_path / "a.wav", *_sine(440, 22_050, 60.0))
    loop = asyncio.get_running_loop()
    async with started(str(path)) as running:
        await running.until(lambda: running.sink.samples)
        began, samples = loop.time(), running.sink.samples
        await running.more(1.5)
        assert (running.sink.samples - samples) / SAMPLE_RATE == pytest.approx(loop.time() - began, abs=0.35)


async def test_a_file_may_be_looped_without_a_seam(
    tmp_path: Path, ffmpeg: Callable[..., Path], started: Callable[..., Any]
) -> None:
    path = ffmpeg(tmp_path / "a.wav", *_sine(440, 22_050, 0.5))
    async with started(str(path), speed="max", at_end="loop") as running:
        await running.until(lambda: running.sink.samples > 10 * SAMPLE_RATE)
        assert running.sink.count("begin") == 1
        half = SAMPLE_RATE // 2
        np.testing.assert_array_equal(running.sink.sound[:half], running.sink.sound[half : 2 * half])


async def test_the_tags_of_a_file_give_its_title(
    tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any]
) -> None:
    tags = ("-metadata", "artist=Füße", "-metadata", "title=Eins\nzwei")
    path = ffmpeg(tmp_path / "a.mp3", *_sine(440, 44_100, 0.5), *tags)

    _, sink = await play(str(path))

    assert sink.titles == ["Füße - Eins zwei"]


async def test_a_video_with_sound_is_heard(
    tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1")
    path = ffmpeg(tmp_path / "a.mkv", *picture, *_sine(330, 44_100, 1.0), "-shortest")

    _, sink = await play(str(path))

    assert frequency(sink.sound) == pytest.approx(330, abs=2)


def _video(path: Path, ffmpeg: Callable[..., Path]) -> None:
    ffmpeg(path, "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-f", "matroska")


def _no_frames(path: Path, ffmpeg: Callable[..., Path]) -> None:
    ffmpeg(path, *_sine(440, 44_100, 1.0), "-f", "wav")
    path.write_bytes(path.read_bytes()[:78])


# Seen to fail without: the look at the first bytes.
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _path, _ffmpeg: None, "No such file"),
        (lambda path, _: path.mkdir(), "not a regular file"),
        (lambda path, _: os.mkfifo(path), "not a regular file"),
        (lambda path, _: path.touch(), "is empty"),
        (lambda path, _: path.write_text("<!DOCTYPE html><html></html>"), "web page"),
        (
            lambda path, _: path.write_text("#EXTM3U\nhttp://u:pw@radio.example/live\n"),
            r"playlist.*http://\*\*\*@radio",
        ),
        (lambda path, _: path.write_text("[playlist]\nFile1=/etc/passwd\n"), "is a playlist"),
        (lambda path, _: path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nx.ts\n"), "is a playlist"),
        (lambda path, _: path.write_text("ffconcat version 1.0\nfile /etc/passwd\n"), "is a playlist"),
        (lambda path, _: path.write_bytes(np.random.default_rng(1).bytes(300_000)), "can be decoded"),
        (lambda path, _: path.write_text("words " * 1000), "is not audio"),
        (_video, "holds no audio"),
        (_no_frames, "holds no audio"),
    ],
)
async def test_what_is_no_audio_is_refused_for_good(
    make: Callable[[Path, Callable[..., Path]], object],
    reason: str,
    tmp_path: Path,
    ffmpeg: Callable[..., Path],
    play: Callable[..., Any],
) -> None:
    path = tmp_path / "music.mp3"
    make(path, ffmpeg)

    ended, sink = await play(str(path))

    assert ended.exit_code == 66
    assert re.search(reason, ended.message), ended.message
    assert "\n" not in ended.message
    assert sink.samples < SAMPLE_RATE / 4
    assert sink.states[-1] == ("ended", ended.message, 0)


async def test_a_name_like_a_protocol_of_libav_stays_a_name(play: Callable[..., Any]) -> None:
    ended, _ = await play("subfile,,start,0,end,10,,:/etc/passwd")

    assert "No such file" in ended.message


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """An HTTP server of `tmp_path`; its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/redirect/"):
                self.send_response(302)
                self.send_header("Location", base64.urlsafe_b64decode(self.path[10:]).decode())
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _redirect(web: str, target: str) -> str:
    return f"{web}/redirect/{base64.urlsafe_b64encode(target.encode()).decode()}"


async def test_a_download_ends_like_a_file(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    ffmpeg(tmp_path / "a.mp3", *_sine(440, 44_100, 2.0))

    ended, sink = await play(_redirect(web, f"{web}/a.mp3"))

    assert ended.reason == "eof"
    assert sink.formats[0]["live"] is False
    assert sink.samples == pytest.approx(2 * SAMPLE_RATE, abs=1200)
    assert frequency(sink.sound) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "concat:/etc/passwd"])
async def test_a_redirect_to_another_scheme_is_refused(target: str, web: str, started: Callable[..., Any]) -> None:
    async with started(_redirect(web, target)) as running:
        await running.until(lambda: running.sink.errors)
        assert "expected an http(s) address" in running.sink.errors[0]


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("page", "<html><body>Off air</body></html>", "web page"),
        ("list.m3u", "#EXTM3U\nhttp://radio.example/live\n", "playlist.*http://radio.example/live"),
        ("nothing", "", "is empty"),
        ("text.mp3", "words " * 1000, "is not audio"),
    ],
)
async def test_an_address_without_audio_is_tried_again(
    name: str, body: str, reason: str, web: str, tmp_path: Path, started: Callable[..., Any]
) -> None:
    (tmp_path / name).write_text(body)
    async with started(f"{web}/{name}") as running:
        await running.until(lambda: running.sink.count("backoff") >= 2)
        assert re.search(reason, running.sink.errors[0]), running.sink.errors


async def test_a_missing_page_says_so(web: str, started: Callable[..., Any]) -> None:
    async with started(f"{web}/nothing.mp3?token=abc") as running:
        await running.until(lambda: running.sink.errors)
        assert "answers 404" in running.sink.errors[0]
        assert "abc" not in running.sink.errors[0]


async def test_hls_is_played_to_its_end(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    ffmpeg(tmp_path / "live.m3u8", *_sine(550, 44_100, 3.0), "-c:a", "aac", "-hls_time", "1", "-hls_list_size", "0")

    ended, sink = await play(f"{web}/live.m3u8")

    assert ended.reason == "eof"
    assert sink.samples == pytest.approx(3 * SAMPLE_RATE, abs=2500)
    assert frequency(sink.sound) == pytest.approx(550, abs=2)


# Seen to fail without: the list of schemes.
async def test_a_playlist_of_a_server_cannot_reach_a_local_file(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], started: Callable[..., Any]
) -> None:
    ffmpeg(tmp_path / "live.m3u8", *_sine(550, 44_100, 2.0), "-c:a", "aac", "-hls_time", "1", "-hls_list_size", "0")
    playlist = (tmp_path / "live.m3u8").read_text()
    (tmp_path / "evil.m3u8").write_text(re.sub(r"(live\d+\.ts)", rf"file://{tmp_path}/\1", playlist))

    async with started(f"{web}/evil.m3u8") as running:
        await running.until(lambda: running.sink.count("backoff"))
        assert running.sink.samples == 0
        assert "expected http(s) addresses" in running.sink.errors[0]


# Seen to fail without: the watchdog on a capture that is silent.
async def test_an_hls_playlist_that_freezes_is_reopened(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], started: Callable[..., Any]
) -> None:
    ffmpeg(tmp_path / "live.m3u8", *_sine(550, 44_100, 3.0), "-c:a", "aac", "-hls_time", "1", "-hls_list_size", "0")
    playlist = tmp_path / "live.m3u8"
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))

    async with started(f"{web}/live.m3u8", stall_s=2.0, speed="max") as running:
        await running.until(lambda: running.sink.count("running") >= 2, 25)
        assert "stalled" in running.sink.errors[0]
        assert running.sink.formats[0]["live"] is True


# Seen to fail without: the new resampler at a new rate.
async def test_an_hls_discontinuity_is_followed(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], play: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    ffmpeg(tmp_path / "1.ts", *_sine(440, 44_100, 2.0), "-ac", "2", "-c:a", "aac")
    ffmpeg(tmp_path / "2.ts", *_sine(880, 48_000, 2.0), "-ac", "1", "-c:a", "aac")
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
    parts = "#EXTINF:2.0,\n1.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n2.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "live.m3u8").write_text(head + parts)

    ended, sink = await play(f"{web}/live.m3u8")

    assert ended.reason == "eof"
    assert sink.samples == pytest.approx(4 * SAMPLE_RATE, abs=4000)
    assert frequency(sink.sound[:SAMPLE_RATE]) == pytest.approx(440, abs=2)
    assert frequency(sink.sound[-SAMPLE_RATE:]) == pytest.approx(880, abs=2)


async def test_an_hls_segment_that_is_missing_is_an_error(
    web: str, tmp_path: Path, ffmpeg: Callable[..., Path], started: Callable[..., Any]
) -> None:
    ffmpeg(tmp_path / "live.m3u8", *_sine(550, 44_100, 5.0), "-c:a", "aac", "-hls_time", "1", "-hls_list_size", "0")
    (tmp_path / "live2.ts").unlink()

    async with started(f"{web}/live.m3u8", speed="max") as running:
        await running.until(lambda: running.sink.count("begin") >= 2)
        assert "answers 404" in running.sink.errors[0]


async def test_rtp_is_heard(
    real_part: Callable[[str], str],
    free_port: Callable[[], int],
    started: Callable[..., Any],
    frequency: Callable[..., float],
) -> None:
    address = f"rtp://127.0.0.1:{free_port() & ~1}"
    mp3 = ("-c:a", "libmp3lame")
    feeder = subprocess.Popen(
        [real_part("ffmpeg"), "-v", "error", "-nostdin", "-re", *_sine(660, 44_100, 60), *mp3, "-f", "rtp", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with started(address) as running:
            await running.more(2.0, 20)
            assert running.sink.formats[0]["live"] is True
            assert frequency(running.sink.newest(1.0)) == pytest.approx(660, abs=2)
    finally:
        feeder.kill()
        feeder.wait()
