"""What the widget asks of the server, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from fasti import _client
from fasti._errors import NotFound

if TYPE_CHECKING:
    from fasti._results import BatchRunResults

#: Runs on one page of the table.
PAGE_RUNS = 10

#: How much of the end of an output is shown, in bytes.
LOG_BYTES = 64 * 1024

#: Statuses after which nothing changes.
FINAL = ("success", "failure", "skipped", "cancelled")


class Page(NamedTuple):
    """Some runs, newest first."""

    items: List[Dict[str, Any]]
    #: How many there are with these filters; None where the server does not say.
    total: Optional[int]
    #: Cursor of the next page.
    older: Optional[str]


class Reader:
    """Reads on behalf of one ``BatchRunResults``, whose names may change."""

    def __init__(self, results: "BatchRunResults") -> None:
        self._results = results

    @property
    def title(self) -> Tuple[str, Optional[str]]:
        """Name of the batch and, if it is about one, of the job."""
        return self._results.batch_name, self._results.job_name

    def runs(self, filters: Dict[str, str], cursor: Optional[str]) -> Page:
        """Return a page of runs, or of task runs where there is a job name."""
        batch, job = self.title
        params: Dict[str, Any] = {"batch_name": batch, **filters, "cursor": cursor}
        path = "/runs"
        if job is not None:
            path, params["name"] = "/task-runs", job
        params.update(order="desc", limit=PAGE_RUNS)
        page = _client.default().get(path, params)
        return Page(page["items"], page.get("total"), page.get("next_cursor"))

    def run(self, number: int) -> Dict[str, Any]:
        """Return a run."""
        run: Dict[str, Any] = _client.default().get(f"/runs/{number}")
        return run

    def graph(self, number: int) -> Dict[str, Any]:
        """Return the graph of a run, its edges between tasks alone."""
        graph: Dict[str, Any] = _client.default().get(f"/runs/{number}/graph", {"expand": "false"})
        return graph

    def layout(self, number: int) -> Optional[Dict[str, Any]]:
        """Return where the server draws the tasks of a run; None from one that does not say."""
        try:
            layout: Dict[str, Any] = _client.default().get(f"/runs/{number}/layout")
        except NotFound:
            return None
        return layout

    def task_run(self, number: int) -> Dict[str, Any]:
        """Return a task run."""
        task_run: Dict[str, Any] = _client.default().get(f"/task-runs/{number}")
        return task_run

    def log(self, number: int, stream: str) -> Tuple[str, int]:
        """Return the end of an output, and how many bytes all of it has."""
        path = f"/task-runs/{number}/logs?stream={stream}&tail={LOG_BYTES}"
        answer = _client.default().send("GET", path, {"Accept": "text/plain, */*"})
        size = int(answer.headers.get("X-Fasti-Log-Size") or len(answer.body))
        return answer.body.decode("utf-8", "replace"), size
