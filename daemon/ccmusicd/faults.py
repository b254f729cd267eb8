"""Where a fault of the configuration stands, and how it is told without repeating what may be a secret."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

ENV_PREFIX = "CCMUSIC_"

_SECRET = re.compile(r"password|token")


def explain(
    error: ValidationError, text: str, file: Path | None, environment: Mapping[str, Any], overrides: Mapping[str, Any]
) -> str:
    """A line for each fault: where it stands, the key, the value, and what was expected."""
    lines = []
    for fault in error.errors(include_url=False):
        path = [str(part) for depth, part in enumerate(fault["loc"]) if not _is_union_branch(depth, part)]
        key = ".".join(path)
        shown = _shown(fault["input"]) if fault["type"] != "extra_forbidden" and not _SECRET.search(key) else ""
        reason = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(
            fault["type"], fault["msg"].removeprefix("Value error, ")
        )
        where = _where(path, text, file, environment, overrides)
        lines.append(f"{where}: {key}: {reason}{'' if reason == 'is missing' else shown}")
    return "\n".join(dict.fromkeys(lines))


def _shown(value: Any) -> str:
    """The value, unless it may hold a secret: addresses do, and so may whole tables and lists."""
    harmless = isinstance(value, bool | int | float) or (isinstance(value, str) and not re.search(r"[@:/]", value))
    return f" (it is {value!r})" if harmless else ""


def _is_union_branch(depth: int, part: str | int) -> bool:
    """Whether pydantic names a branch here and no key: below table and key only, since a station may be called str."""
    return depth > 1 and isinstance(part, str) and ("[" in part or part in {"float", "str", "constrained-float"})


def _where(
    path: list[str], text: str, file: Path | None, environment: Mapping[str, Any], overrides: Mapping[str, Any]
) -> str:
    if _holds(overrides, path):
        return "command line"
    if _holds(environment, path):
        return f"environment {ENV_PREFIX}{'__'.join(path).upper()}"
    line = _line_of(path, text)
    return f"{file}, line {line}" if line else str(file or "configuration")


def _holds(nested: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(nested, Mapping) or part not in nested:
            return False
        nested = nested[part]
    return True


def _line_of(path: list[str], text: str) -> int | None:
    """The line where the key `path` is set, or its table begins; tomllib does not tell positions."""
    table: list[str] = []
    counts: dict[tuple[str, ...], int] = {}  # of the tables in arrays
    nearest = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+([^\]]+)\]", line)
        if header:
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            if line.lstrip().startswith("[["):
                array = tuple(table)
                counts[array] = counts.get(array, -1) + 1
                table.append(str(counts[array]))
            if table[: len(path)] == path[: len(table)]:
                nearest = number
            continue
        key = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        place = [*table, *(part.strip("\"'") for part in key[1].split("."))] if key else []
        if place and place in (path, path[:-1] if path[-1].isdigit() else path):  # or it is an entry of a list
            return number
    return nearest
