"""``get_job_metrics`` over tasks that take some seconds, alone and with a child."""

import datetime
from pathlib import Path
from typing import Any, Dict

import pytest

from fasti.scheduler import DAG, Task, get_job_metrics
from live.live_support import Server

MODULE = """
import subprocess
import sys
import time

BURN = '''
import time
held = bytearray(120 * 2**20)
end = time.process_time() + 0.8
while time.process_time() < end:
    pass
time.sleep(2.2)
'''


def alone():
    exec(BURN, {})


def child():
    subprocess.run([sys.executable, "-c", BURN], check=True)


def short():
    return 1
"""


@pytest.fixture(scope="module")
def metrics(live: Server) -> Dict[str, Dict[str, Any]]:
    image = live.image("busy", {"busy_tasks.py": MODULE})
    names = ("alone", "child", "short")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTI_URL", live.url)
        dag = DAG(Name="busy", Image=image)
        for name in names:
            Task(Name=name, Entrypoint=f"busy_tasks.{name}", CPU=2000, Memory=300, dag=dag)
        run = dag.run()
        assert live.finished(run)["status"] == "success"
        items = live.call("GET", f"/runs/{int(run)}/tasks")["items"]
        return {item["name"]: get_job_metrics(item["id"]) for item in items}


@pytest.mark.parametrize("name", ["alone", "child"])
def test_points_between_start_and_end(metrics: Dict[str, Dict[str, Any]], name: str) -> None:
    found = metrics[name]
    cpu, memory = found["cpu_metrics_percentage"], found["memory_metrics_absolute"]
    times = [datetime.datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f") for at in found["timestamps"]]
    assert len(cpu) == len(memory) == len(times) >= 4
    assert times == sorted(times)
    assert (found["total_allocated_cpu"], found["total_allocated_memory"]) == (2000, 300)
    # The memory that it holds is seen while it holds it, in whatever process.
    assert max(memory[1:-1]) > 120
    assert max(memory) < 300
    # Percentages times intervals are processor time: 0.8 s on half a core are 160 %s.
    used = sum(
        percent * (at - before).total_seconds()
        for percent, before, at in zip(cpu[1:], times, times[1:])
    )
    assert 160 <= used < 360


def test_a_short_task_has_its_two_ends_and_no_file(
    metrics: Dict[str, Dict[str, Any]], live: Server
) -> None:
    assert len(metrics["short"]["timestamps"]) == 2
    files = sorted(Path(path).name for path in (live.folder / "data" / "output").rglob("*.use"))
    assert files == ["0.1.use", "1.1.use"]
