"""Section 13: reruns, with their plans first."""

from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from fasti.scheduler import (
    DAG,
    BatchRunResults,
    Conflict,
    ParallelTask,
    Run,
    Task,
    ValidationError,
    get_job_logs,
    get_job_result,
)
from live.live_support import Server

Outcome = Callable[[str, int], Dict[str, Dict[str, Any]]]

MODULE = """\
import pathlib, sys

def count(job_config):
    log = pathlib.Path(job_config["log"])
    with log.open("a") as file:
        file.write("x")
    print("called")
    return log.stat().st_size

def check(job_config, count=None):
    if not pathlib.Path(job_config["marker"]).exists():
        sys.exit("the marker is missing")
    return ("checked", count)

def after(check):
    return ("after", check)

def part(job_config):
    return job_config["n"]

def total(part):
    return sum(part)
"""


@pytest.fixture(scope="module", autouse=True)
def _image(live: Server) -> None:
    live.image("reruns", {"reruns.py": MODULE})


def chain(name: str, folder: Path) -> DAG:
    """count >> check >> after, of which check fails until the marker exists."""
    with DAG(Name=name, Image="reruns") as dag:
        config = {"log": str(folder / "log"), "marker": str(folder / "marker")}
        first = Task(Name="count", Entrypoint="reruns.count", ConfigurationJson=config)
        second = Task(Name="check", Entrypoint="reruns.check", ConfigurationJson=config)
        first >> second >> Task(Name="after", Entrypoint="reruns.after")
    return dag


def test_failed_with_its_plan(outcome: Outcome, tmp_path: Path) -> None:
    run_id = chain("rerun failed", tmp_path).run(rundate="2024-02-03")
    assert run_id.wait(60) == "failure"
    before = outcome("rerun failed", run_id)
    results = BatchRunResults("rerun failed")
    plan = results.rerun_plan(run_id)
    assert [(task.name, task.action) for task in plan] == [
        ("count", "reuse"), ("check", "run"), ("after", "run"),
    ]  # fmt: skip
    assert plan["count"].reused_from == before["count"]["id"]
    assert len(plan["count"].sha256 or "") == 64
    assert plan["check"].reason == "did not succeed"
    assert (plan.run_type, plan.rundate) == ("partial_rerun", "2024-02-03")
    assert str(plan).splitlines()[1].split() == ["reuse", "count", "its", "value", "serves"]
    assert results.count == 1, "a plan starts nothing"

    (tmp_path / "marker").touch()
    again = results.rerun(run_id)
    assert again.wait(60) == "success"
    after = outcome("rerun failed", again)
    assert get_job_result(after["after"]["id"])[1] == ("after", ("checked", 1))
    assert (tmp_path / "log").read_text() == "x", "the reused function was not called again"
    assert after["count"]["id"] != before["count"]["id"]
    assert [after["count"][key] for key in ("start", "end", "status")] == [
        before["count"]["start"], before["count"]["end"], "success",
    ]  # fmt: skip
    assert get_job_logs(after["count"]["id"])["stdout"] == "called\n"
    listed = results.get_runs()
    assert [run["schedule_run_type"] for run in listed] == ["manual", "partial_rerun"]
    assert listed[1]["rundate"] == "2024-02-03", "a custom rundate is kept"


def test_all_and_from(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "marker").touch()
    run_id = chain("rerun modes", tmp_path).run()
    assert run_id.wait(60) == "success"
    results = BatchRunResults("rerun modes")
    with pytest.raises(Conflict):
        results.rerun(run_id)
    everything = results.rerun_plan(run_id, "all")
    assert (everything.executed, everything.run_type) == (["count", "check", "after"], "rerun")
    again = results.rerun(run_id, mode="all")
    assert again.wait(60) == "success"
    assert (tmp_path / "log").read_text() == "xx"
    part = results.rerun(again, mode="from", tasks=["check"], rundate="2023-01-01")
    assert part.wait(60) == "success"
    assert (tmp_path / "log").read_text() == "xx"
    assert get_job_result(outcome("rerun modes", part)["after"]["id"])[1][1] == ("checked", 2)
    assert results.get_runs()[-1]["rundate"] == "2023-01-01"
    # Reuse of a reuse leads to the first.
    third = results.rerun_plan(part, mode="from", tasks=["after"])
    assert third["count"].reused_from == outcome("rerun modes", again)["count"]["id"]


def test_what_cannot_be_rerun(live: Server, tmp_path: Path) -> None:
    run_id = chain("rerun errors", tmp_path).run()
    run_id.wait(60)
    results = BatchRunResults("rerun errors")
    with pytest.raises(ValidationError, match="nobody"):
        results.rerun_plan(run_id, mode="from", tasks=["nobody"])
    with pytest.raises(ValidationError, match="tasks"):
        results.rerun(run_id, mode="from")
    with pytest.raises(ValidationError, match="version"):
        results.rerun(run_id, version="newest")


def test_parts_alone_and_all_together(outcome: Outcome) -> None:
    parts = [{"Name": f"p{n}", "Description": "", "n": n} for n in range(3)]
    with DAG(Name="rerun parts", Image="reruns") as dag:
        many = ParallelTask(Name="many", Entrypoint="reruns.part", ConfigurationJson=parts)
        many >> Task(Name="total", Entrypoint="reruns.total")
    run_id = dag.run()
    run_id.wait(60)
    results = BatchRunResults("rerun parts")
    assert results.rerun_plan(run_id, "from", ["p1"]).executed == ["p1", "total"]
    assert results.rerun_plan(run_id, "from", ["many"]).executed == ["p0", "p1", "p2", "total"]
    again = results.rerun(run_id, "from", ["p1"])
    assert again.wait(60) == "success"
    assert again.result("total") == 3


def test_the_latest_version_on_request(tmp_path: Path) -> None:
    (tmp_path / "marker").touch()
    name = "rerun latest"
    chain(name, tmp_path).save()
    old = chain(name, tmp_path)
    run_id = old.run()
    assert run_id.wait(60) == "success"
    new = chain(name, tmp_path)
    new.tasks[1].ConfigurationJson = {**new.tasks[1].ConfigurationJson, "more": 1}  # type: ignore[attr-defined]
    Task(Name="extra", Entrypoint="reruns.part", ConfigurationJson={"n": 5}, dag=new)
    new.save()
    results = BatchRunResults(name)
    plan = results.rerun_plan(run_id, version="latest")
    assert [(task.name, task.action) for task in plan] == [
        ("count", "reuse"), ("check", "run"), ("after", "run"), ("extra", "run"),
    ]  # fmt: skip
    assert "different" in plan["check"].reason
    assert "new" in plan["extra"].reason
    again = results.rerun(run_id, version="latest")
    assert again.wait(60) == "success"
    assert again.result("extra") == 5
    assert (tmp_path / "log").read_text() == "x"
    assert Run(run_id).tasks() == {"count": "success", "check": "success", "after": "success"}
