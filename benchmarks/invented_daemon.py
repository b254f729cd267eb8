"""`ccmusicd run` whose votes are invented instead of computed: all of the daemon but its analyzer child, at once ready.

python benchmarks/invented_daemon.py run [any arguments of ccmusicd run]
"""

import asyncio
import os
from typing import Any

import numpy as np

from ccmusic_stream.geometry import BINS, HOP_LENGTH
from ccmusicd import app, cli
from ccmusicd.analyzer import Analyzer
from ccmusicd.jobs import Answer, Job, ModelAnswer

HOP_COLUMNS = int(os.environ.get("INVENTED_HOP_COLUMNS", "11"))
"""A quarter of a second, if not told otherwise."""

GENRE_LASTS_S = 2.0
BUSY_S = 0.02


class InventedAnalyzer(Analyzer):
    """Answers each hop at once; which genre it speaks for changes every few seconds."""

    def __init__(self, *arguments: Any, labels: tuple[str, ...], models: list[str], **options: Any) -> None:
        super().__init__(*arguments, **options, labels=labels, models=models)
        self._names, self._classes = models, len(labels)
        self._random = np.random.default_rng()
        self.hop_columns, self._picks_hop = HOP_COLUMNS, False

    async def _run_child(self) -> str:
        self._adopt(
            {
                "device": "cpu",
                "hop_s": BUSY_S,
                "models": dict.fromkeys(self._names),
                "runtimes": dict.fromkeys(self._names, "invented"),
            }
        )
        self._enter("running")
        self._on_ready(self)
        while True:
            for feed in await self._due_feeds():
                job = feed.next_job()
                feed.answered(job, self._answer(job))
            await asyncio.sleep(0)

    def _answer(self, job: Job) -> Answer:
        self.answers += 1
        sure = np.ones(self._classes)
        sure[int(asyncio.get_running_loop().time() / GENRE_LASTS_S) * 7 % self._classes] = 50.0
        votes = self._random.dirichlet(sure, len(self._names))  # (models, classes)
        models = {name: ModelAnswer(vote, 20.0, None) for name, vote in zip(self._names, votes, strict=True)}
        columns = bytes(len(job.samples) // HOP_LENGTH * sum(BINS.values()))
        return Answer(models, columns, BUSY_S)


if __name__ == "__main__":
    vars(app)["Analyzer"] = InventedAnalyzer  # the composition root makes this one instead
    cli.main()
