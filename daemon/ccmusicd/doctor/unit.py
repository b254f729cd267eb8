"""What starts the daemon at boot, and again: the system's unit, an instance of the template, or a user's own."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ccmusicd.doctor.finding import Finding, ok, problem, warning

UNIT = "ccmusicd.service"
INSTANCES = "ccmusicd@*.service"

_PROPERTIES = "LoadState,UnitFileState,ActiveState,WatchdogUSec,FragmentPath,StateDirectory"
_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that is installed: `manager` is "" for the system's, "--user" for a user's; `shown` are its properties."""

    name: str
    manager: str
    shown: Mapping[str, str]

    def command(self, verb: str) -> str:
        """What a person types to do something with it."""
        return " ".join(word for word in ("systemctl", self.manager, verb, self.name.removesuffix(".service")) if word)

    @property
    def state_directory(self) -> Path | None:
        """Where systemd lets it keep things; None where that is not said, as of a user's, which differs by version."""
        names = self.shown.get("StateDirectory", "").split()
        return Path("/var/lib") / names[0] if names and not self.manager else None


def check_unit(state: Path | None = None) -> Finding:
    """The first of the units that is installed; `state` is the directory that the doctor looked at."""
    if not Path("/run/systemd/system").is_dir():
        return warning(
            "unit", "systemd does not run here: nothing starts the daemon again.", "See to it by other means."
        )
    unit = next(installed(), None)
    if unit is None:
        return warning(
            "unit",
            f"The unit {UNIT} is not installed: nothing starts the daemon at boot, or again.",
            f"systemd/{UNIT} says at its top how to install it.",
        )
    return judged(unit, state)


def installed() -> Iterator[Unit]:
    """The units of ours that this machine's and this user's systemd know."""
    for manager in ("", "--user"):
        listed = _systemctl(manager, "list-units", "--all", "--plain", "--no-legend", INSTANCES).splitlines()
        for name in (UNIT, *(line.split()[0] for line in listed if line.strip())):
            lines = _systemctl(manager, "show", name, f"--property={_PROPERTIES}").splitlines()
            shown = dict(line.split("=", 1) for line in lines if "=" in line)
            if shown.get("LoadState") == "loaded":
                yield Unit(name, manager, shown)


def judged(unit: Unit, state: Path | None) -> Finding:
    """Whether it starts at boot and again, and has the state directory that was looked at."""
    where = unit.shown.get("FragmentPath") or unit.name
    if unit.shown.get("WatchdogUSec", "0") in {"", "0", "infinity"}:
        return warning("unit", f"{where} has no watchdog: a frozen daemon stays frozen.", "Set WatchdogSec=60.")
    if unit.shown.get("UnitFileState") not in {"enabled", "enabled-runtime", "static", "indirect"}:
        return warning("unit", f"{where} is not enabled: it does not start at boot.", f"`{unit.command('enable')}`.")
    if unit.shown.get("ActiveState") == "failed":
        return problem("unit", f"The unit {unit.name} has failed.", f"`{unit.command('status')} -n 50` says why.")
    its_state = unit.state_directory
    if state is not None and its_state is not None and state.resolve() != its_state.resolve():
        return warning(
            "unit",
            f"The daemon of {unit.name} keeps its record in {its_state}, not in {state}, which was looked at.",
            f"Look again as its user, with `--state {its_state}`.",
        )
    return ok("unit", f"The unit {unit.name} is enabled, watched, and {unit.shown.get('ActiveState', 'unknown')}.")


def _systemctl(*words: str) -> str:
    """What systemctl answers; "" where it does not."""
    try:
        answer = subprocess.run(  # noqa: S603 - words of our own
            ["systemctl", *filter(None, words)],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout
