"""What waits for the analyzer's child beside the hops."""

import asyncio
from typing import Any

import pytest

from ccmusicd.requests import MOST_WAITING, AwayError, RequestError, Requests


@pytest.fixture
def woken() -> list[bool]:
    return []


@pytest.fixture
def requests(woken: list[bool]) -> Requests:
    requests = Requests(lambda: woken.append(True))
    requests.open()
    return requests


def ask(requests: Requests, **head: Any) -> "asyncio.Task[tuple[dict[str, Any], bytes]]":
    patient = head.pop("patient", False)
    return asyncio.create_task(requests.ask(head, patient=patient))


async def test_answers_come_to_who_asked_and_the_patient_let_hops_go_first(
    requests: Requests, woken: list[bool]
) -> None:
    long, short = ask(requests, op="long", patient=True), ask(requests, op="short")
    await asyncio.sleep(0)
    assert woken == [True, True]
    first = requests.next(hop_is_due=True)
    assert first is not None
    assert b"short" in first.frame
    assert requests.next(hop_is_due=True) is None
    first.settle({"op": "done"}, b"payload")
    assert await short == ({"op": "done"}, b"payload")
    second = requests.next(hop_is_due=False)
    assert second is not None
    second.settle({"op": "failed", "reason": "out of paper"}, b"")
    with pytest.raises(RequestError, match="out of paper"):
        await long
    assert requests.next(hop_is_due=False) is None


async def test_who_has_gone_is_not_served(requests: Requests) -> None:
    gone, other = ask(requests, op="gone"), ask(requests, op="other")
    await asyncio.sleep(0)
    taken = requests.next(hop_is_due=False)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert len(requests) == 0
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert taken is not None
    taken.settle({"op": "done"}, b"")  # the answer comes all the same


async def test_the_child_s_end_is_told_to_all(requests: Requests) -> None:
    asked = [ask(requests, op="one"), ask(requests, op="two")]
    await asyncio.sleep(0)
    requests.next(hop_is_due=False)
    requests.close()
    for task in asked:
        with pytest.raises(AwayError, match="restarts"):
            await task
    with pytest.raises(AwayError, match="being loaded"):
        await requests.ask({"op": "three"})


async def test_too_many_are_sent_away(requests: Requests) -> None:
    asked = [ask(requests, op="x") for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(AwayError, match="others"):
        await requests.ask({"op": "one more"})
    requests.close()
    await asyncio.gather(*asked, return_exceptions=True)
