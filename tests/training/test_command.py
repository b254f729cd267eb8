"""A training tool's process ends as the daemon's commands do: a status and one sentence."""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import pytest
import typer

from ccmusic_stream.errors import BundleError, CcmusicError
from training.command import run_and_exit


class _OwnError(CcmusicError):
    exit_code = 66


def _raising(error: BaseException) -> Callable[[], None]:
    def tool() -> None:
        raise error

    return tool


def _status(monkeypatch: pytest.MonkeyPatch, tool: Callable[..., object], *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["tool", *words])
    with pytest.raises(SystemExit) as ended:
        run_and_exit(tool, "tool")
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (_OwnError("there is no such folder"), 66, "tool: there is no such folder\n"),
        (BundleError("the bundle is bad"), os.EX_CONFIG, "tool: the bundle is bad\n"),
        (KeyboardInterrupt(), 130, "tool: stopped\n"),
    ],
)
def test_errors_become_one_sentence_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    sentence: str,
) -> None:
    assert _status(monkeypatch, _raising(error)) == status
    assert capsys.readouterr().err == sentence


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tool"])
    with pytest.raises(ZeroDivisionError):
        run_and_exit(_raising(ZeroDivisionError()), "tool")


def test_usage_and_success(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    heard = []

    def tool(number: Annotated[int, typer.Option("--number", min=0)]) -> None:
        heard.append(number)

    assert not _status(monkeypatch, tool, "--number", "3")
    assert heard == [3]
    for words in ((), ("--number", "-1"), ("--number", "x"), ("--nonsense",)):
        assert _status(monkeypatch, tool, *words) == os.EX_USAGE
        assert "Traceback" not in capsys.readouterr().err
    assert not _status(monkeypatch, tool, "--help")
    assert "python -m training.tool" in capsys.readouterr().out
    assert heard == [3]
