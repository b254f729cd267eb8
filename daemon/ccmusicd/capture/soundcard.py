"""A sound card through PortAudio, found by its name."""

import dataclasses
import json
import queue
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusicd.capture.output import Output, SourceError

_BLOCKS_A_SECOND = 20
_QUEUED_BLOCKS = 10 * _BLOCKS_A_SECOND
_LATENCY_S = 0.2
_ALIVE_CHECK_S = 0.5
_LONGEST_GAP_S = 60.0
_LIST_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """An input device as PortAudio names it."""

    name: str
    host_api: str
    channels: int
    default_rate: int
    default: bool


def devices() -> list[DeviceInfo]:
    """The input devices of this moment.

    PortAudio's list is frozen in the process that initialised it, so a child enumerates.

    Raises:
        SourceError: PortAudio is not installed or cannot enumerate.
    """
    command = [sys.executable, "-P", "-m", "ccmusicd.capture.child", "devices"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_LIST_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise SourceError(f"The sound system did not list its devices within {_LIST_TIMEOUT_S:g} s.") from None
    if done.returncode:
        raise SourceError(_error_message(done.stderr) or "The sound devices cannot be listed.")
    return [DeviceInfo(**device) for device in json.loads(done.stdout)]


def list_devices() -> list[dict[str, Any]]:
    """The same, as plain values, in this process."""
    sounddevice = _portaudio()
    return [dataclasses.asdict(_info(sounddevice, device)) for device in _inputs(sounddevice)]


def play(name: str, output: Output) -> None:
    """Listen to the device called `name` (empty: the default one) until it goes away.

    Raises:
        SourceError: no such device, more than one, it cannot be opened, or it was lost.
    """
    sounddevice = _portaudio()
    try:
        _listen(sounddevice, name, output)
    except sounddevice.PortAudioError as error:
        raise SourceError(f"The sound card {name or 'by default'} cannot be opened: {error.args[0]}.") from None


def choose(devices: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The device called `name`, or the only one whose name holds it, letter case aside.

    `devices` are PortAudio's, each with `name`, `hostapi` and `index`. Of equal names the first counts: PortAudio
    lists the host interface it prefers first.

    Raises:
        SourceError: none or several match; the message lists the names there are.
    """
    wanted = name.casefold()
    exact = [device for device in devices if device["name"].casefold() == wanted]
    if exact:
        return exact[0]
    partial = [device for device in devices if wanted in device["name"].casefold()]
    if len(partial) == 1:
        return partial[0]
    names = ", ".join(repr(device["name"]) for device in partial or devices) or "none"
    if partial:
        raise SourceError(f"The sound card {name!r} is ambiguous: it may be {names}.")
    raise SourceError(f"There is no sound card {name!r}; there are: {names}.")


class Blocks:
    """Takes blocks from PortAudio's thread and keeps account of what was lost, for one reader.

    `rate` is the device's, in hertz. `get` gives (frames lost before the block, the block).
    """

    def __init__(self, rate: int, capacity: int = _QUEUED_BLOCKS) -> None:
        self._rate = rate
        self._queue: queue.Queue[tuple[int, NDArray[np.float32]]] = queue.Queue(capacity)
        self._lost = 0
        self._expected_s: float | None = None

    def put(self, samples: NDArray[np.float32], adc_time_s: float, *, overflow: bool) -> None:
        """A block of shape (frames, channels), of which nothing is kept; never waits."""
        if overflow:
            self._lost += self._frames_missed(adc_time_s)
        self._expected_s = adc_time_s + len(samples) / self._rate
        try:
            self._queue.put_nowait((self._lost, samples.mean(axis=1, dtype=np.float32)))
        except queue.Full:
            self._lost += len(samples)
        else:
            self._lost = 0

    def get(self, timeout_s: float) -> tuple[int, NDArray[np.float32]] | None:
        """The oldest block, None after `timeout_s` without one."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _frames_missed(self, adc_time_s: float) -> int:
        if self._expected_s is None:
            return 0
        missed_s = adc_time_s - self._expected_s
        return round(missed_s * self._rate) if 0 < missed_s < _LONGEST_GAP_S else 0


def _listen(sounddevice: Any, name: str, output: Output) -> None:
    from ccmusicd.capture.mono import Resampler  # noqa: PLC0415  # PyAV: not where only devices() is wanted

    device = _device(sounddevice, name)
    rate, channels = _setting(sounddevice, device)
    blocks = Blocks(rate)

    def received(data: NDArray[np.float32], _frames: int, times: Any, status: Any) -> None:
        blocks.put(data, times.inputBufferAdcTime, overflow=bool(status.input_overflow))

    stream = sounddevice.InputStream(
        samplerate=rate,
        blocksize=rate // _BLOCKS_A_SECOND,
        device=device["index"],
        channels=channels,
        dtype="float32",
        latency=_LATENCY_S,
        callback=received,
    )
    output.format(rate, channels, "pcm_f32", f"{channels} channels", live=True)
    resampler = Resampler()
    stream.start()
    while True:
        taken = blocks.get(_ALIVE_CHECK_S)
        if taken is None:
            # A frozen server leaves the stream active without a block: that is for the parent's watchdog.
            if not stream.active:
                raise SourceError(f"The sound card {device['name']!r} was lost.")
            continue
        lost, samples = taken
        if lost:
            output.warn("audio was lost: the buffer of the sound card ran over")
            output.gap(round(lost * SAMPLE_RATE / rate))
        output.write(resampler.feed(samples, rate))


def _portaudio() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  # importing it starts PortAudio: in the child only
    except OSError as error:
        if "PortAudio library not found" in str(error):
            raise SourceError("libportaudio2 is not installed: the system's package of that name is needed.") from None
        raise SourceError(f"PortAudio cannot be started: {error}.") from None
    except Exception as error:  # noqa: BLE001  # sounddevice raises its own class, which is not there yet
        raise SourceError(f"PortAudio cannot be started: {error}.") from None
    return sounddevice


def _inputs(sounddevice: Any) -> list[dict[str, Any]]:
    return [device for device in sounddevice.query_devices() if device["max_input_channels"] > 0]


def _device(sounddevice: Any, name: str) -> Mapping[str, Any]:
    inputs = _inputs(sounddevice)
    if name:
        return choose(inputs, name)
    for device in inputs:
        if device["index"] == sounddevice.default.device[0]:
            return device
    raise SourceError("There is no default sound card to listen to; ccmusicd devices lists what there is.")


def _setting(sounddevice: Any, device: Mapping[str, Any]) -> tuple[int, int]:
    """A rate and a number of channels that the device accepts; stereo before the rest, its own rate first."""
    most = device["max_input_channels"]
    rates = dict.fromkeys([int(device["default_samplerate"]), 48_000, 44_100, SAMPLE_RATE])
    reason = ""
    for channels in dict.fromkeys([min(2, most), 1, most]):
        for rate in rates:
            try:
                sounddevice.check_input_settings(
                    device=device["index"], channels=channels, dtype="float32", samplerate=rate
                )
            except sounddevice.PortAudioError as error:
                reason = str(error.args[0])
            else:
                return rate, channels
    raise SourceError(f"The sound card {device['name']!r} accepts no setting: {reason}.")


def _info(sounddevice: Any, device: Mapping[str, Any]) -> DeviceInfo:
    return DeviceInfo(
        name=device["name"],
        host_api=sounddevice.query_hostapis(device["hostapi"])["name"],
        channels=device["max_input_channels"],
        default_rate=round(device["default_samplerate"]),
        default=device["index"] == sounddevice.default.device[0],
    )


def _error_message(stderr: bytes) -> str:
    for line in reversed(stderr.splitlines()):
        if line.startswith(b"{"):
            return str(json.loads(line).get("message", ""))
    return ""
