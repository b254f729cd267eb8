"""The log: for the journal and for people, without secrets, and repeated faults once."""

import io
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccmusicd.logs import JournalFormatter, PeoplesFormatter, SummingHandler, is_journal, log_to


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written(clock: Clock) -> Iterator[tuple[logging.Logger, Callable[[], list[str]]]]:
    """A logger, and what came out of it since the last look."""
    stream = io.StringIO()
    handler = SummingHandler(stream, clock)
    logger = logging.getLogger("a room of its own")
    logger.propagate = False
    logger.setLevel("INFO")
    logger.handlers[:] = [handler]

    def lines() -> list[str]:
        handler.tell_repeats()
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text.splitlines()

    yield logger, lines
    handler.close()


def record(level: int, text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("a", level, "", 0, text, args, None)


@pytest.mark.parametrize(("level", "prefix"), [(10, 7), (20, 6), (30, 4), (40, 3), (50, 2)])
def test_the_journal_gets_a_priority_before_every_line(level: int, prefix: int) -> None:
    assert JournalFormatter().format(record(level, "one\ntwo")) == f"<{prefix}>one\n<{prefix}>two"


@pytest.mark.parametrize("formatter", [JournalFormatter(), PeoplesFormatter()])
def test_no_secret_leaves_it(formatter: logging.Formatter) -> None:
    shown = formatter.format(record(40, "%s is away", "https://dj:hunter2@radio.example/live?token=abc"))
    assert "hunter2" not in shown
    assert "abc" not in shown
    assert "radio.example/live" in shown


def test_the_stream_itself_says_whether_it_is_the_journals(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as file:
        found = os.fstat(journal.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert is_journal(journal, environ)
        assert not is_journal(file, environ)  # redirected by a shell that the unit runs
        assert not is_journal(journal, {})
        assert not is_journal(io.StringIO(), environ)


def test_under_the_journal_there_is_no_time_and_else_there_is(tmp_path: Path) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        with (tmp_path / "out").open("w") as out:
            found = os.fstat(out.fileno())
            for environ in ({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, {}):
                log_to(out, "info", environ)
                logging.getLogger("x").info("hello")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    for_journal, for_people = (tmp_path / "out").read_text().splitlines()
    assert for_journal == "<6>hello"
    assert for_people.endswith("INFO hello")
    assert for_people.startswith("20")


Written = tuple[logging.Logger, Callable[[], list[str]]]


def test_a_fault_that_repeats_is_told_once_and_then_how_often(written: Written, clock: Clock) -> None:
    logger, lines = written
    for number in range(58):
        logger.error("analyzer: %s; starting another (restart %d)", "it hangs", number)
        clock.now += 10
    assert lines() == ["analyzer: it hangs; starting another (restart 0)"]
    clock.now += 30
    assert lines() == ["analyzer: it hangs; starting another (restart 57) (… 57 times more in the last 10 minutes)"]
    clock.now += 601
    assert lines() == []
    logger.error("analyzer: %s; starting another (restart %d)", "it hangs", 99)
    assert lines() == ["analyzer: it hangs; starting another (restart 99)"]  # after a time of peace it is news


def test_what_is_another_fault_or_no_fault_is_told(written: Written) -> None:
    logger, lines = written
    for station in ("fm1", "fm2"):
        logger.warning("%s: no sound for %.1f s", station, 2.5)
        logger.info("one")
    logger.error("%s: no sound for %.1f s", "fm1", 2.5)
    assert lines() == ["fm1: no sound for 2.5 s", "one", "fm2: no sound for 2.5 s", "one", "fm1: no sound for 2.5 s"]


def test_what_was_counted_is_told_at_the_end_and_memory_is_bounded(written: Written) -> None:
    logger, lines = written
    logger.warning("gone")
    logger.warning("gone")
    for number in range(300):
        logger.warning("fault %s", f"of kind {number}")
    told = lines()
    assert "gone (… once more in the last minute)" in told
    assert len(told) == 302
    logger.warning("fault of the end")
    logger.warning("fault of the end")
    lines()
    logger.handlers[0].close()
    assert lines() == ["fault of the end (… once more in the last minute)"]
