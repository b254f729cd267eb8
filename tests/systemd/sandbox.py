"""Runs a command inside a unit's sandbox without systemd: `unshare --mount python sandbox.py UNIT FOLDERS COMMAND…`.

As root. Of FOLDERS, with ":" between, the command may write to the first, and read the others. Done: another user, no
capability, NoNewPrivileges, the umask, a read-only system, a /tmp of its own, hidden homes, read-only /proc/sys, the
seccomp filter of the system calls and of the families of addresses. Not done: DevicePolicy (cgroups),
RestrictNamespaces, RestrictRealtime, RestrictSUIDSGID and LockPersonality (filters on arguments), ProtectProc, and a
user made for the occasion.
"""

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

NOBODY = 65_534
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000
EQUAL = 4
EPERM = 1


class Comparison(ctypes.Structure):
    """libseccomp's `struct scmp_arg_cmp`."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings(unit: Path) -> list[tuple[str, str]]:
    """The unit's assignments in order."""
    lines = [line for line in unit.read_text("utf-8").splitlines() if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def system_calls(words: list[str]) -> set[str]:
    """The names that SystemCallFilter's lines leave, as systemd itself knows its sets."""
    told = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    sets: dict[str, list[str]] = {}
    for line in told.splitlines():
        if line.startswith("@"):
            members = sets[line.strip()] = []
        elif line.startswith(" ") and "#" not in line:
            members.append(line.strip())

    def named(word: str) -> set[str]:
        return set().union(*map(named, sets[word])) if word in sets else {word}

    allowed: set[str] = set()
    for word in words:
        for name in word.removeprefix("~").split():
            allowed = allowed - named(name) if word.startswith("~") else allowed | named(name)
    return allowed


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def close_the_system(writable: Path, readable: list[Path]) -> None:
    """Read-only but for one folder, with a /tmp and homes that are empty but for what lies in them of ours."""
    keep = [writable, *readable, Path.cwd(), Path(sys.prefix), Path(sys.base_prefix)]
    aside = Path("/mnt")
    for hidden in ("/tmp", "/home", "/root"):
        mount("--bind", hidden, str(aside))
        mount("-t", "tmpfs", "-o", "mode=1777" if hidden == "/tmp" else "mode=0755", "t", hidden)
        for ours in [path for path in keep if path.is_relative_to(hidden)]:
            ours.mkdir(parents=True, exist_ok=True)
            mount("--bind", str(aside / ours.relative_to(hidden)), str(ours))
        subprocess.run(["umount", str(aside)], check=True)
    mount("--bind", str(writable), str(writable))
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        place = line.split()[4]
        if place != str(writable) and not place.startswith(("/dev", "/proc")) and place != "/tmp":
            subprocess.run(["mount", "-o", "remount,bind,ro", place], check=False, capture_output=True)
    mount("--bind", "/proc/sys", "/proc/sys")
    mount("-o", "remount,bind,ro", "/proc/sys")


def filter_calls(names: set[str], families: list[str]) -> None:
    """Load a filter: what is not named fails with EPERM, as do sockets of other families."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rule = library.seccomp_rule_add_array
    rule.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
    context = library.seccomp_init(ERRNO | EPERM)
    for name in names - {"socket"}:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert rule(context, ALLOW, number, 0, None) == 0, name
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        only = Comparison(0, EQUAL, getattr(socket, family), 0)
        assert rule(context, ALLOW, number, 1, ctypes.byref(only)) == 0
    assert library.seccomp_load(ctypes.c_void_p(context)) == 0


def main() -> None:
    """Enter the sandbox, and become the command."""
    unit, folders, *command = sys.argv[1:]
    found = settings(Path(unit))
    known = dict(found)
    calls = system_calls([value for name, value in found if name == "SystemCallFilter"])
    assert known["ProtectSystem"] == "strict"
    assert known["CapabilityBoundingSet"] == ""
    close_the_system(*_split(folders))
    os.umask(int(known["UMask"], 8))
    privileges = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs"]
    privileges += ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    os.environ["SANDBOX_CALLS"] = " ".join(sorted(calls))
    os.execvp("setpriv", ["setpriv", *privileges, sys.executable, __file__, unit, folders, *command])  # noqa: S606


def _split(folders: str) -> tuple[Path, list[Path]]:
    first, *others = map(Path, folders.split(":"))
    return first, others


def finish() -> None:
    """As the other user: the filter, then the command."""
    unit, _, *command = sys.argv[1:]
    families = dict(settings(Path(unit)))["RestrictAddressFamilies"].split()
    filter_calls(set(os.environ.pop("SANDBOX_CALLS").split()), families)
    os.execvp(command[0], command)  # noqa: S606 - what it is there for


if __name__ == "__main__":
    finish() if "SANDBOX_CALLS" in os.environ else main()
