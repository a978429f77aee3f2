"""Section 2: the decorator, and the reserved arguments."""

import datetime
import inspect
import pickle
from typing import Any

import pytest

from dt.scheduler import DAG, Task, ValidationError, batch
from fasti.testing import run_dag

RESERVED = (
    "sub_job_name", "scheduled_time", "runtime", "part_num", "num_parts", "job_config", "rundate",
)  # fmt: skip


@batch()
def documented(foo: int, bar: int = 2) -> int:
    """Say something."""
    return foo + bar


@batch
def bare(foo: int) -> int:
    return foo


def test_with_and_without_parentheses() -> None:
    assert documented(1) == 3
    assert bare(4) == 4


def test_name_doc_signature_and_wrapped_are_kept() -> None:
    assert documented.__name__ == "documented"
    assert documented.__doc__ == "Say something."
    assert list(inspect.signature(documented).parameters) == ["foo", "bar"]
    assert documented.__wrapped__(5, 5) == 10  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(documented)) is documented


def test_outside_of_a_block_it_is_a_plain_function(no_server: None) -> None:
    @batch(translation_table={"running_date": "rundate"})
    def baz(foo: int, bar: int, running_date: str) -> Any:
        return foo, bar, running_date

    assert baz(foo=1, bar=2, running_date="x") == (1, 2, "x")
    with pytest.raises(TypeError):
        baz(1)  # type: ignore[call-arg]


@pytest.mark.parametrize("reserved", RESERVED)
def test_every_reserved_name_may_be_translated_to(reserved: str) -> None:
    @batch(translation_table={"mine": reserved, "other": reserved})
    def f(mine: Any, other: Any) -> Any:
        return mine, other

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f")
    mine, other = run_dag(dag, functions={"t": f}, rundate="2024-01-02")["t"].value
    assert mine == other


@pytest.mark.parametrize("table", [{"foo": "today"}, {"nobody": "rundate"}, ["foo"]])
def test_a_wrong_table_is_an_error_when_the_module_is_imported(table: Any) -> None:
    with pytest.raises(ValidationError):

        @batch(translation_table=table)  # type: ignore[untyped-decorator]
        def f(foo: int) -> int:
            return foo


def test_keywords_may_be_translated_where_the_function_takes_any() -> None:
    @batch(translation_table={"day": "rundate"})
    def f(**kwargs: Any) -> Any:
        return kwargs

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f")
    assert run_dag(dag, functions={"t": f}, rundate="2024-01-02")["t"].value["day"] == "2024-01-02"


def test_types_of_reserved_arguments() -> None:
    def f(
        sub_job_name: Any, scheduled_time: Any, runtime: Any, part_num: Any, num_parts: Any,
        job_config: Any, rundate: Any,
    ) -> Any:  # fmt: skip
        return locals()

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f")
    found = run_dag(dag, functions={"t": f})["t"].value
    assert (found["sub_job_name"], found["part_num"], found["num_parts"]) == ("t", 0, 1)
    assert found["job_config"] == {}
    assert isinstance(found["rundate"], str)
    for name in ("scheduled_time", "runtime"):
        assert isinstance(found[name], datetime.datetime)
        assert found[name].utcoffset() == datetime.timedelta(0)


def test_job_config_is_the_dict_that_was_written_and_a_copy_of_it() -> None:
    config: Any = {
        "arg_translation_table": {},
        "Name": "n",
        "Description": "d",
        "at": datetime.datetime(2024, 1, 2),
        "raw": b"\0",
        "pair": (1, 2),
        "set": {1},
        3: "three",
    }

    def f(job_config: Any) -> Any:
        job_config["changed"] = True
        return job_config

    with DAG(Name="d") as dag:
        Task(Name="t", Entrypoint="m.f", ConfigurationJson=config)
        Task(Name="u", Entrypoint="m.f", ConfigurationJson=config)
    run = run_dag(dag, functions={"m.f": f})
    assert run["t"].value == run["u"].value == {**config, "changed": True}
    assert "changed" not in config


def test_no_block_is_active_in_a_task_unless_it_opens_one() -> None:
    def f() -> Any:
        plain = bare(1)
        with DAG(Name="inner"):
            inner = Task(Name="x", Entrypoint="a.b").dag.Name
        return plain, inner

    with DAG(Name="outer") as dag:
        Task(Name="t", Entrypoint="m.f")
        assert run_dag(dag, functions={"t": f})["t"].value == (1, "inner")
    assert len(dag.tasks) == 1
