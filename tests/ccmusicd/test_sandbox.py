"""The daemon inside the sandbox of its units, as far as this machine lets us build it without systemd."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parents[2]
SANDBOX = TREE / "tests" / "systemd" / "sandbox.py"


def test_the_daemon_analyses_inside_the_units_sandbox(
    daemon: Callable[..., Any],
    wait_until: Callable[..., None],
    tmp_path: Path,
    real_part: Callable[[str], str],
    light_bundle: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can build the sandbox")
    tmp_path.chmod(0o777)
    light_bundle.chmod(0o755)
    real_part("systemd-analyze")
    unit = str(TREE / "systemd" / "ccmusicd.service")
    before = [real_part("unshare"), "--mount", "--propagation", "private", sys.executable, str(SANDBOX), unit]
    running = daemon(
        before=[*before, f"{tmp_path}:{light_bundle}"], HOME=str(tmp_path), CACHE_DIRECTORY=str(tmp_path / "cache")
    )
    wait_until(running.ready, 240, "readiness")
    wait_until(lambda: running.get("/api/v1/now")["stations"]["demo"]["hop"], 60, "a hop")
    parts = running.get("/healthz")
    assert parts["timeline"] == "ok"
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == ["65534"] * 4
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    mounts = Path(f"/proc/{running.process.pid}/mountinfo").read_text().splitlines()
    assert next(line for line in mounts if line.split()[4] == "/").split()[5].startswith("ro")
    assert (tmp_path / "state" / "timeline.sqlite").stat().st_mode & 0o777 == 0o600
    assert running.terminate() == 0
    assert not any("Traceback" in line for line in running.err), running.err
