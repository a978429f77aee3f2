"""The tab of a result: the value as the notebook shows values, or why there is none."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Dict, List, Optional, Tuple

import ipywidgets

from fasti import _jobs
from fasti._widget import _format, _guard
from fasti._widget._reader import FINAL

#: Values up to this size are loaded without being asked for, in bytes.
UNASKED_BYTES_MAX = 10_000_000

#: Rows of a list that are shown as a table.
_ROWS_MAX, _COLUMNS_MAX = 200, 40


class ValueTab:
    """Shows the value of one task run at a time."""

    def __init__(self) -> None:
        self._note = ipywidgets.HTML()
        self._load = ipywidgets.Button(layout={"display": "none", "width": "160px"})
        self._output = ipywidgets.Output()
        self._output.add_class("fasti-values")
        self.box = ipywidgets.VBox([self._note, self._load, self._output])
        self._shown: Optional[Tuple[Any, ...]] = None
        self._wanted: Optional[int] = None

    def connect(self, guarded: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Listen to the button."""
        self._load.on_click(guarded(self._ask))

    def show(self, task_run: Dict[str, Any]) -> None:
        """Show what there is; a value that is shown already is not loaded again."""
        number, status, result = int(task_run["id"]), task_run["status"], task_run.get("result")
        key = (number, status, result and result["sha256"])
        if key == self._shown:
            return
        self._shown, self._wanted = key, number
        self._output.outputs = ()
        self._load.layout.display = "none"
        if result is None:
            self._note.value = _format.quiet(_why_none(task_run))
        elif result["size"] > UNASKED_BYTES_MAX:
            self._note.value = _format.quiet("The value is large; it is loaded when asked for.")
            self._load.description = f"Load {_format.size(result['size'])}"
            self._load.layout.display = ""
        else:
            self._fetch(number)

    def _ask(self, _: Any) -> None:
        if self._wanted is not None:
            self._load.layout.display = "none"
            self._fetch(self._wanted)

    def _fetch(self, number: int) -> None:
        self._note.value = ""
        try:
            value = _jobs.get_job_result(number)[1]
            self._output.outputs = (_shown(value),)
        except Exception as error:
            # Unpickling runs code of the value's classes: anything can be raised.
            self._note.value = f'<div class="fasti-error">{escape(_guard.described(error))}</div>'


def _why_none(task_run: Dict[str, Any]) -> str:
    status = task_run["status"]
    if status not in FINAL:
        return f"No result yet: the task is {status}."
    if status == "success":
        return "The task succeeded and has no value."
    reason = task_run.get("status_reason")
    return f"No result: {status}" + (f" – {reason}" if reason else "")


def _shown(value: Any) -> Dict[str, Any]:
    """Return the output that a cell ending with ``value`` would have."""
    from IPython.core.interactiveshell import InteractiveShell

    metadata: Dict[str, Any] = {}
    table = _table(value)
    if table is not None:
        data: Dict[str, Any] = {"text/html": table, "text/plain": repr(value)[:10_000]}
    else:
        data, metadata = InteractiveShell.instance().display_formatter.format(value)
        # What displays itself by other means has no data of its own.
        data = data or {"text/plain": repr(value)}
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _table(value: Any) -> Optional[str]:
    """Return a list of dicts with the same keys as a table; None for anything else."""
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if not all(isinstance(row, dict) for row in value):
        return None
    columns: List[Any] = list(value[0])
    if not columns or len(columns) > _COLUMNS_MAX or any(list(row) != columns for row in value):
        return None
    head = "".join(f"<th>{escape(str(column))}</th>" for column in columns)
    rows = [
        "<tr>" + "".join(f"<td>{escape(str(row[column]))}</td>" for column in columns) + "</tr>"
        for row in value[:_ROWS_MAX]
    ]
    more = f"and {len(value) - _ROWS_MAX:,} more" if len(value) > _ROWS_MAX else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"
