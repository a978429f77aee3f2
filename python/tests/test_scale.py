"""What large graphs and long histories cost the package itself, in processor time of its thread.

The whole way, with a server, is measured by ``bench/api_figures.py``.
"""

import time

import pytest

from fake_server import FakeServer
from fasti import _client
from fasti.scheduler import DAG, BatchRunResults, Task

TASKS = RUNS = 10_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("FASTI_USER", "tester")
    made = FakeServer()
    monkeypatch.setenv("FASTI_URL", made.url)
    return made


def test_ten_thousand_tasks_are_submitted_in_two_seconds(server: FakeServer) -> None:
    server.on("POST", "/runs", {"id": 7, "batch_id": "b"}, status=201)
    with server:
        began = time.thread_time()
        with DAG(Name="large", Image="image") as dag:
            before = None
            for number in range(TASKS):
                task = Task(
                    Name=f"task {number}",
                    Entrypoint="package.module.function",
                    ConfigurationJson={"number": number},
                )
                if before is not None:
                    before >> task
                before = task
            assert dag.run() == 7
        took = time.thread_time() - began
        _client.close_default()
    sent = server.sent("POST", "/runs")[0].json["definition"]
    assert len(sent["tasks"]) == TASKS
    assert len(sent["edges"]) == TASKS - 1
    assert took < 2.0, took


def test_ten_thousand_runs_are_listed_in_one_second(server: FakeServer) -> None:
    at = "2024-05-01T10:00:00.000Z"
    run = {
        "batch_name": "often", "tag": "dev", "scheduled_time": at, "started_at": at,
        "finished_at": at, "rundate": "2024-05-01", "status": "success", "run_as": "tester",
        "owner": "tester", "group": "tester", "permissions": "rwrwr-", "run_type": "manual",
    }  # fmt: skip
    for first in range(0, RUNS, 1000):
        items = [{**run, "id": number + 1} for number in range(first, first + 1000)]
        cursor = None if first + 1000 == RUNS else str(first + 1000)
        server.on("GET", "/runs", {"items": items, "next_cursor": cursor, "total": RUNS})
    with server:
        began = time.thread_time()
        runs = BatchRunResults("often").get_runs()
        took = time.thread_time() - began
        _client.close_default()
    assert [found["id"] for found in runs] == list(range(1, RUNS + 1))
    assert took < 1.0, took
