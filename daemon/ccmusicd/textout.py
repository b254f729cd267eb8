"""Text of the command line into a file that is there as a whole or not at all, or a pipe; progress beside it."""

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from rich.console import Console
from rich.progress import Progress

from ccmusicd.export.errors import OutputError
from ccmusicd.publish.schema import check_record

_FLUSH_EVERY = 500
_STEP = 100

T = TypeVar("T")


class Counted(Protocol):
    """Passes items on and counts them."""

    def __call__(self, items: Iterator[T], /) -> Iterator[T]: ...  # noqa: D102 - said above


def write(lines: Iterable[str], file: TextIO) -> None:
    """Write the lines, which carry their ends, as they come."""
    for number, line in enumerate(lines):
        file.write(line)
        if number % _FLUSH_EVERY == 0:
            file.flush()  # so that a reader that has gone, or a full disk, is noticed
    file.flush()


@contextmanager
def output_of(output: Path | None, url: str) -> Iterator[TextIO]:
    """Standard output, or a file that is there as a whole or not at all. UTF-8, lines as they are given."""
    try:
        with _stdout() if output is None else _whole_file(output, url) as file:
            yield file
    except BrokenPipeError:
        raise  # a reader that has seen enough is no fault
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        why = os.strerror(error.errno) if error.errno else str(error)
        name = "standard output" if output is None else output
        raise OutputError(f"{name} cannot be written: {why}", os.EX_TEMPFAIL if full else os.EX_CANTCREAT) from None


def _stdout() -> TextIO:
    sys.stdout.flush()
    return _opened(sys.stdout.fileno(), closefd=False)


def _opened(where: int | Path, *, closefd: bool = True) -> TextIO:
    # Titles may hold what UTF-8 cannot: half a pair of surrogates must not stop a day's export.
    return open(where, "w", encoding="utf-8", errors="backslashreplace", newline="", closefd=closefd)


@contextmanager
def _whole_file(output: Path, url: str) -> Iterator[TextIO]:
    record = check_record(url)
    target = output.resolve()
    if any(_is_same(target, record + end) for end in ("", "-wal", "-shm")):
        raise OutputError(f"{output} is the timeline itself: choose another file", os.EX_USAGE)
    if target.exists() and not target.is_file():  # a pipe or a device is written as it is
        with _opened(target) as file:
            yield file
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _opened(part) as file:
            yield file
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()


def _is_same(file: Path, other: str) -> bool:
    with suppress(OSError):
        return file.samefile(other)
    return False


@contextmanager
def progress(total: int, file: TextIO) -> Iterator[Counted]:
    """A bar on standard error while what it gives is read, where that is a terminal and the output is none."""
    errors = Console(stderr=True)
    with Progress(
        console=errors, transient=True, disable=not errors.is_terminal or file.isatty(), redirect_stdout=False
    ) as shown:
        task = shown.add_task("timeline", total=total)

        numbers = count(1)

        def counted(items: Iterator[T]) -> Iterator[T]:
            for item in items:
                yield item
                number = next(numbers)
                if number % _STEP == 0 or number == total:  # drawing costs more than a row
                    shown.update(task, completed=number)

        yield counted


def note(text: str) -> None:
    """Say something beside the output, on standard error."""
    sys.stderr.write(f"note: {text}\n")
