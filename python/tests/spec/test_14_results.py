"""Section 14: the results API, against prescribed answers."""

import datetime
import pickle
from typing import Any, Dict

import pytest

from dt.scheduler import (
    BatchRunResults,
    NotFound,
    ResultNotAvailable,
    ValidationError,
    get_batches,
    get_job_logs,
    get_job_metrics,
    get_job_result,
)
from fake_server import FakeServer

RUN: Dict[str, Any] = {
    "id": 7, "batch_id": "x", "batch_name": "b", "tag": "dev", "run_type": "manual",
    "scheduled_time": "2024-03-31T01:02:03.999Z", "started_at": "2024-03-31T01:02:04.000Z",
    "finished_at": None, "rundate": "2024-03-31", "status": "running", "run_as": "r",
    "owner": "o", "group": "g", "permissions": "rwrwr-",
}  # fmt: skip
TASK_RUN: Dict[str, Any] = {
    "id": 9, "run_id": 7, "batch_name": "b", "name": "t", "group": None, "description": "text",
    "status": "success", "started_at": "2024-03-31T01:02:04.100Z",
    "finished_at": "2024-03-31T01:02:05.100Z", "configuration_json": {"n": 1}, "image": "i",
    "worker_id": "local",
}  # fmt: skip
KEYS = {
    "name", "tag", "scheduled_time", "started_at", "finished_at", "rundate", "status", "run_as",
    "owner", "group", "permissions", "id", "schedule_run_type",
}  # fmt: skip


@pytest.fixture
def one_run(server: FakeServer) -> FakeServer:
    server.page("/runs", RUN, total=1)
    server.on("GET", "/runs/7", RUN)
    return server


def test_count_is_a_property_about_the_batch(server: FakeServer) -> None:
    server.page("/runs", total=12345)
    assert BatchRunResults("b", "a job").count == 12345
    assert server.requests[0].query["batch_name"] == "b"
    assert "name" not in server.requests[0].query


def test_unknown_batches_are_not_found(server: FakeServer) -> None:
    results = BatchRunResults("nobody")
    problem = {"detail": "no batch", "code": "not_found"}
    server.on("GET", "/runs", problem, 404)
    for ask in (lambda: results.count, results.get_runs):
        with pytest.raises(NotFound) as caught:
            ask()
        assert isinstance(caught.value, ValueError)


def test_a_run_has_exactly_these_keys(one_run: FakeServer) -> None:
    (run,) = BatchRunResults("b").get_runs()
    assert set(run) == KEYS
    assert isinstance(run["id"], int)
    assert run["scheduled_time"] == "2024-03-31 01:02:03"
    assert run["finished_at"] is None
    assert (run["name"], run["schedule_run_type"]) == ("b", "manual")


def test_a_run_of_a_job_has_five_keys_more(one_run: FakeServer) -> None:
    one_run.page("/task-runs", TASK_RUN)
    (run,) = BatchRunResults("b", "t").get_runs()
    more = {"batch_run_id", "description", "configuration_json", "image", "vm_id"}
    assert set(run) == KEYS | more
    assert (run["id"], run["batch_run_id"], run["name"]) == (9, 7, "t")
    assert (run["status"], run["finished_at"]) == ("success", "2024-03-31 01:02:05")
    assert (run["owner"], run["vm_id"]) == ("o", "local")


def test_an_unknown_job_has_no_runs(one_run: FakeServer) -> None:
    one_run.page("/task-runs")
    assert BatchRunResults("b", "nobody").get_runs() == []


@pytest.mark.parametrize(
    "rundate",
    ["2024-03-31", datetime.date(2024, 3, 31), datetime.datetime(2024, 3, 31, 23, 59)],
)
def test_rundate_in_three_ways(one_run: FakeServer, rundate: Any) -> None:
    BatchRunResults("b").get_runs(rundate=rundate)
    assert one_run.requests[0].query["rundate"] == "2024-03-31"


PARIS = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("bound", "sent"),
    [
        ("2024-03-31", "2024-03-31T00:00:00.000Z"),
        ("2024-03-31 07", "2024-03-31T07:00:00.000Z"),
        ("2024-03-31 07:08", "2024-03-31T07:08:00.000Z"),
        ("2024-03-31 07:08:09", "2024-03-31T07:08:09.000Z"),
        (datetime.date(2024, 3, 31), "2024-03-31T00:00:00.000Z"),
        (datetime.datetime(2024, 3, 31, 7), "2024-03-31T07:00:00.000Z"),
        (datetime.datetime(2024, 3, 31, 7, tzinfo=PARIS), "2024-03-31T05:00:00.000Z"),
    ],
)
def test_bounds_of_a_range(one_run: FakeServer, bound: Any, sent: str) -> None:
    results = BatchRunResults("b")
    results.get_runs(range_start=bound)
    results.get_runs(range_end=bound)
    first, second = (request.query for request in one_run.requests)
    assert (first["scheduled_from"], "scheduled_until" in first) == (sent, False)
    assert (second["scheduled_until"], "scheduled_from" in second) == (sent, False)


@pytest.mark.parametrize(
    "filters",
    [
        {"rundate": "2024-03-31", "range_start": "2024-03-31"},
        {"rundate": "2024-03-31", "range_end": "2024-03-31"},
        {"range_start": "2024-04-01", "range_end": "2024-03-31"},
        {"rundate": "31.03.2024"}, {"rundate": "2024-02-30"}, {"rundate": 20240331},
        {"range_start": "2024-03-31T07:00"}, {"range_start": "2024-03-31 24"},
        {"range_end": "yesterday"}, {"range_end": 5},
    ],
)  # fmt: skip
def test_wrong_filters(no_server: None, filters: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BatchRunResults("b").get_runs(**filters)


class TestTheCache:
    def asked(self, server: FakeServer) -> int:
        return len(server.requests)

    def test_five_minutes(self, one_run: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr("fasti._results.time.monotonic", lambda: now[0])
        results = BatchRunResults("b")
        results.get_runs()
        now[0] += 299
        results.get_runs()
        assert self.asked(one_run) == 1
        now[0] += 2
        results.get_runs()
        assert self.asked(one_run) == 2

    def test_other_arguments_drop_it(self, one_run: FakeServer) -> None:
        results = BatchRunResults("b")
        for filters in ({}, {"rundate": "2024-03-31"}, {}, {}):
            results.get_runs(**filters)
        assert self.asked(one_run) == 3

    @pytest.mark.parametrize("attribute", ["batch_name", "job_name"])
    def test_assignments_drop_it(self, one_run: FakeServer, attribute: str) -> None:
        results = BatchRunResults("b")
        results.get_runs()
        setattr(results, attribute, getattr(results, attribute))
        results.get_runs()
        assert self.asked(one_run) == 2

    def test_it_can_be_switched_off(self, one_run: FakeServer) -> None:
        results = BatchRunResults("b")
        assert results.disable_caching is False
        results.disable_caching = True
        results.get_runs()
        results.get_runs()
        assert self.asked(one_run) == 2

    def test_it_is_of_one_instance(self, one_run: FakeServer) -> None:
        BatchRunResults("b").get_runs()
        BatchRunResults("b").get_runs()
        assert self.asked(one_run) == 2

    def test_the_caller_gets_a_copy(self, one_run: FakeServer) -> None:
        results = BatchRunResults("b")
        results.get_runs()[0]["name"] = "changed"
        results.get_runs().clear()
        assert results.get_runs()[0]["name"] == "b"


def test_a_task_of_a_run_has_exactly_these_keys(one_run: FakeServer) -> None:
    waiting = {**TASK_RUN, "id": 10, "name": "u", "started_at": None, "worker_id": None}
    one_run.page("/runs/7/tasks", TASK_RUN, waiting)
    one_run.on("GET", "/task-runs/9/logs", b"out\xff")
    first, second = BatchRunResults("b").get_run(7)
    assert set(first) == {
        "id", "name", "description", "start", "end", "stdout", "stderr", "configuration_json",
        "image", "status", "vm_id",
    }  # fmt: skip
    assert first["stdout"] == "out\ufffd"
    assert (first["configuration_json"], first["vm_id"]) == ({"n": 1}, "local")
    assert (second["stdout"], second["stderr"], second["start"], second["vm_id"]) == (
        "", "", None, None,
    )  # fmt: skip
    tails = {request.query.get("tail") for request in one_run.sent("GET", "/task-runs/9/logs")}
    assert tails == {str(64 * 1024)}


@pytest.mark.parametrize("method", ["get_run", "get_run_graph"])
def test_runs_of_other_batches_are_not_found(one_run: FakeServer, method: str) -> None:
    for run_id in (7, 8, 0, -1):
        with pytest.raises(NotFound):
            getattr(BatchRunResults("other"), method)(run_id)
    with pytest.raises(ValidationError):
        getattr(BatchRunResults("b"), method)("7")


def test_the_graph(one_run: FakeServer) -> None:
    nodes = [
        {"id": 1, "name": "a", "group": None, "status": "success", "started_at": None,
         "finished_at": None},
        {"id": 2, "name": "p0", "group": "p", "status": "waiting", "started_at": None,
         "finished_at": None},
        {"id": 3, "name": "p1", "group": "p", "status": "waiting", "started_at": None,
         "finished_at": None},
    ]  # fmt: skip
    one_run.on("GET", "/runs/7/graph", {"nodes": nodes, "edges": [{"from": "a", "to": "p"}]})
    graph = BatchRunResults("b").get_run_graph(7)
    assert set(graph) == {"statuses", "dependencies"}
    assert set(graph["statuses"][0]) == {"id", "name", "status", "start_time", "finish_time"}
    assert graph["dependencies"] == [{"from": "a", "to": "p0"}, {"from": "a", "to": "p1"}]


@pytest.fixture
def value(server: FakeServer) -> FakeServer:
    headers = {"X-Fasti-Task-Name": "t%20%E2%82%AC"}
    server.on("GET", "/task-runs/9/result", pickle.dumps({"a": 1}), headers=headers)
    server.on("GET", "/task-runs/9", TASK_RUN)
    return server


def test_results_by_tuple_and_alone(value: FakeServer) -> None:
    assert get_job_result(9) == ("t \u20ac", {"a": 1})
    assert BatchRunResults("b").get_task_result(9) == {"a": 1}
    with pytest.raises(NotFound):
        BatchRunResults("other").get_task_result(9)


def test_a_damaged_download_is_noticed(server: FakeServer) -> None:
    server.on("GET", "/task-runs/9/result", pickle.dumps(1), headers={"ETag": f'"{"0" * 64}"'})
    with pytest.raises(RuntimeError, match="damaged"):
        get_job_result(9)


def test_no_result(server: FakeServer) -> None:
    problem = {"detail": "the task `t` failed", "code": "result_unavailable"}
    server.on("GET", "/task-runs/9/result", problem, 409)
    with pytest.raises(ResultNotAvailable, match="failed") as caught:
        get_job_result(9)
    assert isinstance(caught.value, ValueError)


def test_logs(server: FakeServer) -> None:
    server.on("GET", "/task-runs/9/logs", "\u20ac\0\n".encode() + b"\xff")
    assert get_job_logs(9) == {"stdout": "\u20ac\0\n\ufffd", "stderr": "\u20ac\0\n\ufffd"}


def test_metrics(server: FakeServer) -> None:
    answer = {
        "cpu_metrics_percentage": [1, 250], "memory_metrics_absolute": [1, 2],
        "timestamps": ["2024-03-31T01:00:00.000Z", "2024-03-31T01:00:01.250Z"],
        "total_allocated_cpu": 400, "total_allocated_memory": 401,
    }  # fmt: skip
    server.on("GET", "/task-runs/9/metrics", answer)
    metrics = get_job_metrics(9)
    assert metrics["cpu_metrics_percentage"] == [1.0, 250.0]
    assert {type(value) for value in metrics["memory_metrics_absolute"]} == {float}
    assert metrics["timestamps"] == ["2024-03-31 01:00:00.000", "2024-03-31 01:00:01.250"]
    assert (metrics["total_allocated_cpu"], metrics["total_allocated_memory"]) == (400, 401)


def test_batches(server: FakeServer) -> None:
    base = {
        "id": "u", "tag": "dev", "tasks": [
            {"name": "a"},
            {"name": "p", "kind": "parallel",
             "configuration_json": [{"Name": "p0"}, {"Name": "p1"}]},
        ],
        "edges": [{"from": "a", "to": "p"}], "version": 2, "paused": False,
        "created_at": "2024-03-31T01:00:00.000Z", "updated_at": "2024-03-31T01:00:00.000Z",
        "schedule": {"run_after_job_name": "x"},
        "last_run": {"id": 3, "status": "success", "scheduled_time": "2024-03-31T01:00:00.000Z",
                     "finished_at": None, "more": 1},
    }  # fmt: skip
    server.page("/batches", {**base, "name": "z"}, {**base, "name": "b", "tag": "prod"},
                {**base, "name": "b"})  # fmt: skip
    found = get_batches()
    assert [(one["name"], one["tag"]) for one in found] == [
        ("b", "dev"), ("b", "prod"), ("z", "dev"),
    ]  # fmt: skip
    first = found[0]
    assert set(first) == {
        "id", "name", "tag", "schedule", "schedule_description", "next_run", "run_after", "tasks",
        "dependencies", "labels", "image", "run_as", "owner", "group", "permissions", "priority",
        "paused", "version", "last_run", "created_at", "updated_at",
    }  # fmt: skip
    assert first["tasks"] == ["a", "p0", "p1"]
    assert first["dependencies"] == [{"from": "a", "to": "p0"}, {"from": "a", "to": "p1"}]
    assert first["run_after"] == {"job_name": "x", "job_uuid": None, "condition": "on success"}
    assert set(first["last_run"]) == {"id", "status", "scheduled_time", "finished_at"}


def test_repr_is_one_line() -> None:
    assert repr(BatchRunResults("b")) == "BatchRunResults('b')"
    assert "\n" not in repr(BatchRunResults("b", "j"))
