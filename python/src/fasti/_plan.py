"""What a rerun would do, task by task, before anything is started."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional


class PlannedTask(NamedTuple):
    """What becomes of one task, or one part, in a rerun."""

    #: Name of the task or part.
    name: str
    #: ``'run'``: it is executed; ``'reuse'``: an earlier task run serves with its value.
    action: str
    #: Why, in words.
    reason: str
    #: Id of the task run that serves, else None.
    reused_from: Optional[int]
    #: SHA-256 of the value that serves, None where nothing serves or there is no value.
    sha256: Optional[str]


class RerunPlan:
    """What a rerun would do; made by :meth:`BatchRunResults.rerun_plan`.

    Iterating gives a :class:`PlannedTask` for each task of the run in definition order,
    indexing with a name the one of that name, printing a table.
    """

    def __init__(self, answer: Dict[str, Any]) -> None:
        #: Id of the finished run.
        self.run_id = int(answer["original_run_id"])
        #: ``'rerun'`` or ``'partial_rerun'``.
        self.run_type = str(answer["run_type"])
        #: Date the new run is for; None if its start decides.
        self.rundate: Optional[str] = answer.get("rundate")
        #: Version of the batch that is used; None for a definition that was not saved.
        self.version: Optional[int] = answer.get("definition_version")
        self._tasks = [_task(item) for item in answer["items"]]

    def __iter__(self) -> Iterator[PlannedTask]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, name: str) -> PlannedTask:
        for task in self._tasks:
            if task.name == name:
                return task
        raise KeyError(name)

    @property
    def executed(self) -> List[str]:
        """Names of what is executed, in definition order."""
        return [task.name for task in self._tasks if task.action == "run"]

    @property
    def reused(self) -> List[str]:
        """Names of what is not executed because an earlier task run serves."""
        return [task.name for task in self._tasks if task.action == "reuse"]

    def __str__(self) -> str:
        wide = max((len(task.name) for task in self._tasks), default=0)
        lines = [f"{self.run_type} of run {self.run_id}:"]
        lines += [f"  {task.action:<6} {task.name:<{wide}}  {task.reason}" for task in self._tasks]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"<RerunPlan of run {self.run_id}: {len(self.executed)} run, {len(self.reused)} reused>"
        )


def _task(item: Dict[str, Any]) -> PlannedTask:
    result = item.get("result") or {}
    return PlannedTask(
        item["name"], item["action"], item["reason"], item.get("reused_from"), result.get("sha256")
    )
