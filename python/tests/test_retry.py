"""``Retry``: what it takes, what is sent, and what a run in memory makes of it."""

import sys
from datetime import timedelta
from typing import Any, Dict

import pytest

from fasti._definition import definition_of
from fasti.scheduler import DAG, CommandTask, Retry, Task, ValidationError
from fasti.testing import EPOCH, Clock, run_dag


def test_what_was_given_is_sent() -> None:
    dag = DAG(Name="d", Image="i")
    spread = Retry(delay_seconds=0, backoff=2)
    Task(Name="a", Entrypoint="p.m.f", Retries=3, dag=dag).Retry = spread
    CommandTask(Name="b", Command=["true"], Retry=Retry(not_on_exit_codes=[2]), dag=dag)
    Task(Name="c", Entrypoint="p.m.f", dag=dag).Retry = Retry()
    sent = {task["name"]: task.get("retry") for task in definition_of(dag)["tasks"]}
    assert sent == {
        "a": {"delay_seconds": 0, "backoff": 2},
        "b": {"not_on_exit_codes": [2]},
        "c": None,
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"delay_seconds": float("nan")}, "delay_seconds"),
        ({"delay_seconds": True}, "delay_seconds"),
        ({"delay_seconds": "1"}, "delay_seconds"),
        ({"max_delay_seconds": 0}, "max_delay_seconds"),
        ({"backoff": 0.5}, "backoff"),
        ({"backoff": 11}, "backoff"),
        ({"delay_seconds": 9, "max_delay_seconds": 8}, "max_delay_seconds"),
        ({"jitter": 1.5}, "jitter"),
        ({"on_exit_codes": [0]}, "on_exit_codes[0]"),
        ({"on_exit_codes": "1"}, "on_exit_codes"),
        ({"not_on_exit_codes": [1, 256]}, "not_on_exit_codes[1]"),
        ({"on_exit_codes": [1], "not_on_exit_codes": [1]}, "not_on_exit_codes"),
    ],
)
def test_what_is_wrong_is_named(given: Dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Retry(**given)
    assert caught.value.field == field


def test_a_task_takes_only_a_policy() -> None:
    dag = DAG("d", Image="i")
    with pytest.raises(ValidationError, match="Retry"):
        CommandTask(Name="a", Command=["true"], Retry={"backoff": 2}, dag=dag)  # type: ignore[arg-type]
    Task(Name="b", Entrypoint="p.m.f", dag=dag).Retry = {"backoff": 2}  # type: ignore[assignment]
    with pytest.raises(ValidationError, match="Retry"):
        definition_of(dag)


def test_a_run_in_memory_waits_as_a_server_would() -> None:
    clock, seen = Clock(), []

    def fails() -> None:
        seen.append(clock.now - EPOCH)
        sys.exit(75 if len(seen) < 4 else 2)

    dag = DAG(Name="d")
    policy = Retry(delay_seconds=60, backoff=2, on_exit_codes=[75])
    Task(Name="t", Entrypoint="m.f", Retries=9, dag=dag).Retry = policy
    run = run_dag(dag, clock=clock, functions={"t": fails})
    assert (run["t"].status, run["t"].attempts) == ("failure", 4)
    assert seen == [timedelta(minutes=n) for n in (0, 1, 3, 7)]


def test_waits_grow_up_to_the_longest() -> None:
    policy = Retry(delay_seconds=0.5, backoff=2, max_delay_seconds=3)
    assert [policy.delay_after(n, 1.0) for n in range(1, 6)] == [0.5, 1, 2, 3, 3]
    assert Retry(backoff=10).delay_after(10_000, 1.0) == 3_600
    assert Retry().delay_after(7, 1.0) == 1.0
    assert Retry(delay_seconds=7_200, backoff=2).delay_after(2, 1.0) == 7_200


def test_policies_compare_by_what_they_say() -> None:
    assert Retry(backoff=2) == Retry(backoff=2.0) != Retry(backoff=3)
    assert repr(Retry(jitter=0.5, on_exit_codes=[75])) == "Retry(jitter=0.5, on_exit_codes=[75])"
    assert len({Retry(backoff=2), Retry(backoff=2)}) == 1
