"""The ``DAG`` class: a graph of tasks under a name, and how it is submitted."""

from __future__ import annotations

import os
import warnings
from datetime import date, timedelta
from types import TracebackType

from fasti import _checks, _context, _submit
from fasti._duration import seconds_of
from fasti._errors import DuplicateNameError, ValidationError
from fasti._priority import Priority as PriorityLevel
from fasti._priority import priority_of
from fasti._run import Run
from fasti._schedule import CONDITIONS
from fasti._schedule import Schedule as ScheduleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Tuple, Type, Union

    from fasti._edges import Linked
    from fasti._node import Node
    from fasti._picture import Picture

TAGS = ("dev", "pre", "prod")

_PERMISSIONS = r"([r-][w-]){3}"


class DAG:
    """A batch in the making: tasks, the edges between them, and how to run them.

    Used as a context manager, it is the default DAG of tasks built in the block, and
    calls of decorated functions in the block add tasks to it.  Leaving the block
    submits it by itself if it is a dev run (:meth:`run`) or if a decorated function
    was called in it (:meth:`save` with a schedule, else :meth:`run`), unless
    :meth:`save` or :meth:`run` was called in the block.

    ``Name`` and ``Tag`` (``'dev'``, ``'pre'``, ``'prod'``) identify the batch.
    ``Schedule=None`` means: started by hand only.  ``Image`` is for tasks that name
    none.  ``FailAfter`` is a duration such as ``'1h 30m'``.  ``Permissions`` are six
    characters, read and write for owner, group and others.  ``DevRun=True`` runs the
    code in the folder ``WorkDir`` instead of an image.

    Raises ``TypeError`` for an unknown keyword and :class:`ValidationError` for a bad
    value.
    """

    def __init__(
        self,
        Name: str,
        Tag: str = "dev",
        Schedule: Optional[ScheduleType] = None,
        DevRun: bool = False,
        WorkDir: Union[str, "os.PathLike[str]", None] = None,
        Image: Optional[str] = None,
        Labels: Union[Iterable[str], str, None] = None,
        FailAfter: Union[str, int, timedelta, None] = None,
        FailAfterRunChildren: str = "on success",
        RunAs: Optional[str] = None,
        Owner: Optional[str] = None,
        Group: Optional[str] = None,
        Permissions: str = "rwrwr-",
        Priority: Union[PriorityLevel, str] = PriorityLevel.NORMAL,
        AlertEmail: Optional[str] = None,
        AlertOnlyFailures: bool = False,
        AlertSMS: Optional[str] = None,
    ) -> None:
        self.Name = Name
        self.Tag = Tag
        self.Schedule = Schedule
        self.DevRun = DevRun
        self.WorkDir = WorkDir
        self.Image = Image
        self.Labels: Any = Labels
        self.FailAfter = FailAfter
        self.FailAfterRunChildren = FailAfterRunChildren
        self.RunAs = RunAs
        self.Owner = Owner
        self.Group = Group
        self.Permissions = Permissions
        self.Priority: Any = Priority
        self.AlertEmail = AlertEmail
        self.AlertOnlyFailures = AlertOnlyFailures
        self.AlertSMS = AlertSMS
        #: Id of the batch, once :meth:`save` or :meth:`run` returned.
        self.batch_id: Optional[str] = None
        #: Id of the latest run, once :meth:`run` returned.
        self.run_id: Optional[Run] = None
        #: The tasks, in the order in which they were built.
        self.tasks: List["Node"] = []
        self._edges: Dict[Tuple[int, int], Tuple["Linked", "Linked"]] = {}
        self._names: Dict[str, "Node"] = {}
        self._calls_of: Dict[str, int] = {}
        self._tokens: List[Any] = []
        self._has_calls = False
        self._submitted = False
        self._check()
        if WorkDir is not None and not self.DevRun:
            warnings.warn("WorkDir is ignored without DevRun=True", stacklevel=2)

    def _check(self) -> None:
        """Check every attribute, and bring it into its normal form."""
        import re

        self.Name = _checks.name("Name", self.Name)
        self.Tag = _checks.choice("Tag", _lowered(self.Tag), TAGS)
        if self.Schedule is not None and not isinstance(self.Schedule, ScheduleType):
            raise _checks.fail("Schedule", self.Schedule, "a Schedule or None")
        _checks.boolean("DevRun", self.DevRun)
        self._check_work_dir()
        self.Labels = _labels(self.Labels)
        self._fail_after_seconds()
        _checks.choice("FailAfterRunChildren", self.FailAfterRunChildren, CONDITIONS)
        for attribute in ("Image", "RunAs", "Owner", "Group", "AlertEmail", "AlertSMS"):
            _checks.optional_text(attribute, getattr(self, attribute))
        if re.fullmatch(_PERMISSIONS, _checks.text("Permissions", self.Permissions)) is None:
            raise _checks.fail("Permissions", self.Permissions, "six characters like 'rwrwr-'")
        self.Priority = priority_of("Priority", self.Priority)
        _checks.boolean("AlertOnlyFailures", self.AlertOnlyFailures)

    def _check_work_dir(self) -> None:
        if not self.DevRun:
            return
        if self.WorkDir is None:
            raise ValidationError("DevRun=True requires WorkDir", field="WorkDir")
        if not isinstance(self.WorkDir, (str, os.PathLike)):
            raise _checks.fail("WorkDir", self.WorkDir, "a path")
        folder = os.path.abspath(os.path.expanduser(self.WorkDir))
        if not os.path.isdir(folder):
            raise _checks.fail("WorkDir", str(self.WorkDir), "an existing folder")
        self.WorkDir = folder
        if self.Tag != "dev":
            raise ValidationError(f"a dev run has Tag 'dev', not {self.Tag!r}", field="Tag")

    def _fail_after_seconds(self) -> Optional[int]:
        return None if self.FailAfter is None else seconds_of("FailAfter", self.FailAfter)

    @property
    def edges(self) -> List[Tuple["Node", "Node"]]:
        """The edges, in the order in which they were first drawn, each once."""
        return list(self._edges.values())  # type: ignore[arg-type]

    def save(self) -> Union[str, int]:
        """Register the batch under (Name, Tag) and activate its schedule.

        Starts no run.  Returns the batch's id.  A dev run is never saved: this is then
        the same as :meth:`run`.
        """
        self._submitted = True
        if self.DevRun:
            if self.Schedule is not None and not self.Schedule.is_empty:
                warnings.warn("a dev run runs once: its Schedule is ignored", stacklevel=2)
            return _submit.run(self, None)
        return _submit.save(self)

    def run(self, rundate: Union[str, date, None] = None) -> Run:
        """Start one run of the DAG as it is here, now, without scheduling it.

        ``rundate`` (``'YYYY-MM-DD'`` or a date) replaces the one derived from the
        start.  Returns the run's id and does not wait for it; the id is an ``int`` with
        methods such as :meth:`Run.wait`.
        """
        self._submitted = True
        return _submit.run(self, rundate)

    def show(self) -> "Picture":
        """Return a drawing: print it for text, save it as SVG, or let a notebook show it.

        The picture is as the page draws the graph, if the configured server says so within
        2 s, and is placed here otherwise; the text asks nobody.
        """
        from fasti._picture import picture_of

        return picture_of(self)

    def _repr_svg_(self) -> str:
        return self.show().svg

    def __enter__(self) -> "DAG":
        self._submitted = False
        self._tokens.append(_context.enter_dag(self))
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        _context.leave_dag(self._tokens.pop())
        if error is not None or self._submitted:
            return
        if self.DevRun:
            self.run()
        elif self._has_calls:
            if self.Schedule is None or self.Schedule.is_empty:
                self.run()
            else:
                self.save()

    def __repr__(self) -> str:
        return f"<DAG {self.Name!r} ({self.Tag}), {len(self.tasks)} tasks>"

    def _add(self, task: "Node") -> None:
        names = task._names()
        for name in names:
            if name in self._names:
                raise DuplicateNameError(f"a task or part named {name!r} is in the DAG already")
        if len(set(names)) < len(names):
            raise DuplicateNameError(f"task {names[0]!r} has a part of its own name")
        self._names.update((name, task) for name in names)
        self.tasks.append(task)

    def _rename(self, task: "Node", old: str, new: str) -> None:
        if new == old:
            return
        if new in self._names:
            raise DuplicateNameError(f"a task or part named {new!r} is in the DAG already")
        del self._names[old]
        self._names[new] = task

    def _call_name(self, function: str) -> str:
        """Return the name of the next call of a function: f, f-1, f-2, ..."""
        number = self._calls_of.get(function, 0)
        while True:
            name = f"{function}-{number}" if number else function
            number += 1
            if name not in self._names:
                self._calls_of[function] = number
                return name

    def _link(self, source: "Linked", target: "Linked") -> None:
        self._edges.setdefault((id(source), id(target)), (source, target))


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _labels(value: Any) -> List[str]:
    if isinstance(value, str):
        value = [label.strip() for label in value.split(",") if label.strip()]
    labels = _checks.items("Labels", value)
    return [_checks.name("Labels", label) for label in labels]
