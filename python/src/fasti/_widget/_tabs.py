"""The tabs of one task run: standard output, standard error, metrics, result."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Dict, Optional

import ipywidgets

from fasti import _client
from fasti._widget import _format, _plot
from fasti._widget._reader import FINAL, LOG_BYTES, Reader
from fasti._widget._value import ValueTab

_TITLES = ("stdout", "stderr", "metrics", "result")


class TaskTabs:
    """Shows one task run at a time; only the tab that is seen is loaded."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._number: Optional[int] = None
        self._task_run: Dict[str, Any] = {}
        self._facts = ipywidgets.HTML()
        self._texts = {title: ipywidgets.HTML() for title in _TITLES[:3]}
        self._value = ValueTab()
        self._tab = ipywidgets.Tab([*self._texts.values(), self._value.box], titles=_TITLES)
        self.box = ipywidgets.VBox([self._facts, self._tab], layout={"display": "none"})

    def connect(self, guarded: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Listen to the tabs."""
        self._tab.observe(guarded(self._load), "selected_index")
        self._value.connect(guarded)

    @property
    def is_over(self) -> bool:
        """Whether nothing of what is shown can change any more."""
        return self._number is None or self._task_run.get("status") in FINAL

    def show(self, number: Optional[int]) -> None:
        """Show another task run, or none."""
        if number != self._number:
            for text in self._texts.values():
                text.value = ""
        self._number = number
        self.box.layout.display = "none" if number is None else ""
        self.refresh()

    def refresh(self) -> None:
        """Read the task run and the tab that is seen again."""
        if self._number is None:
            return
        self._task_run = self._reader.task_run(self._number)
        self._set(self._facts, _facts(self._task_run))
        self._load()

    def _load(self, _: Any = None) -> None:
        if self._number is None:
            return
        title = _TITLES[self._tab.selected_index or 0]
        if title == "result":
            self._value.show(self._task_run)
        elif title == "metrics":
            metrics = _client.default().get(f"/task-runs/{self._number}/metrics")
            nothing = _format.quiet("No metrics: the task has not started.")
            self._set(self._texts[title], _plot.charts(metrics) or nothing)
        else:
            self._set(self._texts[title], self._log(title))

    def _log(self, stream: str) -> str:
        assert self._number is not None, "a task run is shown"
        if self._task_run.get("started_at") is None:
            return _format.quiet("Nothing: the task has not started.")
        text, size = self._reader.log(self._number, stream)
        if not text:
            return _format.quiet(f"Nothing on {stream}.")
        note = ""
        if size > LOG_BYTES:
            call = f"get_job_logs({self._number})"
            kept = (
                f"The last {LOG_BYTES // 1024} KiB of {_format.size(size)}; {call} has all of it."
            )
            note = _format.quiet(kept)
        # A NUL cannot stand in HTML.
        shown = escape(text.replace("\0", "␀"))
        return f'{note}<div class="fasti-log"><pre>{shown}</pre></div>'

    def _set(self, field: Any, value: str) -> None:
        if field.value != value:
            field.value = value


def _facts(task_run: Dict[str, Any]) -> str:
    start, end = task_run.get("started_at"), task_run.get("finished_at")
    facts = [f"task run {task_run['id']}", _format.duration(start, end)]
    if task_run.get("max_attempts", 1) > 1 and task_run.get("attempt"):
        facts.append(f"attempt {task_run['attempt']} of {task_run['max_attempts']}")
    if task_run.get("reused_from") is not None:
        facts.append(f"reused from {task_run['reused_from']}")
    for reason in (task_run.get("status_reason"), task_run.get("queue_reason")):
        if reason:
            facts.append(reason.splitlines()[0][:200])
    rest = "".join(f'<span class="fasti-quiet">{escape(fact)}</span>' for fact in facts)
    name = f"<b>{escape(task_run['name'])}</b>"
    return f'<div class="fasti-facts">{name}{_format.status(task_run["status"])}{rest}</div>'
