"""BatchRunResults and the functions beside it, from REST answers to what users get."""

import datetime
import pickle
import time
from typing import Any, Dict

import pytest

from fake_server import FakeServer
from fasti.scheduler import (
    BatchRunResults,
    NotFound,
    ResultNotAvailable,
    ValidationError,
    get_batches,
    get_job_logs,
    get_job_metrics,
    get_job_result,
)

RUN = {
    "id": 7, "batch_id": "b", "batch_name": "My Batch", "tag": "dev", "definition_version": 1,
    "run_type": "manual", "scheduled_time": "2024-03-31T01:00:00.000Z",
    "created_at": "2024-03-31T01:00:00.100Z", "started_at": "2024-03-31T01:00:00.999Z",
    "finished_at": None, "rundate": "2024-03-31", "status": "running", "run_as": "ada",
    "owner": "bob", "group": "g", "permissions": "rwrwr-",
}  # fmt: skip

TASK_RUN = {
    "id": 8, "run_id": 7, "batch_name": "My Batch", "name": "a task", "group": None,
    "description": "d", "entrypoint": "m.f", "image": "i", "status": "success",
    "started_at": "2024-03-31T01:00:01.000Z", "finished_at": "2024-03-31T01:00:02.000Z",
    "configuration_json": {"k": 1}, "worker_id": "w-1",
}  # fmt: skip

SHOWN_RUN = {
    "name": "My Batch", "tag": "dev", "scheduled_time": "2024-03-31 01:00:00",
    "started_at": "2024-03-31 01:00:00", "finished_at": None, "rundate": "2024-03-31",
    "status": "running", "run_as": "ada", "owner": "bob", "group": "g", "permissions": "rwrwr-",
    "id": 7, "schedule_run_type": "manual",
}  # fmt: skip


def answer_with_runs(server: FakeServer, *runs: Dict[str, Any]) -> None:
    server.page("/runs", *runs, total=len(runs))


def test_construction_is_lazy(no_server: None) -> None:
    results = BatchRunResults("My Batch", "a task")
    assert repr(results) == "BatchRunResults('My Batch', job_name='a task')"
    assert "\n" not in repr(results)
    with pytest.raises(ValidationError):
        BatchRunResults("")
    with pytest.raises(ValidationError):
        BatchRunResults("x", 3)  # type: ignore[arg-type]


def test_count(server: FakeServer) -> None:
    server.page("/runs", RUN, total=12)
    assert BatchRunResults("My Batch", "whatever").count == 12
    assert server.requests[0].query == {"batch_name": "My Batch", "limit": "1"}


def test_unknown_batch(server: FakeServer) -> None:
    server.on("GET", "/runs", {"detail": "no batch 'x'", "code": "not_found"}, status=404)
    for call in (lambda: BatchRunResults("x").count, BatchRunResults("x").get_runs):
        with pytest.raises(NotFound) as caught:
            call()
        assert isinstance(caught.value, ValueError)


def test_runs_have_exactly_the_documented_keys(server: FakeServer) -> None:
    answer_with_runs(server, RUN)
    assert BatchRunResults("My Batch").get_runs() == [SHOWN_RUN]


def test_runs_of_one_job(server: FakeServer) -> None:
    answer_with_runs(server, RUN)
    server.page("/task-runs", TASK_RUN)
    assert BatchRunResults("My Batch", "a task").get_runs() == [
        {
            **SHOWN_RUN, "name": "a task", "started_at": "2024-03-31 01:00:01",
            "finished_at": "2024-03-31 01:00:02", "status": "success", "id": 8,
            "batch_run_id": 7, "description": "d", "configuration_json": {"k": 1},
            "image": "i", "vm_id": "w-1",
        }
    ]  # fmt: skip
    assert server.sent("GET", "/task-runs")[0].query["name"] == "a task"


def test_unknown_job_is_an_empty_list(server: FakeServer) -> None:
    answer_with_runs(server, RUN)
    server.page("/task-runs")
    assert BatchRunResults("My Batch", "nobody").get_runs() == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"rundate": "2024-03-31"}, {"rundate": "2024-03-31"}),
        ({"rundate": datetime.date(2024, 3, 31)}, {"rundate": "2024-03-31"}),
        ({"rundate": datetime.datetime(2024, 3, 31, 23)}, {"rundate": "2024-03-31"}),
        ({"range_start": "2024-03-31"}, {"scheduled_from": "2024-03-31T00:00:00.000Z"}),
        ({"range_end": "2024-03-31 05"}, {"scheduled_until": "2024-03-31T05:00:00.000Z"}),
        ({"range_start": "2024-03-31 05:06"}, {"scheduled_from": "2024-03-31T05:06:00.000Z"}),
        (
            {"range_start": "2024-03-31 05:06:07", "range_end": datetime.date(2024, 4, 1)},
            {
                "scheduled_from": "2024-03-31T05:06:07.000Z",
                "scheduled_until": "2024-04-01T00:00:00.000Z",
            },
        ),
        (
            {
                "range_start": datetime.datetime(
                    2024, 3, 31, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
                )
            },
            {"scheduled_from": "2024-03-31T00:00:00.000Z"},
        ),
    ],
)
def test_filters(server: FakeServer, given: Dict[str, Any], sent: Dict[str, str]) -> None:
    answer_with_runs(server)
    BatchRunResults("b").get_runs(**given)
    assert server.requests[0].query == {"batch_name": "b", "limit": "1000", **sent}


@pytest.mark.parametrize(
    "given",
    [
        {"rundate": "2024-03-31", "range_start": "2024-03-31"},
        {"rundate": "31.3.2024"},
        {"rundate": "2024-03-31 10"},
        {"range_start": "2024-03-31T10:00:00"},
        {"range_start": "2024-03-31 25"},
        {"range_end": "2024-02-30"},
        {"range_end": 5},
        {"range_start": "2024-03-31", "range_end": "2024-03-30"},
    ],
)
def test_bad_filters(no_server: None, given: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BatchRunResults("b").get_runs(**given)


def test_runs_are_cached_for_five_minutes(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_runs(server, RUN)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    results = BatchRunResults("My Batch")

    def asked(**given: Any) -> int:
        before = len(server.requests)
        results.get_runs(**given)
        return len(server.requests) - before

    assert asked() == 1
    assert asked() == 0
    now[0] += 299.9
    assert asked() == 0
    now[0] += 0.2
    assert asked() == 1
    assert asked(rundate="2024-03-31") == 1
    assert asked(rundate="2024-03-31") == 0
    assert asked() == 1  # one entry only
    results.batch_name = "My Batch"
    assert asked() == 1
    results.job_name = None
    assert asked() == 1
    results.disable_caching = True
    assert asked() == 1
    assert asked() == 1


def test_callers_get_copies(server: FakeServer) -> None:
    answer_with_runs(server, RUN)
    results = BatchRunResults("My Batch")
    results.get_runs()[0]["status"] = "spoilt"
    results.get_runs().clear()
    assert results.get_runs()[0]["status"] == "running"


def test_get_run(server: FakeServer) -> None:
    server.on("GET", "/runs/7", RUN)
    waiting = {**TASK_RUN, "id": 9, "name": "b", "status": "waiting", "started_at": None,
               "finished_at": None, "worker_id": None, "configuration_json": None}  # fmt: skip
    server.page("/runs/7/tasks", TASK_RUN, waiting)
    server.on("GET", "/task-runs/8/logs", b"text \xff\n")
    first, second = BatchRunResults("My Batch").get_run(7)
    assert first == {
        "id": 8, "name": "a task", "description": "d", "start": "2024-03-31 01:00:01",
        "end": "2024-03-31 01:00:02", "stdout": "text \ufffd\n", "stderr": "text \ufffd\n",
        "configuration_json": {"k": 1}, "image": "i", "status": "success", "vm_id": "w-1",
    }  # fmt: skip
    assert set(second) == set(first)
    assert (second["start"], second["stdout"], second["vm_id"]) == (None, "", None)
    assert second["configuration_json"] == {}
    (out, err) = (request.query for request in server.sent("GET", "/task-runs/8/logs"))
    assert out == {"stream": "stdout", "tail": "65536"}
    assert err == {"stream": "stderr", "tail": "65536"}


def test_run_of_another_batch_is_not_found(server: FakeServer) -> None:
    server.on("GET", "/runs/7", {**RUN, "batch_name": "Other"})
    server.on("GET", "/task-runs/8", {**TASK_RUN, "batch_name": "Other"})
    results = BatchRunResults("My Batch")
    for call in (results.get_run, results.get_run_graph, results.rerun):
        with pytest.raises(NotFound):
            call(7)
    with pytest.raises(NotFound):
        results.get_task_result(8)


@pytest.mark.parametrize("wrong", ["7", 7.0, None, True])
def test_ids_are_integers(no_server: None, wrong: Any) -> None:
    with pytest.raises(ValidationError):
        BatchRunResults("b").get_run(wrong)
    with pytest.raises(ValidationError):
        get_job_result(wrong)


def test_ids_are_positive(no_server: None) -> None:
    with pytest.raises(NotFound):
        get_job_logs(0)


def test_graph(server: FakeServer) -> None:
    server.on("GET", "/runs/7", RUN)
    node = {"group": None, "status": "success", "started_at": None, "finished_at": None}
    server.on(
        "GET",
        "/runs/7/graph",
        {
            "nodes": [
                {**node, "id": 1, "name": "a", "started_at": "2024-03-31T01:00:00.000Z"},
                {**node, "id": 2, "name": "p0", "group": "p"},
                {**node, "id": 3, "name": "p1", "group": "p"},
            ],
            "edges": [{"from": "a", "to": "p"}],
        },
    )
    graph = BatchRunResults("My Batch").get_run_graph(7)
    assert graph["statuses"][0] == {
        "id": 1, "name": "a", "status": "success",
        "start_time": "2024-03-31 01:00:00", "finish_time": None,
    }  # fmt: skip
    assert graph["dependencies"] == [{"from": "a", "to": "p0"}, {"from": "a", "to": "p1"}]


def test_results(server: FakeServer) -> None:
    value = {"table": [1, 2, 3]}
    headers = {"X-Fasti-Task-Name": "t%C3%A4sk%201", "Content-Type": "application/vnd.fasti.pickle"}
    server.on("GET", "/task-runs/8/result", pickle.dumps(value, 5), headers=headers)
    server.on("GET", "/task-runs/8", TASK_RUN)
    assert get_job_result(8) == ("t\u00e4sk 1", value)
    assert BatchRunResults("My Batch").get_task_result(8) == value


def test_result_cut_short_is_fetched_again(server: FakeServer) -> None:
    data = pickle.dumps(list(range(1000)), 5)
    server.on("GET", "/task-runs/8/result", data, cut_short=True)
    server.on("GET", "/task-runs/8/result", data)
    assert get_job_result(8)[1] == list(range(1000))
    assert len(server.requests) == 2


def test_no_result(server: FakeServer) -> None:
    problem = {"detail": "task run 8 failed", "code": "result_unavailable"}
    server.on("GET", "/task-runs/8/result", problem, status=409)
    with pytest.raises(ResultNotAvailable, match="failed") as caught:
        get_job_result(8)
    assert isinstance(caught.value, ValueError)


def test_value_whose_class_is_missing_here(server: FakeServer) -> None:
    server.on("GET", "/task-runs/8/result", b"\x80\x04\x8c\x07nowhere\x8c\x01C\x93.")
    with pytest.raises(ModuleNotFoundError):
        get_job_result(8)


def test_logs(server: FakeServer) -> None:
    server.on("GET", "/task-runs/8/logs", "z\u00e4hl\n".encode())
    assert get_job_logs(8) == {"stdout": "z\u00e4hl\n", "stderr": "z\u00e4hl\n"}
    assert [request.query for request in server.requests] == [
        {"stream": "stdout"},
        {"stream": "stderr"},
    ]


def test_metrics(server: FakeServer) -> None:
    server.on(
        "GET",
        "/task-runs/8/metrics",
        {
            "cpu_metrics_percentage": [0, 120.5], "memory_metrics_absolute": [1, 2],
            "timestamps": ["2024-03-31T01:00:00.000Z", "2024-03-31T01:00:01.250Z"],
            "total_allocated_cpu": 400, "total_allocated_memory": 400,
        },
    )  # fmt: skip
    metrics = get_job_metrics(8)
    assert metrics["timestamps"] == ["2024-03-31 01:00:00.000", "2024-03-31 01:00:01.250"]
    assert all(type(v) is float for v in metrics["cpu_metrics_percentage"])
    assert (metrics["total_allocated_cpu"], metrics["total_allocated_memory"]) == (400, 400)


def test_batches(server: FakeServer) -> None:
    batch = {
        "id": "u", "name": "b", "tag": "dev", "schedule": {"run_after_job_name": "a"},
        "schedule_description": "after a", "next_run": None, "image": "i", "labels": ["l"],
        "run_as": "r", "owner": "o", "group": "g", "permissions": "rwrwr-", "priority": "normal",
        "paused": False, "version": 3, "last_run": None,
        "created_at": "2024-03-31T01:00:00.000Z", "updated_at": "2024-03-31T01:00:00.000Z",
        "tasks": [
            {"name": "one", "kind": "task"},
            {"name": "p", "kind": "parallel",
             "configuration_json": [{"Name": "p0", "Description": ""}, {"Name": "p1"}]},
        ],
        "edges": [{"from": "one", "to": "p"}],
    }  # fmt: skip
    last = {"id": 7, "status": "success", "scheduled_time": "2024-03-31T01:00:00.000Z",
            "finished_at": "2024-03-31T01:00:09.000Z"}  # fmt: skip
    other = {**batch, "name": "a", "schedule": {"at_hours": [1]}, "last_run": last,
             "next_run": "2024-04-01T01:00:00.000Z"}  # fmt: skip
    server.page("/batches", batch, other)
    first, second = get_batches()
    assert (first["name"], second["name"]) == ("a", "b")
    assert set(first) == {
        "id", "name", "tag", "schedule", "schedule_description", "next_run", "run_after", "tasks",
        "dependencies", "labels", "image", "run_as", "owner", "group", "permissions", "priority",
        "paused", "version", "last_run", "created_at", "updated_at",
    }  # fmt: skip
    assert second["tasks"] == ["one", "p0", "p1"]
    assert second["dependencies"] == [{"from": "one", "to": "p0"}, {"from": "one", "to": "p1"}]
    assert second["run_after"] == {
        "job_name": "a", "job_uuid": None, "condition": "on success",
    }  # fmt: skip
    assert first["run_after"] is None
    assert first["next_run"] == "2024-04-01 01:00:00"
    assert first["last_run"] == {
        "id": 7, "status": "success", "scheduled_time": "2024-03-31 01:00:00",
        "finished_at": "2024-03-31 01:00:09",
    }  # fmt: skip


def test_rerun(server: FakeServer) -> None:
    server.on("GET", "/runs/7", RUN)
    server.on("POST", "/runs/7/rerun", {"id": 20}, status=201)
    results = BatchRunResults("My Batch")
    assert results.rerun(7) == 20
    assert results.rerun(7, "from", ["a task"], "2024-01-01") == 20
    first, second = (request.json for request in server.sent("POST", "/runs/7/rerun"))
    assert first == {"mode": "failed", "tasks": [], "rundate": None}
    assert second == {"mode": "from", "tasks": ["a task"], "rundate": "2024-01-01"}
    for wrong in (("from", None), ("all", ["a"]), ("some", None)):
        with pytest.raises(ValidationError):
            results.rerun(7, *wrong)
