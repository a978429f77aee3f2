"""``fasti.dataframes``: what results look like as frames; needs pandas."""

from typing import Any, Dict

import pandas as pd
import pytest

from fake_server import FakeServer
from fasti import dataframes
from fasti.scheduler import BatchRunResults

# Versions of pandas and numpy that do not know each other yet have things to say.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RUN: Dict[str, Any] = {
    "id": 7, "batch_name": "b", "tag": "dev", "scheduled_time": "2024-03-31T01:00:00.000Z",
    "started_at": "2024-03-31T01:00:01.000Z", "finished_at": "2024-03-31T01:01:01.000Z",
    "rundate": "2024-03-31", "status": "success", "run_as": "u", "owner": "u", "group": "g",
    "permissions": "rwrwr-", "run_type": "manual",
}  # fmt: skip


def test_runs(server: FakeServer) -> None:
    running = {**RUN, "id": 8, "status": "running", "finished_at": None}
    server.page("/runs", RUN, running, total=2)
    frame = dataframes.runs(BatchRunResults("b"))
    assert list(frame.index) == [7, 8]
    assert tuple(frame.columns) == tuple(c for c in dataframes.RUN_COLUMNS if c != "id")
    assert frame.loc[7, "duration"] == pd.Timedelta(minutes=1)
    assert pd.isna(frame.loc[8, "finished_at"])
    assert frame["started_at"].dt.tz is not None
    assert frame["status"].max() == "success"


def test_no_runs_still_have_columns(server: FakeServer) -> None:
    server.page("/runs", total=0)
    frame = dataframes.runs(BatchRunResults("b"))
    assert len(frame) == 0
    assert "duration" in frame.columns


def test_metrics(server: FakeServer) -> None:
    found = {
        "cpu_metrics_percentage": [1, 250.5],
        "memory_metrics_absolute": [10, 20],
        "timestamps": ["2024-03-31T01:00:00.000Z", "2024-03-31T01:00:01.500Z"],
        "total_allocated_cpu": 400,
        "total_allocated_memory": 400,
    }
    server.on("GET", "/task-runs/9/metrics", found)
    frame = dataframes.metrics(9)
    assert list(frame["cpu_percentage"]) == [1.0, 250.5]
    assert (frame.index[1] - frame.index[0]) == pd.Timedelta(seconds=1.5)


def test_tasks(server: FakeServer) -> None:
    server.on("GET", "/runs/7", RUN)
    server.page("/runs/7/tasks", {"id": 9, "name": "t", "status": "waiting"})
    frame = dataframes.tasks(BatchRunResults("b"), 7)
    assert frame.loc[9, "name"] == "t"
    assert pd.isna(frame.loc[9, "duration"])


def test_batches(server: FakeServer) -> None:
    server.page("/batches")
    assert len(dataframes.batches()) == 0
