"""Section 3: how values reach a function."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest

from dt.scheduler import DAG, ArgumentResolutionError, ParallelTask, Task, ValidationError, batch
from fasti import _entrypoint_name
from fasti.testing import RunOutcome, run_dag


def graph(
    target: Callable[..., Any],
    upstreams: Sequence[Tuple[str, str]],
    config: Any = None,
    **functions: Any,
) -> RunOutcome:
    """Run ``target`` behind tasks given as (Name, function); each returns its own Name."""
    with DAG(Name="d") as dag:
        last = Task(Name="target", Entrypoint="m.target", ConfigurationJson=config)
        for name, function in upstreams:
            Task(Name=name, Entrypoint=f"m.{function}") >> last
    returns = {name: (lambda name=name: name) for name, _ in upstreams}
    return run_dag(dag, functions={"m.target": target, **returns, **functions})


def value(*arguments: Any, **more: Any) -> Any:
    outcome = graph(*arguments, **more)["target"]
    assert outcome.status == "success", outcome.stderr
    return outcome.value


def error(*arguments: Any, **more: Any) -> str:
    outcome = graph(*arguments, **more)["target"]
    assert isinstance(outcome.error, ArgumentResolutionError), outcome
    return str(outcome.error)


# 3.1 result names


@pytest.mark.parametrize(
    ("entrypoint", "name"),
    [
        ("my_package.my_file.foo", "foo"),
        ("my_package.file_with_entrypoint", "file_with_entrypoint"),
        ("my_package.file_with_entrypoint.__batch_main__", "file_with_entrypoint"),
    ],
)
def test_3_1_result_name(entrypoint: str, name: str) -> None:
    assert _entrypoint_name.result_name(entrypoint) == name


def test_3_1_a_value_goes_by_the_function_not_by_the_task() -> None:
    assert value(lambda foo: foo, [("any name", "foo")]) == "any name"
    assert "'foo'" in error(lambda other: other, [("other", "foo")])


# 3.2 direct dependencies


def test_3_2_only_direct_dependencies_deliver() -> None:
    with DAG(Name="d") as dag:
        a, b, c = (Task(Name=name, Entrypoint=f"m.{name}") for name in "abc")
        a >> b >> c
    functions: Dict[str, Any] = {"m.a": lambda: 1, "m.b": lambda a: a + 1, "m.c": lambda a: a}
    outcome = run_dag(dag, functions=functions)["c"]
    assert isinstance(outcome.error, ArgumentResolutionError)


def test_3_2_values_are_in_the_order_of_the_edges() -> None:
    with DAG(Name="d") as dag:
        last = Task(Name="last", Entrypoint="m.last")
        tasks = [Task(Name=name, Entrypoint=f"m.{name}") for name in "abc"]
        tasks[2] >> last
        [tasks[0], tasks[1]] >> last
    functions: Dict[str, Any] = {f"m.{name}": (lambda name=name: name) for name in "abc"}
    run = run_dag(dag, functions={**functions, "m.last": lambda *args: args})
    assert run["last"].value == ("c", "a", "b")


# 3.3 order of binding


def test_3_3_reserved_names_come_first() -> None:
    def target(rundate: str) -> str:
        return rundate

    assert value(target, [("t", "rundate")])[:2] == "20"
    table = {"arg_translation_table": {"t": "rundate"}}
    with pytest.raises(ValidationError, match="reserved"):
        graph(target, [("t", "foo")], table)


def test_3_3_call_style_before_result_names() -> None:
    @batch()
    def foo() -> str:
        return "edge"

    @batch()
    def target(foo: str) -> str:
        return foo

    with DAG(Name="d", Image="i") as dag:
        _by_hand(dag, foo, target)
    assert run_dag(dag)["target"].value == "literal"


def _by_hand(dag: DAG, foo: Any, target: Any) -> None:
    # Local functions cannot be imported; the tasks are given their functions as calls do.
    first = Task(Name="foo", Entrypoint="m.foo")
    second = Task(Name="target", Entrypoint="m.target")
    from fasti._places import Bindings

    first._function, second._function = foo, target
    second._bindings = Bindings({"foo": "literal"})
    first >> second


def test_3_3_the_table_before_result_names() -> None:
    table = {"arg_translation_table": {"one": "b"}}
    run = value(lambda a, b: (a, b), [("one", "a"), ("two", "a")], table)
    assert run == ("two", "one"), "the one used up by the table leaves no ambiguity"


def test_3_3_the_rest_goes_to_args_in_edge_order() -> None:
    assert value(lambda b, *args: (b, args), [("1", "a"), ("2", "b"), ("3", "c")]) == (
        "2",
        ("1", "3"),
    )


def test_3_3_else_to_kwargs_under_result_names() -> None:
    assert value(lambda **kw: kw, [("1", "a"), ("2", "b")]) == {"a": "1", "b": "2"}


def test_3_3_else_they_are_dropped() -> None:
    assert value(lambda: "nothing", [("1", "a")]) == "nothing"


def test_3_3_defaults_come_last() -> None:
    assert value(lambda a, b=5: (a, b), [("1", "a")]) == ("1", 5)


def parallel(target: Callable[..., Any], config: Any = None) -> RunOutcome:
    parts = [{"Name": f"p{n}", "Description": ""} for n in range(3)]
    with DAG(Name="d") as dag:
        many = ParallelTask(Name="many", Entrypoint="m.many", ConfigurationJson=parts)
        many >> Task(Name="target", Entrypoint="m.target", ConfigurationJson=config)
    return run_dag(dag, functions={"m.many": lambda part_num: part_num, "m.target": target})


def test_3_3_parallel_tasks_give_a_list_or_one_value_a_part() -> None:
    assert parallel(lambda many: many)["target"].value == [0, 1, 2]
    assert parallel(lambda *args: args)["target"].value == (0, 1, 2)
    assert parallel(lambda **kw: kw)["target"].value == {"many": [0, 1, 2]}


def test_3_3_parts_can_be_named_in_the_table() -> None:
    table = {"arg_translation_table": {"p1": "x", "many": "y"}}
    assert parallel(lambda x, y: (x, y), table)["target"].value == (1, [0, 1, 2])


def test_3_3_several_keys_for_one_parameter_are_a_list_in_edge_order() -> None:
    table = {"arg_translation_table": {"two": "x", "one": "x"}}
    assert value(lambda x: x, [("one", "a"), ("two", "b")], table) == ["one", "two"]


@pytest.mark.parametrize("key", ["misspelt", "target", "grandparent"])
def test_3_3_keys_of_the_table_are_direct_upstreams(key: str, no_server: None) -> None:
    table = {"arg_translation_table": {key: "x"}}
    with DAG(Name="d", Image="i") as dag:
        a = Task(Name="grandparent", Entrypoint="m.a")
        b = Task(Name="parent", Entrypoint="m.b")
        a >> b >> Task(Name="target", Entrypoint="m.c", ConfigurationJson=table)
    for submit in (dag.save, dag.run):
        with pytest.raises(ValidationError, match=key):
            submit()


def test_3_3_targets_of_the_table_are_parameters(no_server: None) -> None:
    assert "'y'" in error(lambda x=1: x, [("one", "a")], {"arg_translation_table": {"one": "y"}})
    assert value(lambda **kw: kw, [("one", "a")], {"arg_translation_table": {"one": "y"}}) == {
        "y": "one"
    }
    with DAG(Name="d", Image="i") as dag:
        config = {"arg_translation_table": {"a": "part_num"}}
        a = Task(Name="a", Entrypoint="m.a")
        a >> Task(Name="b", Entrypoint="m.b", ConfigurationJson=config)
    with pytest.raises(ValidationError, match="part_num"):
        dag.save()


def test_3_3_a_parallel_task_has_a_table_in_every_part() -> None:
    parts = [
        {"Name": "p0", "Description": "", "arg_translation_table": {"one": "x", "two": "y"}},
        {"Name": "p1", "Description": "", "arg_translation_table": {"one": "y", "two": "x"}},
    ]
    with DAG(Name="d") as dag:
        upstreams = [Task(Name=name, Entrypoint="m.up") for name in ("one", "two")]
        upstreams >> ParallelTask(Name="many", Entrypoint="m.many", ConfigurationJson=parts)
    functions: Dict[str, Any] = {
        "m.up": lambda sub_job_name: sub_job_name,
        "m.many": lambda x, y: (x, y),
    }
    values = [outcome.value for outcome in run_dag(dag, functions=functions)["many"]]
    assert values == [("one", "two"), ("two", "one")]


# 3.4 failures


def test_3_4_missing_names_function_parameter_and_what_there_is() -> None:
    message = error(lambda wanted: wanted, [("one", "a"), ("two", "b")])
    for word in ("m.target", "'wanted'", "'a'", "'b'"):
        assert word in message


def test_3_4_ambiguous_names_parameter_and_candidates() -> None:
    message = error(lambda a: a, [("one", "a"), ("two", "a")])
    for word in ("'a'", "'one'", "'two'", "arg_translation_table"):
        assert word in message


def test_3_4_the_function_is_not_called() -> None:
    called: List[str] = []

    def target(wanted: Any) -> None:
        called.append("yes")

    error(target, [])
    assert called == []


def test_3_4_one_result_name_twice_is_fine_for_args_not_for_kwargs() -> None:
    upstreams = [("one", "a"), ("two", "a")]
    assert value(lambda *args: args, upstreams) == ("one", "two")
    assert "'one'" in error(lambda **kw: kw, upstreams)


# 3.5 returned values


def test_3_5_none_is_a_value() -> None:
    assert value(lambda a: a, [("one", "a")], one=lambda: None) is None


def test_3_5_downstream_has_its_own_copy() -> None:
    shared = {"list": [1]}

    def target(a: Dict[str, List[int]]) -> Any:
        a["list"].append(2)
        return a

    run = graph(target, [("one", "a")], one=lambda: shared)
    assert run["target"].value == {"list": [1, 2]}
    assert run["one"].value == shared == {"list": [1]}


def test_3_5_what_pickle_refuses_goes_through_cloudpickle() -> None:
    assert value(lambda a: a(1), [("one", "a")], one=lambda: lambda x: x + 1) == 2
