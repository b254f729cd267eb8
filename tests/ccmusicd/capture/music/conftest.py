"""Small scores for the band."""

from collections.abc import Callable, Iterable

import pytest

from ccmusicd.capture.music.score import Note, Part, Score

Written = Callable[..., Score]


@pytest.fixture
def written() -> Written:
    """written(instrument, notes, …): a score of one part at 120 quarter notes a minute, so a beat is half a second."""

    def write(instrument: str, notes: Iterable[Note], *more: Part, beats: float = 8.0) -> Score:
        parts = (Part("one", instrument, tuple(notes)), *more)
        return Score("test", "test", "Test", 120.0, 4.0, beats, "none", parts)

    return write
