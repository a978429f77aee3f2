"""Task, ParallelTask and CommandTask: their checks, their edges, their definitions."""

import base64
import datetime
import pickle
import threading
from typing import Any, Dict

import pytest

from fasti._definition import definition_of
from fasti.scheduler import (
    DAG,
    CommandTask,
    CyclicDependencyError,
    DuplicateNameError,
    MissingDagError,
    ParallelTask,
    Priority,
    Task,
    ValidationError,
)

PARTS = [{"Name": "p0", "Description": "first", "n": 0}, {"Name": "p1", "Description": "", "n": 1}]


@pytest.fixture
def dag() -> DAG:
    return DAG("n", Image="image")


def task(dag: DAG, name: str, **more: Any) -> Task:
    return Task(Name=name, Entrypoint=f"m.{name}", dag=dag, **more)


def drawn(dag: DAG) -> str:
    return " ".join(f"{source.Name}{target.Name}" for source, target in dag.edges)


@pytest.mark.parametrize(
    "given",
    [
        {"Name": None},
        {"Name": " "},
        {"Name": "x" * 201},
        {"Entrypoint": None},
        {"Entrypoint": "single"},
        {"Entrypoint": "a..b"},
        {"Entrypoint": "a.b.1c"},
        {"Entrypoint": "a b.c"},
        {"Entrypoint": 3},
        {"Image": 3},
        {"Description": None},
        {"ConfigurationJson": []},
        {"ConfigurationJson": "{}"},
        {"Arch": "x86"},
        {"Os": "debian"},
        {"CPU": 0},
        {"CPU": 1.5},
        {"CPU": True},
        {"Memory": "400"},
        {"Disk": -1},
        {"Retries": -1},
        {"CountForPrewarming": 1},
        {"Priority": "urgent"},
        {"dag": "a dag"},
    ],
)
def test_bad_arguments(dag: DAG, given: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Task(**{"Name": "t", "Entrypoint": "m.f", "dag": dag, **given})
    assert dag.tasks == []


def test_unknown_keyword(dag: DAG) -> None:
    with pytest.raises(TypeError):
        Task(Name="t", Entrypoint="m.f", dag=dag, Color="red")  # type: ignore[call-arg]


def test_no_dag() -> None:
    with pytest.raises(MissingDagError, match="'t'"):
        Task(Name="t", Entrypoint="m.f")


def test_defaults_as_documented(dag: DAG) -> None:
    made = task(dag, "t")
    assert (made.Arch, made.Os, made.CPU, made.Memory, made.Disk) == (
        "amd64", "fedora", 400, 400, 300,
    )  # fmt: skip
    assert (made.Retries, made.CountForPrewarming, made.Description) == (0, False, "")


def test_names_of_parts_are_names_of_the_dag(dag: DAG) -> None:
    task(dag, "p1")
    with pytest.raises(DuplicateNameError, match="'p1'"):
        ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=PARTS)
    with pytest.raises(DuplicateNameError):
        ParallelTask(Name="p0", Entrypoint="m.f", dag=DAG("m"), ConfigurationJson=PARTS)


@pytest.mark.parametrize(
    "configuration",
    [
        None,
        [],
        {"Name": "a", "Description": ""},
        [1],
        [{"Name": "a"}],
        [{"Description": ""}],
        [{"Name": " ", "Description": ""}],
        [{"Name": "a", "Description": 1}],
    ],
)
def test_bad_parts(dag: DAG, configuration: Any) -> None:
    with pytest.raises(ValidationError):
        ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=configuration)


def test_duplicate_parts(dag: DAG) -> None:
    parts = [{"Name": "a", "Description": ""}] * 2
    with pytest.raises(DuplicateNameError):
        ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=parts)


def test_renaming(dag: DAG) -> None:
    a, b = task(dag, "a"), task(dag, "b")
    assert a.alias("c") is a
    assert a.Name == "c"
    with pytest.raises(DuplicateNameError):
        b.Name = "c"
    assert task(dag, "a").Name == "a"  # free again


def test_edges_in_all_forms(dag: DAG) -> None:
    a, b, c, d = (task(dag, name) for name in "abcd")
    assert (a >> b) is b
    both = [b, c]
    assert (a >> both) is both
    assert ((b, c) >> d) is d
    assert drawn(dag) == "ab ac bd cd"


def test_chain_through_a_list(dag: DAG) -> None:
    a, b, c, d = (task(dag, name) for name in "abcd")
    assert (a >> [b, c] >> d) is d
    assert drawn(dag) == "ab ac bd cd"


def test_mirror_image(dag: DAG) -> None:
    a, b, c = (task(dag, name) for name in "abc")
    assert (a << b) is b
    assert ([a, b] << c) is c
    both = [a, b]
    assert (c << both) is both
    assert drawn(dag) == "ba ca cb ac bc"


def test_kinds_mix_and_repeats_count_once(dag: DAG) -> None:
    a = task(dag, "a")
    p = ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=PARTS)
    c = CommandTask(Name="c", Command=["true"], dag=dag)
    a >> [p, c]
    a >> p >> c
    assert drawn(dag) == "ap ac pc"


def test_empty_list_draws_nothing(dag: DAG) -> None:
    a = task(dag, "a")
    empty: list = []  # type: ignore[type-arg]
    assert (a >> empty) is empty
    assert (empty >> a) is a
    assert dag.edges == []


def test_wrong_edges(dag: DAG) -> None:
    a, b = task(dag, "a"), task(dag, "b")
    other = task(DAG("m"), "c")
    with pytest.raises(ValidationError, match="itself"):
        a >> a
    with pytest.raises(ValidationError, match="different DAGs"):
        a >> [b, other]
    for wrong in (1, "b", None, {b}):
        with pytest.raises(TypeError):
            a >> wrong
        with pytest.raises(TypeError):
            wrong >> a
    with pytest.raises(TypeError):
        [a] >> [b]  # type: ignore[operator]  # noqa: B018
    with pytest.raises(TypeError):
        a >> [b, "c"]
    # All operands are checked before an edge is drawn.
    assert dag.edges == []


def test_cycle_is_named(dag: DAG) -> None:
    a, b, c, d = (task(dag, name) for name in "abcd")
    a >> b >> c >> b
    c >> d
    with pytest.raises(CyclicDependencyError) as caught:
        definition_of(dag)
    assert "'b' >> 'c' >> 'b'" in str(caught.value) or "'c' >> 'b' >> 'c'" in str(caught.value)
    assert "'a'" not in str(caught.value)
    assert "'d'" not in str(caught.value)


def test_a_long_chain_is_no_problem(dag: DAG) -> None:
    before = task(dag, "t0")
    for number in range(1, 5000):
        before = before >> task(dag, f"t{number}")
    assert len(definition_of(dag)["edges"]) == 4999


def test_dag_without_tasks() -> None:
    with pytest.raises(ValidationError, match="no task"):
        definition_of(DAG("n"))


def test_image_is_required_somewhere() -> None:
    dag = DAG("n")
    CommandTask(Name="c", Command=["true"], dag=dag)
    definition_of(dag)  # a command runs on the host
    task(dag, "t")
    with pytest.raises(ValidationError, match="'t' has no Image"):
        definition_of(dag)


def test_changes_before_submission_count_and_are_checked(dag: DAG) -> None:
    made = task(dag, "t")
    made.CPU = 1000
    assert definition_of(dag)["tasks"][0]["cpu"] == 1000
    made.CPU = 0
    with pytest.raises(ValidationError):
        definition_of(dag)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"typo": "x"}, "no direct upstream"),
        ({"a": "rundate"}, "reserved"),
        ({"a": 1}, "no parameter name"),
        ([1], "must be a dict"),
    ],
)
def test_bad_table(dag: DAG, table: Any, words: str) -> None:
    a = task(dag, "a")
    a >> task(dag, "b", ConfigurationJson={"arg_translation_table": table})
    with pytest.raises(ValidationError, match=words):
        definition_of(dag)


def test_table_may_name_tasks_groups_and_parts(dag: DAG) -> None:
    p = ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=PARTS)
    table = {"p": "x", "p1": "y"}
    p >> task(dag, "b", ConfigurationJson={"arg_translation_table": table})
    definition_of(dag)


def test_table_of_a_parallel_task_is_in_its_parts(dag: DAG) -> None:
    parts = [{"Name": "p0", "Description": "", "arg_translation_table": {"gone": "x"}}]
    ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=parts)
    with pytest.raises(ValidationError, match="gone"):
        definition_of(dag)


def test_definition_of_a_task(dag: DAG) -> None:
    Task(
        Name="t", Entrypoint="pkg.m.f", dag=dag, Image="own", Description="what it does",
        ConfigurationJson={"k": [1, None, 2.5]}, Arch="arm64", Os="alpine", CPU=1, Memory=2,
        Disk=3, Retries=4, CountForPrewarming=True, Priority=Priority.LOW,
    )  # fmt: skip
    (sent,) = definition_of(dag)["tasks"]
    assert sent == {
        "name": "t", "kind": "task", "entrypoint": "pkg.m.f", "image": "own",
        "description": "what it does", "configuration_json": {"k": [1, None, 2.5]},
        "arch": "arm64", "os": "alpine", "cpu": 1, "memory": 2, "disk": 3, "retries": 4,
        "count_for_prewarming": True, "priority": "low",
    }  # fmt: skip


def test_a_share_of_a_pool(dag: DAG) -> None:
    task(dag, "plain")
    bound = task(dag, "bound")
    bound.Pool, bound.PoolUnits = "database", 2
    CommandTask(Name="command", Command=["true"], dag=dag, Pool="database")
    plain, sent, command = definition_of(dag)["tasks"]
    assert not {"pool", "pool_units"} & set(plain)
    assert (sent["pool"], sent["pool_units"]) == ("database", 2)
    assert (command["pool"], command["pool_units"]) == ("database", 1)
    for wrong in ({"Pool": " "}, {"Pool": 3}, {"PoolUnits": 0}, {"PoolUnits": True}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            CommandTask(Name="wrong", Command=["true"], dag=dag, **wrong)
    bound.PoolUnits = 0
    with pytest.raises(ValidationError, match="PoolUnits"):
        definition_of(dag)


def test_definition_of_a_parallel_task(dag: DAG) -> None:
    ParallelTask(Name="p", Entrypoint="m.f", dag=dag, ConfigurationJson=PARTS)
    (sent,) = definition_of(dag)["tasks"]
    assert (sent["kind"], sent["configuration_json"]) == ("parallel", PARTS)


def test_definition_of_a_command(dag: DAG) -> None:
    CommandTask(
        Name="c", Command=("echo", "$HOME"), Env={"A": "b"}, Cwd="/tmp", Stdin="in\0put",
        TimeoutSeconds=5, dag=dag,
    )  # fmt: skip
    (sent,) = definition_of(dag)["tasks"]
    assert sent["command"] == ["echo", "$HOME"]
    assert (sent["env"], sent["cwd"], sent["stdin"]) == ({"A": "b"}, "/tmp", "in\0put")
    assert sent["timeout_seconds"] == 5
    assert "entrypoint" not in sent


@pytest.mark.parametrize(
    "given",
    [
        {"Command": None},
        {"Command": []},
        {"Command": "echo hi"},
        {"Command": ["echo", 1]},
        {"Command": [""]},
        {"Command": ["a\0b"]},
        {"Env": {"A": 1}},
        {"Env": {"A=B": "x"}},
        {"Env": ["A"]},
        {"Cwd": ""},
        {"Stdin": b"x"},
        {"TimeoutSeconds": 0},
    ],
)
def test_bad_commands(dag: DAG, given: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CommandTask(**{"Name": "c", "Command": ["true"], "dag": dag, **given})


def test_configuration_that_json_cannot_hold_travels_beside_its_view(dag: DAG) -> None:
    config = {"at": datetime.date(2024, 1, 2), 3: (1, 2), "s": {4}, "nan": float("nan")}
    task(dag, "t", ConfigurationJson=config)
    (sent,) = definition_of(dag)["tasks"]
    assert sent["configuration_json"] == {
        "at": "2024-01-02", "3": [1, 2], "s": "{4}", "nan": "nan",
    }  # fmt: skip
    back = pickle.loads(base64.b64decode(sent["configuration_blob"]))
    assert repr(back) == repr(config)


@pytest.mark.parametrize("value", [2**63, "\ud800", b"x", (1,), {1: 2}, float("inf")])
def test_what_json_readers_would_change_is_pickled(dag: DAG, value: Any) -> None:
    task(dag, "t", ConfigurationJson={"v": value})
    assert "configuration_blob" in definition_of(dag)["tasks"][0]


def test_configuration_that_cannot_be_pickled(dag: DAG) -> None:
    task(dag, "t", ConfigurationJson={"v": threading.Lock()})
    with pytest.raises(ValidationError, match="cannot be pickled"):
        definition_of(dag)


def test_definition_of_a_dag() -> None:
    dag = DAG(
        "n", Tag="pre", Image="i", Labels=["l"], FailAfter="1m", RunAs="r", Owner="o",
        Group="g", Permissions="rw----", Priority="LOW", AlertEmail="a@b.c", AlertSMS="1",
        AlertOnlyFailures=True, FailAfterRunChildren="always",
    )  # fmt: skip
    a, b = task(dag, "a"), task(dag, "b")
    a >> b
    sent = definition_of(dag)
    del sent["tasks"]
    assert sent == {
        "name": "n", "tag": "pre", "schedule": {}, "image": "i", "labels": ["l"],
        "fail_after_seconds": 60, "fail_after_run_children": "always", "run_as": "r",
        "owner": "o", "group": "g", "permissions": "rw----", "priority": "low",
        "alert_email": "a@b.c", "alert_sms": "1", "alert_only_failures": True,
        "edges": [{"from": "a", "to": "b"}],
    }  # fmt: skip
