"""Row 24: a GPU that ends the analyzer again and again."""

import asyncio
from pathlib import Path

import pytest

from ccmusicd.analyzer import OFTEN, Analyzer


# Seen to fail without: the change to the CPU.
async def test_row_24_cuda_errors_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub stands for the child, since a GPU that fails is not at hand: it dies as one does of a CUDA error."""
    asked: list[str] = []
    enough = asyncio.Event()

    async def die(self: Analyzer) -> str:
        asked.append(self._wanted_device)
        self.device = "cuda:0" if self._wanted_device == "auto" else self._wanted_device
        self.answers += 1  # it had worked before
        if len(asked) > OFTEN:
            enough.set()
            await asyncio.Event().wait()
        return "it ended with status 1 (CUDA error: an illegal memory access was encountered)"

    monkeypatch.setattr(Analyzer, "_run_child", die)
    analyzer = Analyzer([Path("nowhere")], device="auto", on_ready=lambda _: None)
    task = asyncio.create_task(analyzer.run())
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked == ["auto"] * OFTEN + ["cpu"]
    assert analyzer.restarts == OFTEN
