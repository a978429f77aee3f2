"""``BatchRunResults``: the runs of a batch and what came out of them.

Nothing is asked of the server before a call needs it.
"""

from __future__ import annotations

import time
from datetime import date, datetime

from fasti import _checks, _client, _ids, _jobs, _rows, _times
from fasti._errors import NotFound, ValidationError
from fasti._run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

    from fasti._plan import RerunPlan

    When = Union[str, date, datetime, None]

#: How long :meth:`BatchRunResults.get_runs` answers from memory, in seconds.
CACHE_SECONDS = 300.0


_RERUN_MODES = ("failed", "all", "from")
_RERUN_VERSIONS = ("original", "latest")


class BatchRunResults:
    """Runs of the batch of a name, in all tags; with ``job_name``, of one of its tasks.

    ``batch_name`` and ``job_name`` may be assigned; that drops the cache.  Every call
    raises :class:`NotFound` (a ``ValueError``) if the batch never existed.
    """

    #: While true, every call of :meth:`get_runs` asks the server.
    disable_caching: bool

    def __init__(self, batch_name: str, job_name: Optional[str] = None) -> None:
        self.disable_caching = False
        self._cache: Optional[Tuple[float, Any, List[Dict[str, Any]]]] = None
        self.batch_name = batch_name
        self.job_name = job_name

    @property
    def batch_name(self) -> str:
        """Name of the batch."""
        return self._batch_name

    @batch_name.setter
    def batch_name(self, value: str) -> None:
        self._batch_name = _checks.name("batch_name", value)
        self._cache = None

    @property
    def job_name(self) -> Optional[str]:
        """Name of the task or part that :meth:`get_runs` is about, or None."""
        return self._job_name

    @job_name.setter
    def job_name(self, value: Optional[str]) -> None:
        self._job_name = None if value is None else _checks.name("job_name", value)
        self._cache = None

    @property
    def count(self) -> int:
        """Number of runs of the batch, whatever ``job_name`` is."""
        answer = _client.default().get("/runs", {"batch_name": self._batch_name, "limit": 1})
        return int(answer["total"])

    def get_runs(
        self, rundate: When = None, range_start: When = None, range_end: When = None
    ) -> List[Dict[str, Any]]:
        """Return the runs, ascending by id, so that the newest is last.

        ``rundate`` picks one day; ``range_start`` (included) and ``range_end``
        (excluded) bound ``scheduled_time`` and cannot go with ``rundate``.  Answers
        are kept for five minutes unless :attr:`disable_caching` is set; the caller
        gets a copy.  With ``job_name`` there is one entry a task run.
        """
        from copy import deepcopy

        filters = filters_of(rundate, range_start, range_end)
        key = tuple(sorted(filters.items()))
        cached = self._cache
        now = time.monotonic()
        if cached is not None and not self.disable_caching:
            loaded_at, cached_key, runs = cached
            if cached_key == key and now - loaded_at < CACHE_SECONDS:
                return deepcopy(runs)
        self._cache = None
        runs = self._load(filters)
        self._cache = (now, key, runs)
        return deepcopy(runs)

    def _load(self, filters: Dict[str, str]) -> List[Dict[str, Any]]:
        client = _client.default()
        params = {"batch_name": self._batch_name, **filters}
        runs = list(client.items("/runs", params))
        if self._job_name is None:
            return [_rows.run_row(run) for run in runs]
        # Owner, group and permissions are known of the run alone.
        by_id = {run["id"]: run for run in runs}
        entries = []
        for task_run in client.items("/task-runs", {**params, "name": self._job_name}):
            run = by_id.get(task_run["run_id"])
            if run is None:  # created between the two requests
                run = client.get(f"/runs/{task_run['run_id']}")
                by_id[run["id"]] = run
            entries.append(_rows.job_run_row(run, task_run))
        return sorted(entries, key=lambda entry: int(entry["id"]))

    def get_run(self, run_id: int) -> List[Dict[str, Any]]:
        """Return every task of a run, in definition order, parts in part order.

        ``stdout`` and ``stderr`` are the last 64 KiB of the last attempt;
        :func:`get_job_logs` has all of it.
        """
        number = self._own_run(run_id)
        client = _client.default()
        return [_rows.task_run_row(item, client) for item in client.items(f"/runs/{number}/tasks")]

    def get_run_graph(self, run_id: int) -> Dict[str, List[Dict[str, Any]]]:
        """Return the tasks of a run with their statuses, and the edges between them."""
        number = self._own_run(run_id)
        graph = _client.default().get(f"/runs/{number}/graph")
        statuses = [
            {
                "id": node["id"],
                "name": node["name"],
                "status": node["status"],
                "start_time": _times.shown(node.get("started_at")),
                "finish_time": _times.shown(node.get("finished_at")),
            }
            for node in graph["nodes"]
        ]
        members: Dict[Any, List[str]] = {}
        for node in graph["nodes"]:
            members[node["id"]] = members[node["name"]] = [node["name"]]
        for node in graph["nodes"]:
            if node.get("group") not in (None, node["name"]):
                members.setdefault(node["group"], []).append(node["name"])
        dependencies = [
            {"from": source, "to": target}
            for edge in graph["edges"]
            for source in members[edge["from"]]
            for target in members[edge["to"]]
        ]
        return {"statuses": statuses, "dependencies": dependencies}

    def get_task_result(self, run_id: int) -> Any:
        """Return the value that a task run returned.

        Raises :class:`ResultNotAvailable` if it has none, :class:`NotFound` for a task
        run of another batch.
        """
        number = _ids.positive("run_id", run_id)
        task_run = _client.default().get(f"/task-runs/{number}")
        if task_run["batch_name"] != self._batch_name:
            raise NotFound(f"batch {self._batch_name!r} has no task run {number}")
        return _jobs.get_job_result(number)[1]

    def rerun(
        self,
        run_id: int,
        mode: str = "failed",
        tasks: Optional[Sequence[str]] = None,
        rundate: When = None,
        version: str = "original",
    ) -> Run:
        """Run a finished run again, all of it or in part, and return the new run's id.

        ``mode`` is ``'failed'`` (what did not succeed, and everything after it),
        ``'all'``, or ``'from'`` with the names of ``tasks`` to start from.  Values of
        other tasks are reused.  ``version`` is ``'original'`` (the definition that the
        run used) or ``'latest'`` (the present one of the batch: what is new or
        different in it is executed in any mode).
        """
        number, body = self._repetition(run_id, mode, tasks, rundate, version)
        self._cache = None
        return Run(_client.default().post(f"/runs/{number}/rerun", body)["id"])

    def rerun_plan(
        self,
        run_id: int,
        mode: str = "failed",
        tasks: Optional[Sequence[str]] = None,
        rundate: When = None,
        version: str = "original",
    ) -> "RerunPlan":
        """Return what :meth:`rerun` would do with the same arguments; nothing is started."""
        number, body = self._repetition(run_id, mode, tasks, rundate, version)
        body["dry_run"] = True
        from fasti._plan import RerunPlan

        return RerunPlan(_client.default().post(f"/runs/{number}/rerun", body, creates=False))

    def _repetition(
        self, run_id: Any, mode: str, tasks: Any, rundate: When, version: str
    ) -> Tuple[int, Dict[str, Any]]:
        number = self._own_run(run_id)
        _checks.choice("mode", mode, _RERUN_MODES)
        names = [_checks.text("tasks", name) for name in _checks.items("tasks", tasks)]
        if bool(names) != (mode == "from"):
            raise ValidationError("tasks are given with mode='from', and only then", field="tasks")
        body: Dict[str, Any] = {
            "mode": mode,
            "tasks": names,
            "rundate": None if rundate is None else _times.rundate("rundate", rundate),
        }
        if _checks.choice("version", version, _RERUN_VERSIONS) != _RERUN_VERSIONS[0]:
            body["version"] = version
        return number, body

    def _own_run(self, run_id: Any) -> int:
        """Return the id of a run of this batch, or raise :class:`NotFound`."""
        number = _ids.positive("run_id", run_id)
        run = _client.default().get(f"/runs/{number}")
        if run["batch_name"] != self._batch_name:
            raise NotFound(f"batch {self._batch_name!r} has no run {number}")
        return number

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        from fasti import _widget

        return _widget.bundle(self, **kwargs)

    def __repr__(self) -> str:
        job = "" if self._job_name is None else f", job_name={self._job_name!r}"
        return f"BatchRunResults({self._batch_name!r}{job})"


def filters_of(rundate: When, start: When, end: When) -> Dict[str, str]:
    """Return the query that picks these runs."""
    if rundate is not None:
        if start is not None or end is not None:
            raise ValidationError(
                "rundate cannot go with range_start or range_end", field="rundate"
            )
        return {"rundate": _times.rundate("rundate", rundate)}
    filters: Dict[str, str] = {}
    first = None if start is None else _times.instant("range_start", start)
    last = None if end is None else _times.instant("range_end", end)
    if first is not None and last is not None and first > last:
        raise ValidationError(f"range_start {start} is after range_end {end}", field="range_start")
    if first is not None:
        filters["scheduled_from"] = _times.to_wire(first)
    if last is not None:
        filters["scheduled_until"] = _times.to_wire(last)
    return filters
