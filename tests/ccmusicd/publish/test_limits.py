"""How often an address may ask, on a clock of the test's own."""

from ccmusicd.publish.limits import Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_a_rate() -> None:
    clock = Clock()
    limiter = Limiter(a_second=2.0, burst=3, monotonic=clock)
    assert [limiter.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]
    clock.now += 0.5
    assert [limiter.wait_s("a") for _ in range(2)] == [0, 1]
    clock.now += 1_000
    assert [limiter.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]


def test_it_says_how_long_to_wait() -> None:
    limiter = Limiter(a_second=0.1, burst=1, monotonic=Clock())
    assert [limiter.wait_s("a") for _ in range(3)] == [0, 10, 10]


def test_addresses_do_not_touch_each_other() -> None:
    limiter = Limiter(a_second=1.0, burst=1, monotonic=Clock())
    assert [limiter.wait_s(address) for address in ("a", "b", "a", "b")] == [0, 0, 1, 1]


def test_the_table_is_bounded_and_forgets_those_that_asked_least_lately() -> None:
    limiter = Limiter(a_second=1.0, burst=1, most=3, monotonic=Clock())
    for address in ("a", "b", "c", "a", "d"):
        limiter.wait_s(address)
    assert limiter.addresses == 3
    assert [limiter.wait_s(address) for address in ("a", "b")] == [1, 0]
