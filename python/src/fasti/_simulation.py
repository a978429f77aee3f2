"""The engine of :mod:`fasti.testing`: a DAG executed in this process, in virtual time.

Binding and values go through the code of the worker; what is imitated here is what the
scheduler and the runner do around it: order, slots, retries, FailAfter, skipping.
"""

from __future__ import annotations

import base64
import contextlib
import heapq
import io
import pickle
import sys
import traceback
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from fasti import _attempt, _context, _entrypoint, _pickling, _times
from fasti._command import CommandTask
from fasti._definition import definition_of
from fasti._priority import Priority
from fasti._task import ParallelTask, Task
from fasti.testing import Clock, RunOutcome, TaskOutcome

if TYPE_CHECKING:
    from fasti._dag import DAG
    from fasti._node import Node

_URGENCY = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class Cell(NamedTuple):
    """One task run in the making."""

    name: str
    node: "Node"
    part: int
    configuration: Dict[str, Any]


class Ended(NamedTuple):
    """What one attempt came to."""

    value: bytes
    error: Optional[BaseException]
    reason: str
    stdout: str
    stderr: str


class Simulation:
    """One run of one DAG."""

    def __init__(
        self,
        dag: "DAG",
        clock: Clock,
        rundate: Optional[str],
        durations: Dict[str, timedelta],
        functions: Dict[str, Callable[..., Any]],
        slots: Optional[int],
        retry_delay: timedelta,
    ) -> None:
        definition_of(dag, needs_images=False)
        self._dag = dag
        self._clock = clock
        self._start = clock.now
        self._rundate = rundate or self._derived_rundate()
        self._durations = durations
        self._functions = functions
        self._slots = len(dag.tasks) + 10**6 if slots is None else slots
        self._retry_delay = retry_delay
        self._cells = {id(node): _cells(node) for node in dag.tasks}
        self._upstream: Dict[int, List["Node"]] = {id(node): [] for node in dag.tasks}
        self._downstream: Dict[int, List["Node"]] = {id(node): [] for node in dag.tasks}
        for source, target in dag.edges:
            self._upstream[id(target)].append(source)
            self._downstream[id(source)].append(target)
        self._missing = {key: len(nodes) for key, nodes in self._upstream.items()}
        self._open = {key: len(cells) for key, cells in self._cells.items()}
        self._values: Dict[str, bytes] = {}
        self._done: Dict[str, TaskOutcome] = {}
        # What waits for a slot, the most urgent first; what happens later, the next first.
        self._ready: List[Tuple[int, int, Cell, int]] = []
        self._later: List[Tuple[datetime, int, Callable[[], None]]] = []
        self._number = 0
        self._running = 0

    def run(self) -> RunOutcome:
        """Execute everything that can be, and return how it went."""
        seconds = self._dag._fail_after_seconds()
        self._deadline = None if seconds is None else self._start + timedelta(seconds=seconds)
        for node in self._dag.tasks:
            if not self._missing[id(node)]:
                self._enqueue(node)
        finished = self._start
        self._start_what_fits()
        while self._later:
            at, _, happen = heapq.heappop(self._later)
            self._clock.advance(max(at - self._clock.now, timedelta(0)))
            happen()
            finished = max(finished, at)
            self._start_what_fits()
        for cells in self._cells.values():
            for cell in cells:
                self._done.setdefault(cell.name, _skipped(cell.name))
        groups = {
            node.Name: [cell.name for cell in self._cells[id(node)]]
            for node in self._dag.tasks
            if isinstance(node, ParallelTask)
        }
        return RunOutcome(self._done, groups, self._start, finished, self._rundate)

    def _derived_rundate(self) -> str:
        schedule = self._dag.Schedule
        local, offset = self._start, 0
        if schedule is not None:
            offset = schedule.rundate_offset or 0
            if schedule.timezone is not None:
                import zoneinfo

                local = local.astimezone(zoneinfo.ZoneInfo(schedule.timezone))
        return f"{local + timedelta(days=offset):%Y-%m-%d}"

    def _enqueue(self, node: "Node") -> None:
        for cell in self._cells[id(node)]:
            self._queue(cell, 1)

    def _queue(self, cell: Cell, attempt: int) -> None:
        self._number += 1
        priority = cell.node.Priority or self._dag.Priority
        heapq.heappush(self._ready, (_URGENCY[priority], self._number, cell, attempt))

    def _at(self, when: datetime, happen: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._later, (when, self._number, happen))

    def _start_what_fits(self) -> None:
        while self._ready and self._running < self._slots:
            if self._deadline is not None and self._clock.now >= self._deadline:
                self._ready.clear()
                return
            _, _, cell, attempt = heapq.heappop(self._ready)
            self._attempt(cell, attempt)

    def _attempt(self, cell: Cell, attempt: int) -> None:
        """Call the function now; its end happens when its virtual duration is over."""
        began = self._clock.now
        ended = self._call(cell)
        # What the function itself advanced the clock by is its own duration; others that
        # start at the same virtual time must not see it.
        took = self._clock.now - began + self._durations.get(cell.name, timedelta(0))
        self._clock._now = began
        until = began + took
        if self._deadline is not None and until > self._deadline:
            until = self._deadline
            ended = ended._replace(error=None, reason="fail_after", value=b"")
        self._running += 1
        if cell.name not in self._done:
            first = TaskOutcome(cell.name, "running", None, None, 0, began, None, "", "", "")
            self._done[cell.name] = first
        self._at(until, lambda: self._end(cell, attempt, ended))

    def _end(self, cell: Cell, attempt: int, ended: Ended) -> None:
        self._running -= 1
        now = self._clock.now
        can_retry = attempt <= cell.node.Retries and ended.reason != "fail_after"
        policy = cell.node.Retry
        if ended.reason and can_retry and (policy is None or policy.takes(_exit_code(ended))):
            delay = self._retry_delay
            if policy is not None:
                seconds = policy.delay_after(attempt, delay.total_seconds())
                delay = timedelta(seconds=seconds)
            retry_at = now + delay
            if self._deadline is None or retry_at < self._deadline:
                self._at(retry_at, lambda: self._queue(cell, attempt + 1))
                return
        success = not ended.reason
        self._done[cell.name] = self._done[cell.name]._replace(
            status="success" if success else "failure",
            value=pickle.loads(ended.value) if success else None,
            error=ended.error,
            attempts=attempt,
            finished_at=now,
            stdout=ended.stdout,
            stderr=ended.stderr,
            reason=ended.reason,
        )
        if not success:
            return
        self._values[cell.name] = ended.value
        key = id(cell.node)
        self._open[key] -= 1
        if self._open[key]:
            return
        for node in self._downstream[key]:
            self._missing[id(node)] -= 1
            if not self._missing[id(node)]:
                self._enqueue(node)

    def _call(self, cell: Cell) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        token = _context.enter_dag(None)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                value, error, reason = self._outcome(cell)
        finally:
            _context.leave_dag(token)
        return Ended(value, error, reason, out.getvalue(), err.getvalue())

    def _outcome(self, cell: Cell) -> Tuple[bytes, Optional[BaseException], str]:
        try:
            function = self._function(cell.node)
            value = _attempt.call(function, self._document(cell))
            return _pickling.dumps(value), None, ""
        except SystemExit as error:
            if error.code in (None, 0):
                return _pickling.dumps(None), None, ""
            return b"", error, f"exit {error.code}"
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return b"", error, "exception"

    def _function(self, node: "Node") -> Callable[..., Any]:
        if node.Name in self._functions:
            return self._functions[node.Name]
        if isinstance(node, CommandTask):
            return _program(node)
        assert isinstance(node, Task), "the other kind of node"
        if node.Entrypoint in self._functions:
            return self._functions[node.Entrypoint]
        if node._function is not None:
            return node._function
        if self._dag.DevRun and self._dag.WorkDir not in sys.path:
            sys.path.insert(0, str(self._dag.WorkDir))
        return _entrypoint.resolve(node.Entrypoint)

    def _document(self, cell: Cell) -> Dict[str, Any]:
        """Return the task as a runner describes it to a worker."""
        bindings = cell.node._submitted_bindings() if isinstance(cell.node, Task) else None
        return {
            "entrypoint": getattr(cell.node, "Entrypoint", cell.name),
            "upstreams": [self._described(node) for node in self._upstream[id(cell.node)]],
            "configuration": None,
            "configuration_blob": _pickling.dumps_base64(cell.configuration),
            "arguments_blob": None if bindings is None else _pickling.dumps_base64(bindings),
            "sub_job_name": cell.name,
            "scheduled_time": _times.to_wire(self._start),
            "runtime": _times.to_wire(self._start),
            "part_num": cell.part,
            "num_parts": len(self._cells[id(cell.node)]),
            "rundate": self._rundate,
        }

    def _described(self, node: "Node") -> Dict[str, Any]:
        upstream = node._as_upstream()
        parts = [
            {"name": name, "inline": base64.b64encode(self._values[name]).decode("ascii")}
            for name in upstream.parts
        ]
        return {**upstream._asdict(), "parts": parts}


def _exit_code(ended: Ended) -> int:
    """Return what a process would have ended with."""
    code = ended.error.code if isinstance(ended.error, SystemExit) else 1
    return code & 255 if isinstance(code, int) else 1


def _cells(node: "Node") -> List[Cell]:
    if not isinstance(node, Task):
        return [Cell(node.Name, node, 0, {})]
    configurations = node._configurations()
    names = node._names()[1:] if isinstance(node, ParallelTask) else [node.Name]
    return [
        Cell(name, node, number, dict(configuration))
        for number, (name, configuration) in enumerate(zip(names, configurations))
    ]


def _program(node: CommandTask) -> Callable[[], None]:
    """Return a function that runs a command task's program, as it is."""

    def run() -> None:
        import os
        import subprocess
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            ran = subprocess.run(
                node.Command,
                cwd=node.Cwd or scratch,
                env={**os.environ, **node.Env},
                input=node.Stdin or "",
                timeout=node.TimeoutSeconds,
                capture_output=True,
                text=True,
                check=False,
            )
        sys.stdout.write(ran.stdout)
        sys.stderr.write(ran.stderr)
        if ran.returncode:
            sys.exit(ran.returncode)

    return run


def _skipped(name: str) -> TaskOutcome:
    return TaskOutcome(name, "skipped", None, None, 0, None, None, "", "", "upstream")
