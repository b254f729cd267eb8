"""The doctor's look at weights, record, broker and sources: real files, a real broker, a real capture."""

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.models.bundle import Bundle, read_bundle
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.spec import parse_spec
from ccmusicd.doctor.parts import check_broker, check_database, check_source, check_weights
from ccmusicd.publish.broker import parse_broker


@pytest.fixture
def bundle(light_bundle: Path, tmp_path: Path) -> Bundle:
    """A bundle whose one model has the file `weights`, of the bytes "whole"."""
    seeded = read_bundle(light_bundle)
    (tmp_path / "weights").write_bytes(b"whole")
    digest = hashlib.sha256(b"whole").hexdigest()
    model = replace(seeded.models[0], file="weights", sha256=digest, seed=None, folder=tmp_path)
    return replace(seeded, models=(model,), trained=True)


def test_weights_are_whole_or_not(bundle: Bundle, tmp_path: Path, light_bundle: Path) -> None:
    file = tmp_path / "weights"
    assert [found.level for found in check_weights(bundle, bundle.models)] == ["ok"]
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "pointer of git-lfs" in check_weights(bundle, bundle.models)[0].text
    file.write_bytes(b"half")
    (found,) = check_weights(bundle, bundle.models)
    assert (found.level, found.exit_code) == ("problem", 78)
    file.unlink()
    assert "No such file" in check_weights(bundle, bundle.models)[0].text
    seeded = read_bundle(light_bundle)
    assert [found.level for found in check_weights(seeded, seeded.models)] == ["ok", "warning"]


def test_a_record_is_read_and_none_is_made(tmp_path: Path) -> None:
    file = tmp_path / "timeline.sqlite"
    assert "no record yet" in check_database(f"sqlite:///{file}").text
    assert not file.exists()
    file.write_text("no database at all, but long enough to be taken for one at the first glance" * 20)
    assert check_database(f"sqlite:///{file}").level == "problem"
    file.unlink()
    with sqlite3.connect(file) as newer:
        newer.execute("CREATE TABLE segments (id INTEGER)")
        newer.execute("PRAGMA user_version = 999")
    newer.close()
    assert "version 999" in check_database(f"sqlite:///{file}").text


async def test_a_broker_takes_the_daemon_refuses_it_or_is_away(broker: Any, free_port: Callable[[], int]) -> None:
    away = await check_broker(parse_broker(f"mqtt://127.0.0.1:{free_port()}"), "ccmusic-x-doctor")
    assert away.level == "problem"
    assert "away" in away.text
    broker.start(password=("dj", "right"))
    url = f"mqtt://dj@127.0.0.1:{broker.port}"
    assert (await check_broker(parse_broker(url, password="right"), "ccmusic-x-doctor")).level == "ok"  # noqa: S106
    refused = await check_broker(parse_broker(url, password="wrong"), "ccmusic-x-doctor")  # noqa: S106
    assert refused.level == "problem"
    assert "refuses" in refused.text
    assert "wrong" not in refused.text


async def test_a_source_is_listened_to_for_a_moment(
    make_music: Callable[..., NDArray[np.float32]], write_wav: Callable[[NDArray[np.float32]], Path], tmp_path: Path
) -> None:
    options = CaptureOptions()
    sounds = await check_source("tape", parse_spec(str(write_wav(make_music(30)))), options)
    assert (sounds.level, sounds.part) == ("ok", "station tape")
    assert "rate 22050" in sounds.text
    gone = await check_source("tape", parse_spec(str(tmp_path / "none.mp3")), options)
    assert gone.level == "problem"
    assert "No such file" in gone.text


async def test_what_a_look_would_change_is_left_alone(tmp_path: Path) -> None:
    for text in ("-", f"exec:touch {tmp_path / 'touched'}"):
        found = await check_source("a", parse_spec(text), CaptureOptions())
        assert found.level == "ok"
        assert "is not tried" in found.text
    assert list(tmp_path.iterdir()) == []
