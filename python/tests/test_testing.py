"""``fasti.testing``: a DAG in memory, with the rules of the real thing."""

import sys
from datetime import datetime, timedelta, timezone
from typing import Any, List

import pytest

from fasti.scheduler import (
    DAG,
    ArgumentResolutionError,
    CommandTask,
    CyclicDependencyError,
    ParallelTask,
    Schedule,
    Task,
    batch,
)
from fasti.testing import EPOCH, Clock, run_dag

CALLS: List[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


@batch()
def one() -> int:
    CALLS.append("one")
    return 1


@batch()
def add(one: int, more: int = 10) -> int:
    return one + more


@batch()
def fails() -> None:
    print("before")
    raise ValueError("boom")


@batch()
def reserved(**kwargs: Any) -> Any:
    return kwargs


@batch(translation_table={"day": "rundate"})
def times(scheduled_time: Any, runtime: Any, day: str, part_num: int, num_parts: int) -> Any:
    return scheduled_time, runtime, day, part_num, num_parts


@batch()
def part(job_config: Any, part_num: int) -> Any:
    return part_num, job_config["x"]


@batch()
def gather(*args: Any) -> Any:
    return list(args)


@batch()
def grow(value: List[int]) -> List[int]:
    value.append(len(value))
    return value


@batch()
def numbers() -> List[int]:
    return []


def test_call_style_with_the_binding_of_the_worker() -> None:
    with DAG(Name="d", Image="i") as dag:
        first = one()
        add(first, more=5)
        run = run_dag(dag)
    assert (run.status, run["add"].value) == ("success", 6)
    assert run.order == ["one", "add"]


def test_tasks_by_entrypoint_need_no_image() -> None:
    with DAG(Name="d") as dag:
        source = Task(Name="a task", Entrypoint=f"{__name__}.one")
        source >> Task(Name="sum", Entrypoint=f"{__name__}.add")
    sys.modules.setdefault(__name__, sys.modules[one.__module__])
    assert run_dag(dag)["sum"].value == 11


def test_functions_can_be_replaced_by_task_or_entrypoint() -> None:
    with DAG(Name="d") as dag:
        Task(Name="a", Entrypoint="no.such.one") >> Task(Name="b", Entrypoint="no.such.add")
    run = run_dag(dag, functions={"a": lambda: 4, "no.such.add": add})
    assert run["b"].value == 14


def test_reserved_arguments_and_virtual_time() -> None:
    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.times")
    at = datetime(2024, 5, 6, 7, tzinfo=timezone.utc)
    run = run_dag(dag, clock=Clock(at), functions={"t": times})
    assert run["t"].value == (at, at, "2024-05-06", 0, 1)
    assert run_dag(dag, rundate="2020-02-29", functions={"t": times})["t"].value[2] == "2020-02-29"


def test_the_rundate_comes_from_zone_and_offset() -> None:
    schedule = Schedule(timezone="Europe/Paris", rundate_offset=-1)
    with DAG(Name="d", Schedule=schedule) as dag:
        Task(Name="t", Entrypoint="m.times")
    late = Clock("2024-05-06 23:30")
    assert run_dag(dag, clock=late, functions={"t": times}).rundate == "2024-05-06"


def test_parts_one_by_one_and_all_together() -> None:
    parts = [{"Name": f"p{n}", "Description": "", "x": n * 10} for n in range(3)]
    with DAG(Name="d") as dag:
        many = ParallelTask(Name="many", Entrypoint="m.part", ConfigurationJson=parts)
        many >> Task(Name="all", Entrypoint="m.gather")
    run = run_dag(dag, functions={"many": part, "all": gather})
    assert run["p1"].value == (1, 10)
    assert [outcome.value for outcome in run["many"]] == [(0, 0), (1, 10), (2, 20)]
    assert run["all"].value == [(0, 0), (1, 10), (2, 20)]


def test_a_failure_skips_what_follows_and_nothing_else() -> None:
    with DAG(Name="d") as dag:
        Task(Name="bad", Entrypoint="m.fails") >> Task(Name="after", Entrypoint="m.one")
        Task(Name="free", Entrypoint="m.one")
    run = run_dag(dag, functions={"m.fails": fails, "m.one": one})
    assert run.status == "failure"
    assert {task.name: task.status for task in run} == {
        "bad": "failure", "free": "success", "after": "skipped",
    }  # fmt: skip
    assert isinstance(run["bad"].error, ValueError)
    assert run["bad"].stdout == "before\n"
    assert run["bad"].stderr.endswith("ValueError: boom\n")


def test_a_missing_argument_is_the_error_it_would_be() -> None:
    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.grow")
    run = run_dag(dag, functions={"t": grow})
    assert isinstance(run["t"].error, ArgumentResolutionError)


def test_retries_wait_their_delay() -> None:
    clock = Clock()
    seen: List[datetime] = []

    def sometimes() -> str:
        seen.append(clock.now)
        if len(seen) < 3:
            raise RuntimeError("not yet")
        return "done"

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f", Retries=2)
    run = run_dag(dag, clock=clock, functions={"t": sometimes}, retry_delay=60)
    assert (run["t"].value, run["t"].attempts) == ("done", 3)
    assert [at - EPOCH for at in seen] == [timedelta(minutes=n) for n in range(3)]


def test_durations_and_slots_make_the_order() -> None:
    with DAG(Name="d") as dag:
        for name, priority in (("a", "low"), ("b", "high"), ("c", "normal")):
            Task(Name=name, Entrypoint="m.one", Priority=priority)
    minutes = {name: timedelta(minutes=10) for name in "abc"}
    run = run_dag(dag, functions={"m.one": one}, slots=1, durations=minutes)
    assert run.order == ["b", "c", "a"]
    assert run.finished_at - run.scheduled_time == timedelta(minutes=30)
    wide = run_dag(dag, functions={"m.one": one}, durations=minutes)
    assert wide.finished_at - wide.scheduled_time == timedelta(minutes=10)


def test_a_function_may_move_the_clock_itself() -> None:
    clock = Clock()
    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f") >> Task(Name="u", Entrypoint="m.g")
    run = run_dag(dag, clock=clock, functions={"t": lambda: clock.advance(90), "u": lambda: None})
    assert run["u"].started_at == EPOCH + timedelta(seconds=90)


def test_fail_after_ends_the_run() -> None:
    with DAG(Name="d", FailAfter="1h") as dag:
        Task(Name="long", Entrypoint="m.one", Retries=5) >> Task(Name="after", Entrypoint="m.one")
    run = run_dag(dag, functions={"m.one": one}, durations={"long": timedelta(hours=2)})
    assert (run["long"].status, run["long"].reason) == ("failure", "fail_after")
    assert run["after"].status == "skipped"
    assert run.finished_at == EPOCH + timedelta(hours=1)


def test_every_task_has_a_copy_of_its_own() -> None:
    with DAG(Name="d") as dag:
        source = Task(Name="n", Entrypoint="m.numbers")
        config = {"arg_translation_table": {"n": "value"}}
        source >> [
            Task(Name="g1", Entrypoint="m.grow", ConfigurationJson=config),
            Task(Name="g2", Entrypoint="m.grow", ConfigurationJson=config),
        ]
    run = run_dag(dag, functions={"m.numbers": numbers, "m.grow": grow})
    assert (run["g1"].value, run["g2"].value, run["n"].value) == ([0], [0], [])


def test_programs_run_as_they_are() -> None:
    with DAG(Name="d") as dag:
        CommandTask(Name="say", Command=["echo", "hello"])
        CommandTask(Name="bad", Command=["sh", "-c", "exit 3"])
    run = run_dag(dag)
    assert run["say"].stdout == "hello\n"
    assert (run["bad"].status, run["bad"].reason) == ("failure", "exit 3")


def test_calls_inside_of_tasks_are_plain_calls() -> None:
    def outer() -> int:
        return one()

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f")
        run = run_dag(dag, functions={"t": outer})
    assert run["t"].value == 1
    assert len(dag.tasks) == 1


def test_definitions_are_checked_as_at_submission() -> None:
    with DAG(Name="d") as dag:
        a, b = (Task(Name=name, Entrypoint="m.one") for name in "ab")
        a >> b
        b >> a
    with pytest.raises(CyclicDependencyError):
        run_dag(dag)
    assert CALLS == []


def test_clocks_go_forward_only() -> None:
    clock = Clock("2024-03-31 01:00")
    assert clock.advance(timedelta(minutes=1)) == datetime(2024, 3, 31, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="negative"):
        clock.advance(-1)
