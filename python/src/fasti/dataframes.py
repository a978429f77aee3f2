"""Runs, tasks, metrics and batches as pandas data frames, with types that fit.

Needs pandas (``pip install fasti[pandas]``), which is imported when a function is called.
Times become ``datetime64[ns, UTC]``, statuses categories in the order of a life; every
frame has its columns also when it has no rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from fasti import _batches, _jobs

if TYPE_CHECKING:
    from fasti._results import BatchRunResults

#: Columns of the frame of :func:`runs`, of the batch's runs.
RUN_COLUMNS = (
    "id", "name", "tag", "scheduled_time", "started_at", "finished_at", "duration", "rundate",
    "status", "run_as", "owner", "group", "permissions", "schedule_run_type",
)  # fmt: skip

#: More columns of :func:`runs`, where the results are those of one job.
JOB_COLUMNS = ("batch_run_id", "description", "configuration_json", "image", "vm_id")

#: Columns of the frame of :func:`tasks`.
TASK_COLUMNS = (
    "id", "name", "status", "start", "end", "duration", "description", "stdout", "stderr",
    "configuration_json", "image", "vm_id",
)  # fmt: skip

_STATUSES = ("waiting", "queued", "running", "success", "failure", "skipped", "cancelled")


def runs(results: "BatchRunResults", **filters: Any) -> Any:
    """Return the runs of a batch, or of its job, one a row; the index is their id.

    ``filters`` are those of :meth:`BatchRunResults.get_runs`.  ``duration`` is a timedelta.
    """
    columns = RUN_COLUMNS if results.job_name is None else (*RUN_COLUMNS, *JOB_COLUMNS)
    frame = _frame(results.get_runs(**filters), columns)
    return _typed(frame, "scheduled_time", "started_at", "finished_at").set_index("id")


def tasks(results: "BatchRunResults", run_id: int) -> Any:
    """Return the tasks of a run, one a row in definition order; the index is their id."""
    frame = _frame(results.get_run(run_id), TASK_COLUMNS)
    return _typed(frame, "start", "end").set_index("id")


def metrics(run_id: int) -> Any:
    """Return CPU (percent of what is allocated) and memory (MB) of a task run over time."""
    pandas = _pandas()
    found = _jobs.get_job_metrics(run_id)
    index = pandas.to_datetime(found["timestamps"], utc=True)
    columns = {
        "cpu_percentage": found["cpu_metrics_percentage"],
        "memory_mb": found["memory_metrics_absolute"],
    }
    frame = pandas.DataFrame(columns, index=index, dtype="float64")
    frame.index.name = "time"
    return frame


def batches() -> Any:
    """Return the saved batches, one a row; the index is their name and tag."""
    pandas = _pandas()
    frame = pandas.DataFrame(_batches.get_batches(), columns=list(_batches.KEYS))
    for column in ("next_run", "created_at", "updated_at"):
        frame[column] = pandas.to_datetime(frame[column], utc=True)
    return frame.set_index(["name", "tag"])


def _frame(rows: List[Dict[str, Any]], columns: Sequence[str]) -> Any:
    pandas = _pandas()
    return pandas.DataFrame(rows, columns=list(columns))


def _typed(frame: Any, *times: str) -> Any:
    pandas = _pandas()
    for column in times:
        frame[column] = pandas.to_datetime(frame[column], utc=True)
    frame["duration"] = frame[times[-1]] - frame[times[-2]]
    frame["status"] = pandas.Categorical(frame["status"], categories=_STATUSES, ordered=True)
    return frame


def _pandas() -> Any:
    import importlib

    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError("fasti.dataframes needs pandas: pip install 'fasti[pandas]'") from error
