"""Section 3.5: what is stored is a pickle; large buffers reach it without a second copy."""

import hashlib
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from fasti import _pickling, _values
from fasti._errors import ServerError


class Array:
    """Pickles as arrays do: its memory as a buffer, the rest beside it."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return (Array, (pickle.PickleBuffer(self.memory),))


def dumped(value: Any) -> bytes:
    file = io.BytesIO()
    _pickling.dump(value, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "value", [None, 1, "text", {"a": [1, 2]}, b"x" * 10, bytearray(100_000), b"y" * 3_000_000]
)
def test_what_has_no_buffers_is_the_pickle_that_python_makes(value: Any) -> None:
    assert dumped(value) == pickle.dumps(value, 5)


def test_small_buffers_stay_in_band() -> None:
    value = Array(bytearray(b"small"))
    assert dumped(value) == pickle.dumps(value, 5)


def test_any_python_reads_large_buffers_with_pickle_alone() -> None:
    memory = bytes(range(256)) * 1000
    value = {
        "head": "\u20ac" * 100_000,
        "arrays": [Array(bytearray(memory)), Array(memory)],
        "n": 7,
    }
    loaded = pickle.loads(dumped(value))
    assert (loaded["head"], loaded["n"]) == (value["head"], 7)
    assert [bytes(array.memory) for array in loaded["arrays"]] == [memory, memory]


def test_the_pure_python_unpickler_agrees() -> None:
    value = [Array(bytearray(100_000)), "tail"]
    loaded = pickle._Unpickler(io.BytesIO(dumped(value))).load()
    assert loaded[1] == "tail"
    assert len(loaded[0].memory) == 100_000


def test_writable_stays_writable_and_readonly_readonly() -> None:
    loaded = pickle.loads(dumped([Array(bytearray(100_000)), Array(bytes(100_000))]))
    assert [memoryview(array.memory).readonly for array in loaded] == [False, True]
    loaded[0].memory[0] = 1


def test_one_buffer_used_twice_is_still_one() -> None:
    shared = Array(bytearray(100_000))
    first, second = pickle.loads(dumped([shared, shared]))
    assert first is second


def test_refused_values_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickling, "_cloudpickle", lambda: None)
    file = io.BytesIO()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        _pickling.dump([Array(bytearray(100_000)), lambda: 0], file)
    assert file.getvalue() == b""


def test_cloudpickle_takes_what_pickle_refuses_buffers_included() -> None:
    function, array = pickle.loads(dumped([lambda x: x + 1, Array(bytearray(100_000))]))
    assert function(1) == 2
    assert len(array.memory) == 100_000


def upstream(path: Path) -> Dict[str, Any]:
    parts = [{"name": "t", "path": str(path)}]
    return {"task": "t", "result_name": "t", "parallel": False, "parts": parts}


def stored(folder: Path, data: bytes, size: int) -> Path:
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data[:size])
    return path


@pytest.mark.parametrize("size", [10_000, 5_000_000])
def test_the_worker_checks_the_digest_of_what_it_reads(tmp_path: Path, size: int) -> None:
    data = pickle.dumps(b"z" * size, 5)
    path = stored(tmp_path, data, len(data))
    assert _values.UpstreamValues([upstream(path)]).get(0, None) == b"z" * size
    path.write_bytes(data.replace(b"z", b"y", 1))
    with pytest.raises(ServerError, match="damaged"):
        _values.UpstreamValues([upstream(path)]).get(0, None)


CHILD = """\
import pickle, re, sys
sys.path[:0] = {path!r}
from test_pickling import Array
from fasti import _pickling, _values

def peak():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status).group(1)) * 1024

before = peak()
if {store}:
    value = Array(bytearray(b"x") * {size})
    with open({file!r}, "wb") as file:
        _pickling.dump({{"value": value}}, file)
else:
    part = {{"name": "t", "path": {file!r}}}
    described = {{"task": "t", "result_name": "t", "parallel": False, "parts": [part]}}
    value = _values.UpstreamValues([described]).get(0, None)["value"]
    assert len(value.memory) == {size}
print((peak() - before) / {size})
"""


def test_an_array_is_stored_and_read_without_a_second_copy(tmp_path: Path) -> None:
    size = 128 * 2**20
    for store in (True, False):
        script = CHILD.format(path=sys.path, file=str(tmp_path / "value"), size=size, store=store)
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        times = float(ran.stdout)
        assert 0.9 < times < 1.2, (store, times)
