"""The systemd unit, read by systemd itself."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT, TEMPLATE, USER_UNIT = (
    FOLDER / name for name in ("ccmusicd.service", "ccmusicd@.service", "ccmusicd-user.service")
)


@pytest.fixture
def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        missing = "systemd-analyze is not installed (Debian package systemd)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def settings(unit: Path = UNIT) -> list[tuple[str, str]]:
    """The unit's assignments in order."""
    lines = [line for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def complaints(systemd_analyze: str, unit: Path) -> list[str]:
    """What systemd finds wrong with this unit; unknown keys leave its exit status at 0, so the text counts."""
    verify = subprocess.run([systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    lines = [line for line in verify.stderr.splitlines() if unit.name in line]
    return lines or ([] if verify.returncode == 0 else [verify.stderr])


@pytest.fixture(params=[UNIT, TEMPLATE, USER_UNIT], ids=lambda unit: unit.name)
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each unit with a program that exists here in the place of the daemon; the template as an instance."""
    unit: Path = request.param
    daemon = tmp_path / "ccmusicd"
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    copy = tmp_path / unit.name.replace("@.", "@fm1.")
    copy.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={daemon}", unit.read_text()))
    return copy


def test_systemd_accepts_every_line(systemd_analyze: str, installed: Path) -> None:
    assert complaints(systemd_analyze, installed) == []


def test_a_misspelt_key_would_be_noticed(systemd_analyze: str, installed: Path) -> None:
    installed.write_text(installed.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in "".join(complaints(systemd_analyze, installed))


@pytest.mark.parametrize("unit", [UNIT, TEMPLATE], ids=lambda unit: unit.name)
def test_exposure_stays_low(systemd_analyze: str, unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exposure 2.0 of 10 at most: what is left is network, sound and graphics, which the daemon is there for."""
    security = [systemd_analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    report = subprocess.run(security, capture_output=True, text=True, check=False)
    last = report.stdout.splitlines()[-1]
    with capsys.disabled():
        print(f"\n{last}")  # noqa: T201 - a figure for whoever reads along
    assert report.returncode == 0, last


def test_the_template_is_the_unit_but_for_what_names_the_instance() -> None:
    """What is tightened or loosened in one is so in the other."""
    own = {"Description", "ExecStart", "StateDirectory", "CacheDirectory", "Environment"}
    of_unit, of_template = ([each for each in settings(unit) if each[0] not in own] for unit in (UNIT, TEMPLATE))
    assert of_template == of_unit
    named = dict(settings(TEMPLATE))
    assert all("%i" in named[key] for key in own)
    assert named["ExecStart"].endswith("run --config /etc/ccmusic-stream/%i.toml")


def test_no_directive_breaks_torch_portaudio_or_the_sound_card() -> None:
    breaking = {"MemoryDenyWriteExecute", "PrivateDevices", "PrivateUsers", "ProcSubset", "PrivateNetwork"}
    assert breaking.isdisjoint(name for name, _ in settings())


def test_a_dying_analyzer_or_a_frozen_daemon_is_no_reason_to_stay_down() -> None:
    """Exit 64 and 78 (command line, configuration) are the only ends that a restart would not mend."""
    unit, desktop = dict(settings()), dict(settings(USER_UNIT))
    same = (
        "OOMPolicy",
        "Restart",
        "StartLimitIntervalSec",
        "RestartPreventExitStatus",
        "RestartSec",
        "WatchdogSec",
        "Type",
    )
    assert {key: desktop[key] for key in same} == {key: unit[key] for key in same}
    assert unit["OOMPolicy"] == "continue"
    assert unit["Restart"] == "always"
    assert unit["StartLimitIntervalSec"] == "0"
    assert unit["RestartPreventExitStatus"].split() == ["64", "78"]
    assert float(unit["RestartSec"]) <= 5
    assert float(unit["WatchdogSec"]) > 0
