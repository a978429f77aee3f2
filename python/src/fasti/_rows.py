"""From items of the REST API to the dicts that results show."""

from __future__ import annotations

from fasti import _client, _jobs, _times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: How much of the end of each output a listed task has, in bytes.
TAIL_BYTES = 64 * 1024


def run_row(run: Dict[str, Any]) -> Dict[str, Any]:
    """Return a run with exactly the documented keys."""
    return {
        "name": run["batch_name"],
        "tag": run["tag"],
        "scheduled_time": _times.shown(run["scheduled_time"]),
        "started_at": _times.shown(run.get("started_at")),
        "finished_at": _times.shown(run.get("finished_at")),
        "rundate": run.get("rundate"),
        "status": run["status"],
        "run_as": run.get("run_as"),
        "owner": run.get("owner"),
        "group": run.get("group"),
        "permissions": run.get("permissions"),
        "id": run["id"],
        "schedule_run_type": run.get("run_type"),
    }


def job_run_row(run: Dict[str, Any], task_run: Dict[str, Any]) -> Dict[str, Any]:
    """Return a task run beside the data of its run."""
    return {
        **run_row(run),
        "name": task_run["name"],
        "started_at": _times.shown(task_run.get("started_at")),
        "finished_at": _times.shown(task_run.get("finished_at")),
        "status": task_run["status"],
        "id": task_run["id"],
        "batch_run_id": task_run["run_id"],
        "description": task_run.get("description") or "",
        "configuration_json": task_run.get("configuration_json") or {},
        "image": task_run.get("image"),
        "vm_id": task_run.get("worker_id"),
    }


def task_run_row(item: Dict[str, Any], client: _client.Client) -> Dict[str, Any]:
    """Return a task of a run with the end of its output."""
    return {
        "id": item["id"],
        "name": item["name"],
        "description": item.get("description") or "",
        "start": _times.shown(item.get("started_at")),
        "end": _times.shown(item.get("finished_at")),
        "stdout": _tail(item, "stdout", client),
        "stderr": _tail(item, "stderr", client),
        "configuration_json": item.get("configuration_json") or {},
        "image": item.get("image"),
        "status": item["status"],
        "vm_id": item.get("worker_id"),
    }


def _tail(item: Dict[str, Any], stream: str, client: _client.Client) -> str:
    """Return the end of one output, asking only where there can be any."""
    if item.get("started_at") is None:
        return ""
    attempts: List[Dict[str, Any]] = item.get("attempts") or []
    ended = bool(attempts) and attempts[-1].get("finished_at") is not None
    # How much there is is known from the attempt's end; mostly it is nothing.
    if ended and attempts[-1].get(f"{stream}_bytes") == 0:
        return ""
    return _jobs.log(client, item["id"], stream, TAIL_BYTES)
