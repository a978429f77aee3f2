"""The table of runs: newest first, a page at a time."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Dict, List, Optional

import ipywidgets

from fasti._widget import _format
from fasti._widget._reader import FINAL, PAGE_RUNS, Page, Reader

_HEAD = ("id", "rundate", "scheduled", "started", "finished", "duration", "status", "type")

Guarded = Callable[[Callable[..., None]], Callable[..., None]]


class RunTable:
    """Rows with a button each; ``preview`` is called with the item of a row."""

    def __init__(self, reader: Reader, preview: Callable[[Dict[str, Any]], None]) -> None:
        self._reader = reader
        self._preview = preview
        self._filters: Dict[str, str] = {}
        #: Cursors of the pages before this one, and of this one.
        self._cursors: List[Optional[str]] = [None]
        self._page = Page([], None, None)
        self._current: Optional[int] = None
        self._rows = [_Row(number, self._chosen) for number in range(PAGE_RUNS)]
        self._where = ipywidgets.HTML()
        self._newer = ipywidgets.Button(description="‹ Newer", layout={"width": "84px"})
        self._older = ipywidgets.Button(description="Older ›", layout={"width": "84px"})
        self._again = ipywidgets.Button(description="Refresh", layout={"width": "84px"})
        pager = ipywidgets.HBox([self._newer, self._older, self._again, self._where])
        pager.add_class("fasti-pager")
        head = ipywidgets.HBox([ipywidgets.HTML(_cells(_HEAD, "fasti-row fasti-head"))])
        head.add_class("fasti-line")
        table = ipywidgets.VBox([head, *(row.box for row in self._rows)])
        table.add_class("fasti-table")
        self.box = ipywidgets.VBox([table, pager])

    def connect(self, guarded: Guarded) -> None:
        """Listen to the buttons."""
        self._newer.on_click(guarded(self._to_newer))
        self._older.on_click(guarded(self._to_older))
        self._again.on_click(guarded(self.load))
        for row in self._rows:
            row.connect(guarded)

    @property
    def total(self) -> Optional[int]:
        """How many runs there are with these filters, where that is known."""
        return self._page.total

    @property
    def is_over(self) -> bool:
        """Whether no run on this page can change any more."""
        return all(item["status"] in FINAL for item in self._page.items)

    def filter(self, filters: Dict[str, str]) -> None:
        """Show the first page of what fits."""
        self._filters, self._cursors = filters, [None]
        self.load()

    def load(self, _: Any = None) -> None:
        """Read the page that is shown, and show it."""
        self._page = self._reader.runs(self._filters, self._cursors[-1])
        items = self._page.items
        for number, row in enumerate(self._rows):
            row.show(items[number] if number < len(items) else None, self._current)
        first = PAGE_RUNS * (len(self._cursors) - 1)
        if not items:
            text = "no runs fit" if self._filters else "no runs yet"
        else:
            of = "" if self._page.total is None else f" of {self._page.total:,}"
            text = f"{first + 1}–{first + len(items)}{of}"
        self._where.value = f'<span class="fasti-quiet">{text}</span>'
        self._newer.disabled = len(self._cursors) == 1
        self._older.disabled = self._page.older is None

    def mark(self, number: Optional[int]) -> None:
        """Mark the row of an id, or none."""
        self._current = number
        for row in self._rows:
            row.mark(number)

    def _to_newer(self, _: Any) -> None:
        self._cursors = self._cursors[:-1] or [None]
        self.load()

    def _to_older(self, _: Any) -> None:
        if self._page.older is not None:
            self._cursors = [*self._cursors, self._page.older]
            self.load()

    def _chosen(self, number: int) -> None:
        self._preview(self._page.items[number])


class _Row:
    """One line, used for whatever run is on it."""

    def __init__(self, number: int, chosen: Callable[[int], None]) -> None:
        self._number = number
        self._chosen = chosen
        self._id: Optional[int] = None
        self._cells = ipywidgets.HTML()
        self._button = ipywidgets.Button(
            description="Preview", layout={"width": "80px", "flex": "0 0 auto"}
        )
        self.box = ipywidgets.HBox([self._cells, self._button], layout={"display": "none"})
        self.box.add_class("fasti-line")

    def connect(self, guarded: Guarded) -> None:
        self._button.on_click(guarded(lambda _: self._chosen(self._number)))

    def show(self, item: Optional[Dict[str, Any]], current: Optional[int]) -> None:
        display = "none" if item is None else ""
        if self.box.layout.display != display:
            self.box.layout.display = display
        self._id = None if item is None else int(item["id"])
        if item is not None:
            texts = (
                str(item["id"]),
                item.get("rundate") or "–",
                _format.when(item["scheduled_time"]),
                _format.clock(item.get("started_at"), item["scheduled_time"]),
                _format.clock(item.get("finished_at"), item["scheduled_time"]),
                _format.duration(item.get("started_at"), item.get("finished_at")),
            )
            cells = [f"<span>{escape(text)}</span>" for text in texts]
            cells.append(f"<span>{_format.status(item['status'])}</span>")
            cells.append(f"<span>{escape(item.get('run_type') or '')}</span>")
            value = f'<div class="fasti-row" role="row">{"".join(cells)}</div>'
            if self._cells.value != value:
                self._cells.value = value
        self.mark(current)

    def mark(self, number: Optional[int]) -> None:
        if self._id is not None and self._id == number:
            self.box.add_class("fasti-current")
        else:
            self.box.remove_class("fasti-current")


def _cells(texts: Any, kind: str) -> str:
    cells = "".join(f"<span>{escape(text)}</span>" for text in texts)
    return f'<div class="{kind}" role="row">{cells}</div>'
