"""What large graphs and long histories cost the package: work that grows with them, and no faster.

Calls are counted, not seconds: the same on every machine.  Seconds, with a server, are measured by
``bench/api_figures.py``.
"""

import sys
from types import FrameType
from typing import Any, Callable

import pytest

from fake_server import FakeServer
from fasti import _client
from fasti.scheduler import DAG, BatchRunResults, Task

FEW, MANY = 1_000, 10_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("FASTI_USER", "tester")
    made = FakeServer()
    monkeypatch.setenv("FASTI_URL", made.url)
    return made


def calls(does: Callable[[], Any]) -> int:
    """Count the calls of this thread, of Python functions and of those in C."""
    found = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        does()
    finally:
        sys.setprofile(None)
    return found


def submit(tasks: int) -> None:
    with DAG(Name="large", Image="image") as dag:
        before = None
        for number in range(tasks):
            task = Task(
                Name=f"task {number}",
                Entrypoint="package.module.function",
                ConfigurationJson={"number": number},
            )
            if before is not None:
                before >> task
            before = task
        assert dag.run() == 7


def test_a_submit_costs_what_its_tasks_cost(server: FakeServer) -> None:
    server.on("POST", "/runs", {"id": 7, "batch_id": "b"}, status=201)
    with server:
        # What is done once, such as imports, is done before.
        submit(1)
        few, many = calls(lambda: submit(FEW)), calls(lambda: submit(MANY))
        _client.close_default()
    sent = server.sent("POST", "/runs")[-1].json["definition"]
    assert len(sent["tasks"]) == MANY
    assert len(sent["edges"]) == MANY - 1
    assert many / MANY < 1.1 * few / FEW, (few, many)
    assert many / MANY < 300, many


def answer_runs(server: FakeServer, runs: int) -> None:
    at = "2024-05-01T10:00:00.000Z"
    run = {
        "batch_name": "often", "tag": "dev", "scheduled_time": at, "started_at": at,
        "finished_at": at, "rundate": "2024-05-01", "status": "success", "run_as": "tester",
        "owner": "tester", "group": "tester", "permissions": "rwrwr-", "run_type": "manual",
    }  # fmt: skip
    for first in range(0, runs, 1000):
        items = [{**run, "id": number + 1} for number in range(first, first + 1000)]
        cursor = None if first + 1000 == runs else str(first + 1000)
        server.on("GET", "/runs", {"items": items, "next_cursor": cursor, "total": runs})


def listed(runs: int) -> None:
    found = BatchRunResults("often").get_runs()
    assert [run["id"] for run in found] == list(range(1, runs + 1))


def test_a_list_costs_what_its_runs_cost(server: FakeServer) -> None:
    for runs in (FEW, FEW, MANY):
        answer_runs(server, runs)
    with server:
        listed(FEW)
        few, many = calls(lambda: listed(FEW)), calls(lambda: listed(MANY))
        _client.close_default()
    assert many / MANY < 1.1 * few / FEW, (few, many)
    assert many / MANY < 250, many
