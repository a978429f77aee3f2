"""Large values over three hops: no process holds more than one and a half of them.

The size is that of a quick test; ``FASTI_LONG=1`` makes it 1 GB.
"""

import os

import pytest

from fasti.scheduler import DAG, Task
from live.live_memory import Peaks
from live.live_support import Server

SIZE = 10**9 if os.environ.get("FASTI_LONG") == "1" else 3 * 10**8

MODULE = f"""\
import pickle

class Array:
    def __init__(self, memory):
        self.memory = memory

    def __reduce_ex__(self, protocol):
        return Array, (pickle.PickleBuffer(self.memory),)

def array():
    return Array(bytearray(b"x") * {SIZE})

def plain():
    return b"x" * {SIZE}

def pass_on(value):
    return value

def length(value):
    return len(getattr(value, "memory", value))
"""

PATIENCE = 600


@pytest.mark.parametrize("kind", ["array", "plain"])
def test_three_hops(live: Server, kind: str) -> None:
    live.image("large", {"large_values.py": MODULE})
    with DAG(Name=f"large {kind}", Image="large") as dag:
        tasks = [Task(Name="make", Entrypoint=f"large_values.{kind}")]
        for name, function in (("one", "pass_on"), ("two", "pass_on"), ("three", "length")):
            table = {"arg_translation_table": {tasks[-1].Name: "value"}}
            entrypoint = f"large_values.{function}"
            tasks.append(Task(Name=name, Entrypoint=entrypoint, ConfigurationJson=table))
            tasks[-2] >> tasks[-1]
    with Peaks(live.process.pid) as peaks:
        run = dag.run()
        run.wait(PATIENCE, check=True)
    assert run.result("three") == SIZE
    # What an interpreter and a server have without any value is no part of the bound.
    assert max(peaks.bytes.values()) < 1.5 * SIZE + 32 * 2**20, peaks.bytes
    assert max(peaks.bytes.values()) > 0.9 * SIZE, "the watching works"
