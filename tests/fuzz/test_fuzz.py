"""A little fuzzing in every run, of the same inputs each time: every target's seeds, cut, spliced and sprinkled."""

import os
import re
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.strangers import http_status
from tests.fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("CCMUSIC_FUZZ_EXAMPLES", "60"))


WORDS = re.compile(rb"\"[^\"\n]*\"|[\w.:/%+-]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Edit:
    """`much` bytes at `place`, a share of the input, give way to `new`; or the whole word there (None)."""

    place: float
    much: int | None
    new: bytes

    def of(self, data: bytes) -> bytes:
        at = round(self.place * len(data))
        if self.much is not None:
            return data[:at] + self.new + data[at + self.much :]
        word = next((found for found in WORDS.finditer(data) if found.end() > at), None)
        return data + self.new if word is None else data[: word.start()] + self.new + data[word.end() :]


def inputs(name: str) -> st.SearchStrategy[bytes]:
    target = TARGETS[name]
    news = st.one_of(st.sampled_from((*target.tokens, b"")), st.binary(max_size=8))
    much = st.one_of(st.none(), st.integers(0, 8), st.sampled_from((0, 64, 10_000)))
    edits = st.lists(st.builds(Edit, st.floats(0, 1), much, news), max_size=6)
    return st.one_of(st.builds(_edited, st.sampled_from(target.seeds), edits), st.binary(max_size=200))


def _edited(data: bytes, edits: list[Edit]) -> bytes:
    for edit in edits:
        data = edit.of(data)
    return data


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_only_documented_errors_come_out(name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize="CCMUSIC_FUZZ_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(inputs(name))
    def fuzz(data: bytes) -> None:
        TARGETS[name].run(data)

    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)
    fuzz()


def test_queries_reach_the_record() -> None:
    assert [http_status(query) for query in TARGETS["http_queries"].seeds[:3]] == [200, 200, 200]
