"""`timeline export` and `timeline report` in processes of their own, against a record that is being written."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccmusicd.events import ClockStepEvent, SegmentEvent, TitleEvent
from ccmusicd.publish.record import Record

MIDNIGHT_US = 1_777_586_400_000_000  # 2026-05-01T00:00+02:00, in Berlin
HOUR_US = 3_600_000_000

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def segment(
    start_h: float, end_h: float, kind: str = "music", station: str = "studio", **fields: object
) -> SegmentEvent:
    times = MIDNIGHT_US + round(start_h * HOUR_US), MIDNIGHT_US + round(end_h * HOUR_US)
    genre = {"music": "rock", "speech": "speech"}.get(kind)
    change = fields.pop("change", "end")
    return SegmentEvent(station, change, *times, kind, genre, **fields)  # type: ignore[arg-type]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def record(state: Path) -> Iterator[Record]:
    """A day and a bit of one station, by the real writer, which stays open."""
    state.mkdir()
    record = Record(f"sqlite:///{state / 'timeline.sqlite'}")
    record.open()
    record.write(
        [
            segment(-2, 6, titles=('=HYPERLINK("http://x")',), probability=0.8, probability_min=0.4),
            segment(6, 7, "no_signal", note="no route to host"),
            segment(7, 20, titles=("The Band - A <i>Song</i>",), probability=0.9, probability_min=0.4),
            segment(20, 25, "speech", change="update"),
        ],
        [TitleEvent("studio", MIDNIGHT_US + 8 * HOUR_US, "The Band - A <i>Song</i>")],
    )
    yield record
    record.close()


@pytest.fixture
def timeline(state: Path, commands: Any) -> Cli:
    """Run `ccmusicd timeline …` in Berlin with the state folder."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return commands.run("timeline", *arguments, "--state", str(state), TZ="Europe/Berlin")  # type: ignore[no-any-return]

    return run


def files(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in state.iterdir() if not path.name.endswith("-shm")}


DAY = ("--from", "2026-05-01", "--to", "2026-05-02")


@pytest.mark.usefixtures("record")
def test_a_day_as_csv_while_the_daemon_writes(timeline: Cli, state: Path) -> None:
    before = files(state)
    ended = timeline("export", *DAY)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(ended.stdout, newline="")))
    assert [(row["start"], row["kind"], row["cut"], row["open"]) for row in rows] == [
        ("2026-05-01T00:00:00.000000+02:00", "music", "start", "false"),
        ("2026-05-01T06:00:00.000000+02:00", "no_signal", "", "false"),
        ("2026-05-01T07:00:00.000000+02:00", "music", "", "false"),
        ("2026-05-01T20:00:00.000000+02:00", "speech", "end", "false"),
    ]
    assert sum(float(row["seconds"]) for row in rows) == 86_400
    assert rows[0]["titles"] == '\'=HYPERLINK("http://x")'
    assert files(state) == before


@pytest.mark.usefixtures("record")
def test_json_to_a_file_that_is_there_as_a_whole(timeline: Cli, tmp_path: Path) -> None:
    target = tmp_path / "day.json"
    target.write_text("old")
    ended = timeline("export", *DAY, "--format", "json", "--tz", "UTC", "--output", str(target))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    rows = json.loads(target.read_text(encoding="utf-8"))
    assert [row["note"] for row in rows] == [None, "no route to host", None, None]
    assert rows[0]["start"] == "2026-05-01T00:00:00.000000+00:00"  # the day in the zone that was asked for
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.json", "state"]
    lines = timeline("export", *DAY, "--format", "jsonl", "--tz", "UTC").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_a_record_ahead_of_the_clock_is_exported_to_its_end(timeline: Cli, record: Record) -> None:
    record.write([segment(1_000_000, 1_000_001)], [])  # as where a file was read at full speed
    rows = list(csv.DictReader(io.StringIO(timeline("export").stdout, newline="")))
    assert (rows[-1]["start"][:4], rows[-1]["seconds"], rows[-1]["cut"]) == ("2140", "3600.000000", "")


@pytest.mark.usefixtures("record")
def test_labels_and_cue_sheets_count_from_the_recordings_start(timeline: Cli) -> None:
    labels = timeline("export", "--format", "audacity", "--origin", "2026-05-01T05:30", "--to", "2026-05-01T08:00")
    assert labels.stdout == (
        '0.000000\t1800.000000\trock 80 % | =HYPERLINK("http://x")\n'
        "1800.000000\t5400.000000\tno signal\n"
        "5400.000000\t9000.000000\trock 90 % | The Band - A <i>Song</i>\n"
    )
    sheet = timeline("export", "--format", "cue", *DAY, "--audio", "day.flac").stdout.splitlines()
    assert 'FILE "day.flac" WAVE' in sheet
    assert [line.split()[-1] for line in sheet if "INDEX" in line] == [
        "00:00:00",
        "360:00:00",
        "420:00:00",
        "1200:00:00",
    ]


@pytest.mark.usefixtures("record")
def test_the_page_of_a_day(timeline: Cli, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[stations.studio]\ninput = "demo"\nname = "Studio <A>"\n')
    ended = timeline("report", "--day", "2026-05-01", "--config", str(config))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "<h1><bdi>Studio &lt;A&gt;</bdi></h1>" in ended.stdout
    assert "A &lt;i&gt;Song&lt;/i&gt;" in ended.stdout
    assert '<th scope="row">The day</th><td class="number">24:00:00</td>' in ended.stdout
    assert "no signal (no route to host)" in ended.stdout


def test_that_the_system_clock_was_set_is_told_beside_the_rows(timeline: Cli, record: Record) -> None:
    rows = timeline("export", *DAY).stdout
    record.write([], [], [ClockStepEvent("studio", MIDNIGHT_US + 15 * HOUR_US, 3600.0)])
    ended = timeline("export", *DAY)
    assert (ended.returncode, ended.stdout) == (0, rows)
    told = "note: studio: the system clock was set by +3600.0 s, to 2026-05-01T15:00:00.000000+02:00\n"
    assert ended.stderr == told
    report = timeline("report", "--day", "2026-05-01").stdout
    assert '<td class="short">14:00:00</td><td class="short">15:00:00</td>' in report
    assert timeline("export", "--from", "2026-05-01T16:00", "--to", "2026-05-02").stderr == ""
    record.write([], [], [ClockStepEvent("studio", MIDNIGHT_US + n, -1.0) for n in range(12)])
    assert timeline("export", *DAY).stderr.splitlines()[-1].endswith("set 3 times more in that range")


def test_a_record_of_nothing_is_told_and_exported_as_nothing(timeline: Cli, record: Record) -> None:
    ended = timeline("export", "--format", "json", "--from", "2020-01-01", "--to", "2020-01-02")
    assert (ended.returncode, ended.stdout) == (0, "[]\n")
    assert ended.stderr == "note: no segment of the record lies in that range\n"
    record.write([segment(n / 100, (n + 1) / 100, station="long") for n in range(120)], [])
    ended = timeline("export", "--format", "cue", "--station", "long")
    assert ended.stdout.count("TRACK") == 99
    assert ended.stderr.startswith("note: a CUE sheet holds 99 tracks: the last one stands for the rest")


@pytest.mark.usefixtures("record")
def test_a_bar_is_shown_on_a_terminal_and_never_in_the_output(timeline: Cli, state: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    target = tmp_path / "day.csv"
    with target.open("wb") as output:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "ccmusicd",
                "timeline",
                "export",
                "--tz",
                "Europe/Berlin",
                *DAY,
                "--state",
                str(state),
            ],
            stdout=output,
            stderr=theirs,
            check=True,
            env=os.environ | {"TERM": "xterm"},
        )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "timeline" in shown
    assert "100%" in shown
    assert target.read_bytes().decode() == timeline("export", *DAY).stdout.replace("\n", "\r\n")


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("export", "--from", "tomorow"), 64, "'tomorow' is no time"),
        (("export", "--tz", "Mars/Olympus"), 64, "there is no time zone 'Mars/Olympus'"),
        (("export", "--station", "x"), 64, "no station 'x' in the timeline; those recorded are studio"),
        (("export", "--from", "2026-05-02", "--to", "2026-05-01"), 64, "before it begins"),
        (("export", "--origin", "now"), 64, "--origin is for"),
        (("export", "--audio", "x.wav"), 64, "--audio is for"),
        (("export", "--format", "pdf"), 64, "pdf"),
        (("report", "--day", "-24h"), 64, "is no day"),
        (("report", "--day", "2999-01-01"), 64, "still to come"),
        (("export", "--output", "/nonexistent/day.csv"), 73, "cannot be written: No such file"),
        (("export", "--output", "/dev/full"), 75, "/dev/full cannot be written: No space left"),
        (("export", "--config", "/nonexistent.toml"), 78, "cannot be read"),
    ],
)
def test_refusals_are_one_sentence_and_an_exit_code(
    timeline: Cli, arguments: tuple[str, ...], status: int, words: str
) -> None:
    ended = timeline(*arguments)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    if not ended.stderr.startswith("Usage"):
        assert ended.stderr.startswith("ccmusicd: ")
        assert ended.stderr.count("\n") == 1


def test_the_record_is_never_made_and_never_overwritten(timeline: Cli, state: Path) -> None:
    ended = timeline("export")
    assert (ended.returncode, ended.stdout) == (66, "")
    assert ended.stderr.startswith(f"ccmusicd: there is no timeline {state}/timeline.sqlite: has a daemon run")
    assert not state.exists()
    state.mkdir()
    file = state / "timeline.sqlite"
    file.write_text("no database " * 1000)
    ended = timeline("report")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert "is not a usable database" in ended.stderr
    assert file.read_text() == "no database " * 1000


@pytest.mark.usefixtures("record")
def test_the_record_is_no_output(timeline: Cli, state: Path, tmp_path: Path) -> None:
    before = files(state)
    (tmp_path / "link.csv").symlink_to(state / "timeline.sqlite")
    for output in (state / "timeline.sqlite", state / "timeline.sqlite-wal", tmp_path / "link.csv"):
        ended = timeline("export", "--output", str(output))
        assert (ended.returncode, ended.stdout) == (64, "")
        assert "is the timeline itself" in ended.stderr
    assert files(state) == before


def test_several_stations_are_all_exported_but_a_recording_is_of_one(timeline: Cli, record: Record) -> None:
    record.write([segment(0, 1, station="web")], [])
    stations = [json.loads(line)["station"] for line in timeline("export", "--format", "jsonl").stdout.splitlines()]
    assert stations == ["studio"] * 4 + ["web"]
    ended = timeline("export", "--format", "cue")
    assert (ended.returncode, ended.stdout) == (64, "")
    assert "choose a --station of studio, web" in ended.stderr
    page = timeline("report", "--day", "2026-05-01").stdout
    assert [name in page for name in ("<bdi>studio</bdi>", "<bdi>web</bdi>")] == [True, True]
    before = timeline("report", "--day", "2026-04-30").stdout  # of which there is no record of the other one
    assert [name in before for name in ("<bdi>studio</bdi>", "<bdi>web</bdi>")] == [True, False]
    assert timeline("export", "--format", "audacity", "--station", "web").stdout.startswith(
        "0.000000\t3600.000000\trock"
    )


def test_neither_torch_nor_the_daemon_is_loaded() -> None:
    program = """
import sys
import ccmusicd.exporting, ccmusicd.timeline_cli, ccmusicd.settings
print([name for name in ("torch", "uvicorn", "starlette", "ccmusicd.app") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
