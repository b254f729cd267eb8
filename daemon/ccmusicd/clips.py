"""Clips that people upload: decoded by a child, seen by the analyzer while no hop is due, told as by `classify`.

The networks are in memory once, in the analyzer: a process of its own for clips would need a second torch.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.found import CLIP_S, Decoded, Window, advice_of
from ccmusicd.hub import Hub
from ccmusicd.jobs import models_of
from ccmusicd.requests import AwayError, RequestError, Requests
from ccmusicd.waveform import envelope

LONGEST_DECODING_S = 180.0
"""CPU time is bounded by the child itself; this is for a machine on which it gets none."""

LONGEST_ANALYSIS_S = 300.0

OUTLINE_PARTS = 600

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
        parts = [part async for part in self.parts(file, name, which, pictures=False)]
        whole = {key: value for part in (parts[0], parts[-1]) for key, value in part.items()}
        windows = [{key: value for key, value in part.items() if key != "type"} for part in parts[1:-1]]
        told = ("file", "duration_s", "trained", "warnings", "advice")
        return {key: whole[key] for key in told} | {"windows": windows}

    async def parts(self, file: Path, name: str, which: str, *, pictures: bool) -> AsyncGenerator[dict[str, Any]]:
        """The same piece by piece, as it is found: `clip`, a `window` for each clip, `end`.

        With `pictures` each window has what was to be seen of it, and the clip its outline. Raises as `analyse`, from
        the second piece on only `BusyError`.
        """
        deadline = asyncio.get_running_loop().time() + self._longest_analysis_s
        about = self._hub.about
        with _busy():
            async with self._turn_before(deadline):
                with tempfile.TemporaryDirectory(prefix="ccmusic-clip-") as folder:
                    pcm = Path(folder) / "pcm"
                    async with asyncio.timeout_at(deadline):
                        decoded = await self._decode(file, pcm)
                        outline = await asyncio.to_thread(_outline, pcm) if pictures else None
                    async with self._on_the_desk(pcm, which, deadline) as windows:
                        yield self._clip_part(name, decoded, windows, outline)
                        high_db = 0.0
                        async for window, step_db in self._looked_at(decoded, deadline):
                            high_db = step_db
                            seen = {"seen": await self._seen(deadline)} if pictures else {}
                            yield {"type": "window", **window.to_dict(about.labels), **seen}
        advice = advice_of(decoded, high_db)
        yield {
            "type": "end",
            "warnings": [each.text for each in advice],
            "advice": [each.to_dict() for each in advice],
        }

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

    def _clip_part(
        self, name: str, decoded: Decoded, windows: int, outline: Sequence[tuple[float, float]] | None
    ) -> dict[str, Any]:
        part = {
            "type": "clip",
            "file": name,
            "duration_s": round(decoded.duration_s, 3),
            "trained": self._hub.about.trained,
            "windows": windows,
        }
        return part if outline is None else {**part, "outline": outline}

    @contextlib.asynccontextmanager
    async def _turn_before(self, deadline: float) -> AsyncIterator[None]:
        async with asyncio.timeout_at(deadline):
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    async def _looked_at(self, decoded: Decoded, deadline: float) -> AsyncIterator[tuple[Window, float]]:
        """Each clip's votes, and how loud its high bands are."""
        weights = {model.name: model.weight for model in self._hub.about.models}
        temperature = self._hub.about.ensemble_temperature
        while not (step := await self._ask({"op": "clip_step"}, deadline))[0]["is_done"]:
            head = step[0]
            if head["models"] is not None:
                start_s = head["start"] / SAMPLE_RATE
                end_s = min(start_s + CLIP_S, decoded.duration_s)
                window = Window.of(start_s, end_s, models_of(head["models"]), weights, temperature)
                yield window, head["high_db"]

    async def _seen(self, deadline: float) -> dict[str, Any]:
        """What was to be seen of the clip that was just looked at."""
        head, payload = await self._ask({"op": "clip_seen"}, deadline)
        part = io.BytesIO(payload)
        return {
            "spectrograms": [
                {**each, "levels": _base64(part.read(each["bins"] * each["columns"]))} for each in head["spectrograms"]
            ],
            "pictures": [
                {"models": each["models"], "png": _base64(part.read(each["size"]))} for each in head["pictures"]
            ],
        }

    async def _ask(self, order: Mapping[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        async with asyncio.timeout_at(deadline):
            return await self._requests.ask(order, patient=True)

    @contextlib.asynccontextmanager
    async def _on_the_desk(self, pcm: Path, which: str, deadline: float) -> AsyncIterator[int]:
        """While the analyzer has the samples open; how many clips there are."""
        opened, _ = await self._ask({"op": "clip", "pcm": str(pcm), "which": which}, deadline)
        try:
            yield opened["windows"]
        finally:
            # Of its own, since whoever wanted the clip may have gone: the analyzer must let go of it all the same.
            task = asyncio.create_task(self._forget())
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    async def _forget(self) -> None:
        with contextlib.suppress(RequestError):  # a new child has nothing to forget
            await self._requests.ask({"op": "clip_end"})


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """What keeps the analyzer from doing it, as `BusyError`."""
    try:
        yield
    except TimeoutError:
        raise BusyError("the machine has no time for it beside its stations") from None
    except AwayError as error:
        raise BusyError(str(error)) from None
    except RequestError as error:
        raise BusyError(f"the analyzer could not do it: {error}") from None


def _outline(pcm: Path) -> list[tuple[float, float]]:
    samples: NDArray[np.float32] = np.memmap(pcm, dtype="<f4", mode="r")
    return [(round(low, 3), round(high, 3)) for low, high in envelope(samples, OUTLINE_PARTS)]


def _base64(part: bytes) -> str:
    return base64.b64encode(part).decode("ascii")
