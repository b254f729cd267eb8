"""Commands: real processes, killed whole, never through a shell."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from ccmusicd.hooks.command import Command, environment, filled
from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import Call

WORDS = {"type": "notice", "station": "$(touch /tmp/x); rm -rf", "kind": "quota", "change": "raised", "genre": "jazz"}
CALL = Call('{"station": "main"}', {**WORDS, "text": "two words"})


def python(code: str, *arguments: str, timeout_s: float = 20.0) -> Command:
    return Command([sys.executable, "-c", code, *arguments], timeout_s=timeout_s)


async def test_the_event_is_on_stdin_in_variables_and_in_whole_arguments(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code = (
        "import json, os, sys; json.dump([sys.argv[1:], sys.stdin.read(), os.environ['HOOK_EVENT'], "
        f"os.environ['HOOK_TEXT']], open({str(out)!r}, 'w'))"
    )
    await python(code, "{station}", "x{station}", "{genre}", "; echo hi").call(CALL)
    arguments, stdin, event, text = json.loads(out.read_text())
    assert arguments == [WORDS["station"], "x{station}", "jazz", "; echo hi"]
    assert stdin == event == CALL.body
    assert text == "two words"


async def test_a_program_that_reads_nothing_is_no_fault() -> None:
    await Command(["true"], timeout_s=20).call(Call("x" * 2**20, CALL.words))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no bulb\\n')", "ended with status 1: no bulb"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
    ],
)
async def test_a_failure_is_told_with_its_last_words_and_not_tried_again(code: str, words: str) -> None:
    with pytest.raises(HookError, match=words) as failure:
        await python(code).call(CALL)
    assert not failure.value.again


async def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(HookError, match="cannot be started: No such file"):
        await Command(["/nowhere/lights"], timeout_s=1).call(CALL)


async def test_after_its_time_the_whole_group_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork(); "
        f"child and open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child}}'); time.sleep(600)"
    )
    begun = time.monotonic()
    with pytest.raises(HookError, match=r"was killed after 2 s"):
        await python(code, timeout_s=2.0).call(CALL)
    assert time.monotonic() - begun < 10
    for pid in map(int, pids.read_text().split()):
        deadline = time.monotonic() + 10
        while _runs(pid):
            assert time.monotonic() < deadline, f"{pid} lives on"
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_grandchild_that_keeps_the_pipe_holds_nobody_up() -> None:
    begun = time.monotonic()
    code = "import subprocess; subprocess.Popen(['sleep', '30'])"
    await python(code).call(CALL)
    assert time.monotonic() - begun < 15


def test_variables_are_the_daemons_without_its_secrets() -> None:
    own = {"PATH": "/bin", "CCMUSIC_MQTT__PASSWORD": "hush", "CREDENTIALS_DIRECTORY": "/run/x", "NOTIFY_SOCKET": "@y"}
    found = environment(own, CALL)
    assert found["PATH"] == "/bin"
    assert not {"CCMUSIC_MQTT__PASSWORD", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"} & found.keys()
    assert found["HOOK_KIND"] == "quota"
    assert os.environ.get("HOOK_KIND") is None
    assert filled(["a", "{kind}", "{kind} "], CALL.words) == ["a", "quota", "{kind} "]
