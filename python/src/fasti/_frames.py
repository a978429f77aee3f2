"""Frames between the runner and a worker: a length in 4 bytes, then a body.

Only bytes go in and out here; sockets belong to the caller, and so does what a body
means: the worker reads as little of it as it can.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, Iterator

#: Longest body that either side accepts, in bytes.  Values travel as files, so a
#: longer frame means that the two sides have lost step.
FRAME_BYTES_MAX = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")
_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # not in the stubs
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class FrameError(ValueError):
    """The stream holds something that is no frame."""


def encode(message: Dict[str, Any]) -> bytes:
    """Return the frame of one message."""
    return frame(_ENCODE(message).encode("utf-8", "backslashreplace"))


def frame(body: bytes) -> bytes:
    """Return a body with its length in front."""
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

    def bodies(self) -> Iterator[bytes]:
        """Yield every body that is complete; the rest waits for more bytes.

        Raises :class:`FrameError` for one that is too long.
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
                yield body
        finally:
            del buffer[:start]


def parse(body: bytes) -> Dict[str, Any]:
    """Return the JSON object that a body is; raise :class:`FrameError` if it is none."""
    try:
        # The scanner alone: what is around it in `json` skips blanks that are not there,
        # with regular expressions that cost a fresh child their memory.
        text = body.decode("utf-8", "surrogatepass")
        message, end = _SCAN(text, 0)
    except (ValueError, StopIteration) as error:
        raise FrameError(f"frame holds no JSON: {error}") from error
    if end != len(text):
        raise FrameError(f"frame holds more than one JSON value, from character {end}")
    if not isinstance(message, dict):
        raise FrameError(f"frame holds a {type(message).__name__}, not an object")
    return message
