"""Run a DAG in memory, for unit tests: no server, no processes, no waiting.

    from fasti.testing import run_dag

    def test_total():
        with DAG(Name="shop", Image="any") as dag:
            total(prices())
            run = run_dag(dag, rundate="2024-01-31")
        assert run.status == "success"
        assert run["total"].value == 37.48

Arguments are bound by the code that also binds them in a worker, values are pickled
between tasks as they are there, and time is virtual: tasks take as long as the test says,
retries wait their delay, ``FailAfter`` ends what takes too long, all in an instant.

What is not simulated: images and their interpreters, resources, and processes of their
own: functions run in this one, one after the other, in the order of their virtual start.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Union,
)

from fasti import _checks, _times

if TYPE_CHECKING:
    from fasti._dag import DAG

#: When virtual time begins unless a test says otherwise: a Monday.
EPOCH = datetime(2024, 1, 1, tzinfo=timezone.utc)

Duration = Union[int, float, timedelta]


class Clock:
    """Virtual time: it stands still until somebody moves it on."""

    def __init__(self, now: Union[datetime, str] = EPOCH) -> None:
        self._now = _times.instant("now", now)

    @property
    def now(self) -> datetime:
        """The present virtual instant, aware, UTC."""
        return self._now

    def advance(self, by: Duration) -> datetime:
        """Move time on, by seconds or a ``timedelta``; returns the new instant.

        A task function that advances the clock of its run takes that long.
        """
        step = span(by)
        if step < timedelta(0):
            raise _checks.fail("by", by, "a duration that is not negative")
        self._now += step
        return self._now


class TaskOutcome(NamedTuple):
    """How one task, or one part, ended."""

    #: Name of the task or part.
    name: str
    #: ``'success'``, ``'failure'`` or ``'skipped'``.
    status: str
    #: What the function returned; None unless it succeeded.
    value: Any
    #: What it raised in its last attempt, else None.
    error: Optional[BaseException]
    #: Attempts made; 0 if it was skipped.
    attempts: int
    #: Virtual instants; None if it was skipped.
    started_at: Optional[datetime]
    finished_at: Optional[datetime]
    #: What the last attempt printed.
    stdout: str
    stderr: str
    #: Why it did not succeed: ``''``, ``'exception'``, ``'fail_after'``, ``'upstream'`` or
    #: ``'exit N'``.
    reason: str


class RunOutcome:
    """A run that was made in memory; indexing with a name gives a :class:`TaskOutcome`.

    The name of a ``ParallelTask`` gives the list of its parts' outcomes.
    """

    def __init__(
        self,
        tasks: Dict[str, TaskOutcome],
        groups: Dict[str, List[str]],
        scheduled_time: datetime,
        finished_at: datetime,
        rundate: str,
    ) -> None:
        self._tasks = tasks
        self._groups = groups
        #: When the run was asked for, which is also when it started.
        self.scheduled_time = scheduled_time
        #: When its last task ended.
        self.finished_at = finished_at
        #: ``'YYYY-MM-DD'``.
        self.rundate = rundate

    @property
    def status(self) -> str:
        """``'failure'`` if any task failed, else ``'success'``."""
        failed = any(task.status == "failure" for task in self._tasks.values())
        return "failure" if failed else "success"

    @property
    def order(self) -> List[str]:
        """Names of what ran, in the order of its start."""
        return [name for name, task in self._tasks.items() if task.attempts]

    def __getitem__(self, name: str) -> Any:
        if name in self._groups:
            return [self._tasks[part] for part in self._groups[name]]
        return self._tasks[name]

    def __iter__(self) -> Iterator[TaskOutcome]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        return f"<RunOutcome {self.status}, {len(self._tasks)} tasks>"


def run_dag(
    dag: "DAG",
    *,
    rundate: Union[str, date, None] = None,
    clock: Optional[Clock] = None,
    durations: Optional[Mapping[str, Duration]] = None,
    functions: Optional[Mapping[str, Callable[..., Any]]] = None,
    slots: Optional[int] = None,
    retry_delay: Duration = 1,
) -> RunOutcome:
    """Run a DAG here and now, and return how it went; failing tasks do not raise.

    ``durations`` gives virtual durations by task or part name (default: none, beyond what
    the function advances ``clock`` by).  ``functions`` replaces functions: keys are task
    names or entrypoints.  ``slots`` bounds how many tasks run at the same virtual time
    (default: no bound).  The definition is checked as at submission, except that tasks
    need no image; raises what ``dag.run()`` would raise.  Inside of the DAG's block it
    takes the place of the submission that would follow.
    """
    from fasti._simulation import Simulation

    # Run here, it is not to be sent anywhere when its block ends.
    dag._submitted = True
    return Simulation(
        dag,
        clock=Clock() if clock is None else clock,
        rundate=None if rundate is None else _times.rundate("rundate", rundate),
        durations={name: span(value) for name, value in (durations or {}).items()},
        functions=dict(functions or {}),
        slots=slots,
        retry_delay=span(retry_delay),
    ).run()


def span(value: Duration) -> timedelta:
    """Return a duration given in seconds or as a ``timedelta``."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
