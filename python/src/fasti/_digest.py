"""Stored values are named by the SHA-256 of their bytes; here that is checked.

Used by the worker for values that come as files and by the client for downloads.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from fasti._errors import ServerError

#: Bytes read at a time.
_PIECE_BYTES = 1 << 20

#: From here on the faster implementation is worth its import, which takes milliseconds.
_LARGE_BYTES = 2 << 20


def new(size: int = _LARGE_BYTES) -> Any:
    """Return an empty SHA-256 for about so many bytes."""
    if size < _LARGE_BYTES:
        try:
            from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            try:
                from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
            except ImportError:
                from hashlib import sha256
        return sha256()
    import hashlib

    return hashlib.sha256()


def check_named(file: BinaryIO) -> None:
    """Check a file named by its digest against its bytes, and rewind it.

    A file of another name is left alone.  Raises :class:`ServerError` for other bytes.
    """
    name = os.path.basename(file.name)
    if len(name) != 64:
        return
    digest = new(os.fstat(file.fileno()).st_size)
    piece = memoryview(bytearray(_PIECE_BYTES))
    while True:
        length = file.readinto(piece)  # type: ignore[attr-defined]
        if not length:
            break
        digest.update(piece[:length])
    file.seek(0)
    compare(digest, name)


def compare(digest: Any, expected: str) -> None:
    """Raise :class:`ServerError` unless a digest is the expected one."""
    found = digest.hexdigest()
    if found != expected:
        raise ServerError(
            f"a stored value is damaged: its bytes have the SHA-256 {found}, recorded is "
            f"{expected}; run the task that made it again"
        )
