"""Figures of the SDK against a real server: import, submission, listing, large values.

    FASTI_BIN=target/release/fasti python bench/api_figures.py [import submit list values]

Budgets: importing ``dt.scheduler`` 50 ms, submitting a DAG of 10,000 tasks 2 s,
``get_runs`` over 10,000 runs 1 s, a value of 1 GB over three hops in 1.5 times its size
in any one process.  Prints one line a figure and ends with an error if one is missed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from fasti import _client  # noqa: E402
from fasti.scheduler import DAG, BatchRunResults, CommandTask, Run, Task  # noqa: E402
from live.live_memory import Peaks  # noqa: E402
from live.live_support import Server  # noqa: E402

TASKS = 10_000
RUNS = 10_000
VALUE_BYTES = 10**9

MODULE = f"""\
import pickle

class Array:
    # As numpy's arrays pickle: the memory as a buffer of its own.
    def __init__(self, memory):
        self.memory = memory

    def __reduce_ex__(self, protocol):
        return Array, (pickle.PickleBuffer(self.memory),)

def make():
    return Array(bytearray(b"x") * {VALUE_BYTES})

def pass_on(value):
    return value

def length(value):
    return len(value.memory)

def f(job_config):
    return job_config
"""

missed: List[str] = []


def tell(what: str, found: float, budget: float, unit: str) -> None:
    verdict = "ok" if found <= budget else "MISSED"
    print(f"{what:<44} {found:>9.3f} {unit} (budget {budget:g}) {verdict}", flush=True)
    if found > budget:
        missed.append(what)


def importing() -> None:
    code = "import time; t = time.perf_counter(); import dt.scheduler; print(time.perf_counter()-t)"
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONPYCACHEPREFIX": cache,
            "PYTHONDONTWRITEBYTECODE": "",
        }
        times = [
            float(subprocess.check_output([sys.executable, "-c", code], env=environment))
            for _ in range(10)
        ]
    tell("import dt.scheduler, best of ten", min(times) * 1000, 50, "ms")


def submitting() -> None:
    with DAG(Name="wide", Image="figures") as dag:
        first = Task(Name="first", Entrypoint="figures.f")
        for number in range(TASKS - 2):
            first >> Task(
                Name=f"t{number}", Entrypoint="figures.f", ConfigurationJson={"n": number}
            )
        dag.tasks[1:] >> Task(Name="last", Entrypoint="figures.f")
    began = time.perf_counter()
    dag.save()
    tell(
        f"save() of {TASKS:,} tasks, {len(dag.edges):,} edges", time.perf_counter() - began, 2, "s"
    )
    began = time.perf_counter()
    run = dag.run()
    tell(f"run() of {TASKS:,} tasks", time.perf_counter() - began, 2, "s")
    run.cancel()
    run.wait(600)


def listing() -> None:
    with DAG(Name="often") as dag:
        CommandTask(Name="t", Command=["true"])
    batch = dag.save()
    for _ in range(RUNS // 1000):
        _client.default().post(
            "/run-sets",
            {"batch_id": batch, "title": "many", "runs": [{} for _ in range(1000)]},
        )
    while BatchRunResults("often").count < RUNS:
        time.sleep(0.1)
    last = BatchRunResults("often").get_runs()[-1]
    Run(last["id"]).wait(600)
    results = BatchRunResults("often")
    began = time.perf_counter()
    found = results.get_runs()
    tell(f"get_runs() over {len(found):,} runs", time.perf_counter() - began, 1, "s")
    began = time.perf_counter()
    results.get_runs()
    tell("get_runs() from the cache", time.perf_counter() - began, 1, "s")
    began = time.perf_counter()
    found = BatchRunResults("often", "t").get_runs()
    tell(f"get_runs() of a job over {len(found):,} runs", time.perf_counter() - began, 2, "s")


def moving(server: Server) -> None:
    with DAG(Name="large", Image="figures") as dag:
        tasks = [Task(Name="make", Entrypoint="figures.make")]
        for name, function in (("one", "pass_on"), ("two", "pass_on"), ("three", "length")):
            table = {"arg_translation_table": {tasks[-1].Name: "value"}}
            tasks.append(Task(Name=name, Entrypoint=f"figures.{function}", ConfigurationJson=table))
            tasks[-2] >> tasks[-1]
    began = time.perf_counter()
    with Peaks(server.process.pid) as peaks:
        run = dag.run()
        status = run.wait(600)
    took = time.perf_counter() - began
    assert (status, run.result("three")) == ("success", VALUE_BYTES), run.logs("three")
    most = max(peaks.bytes.values())
    print(f"{VALUE_BYTES:,} bytes over three hops in {took:.1f} s")
    tell("private memory in any process, of the value", most / VALUE_BYTES, 1.5, "x")
    before = resident()
    value = run.result("two")
    tell("private memory of a reader, of the value", (resident() - before) / VALUE_BYTES, 1.5, "x")
    assert len(value.memory) == VALUE_BYTES


def resident() -> int:
    """Return the most resident memory this process ever had."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1)) * 1024


def main(wanted: List[str]) -> None:
    wanted = wanted or ["import", "submit", "list", "values"]
    if "import" in wanted:
        importing()
    if set(wanted) - {"import"}:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder))
            os.environ["FASTI_URL"] = server.url
            try:
                server.image("figures", {"figures.py": MODULE})
                sys.path.insert(0, str(server.images / "figures"))
                if "submit" in wanted:
                    submitting()
                if "list" in wanted:
                    listing()
                if "values" in wanted:
                    moving(server)
            finally:
                server.stop()
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
