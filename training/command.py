"""Runs a training tool's command line and ends the process with the right status."""

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from ccmusic_stream.errors import CcmusicError

_STOPPED = 130
"""The status of a process that was interrupted: 128 and SIGINT's number."""


def run_and_exit(function: Callable[..., Any], name: str) -> NoReturn:
    """Run `python -m training.<name>`: 0, 64 usage, an error's own status and one sentence, 78 for a bad bundle."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(function)
    try:
        status = app(standalone_mode=False, prog_name=f"python -m training.{name}")
    except CcmusicError as error:
        sys.stderr.write(f"{name}: {error}\n")
        own = getattr(error, "exit_code", None)
        status = own if isinstance(own, int) else os.EX_CONFIG
    except KeyboardInterrupt:
        status = _STOPPED
    except Exception as error:
        show = getattr(error, "show", None)  # one of typer's usage errors, whose class is not public
        if show is None:
            raise
        show()
        status = os.EX_USAGE
    if status == _STOPPED:  # which is also what typer makes of an interruption
        sys.stderr.write(f"{name}: stopped\n")
    sys.exit(status)
