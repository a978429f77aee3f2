"""Results, logs and metrics of a single task run, by its id."""

from __future__ import annotations

from fasti import _client, _ids, _times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

_STREAMS = ("stdout", "stderr")


def get_job_result(run_id: int) -> Tuple[str, Any]:
    """Return the name of a task run and the value that its function returned.

    Raises :class:`ResultNotAvailable` (a ``ValueError``) if it failed, was skipped or
    cancelled, or has not finished; :class:`NotFound` for an unknown id.
    """
    from urllib.parse import unquote

    from fasti._download import Download

    number = _ids.positive("run_id", run_id)
    with Download() as download:
        answer = _client.default().send(
            "GET", f"/task-runs/{number}/result", {"Accept": "*/*"}, into=download
        )
        name = unquote(answer.headers.get("X-Fasti-Task-Name", ""))
        return name, download.value()


def get_job_logs(run_id: int) -> Dict[str, str]:
    """Return all of ``stdout`` and ``stderr`` of the last attempt of a task run."""
    number = _ids.positive("run_id", run_id)
    client = _client.default()
    return {stream: log(client, number, stream, None) for stream in _STREAMS}


def get_job_metrics(run_id: int) -> Dict[str, Any]:
    """Return CPU and memory of a task run over time.

    ``cpu_metrics_percentage`` (of the allocated CPU, may exceed 100),
    ``memory_metrics_absolute`` (MB) and ``timestamps`` are lists of the same length;
    ``total_allocated_cpu`` is in MHz, ``total_allocated_memory`` in MB.
    """
    number = _ids.positive("run_id", run_id)
    metrics = _client.default().get(f"/task-runs/{number}/metrics")
    return {
        "cpu_metrics_percentage": [float(value) for value in metrics["cpu_metrics_percentage"]],
        "memory_metrics_absolute": [float(value) for value in metrics["memory_metrics_absolute"]],
        "timestamps": [_times.shown_to_millis(at) for at in metrics["timestamps"]],
        "total_allocated_cpu": metrics["total_allocated_cpu"],
        "total_allocated_memory": metrics["total_allocated_memory"],
    }


def log(client: _client.Client, number: int, stream: str, tail_bytes: Optional[int]) -> str:
    """Return one output of a task run, or its end; broken bytes are replaced."""
    tail = "" if tail_bytes is None else f"&tail={tail_bytes}"
    path = f"/task-runs/{number}/logs?stream={stream}{tail}"
    return client.send("GET", path, {"Accept": "text/plain, */*"}).body.decode("utf-8", "replace")
