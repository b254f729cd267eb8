"""Clips uploaded to a running daemon: told as `classify` tells them, while the station loses no hop."""

import asyncio
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccmusic_stream.labels import Label, Labels
from ccmusicd.clips import OUTLINE_PARTS, BusyError, Clips, RefusedClipError
from ccmusicd.hub import About, Hub
from ccmusicd.protocol.schema import schema
from ccmusicd.requests import Requests

Music = Callable[..., NDArray[np.float32]]
Write = Callable[[NDArray[np.float32]], Path]

CLIPS = "/api/v1/clips"


def check(answer: Any, name: str = "ClipAnswer") -> None:
    whole = {**schema(), "$ref": f"#/$defs/{name}"}
    jsonschema.Draft202012Validator(whole).validate(answer)


def check_seen(text: str, found: dict[str, Any]) -> None:
    """The lines say what the one answer `found` says, and show what the networks saw of each window."""
    clip, *windows, end = map(json.loads, text.splitlines())
    for part, name in ((clip, "ClipLine"), (windows[0], "WindowLine"), (end, "EndLine")):
        check(part, name)
    assert (clip["file"], clip["duration_s"], clip["windows"]) == ("a song.wav", 26.0, 3)
    assert len(clip["outline"]) == OUTLINE_PARTS
    assert max(high for _, high in clip["outline"]) > 0.05
    assert (end["warnings"], end["advice"]) == (found["warnings"], found["advice"])
    assert [window["start_s"] for window in windows] == [0.0, 10.0, 20.0]
    pictures = [base64.b64decode(picture["png"]) for window in windows for picture in window["seen"]["pictures"]]
    assert len(set(pictures)) == 6
    assert {Image.open(io.BytesIO(picture)).size for picture in pictures} == {(224, 224)}
    for window, same in zip(windows, found["windows"], strict=True):
        assert window["ensemble"] == pytest.approx(same["ensemble"], abs=1e-6)
        spectrograms = window["seen"]["spectrograms"]
        assert [(each["kind"], each["bins"], each["columns"]) for each in spectrograms] == [
            ("cqt", 84, 431),
            ("mel", 128, 431),
        ]
        for each in spectrograms:
            assert len(base64.b64decode(each["levels"])) == each["bins"] * each["columns"]


def as_classified(commands: Any, bundle: Path, file: Path) -> dict[str, Any]:
    line = ("classify", "--json", "--clip", "all", "--runtime", "auto", "--bundle", str(bundle), str(file))
    found: dict[str, Any] = json.loads(commands.run(*line).stdout)
    return found


async def test_a_clip_is_told_as_by_classify_and_no_hop_is_lost(
    daemon: Callable[..., Any],
    light_bundle: Path,
    commands: Any,
    make_music: Music,
    write_wav: Write,
    wait_until: Callable[..., None],
    tmp_path: Path,
) -> None:
    scratch = tmp_path / ("scratch" * 12)  # longer than the address of a Unix socket may be: the fork server's
    scratch.mkdir()
    running = daemon("--input", "demo", CCMUSIC_CLIPS__MINUTES="0.5", TMPDIR=str(scratch))
    file = write_wav(make_music(26))
    classified = as_classified(commands, light_bundle, file)
    wait_until(running.ready, 240, "readiness")
    async with httpx.AsyncClient(base_url=running.address, trust_env=False, timeout=200) as client:
        sound = file.read_bytes()
        one, two, broken = await asyncio.gather(
            client.post(CLIPS, content=sound, params={"name": "a song.wav", "clip": "all"}),
            client.post(CLIPS, content=sound),
            client.post(CLIPS, content=sound[:30]),
        )
        assert [answer.status_code for answer in (one, two, broken)] == [200, 200, 422]
        long = await client.post(CLIPS, content=write_wav(make_music(31)).read_bytes())
        assert long.status_code == 422
        assert long.json()["error"].endswith(": it is longer than 0.5 min, the most that is analysed")
        asked = {"name": "a song.wav", "clip": "all", "format": "jsonl", "pictures": "yes"}
        seen = await client.post(CLIPS, content=sound, params=asked)
        station = (await client.get("/api/v1/now")).json()["stations"]["input"]
    assert len(two.json()["windows"]) == 1
    found = one.json()
    check(found)
    assert (found["file"], found["duration_s"], found["trained"]) == ("a song.wav", 26.0, False)
    assert found["warnings"] == classified["warnings"]
    assert [window["start_s"] for window in found["windows"]] == [0.0, 10.0, 20.0]
    for ours, theirs in zip(found["windows"], classified["windows"], strict=True):
        for name, vote in ours["models"].items():
            assert vote["probabilities"] == pytest.approx(theirs["models"][name]["probabilities"], abs=0.02)
        assert ours["ensemble"] == pytest.approx(theirs["ensemble"], abs=0.02)
        assert (ours["band"], ours["end_s"]) == (theirs["band"], theirs["end_s"])
    check_seen(seen.text, found)
    assert station["status"]["dropped_hops"] == 0
    assert station["status"]["analyzer"]["restarts"] == 0
    wait_until(lambda: not list(scratch.glob("ccmusic-*")), 10, "an empty folder")


@pytest.fixture
def hub() -> Hub:
    labels = Labels([Label("rock", "Rock", "摇滚"), Label("jazz", "Jazz", "爵士")])
    return Hub(About("desk", "starter", trained=True, labels=labels, models=(), stations=()))


async def test_without_the_analyzer_it_is_for_later(hub: Hub, make_music: Music, write_wav: Write) -> None:
    clips = Clips(hub, Requests(lambda: None), longest_s=60)
    with pytest.raises(BusyError, match="being loaded"):
        await clips.analyse(write_wav(make_music(3)), "x", "centre")


async def test_live_work_that_leaves_no_time_is_told(hub: Hub, make_music: Music, write_wav: Write) -> None:
    requests = Requests(lambda: None)
    requests.open()
    clips = Clips(hub, requests, longest_s=60, longest_analysis_s=6.0)
    waiting = asyncio.create_task(clips.analyse(write_wav(make_music(3)), "x", "centre"))
    while not len(requests):
        await asyncio.sleep(0.01)
        assert not waiting.done()
    assert requests.next(hop_is_due=True) is None
    with pytest.raises(BusyError, match="no time for it"):
        await waiting


async def test_what_is_no_sound_never_reaches_the_analyzer(hub: Hub, tmp_path: Path) -> None:
    requests = Requests(lambda: None)
    requests.open()
    file = tmp_path / "clip"
    file.write_bytes(b"<html>")
    with pytest.raises(RefusedClipError, match="it is a web page, not audio"):
        await Clips(hub, requests, longest_s=60).analyse(file, "x", "centre")
    assert len(requests) == 0
