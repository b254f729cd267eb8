"""Tasks that come and go by name while the daemon runs."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Crew:
    """Runs tasks beside each other, of which each can be ended by itself. Belongs to one event loop."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._failures: asyncio.Queue[BaseException] = asyncio.Queue()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work`; there must be none of this name."""
        task = self._tasks[name] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_done)

    async def stop(self, *names: str) -> None:
        """Cancel these, all at once, and wait until they have ended; those that are not there are left out."""
        tasks = [task for name in names if (task := self._tasks.pop(name, None)) is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def working(self) -> None:
        """Wait for ever. Raises what the first task that fails raises; all tasks are stopped at the end."""
        try:
            raise await self._failures.get()
        finally:
            await self.stop(*self._tasks)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.put_nowait(error)
