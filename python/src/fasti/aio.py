"""The results API for asynchronous code: the same functions, awaited.

    from fasti import aio

    run = await aio.run(dag)
    if await aio.wait(run, timeout=60) == "success":
        value = await aio.result(run, "total")

Nothing blocks the event loop: requests are made in threads of its default executor, each
with a connection of its own, and held only while a request is under way, so that a thousand
runs can be waited for at once.  Cancelling lets a request that is under way end by itself.
Arguments, answers and errors are those of the functions of the same name in
:mod:`fasti.scheduler`.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from datetime import date
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, TypeVar, Union

from fasti import _batches, _jobs, _run
from fasti._run import Run

if TYPE_CHECKING:
    from fasti._dag import DAG
    from fasti._results import BatchRunResults

T = TypeVar("T")


async def call(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Await any other function of the SDK, such as ``results.get_run``."""
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    return await loop.run_in_executor(
        None, functools.partial(context.run, function, *args, **kwargs)
    )


async def save(dag: "DAG") -> Union[str, int]:
    """Save a DAG as a batch; see :meth:`DAG.save`."""
    return await call(dag.save)


async def run(dag: "DAG", rundate: Union[str, date, None] = None) -> Run:
    """Start one run of a DAG; see :meth:`DAG.run`."""
    return await call(dag.run, rundate)


async def wait(run_id: int, timeout: Optional[float] = None, check: bool = False) -> str:
    """Wait until a run is over and return its status; see :meth:`Run.wait`.

    Cancelling the waiting task stops the waiting, not the run.
    """
    watched = Run(run_id)
    pause = _run.PAUSE_FIRST

    async def until_over() -> Dict[str, Any]:
        nonlocal pause
        while True:
            details = await call(watched.details)
            if details["status"] in _run.FINAL:
                return details
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _run.PAUSE_MAX)

    try:
        details = await asyncio.wait_for(until_over(), timeout)
    except asyncio.TimeoutError:
        raise TimeoutError(f"run {int(watched)} is not over after {timeout} s") from None
    if check and details["status"] != "success":
        raise await call(watched.failure, details)
    return str(details["status"])


async def result(run_id: int, task: str) -> Any:
    """Return the value of one task of a run, by name; see :meth:`Run.result`."""
    return await call(Run(run_id).result, task)


async def cancel(run_id: int, reason: Optional[str] = None) -> None:
    """Ask for the end of a run; see :meth:`Run.cancel`."""
    await call(Run(run_id).cancel, reason)


async def get_runs(results: "BatchRunResults", **filters: Any) -> List[Dict[str, Any]]:
    """Return the runs of a batch; see :meth:`BatchRunResults.get_runs`."""
    return await call(results.get_runs, **filters)


async def get_job_result(run_id: int) -> Tuple[str, Any]:
    """Return name and value of a task run; see :func:`fasti.scheduler.get_job_result`."""
    return await call(_jobs.get_job_result, run_id)


async def get_job_logs(run_id: int) -> Dict[str, str]:
    """Return the output of a task run; see :func:`fasti.scheduler.get_job_logs`."""
    return await call(_jobs.get_job_logs, run_id)


async def get_job_metrics(run_id: int) -> Dict[str, Any]:
    """Return the metrics of a task run; see :func:`fasti.scheduler.get_job_metrics`."""
    return await call(_jobs.get_job_metrics, run_id)


async def get_batches() -> List[Dict[str, Any]]:
    """Return the saved batches; see :func:`fasti.scheduler.get_batches`."""
    return await call(_batches.get_batches)
