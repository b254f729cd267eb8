"""What a check found."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about one `part`, and one about what to do where there is something to do.

    `exit_code` is what a problem ends the command with: 78 where the configuration is to be changed, else 69.
    """

    part: str
    level: Level
    text: str
    advice: str = ""
    exit_code: int = 69


def ok(part: str, text: str) -> Finding:
    """All is well."""
    return Finding(part, "ok", text)


def warning(part: str, text: str, advice: str) -> Finding:
    """It works, and yet somebody should know."""
    return Finding(part, "warning", text, advice)


def problem(part: str, text: str, advice: str, exit_code: int = 69) -> Finding:
    """It does not work."""
    return Finding(part, "problem", text, advice, exit_code)
