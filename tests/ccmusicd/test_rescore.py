"""`timeline rescore` in a process of its own: over kept hops of a record, and over a recording."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.models.bundle import read_bundle
from ccmusicd.comparison import Comparison
from ccmusicd.events import HopEvent, Level, ModelVote, SegmentEvent
from ccmusicd.onair import DecisionOptions, OnAir
from ccmusicd.publish.hops import HopCollector, Layout
from ccmusicd.publish.record import Record
from ccmusicd.publish.rows import SegmentRow, row_of_event
from ccmusicd.rescoring import KeptHops, Networks
from ccmusicd.stationplan import StationOptions

SECOND = 1_000_000
NOON_US = 1_777_629_600 * SECOND  # 2026-05-01T10:00Z

Rescore = Callable[..., "Any"]


class Kept:
    """A record that the real writer made: a minute and a half of jazz by the one model, of rock by the other."""

    def __init__(self, url: str, bundle: Path) -> None:
        self.bundle = read_bundle(bundle)
        self._labels = self.bundle.labels.slugs
        self._record = Record(url)
        self._record.open()
        self._collector = HopCollector(self.bundle.name, {m.name: m.fingerprint for m in self.bundle.models})
        self._segments: dict[str, SegmentEvent] = {}
        self._on_air = OnAir(
            "studio", self.bundle.labels, DecisionOptions(), NOON_US, trained=False, publish=self._take
        )
        self.now_us = NOON_US

    def _take(self, event: SegmentEvent) -> None:
        self._segments[event.id] = event

    def vote(self, said: Mapping[str, str], seconds: int) -> None:
        """So many hops on which each model was sure of a genre."""
        sure = {
            name: np.array([0.8 if slug == genre else 0.1 for slug in self._labels]) for name, genre in said.items()
        }
        blocks = []
        for _ in range(seconds):
            self.now_us += SECOND
            self._on_air.vote(sure, self.now_us, 1.0, -20.0)
            blocks.append(self._collector.add(self._hop(sure), 0.0))
        self._record.write_hops([block for block in blocks if block is not None])

    def _hop(self, sure: Mapping[str, NDArray[np.float64]]) -> HopEvent:
        votes = {name: dict(zip(self._labels, vote.tolist(), strict=True)) for name, vote in sure.items()}
        mean = dict(zip(self._labels, np.mean(list(sure.values()), axis=0).tolist(), strict=True))
        return HopEvent(
            station="studio", seq=1, end_sample=0, time_us=self.now_us, state="music", trained=False,
            models={name: ModelVote((), 1.0) for name in votes}, ensemble=mean, rolling=mean, genre=None,
            probability=None, since_us=NOON_US, agreement=1.0, divergence=0.0, contenders=(), band="unsure",
            level=Level(-20.0, -10.0), hop_ms=1.0, lag_s=0.1, dropped=0, votes=votes,
        )  # fmt: skip

    def end(self) -> None:
        """Write the rest."""
        self._on_air.close(self.now_us)
        self._record.write_hops(self._collector.take())
        self._record.write(list(self._segments.values()), [])
        self._record.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    return state


@pytest.fixture
def kept(state: Path, light_bundle: Path) -> Kept:
    kept = Kept(f"sqlite:///{state / 'timeline.sqlite'}", light_bundle)
    first, second = (model.name for model in kept.bundle.models)
    kept.vote({first: "jazz", second: "rock"}, 90)
    kept.vote({first: "speech", second: "speech"}, 60)
    kept.end()
    return kept


@pytest.fixture
def rescore(commands: Any, state: Path) -> Rescore:
    def run(*arguments: str) -> Any:
        return commands.run("timeline", "rescore", *arguments, "--state", str(state), "--tz", "UTC")

    return run


def varied(bundle: Path, folder: Path, change: Callable[[str], str]) -> Path:
    """The bundle with another text."""
    folder.mkdir()
    text = (bundle / "bundle.toml").read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    (folder / "bundle.toml").write_text(changed, encoding="utf-8")
    return folder


def told(ended: Any) -> list[Any]:
    return [(row["genre"] or row["kind"], row["seconds"]) for row in json.loads(ended.stdout)]


@pytest.mark.usefixtures("kept")
def test_other_weights_of_the_same_networks_judge_the_kept_hops(
    rescore: Rescore, light_bundle: Path, state: Path, tmp_path: Path
) -> None:
    before = (state / "timeline.sqlite").read_bytes()
    same = rescore("--bundle", str(light_bundle), "--format", "json")
    assert same.returncode == 0, same.stderr
    assert told(same) == [("jazz", pytest.approx(90, abs=6)), ("speech", pytest.approx(60, abs=6))]
    assert "0.0 % of 2.5 minutes are told otherwise" in same.stderr
    heavy = varied(light_bundle, tmp_path / "heavy", lambda text: text + "weight = 9.0\n")
    other = rescore("--bundle", str(heavy), "--format", "json")
    assert told(other) == [("rock", pytest.approx(90, abs=6)), ("speech", pytest.approx(60, abs=6))]
    assert "rock" in other.stderr
    assert sum(seconds for _, seconds in told(other)) == 150
    part = rescore(
        "--bundle", str(heavy), "--format", "json", "--from", "2026-05-01T10:01Z", "--to", "2026-05-01T10:02Z"
    )
    assert sum(seconds for _, seconds in told(part)) == 60
    assert (state / "timeline.sqlite").read_bytes() == before


@pytest.mark.usefixtures("kept")
def test_networks_that_never_looked_are_refused_by_name(rescore: Rescore, light_bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("mine")
    retrained = varied(light_bundle, tmp_path / "retrained", lambda text: text.replace("seed = 1", "seed = 2"))
    ended = rescore("--bundle", str(retrained), "--output", str(output))
    assert (ended.returncode, ended.stdout) == (66, "")
    assert "mobilenet_v3_large_cqt, mobilenet_v3_large_mel had other weights then" in ended.stderr
    assert "--recording FILE --origin TIME" in ended.stderr
    assert output.read_text() == "mine"
    ended = rescore("--bundle", "starter")
    assert ended.returncode == 66
    assert "their labels are not those of bundle 'starter'" in ended.stderr


def test_without_hops_a_record_cannot_be_judged(rescore: Rescore, light_bundle: Path, state: Path) -> None:
    assert rescore("--bundle", str(light_bundle)).returncode == 66  # no record at all
    record = Record(f"sqlite:///{state / 'timeline.sqlite'}")
    record.open()
    record.write([SegmentEvent("studio", "end", NOON_US, NOON_US + SECOND, "music", "jazz", trained=True)], [])
    record.close()
    ended = rescore("--bundle", str(light_bundle))
    assert (ended.returncode, ended.stdout) == (66, "")
    assert "none are kept of that time" in ended.stderr
    ended = rescore("--bundle", str(light_bundle), "--station", "other")
    assert ended.returncode == 64


def test_what_an_older_program_kept_is_taken_by_the_bundles_name(light_bundle: Path) -> None:
    bundle = read_bundle(light_bundle)
    kept = KeptHops(Networks(bundle, bundle.models, StationOptions("", "")))
    names = tuple(model.name for model in bundle.models)
    slugs = bundle.labels.slugs
    assert kept.reason_against(Layout("light", slugs, names)) is None
    assert kept.reason_against(Layout("heavy", slugs, names)) == "bundle 'heavy' voted on them"
    assert kept.reason_against(Layout("light", slugs, names[:1])) == f"{names[1]} did not vote on them"
    assert kept.reason_against(Layout("light", slugs[:2], names)) == "their labels are not those of bundle 'light'"


@pytest.mark.usefixtures("kept")
def test_a_recording_is_heard_and_compared(
    rescore: Rescore,
    light_bundle: Path,
    make_music: Callable[..., NDArray[np.float32]],
    write_wav: Callable[[NDArray[np.float32]], Path],
) -> None:
    sound = np.concatenate([make_music(20), np.zeros(8 * 22_050, np.float32)])
    wav = write_wav(sound)
    ended = rescore(
        *("--bundle", str(light_bundle), "--models", "mobilenet_v3_large_mel", "--format", "json"),
        *("--recording", str(wav), "--origin", "2026-05-01T10:00Z", "--station", "studio"),
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(ended.stdout)
    assert rows[0]["start"] == "2026-05-01T10:00:00.000000+00:00"
    assert sum(row["seconds"] for row in rows) == pytest.approx(28, abs=0.001)
    assert (rows[-1]["kind"], rows[-1]["seconds"]) == ("silence", pytest.approx(8, abs=0.3))
    assert set(rows[0]["models"]) == {"mobilenet_v3_large_mel"}
    assert "minutes are told otherwise" in ended.stderr
    missing = rescore("--recording", str(wav.with_name("none.wav")), "--origin", "now", "--bundle", str(light_bundle))
    assert (missing.returncode, missing.stdout) == (66, "")
    half = rescore("--recording", str(wav), "--bundle", str(light_bundle))
    assert half.returncode == 64
    assert "--origin" in half.stderr


def test_a_comparison_adds_up() -> None:
    def row(genre: str, start_s: float, end_s: float) -> SegmentRow:
        times = NOON_US + round(start_s * SECOND), NOON_US + round(end_s * SECOND)
        return row_of_event(SegmentEvent("studio", "end", *times, "music", genre, trained=True))

    compared = Comparison()
    before = [row("jazz", 0, 60), row("rock", 60, 120), row("jazz", 120, 130)]
    after = [row("jazz", 0, 30), row("pop", 30, 90), row("rock", 90, 125)]
    assert list(compared.of(iter(before), iter(after))) == after
    assert compared.before == {"jazz": 70 * SECOND, "rock": 60 * SECOND}
    assert compared.after == {"jazz": 30 * SECOND, "pop": 60 * SECOND, "rock": 35 * SECOND}
    assert (compared.both, compared.changed) == (125 * SECOND, 65 * SECOND)
