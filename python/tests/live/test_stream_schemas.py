"""The description of the public stream holds: for golden events, and for those of real runs."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import fastjsonschema
import pytest

from live.live_support import Server

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "events").glob("*.json"))

Check = Callable[[Any], Any]


@pytest.fixture(scope="module")
def checks(live: Server) -> Dict[str, Check]:
    """Return what checks the payload of each kind of event, as the server describes it."""
    document = live.call("GET", "/asyncapi.json")
    components = document["components"]
    found = {}
    for message in components["messages"].values():
        schema = {**message["payload"], "components": components}
        found[message["name"]] = fastjsonschema.compile(schema, use_formats=False)
    return found


def test_there_are_golden_events() -> None:
    assert len(GOLDEN) > 60


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_events_are_as_described(checks: Dict[str, Check], path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    checks[f"dev.fasti.{golden['name']}.v{golden['version']}"](golden["json"])


def test_events_of_runs_are_as_described(live: Server, checks: Dict[str, Check]) -> None:
    image = live.image(
        "code", {"mod.py": "def one():\n    return 1\ndef no():\n    raise KeyError\n"}
    )
    tasks = [
        {"name": "one", "entrypoint": "mod.one", "image": image},
        {"name": "no", "entrypoint": "mod.no", "image": image, "retries": 1},
        {"name": "parts", "kind": "parallel", "command": ["true"], "count": 3},
        {"name": "never", "command": ["true"]},
    ]
    edges = [{"from": "one", "to": "parts"}, {"from": "no", "to": "never"}]
    schedule = {"cron": "0 3 * * 1-5", "timezone": "Europe/Paris"}
    definition = {"name": "described", "tasks": tasks, "edges": edges, "schedule": schedule}
    batch = live.call("POST", "/batches", definition)["id"]
    run = live.call("POST", f"/batches/{batch}/runs", {})["id"]
    assert live.finished(run)["status"] == "failure"
    live.call("POST", f"/batches/{batch}/pause", {"reason": "enough"})
    events: List[Dict[str, Any]] = live.call("GET", "/events?limit=1000")["items"]
    for event in events:
        checks[f"dev.fasti.{event['type']}.v{event['version']}"](event["data"])
    kinds = {event["type"] for event in events}
    assert kinds >= {
        "log.created",
        "definition.added",
        "batch.saved",
        "schedule.planned",
        "run.created",
        "attempt.leased",
        "attempt.finished",
        "task.attempt_failed",
        "task.skipped",
        "run.finished",
        "batch.paused",
    }


def test_what_is_not_as_described_is_found(checks: Dict[str, Check]) -> None:
    with pytest.raises(fastjsonschema.JsonSchemaException):
        checks["dev.fasti.run.finished.v1"]({"run": "eight"})
