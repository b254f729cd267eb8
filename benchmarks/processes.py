"""The daemon's processes as `/proc` tells of them: which there are, what each is for, and what it holds."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds: resident memory in KiB, open file descriptors, threads."""

    rss_kib: int
    files: int
    threads: int


def held(pid: int) -> Held | None:
    """What a process holds now; None when there is none of this number."""
    folder = Path(f"/proc/{pid}")
    try:
        rss_kib = int((folder / "statm").read_text().split()[1]) * PAGE // 1024
        return Held(rss_kib, len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir())))
    except OSError:
        return None


def family(pid: int) -> dict[int, int]:
    """Process → parent, for `pid` and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    members = {pid: 0}
    while more := {child: parent for child, parent in parents.items() if parent in members and child not in members}:
        members |= more
    return members


def roles(pid: int) -> dict[str, int]:
    """The processes of the daemon `pid` by what they are for; of several of one kind, the newest."""
    found = {}
    for number, parent in sorted(family(pid).items()):
        try:
            command = Path(f"/proc/{number}/cmdline").read_text().split("\0")
        except OSError:
            continue
        found[role(command, is_main=number == pid, is_child=parent == pid)] = number
    return found


def role(command: Sequence[str], *, is_main: bool, is_child: bool) -> str:
    """What a process of the daemon is for, from its command line and its place in the family."""
    text = " ".join(command)
    if is_main:
        return "main"
    if "forkserver" in text:
        return "fork server" if is_child else "analyzer"
    return "capture" if "capture.child" in text else "resource tracker" if "resource_tracker" in text else command[0]
