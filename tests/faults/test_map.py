"""The map in README.md has every row of both tables, and every test that it names is there."""

import ast
import functools
import itertools
import re
from pathlib import Path

import pytest

from tests.faults.conftest import COLLECTED

TESTS = Path(__file__).resolve().parents[1]

FAULTS = {str(number) for number in range(1, 27)}
BAD_INPUTS = {
    "configuration: unknown key, wrong type, NaN, out of range",
    "secret in a URL",
    "private scheme inside a playlist",
    "weights empty, truncated, a web page, an LFS pointer, wrong hash",
    "pickle that is not a state dict",
    "weights with NaN, wrong shape, wrong class count",
    "audio NaN, zero length, 8 kHz, 7.1, odd byte",
    "a video, a playlist named .mp3, an endless tag",
    "ICY title with bad UTF-8, control characters, 4 KB",
    "WebSocket: unknown command, deep JSON, oversize, bad origin",
    "HTTP: unknown path, traversal, wrong method, long URI",
    "clip too large, not audio, too long",
    "MQTT command huge, retained, malformed",
    "topic or station name with + # / NUL",
}


@functools.cache
def mapped() -> dict[str, list[str]]:
    """The tests of each row."""
    rows = [line.strip("| ").split(" | ") for line in (TESTS / "faults/README.md").read_text("utf-8").splitlines()]
    return {cells[0]: re.findall(r"`([^`]+::[^`]+)`", cells[-1]) for cells in rows if "::" in cells[-1]}


@functools.cache
def functions(file: Path) -> list[str]:
    """The tests of a file, as pytest takes them."""
    body = ast.parse(file.read_text("utf-8")).body
    found = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [name for name in found if name.startswith("test_")]


def test_every_row_has_a_test() -> None:
    assert set(mapped()) == FAULTS | BAD_INPUTS
    assert all(mapped().values())


@pytest.mark.parametrize("name", sorted({name for names in mapped().values() for name in names}))
def test_every_test_of_the_map_is_there(name: str, request: pytest.FixtureRequest) -> None:
    file, _, function = name.partition("::")
    assert (TESTS / file).name.startswith("test_")
    assert functions(TESTS / file).count(function) == 1
    if request.config.args == request.config.getini("testpaths"):  # all was collected
        assert f"tests/{name}" in request.config.stash[COLLECTED]


def test_a_row_that_has_a_test_of_its_own_names_it() -> None:
    own = [name for file in sorted((TESTS / "faults").glob("test_*.py")) for name in functions(file)]
    for name in own:
        for number in re.findall(r"row_(\d\d)", name):
            assert any(test.endswith(f"::{name}") for test in mapped()[str(int(number))]), name


def seen_to_fail(name: str) -> bool:
    """Whether a test says, above itself, which defence was taken out when it failed."""
    file, _, function = name.partition("::")
    lines = (TESTS / file).read_text("utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if re.match(rf"(async )?def {function}\b", line))
    above = itertools.takewhile(bool, reversed(lines[:place]))
    return any(line.startswith("# Seen to fail without: ") for line in above)


def test_of_every_row_a_test_was_seen_to_fail() -> None:
    blind = [row for row, names in mapped().items() if not any(seen_to_fail(name) for name in names)]
    assert blind == []
