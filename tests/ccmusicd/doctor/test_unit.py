"""Units as systemd tells of them, and a `systemctl` that tells it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ccmusicd.doctor.unit import Unit, installed, judged

SHOWN = {"LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active", "WatchdogUSec": "1min"}

Answer = Callable[[str], None]


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Puts a `systemctl` on the path, whose answers are the cases of a shell's `case "$*" in`."""

    def put(cases: str) -> None:
        program = tmp_path / "systemctl"
        program.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}\nesac\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return put


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, "ok", "enabled, watched, and active"),
        ({"WatchdogUSec": "infinity"}, "warning", "no watchdog"),
        ({"UnitFileState": "disabled"}, "warning", "not enabled"),
        ({"ActiveState": "failed"}, "problem", "has failed"),
    ],
)
def test_a_unit_is_judged_by_what_systemd_says(changes: dict[str, str], level: str, words: str) -> None:
    found = judged(Unit("ccmusicd.service", "", SHOWN | changes), None)
    assert found.level == level
    assert words in found.text


@pytest.mark.parametrize(("state", "level"), [("/var/lib/ccmusic-stream", "ok"), ("/root/.local/state/x", "warning")])
def test_a_state_directory_that_is_not_the_units_is_told(state: str, level: str) -> None:
    found = judged(Unit("ccmusicd.service", "", SHOWN | {"StateDirectory": "ccmusic-stream"}), Path(state))
    assert found.level == level
    assert ("--state /var/lib/ccmusic-stream" in (found.advice or "")) is (level == "warning")


def test_the_systems_unit_is_found_and_what_is_not_loaded_is_not(systemctl: Answer) -> None:
    systemctl(
        '"show ccmusicd.service "*) echo LoadState=loaded; echo ActiveState=active ;;\n*) echo LoadState=not-found ;;'
    )
    (unit,) = installed()
    assert (unit.name, unit.manager, unit.shown["ActiveState"]) == ("ccmusicd.service", "", "active")


def test_an_instance_of_the_template_and_a_users_own_are_found(systemctl: Answer) -> None:
    systemctl(
        '"list-units "*) echo "ccmusicd@two.service loaded active running Genre" ;;\n'
        '"show ccmusicd@two.service "*) echo LoadState=loaded ;;\n'
        '"--user show ccmusicd.service "*) echo LoadState=loaded; echo StateDirectory=ccmusic-stream ;;'
    )
    template, own = installed()
    assert (template.name, template.command("enable")) == ("ccmusicd@two.service", "systemctl enable ccmusicd@two")
    assert own.command("status") == "systemctl --user status ccmusicd"
    assert own.state_directory is None


def test_a_machine_without_systemctl_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(installed()) == []
