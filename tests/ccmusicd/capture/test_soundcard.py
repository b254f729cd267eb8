import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ccmusicd.capture import soundcard
from ccmusicd.capture.output import SourceError
from ccmusicd.capture.soundcard import Blocks, choose

_DEVICES = [
    {"name": "USB Audio: #1 (hw:1,0)", "hostapi": 0, "index": 0},
    {"name": "USB Audio: #2 (hw:2,0)", "hostapi": 0, "index": 1},
    {"name": "pulse", "hostapi": 0, "index": 2},
    {"name": "pulse", "hostapi": 1, "index": 3},
    {"name": "pulse-monitor", "hostapi": 1, "index": 4},
]


@pytest.mark.parametrize(("name", "index"), [("pulse", 2), ("PULSE", 2), ("monitor", 4), ("#2", 1), ("hw:1,0", 0)])
def test_a_device_is_found_by_its_name_or_a_part_of_it(name: str, index: int) -> None:
    assert choose(_DEVICES, name)["index"] == index


def test_a_name_that_fits_several_devices_is_refused_with_their_names() -> None:
    with pytest.raises(
        SourceError, match=r"'usb' is ambiguous: it may be 'USB Audio: #1.*', 'USB Audio: #2.*'"
    ) as error:
        choose(_DEVICES, "usb")
    assert error.value.permanent is False


def test_a_name_that_fits_none_is_refused_with_all_names() -> None:
    with pytest.raises(SourceError, match=r"There is no sound card 'x9'; there are: 'USB.*'pulse-monitor'"):
        choose(_DEVICES, "x9")
    with pytest.raises(SourceError, match="there are: none"):
        choose([], "x9")


def _block(frames: int = 100) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full((frames, 2), 0.5, np.float32)


def test_an_overflow_counts_what_the_converters_clock_says() -> None:
    blocks = Blocks(rate=1000)
    blocks.put(_block(), 10.0, overflow=True)  # nothing came before: nothing can be missed
    blocks.put(_block(), 10.1, overflow=False)
    blocks.put(_block(), 10.5, overflow=True)  # expected at 10.2
    blocks.put(_block(), 10.9, overflow=False)  # a clock that jitters without a flag is no loss

    assert [blocks.get(0.0)[0] for _ in range(4)] == [0, 0, 300, 0]  # type: ignore[index]
    assert blocks.get(0.0) is None


def test_blocks_without_room_are_counted_before_the_next_one() -> None:
    blocks = Blocks(rate=1000, capacity=2)
    for i in range(5):
        blocks.put(_block(), i * 0.1, overflow=False)
    assert [blocks.get(0.0)[0] for _ in range(2)] == [0, 0]  # type: ignore[index]

    blocks.put(_block(), 0.5, overflow=False)
    lost, samples = blocks.get(0.0)  # type: ignore[misc]
    assert lost == 300
    np.testing.assert_array_equal(samples, np.full(100, 0.5))


def test_blocks_are_copies() -> None:
    blocks, data = Blocks(rate=1000), _block()
    blocks.put(data, 0.0, overflow=False)
    data[:] = 9.0

    np.testing.assert_array_equal(blocks.get(0.0)[1], np.full(100, 0.5))  # type: ignore[index]


def test_without_portaudio_the_missing_package_is_named() -> None:
    script = """
        import ctypes.util, sys
        ctypes.util.find_library = lambda name: None
        sys.argv = ["child", "devices"]
        from ccmusicd.capture import child
        child.main()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False)

    assert done.returncode == 69
    assert b"libportaudio2 is not installed" in done.stderr


def test_devices_are_listed_anew_each_time(pulse: Any) -> None:
    names = {device.name: device for device in soundcard.devices()}

    assert names["studio"].channels > 0
    assert names["studio"].host_api == "ALSA"
    assert any(device.default for device in names.values())

    pulse.kill()
    assert all(isinstance(device.name, str) for device in soundcard.devices())


@pytest.mark.parametrize("source", ["soundcard:studio", "soundcard"])
async def test_a_sound_card_is_heard(
    source: str, pulse: Any, started: Callable[..., Any], frequency: Callable[..., float]
) -> None:
    pulse.feed(440)
    async with started(source) as running:
        await running.until(lambda: running.sink.samples and np.abs(running.sink.newest(0.2)).max() > 0.05)
        await running.more(1.5)
        sound = running.sink.newest(1.0)
        assert frequency(sound) == pytest.approx(440, abs=2)
        assert np.abs(sound).max() == pytest.approx(0.125, rel=0.1)
        assert running.sink.formats[0]["channels"] == 2
        assert running.sink.count("backoff") == 0


async def test_a_device_that_is_not_there_is_waited_for_by_name(pulse: Any, started: Callable[..., Any]) -> None:
    async with started("soundcard:Turntable") as running:
        await running.until(lambda: running.sink.count("backoff") >= 2, 25)
        assert "There is no sound card 'Turntable'; there are: " in running.sink.errors[0]
        assert "'studio'" in running.sink.errors[0]
    del pulse


async def test_a_capture_that_is_frozen_itself_is_replaced(pulse: Any, started: Callable[..., Any]) -> None:
    async with started("soundcard:studio") as running:
        await running.more(0.5)
        os.kill(running.capture.pid, signal.SIGSTOP)
        await running.until(lambda: running.sink.count("begin") == 2, 20)
    del pulse
