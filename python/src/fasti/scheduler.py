"""The public interface: define batches, start them, read their results.

    from fasti.scheduler import DAG, batch

    @batch()
    def load():
        return [1, 2, 3]

    @batch()
    def total(load):
        return sum(load)

Importing this module, decorating functions, building a DAG and constructing
``BatchRunResults`` never talk to a server; ``save()``, ``run()``, leaving a block that
submits itself, and the results calls do.
"""

from __future__ import annotations

from fasti._batches import get_batches
from fasti._command import CommandTask
from fasti._dag import DAG
from fasti._decorator import batch
from fasti._errors import (
    ArgumentResolutionError,
    Conflict,
    ConnectionFailed,
    CyclicDependencyError,
    DuplicateNameError,
    EntrypointError,
    MissingDagError,
    NotFound,
    PermissionDenied,
    ResultNotAvailable,
    RunFailed,
    SchedulerError,
    ServerError,
    ValidationError,
)
from fasti._jobs import get_job_logs, get_job_metrics, get_job_result
from fasti._priority import Priority
from fasti._results import BatchRunResults
from fasti._retry import Retry
from fasti._run import Run
from fasti._schedule import Schedule
from fasti._task import ParallelTask, Task

# Known to type checkers by its name.  Modules that importing this one loads take names
# for annotations, which are never evaluated, only under it: `typing` alone would take a
# tenth of the time that the import may take.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fasti._plan import PlannedTask, RerunPlan

#: The other name that the decorator goes by.
dt_batch = batch

__all__ = [
    "DAG",
    "ArgumentResolutionError",
    "BatchRunResults",
    "CommandTask",
    "Conflict",
    "ConnectionFailed",
    "CyclicDependencyError",
    "DuplicateNameError",
    "EntrypointError",
    "MissingDagError",
    "NotFound",
    "ParallelTask",
    "PermissionDenied",
    "PlannedTask",
    "Priority",
    "RerunPlan",
    "ResultNotAvailable",
    "Retry",
    "Run",
    "RunFailed",
    "Schedule",
    "SchedulerError",
    "ServerError",
    "Task",
    "ValidationError",
    "batch",
    "dt_batch",
    "get_batches",
    "get_job_logs",
    "get_job_metrics",
    "get_job_result",
]


def __getattr__(name: str) -> Any:
    """Return the classes of what only a rerun's plan is made of, loaded when first named."""
    if name in ("PlannedTask", "RerunPlan"):
        from fasti import _plan

        return getattr(_plan, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
