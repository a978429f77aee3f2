"""``Run``, the asynchronous functions and the drawings, against a real server."""

import asyncio
import io
import json
import pickle
import sys
from typing import Any, List

import pytest

from fasti import aio
from fasti._progress import Progress, line_of
from fasti.scheduler import DAG, BatchRunResults, NotFound, Run, RunFailed, Task
from live.live_support import Server

MODULE = """\
def one():
    return 1

def add(one):
    return one + 1

def fails():
    raise ValueError("boom")
"""


@pytest.fixture(scope="module", autouse=True)
def _image(live: Server) -> None:
    live.image("watching", {"watching.py": MODULE})


def chain(name: str) -> DAG:
    with DAG(Name=name, Image="watching") as dag:
        one = Task(Name="one", Entrypoint="watching.one")
        one >> Task(Name="two", Entrypoint="watching.add")
    return dag


def test_an_id_with_methods(live: Server) -> None:
    run = chain("watched").run()
    assert isinstance(run, int)
    assert json.dumps({"run": run}) == json.dumps({"run": int(run)})
    assert type(pickle.loads(pickle.dumps(run))) is int
    assert f"{run}" == str(run) == repr(run) == str(int(run))
    assert run.wait(60) == run.status == "success"
    assert run.tasks() == {"one": "success", "two": "success"}
    assert run.result("two") == 2
    assert run.url == f"{live.url}/ui/runs/{int(run)}"
    with pytest.raises(NotFound, match="three"):
        run.result("three")
    assert Run(int(run)).details()["batch_name"] == "watched"


def test_progress_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    chain("progress").run().wait(60, progress=True)
    shown = stream.getvalue()
    assert shown.count("\n") == 1
    assert shown.split("\r")[-1].startswith("progress #")
    assert "2/2" in shown


def test_lines_of_progress() -> None:
    run = {
        "batch_name": "b", "id": 3, "status": "running", "task_runs": 10,
        "task_counts": {"success": 4, "failure": 1, "running": 2, "waiting": 3},
    }  # fmt: skip
    assert line_of(run, 65.5) == (
        "b #3  [###############...............] 5/10  2 running  1 failure  running 01:05"
    )
    stream = io.StringIO()
    bar = Progress(stream)
    bar.close()
    assert stream.getvalue() == ""


def test_failures_are_explained() -> None:
    with DAG(Name="explained", Image="watching") as dag:
        Task(Name="bad", Entrypoint="watching.fails")
    with pytest.raises(RunFailed, match=r"bad.*boom"):
        dag.run().wait(60, check=True)


def test_asynchronous(live: Server) -> None:
    dags = [chain(f"async {number}") for number in range(5)]

    async def everything() -> List[Any]:
        runs = await asyncio.gather(*(aio.run(dag) for dag in dags))
        statuses = await asyncio.gather(*(aio.wait(run, timeout=60) for run in runs))
        values = await asyncio.gather(*(aio.result(run, "two") for run in runs))
        listed = await aio.get_runs(BatchRunResults("async 0"))
        task = (await aio.call(BatchRunResults("async 0").get_run, runs[0]))[0]
        name, value = await aio.get_job_result(task["id"])
        await aio.save(dags[0])
        batches = await aio.get_batches()
        metrics = await aio.get_job_metrics(task["id"])
        logs = await aio.get_job_logs(task["id"])
        return [statuses, values, len(listed), name, value, len(batches) > 0, metrics, logs]

    found = asyncio.run(everything())
    assert found[:6] == [["success"] * 5, [2] * 5, 1, "one", 1, True]
    assert found[7] == {"stdout": "", "stderr": ""}
