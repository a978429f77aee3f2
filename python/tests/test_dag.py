"""The DAG class: arguments, the context manager, submission."""

import asyncio
import datetime
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from fake_server import FakeServer
from fasti import _context
from fasti.scheduler import (
    DAG,
    ConnectionFailed,
    DuplicateNameError,
    Priority,
    Schedule,
    Task,
    ValidationError,
    batch,
)

ID = "0190a5b8-0000-7000-8000-000000000000"


@batch()
def work() -> None: ...


@pytest.fixture
def accepting(server: FakeServer) -> FakeServer:
    server.on("POST", "/batches", {"id": ID}, status=201)
    server.on("POST", "/runs", {"id": 12, "batch_id": ID}, status=201)
    return server


def submitted(server: FakeServer) -> List[str]:
    return [f"{r.method} {r.path.replace('/api/v1', '')}" for r in server.requests]


@pytest.mark.parametrize(
    "given",
    [
        {"Name": ""},
        {"Name": " "},
        {"Name": "x" * 201},
        {"Name": "a\nb"},
        {"Name": 3},
        {"Tag": "test"},
        {"Tag": None},
        {"Schedule": "daily"},
        {"DevRun": 1},
        {"DevRun": True},
        {"DevRun": True, "WorkDir": "/no/such/folder"},
        {"DevRun": True, "WorkDir": __file__},
        {"DevRun": True, "WorkDir": ".", "Tag": "prod"},
        {"Image": 3},
        {"Labels": [1]},
        {"Labels": 3},
        {"FailAfter": "soon"},
        {"FailAfterRunChildren": "maybe"},
        {"Permissions": "rw"},
        {"Permissions": "wrwrwr"},
        {"Permissions": "rwrwr-x"},
        {"Priority": "urgent"},
        {"Priority": 1},
        {"AlertOnlyFailures": "yes"},
        {"Owner": ""},
    ],
)
def test_bad_arguments(given: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DAG(**{"Name": "n", **given})


def test_unknown_keyword_and_missing_name() -> None:
    with pytest.raises(TypeError):
        DAG(Name="n", Colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        DAG()  # type: ignore[call-arg]


def test_normal_forms() -> None:
    dag = DAG("n", Tag="PROD", Labels="a, b,,", Priority="high")
    assert (dag.Tag, dag.Labels, dag.Priority) == ("prod", ["a", "b"], Priority.HIGH)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("1h 30m", 5400),
        ("45m", 2700),
        ("90s", 90),
        ("2d", 172800),
        ("1d2h", 93600),
        ("01:30:00", 5400),
        (90, 90),
        (datetime.timedelta(minutes=2), 120),
    ],
)
def test_fail_after(given: Any, seconds: int) -> None:
    assert DAG("n", FailAfter=given)._fail_after_seconds() == seconds


@pytest.mark.parametrize(
    "given", ["", "0s", "-5s", "30m 1h", "1h1h", "1.5h", "5", 0, -1, True, 1.5, "00:00:00", "1w"]
)
def test_bad_fail_after(given: Any) -> None:
    with pytest.raises(ValidationError):
        DAG("n", FailAfter=given)


def test_work_dir_without_dev_run_is_ignored_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="WorkDir is ignored"):
        DAG("n", WorkDir="/no/such/folder")


def test_current_dag_nests_and_is_restored() -> None:
    with DAG("outer", Image="i") as outer:
        first = Task(Name="a", Entrypoint="m.f")
        with DAG("inner", Image="i") as inner:
            second = Task(Name="a", Entrypoint="m.f")
            third = Task(Name="b", Entrypoint="m.f", dag=outer)
        fourth = Task(Name="c", Entrypoint="m.f")
    assert _context.current_dag() is None
    assert outer.tasks == [first, third, fourth]
    assert inner.tasks == [second]


def test_threads_and_coroutines_have_their_own_current_dag() -> None:
    seen: List[Any] = []

    async def build(name: str) -> str:
        with DAG(name) as dag:
            await asyncio.sleep(0)
            assert _context.current_dag() is dag
        return name

    async def both() -> List[str]:
        return list(await asyncio.gather(build("a"), build("b")))

    with DAG("outer"):
        thread = threading.Thread(target=lambda: seen.append(_context.current_dag()))
        thread.start()
        thread.join()
        assert asyncio.run(both()) == ["a", "b"]
    assert seen == [None]


def test_exception_in_the_block_passes_and_submits_nothing(accepting: FakeServer) -> None:
    with pytest.raises(ZeroDivisionError), DAG("n", Image="i"):  # noqa: PT012
        work()
        raise ZeroDivisionError
    assert accepting.requests == []
    assert _context.current_dag() is None


def test_calls_submit_themselves_with_run_when_there_is_no_schedule(accepting: FakeServer) -> None:
    with DAG("n", Image="i", Schedule=Schedule()) as dag:
        work()
    assert submitted(accepting) == ["POST /runs"]
    assert (dag.run_id, dag.batch_id) == (12, ID)


def test_calls_submit_themselves_with_save_when_there_is_a_schedule(accepting: FakeServer) -> None:
    with DAG("n", Image="i", Schedule=Schedule(at_hours=[1])) as dag:
        work()
    assert submitted(accepting) == ["POST /batches"]
    assert (dag.run_id, dag.batch_id) == (None, ID)


def test_tasks_alone_never_submit_themselves(no_server: None) -> None:
    with DAG("n", Image="i", Schedule=Schedule(at_hours=[1])):
        Task(Name="a", Entrypoint="m.f")


def test_save_or_run_in_the_block_replaces_auto_submission(accepting: FakeServer) -> None:
    with DAG("n", Image="i", Schedule=Schedule(at_hours=[1])) as dag:
        work()
        dag.run()
    assert submitted(accepting) == ["POST /runs"]


def test_save_returns_the_id_and_sends_a_key(accepting: FakeServer) -> None:
    dag = DAG("n", Image="i")
    Task(Name="a", Entrypoint="m.f", dag=dag)
    assert dag.save() == ID == dag.batch_id
    assert dag.save() == ID
    first, second = accepting.requests
    assert len(first.headers["idempotency-key"]) == 32
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert first.headers["content-type"] == "application/json"


@pytest.mark.parametrize("rundate", ["2024-02-29", datetime.date(2024, 2, 29)])
def test_run_with_a_rundate(accepting: FakeServer, rundate: Any) -> None:
    dag = DAG("n", Image="i")
    Task(Name="a", Entrypoint="m.f", dag=dag)
    assert dag.run(rundate=rundate) == 12
    body = accepting.requests[0].json
    assert (body["rundate"], body["run_type"]) == ("2024-02-29", "manual")
    assert body["definition"]["name"] == "n"


@pytest.mark.parametrize("rundate", ["2024-02-30", "29.2.2024", "2024-2-29", 20240229])
def test_bad_rundate(no_server: None, rundate: Any) -> None:
    dag = DAG("n", Image="i")
    Task(Name="a", Entrypoint="m.f", dag=dag)
    with pytest.raises(ValidationError, match="rundate"):
        dag.run(rundate=rundate)


def test_duplicate_is_found_when_the_object_is_built() -> None:
    with DAG("n"):
        Task(Name="a", Entrypoint="m.f")
        with pytest.raises(DuplicateNameError, match="'a'"):
            Task(Name="a", Entrypoint="m.f")


def test_unreachable_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from fasti import _client

    monkeypatch.setattr(_client, "RETRY_SECONDS", 0.0)
    monkeypatch.setenv("FASTI_URL", "http://127.0.0.1:9")
    dag = DAG("n", Image="i")
    Task(Name="a", Entrypoint="m.f", dag=dag)
    with pytest.raises(ConnectionFailed) as caught:
        dag.save()
    assert isinstance(caught.value, ConnectionError)
    assert "http://127.0.0.1:9" in caught.value.message
    assert "FASTI_URL" in caught.value.message


def test_dev_run_packs_uploads_and_runs_on_leaving(
    accepting: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "m.py").write_text("def f(): pass")
    accepting.on("POST", "/bundles", {"id": "x", "size": 1}, status=201)
    with DAG("n", DevRun=True, WorkDir=str(tree)):
        Task(Name="a", Entrypoint="m.f")
    upload = accepting.sent("POST", "/bundles")[0]
    definition = accepting.sent("POST", "/runs")[0].json["definition"]
    assert accepting.sent("POST", "/runs")[0].json["run_type"] == "dev_run"
    assert definition["bundle"] in accepting.requests[0].path
    assert upload.body[:2] == b"\x1f\x8b"
    assert definition["python"].endswith(("python", "python3")) or "python" in definition["python"]
    assert "/ui/runs/12" in capsys.readouterr().err


def test_dev_run_saves_as_a_run(accepting: FakeServer, tmp_path: Path) -> None:
    accepting.on("HEAD", f"/bundles/{'0' * 64}")
    accepting.on("POST", "/bundles", {}, status=201)
    dag = DAG("n", DevRun=True, WorkDir=tmp_path, Schedule=Schedule(at_hours=[1]))
    Task(Name="a", Entrypoint="m.f", dag=dag)
    with pytest.warns(UserWarning, match="Schedule is ignored"):
        assert dag.save() == 12
    assert accepting.sent("POST", "/runs")[0].json["definition"]["schedule"] == {}


def test_repr() -> None:
    assert repr(DAG("n")) == "<DAG 'n' (dev), 0 tasks>"
