"""Frames between the main process and the analyzer child: a JSON head and a binary payload.

On the pipe: uint32 length of the head, uint32 length of the payload (little-endian), the head in UTF-8, the payload.
"""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<II")

Head = dict[str, Any]


def encode(head: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


async def read(stream: asyncio.StreamReader) -> tuple[Head, bytes]:
    """The next frame; `asyncio.IncompleteReadError` when the other side is gone."""
    head_length, payload_length = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    head: Head = json.loads(await stream.readexactly(head_length))
    return head, await stream.readexactly(payload_length)


def read_blocking(stream: BinaryIO) -> tuple[Head, bytes] | None:
    """The next frame from a file; None when the other side is gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, payload_length = _LENGTHS.unpack(lengths)
    text, payload = stream.read(head_length), stream.read(payload_length)
    if len(text) < head_length or len(payload) < payload_length:
        return None
    head: Head = json.loads(text)
    return head, payload
