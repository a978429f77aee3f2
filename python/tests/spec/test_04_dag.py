"""Section 4: ``DAG``, its block, ``save`` and ``run``."""

import asyncio
import datetime
import inspect
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from dt.scheduler import (
    DAG,
    CyclicDependencyError,
    DuplicateNameError,
    MissingDagError,
    Priority,
    Schedule,
    Task,
    ValidationError,
    batch,
)
from fake_server import FakeServer

BATCH = "0197a1a0-0000-7000-8000-000000000001"


@batch()
def called() -> None: ...


@pytest.fixture
def accepting(server: FakeServer) -> FakeServer:
    server.on("POST", "/batches", {"id": BATCH}, 201)
    server.on("POST", "/runs", {"id": 7, "batch_id": BATCH}, 201)
    return server


def sent(server: FakeServer, path: str) -> List[Dict[str, Any]]:
    return [request.json for request in server.sent("POST", path)]


def simple(**more: Any) -> DAG:
    with DAG(**{"Name": "d", "Image": "i", **more}) as dag:
        Task(Name="t", Entrypoint="m.f")
    return dag


def test_the_parameters_in_their_order() -> None:
    parameters = list(inspect.signature(DAG).parameters.values())
    assert [p.name for p in parameters] == [
        "Name", "Tag", "Schedule", "DevRun", "WorkDir", "Image", "Labels", "FailAfter",
        "FailAfterRunChildren", "RunAs", "Owner", "Group", "Permissions", "Priority",
        "AlertEmail", "AlertOnlyFailures", "AlertSMS",
    ]  # fmt: skip
    defaults = {p.name: p.default for p in parameters[1:]}
    assert defaults == {
        "Tag": "dev", "Schedule": None, "DevRun": False, "WorkDir": None, "Image": None,
        "Labels": None, "FailAfter": None, "FailAfterRunChildren": "on success", "RunAs": None,
        "Owner": None, "Group": None, "Permissions": "rwrwr-", "Priority": Priority.NORMAL,
        "AlertEmail": None, "AlertOnlyFailures": False, "AlertSMS": None,
    }  # fmt: skip


def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        DAG(Name="d", Colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Name", ""), ("Name", "  "), ("Name", "x" * 201), ("Name", "a\nb"), ("Name", 3),
        ("Tag", "test"), ("Tag", None), ("Schedule", "daily"), ("DevRun", 1), ("Image", 5),
        ("Labels", 7), ("Labels", [1]), ("FailAfter", "soon"), ("FailAfter", 0),
        ("FailAfter", -1), ("FailAfter", "1m 1h"), ("FailAfter", "0s"), ("FailAfter", 1.5),
        ("FailAfter", True), ("FailAfterRunChildren", "never"), ("RunAs", 1), ("Owner", 1),
        ("Group", 1), ("Permissions", "rw"), ("Permissions", "rwxrwx"), ("Permissions", "wrwrwr"),
        ("Permissions", 6), ("Priority", "urgent"), ("Priority", 1), ("AlertEmail", 1),
        ("AlertOnlyFailures", "yes"), ("AlertSMS", 1),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_at_once(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        DAG(**{"Name": "d", field: value})
    assert isinstance(caught.value, ValueError)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["x", "x" * 200, "Täglich, 日次 / v2"])
def test_names(name: str) -> None:
    assert DAG(Name=name).Name == name


@pytest.mark.parametrize("tag", ["dev", "PRE", "Prod"])
def test_tags_in_any_case(tag: str) -> None:
    assert DAG(Name="d", Tag=tag).Tag == tag.lower()


def test_labels_as_list_or_separated_by_commas() -> None:
    assert DAG(Name="d", Labels=["a", "b"]).Labels == ["a", "b"]
    assert DAG(Name="d", Labels="a, b").Labels == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h 30m", 5400), ("45m", 2700), ("90s", 90), ("2d", 172_800), ("1d2h", 93_600),
        ("01:30:00", 5400), (90, 90), (datetime.timedelta(minutes=2), 120),
    ],
)  # fmt: skip
def test_fail_after(accepting: FakeServer, text: Any, seconds: int) -> None:
    simple(FailAfter=text).save()
    assert sent(accepting, "/batches")[0]["fail_after_seconds"] == seconds


@pytest.mark.parametrize("value", ["low", "High", Priority.NORMAL])
def test_priorities(value: Any) -> None:
    assert isinstance(DAG(Name="d", Priority=value).Priority, Priority)


def test_everything_is_sent(accepting: FakeServer) -> None:
    simple(
        Tag="prod", Labels=["x"], RunAs="r", Owner="o", Group="g", Permissions="rw----",
        Priority="high", AlertEmail="a@b.test", AlertSMS="+49", AlertOnlyFailures=True,
        FailAfterRunChildren="always", Schedule=Schedule(timezone="Europe/Paris"),
    ).save()  # fmt: skip
    (definition,) = sent(accepting, "/batches")
    expected = {
        "name": "d", "tag": "prod", "image": "i", "labels": ["x"], "run_as": "r", "owner": "o",
        "group": "g", "permissions": "rw----", "priority": "high", "alert_email": "a@b.test",
        "alert_sms": "+49", "alert_only_failures": True, "fail_after_run_children": "always",
        "schedule": {"timezone": "Europe/Paris"},
    }  # fmt: skip
    assert {name: definition[name] for name in expected} == expected


def test_the_block_returns_the_dag_and_restores_the_outer_one() -> None:
    with DAG(Name="outer") as outer:
        with DAG(Name="inner") as inner:
            assert Task(Name="t", Entrypoint="m.f").dag is inner
        assert Task(Name="t", Entrypoint="m.f").dag is outer
    with pytest.raises(MissingDagError):
        Task(Name="t", Entrypoint="m.f")


def test_blocks_of_threads_do_not_meet() -> None:
    found: List[Any] = []

    def build() -> None:
        with DAG(Name="theirs"):
            found.append(Task(Name="t", Entrypoint="m.f").dag.Name)

    with DAG(Name="mine"):
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
        assert Task(Name="t", Entrypoint="m.f").dag.Name == "mine"
    assert found == ["theirs"]


def test_blocks_of_asynchronous_tasks_do_not_meet() -> None:
    async def build(name: str) -> str:
        with DAG(Name=name):
            await asyncio.sleep(0)
            return Task(Name="t", Entrypoint="m.f").dag.Name

    async def both() -> List[str]:
        return list(await asyncio.gather(build("a"), build("b")))

    assert asyncio.run(both()) == ["a", "b"]


@pytest.mark.usefixtures("no_server")
def test_an_exception_in_the_block_passes_and_nothing_is_submitted() -> None:
    with pytest.raises(KeyError), DAG(Name="d", Image="i"):  # noqa: PT012
        called()
        raise KeyError


def test_tasks_alone_are_never_submitted(no_server: None) -> None:
    simple()


def test_calls_without_a_schedule_are_run(accepting: FakeServer) -> None:
    with DAG(Name="d", Image="i") as dag:
        called()
    assert len(sent(accepting, "/runs")) == 1
    assert (dag.run_id, dag.batch_id) == (7, BATCH)


def test_calls_with_a_schedule_are_saved(accepting: FakeServer) -> None:
    with DAG(Name="d", Image="i", Schedule=Schedule(at_hours=[8])) as dag:
        called()
    assert (len(sent(accepting, "/batches")), len(sent(accepting, "/runs"))) == (1, 0)
    assert (dag.batch_id, dag.run_id) == (BATCH, None)


@pytest.mark.parametrize("call", ["save", "run"])
def test_what_was_submitted_in_the_block_is_not_submitted_again(
    accepting: FakeServer, call: str
) -> None:
    with DAG(Name="d", Image="i") as dag:
        called()
        getattr(dag, call)()
    assert len(accepting.requests) == 1


def test_a_dev_run_of_tasks_alone_is_run(accepting: FakeServer, tmp_path: Path) -> None:
    accepting.on("HEAD", "/bundles/x", None)
    accepting.on("POST", "/bundles", {"id": "x"}, 201)
    with DAG(Name="d", DevRun=True, WorkDir=tmp_path):
        Task(Name="t", Entrypoint="m.f")
    (body,) = sent(accepting, "/runs")
    assert body["run_type"] == "dev_run"


def test_what_save_and_run_return(accepting: FakeServer) -> None:
    dag = simple()
    saved = dag.save()
    assert (saved, dag.batch_id, dag.run_id) == (BATCH, BATCH, None)
    started = dag.run()
    assert isinstance(started, int)
    assert (started, dag.run_id) == (7, 7)
    dag.save()
    dag.run()
    assert len(accepting.requests) == 4


@pytest.mark.parametrize("rundate", ["2024-02-29", datetime.date(2024, 2, 29)])
def test_a_custom_rundate(accepting: FakeServer, rundate: Any) -> None:
    simple().run(rundate=rundate)
    assert sent(accepting, "/runs")[0]["rundate"] == "2024-02-29"


def test_a_rundate_that_is_none(no_server: None) -> None:
    with pytest.raises(ValidationError):
        simple().run(rundate="2024-02-30")


@pytest.mark.usefixtures("no_server")
class TestChecksBeforeAnythingIsSent:
    def submit(self, dag: DAG, error: type) -> str:
        messages = []
        for call in (dag.save, dag.run):
            with pytest.raises(error) as caught:
                call()
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
        return messages[0]

    def test_at_least_one_task(self) -> None:
        self.submit(DAG(Name="d", Image="i"), ValidationError)

    def test_unique_names(self) -> None:
        dag = simple()
        with pytest.raises(DuplicateNameError):
            Task(Name="t", Entrypoint="m.f", dag=dag)

    def test_no_cycle(self) -> None:
        with DAG(Name="d", Image="i") as dag:
            a, b, c = (Task(Name=name, Entrypoint="m.f") for name in ("a", "b", "apart"))
            a >> b >> a
            a >> c
        message = self.submit(dag, CyclicDependencyError)
        assert "'a'" in message
        assert "'b'" in message
        assert "'apart'" not in message

    def test_an_image_for_every_task(self) -> None:
        dag = DAG(Name="d")
        Task(Name="with", Entrypoint="m.f", Image="i", dag=dag)
        Task(Name="without", Entrypoint="m.f", dag=dag)
        assert "'without'" in self.submit(dag, ValidationError)

    def test_attributes_changed_since(self) -> None:
        dag = simple()
        dag.tasks[0].CPU = 0
        assert "CPU" in self.submit(dag, ValidationError)
