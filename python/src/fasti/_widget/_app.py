"""The whole widget: title, filters, table, preview, and the ticker that keeps it fresh."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Dict

import ipywidgets

from fasti._widget import _style
from fasti._widget._filters import Filters
from fasti._widget._guard import Guard
from fasti._widget._preview import Preview
from fasti._widget._reader import Reader
from fasti._widget._table import RunTable
from fasti._widget._ticker import Ticker

if TYPE_CHECKING:
    from fasti._results import BatchRunResults


class App:
    """Shows one ``BatchRunResults``."""

    def __init__(self, results: "BatchRunResults") -> None:
        self._reader = Reader(results)
        self._guard = Guard()
        self.table = RunTable(self._reader, self._preview)
        self.filters = Filters(self._filter)
        self.preview = Preview(self._reader, lambda: self.table.mark(None))
        self.ticker = Ticker(lambda: self._guard.attempt(self._look, by_clock=True), self._is_done)
        self._title = ipywidgets.HTML(_title(*self._reader.title))
        parts = (self.filters, self.table, self.preview)
        for part in parts:
            part.connect(self._guarded)
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HTML(_style.html(), layout={"display": "none"}),
                self._title,
                self.filters.box,
                self._guard.line,
                self.table.box,
                self.preview.box,
            ]
        )
        self.box.add_class("fasti")
        self._guarded(self.table.load)()

    def _guarded(self, function: Any) -> Any:
        """Guard what a click does; afterwards something may be worth watching."""
        guarded = self._guard.guarded(function)

        def call(*args: Any) -> None:
            guarded(*args)
            self.ticker.start()

        return call

    def _filter(self, filters: Dict[str, str]) -> None:
        self.table.filter(filters)

    def _preview(self, item: Dict[str, Any]) -> None:
        self.table.mark(int(item["id"]))
        if "run_id" in item:
            self.preview.show_task_run(item)
        else:
            self.preview.show_run(item)

    def _look(self) -> None:
        self.preview.refresh()
        if not self.table.is_over:
            self.table.load()

    def _is_done(self) -> bool:
        is_closed = self.box.comm is None
        return is_closed or (self.table.is_over and self.preview.is_over)


def _title(batch: str, job: Any) -> str:
    of = "" if job is None else f" <small>job {escape(job)}</small>"
    return f'<div class="fasti-title">{escape(batch)}{of}</div>'
