"""Values to bytes and back: pickle protocol 5, with cloudpickle where pickle refuses.

cloudpickle is used only if the interpreter has it; it is never a requirement.

Large buffers (arrays, data frames) are taken out of band, so that they go from the
value's own memory into the file.  The file is an ordinary pickle all the same, which
``pickle.load`` of any Python from 3.8 on reads: see :func:`_dump_beside`.
"""

from __future__ import annotations

import base64
import pickle
from typing import Any, BinaryIO, List

#: Readable from Python 3.8 on, and able to write buffers without copying them.
PROTOCOL = 5

#: Smaller buffers stay inside the pickle: copying them costs less than keeping them apart.
BUFFER_BYTES_MIN = 1 << 16

# ``functools.partial(pickle.loads, ...)``, in the language of pickle, up to the dots:
# protocol 5; the class; the tuple of its positional arguments; an empty dict, its key
# "buffers", and an empty list with a mark for the items to come.
_PROLOGUE = b"\x80\x05cfunctools\npartial\ncpickle\nloads\n\x85}\x8c\x07buffers]("
# The items go into the list, the list into the dict, and the partial is made.
_CALL = b"es\x92"
# One large ``bytes``, whose length of eight bytes follows; as above, as ``bytearray``.
_BYTES, _BYTEARRAY = b"\x8e", b"\x96"
# The bytes before become a tuple of one, the partial is called with it: that is the value.
_EPILOGUE = b"\x85R."


class _HasBuffers(Exception):
    """A large buffer was met: the value is better written beside its buffers."""


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
        _dump_with(pickle.Pickler, value, file)
    except Exception:
        _empty(file)
        cloudpickle = _cloudpickle()
        if cloudpickle is None:
            raise
        try:
            _dump_with(cloudpickle.Pickler, value, file)
        except Exception:
            _empty(file)
            raise


def _dump_with(pickler: Any, value: Any, file: BinaryIO) -> None:
    try:
        pickler(file, PROTOCOL, buffer_callback=_stop_at_large).dump(value)
    except _HasBuffers:
        _empty(file)
        _dump_beside(pickler, value, file)


def _stop_at_large(buffer: pickle.PickleBuffer) -> bool:
    """Keep a buffer in band if it is small (true means that)."""
    if _size(buffer) < BUFFER_BYTES_MIN:
        return True
    raise _HasBuffers


def _dump_beside(pickler: Any, value: Any, file: BinaryIO) -> None:
    """Write ``partial(pickle.loads, buffers=[...])(pickle of the rest)`` as a pickle.

    The rest is pickled first, since only that tells which buffers there are; so it goes
    to a temporary file and is copied behind them in pieces.
    """
    import tempfile

    buffers: List[pickle.PickleBuffer] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        if _size(buffer) < BUFFER_BYTES_MIN:
            return True
        buffers.append(buffer)
        return False

    with tempfile.TemporaryFile() as rest:
        pickler(rest, PROTOCOL, buffer_callback=take).dump(value)
        file.write(_PROLOGUE)
        for buffer in buffers:
            raw = buffer.raw()
            # What could not be written to before must not be writable afterwards.
            file.write((_BYTES if raw.readonly else _BYTEARRAY) + _length(raw.nbytes))
            file.write(raw)
        file.write(_CALL + _BYTES + _length(rest.tell()))
        rest.seek(0)
        while True:
            piece = rest.read(BUFFER_BYTES_MIN)
            if not piece:
                break
            file.write(piece)
        file.write(_EPILOGUE)


def _size(buffer: pickle.PickleBuffer) -> int:
    with memoryview(buffer) as view:
        return view.nbytes


def _length(count: int) -> bytes:
    return count.to_bytes(8, "little")


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


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
