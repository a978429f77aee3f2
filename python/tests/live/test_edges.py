"""The edges of what tasks do: many, long, broken, unstorable, and what they leave behind."""

import sys
from typing import Any, Callable, Dict

import pytest

from fasti.scheduler import (
    DAG,
    BatchRunResults,
    ParallelTask,
    ResultNotAvailable,
    Run,
    RunFailed,
    Task,
    get_batches,
    get_job_logs,
    get_job_result,
)
from live.live_support import Server

Outcome = Callable[[str, int], Dict[str, Dict[str, Any]]]

MODULE = """\
import os, signal, sys, threading

def part(part_num, num_parts):
    return {"number": part_num, "of": num_parts}

def gather(part):
    return sum(one["number"] for one in part), {one["of"] for one in part}, len(part)

def lines():
    for number in range(10_000):
        print(f"out {number}")
        if number % 10 == 0:
            print(f"err {number}", file=sys.stderr)

def strange():
    os.write(1, "\\u20ac \\U0001f600 \\0 ".encode())
    os.write(1, b"\\xff\\xfe broken\\n")
    print("\\u65e5\\u672c\\u8a9e", file=sys.stderr)
    return "\\u20ac\\0\\ud800"

class Custom(Exception):
    pass

def nested():
    try:
        {}["missing"]
    except KeyError as error:
        raise Custom("wrapped") from error

def unstorable():
    return threading.Lock()

def ends(job_config):
    print("last words", flush=True)
    sys.exit(job_config["code"])

def dies():
    os.kill(os.getpid(), signal.SIGKILL)

def environment():
    return dict(os.environ), os.listdir(), os.getpgid(0) == os.getpid()

def sleeps():
    print("asleep", flush=True)
    import time
    time.sleep(600)

def mutates(part):
    part.append("changed")
    return part

def lists():
    return [1]
"""

AT_IMPORT = """\
from dt.scheduler import DAG, Task, batch

@batch()
def f():
    return "from a module that builds a DAG when it is imported"

with DAG(Name="made at import", Image="edges") as dag:
    f()
    Task(Name="t", Entrypoint="at_import.f")
dag.save()
"""


@pytest.fixture(scope="module", autouse=True)
def _image(live: Server) -> None:
    live.image("edges", {"edges.py": MODULE, "at_import.py": AT_IMPORT})


def single(name: str, function: str, **more: Any) -> Run:
    with DAG(Name=name, Image="edges") as dag:
        Task(Name="t", Entrypoint=f"edges.{function}", **more)
    return dag.run()


def test_a_thousand_parts_into_one_task(outcome: Outcome) -> None:
    parts = [{"Name": f"part {n}", "Description": ""} for n in range(1000)]
    with DAG(Name="thousand", Image="edges") as dag:
        many = ParallelTask(Name="many", Entrypoint="edges.part", ConfigurationJson=parts)
        many >> Task(Name="gather", Entrypoint="edges.gather")
    run_id = dag.run()
    assert run_id.wait(300) == "success"
    assert run_id.result("gather") == (499_500, {1000}, 1000)
    tasks = BatchRunResults("thousand").get_run(run_id)
    assert [task["name"] for task in tasks] == [*(part["Name"] for part in parts), "gather"]
    graph = BatchRunResults("thousand").get_run_graph(run_id)
    assert len(graph["dependencies"]) == 1000


def test_ten_thousand_lines_in_their_order(outcome: Outcome) -> None:
    run_id = single("lines", "lines")
    assert run_id.wait(60) == "success"
    logs = run_id.logs("t")
    assert logs["stdout"].splitlines() == [f"out {n}" for n in range(10_000)]
    assert logs["stderr"].splitlines() == [f"err {n}" for n in range(0, 10_000, 10)]
    shown = outcome("lines", run_id)["t"]["stdout"]
    assert len(shown) == 64 * 1024
    assert logs["stdout"].endswith(shown)


def test_unicode_nul_and_broken_bytes() -> None:
    run_id = single("strange", "strange")
    assert run_id.wait(60) == "success"
    assert run_id.logs("t") == {
        "stdout": "\u20ac \U0001f600 \0 \ufffd\ufffd broken\n",
        "stderr": "\u65e5\u672c\u8a9e\n",
    }
    assert run_id.result("t") == "\u20ac\0\ud800"


def test_a_traceback_is_pythons_own() -> None:
    run_id = single("nested", "nested")
    with pytest.raises(RunFailed, match="wrapped"):
        run_id.wait(60, check=True)
    stderr = run_id.logs("t")["stderr"]
    assert stderr.startswith("Traceback (most recent call last):\n")
    assert "KeyError: 'missing'\n" in stderr
    assert "direct cause of the following exception" in stderr
    assert stderr.endswith("edges.Custom: wrapped\n")
    assert "fasti" not in stderr.replace(sys.prefix, "").replace("edges.py", "").split("line")[0]


def test_what_cannot_be_stored_fails_and_nothing_follows() -> None:
    with DAG(Name="unstorable", Image="edges") as dag:
        first = Task(Name="t", Entrypoint="edges.unstorable")
        first >> Task(Name="after", Entrypoint="edges.lists")
    run_id = dag.run()
    assert run_id.wait(60) == "failure"
    assert run_id.tasks() == {"t": "failure", "after": "skipped"}
    stderr = run_id.logs("t")["stderr"]
    assert "return value of edges.unstorable" in stderr
    assert "lock" in stderr
    assert "pickle" in stderr
    with pytest.raises(ResultNotAvailable, match="skipped"):
        run_id.result("after")


@pytest.mark.parametrize(
    ("code", "status"), [(0, "success"), (None, "success"), (3, "failure"), ("words", "failure")]
)
def test_exits(code: Any, status: str) -> None:
    run_id = single(f"exit {code}", "ends", ConfigurationJson={"code": code})
    assert run_id.wait(60) == status
    assert run_id.logs("t")["stdout"] == "last words\n"
    if status == "success":
        assert run_id.result("t") is None
    if code == "words":
        assert run_id.logs("t")["stderr"] == "words\n"


def test_a_vanished_process_is_a_failure_with_a_reason() -> None:
    run_id = single("dies", "dies")
    with pytest.raises(RunFailed, match=r"(?i)sig|kill"):
        run_id.wait(60, check=True)


def test_the_process_of_a_task(live: Server) -> None:
    run_id = single("surroundings", "environment")
    run_id.wait(60, check=True)
    environment, files, leads_its_group = run_id.result("t")
    assert leads_its_group
    assert environment["FASTI_URL"] == live.url
    assert environment["FASTI_RUN_ID"] == str(int(run_id))
    assert environment["FASTI_BATCH_NAME"] == "surroundings"
    assert environment["FASTI_TASK_NAME"] == "t"
    assert environment["FASTI_RUNDATE"] == run_id.details()["rundate"]
    assert environment["FASTI_RUN_AS"] == run_id.details()["run_as"]
    assert environment["PYTHONUNBUFFERED"]
    assert files == [], "an empty folder of its own"


def test_a_module_that_builds_a_dag_at_import(live: Server) -> None:
    with DAG(Name="imports", Image="edges") as dag:
        Task(Name="t", Entrypoint="at_import.f")
    run_id = dag.run()
    assert run_id.wait(60) == "success"
    assert run_id.result("t").startswith("from a module")
    assert "made at import" not in {batch["name"] for batch in get_batches()}
    assert "does nothing while a worker imports" in run_id.logs("t")["stderr"]


def test_values_are_copies() -> None:
    with DAG(Name="copies", Image="edges") as dag:
        config = {"arg_translation_table": {"lists": "part"}}
        first = Task(Name="lists", Entrypoint="edges.lists")
        first >> [
            Task(Name=name, Entrypoint="edges.mutates", ConfigurationJson=config) for name in "ab"
        ]
    run_id = dag.run()
    run_id.wait(60, check=True)
    assert [run_id.result(name) for name in ("lists", "a", "b")] == [
        [1], [1, "changed"], [1, "changed"],
    ]  # fmt: skip


def test_cancel_and_what_it_leaves(outcome: Outcome) -> None:
    with DAG(Name="cancelled", Image="edges") as dag:
        first = Task(Name="t", Entrypoint="edges.sleeps", Retries=3)
        first >> Task(Name="after", Entrypoint="edges.lists")
    run_id = dag.run()
    while run_id.tasks()["t"] != "running":
        pass
    with pytest.raises(TimeoutError):
        run_id.wait(0.05)
    with pytest.raises(ResultNotAvailable, match="running"):
        run_id.result("t")
    run_id.cancel("enough")
    assert run_id.wait(60) == "cancelled"
    assert set(run_id.tasks().values()) == {"cancelled"}
    run_id.cancel("no effect on a finished run")
    assert run_id.status == "cancelled"
    with pytest.raises(ResultNotAvailable, match="cancelled"):
        run_id.result("t")


def test_what_runs_is_stopped_by_fail_after(outcome: Outcome) -> None:
    with DAG(Name="too long", Image="edges", FailAfter="1s") as dag:
        first = Task(Name="t", Entrypoint="edges.sleeps", Retries=3)
        first >> Task(Name="after", Entrypoint="edges.lists")
    run_id = dag.run()
    with pytest.raises(RunFailed):
        run_id.wait(60, check=True)
    assert run_id.tasks() == {"t": "failure", "after": "skipped"}
    assert run_id.logs("t")["stdout"] == "asleep\n"


def test_results_by_the_functions_of_the_reference(outcome: Outcome) -> None:
    run_id = single("by id", "lists")
    run_id.wait(60, check=True)
    task_run = outcome("by id", run_id)["t"]["id"]
    assert get_job_result(task_run) == ("t", [1])
    assert get_job_logs(task_run) == {"stdout": "", "stderr": ""}
