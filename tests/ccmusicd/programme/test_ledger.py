"""The ledger: what is told last holds, however it was dated back."""

from ccmusicd.programme import ledger as room
from ccmusicd.programme.ledger import Ledger, Span


def spans(ledger: Ledger) -> list[tuple[int, int, str]]:
    return [(span.start_us, span.end_us, span.kind) for span in reversed(list(ledger.backwards()))]


def test_an_open_segment_grows_in_its_place() -> None:
    ledger = Ledger()
    for end in (1, 5, 9):
        ledger.put(Span(0, end, "music", "jazz"))
    assert spans(ledger) == [(0, 9, "music")]
    assert ledger.now_us == 9


def test_a_change_that_is_dated_back_shortens_what_was_before() -> None:
    ledger = Ledger()
    ledger.put(Span(0, 30, "music", "jazz"))
    ledger.put(Span(0, 20, "music", "jazz"))  # its end
    ledger.put(Span(20, 31, "silence"))
    assert spans(ledger) == [(0, 20, "music"), (20, 31, "silence")]
    ledger.put(Span(15, 32, "music", "rock"))  # told late and of more: it holds
    assert spans(ledger) == [(0, 15, "music"), (15, 32, "music")]


def test_the_same_segment_may_become_another_kind_and_one_without_length_is_none() -> None:
    ledger = Ledger()
    ledger.put(Span(0, 10, "uncertain", None, "starting"))
    ledger.put(Span(0, 12, "no_signal"))
    assert spans(ledger) == [(0, 12, "no_signal")]
    ledger.put(Span(12, 12, "music", "jazz"))
    assert spans(ledger) == [(0, 12, "no_signal")]


def test_excerpts_are_cut_and_the_past_is_forgotten() -> None:
    ledger = Ledger()
    for start in range(0, 50, 10):
        ledger.put(Span(start, start + 10, "music", str(start)))
    assert [(s.start_us, s.end_us) for s in ledger.within(5, 25)] == [(5, 10), (10, 20), (20, 25)]
    assert not list(ledger.within(60, 70))
    ledger.forget(20)
    assert spans(ledger)[0] == (20, 30, "music")


def test_it_is_bounded() -> None:
    ledger = Ledger()
    for start in range(room.MOST_SPANS + 100):
        ledger.put(Span(start, start + 1, "music", str(start)))
    assert len(ledger) == room.MOST_SPANS
    assert ledger.now_us == room.MOST_SPANS + 100
