"""Values, call style, parallel parts, commands and failures against a real server."""

import datetime
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from fasti.scheduler import (
    DAG,
    BatchRunResults,
    CommandTask,
    NotFound,
    ParallelTask,
    ResultNotAvailable,
    Schedule,
    Task,
    ValidationError,
    get_job_logs,
    get_job_metrics,
    get_job_result,
)
from live.live_support import Server

Outcome = Callable[[str, int], Dict[str, Dict[str, Any]]]

MODULE = """\
import sys
from dt.scheduler import batch

@batch()
def numbers(count=3):
    return list(range(count))

@batch()
def add(left, right):
    return left + right

@batch()
def square(job_config, part_num, num_parts):
    return (job_config["n"] ** 2, part_num, num_parts)

@batch()
def gather(square):
    return sorted(square)

@batch()
def config(job_config):
    return job_config

@batch()
def takes(value):
    return value

@batch()
def anything(*args):
    return args

@batch()
def boom():
    print("before")
    raise ValueError("boom")

@batch()
def leaves(job_config):
    sys.exit(job_config["code"])

@batch()
def once(job_config):
    import pathlib
    marker = pathlib.Path(job_config["marker"])
    if not marker.exists():
        marker.touch()
        raise RuntimeError("the first attempt fails")
    return "second attempt"

@batch()
def large():
    return b"x" * 5_000_000

@batch()
def length(large):
    return len(large)

@batch()
def names(sub_job_name, scheduled_time, runtime, rundate):
    return sub_job_name, scheduled_time, runtime, rundate
"""


@pytest.fixture(scope="module")
def image(live: Server) -> str:
    return live.image("values/image", {"values.py": MODULE, "pkg/__init__.py": ""})


@pytest.fixture(scope="module")
def functions(live: Server, image: str) -> Any:
    """Return the module of the image, imported here as a script would."""
    folder = str(live.images / "values_image")
    sys.path.insert(0, folder)
    try:
        import values  # type: ignore[import-not-found]

        yield values
    finally:
        sys.path.remove(folder)


def task(name: str, function: str, **more: Any) -> Task:
    return Task(Name=name, Entrypoint=f"values.{function}", **more)


def test_call_style_runs_by_itself(image: str, functions: Any, outcome: Outcome) -> None:
    with DAG(Name="call style", Image=image) as dag:
        first = functions.numbers(2)
        second = functions.numbers(count=4)
        functions.add(first, right=second)
        functions.takes({"nested": [first, (1, second)]})
    assert dag.run_id is not None
    tasks = outcome("call style", dag.run_id)
    assert get_job_result(tasks["add"]["id"]) == ("add", [0, 1, 0, 1, 2, 3])
    value = get_job_result(tasks["takes"]["id"])[1]
    assert value == {"nested": [[0, 1], (1, [0, 1, 2, 3])]}


def test_parts(image: str, outcome: Outcome) -> None:
    with DAG(Name="parts", Image=image) as dag:
        parts = [{"n": n, "Name": f"part {n}", "Description": f"squares {n}"} for n in (3, 1, 2)]
        many = ParallelTask(Name="squares", Entrypoint="values.square", ConfigurationJson=parts)
        many >> [task("gather", "gather"), task("args", "anything")]
        run_id = dag.run()
    tasks = outcome("parts", run_id)
    values = [get_job_result(tasks[f"part {n}"]["id"])[1] for n in (3, 1, 2)]
    assert values == [(9, 0, 3), (1, 1, 3), (4, 2, 3)]
    assert get_job_result(tasks["gather"]["id"])[1] == sorted(values)
    assert get_job_result(tasks["args"]["id"])[1] == tuple(values)
    assert tasks["part 1"]["description"] == "squares 1"
    assert list(tasks)[:3] == ["part 3", "part 1", "part 2"]
    edges = BatchRunResults("parts").get_run_graph(run_id)["dependencies"]
    assert edges[:3] == [{"from": f"part {n}", "to": "gather"} for n in (3, 1, 2)]


def test_configuration_arrives_as_it_was_written(image: str, outcome: Outcome) -> None:
    plain = {"text": "\u20ac\0\n", "n": 2**53 + 1, "f": 0.1 + 0.2, "none": None, "empty": {}}
    rich = {"at": datetime.datetime(2024, 1, 2, 3), 3: (1, {2}), "raw": b"\0", "big": 2**80}
    with DAG(Name="configurations", Image=image) as dag:
        task("plain", "config", ConfigurationJson=plain)
        task("rich", "config", ConfigurationJson=rich)
        run_id = dag.run()
    tasks = outcome("configurations", run_id)
    assert get_job_result(tasks["plain"]["id"])[1] == plain
    assert get_job_result(tasks["rich"]["id"])[1] == rich
    assert tasks["plain"]["configuration_json"] == plain
    assert tasks["rich"]["configuration_json"]["at"] == "2024-01-02 03:00:00"


def test_failure_skips_what_depends_on_it_and_nothing_else(image: str, outcome: Outcome) -> None:
    with DAG(Name="failure", Image=image) as dag:
        task("boom", "boom") >> task("after", "takes")
        task("free", "numbers")
        run_id = dag.run()
    tasks = outcome("failure", run_id)
    statuses = {name: found["status"] for name, found in tasks.items()}
    assert statuses == {"boom": "failure", "after": "skipped", "free": "success"}
    assert BatchRunResults("failure").get_runs()[-1]["status"] == "failure"
    assert tasks["boom"]["stdout"] == "before\n"
    assert tasks["boom"]["stderr"].endswith("ValueError: boom\n")
    for name in ("boom", "after"):
        with pytest.raises(ResultNotAvailable):
            get_job_result(tasks[name]["id"])


def test_exit_statuses(image: str, outcome: Outcome) -> None:
    with DAG(Name="exits", Image=image) as dag:
        for code in (0, 3):
            task(f"exit {code}", "leaves", ConfigurationJson={"code": code})
        run_id = dag.run()
    tasks = outcome("exits", run_id)
    assert get_job_result(tasks["exit 0"]["id"]) == ("exit 0", None)
    assert tasks["exit 3"]["status"] == "failure"


def test_retry(image: str, outcome: Outcome, tmp_path: Path) -> None:
    with DAG(Name="retry", Image=image) as dag:
        marker = {"marker": str(tmp_path / "marker")}
        task("once", "once", Retries=1, ConfigurationJson=marker)
        run_id = dag.run()
    tasks = outcome("retry", run_id)
    assert get_job_result(tasks["once"]["id"])[1] == "second attempt"
    assert tasks["once"]["stderr"] == ""


def test_missing_argument_fails_the_attempt(image: str, outcome: Outcome) -> None:
    with DAG(Name="missing", Image=image) as dag:
        task("lonely", "takes")
        run_id = dag.run()
    lonely = outcome("missing", run_id)["lonely"]
    assert lonely["status"] == "failure"
    assert "ArgumentResolutionError" in lonely["stderr"]
    assert "'value'" in lonely["stderr"]


def test_values_too_large_for_a_message(image: str, outcome: Outcome) -> None:
    with DAG(Name="large", Image=image) as dag:
        task("large", "large") >> task("length", "length")
        run_id = dag.run()
    tasks = outcome("large", run_id)
    assert get_job_result(tasks["length"]["id"])[1] == 5_000_000
    assert len(get_job_result(tasks["large"]["id"])[1]) == 5_000_000


def test_commands_among_functions(image: str, outcome: Outcome) -> None:
    with DAG(Name="commands", Image=image) as dag:
        first = CommandTask(
            Name="say", Command=["sh", "-c", 'cat; echo "$WORD" >&2'],
            Env={"WORD": "loud"}, Stdin="quiet",
        )  # fmt: skip
        bad = CommandTask(Name="bad", Command=["sh", "-c", "exit 4"])
        nothing = CommandTask(Name="nothing", Command=["/no/such/program"])
        first >> task("then", "anything")
        run_id = dag.run()
    tasks = outcome("commands", run_id)
    assert get_job_logs(tasks["say"]["id"]) == {"stdout": "quiet", "stderr": "loud\n"}
    assert get_job_result(tasks["then"]["id"])[1] == (None,)
    assert (tasks[bad.Name]["status"], tasks[nothing.Name]["status"]) == ("failure", "failure")


def test_reserved_arguments(image: str, outcome: Outcome) -> None:
    with DAG(Name="reserved", Image=image) as dag:
        task("one", "names")
        task("two", "names")
        run_id = dag.run(rundate="2020-02-29")
    tasks = outcome("reserved", run_id)
    first, second = (get_job_result(tasks[name]["id"])[1] for name in ("one", "two"))
    assert (first[0], second[0]) == ("one", "two")
    assert first[1:] == second[1:]
    assert first[3] == "2020-02-29"
    assert first[1].tzinfo is not None
    assert first[2] >= first[1]


def test_runs_of_one_job(image: str, outcome: Outcome) -> None:
    dag = DAG(Name="one job", Image=image)
    task("job", "numbers", dag=dag)
    ids = [dag.run(), dag.run()]
    for run_id in ids:
        outcome("one job", run_id)
    runs = BatchRunResults("one job", "job").get_runs()
    assert [run["batch_run_id"] for run in runs] == ids
    assert get_job_result(runs[-1]["id"]) == ("job", [0, 1, 2])
    assert BatchRunResults("one job", "nobody").get_runs() == []
    assert BatchRunResults("one job").count == 2


def test_run_leaves_the_saved_definition_alone(image: str, outcome: Outcome) -> None:
    saved = DAG(Name="kept", Image=image, Schedule=Schedule(timezone="Europe/Paris"))
    task("job", "numbers", dag=saved)
    batch_id = saved.save()
    other = DAG(Name="kept", Image=image)
    task("different", "numbers", dag=other)
    run_id = other.run()
    assert list(outcome("kept", run_id)) == ["different"]
    assert saved.save() == batch_id == other.batch_id


def test_unknown_things(image: str, live: Server) -> None:
    with pytest.raises(NotFound):
        assert BatchRunResults("never heard of").count
    with pytest.raises(NotFound):
        get_job_result(10**9)
    dag = DAG(Name="no image", Image="no such image")
    task("t", "numbers", dag=dag)
    with pytest.raises(ValidationError, match="no such image"):
        dag.save()


def test_ids_of_runs_and_task_runs_do_not_mix(image: str, outcome: Outcome) -> None:
    dag = DAG(Name="ids", Image=image)
    task("job", "numbers", dag=dag)
    run_id = dag.run()
    task_run_id = outcome("ids", run_id)["job"]["id"]
    with pytest.raises(NotFound):
        BatchRunResults("ids").get_run(task_run_id)
    with pytest.raises(NotFound):
        get_job_result(run_id)


def test_metrics_are_there_for_what_started(image: str, outcome: Outcome) -> None:
    dag = DAG(Name="metrics", Image=image)
    task("job", "numbers", dag=dag)
    metrics = get_job_metrics(outcome("metrics", dag.run())["job"]["id"])
    series = ("cpu_metrics_percentage", "memory_metrics_absolute", "timestamps")
    assert len({len(metrics[name]) for name in series}) == 1
    assert metrics["timestamps"]
    assert (metrics["total_allocated_cpu"], metrics["total_allocated_memory"]) == (400, 400)


def test_dev_run_takes_the_code_as_it_is_now(
    live: Server, outcome: Outcome, tmp_path: Path
) -> None:
    code = tmp_path / "mine.py"
    code.write_text("import os\ndef f(): return sorted(os.listdir('.'))\n")
    with DAG(Name="dev", DevRun=True, WorkDir=tmp_path) as dag:
        Task(Name="t", Entrypoint="mine.f")
    code.write_text("def f(): return 'edited later'\n")
    assert dag.run_id is not None
    tasks = outcome("dev", dag.run_id)
    assert get_job_result(tasks["t"]["id"])[1] == ["mine.py"]
    assert BatchRunResults("dev").get_runs()[-1]["schedule_run_type"] == "dev_run"
