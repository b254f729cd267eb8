"""Checks of what the daemon talks to and loads: weights, database, broker, sources. All of them read only."""

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusicd.capture.options import CaptureOptions
from ccmusicd.capture.process import Capture
from ccmusicd.capture.soundcard import devices
from ccmusicd.capture.spec import SourceSpec
from ccmusicd.doctor.finding import Finding, ok, problem, warning
from ccmusicd.events import SourceState
from ccmusicd.publish.broker import Broker, RefusedError
from ccmusicd.publish.errors import MissingRecordError
from ccmusicd.publish.reader import RecordReader

_BROKER_TIMEOUT_S = 5.0
_MOST_SECONDS_OF_A_SOURCE = 12.0
_POINTER = b"version https://git-lfs"


def check_weights(bundle: Bundle, models: Iterable[ModelSpec]) -> list[Finding]:
    """Each weight file against its hash, without torch; and whether the bundle knows any genre."""
    found = [bad for model in models if (bad := _bad_file(model)) is not None]
    if not found:
        found.append(ok("weights", f"The weight files of bundle {bundle.name} are whole."))
    if not bundle.trained:
        found.append(
            warning(
                "weights",
                f"Bundle {bundle.name} is not trained: its networks hold random weights and know no genre.",
                "`ccmusicd weights list` shows others; [analyzer] bundle takes one.",
            )
        )
    return found


def _bad_file(model: ModelSpec) -> Finding | None:
    if model.file is None:
        return None
    path = model.folder / model.file
    advice = "Without it this network does not vote. Fetch it again: `ccmusicd weights pull`, or `git lfs pull`."
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            head = file.read(len(_POINTER))
            digest.update(head)
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        return problem("weights", f"{model.name}: {path} cannot be read: {error.strerror}.", advice, os.EX_CONFIG)
    if head == _POINTER:
        return problem("weights", f"{model.name}: {path} is a pointer of git-lfs.", advice, os.EX_CONFIG)
    if digest.hexdigest() != model.sha256:
        return problem("weights", f"{model.name}: {path} is not the file that the bundle means.", advice, os.EX_CONFIG)
    return None


def check_database(url: str) -> Finding:
    """Whether the record can be read, and is of a version that this program knows."""
    try:
        with RecordReader(url):
            return ok("database", "The record can be read.")
    except MissingRecordError:
        return ok("database", "There is no record yet; it is made at the first start.")
    except CcmusicError as error:
        advice = "The daemon runs without it, and keeps what it can in memory. Mend it, or set [timeline] url."
        return problem("database", f"The record cannot be used: {error}.", advice)


async def check_broker(broker: Broker, client_id: str) -> Finding:
    """Connect as the daemon would, but under another name, so that a running one stays connected."""
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        transport="tcp" if broker.path is None else "websockets",
        websocket_path=broker.path,
        username=broker.username,
        password=broker.password,
        identifier=client_id,
        timeout=_BROKER_TIMEOUT_S,
        tls_context=broker.tls,
    )
    client._disconnected.add_done_callback(asyncio.Future.exception)  # noqa: SLF001 - else asyncio complains of it
    try:
        await broker.reach()
        async with asyncio.timeout(2 * _BROKER_TIMEOUT_S), client:
            pass
    except (RefusedError, aiomqtt.exceptions.MqttConnectError) as error:
        why = str(error).partition("] ")[2] or str(error)
        advice = "Look at the user in [mqtt] url, the password ($CREDENTIALS_DIRECTORY/mqtt_password) and ca_file."
        return problem("broker", f"The MQTT broker {broker.redacted} refuses: {why}.", advice)
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        why = str(error) or "no answer in time"
        advice = "The daemon tries for ever; start the broker, or mend [mqtt] url."
        return problem("broker", f"The MQTT broker {broker.redacted} is away: {why}.", advice)
    return ok("broker", f"The MQTT broker {broker.redacted} takes the daemon.")


def check_devices() -> Finding:
    """The sound cards that can be listened to; none is no fault of a machine that listens to streams."""
    try:
        found = devices()
    except CcmusicError as error:
        advice = "Only soundcard: needs it. On Debian: apt-get install libportaudio2."
        return warning("devices", f"Sound cards cannot be used: {str(error).rstrip('.')}.", advice)
    names = ", ".join(device.name for device in found)
    return ok("devices", f"Sound cards with an input: {names}." if found else "There is no sound card with an input.")


class _Ear:
    """A sink that waits for the first sound, or for the reason why there is none."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.format: Mapping[str, Any] = {}
        self.error: str | None = None

    def source_state(self, state: SourceState, error: str | None, restarts: int) -> None:  # noqa: ARG002 - a sink's
        self.error = error or self.error
        if state in {"backoff", "ended"}:
            self.heard.set()

    def source_format(self, fmt: Mapping[str, Any]) -> None:
        self.format = fmt

    def source_title(self, title: str) -> None:
        pass

    def source_warning(self, message: str, count: int) -> None:
        pass

    def begin(self) -> None:
        pass

    def audio(self, samples: NDArray[np.float32]) -> None:
        if len(samples):
            self.heard.set()

    def gap(self, samples: int) -> None:
        pass

    async def room(self) -> None:
        pass


async def check_source(station: str, spec: SourceSpec, options: CaptureOptions) -> Finding:
    """Listen for some moments, as the daemon would; what a look would change or run is left alone."""
    part = f"station {station}"
    if (why := _left_alone(spec)) is not None:
        return ok(part, f"{spec.redacted} is not tried: {why}.")
    ear = _Ear()
    limit_s = min(options.open_timeout_s + 2.0, _MOST_SECONDS_OF_A_SOURCE)
    listening = asyncio.create_task(Capture(spec, replace(options, open_timeout_s=limit_s), ear).run())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await ear.heard.wait()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    if ear.error is None and ear.heard.is_set():
        known = ", ".join(f"{key} {ear.format[key]}" for key in ("codec", "rate", "channels") if ear.format.get(key))
        return ok(part, f"{spec.redacted} gives sound{known and f' ({known})'}.")
    why = (ear.error or f"no sound within {limit_s:g} s").rstrip(".")
    return problem(part, f"{spec.redacted} gives no sound: {why}.", _advice(spec))


def _left_alone(spec: SourceSpec) -> str | None:
    if spec.kind == "stdin":
        return "what is read from a pipe is gone"
    if spec.kind == "exec":
        return "a command may do anything"
    if spec.kind == "media" and not spec.is_url:
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(Path(spec.target).expanduser().stat().st_mode):
                return "what is read from a pipe is gone"
    return None


def _advice(spec: SourceSpec) -> str:
    if spec.kind == "soundcard":
        return (
            "`ccmusicd devices` lists the sound cards. A running daemon may have it; a service needs the group audio, "
            "and cannot reach a desktop's sound server."
        )
    if spec.is_url:
        return "Open the address in a player on this machine. The daemon tries for ever."
    return "Look whether the file is there, and whether the user that the daemon runs as may read it."
