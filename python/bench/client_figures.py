"""Figures of the published clients of other products against a real server.

    FASTI_BIN=target/release/fasti python bench/client_figures.py rescale
    FASTI_BIN=target/release/fasti python bench/client_figures.py datature [ITEMS]

``rescale`` needs ``rescalehtc``: budget, 10,000 jobs in one request answered in 1 s, with a
summary that adds up whenever it is asked for.  ``datature`` needs ``datature``: a job over
100,000 items (or as many as said) that is listed, counted and whose log is read to its end,
with the private memory of the server watched all the while; budget, 300 MB for the server and
no more of it for the log than for one page.  Prints one line a figure and ends with an error
if one is missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, List

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from live.live_memory import Peaks, private  # noqa: E402

JOBS = 10_000
ITEMS = 100_000
SERVER_BYTES = 300e6

missed: List[str] = []


def tell(what: str, found: float, budget: float, unit: str) -> None:
    verdict = "ok" if found <= budget else "MISSED"
    print(f"{what:<52} {found:>9.3f} {unit} (budget {budget:g}) {verdict}", flush=True)
    if found > budget:
        missed.append(what)


def timed(does: Callable[[], Any]) -> float:
    began = time.perf_counter()
    does()
    return time.perf_counter() - began


def rescale() -> None:
    from rescalehtc import api
    from rescalehtc.htcjobs import create_job_batch
    from rescalehtc.htcprojects import get_project_with_id
    from rescalehtc.htcsession import HtcSession
    from rescalehtc.htctasks import create_task_with_name
    from rescalehtc.internals import constants

    from live.live_support import Server

    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        constants._RESCALE_API_BASE_URL = f"{server.url}/api/v1"
        session = HtcSession(api_key="figures")
        payload = {"projectName": "figures", "projectDescription": "made by a benchmark"}
        made = api.post_htc_projects(session, payload)
        project = get_project_with_id(session, made["projectId"])
        task = create_task_with_name(session, project, "wide", "made by a benchmark")
        given = {"priority": "ON_DEMAND_ECONOMY", "image_name": "t", "exec_timeout_seconds": 60}
        took = timed(lambda: create_job_batch(session, task, JOBS, commands=["true"], **given))
        tell(f"create_job_batch of {JOBS:,} jobs", took, 1, "s")
        ids = (task.json["projectId"], task.json["taskId"])
        began, asked, wrong, slowest = time.perf_counter(), 0, 0, 0.0
        while True:
            before = time.perf_counter()
            counts = api.get_htc_projects_tasks_summary_statistics(session, *ids)["jobStatuses"]
            slowest = max(slowest, time.perf_counter() - before)
            asked, wrong = asked + 1, wrong + (sum(counts.values()) != JOBS)
            if counts["SUCCEEDED"] + counts["FAILED"] == JOBS:
                break
        print(f"all over after {time.perf_counter() - began:.1f} s")
        tell(f"summaries that do not add up, of {asked:,}", wrong, 0, "")
        tell("the slowest summary", slowest * 1_000, 100, "ms")
        server.stop()


def datature(items: int) -> None:
    from datature.nexus import Client

    from live_datature.datature_support import Server, write_items

    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        project = Client("figures", endpoint=server.url).get_project("default")
        # Nothing is at these addresses: what is measured is what Fasti does for an item.
        lines = [{"kind": "Image", "url": f":x/{number}"} for number in range(items)]
        file = write_items(Path(folder) / "items.ndjson", lines)
        began = time.perf_counter()
        dataset = project.batch.datasets.create("figures", str(file))
        project.batch.datasets.wait_until_done(dataset.id, interval=1)
        print(f"dataset of {items:,} items: {time.perf_counter() - began:.1f} s")
        webhook = project.batch.webhooks.create("figures", {"endpoint": f"{server.url}/nothing"})
        job = project.batch.jobs.create(
            "figures",
            {
                "dataset_id": dataset.id,
                "webhook_id": webhook.id,
                "artifact_id": "artifact_echo",
                "deployment_metadata": {"instance_id": "instance_x1cpu-standard"},
            },
        )
        began, slowest, last = time.perf_counter(), 0.0, 0
        with Peaks(server.process.pid) as peaks:
            while last < items:
                took = timed(lambda: project.batch.jobs.list())
                slowest = max(slowest, took)
                last = project.batch.jobs.get(job.id).status.items.failed_deliver
                time.sleep(0.2)
            elapsed = time.perf_counter() - began
            tell("the slowest list of jobs meanwhile", slowest * 1_000, 1_000, "ms")
            print(f"all items over after {elapsed:.1f} s: {items / elapsed:.0f}/s")
        tell("server, private memory at most", peaks.bytes[server.process.pid] / 1e6, 300, "MB")
        before = private(server.process.pid)
        with Peaks(server.process.pid) as reading:
            began = time.perf_counter()
            seen = sum(1 for _ in project.batch.jobs.get_all_log_entries(job.id))
            print(f"{seen:,} log entries read in {time.perf_counter() - began:.1f} s")
        tell("log entries missing", abs(items - seen), 0, "")
        more = max(0, reading.bytes[server.process.pid] - before)
        tell("more private memory while the log is read", more / 1e6, 32, "MB")
        server.stop()


def main() -> None:
    if sys.argv[1:] == ["rescale"]:
        rescale()
    elif sys.argv[1:2] == ["datature"] and len(sys.argv) <= 3:
        datature(int(sys.argv[2]) if len(sys.argv) == 3 else ITEMS)
    else:
        raise SystemExit(__doc__)
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
