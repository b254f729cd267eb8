"""The capture child, `python -m ccmusicd.capture.child`: one source to PCM on stdout and events on stderr.

Its order comes as JSON in the environment (`options.ORDER`), because everybody may read a command line. SIGTERM keeps
its default action: the process ends at once, even within a library that hangs.
"""

import json
import os
import sys

from ccmusicd.capture.options import ORDER, CaptureOptions, Order
from ccmusicd.capture.output import Output, Pacer, SourceError
from ccmusicd.capture.spec import SourceSpec
from ccmusicd.lifeline import die_with_parent

# The sources are imported where they are played: PyAV, PortAudio and the demo never share a process for nothing.
# ruff: noqa: PLC0415

_PIPE_RATE = 1.005
"""A pipe may be a live source whose clock runs faster than ours: without this margin it would fall behind for ever."""
_PIPE_SLACK_S = 5.0


def main() -> None:
    """Play what the environment orders, or list the devices; ends the process."""
    output = Output()
    code = 0
    try:
        if sys.argv[1:] == ["devices"]:
            _list_devices()
        else:
            _play_order(output)
    except SourceError as error:
        output.error(error)
        code = error.exit_code
    except BrokenPipeError:
        pass  # whoever wanted the audio is gone
    # Not sys.exit: closing PortAudio or a container may hang, and there is nothing left to close in order.
    os._exit(code)


def _list_devices() -> None:
    from ccmusicd.capture import soundcard

    sys.stdout.write(json.dumps(soundcard.list_devices()))
    sys.stdout.flush()


def _play_order(output: Output) -> None:
    die_with_parent()
    text = os.environ.pop(ORDER, "")
    try:
        order = Order.from_json(text)
    except (ValueError, TypeError, KeyError):
        raise SourceError(f"The variable {ORDER} holds no order.", exit_code=64, permanent=True) from None
    if os.getppid() != order.parent:
        return  # the parent ended before `die_with_parent`
    play(order.spec, order.options, output)
    output.end()


def play(spec: SourceSpec, options: CaptureOptions, output: Output) -> None:
    """Play `spec` until it ends."""
    real_time = options.speed == "real"
    if spec.kind == "soundcard":
        from ccmusicd.capture import soundcard

        soundcard.play(spec.target, output)
    elif spec.kind == "media":
        from ccmusicd.capture import media

        if spec.is_url:
            timeouts = media.Timeouts(options.open_timeout_s, options.read_timeout_s)
            media.play_url(spec.target, output, timeouts, real_time=real_time)
        else:
            media.play_file(spec.target, output, loop=options.at_end == "loop", real_time=real_time)
    elif spec.kind == "demo":
        output.pacer = Pacer() if real_time else None
        _play_demo(output)
    else:
        from ccmusicd.capture import pcm

        output.pacer = Pacer(_PIPE_RATE, _PIPE_SLACK_S) if real_time else None
        raw = pcm.RawFormat(options.raw_rate, options.raw_channels, options.raw_format)
        if spec.kind == "stdin":
            pcm.play(0, raw, output, name="stdin")
        else:
            pcm.play_command(spec.target, raw, output)


def _play_demo(output: Output) -> None:
    from ccmusic_stream.geometry import SAMPLE_RATE
    from ccmusicd.capture import demo

    output.format(SAMPLE_RATE, 1, "synthesis", "mono", live=True)
    for title, block in demo.programme():
        output.title(title)
        output.write(block)


if __name__ == "__main__":
    main()
