"""What the process of an attempt hands back to its worker: a short value, or a failure.

It goes through a pipe of the attempt's own.  A file would do as well, and serves for all
that is long; but making and removing one for every attempt costs the file system more
than the attempt itself.

A frame is a kind, the process that wrote it, a length, and the bytes.  Only the frame of
the attempt's own process counts: what it forked may come by here too.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, List, Optional, Tuple

#: Longest value or failure that goes this way; what the runner keeps in its reports.
BYTES_MAX = 4096

VALUE, FAILURE = b"V", b"F"

_HEADER = struct.Struct(">cII")
_PIPE_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


def make_pipe() -> Tuple[int, int]:
    """Return the two ends of a pipe; -1 twice if the system has none left."""
    try:
        return os.pipe2(_PIPE_FLAGS)
    except OSError:
        return (-1, -1)


def send(descriptor: int, kind: bytes, content: bytes) -> bool:
    """Hand over; false if it has to go another way."""
    return send_as(descriptor, kind, os.getpid(), content)


def send_as(descriptor: int, kind: bytes, pid: int, content: bytes) -> bool:
    """Hand over in the name of a process."""
    if descriptor < 0 or len(content) > BYTES_MAX:
        return False
    frame = _HEADER.pack(kind, pid, len(content)) + content
    try:
        # In an empty pipe there is room for it, so it is all or nothing of use.
        return os.write(descriptor, frame) == len(frame)
    except OSError:
        # The worker is gone, or the user's code closed the descriptor.
        return False


def receive(descriptor: int, pid: int) -> Optional[Tuple[bytes, bytes]]:
    """Return kind and bytes that process ``pid``, which has ended, handed over."""
    try:
        data = os.read(descriptor, _HEADER.size + BYTES_MAX)
    except OSError:
        return None
    handed, _ = split(data, pid, (VALUE, FAILURE))
    return handed[0] if handed else None


def split(
    data: bytes, pid: int, kinds: Tuple[bytes, ...]
) -> Tuple[List[Tuple[bytes, bytes]], bool]:
    """Return kinds and bytes of the whole frames of process ``pid``; false if data is rubbish."""
    found: List[Tuple[bytes, bytes]] = []
    while len(data) >= _HEADER.size:
        kind, sender, length = _HEADER.unpack_from(data)
        if kind not in kinds or length > BYTES_MAX:
            return (found, False)
        end = _HEADER.size + length
        if len(data) < end:
            break
        if sender == pid:
            found.append((kind, data[_HEADER.size : end]))
        data = data[end:]
    return (found, True)


class Spool:
    """A file for a pickle: in memory while it is short, on the disk from then on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._short = bytearray()
        self._file: Optional[BinaryIO] = None

    def write(self, data: bytes) -> int:
        """Append; anything with the buffer protocol is taken."""
        size = memoryview(data).nbytes
        if self._file is None:
            if len(self._short) + size <= BYTES_MAX:
                self._short += data
                return size
            self._open()
        assert self._file is not None
        return self._file.write(data)

    def seek(self, position: int) -> int:
        """Go back to the beginning, to write all of it anew."""
        return position if self._file is None else self._file.seek(position)

    def truncate(self) -> None:
        """Forget what was written; only after going back to the beginning."""
        if self._file is None:
            self._short.clear()
        else:
            self._file.truncate()

    def close(self, descriptor: int) -> None:
        """Hand over what is short; what is not, or cannot be, is in the file."""
        if self._file is None:
            if send(descriptor, VALUE, bytes(self._short)):
                return
            self._open()
        assert self._file is not None
        self._file.close()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            self._file.close()
            os.unlink(self._path)

    def _open(self) -> None:
        # It stays open until `close`.
        self._file = open(self._path, "wb")  # noqa: SIM115
        self._file.write(self._short)
