"""A stored value on its way here: small ones into memory, large ones into a file.

A value is never held as bytes and as a value at the same time unless it is small; its
digest is checked before anything is unpickled.
"""

from __future__ import annotations

import io
import pickle
from typing import IO, TYPE_CHECKING, Any, Optional

from fasti import _digest

if TYPE_CHECKING:
    import email.message

#: Values up to this size are read into memory; larger ones go through a file, in bytes.
MEMORY_BYTES_MAX = 16 * 1024 * 1024


class Download:
    """Takes the body of one answer; a context manager that removes what it kept."""

    def __init__(self) -> None:
        self._file: Optional[IO[bytes]] = None
        self._hash: Any = None
        self._expected = ""

    def begin(self, headers: "email.message.Message") -> None:
        """Start, or start over after an answer that broke off."""
        self.close()
        size = int(headers.get("Content-Length") or MEMORY_BYTES_MAX + 1)
        if size <= MEMORY_BYTES_MAX:
            self._file = io.BytesIO()
        else:
            import tempfile

            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._hash = _digest.new(size)
        self._expected = (headers.get("ETag") or "").strip('"')

    def write(self, piece: memoryview) -> None:
        """Take the next bytes."""
        assert self._file is not None, "begun"
        self._file.write(piece)
        self._hash.update(piece)

    def value(self) -> Any:
        """Check the bytes against their digest and return the value in them."""
        assert self._file is not None, "begun"
        if len(self._expected) == 64:
            _digest.compare(self._hash, self._expected)
        self._file.seek(0)
        return pickle.load(self._file)

    def close(self) -> None:
        """Let the bytes go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "Download":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
