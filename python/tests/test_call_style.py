"""Calling decorated functions inside a DAG block, and outside of one."""

import base64
import pickle
import threading
from typing import Any, Dict

import pytest

from fasti._definition import definition_of
from fasti.scheduler import (
    DAG,
    ArgumentResolutionError,
    ParallelTask,
    Task,
    ValidationError,
    batch,
    dt_batch,
)


@batch()
def load(rundate: Any = None) -> Any:
    """Load something."""
    return rundate


@batch()
def compute(input: Any, factor: int = 2) -> Any:  # noqa: A002
    return input * factor


@batch()
def collect(*values: Any) -> Any:
    return values


@batch
def bare() -> int:
    return 1


@batch(translation_table={"day": "rundate"})
def translated(day: Any) -> Any:
    return day


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DAG, "run", lambda _: None)


def sent(dag: DAG, index: int = -1) -> Dict[str, Any]:
    task: Dict[str, Any] = definition_of(dag)["tasks"][index]
    return task


def arguments(dag: DAG, index: int = -1) -> Any:
    return pickle.loads(base64.b64decode(sent(dag, index)["arguments_blob"]))


def test_outside_of_a_block_functions_are_functions() -> None:
    assert compute(3) == 6
    assert translated(day="today") == "today"
    assert bare() == 1
    with pytest.raises(TypeError):
        compute()  # type: ignore[call-arg]


def test_wrapper_keeps_what_the_function_was() -> None:
    assert load.__name__ == "load"
    assert load.__doc__ == "Load something."
    assert load.__wrapped__() is None  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(load)) is load
    assert dt_batch is batch


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"day": "today"}, "none of the reserved"),
        ({"nobody": "rundate"}, "no parameter"),
        (3, "must be a dict"),
    ],
)
def test_bad_translation_table(table: Any, words: str) -> None:
    def f(day: Any) -> None: ...

    with pytest.raises(ValidationError, match=words):
        batch(translation_table=table)(f)


def test_translation_table_with_any_keyword_and_twice_the_same() -> None:
    @batch({"day": "rundate", "also": "rundate"})
    def f(**more: Any) -> Any:
        return more

    assert f(x=1) == {"x": 1}


def test_inside_a_block_a_call_adds_a_task() -> None:
    with DAG("n", Image="i") as dag:
        value = load()
        assert isinstance(value, Task)
        compute(input=value)
    assert [task.Name for task in dag.tasks] == ["load", "compute"]
    assert [(a.Name, b.Name) for a, b in dag.edges] == [("load", "compute")]
    assert sent(dag)["entrypoint"] == f"{__name__}.compute"
    assert "configuration_json" not in sent(dag)
    assert arguments(dag).named["input"].task == "load"


def test_names_count_up() -> None:
    with DAG("n", Image="i") as dag:
        Task(Name="bare-1", Entrypoint="m.f")
        bare()
        bare()
        bare().alias("other")  # type: ignore[attr-defined]
        bare()
    assert [task.Name for task in dag.tasks] == ["bare-1", "bare", "bare-2", "other", "bare-4"]


def test_tasks_anywhere_inside_arguments() -> None:
    with DAG("n", Image="i") as dag:
        a, b, c = load(), load(), load()
        compute([a, {"k": (b, 1)}], factor={c})  # type: ignore[arg-type]
    assert [(s.Name, t.Name) for s, t in dag.edges] == [
        ("load", "compute"),
        ("load-1", "compute"),
        ("load-2", "compute"),
    ]
    named = arguments(dag).named
    assert named["input"][0].task == "load"
    assert named["input"][1]["k"][0].task == "load-1"
    assert next(iter(named["factor"])).task == "load-2"


def test_renaming_after_the_call_is_followed() -> None:
    with DAG("n", Image="i") as dag:
        value = load()
        compute(value)
        value.alias("renamed")
    assert arguments(dag).named["input"].task == "renamed"


def test_parallel_task_as_argument_and_args() -> None:
    with DAG("n", Image="i") as dag:
        parts = [{"Name": "p0", "Description": ""}]
        many = ParallelTask(Name="p", Entrypoint="m.f", ConfigurationJson=parts)
        collect(many, 5)
    first, second = arguments(dag).positional
    assert (first.task, second) == ("p", 5)


def test_wrong_calls_are_type_errors_at_once() -> None:
    anything: Any = compute
    with DAG("n", Image="i") as dag:
        with pytest.raises(TypeError, match="compute"):
            anything(1, 2, 3)
        with pytest.raises(TypeError, match="compute"):
            anything(unknown=1)
        bare()
    assert [task.Name for task in dag.tasks] == ["bare"]


def test_missing_argument_is_found_at_submission() -> None:
    with DAG("n", Image="i") as dag:
        compute()  # type: ignore[call-arg]
    with pytest.raises(ArgumentResolutionError, match="'input'"):
        definition_of(dag)


def test_an_edge_may_supply_what_the_call_left_out() -> None:
    @batch()
    def use(load: Any, factor: int = 1) -> None: ...

    use.__qualname__ = "use"
    with DAG("n", Image="i") as dag:
        load() >> use()  # type: ignore[call-arg]
    definition_of(dag)


def test_tasks_of_another_dag_are_no_arguments() -> None:
    with DAG("m", Image="i"):
        foreign = load()
    with DAG("n", Image="i") as dag:
        with pytest.raises(ValidationError, match="another DAG"):
            compute(foreign)
        bare()
    assert len(dag.tasks) == 1


def test_value_for_a_reserved_argument_is_announced_as_unused() -> None:
    with DAG("n", Image="i"), pytest.warns(UserWarning, match="'rundate'"):
        load(rundate="2024-01-01")


def test_argument_that_cannot_be_pickled() -> None:
    with DAG("n", Image="i") as dag:
        compute(threading.Lock())
    with pytest.raises(ValidationError, match="arguments of the call cannot be pickled"):
        definition_of(dag)


def test_functions_that_nothing_can_import() -> None:
    @batch()
    def inner() -> None: ...

    with DAG("n", Image="i"):
        with pytest.raises(ValidationError, match="top level"):
            inner()
        inner.__qualname__ = "inner"
        inner.__module__ = "__main__"
        with pytest.raises(ValidationError, match="in the script itself"):
            inner()
        bare()


def test_function_of_the_script_in_a_dev_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    import sys

    @batch()
    def inner() -> None: ...

    inner.__qualname__ = "inner"
    inner.__module__ = "__main__"
    script = tmp_path / "pkg" / "script.py"
    script.parent.mkdir()
    script.touch()
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    with DAG("n", DevRun=True, WorkDir=tmp_path) as dag:
        inner()
    assert sent(dag)["entrypoint"] == "pkg.script.inner"
    with DAG("n", DevRun=True, WorkDir=tmp_path / "pkg") as dag:
        inner()
    assert sent(dag)["entrypoint"] == "script.inner"
