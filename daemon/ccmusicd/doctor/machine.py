"""Checks of the machine: disk, clock, port, graphics card. Free of settings; all of them read only."""

import contextlib
import ctypes
import errno
import http.client
import os
import shutil
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from ccmusicd.doctor.finding import Finding, ok, problem, warning

_MEGABYTE = 1_000_000
_SANE_YEARS = range(2024, 2100)
_UNSYNCHRONISED = 0x0040
_TIMEOUT_S = 3.0


def check_disk(folder: Path, reserve_megabytes: float) -> Finding:
    """The state directory: whether it can be written to, and whether the disk has more than the reserve left."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return problem("disk", f"{place} is no folder.", "Remove it, or set [daemon] state_dir.", os.EX_CONFIG)
    if not os.access(place, os.W_OK | os.X_OK):
        return problem(
            "disk",
            f"The state directory {folder} cannot be written to: {_why_not_writable(place)}.",
            "Without it nothing is recorded. Give it to the user that the daemon runs as, or set [daemon] state_dir.",
        )
    usage, inodes = shutil.disk_usage(place), os.statvfs(place)
    free = f"{usage.free / _MEGABYTE:,.0f} MB"
    if inodes.f_files and not inodes.f_favail:
        return problem("disk", f"The disk of {folder} takes no more files.", "Delete files, or use another disk.")
    if usage.free < reserve_megabytes * _MEGABYTE:
        return problem(
            "disk",
            f"The disk of {folder} has {free} left, less than the reserve of {reserve_megabytes:g} MB: "
            "the values of hops are not kept.",
            "Free some of it, or lower [timeline] disk_reserve_megabytes or keep_megabytes.",
        )
    made = "" if folder.exists() else " It will be made at the first start."
    return ok("disk", f"The state directory {folder} can be written to, {free} are free.{made}")


def _why_not_writable(place: Path) -> str:
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    return f"user {os.geteuid()} may not write in {place}"


class _Timex(ctypes.Structure):
    """The head of Linux' `struct timex`, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def is_synchronised() -> bool | None:
    """Whether the kernel holds its clock for synchronised; None where it does not tell. Sets nothing."""
    timex = _Timex(modes=0)
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else not timex.status & _UNSYNCHRONISED


def check_clock(now: datetime | None = None, *, synchronised: bool | None = None) -> Finding:
    """Whether the time can be true. `now` and `synchronised` are the machine's where they are not given."""
    now = now or datetime.now(UTC)
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    advice = "`timedatectl set-ntp true` lets systemd-timesyncd set it; a machine without network needs a clock chip."
    if now.year not in _SANE_YEARS:
        return problem("clock", f"The clock says {shown}: the record would be of a wrong time.", advice)
    synchronised = is_synchronised() if synchronised is None else synchronised
    if synchronised is None:
        return warning("clock", f"It is {shown}; whether that is synchronised cannot be told here.", advice)
    if not synchronised:
        return warning("clock", f"It is {shown}, but the clock is not synchronised with any other.", advice)
    return ok("clock", f"It is {shown}, and the clock is synchronised.")


def check_port(host: str, port: int) -> Finding:
    """Whether the daemon could listen there, or already does; nothing is sent but a question for `/healthz`."""
    where = f"{host} port {port}"
    if port == 0:
        return ok("port", f"Any free port of {host} is taken.")
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return problem(
            "port", f"{host} is no address of this machine ({error.strerror}).", "Change [daemon] listen.", os.EX_CONFIG
        )
    for family, _, _, _, address in found:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(address)
                trial.listen(1)  # with SO_REUSEADDR only this finds who listens already
        except OSError as error:
            return _why_no_port(error, where, host, port)
    return ok("port", f"{where} is free.")


def _why_no_port(error: OSError, where: str, host: str, port: int) -> Finding:
    if error.errno == errno.EADDRINUSE:
        if _is_ours(host, port):
            return ok("port", f"A ccmusicd daemon listens on {where} already.")
        who = holder_of(port)
        return problem(
            "port", f"{where} is taken by {who or 'another program'}.", "Stop that, or change [daemon] listen."
        )
    if error.errno == errno.EACCES:
        return problem("port", f"{where} is only for root.", "Take a port from 1024 on, with a proxy before it.")
    return problem("port", f"{where} cannot be had: {error.strerror}.", "Change [daemon] listen.", os.EX_CONFIG)


def _is_ours(host: str, port: int) -> bool:
    own = _OF_ANY.get(host, host)
    # Whatever its certificate: no secret is sent, and only a daemon of ours answers so.
    tls = ssl._create_unverified_context()  # noqa: S323, SLF001 - as said
    for connection in (
        http.client.HTTPConnection(own, port, timeout=_TIMEOUT_S),
        http.client.HTTPSConnection(own, port, timeout=_TIMEOUT_S, context=tls),
    ):
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            if b'"clients_cut"' in connection.getresponse().read(4_096):
                return True
    return False


_OF_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what may be listened on


_LISTENS = "0A"  # TCP_LISTEN


def holder_of(port: int) -> str | None:
    """The program that listens on a TCP port, as far as this user may see it: "mosquitto (process 12)"."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]
        except OSError:
            continue
        inodes |= {Path(f"socket:[{row[9]}]") for row in rows if row[3] == _LISTENS and row[1].endswith(f":{port:04X}")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.readlink() in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # not ours, or gone
            continue
    return None


def check_gpu(wanted: str, root: Path = Path("/")) -> Finding:
    """The NVIDIA driver and its devices, as [analyzer] device wants them; without loading CUDA."""
    if wanted == "cpu":
        return ok("gpu", "The networks run on the CPU, as [analyzer] device says.")
    has_driver = (root / "proc/driver/nvidia/version").exists()
    devices = ["dev/nvidiactl", "dev/nvidia-uvm", f"dev/nvidia{wanted.partition(':')[2] or 0}"]
    if not has_driver:
        if wanted == "auto":
            return ok("gpu", "There is no NVIDIA driver: the networks run on the CPU.")
        return problem(
            "gpu",
            f"[analyzer] device is {wanted}, and there is no NVIDIA driver.",
            'Install the driver, or set device = "auto".',
            os.EX_CONFIG,
        )
    missing = [f"/{name}" for name in devices if not (root / name).exists()]
    closed = [f"/{name}" for name in devices if not os.access(root / name, os.R_OK | os.W_OK)]
    if missing:
        return warning(
            "gpu",
            f"The NVIDIA driver is loaded, but there is no {' and no '.join(missing)}: the networks run on the CPU.",
            "`nvidia-modprobe -u -c 0` makes them; nvidia-persistenced does so at boot.",
        )
    if closed:
        return warning(
            "gpu",
            f"User {os.geteuid()} may not open {' and '.join(closed)}: the networks run on the CPU.",
            "Add the user to the group of these files.",
        )
    return ok("gpu", "The NVIDIA driver and its devices are there.")
