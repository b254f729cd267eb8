"""How often an address may ask: a bucket of requests for each that is filled again as time goes by."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

A_SECOND = 20.0
BURST = 60
MOST_ADDRESSES = 4096


class Limiter:
    """Each address may ask `burst` times at once and `a_second` times a second in the long run.

    Of at most `most` addresses is known how often they asked; beyond, those that asked least lately are forgotten.
    """

    def __init__(
        self,
        *,
        a_second: float = A_SECOND,
        burst: int = BURST,
        most: int = MOST_ADDRESSES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._a_second, self._burst, self._most = a_second, burst, most
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when

    @property
    def addresses(self) -> int:
        """Of how many addresses it is known."""
        return len(self._buckets)

    def wait_s(self, address: str) -> int:
        """Take one request of an address: 0, or the whole seconds after which it may ask again."""
        now = self._monotonic()
        left, since = self._buckets.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._a_second)
        allowed = left >= 1.0
        self._buckets[address] = (left - 1.0 if allowed else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1.0 - left) / self._a_second))
