"""`ccmusicd doctor` as people call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_problems_are_told_in_sentences_and_in_the_exit_status(
    commands: Any, tmp_path: Path, light_bundle: Path, free_port: Callable[[], int]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[stations.gone]\ninput = "/nowhere/tape.wav"\n')
    state = tmp_path / "state"
    arguments = ["doctor", "--config", str(config), "--bundle", str(light_bundle), "--state", str(state)]
    arguments += ["--listen", f"127.0.0.1:{free_port()}", "--mqtt", f"mqtt://dj:secret@127.0.0.1:{free_port()}"]
    told = commands.run(*arguments)
    assert told.returncode == 69, told.stderr
    assert "problem station gone: /nowhere/tape.wav gives no sound" in told.stdout
    assert "problem broker:" in told.stdout
    assert "warning weights: Bundle light is not trained" in told.stdout
    assert "secret" not in told.stdout + told.stderr
    assert not state.exists()
    rows = json.loads(commands.run(*arguments, "--json").stdout)
    assert {row["part"] for row in rows} >= {"configuration", "weights", "gpu", "disk", "database", "clock", "port"}
    assert {row["level"] for row in rows} <= {"ok", "warning", "problem"}
    assert all(row["advice"] for row in rows if row["level"] != "ok")


def test_a_configuration_that_cannot_be_used_ends_with_78(commands: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[silence]\nafter_s = -1\n")
    told = commands.run("doctor", "--config", str(config))
    assert told.returncode == 78
    assert "silence.after_s" in told.stdout
    assert "Traceback" not in told.stderr
