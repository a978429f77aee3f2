"""Calls of a no-op function per second through a warm worker, beside its floor.

The floor is a loop of bare forks, each exiting at once, in an interpreter that has
loaded what the worker has loaded.  Both are measured in turns, so that whatever else
the machine does hits both alike.  CPU time is that of worker and children, without this
driver; unlike the rates it hardly depends on how busy the machine is.

    python bench/worker_rate.py [--calls 2000] [--ahead 2] [--rounds 3]
"""

import argparse
import json
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict

SOURCES = Path(__file__).resolve().parent.parent / "src"

BARE = """
import gc, os, sys, time
from fasti import _child, _zygote
import fasti.scheduler, dt.scheduler
count, ahead = int(sys.argv[1]), int(sys.argv[2])
gc.collect(); gc.freeze(); gc.disable()
start, running = time.perf_counter(), 0
for _ in range(count):
    if running == ahead:
        os.wait(); running -= 1
    if os.fork() == 0:
        os._exit(0)
    running += 1
while running:
    os.wait(); running -= 1
print(count / (time.perf_counter() - start))
"""


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes waited for so far, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def environment() -> Dict[str, str]:
    """Return our environment with the sources on the import path."""
    return {**os.environ, "PYTHONPATH": str(SOURCES)}


def bare_forks(count: int, ahead: int) -> float:
    """Return forks per second with at most ``ahead`` children at a time."""
    arguments = [sys.executable, "-c", BARE, str(count), str(ahead)]
    return float(subprocess.check_output(arguments, env=environment()))


class Runner:
    """Just enough of a runner to keep a worker busy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "code").mkdir()
        (folder / "code" / "noop.py").write_text("def noop():\n    return None\n")
        self.ours, theirs = socket.socketpair()
        arguments = [sys.executable, "-u", "-m", "fasti._worker"]
        self.process = subprocess.Popen(arguments, stdin=theirs.fileno(), env=environment())
        theirs.close()
        self.buffer = b""
        self.receive()

    def receive(self) -> Dict[str, Any]:
        while True:
            if len(self.buffer) >= 4:
                end = 4 + struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= end:
                    message: Dict[str, Any] = json.loads(self.buffer[4:end])
                    self.buffer = self.buffer[end:]
                    return message
            self.buffer += self.ours.recv(1 << 16)

    def start(self, number: int) -> None:
        name = f"{number}.1"
        task = {
            "attempt": name,
            "entrypoint": "noop.noop",
            "import_path": [str(self.folder / "code")],
            "cwd": str(self.folder),
            "stdout": str(self.folder / "out"),
            "stderr": str(self.folder / "err"),
            "env": {"FASTI_RUN_ID": "1", "FASTI_TASK_RUN_ID": str(number)},
            "result_path": str(self.folder / f"{name}.result"),
            "failure_path": None,
            "sub_job_name": "noop",
            "scheduled_time": "2024-03-31T01:00:00.000Z",
            "runtime": "2024-03-31T01:00:00.000Z",
            "rundate": "2024-03-31",
            "part_num": 0,
            "num_parts": 1,
            "configuration": None,
            "configuration_blob": None,
            "arguments_blob": None,
            "upstreams": [],
        }
        code = json.dumps([task["entrypoint"], task["import_path"]])
        body = b"\0".join([b"start", name.encode(), code.encode(), json.dumps(task).encode()])
        self.ours.sendall(struct.pack(">I", len(body)) + body)

    def calls(self, count: int, ahead: int) -> float:
        """Return calls per second, from the first start to the last report."""
        begin = time.perf_counter()
        started = ended = 0
        while ended < count:
            while started < count and started - ended < ahead:
                self.start(started)
                started += 1
            message = self.receive()
            if message["op"] == "exited":
                assert message["status"] == 0, message
                ended += 1
        return count / (time.perf_counter() - begin)

    def close(self) -> None:
        self.ours.close()
        self.process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--ahead", type=int, default=2, help="attempts at a time")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    floors, rates, bare_cpu, all_cpu = [], [], 0.0, -cpu_of_children()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        for _ in range(options.rounds):
            bare_cpu -= cpu_of_children()
            floors.append(bare_forks(options.calls, options.ahead))
            bare_cpu += cpu_of_children()
            rates.append(runner.calls(options.calls, options.ahead))
        runner.close()
    all_cpu += cpu_of_children()
    floor, rate = statistics.median(floors), statistics.median(rates)
    calls = options.calls * options.rounds
    bare_ms, call_ms = bare_cpu / calls * 1e3, (all_cpu - bare_cpu) / calls * 1e3
    print(f"python {sys.version.split()[0]}, {options.ahead} at a time, {options.rounds} rounds")
    print(f"bare forks    {floor:8.0f} /s   {bare_ms:6.2f} ms CPU each")
    print(f"worker calls  {rate:8.0f} /s   {call_ms:6.2f} ms CPU each")
    print(f"              {rate / floor:8.2f} of the floor")


if __name__ == "__main__":
    main()
