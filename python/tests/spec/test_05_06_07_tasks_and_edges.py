"""Sections 5, 6 and 7: ``Task``, ``ParallelTask`` and the edges between them."""

import inspect
from typing import Any, Dict, List, Tuple

import pytest

from dt.scheduler import (
    DAG,
    DuplicateNameError,
    MissingDagError,
    ParallelTask,
    Priority,
    Task,
    ValidationError,
)
from fake_server import FakeServer

PARTS: List[Dict[str, Any]] = [
    {"Name": "p0", "Description": "first", "n": 1},
    {"Name": "p1", "Description": ""},
]


@pytest.mark.parametrize("kind", [Task, ParallelTask])
def test_the_parameters_in_their_order(kind: Any) -> None:
    parameters = {p.name: p.default for p in inspect.signature(kind).parameters.values()}
    assert list(parameters) == [
        "Image", "Entrypoint", "Name", "Description", "dag", "ConfigurationJson", "Arch", "Os",
        "CPU", "Memory", "Disk", "Retries", "CountForPrewarming", "Priority",
    ]  # fmt: skip
    expected = {
        "Description": "", "dag": None, "ConfigurationJson": None, "Arch": "amd64",
        "Os": "fedora", "CPU": 400, "Memory": 400, "Disk": 300, "Retries": 0,
        "CountForPrewarming": False,
    }  # fmt: skip
    assert {name: parameters[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Name", None), ("Name", ""), ("Entrypoint", None), ("Entrypoint", "single"),
        ("Entrypoint", "a..b"), ("Entrypoint", "1a.b"), ("Entrypoint", 5), ("Image", 1),
        ("Description", None), ("ConfigurationJson", [{}]), ("ConfigurationJson", "x"),
        ("Arch", "x86"), ("Os", "windows"), ("CPU", 0), ("CPU", 1.5), ("CPU", True),
        ("Memory", 0), ("Memory", "1"), ("Disk", -1), ("Retries", -1), ("Retries", 0.5),
        ("CountForPrewarming", 1), ("Priority", "soon"), ("dag", "d"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_at_once(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Task(**{"Name": "t", "Entrypoint": "m.f", "dag": DAG(Name="d"), field: value})
    assert caught.value.field == field


def test_without_a_dag() -> None:
    with pytest.raises(MissingDagError) as caught:
        Task(Name="t", Entrypoint="m.f")
    assert isinstance(caught.value, ValidationError)


def test_the_dag_given_wins_over_the_block_and_has_the_task_once() -> None:
    other = DAG(Name="other")
    with DAG(Name="block") as block:
        task = Task(Name="t", Entrypoint="m.f", dag=other)
        same = Task(Name="u", Entrypoint="m.f", dag=block)
    assert (task.dag, other.tasks, block.tasks) == (other, [task], [same])


def test_a_name_used_twice_is_refused_when_the_object_is_built() -> None:
    with DAG(Name="d"):
        Task(Name="t", Entrypoint="m.f")
        with pytest.raises(DuplicateNameError):
            Task(Name="t", Entrypoint="m.g")
        with pytest.raises(DuplicateNameError):
            ParallelTask(
                Name="many", Entrypoint="m.f", ConfigurationJson=[{"Name": "t", "Description": ""}]
            )


def test_attributes_carry_the_names_of_the_parameters_and_may_change(server: FakeServer) -> None:
    server.on("POST", "/batches", {"id": "x"}, 201)
    with DAG(Name="d", Image="i", Priority="low") as dag:
        task = Task(Name="t", Entrypoint="m.f")
    task.CPU, task.Memory, task.Retries = 4000, 2000, 3
    task.ConfigurationJson = {"n": 1}
    task.Name = "renamed"
    assert task.alias("alias") is task
    assert task.Priority is None, "the DAG's"
    dag.save()
    (sent,) = server.requests[0].json["tasks"]
    assert (sent["name"], sent["cpu"], sent["memory"], sent["disk"]) == ("alias", 4000, 2000, 300)
    assert (sent["retries"], sent["configuration_json"], sent["kind"]) == (3, {"n": 1}, "task")


def test_configurations_that_cannot_be_pickled(no_server: None) -> None:
    import threading

    with DAG(Name="d", Image="i") as dag:
        Task(Name="t", Entrypoint="m.f", ConfigurationJson={"lock": threading.Lock()})
    with pytest.raises(ValidationError, match="pickle"):
        dag.save()


@pytest.mark.parametrize("priority", ["low", "HIGH", Priority.NORMAL])
def test_priorities(priority: Any) -> None:
    task = Task(Name="t", Entrypoint="m.f", Priority=priority, dag=DAG(Name="d"))
    assert isinstance(task.Priority, Priority)


# Section 6


@pytest.mark.parametrize(
    "parts",
    [
        None, [], {}, "x", [1], [{"Name": "a"}], [{"Description": ""}],
        [{"Name": " ", "Description": ""}], [{"Name": "a", "Description": None}], ({},),
    ],
)  # fmt: skip
def test_wrong_parts_are_refused_at_once(parts: Any) -> None:
    with pytest.raises(ValidationError):
        ParallelTask(Name="p", Entrypoint="m.f", ConfigurationJson=parts, dag=DAG(Name="d"))


@pytest.mark.parametrize("names", [("a", "a"), ("p", "a")])
def test_names_of_parts_are_unique(names: Tuple[str, str]) -> None:
    parts = [{"Name": name, "Description": ""} for name in names]
    with pytest.raises(DuplicateNameError):
        ParallelTask(Name="p", Entrypoint="m.f", ConfigurationJson=parts, dag=DAG(Name="d"))


def test_parts_are_sent_as_a_list(server: FakeServer) -> None:
    server.on("POST", "/batches", {"id": "x"}, 201)
    with DAG(Name="d", Image="i") as dag:
        ParallelTask(Name="many", Entrypoint="m.f", ConfigurationJson=PARTS, CPU=1000)
    dag.save()
    (sent,) = server.requests[0].json["tasks"]
    assert (sent["kind"], sent["configuration_json"], sent["cpu"]) == ("parallel", PARTS, 1000)


# Section 7


def edges(draw: Any) -> List[Tuple[str, str]]:
    with DAG(Name="d") as dag:
        nodes: List[Any] = [Task(Name=name, Entrypoint="m.f") for name in "abc"]
        nodes.append(ParallelTask(Name="d", Entrypoint="m.f", ConfigurationJson=PARTS))
        draw(*nodes)
    return [(source.Name, target.Name) for source, target in dag.edges]


def test_every_form_and_what_it_returns() -> None:
    def single(a: Any, b: Any, c: Any, d: Any) -> None:
        assert (a >> b) is b

    def fan_out(a: Any, b: Any, c: Any, d: Any) -> None:
        targets = [b, c]
        assert (a >> targets) is targets

    def fan_in(a: Any, b: Any, c: Any, d: Any) -> None:
        assert ([a, b] >> c) is c

    def fan_in_of_a_tuple(a: Any, b: Any, c: Any, d: Any) -> None:
        assert ((a, b) >> c) is c

    def diamond(a: Any, b: Any, c: Any, d: Any) -> None:
        assert (a >> [b, c] >> d) is d

    assert edges(single) == [("a", "b")]
    assert edges(fan_out) == [("a", "b"), ("a", "c")]
    assert edges(fan_in) == edges(fan_in_of_a_tuple) == [("a", "c"), ("b", "c")]
    assert edges(diamond) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]


def test_the_mirror_image() -> None:
    assert edges(lambda a, b, c, d: a << b) == [("b", "a")]
    assert edges(lambda a, b, c, d: a << [b, c]) == [("b", "a"), ("c", "a")]
    assert edges(lambda a, b, c, d: [a, b] << c) == [("c", "a"), ("c", "b")]
    assert edges(lambda a, b, c, d: d << a) == [("a", "d")]


def test_two_lists_are_pythons_error() -> None:
    with pytest.raises(TypeError):
        edges(lambda a, b, c, d: [a] >> [b])  # type: ignore[operator]


def test_an_empty_list_draws_nothing() -> None:
    assert edges(lambda a, b, c, d: (a >> [], [] >> b)) == []


def test_repeated_edges_count_once_at_their_first_place() -> None:
    drawn = edges(lambda a, b, c, d: (a >> b, b >> c, a >> b, [a, b] >> c))
    assert drawn == [("a", "b"), ("b", "c"), ("a", "c")]


def test_edges_that_cannot_be() -> None:
    with pytest.raises(ValidationError):
        edges(lambda a, b, c, d: a >> a)
    with pytest.raises(ValidationError):
        edges(lambda a, b, c, d: a >> [b, a])
    other = Task(Name="x", Entrypoint="m.f", dag=DAG(Name="other"))
    with pytest.raises(ValidationError, match="different DAGs"):
        edges(lambda a, b, c, d: a >> other)


@pytest.mark.parametrize("thing", [1, "b", None, {}, object()])
def test_anything_else_is_a_type_error(thing: Any) -> None:
    for draw in (
        lambda a, b, c, d: a >> thing,
        lambda a, b, c, d: thing >> a,
        lambda a, b, c, d: a << thing,
        lambda a, b, c, d: a >> [b, thing],
        lambda a, b, c, d: [b, thing] >> a,
    ):
        with pytest.raises(TypeError):
            edges(draw)
