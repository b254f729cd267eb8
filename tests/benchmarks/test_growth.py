"""What the soak measures: a leak is seen, and a process that holds what it holds is called flat."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from growth import Growth

KEEPS = """
import os, sys, threading
sys.stdin.readline()
kept = []
for line in sys.stdin:
    what = sys.argv[1]
    if what == "memory":
        kept.append(b"x" * 100_000)
    elif what == "files":
        kept.append(open(os.devnull))
    elif what == "threads":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    print(flush=True)
"""
"""A process that keeps something more with every line it reads, after the first."""

HOPS_A_LOOK = 1_000
LOOKS = 60


@pytest.fixture
def look_at() -> Iterator[Callable[[str], dict[str, object]]]:
    """Start such a process and look at it after each of many lines."""
    started: list[subprocess.Popen[bytes]] = []

    def look(keeps: str) -> dict[str, object]:
        command = [sys.executable, "-c", KEEPS, keeps]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        growth = Growth()
        for number in range(LOOKS):
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            growth.take((number + 1) * HOPS_A_LOOK, {"it": process.pid})
        return dict(growth.summary()["it"])

    yield look
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()


def test_leak_of_memory_is_seen_in_its_size(look_at: Callable[[str], dict[str, object]]) -> None:
    found = look_at("memory")
    assert found["flat"] is False
    assert found["rss_kb_per_10000_hops"] == pytest.approx(1_000, rel=0.3)  # 100 kB in 1,000 hops


def test_process_that_keeps_nothing_is_flat(look_at: Callable[[str], dict[str, object]]) -> None:
    found = look_at("nothing")
    assert found["flat"] is True
    assert found["files_per_10000_hops"] == 0
    assert found["threads_per_10000_hops"] == 0


@pytest.mark.parametrize("what", ["files", "threads"])
def test_leak_of_files_and_threads_is_counted(what: str, look_at: Callable[[str], dict[str, object]]) -> None:
    assert look_at(what)[f"{what}_per_10000_hops"] == pytest.approx(10)


def test_process_that_was_replaced_begins_anew() -> None:
    growth = Growth()
    with subprocess.Popen(["sleep", "60"]) as first, subprocess.Popen(["sleep", "60"]) as second:
        for hops in range(20):
            growth.take(hops, {"it": first.pid if hops < 10 else second.pid})
        first.kill()
        second.kill()
    found = growth.summary()["it"]
    assert found["replaced"] == 1
    assert found["hops"] == [10, 19]


def test_few_samples_say_nothing() -> None:
    growth = Growth()
    with subprocess.Popen(["sleep", "60"]) as process:
        for hops in range(5):
            growth.take(hops, {"it": process.pid})
        process.kill()
    assert growth.summary()["it"]["flat"] is None
