"""Frames between the runner and a worker: a length in 4 bytes, then a JSON object.

Only bytes go in and out here; sockets belong to the caller.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, Iterator

#: Longest body that either side accepts, in bytes.  Values travel as files, so a
#: longer frame means that the two sides have lost step.
FRAME_BYTES_MAX = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class FrameError(ValueError):
    """The stream holds something that is no frame."""


def encode(message: Dict[str, Any]) -> bytes:
    """Return the frame of one message."""
    body = _ENCODE(message).encode("utf-8", "backslashreplace")
    if len(body) > FRAME_BYTES_MAX:
        raise FrameError(f"frame of {len(body)} bytes is longer than {FRAME_BYTES_MAX}")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Collects received bytes and gives back whole messages, in order."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Append what was received; it may end in the middle of a frame."""
        self._buffer += data

    def messages(self) -> Iterator[Dict[str, Any]]:
        """Yield every message that is complete; the rest waits for more bytes.

        Raises :class:`FrameError` for a body that is too long or no JSON object.
        """
        buffer = self._buffer
        start = 0
        try:
            while len(buffer) - start >= 4:
                (length,) = _LENGTH.unpack_from(buffer, start)
                if length > FRAME_BYTES_MAX:
                    raise FrameError(f"frame of {length} bytes is longer than {FRAME_BYTES_MAX}")
                end = start + 4 + length
                if len(buffer) < end:
                    break
                body = bytes(buffer[start + 4 : end])
                start = end
                yield _parse(body)
        finally:
            del buffer[:start]


def _parse(body: bytes) -> Dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise FrameError(f"frame holds no JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError(f"frame holds a {type(message).__name__}, not an object")
    return message
