"""``get_batches``: the saved batches that the user may read."""

from __future__ import annotations

from fasti import _client, _times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

#: Keys of every dict of :func:`get_batches`.
KEYS = (
    "id",
    "name",
    "tag",
    "schedule",
    "schedule_description",
    "next_run",
    "run_after",
    "tasks",
    "dependencies",
    "labels",
    "image",
    "run_as",
    "owner",
    "group",
    "permissions",
    "priority",
    "paused",
    "version",
    "last_run",
    "created_at",
    "updated_at",
)


def get_batches() -> List[Dict[str, Any]]:
    """Return one dict a saved batch, by name, then tag."""
    batches = [_batch(item) for item in _client.default().items("/batches")]
    return sorted(batches, key=lambda batch: (batch["name"], batch["tag"]))


def _batch(item: Dict[str, Any]) -> Dict[str, Any]:
    schedule = item.get("schedule") or {}
    parts = {task["name"]: _parts(task) for task in item["tasks"]}
    return {
        "id": item["id"],
        "name": item["name"],
        "tag": item["tag"],
        "schedule": schedule,
        "schedule_description": item.get("schedule_description") or "",
        "next_run": _times.shown(item.get("next_run")),
        "run_after": _run_after(schedule),
        "tasks": [name for names in parts.values() for name in names],
        "dependencies": [
            {"from": source, "to": target}
            for edge in item.get("edges") or []
            for source in parts[edge["from"]]
            for target in parts[edge["to"]]
        ],
        "labels": item.get("labels") or [],
        "image": item.get("image"),
        "run_as": item.get("run_as"),
        "owner": item.get("owner"),
        "group": item.get("group"),
        "permissions": item.get("permissions"),
        "priority": item.get("priority"),
        "paused": bool(item.get("paused")),
        "version": item.get("version"),
        "last_run": _last_run(item.get("last_run")),
        "created_at": _times.shown(item.get("created_at")),
        "updated_at": _times.shown(item.get("updated_at")),
    }


def _parts(task: Dict[str, Any]) -> List[str]:
    """Return the names of a task's parts; of a plain task its own."""
    if task.get("kind") != "parallel":
        return [task["name"]]
    if task.get("count") is not None:
        # So many equal parts, without configurations to name them.
        return [f"{task['name']}[{number}]" for number in range(task["count"])]
    return [part["Name"] for part in task["configuration_json"]]


def _run_after(schedule: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    name, uuid = schedule.get("run_after_job_name"), schedule.get("run_after_job_uuid")
    if name is None and uuid is None:
        return None
    condition = schedule.get("run_after_job_condition") or "on success"
    return {"job_name": name, "job_uuid": uuid, "condition": condition}


def _last_run(run: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if run is None:
        return None
    return {
        "id": run["id"],
        "status": run["status"],
        "scheduled_time": _times.shown(run.get("scheduled_time")),
        "finished_at": _times.shown(run.get("finished_at")),
    }
