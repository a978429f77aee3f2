"""Values to bytes and back: pickle protocol 5, with cloudpickle where pickle refuses.

cloudpickle is used only if the interpreter has it; it is never a requirement.
"""

from __future__ import annotations

import base64
import pickle
from typing import Any, BinaryIO

#: Readable from Python 3.8 on, and able to write buffers without copying them.
PROTOCOL = 5


def dumps(value: Any) -> bytes:
    """Return the pickle of a value; raise pickle's own error if it cannot be had."""
    try:
        return pickle.dumps(value, PROTOCOL)
    except Exception:
        cloudpickle = _cloudpickle()
        if cloudpickle is None:
            raise
        return bytes(cloudpickle.dumps(value, protocol=PROTOCOL))


def dump(value: Any, file: BinaryIO) -> None:
    """Write the pickle of a value into a seekable file, without holding it whole.

    If pickle refuses half way, the file is emptied before cloudpickle tries, or
    before pickle's error is passed on.
    """
    try:
        pickle.Pickler(file, PROTOCOL).dump(value)
    except Exception:
        file.seek(0)
        file.truncate()
        cloudpickle = _cloudpickle()
        if cloudpickle is None:
            raise
        try:
            cloudpickle.dump(value, file, protocol=PROTOCOL)
        except Exception:
            file.seek(0)
            file.truncate()
            raise


def loads_base64(text: str) -> Any:
    """Return the value of a pickle that travelled as base64 text."""
    return pickle.loads(base64.b64decode(text))


def dumps_base64(value: Any) -> str:
    """Return the pickle of a value as base64 text."""
    return base64.b64encode(dumps(value)).decode("ascii")


def _cloudpickle() -> Any:
    try:
        import cloudpickle  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    return cloudpickle
