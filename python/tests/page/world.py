"""What the tests of the page look at: batches of several kinds, and runs that really ran."""

import time
from pathlib import Path
from typing import Any, Dict, List

from live.live_support import PATIENCE, Server
from live.scale_support import Scale, job
from live.scale_support import definition as flow_definition

#: A name and an output that would do something if anything took them for markup.
HOSTILE = '<img src=x onerror="document.title=1"> & </script>'
HOSTILE_OUTPUT = (
    "<script>document.title=\\047owned\\047</script>\\n"
    "\\033[31mred\\033[0m and \\033]0;title\\007 bell\\n"
    "turned \\342\\200\\256 around\\n"
)

TASKS = 10_000
LAYERS = 100


def command(name: str, script: str, **more: Any) -> Dict[str, Any]:
    return {"name": name, "command": ["sh", "-c", script], **more}


def edges(*pairs: str) -> List[Dict[str, str]]:
    return [dict(zip(("from", "to"), pair.split(">"))) for pair in pairs]


class World:
    """Saved batches with their runs on one server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.gate = folder / "gate"
        self.nightly = self._nightly()
        self.hostile = self._save(
            {"name": HOSTILE, "tasks": [command(HOSTILE, f"printf '{HOSTILE_OUTPUT}'")]}
        )
        self.broken = self._broken()
        self.waiting = self._waiting()
        self.often = self._often()
        self.set = self._set()
        self.flow_sets = self._flow_sets()
        self.good_runs = [self.run(self.nightly, f"2026-11-{day:02d}") for day in range(1, 6)]
        self.hostile_run = self.run(self.hostile)
        self.failed_run = self.run(self.broken)
        self.waiting_run = self.run(self.waiting, until_over=False)

    def _save(self, definition: Dict[str, Any]) -> str:
        return str(self.server.call("POST", "/batches", definition)["id"])

    def _nightly(self) -> str:
        return self._save(
            {
                "name": "nightly report",
                "labels": ["finance"],
                "schedule": {
                    "at_hours": [8],
                    "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri"],
                    "timezone": "Europe/Paris",
                },
                "tasks": [
                    command(
                        "fetch prices",
                        "for n in 1 2 3; do echo line $n; done",
                        description="From the exchange",
                    ),
                    command("fetch trades", "echo trades; echo careful >&2"),
                    command("load", "sleep 0.15"),
                    {
                        "name": "country",
                        "kind": "parallel",
                        "count": 6,
                        "command": ["sh", "-c", "echo part $FASTI_PART_NUM"],
                    },
                    command("merge", "sleep 0.1; echo merged"),
                    command("publish", "echo done"),
                ],
                "edges": edges(
                    "fetch prices>load",
                    "fetch trades>load",
                    "load>country",
                    "country>merge",
                    "merge>publish",
                    "fetch prices>publish",
                ),
            }
        )

    def _broken(self) -> str:
        return self._save(
            {
                "name": "month end",
                "tasks": [
                    command("close books", "echo closing; exit 3", retries=1),
                    command("mail", "echo mail"),
                    command("archive", "seq 1 2000"),
                ],
                "edges": edges("close books>mail"),
            }
        )

    def _waiting(self) -> str:
        wait = f"while [ ! -e {self.gate} ]; do sleep 0.05; done; echo opened"
        return self._save(
            {
                "name": "gated",
                "tasks": [command("wait", wait), command("after", "echo after")],
                "edges": edges("wait>after"),
            }
        )

    def _set(self) -> int:
        """A backfill of two days of a batch, paused."""
        backfill = {
            "batch_id": self.nightly,
            "from": "2026-10-05T00:00:00Z",
            "until": "2026-10-10T00:00:00Z",
            "title": "October again",
            "live_max": 1,
        }
        made = int(self.server.call("POST", "/run-sets/backfill", backfill)["id"])
        self.server.call("POST", f"/run-sets/{made}/pause", {})
        return made

    def _flow_sets(self) -> List[int]:
        """Two sets of flows, one over the other, with another graph."""
        scale = Scale(self.server)
        for name in ("cut", "stack", "report"):
            scale.job_type(name, "true")
        values = [("TILE", "integer")]
        nodes = {"cut": job("cut"), "stack": job("stack", ["cut"])}
        made = scale.recipe_type("Mosaic", nodes, (), values)
        tiles = scale.dataset([{"json": {"TILE": tile}} for tile in range(1, 5)], (), values)
        first = int(scale.batch(made["id"], {"dataset": tiles}, title="June tiles")["id"])
        scale.finished(first)
        nodes = {"cut": job("cut"), "report": job("report", ["cut"])}
        changed = {"definition": flow_definition(nodes, (), values)}
        scale.patch(f"/recipe-types/{made['name']}/", changed)
        over = {"flow_type": made["name"], "previous_root_id": first, "title": "June again"}
        second = int(self.server.call("POST", "/flow-sets", over)["id"])
        scale.finished(second)
        return [first, second]

    def _often(self) -> str:
        """A batch whose schedule has fired twice, and goes on twice a day."""
        definition = {
            "name": "heartbeat",
            "schedule": {"cron": "* * * * * *", "timezone": "Europe/Paris"},
            "tasks": [command("beat", "date")],
        }
        batch = self._save(definition)
        deadline = time.monotonic() + PATIENCE
        while self.server.call("GET", f"/batches/{batch}/slots")["totals"]["fired"] < 2:
            assert time.monotonic() < deadline, "the schedule never fires"
            time.sleep(0.05)
        definition["schedule"] = {"at_hours": [6, 18], "timezone": "Europe/Paris"}
        self._save(definition)
        return batch

    def run(self, batch: str, rundate: str = "", until_over: bool = True) -> int:
        body = {"rundate": rundate} if rundate else {}
        run = int(self.server.call("POST", f"/batches/{batch}/runs", body)["id"])
        if until_over:
            self.server.finished(run)
        return run

    def large_run(self) -> int:
        """A run of 10,000 tasks and 30,000 edges, of which the first waits for the gate."""
        width = TASKS // LAYERS
        wait = f"while [ ! -e {self.gate} ]; do sleep 0.2; done"
        tasks = [command("begin", wait)] + [command(f"task {n}", "true") for n in range(1, TASKS)]
        names = [task["name"] for task in tasks]
        pairs = []
        for to in range(width, TASKS):
            layer = to // width
            pairs += [
                f"{names[(layer - 1) * width + (to * 37 + k * 31) % width]}>{names[to]}"
                for k in range(3)
            ]
        pairs += [f"begin>{names[first]}" for first in range(1, width)]
        definition = {"name": "ten thousand", "tasks": tasks, "edges": edges(*pairs)}
        batch = self._save(definition)
        return self.run(batch, until_over=False)

    def end(self) -> None:
        """Let everything come to its end: a runner outlives its server while it has work."""
        self.gate.touch()
        live = "/runs?status=queued,running&limit=1000"
        for run in self.server.call("GET", live)["items"]:
            self.server.call("POST", f"/runs/{run['id']}/cancel", {})
            self.server.finished(run["id"])

    def middle_of(self, run: int) -> int:
        """Position in the log at which half of a run had happened."""
        events = self.server.call("GET", f"/events?run_id={run}")["items"]
        return int(events[len(events) // 2]["seq"])

    def until(self, run: int, status: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.server.call("GET", f"/runs/{run}")["status"] != status:
            assert time.monotonic() < deadline, f"run {run} is never {status}"
            time.sleep(0.02)
