"""The systemd unit, read by systemd itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "ccmusicd.service"


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


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that exists here in the place of the daemon."""
    daemon = tmp_path / "ccmusicd"
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("ExecStart=/opt/ccmusic-stream/.venv/bin/ccmusicd", f"ExecStart={daemon}"))
    return copy


def test_systemd_accepts_every_line(systemd_analyze: str, installed: Path) -> None:
    assert complaints(systemd_analyze, installed) == []


def test_a_misspelt_key_would_be_noticed(systemd_analyze: str, installed: Path) -> None:
    installed.write_text(installed.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in "".join(complaints(systemd_analyze, installed))


def test_exposure_stays_low(systemd_analyze: str) -> None:
    """Exposure 2.0 of 10 at most: what is left is network, sound and graphics, which the daemon is there for."""
    security = [systemd_analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT)]
    report = subprocess.run(security, capture_output=True, text=True, check=False)
    assert report.returncode == 0, report.stdout.splitlines()[-1]


def test_no_directive_breaks_torch_portaudio_or_the_sound_card() -> None:
    breaking = {"MemoryDenyWriteExecute", "PrivateDevices", "PrivateUsers", "ProcSubset", "PrivateNetwork"}
    assert breaking.isdisjoint(name for name, _ in settings())


def test_a_dying_analyzer_or_a_frozen_daemon_is_no_reason_to_stay_down() -> None:
    """Exit 64 and 78 (command line, configuration) are the only ends that a restart would not mend."""
    unit = dict(settings())
    assert unit["OOMPolicy"] == "continue"
    assert unit["Restart"] == "always"
    assert unit["StartLimitIntervalSec"] == "0"
    assert unit["RestartPreventExitStatus"].split() == ["64", "78"]
    assert float(unit["RestartSec"]) <= 5
    assert float(unit["WatchdogSec"]) > 0
