"""The doctor's look at the machine: real folders, ports and disks."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmusicd.doctor.machine import (
    check_clock,
    check_disk,
    check_gpu,
    check_port,
    holder_of,
    is_synchronised,
)


def test_a_folder_that_is_there_or_can_be_made_is_well(tmp_path: Path) -> None:
    assert check_disk(tmp_path, 1).level == "ok"
    found = check_disk(tmp_path / "a" / "b", 1)
    assert (found.level, "will be made" in found.text) == ("ok", True)
    assert not (tmp_path / "a").exists()


def test_a_disk_below_the_reserve_and_a_file_in_the_way_are_problems(tmp_path: Path) -> None:
    found = check_disk(tmp_path, 1e12)
    assert (found.level, found.exit_code) == ("problem", 69)
    assert "less than the reserve" in found.text
    (tmp_path / "file").touch()
    assert check_disk(tmp_path / "file" / "below", 1).level == "problem"


def test_a_full_and_a_read_only_disk_are_told_apart(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    """In a mount namespace of its own: a tmpfs without room, and one that is read-only."""
    script = (
        "import json, sys; from pathlib import Path; from ccmusicd.doctor.machine import check_disk; "
        "print(json.dumps([check_disk(Path(name), 10).text for name in sys.argv[1:]]))"
    )
    full, closed = tmp_path / "full", tmp_path / "closed"
    full.mkdir()
    closed.mkdir()
    mounts = f"mount -t tmpfs -o size=1m t {full} && mount -t tmpfs -o ro t {closed} && "
    mounts += f"exec {sys.executable} -c '{script}' {full} {closed}"
    apart = ["--mount", "--propagation", "private", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    answer = subprocess.run(
        [real_part("unshare"), *apart, "sh", "-c", mounts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    texts = json.loads(answer.stdout)
    assert "has 1 MB left, less than the reserve of 10 MB" in texts[0]
    assert "the file system is read-only" in texts[1]


def test_the_clock_is_judged_by_its_year_and_by_the_kernel() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert check_clock(now, synchronised=True).level == "ok"
    assert check_clock(now, synchronised=False).level == "warning"
    assert check_clock(datetime(1970, 1, 1, tzinfo=UTC), synchronised=True).level == "problem"
    assert is_synchronised() in {True, False, None}


def test_a_port_is_free_or_somebody_has_it(free_port: Callable[[], int]) -> None:
    assert check_port("127.0.0.1", free_port()).level == "ok"
    assert check_port("127.0.0.1", 0).level == "ok"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.settimeout(0)
        port = taken.getsockname()[1]
        assert f"(process {os.getpid()})" in str(holder_of(port))
        found = check_port("127.0.0.1", port)
    assert (found.level, found.exit_code) == ("problem", 69)
    assert f"(process {os.getpid()})" in found.text


def test_an_address_of_another_machine_is_a_fault_of_the_configuration() -> None:
    for host in ("192.0.2.1", "nowhere.invalid"):
        found = check_port(host, 8765)
        assert (found.level, found.exit_code) == ("problem", 78)


@pytest.mark.parametrize(
    ("wanted", "files", "level", "words"),
    [
        ("cpu", [], "ok", "as [analyzer] device says"),
        ("auto", [], "ok", "no NVIDIA driver"),
        ("cuda", [], "problem", "no NVIDIA driver"),
        ("auto", ["dev/nvidiactl", "dev/nvidia0"], "warning", "no /dev/nvidia-uvm"),
        ("cuda:1", ["dev/nvidiactl", "dev/nvidia0", "dev/nvidia-uvm"], "warning", "no /dev/nvidia1"),
        ("auto", ["dev/nvidiactl", "dev/nvidia0", "dev/nvidia-uvm"], "ok", "are there"),
    ],
)
def test_a_graphics_card_is_found_by_its_devices(
    tmp_path: Path, wanted: str, files: list[str], level: str, words: str
) -> None:
    for file in [*files, *(["proc/driver/nvidia/version"] if files else [])]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    found = check_gpu(wanted, tmp_path)
    assert found.level == level
    assert words in found.text
