"""What the benchmark of kills would find: each kind of loss, planted in a record."""

from killed_record import Row, faults, faults_after_start, lost, unwritten_s

JAZZ = Row("one", 0, 10, "music", "jazz", open=False)
ROCK = Row("one", 10, 15, "music", "rock", open=True)
CLOSED = ROCK._replace(open=False)
DOWN = Row("one", 15, 30, "down", None, open=False)
AFTER = Row("one", 30, 31, "uncertain", None, open=True)
KILLED, SERVED = 17, 32


def test_record_that_lost_nothing_has_no_faults() -> None:
    assert lost([JAZZ, ROCK], [JAZZ, ROCK._replace(end_us=16)]) == []
    assert lost([JAZZ, ROCK], [JAZZ, CLOSED, DOWN]) == []
    assert faults_after_start([JAZZ, ROCK], [JAZZ, CLOSED, DOWN, AFTER], [KILLED], SERVED) == []
    assert unwritten_s([JAZZ, ROCK], 1_000_015) == [1.0]


def test_committed_row_that_is_gone_shorter_or_another_is_found() -> None:
    assert "is gone" in lost([JAZZ, ROCK], [JAZZ])[0]
    assert "is now" in lost([JAZZ, ROCK], [JAZZ, ROCK._replace(end_us=14)])[0]
    assert "is now" in lost([JAZZ], [JAZZ._replace(genre="rock")])[0]


def test_hole_and_overlap_are_found() -> None:
    for end_us in (14, 16):
        found = faults([JAZZ, CLOSED._replace(end_us=end_us), DOWN], ["one"])
        assert len(found) == 2
        assert "does not begin where" in found[0]
        assert "cover" in found[1]


def test_kill_without_its_gap_is_found() -> None:
    rows = [JAZZ, CLOSED._replace(end_us=30), AFTER]
    found = faults_after_start([JAZZ, CLOSED._replace(end_us=30)], rows, [KILLED], SERVED)
    assert "lies in no gap" in found[0]


def test_gap_that_goes_on_after_the_daemon_served_is_found() -> None:
    found = faults_after_start([JAZZ, ROCK], [JAZZ, CLOSED, DOWN._replace(end_us=40)], [KILLED], SERVED)
    assert "lies in no gap" in found[0]


def test_row_left_open_or_changed_at_the_new_start_is_found() -> None:
    for wrong in (ROCK, CLOSED._replace(genre="jazz")):
        found = faults_after_start([JAZZ, ROCK], [JAZZ, wrong, DOWN, AFTER], [KILLED], SERVED)
        assert "became" in found[0]
