"""``Run``: the id that ``DAG.run()`` returns, which can also be asked about its run."""

from __future__ import annotations

import sys
import time

from fasti import _client
from fasti._errors import NotFound, RunFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from fasti._progress import Progress

#: Statuses of a run that is over.
FINAL = ("success", "failure", "cancelled")

#: Pauses between two questions, in seconds: short at first, for short runs.
PAUSE_FIRST, PAUSE_MAX = 0.01, 0.5


class Run(int):
    """The id of a run: an ``int`` in every respect, with methods to follow the run.

    ``dag.run()`` returns one; ``Run(12)`` makes one of a known id.  Making it asks
    nothing of the server.
    """

    def wait(
        self,
        timeout: Optional[float] = None,
        progress: Optional[bool] = None,
        check: bool = False,
    ) -> str:
        """Wait until the run is over and return its status.

        ``timeout`` is in seconds; then ``TimeoutError`` is raised and the run goes on.
        ``progress`` shows a bar on stderr (default: if that is a terminal).  With
        ``check`` a run that did not succeed raises :class:`RunFailed`.
        """
        bar = self._bar(progress)
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = PAUSE_FIRST
        try:
            while True:
                run = self.details()
                if bar is not None:
                    bar.show(run)
                if run["status"] in FINAL:
                    break
                now = time.monotonic()
                if deadline is not None and now >= deadline:
                    raise TimeoutError(f"run {int(self)} is {run['status']} after {timeout} s")
                time.sleep(pause if deadline is None else min(pause, deadline - now))
                pause = min(pause * 1.3, PAUSE_MAX)
        finally:
            if bar is not None:
                bar.close()
        if check and run["status"] != "success":
            raise self.failure(run)
        return str(run["status"])

    def _bar(self, wanted: Optional[bool]) -> "Optional[Progress]":
        if wanted is None:
            wanted = sys.stderr is not None and sys.stderr.isatty()
        if not wanted:
            return None
        from fasti._progress import Progress

        return Progress(sys.stderr)

    def failure(self, run: Dict[str, Any]) -> RunFailed:
        """Return the error that says why a run, given as :meth:`details`, did not succeed."""
        failed = [item for item in self._items() if item["status"] == "failure"]
        reasons = [
            f"{item['name']}: {item.get('status_reason') or 'failed'}" for item in failed[:5]
        ]
        more = [f"and {len(failed) - 5} more"] if len(failed) > 5 else []
        because = "; ".join([*reasons, *more]) or run.get("status_reason") or "no task failed"
        return RunFailed(f"run {int(self)} ended with {run['status']}: {because}")

    def details(self) -> Dict[str, Any]:
        """Return the run as the server describes it, now."""
        answer: Dict[str, Any] = _client.default().get(f"/runs/{int(self)}")
        return answer

    @property
    def status(self) -> str:
        """``'queued'``, ``'running'``, ``'success'``, ``'failure'`` or ``'cancelled'``."""
        return str(self.details()["status"])

    @property
    def url(self) -> str:
        """Address of the run's page."""
        return f"{_client.default().url}/ui/runs/{int(self)}"

    def tasks(self) -> Dict[str, str]:
        """Return the status of every task and part by name, in definition order."""
        return {item["name"]: item["status"] for item in self._items()}

    def result(self, task: str) -> Any:
        """Return the value of one task, or of one part, by name.

        Raises :class:`NotFound` if the run has no such task,
        :class:`ResultNotAvailable` if it has no value.
        """
        from fasti._jobs import get_job_result

        return get_job_result(self._task_run(task))[1]

    def logs(self, task: str) -> Dict[str, str]:
        """Return all of ``stdout`` and ``stderr`` of one task, or of one part, by name."""
        from fasti._jobs import get_job_logs

        return get_job_logs(self._task_run(task))

    def cancel(self, reason: Optional[str] = None) -> None:
        """Ask for the end of the run; no effect on one that is over."""
        _client.default().post(f"/runs/{int(self)}/cancel", {"reason": reason})

    def _items(self) -> List[Dict[str, Any]]:
        return list(_client.default().items(f"/runs/{int(self)}/tasks"))

    def _task_run(self, name: str) -> int:
        for item in self._items():
            if item["name"] == name:
                return int(item["id"])
        raise NotFound(f"run {int(self)} has no task {name!r}")

    def __reduce__(self) -> Tuple[Any, ...]:
        # Stored anywhere, it is the plain number that it stands for.
        return (int, (int(self),))
