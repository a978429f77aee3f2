"""The queries of docs/questions.md answer what they say, on the file of a real server."""

import getpass
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import duckdb
import pytest

from live.live_support import Server

PAGE = Path(__file__).resolve().parents[3] / "docs" / "questions.md"
QUERY = re.compile(r"^## (.*?)\n.*?^```sql\n(.*?)^```$", re.M | re.S)


class Asked:
    """A log with a few runs, exported, and what its server said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = Server(folder)
        tasks = [{"name": "good", "command": ["true"]}, {"name": "many", "kind": "parallel",
                 "count": 3, "command": ["true"]}]  # fmt: skip
        fails = {"name": "bad", "command": ["sh", "-c", "exit 3"], "retries": 1}
        batches = {
            "works": server.call("POST", "/batches", {"name": "works", "tasks": tasks})["id"],
            "fails": server.call("POST", "/batches", {"name": "fails", "tasks": [fails]})["id"],
        }
        self.runs: List[Dict[str, Any]] = []
        for name in ("works", "fails", "works"):
            run = server.call("POST", f"/batches/{batches[name]}/runs", {})["id"]
            self.runs.append(server.finished(run))
        server.call("POST", f"/batches/{batches['works']}/pause", {"reason": "holiday"})
        self.task_runs = [
            task
            for run in self.runs
            for task in server.call("GET", f"/runs/{run['id']}/tasks")["items"]
        ]
        self.events = server.call("GET", "/events?limit=1000")["items"]
        server.stop()
        arguments = ["log", "export", "--data", str(folder / "data"), "--format", "parquet"]
        arguments += ["--output", str(folder / "log.parquet")]
        subprocess.run([os.environ["FASTI_BIN"], *arguments], check=True, capture_output=True)
        self.queries = dict(QUERY.findall(PAGE.read_text("utf-8")))

    def answer(self, question: str) -> List[Dict[str, Any]]:
        """Every row of the answer, by the names of its columns."""
        text = self.queries[question].replace("'log.parquet'", f"'{self.folder}/log.parquet'")
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'")
            found = database.execute(text)
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("questions"))


def test_there_are_five(asked: Asked) -> None:
    assert len(asked.queries) == 5


def test_how_runs_ended(asked: Asked) -> None:
    rows = asked.answer("How did each run end, and how long did it take?")
    told = [(run["id"], run["batch_name"], run["status"]) for run in asked.runs]
    assert [(row["run"], row["batch"], row["status"]) for row in rows] == told
    assert all(row["took"].total_seconds() > 0 for row in rows)


def test_what_fails(asked: Asked) -> None:
    rows = asked.answer("What fails most, and why?")
    assert rows == [{"batch": "fails", "reason": "exit code 3", "attempts": 2, "runs": 1}]


def test_how_long_attempts_take(asked: Asked) -> None:
    rows = asked.answer("How long do attempts wait for their process, and how long do they run?")
    assert [(row["batch"], row["attempts"]) for row in rows] == [("fails", 2), ("works", 8)]
    for row in rows:
        assert 0 <= row["running_ms"] <= row["running_p99_ms"]
        assert row["starting_ms"] >= 0


def test_when_it_is_busiest(asked: Asked) -> None:
    rows = asked.answer("When is it busiest?")
    spans = [
        (attempt["started_at"], attempt["finished_at"])
        for task in asked.task_runs
        for attempt in task["attempts"]
    ]
    at_once = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert len(spans) == 10
    assert max(row["most"] for row in rows) == max(at_once, 1)


def test_who_did_what(asked: Asked) -> None:
    rows = asked.answer("Who changed what by hand?")
    by_hand = [
        event["seq"]
        for event in asked.events
        if event["actor"].startswith("user:") and event["causation_seq"] is None
    ]
    assert [row["seq"] for row in rows] == by_hand
    assert {row["who"] for row in rows} == {getpass.getuser()}
    assert [row["about"] for row in rows if row["what"] == "run.created"] == [
        "works", "fails", "works",
    ]  # fmt: skip
    assert rows[-1]["what"] == "batch.paused"
    assert rows[-1]["about"] == "holiday"
