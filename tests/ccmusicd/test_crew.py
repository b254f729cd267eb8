"""Tasks that come and go by name."""

import asyncio

import pytest

from ccmusicd.crew import Crew


async def test_one_is_ended_and_the_others_go_on() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    crew = Crew()
    for name in ("a", "b"):
        crew.start(name, work(name))
    working = asyncio.create_task(crew.working())
    await asyncio.sleep(0)
    await crew.stop("a", "never there")
    assert ended == ["a"]
    crew.start("a", work("a again"))
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert sorted(ended) == ["a", "a again", "b"]


async def test_a_failure_is_told_and_ends_all() -> None:
    async def fail() -> None:
        raise RuntimeError("no bread")

    crew = Crew()
    crew.start("waits", asyncio.Event().wait())
    crew.start("fails", fail())
    with pytest.raises(RuntimeError, match="no bread"):
        await asyncio.wait_for(crew.working(), 5)
    assert not crew._tasks
