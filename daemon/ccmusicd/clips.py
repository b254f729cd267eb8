"""Clips that people upload: decoded by a child, seen by the analyzer while no hop is due, told as by `classify`.

The networks are in memory once, in the analyzer: a process of its own for clips would need a second torch.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.found import CLIP_S, Decoded, Result, Window, warnings_of
from ccmusicd.hub import Hub
from ccmusicd.jobs import models_of
from ccmusicd.requests import AwayError, RequestError, Requests

LONGEST_DECODING_S = 180.0
"""CPU time is bounded by the child itself; this is for a machine on which it gets none."""

LONGEST_ANALYSIS_S = 300.0

_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Of the environment: a decoder that a file has taken over finds no secret in it."""


class ClipError(Exception):
    """The clip is not analysed; the text says why."""


class RefusedClipError(ClipError):
    """It never will be."""


class BusyError(ClipError):
    """Later, perhaps."""


class Clips:
    """Analyses clips of at most `longest_s`, one at a time; who comes meanwhile waits."""

    def __init__(
        self, hub: Hub, requests: Requests, *, longest_s: float, longest_analysis_s: float = LONGEST_ANALYSIS_S
    ) -> None:
        self._hub = hub
        self._requests = requests
        self._longest_s = longest_s
        self._longest_analysis_s = longest_analysis_s
        self._turn = asyncio.Lock()
        self._forgetting: set[asyncio.Task[None]] = set()

    async def analyse(self, file: Path, name: str, which: str) -> dict[str, Any]:
        """What `classify --json` says of a file by this `name`; `which` of its clips: "first", "centre" or "all".

        Raises:
            RefusedClipError: it is no sound, or too long.
            BusyError: the analyzer is away, or has no time for it.
        """
        try:
            async with asyncio.timeout(self._longest_analysis_s), self._turn:
                with tempfile.TemporaryDirectory(prefix="ccmusic-clip-") as folder:
                    pcm = Path(folder) / "pcm"
                    decoded = await self._decode(file, pcm)
                    windows, high_db = await self._look(pcm, decoded, which)
        except TimeoutError:
            raise BusyError("the machine has no time for it beside its stations") from None
        except AwayError as error:
            raise BusyError(str(error)) from None
        except RequestError as error:
            raise BusyError(f"the analyzer could not do it: {error}") from None
        about = self._hub.about
        result = Result(name, decoded.duration_s, windows, warnings_of(decoded, high_db))
        return result.to_dict(about.labels, trained=about.trained)

    async def _decode(self, file: Path, pcm: Path) -> Decoded:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ccmusicd.capture.decode", str(file), str(pcm), str(self._longest_s)),
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(LONGEST_DECODING_S):
                told, _ = await child.communicate()
        except TimeoutError:
            raise RefusedClipError("it could not be decoded in time") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            found = json.loads(told)
        except ValueError:
            raise RefusedClipError("it cannot be decoded: the decoder broke down or took too long over it") from None
        if "later" in found:
            raise BusyError(found["later"])
        if "error" in found:
            raise RefusedClipError(found["error"].replace(repr(str(file)), "it").rstrip("."))
        duration_s = found["samples"] / SAMPLE_RATE
        return Decoded(duration_s, found["rate"], found["codec"], found["size"], found["warnings"])

    async def _look(self, pcm: Path, decoded: Decoded, which: str) -> tuple[list[Window], float]:
        weights = {model.name: model.weight for model in self._hub.about.models}
        temperature = self._hub.about.ensemble_temperature
        windows: list[Window] = []
        high_db = 0.0
        async with self._on_the_desk(pcm, which):
            while True:
                step, _ = await self._requests.ask({"op": "clip_step"}, patient=True)
                if step["is_done"]:
                    return windows, high_db
                if step["models"] is not None:
                    start_s, high_db = step["start"] / SAMPLE_RATE, step["high_db"]
                    end_s = min(start_s + CLIP_S, decoded.duration_s)
                    windows.append(Window.of(start_s, end_s, models_of(step["models"]), weights, temperature))

    @contextlib.asynccontextmanager
    async def _on_the_desk(self, pcm: Path, which: str) -> AsyncIterator[None]:
        """While the analyzer has the samples open."""
        await self._requests.ask({"op": "clip", "pcm": str(pcm), "which": which}, patient=True)
        try:
            yield
        finally:
            # Of its own, since whoever wanted the clip may have gone: the analyzer must let go of it all the same.
            task = asyncio.create_task(self._forget())
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    async def _forget(self) -> None:
        with contextlib.suppress(RequestError):  # a new child has nothing to forget
            await self._requests.ask({"op": "clip_end"})
