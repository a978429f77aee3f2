"""What is below the table once a run is chosen: its graph, and the tabs of one of its tasks."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Dict, List, Optional, Tuple

import ipywidgets

from fasti._widget import _format, _panes
from fasti._widget._model import Box, Model, model
from fasti._widget._reader import FINAL, Reader
from fasti._widget._tabs import TaskTabs

#: Parts that the list of parts holds, those that failed first.
_PARTS_MAX = 2_000

Guarded = Callable[[Callable[..., None]], Callable[..., None]]


class Preview:
    """One run with its graph, or one task run without."""

    def __init__(self, reader: Reader, closed: Callable[[], None]) -> None:
        self._reader = reader
        self._closed = closed
        self._run: Optional[Dict[str, Any]] = None
        #: Where its tasks are drawn: the same for as long as it is shown.
        self._layout: Optional[Dict[str, Any]] = None
        self._model: Optional[Model] = None
        self._pane: Any = None
        self._chosen: Optional[str] = None
        self._guarded: Optional[Guarded] = None
        #: Whether the list of parts changes by our hand.
        self._is_filling = False
        self._title = ipywidgets.HTML()
        self._close = ipywidgets.Button(description="Close", layout={"width": "72px"})
        self._task = ipywidgets.Dropdown(description="Task", style={"description_width": "auto"})
        self._part = ipywidgets.Dropdown(description="Part", style={"description_width": "auto"})
        self._kind = ipywidgets.Dropdown(
            options=_panes.available(),
            description="Graph",
            layout={"width": "180px"},
            style={"description_width": "auto"},
        )
        bar = ipywidgets.HBox([self._title, self._close])
        bar.add_class("fasti-bar")
        self._choices = ipywidgets.HBox([self._task, self._part, self._kind])
        self._choices.add_class("fasti-choices")
        self._graph = ipywidgets.VBox([])
        self.tabs = TaskTabs(reader)
        self.box = ipywidgets.VBox(
            [bar, self._choices, self._graph, self.tabs.box], layout={"display": "none"}
        )
        self.box.add_class("fasti-preview")

    def connect(self, guarded: Guarded) -> None:
        """Listen to buttons and lists."""
        self._guarded = guarded
        self._close.on_click(guarded(lambda _: self.close()))
        self._task.observe(guarded(self._on_task), "value")
        self._part.observe(guarded(self._on_part), "value")
        self._kind.observe(guarded(lambda _: self._draw()), "value")
        self.tabs.connect(guarded)

    @property
    def is_over(self) -> bool:
        """Whether nothing of what is shown can change any more."""
        run_is_over = self._run is None or self._run["status"] in FINAL
        return run_is_over and self.tabs.is_over

    def show_run(self, run: Dict[str, Any]) -> None:
        """Show a run with its graph; a task is chosen by the user."""
        self._run, self._chosen = run, None
        self.tabs.show(None)
        self._layout = self._reader.layout(run["id"])
        self._read()
        assert self._model is not None, "just read"
        self._task.options = [("choose a task", ""), *((name, name) for name in self._model.boxes)]
        self._choices.layout.display = self._graph.layout.display = ""
        self._part.layout.display = "none"
        self._draw()
        self.box.layout.display = ""

    def show_task_run(self, item: Dict[str, Any]) -> None:
        """Show the tabs of a task run alone."""
        self._run = self._model = self._pane = None
        self._choices.layout.display = self._graph.layout.display = "none"
        due = _format.when(item["scheduled_time"])
        self._title.value = f"<b>Run {int(item['run_id'])}</b>, due {escape(due)}"
        self.tabs.show(int(item["id"]))
        self.box.layout.display = ""

    def close(self) -> None:
        """Show nothing."""
        self._run = self._model = self._pane = None
        self._graph.children = ()
        self.tabs.show(None)
        self.box.layout.display = "none"
        self._closed()

    def refresh(self) -> None:
        """Read what is shown again, as far as it can have changed."""
        if self._run is not None and self._run["status"] not in FINAL:
            self._run = self._reader.run(self._run["id"])
            self._read()
            self._show()
        if not self.tabs.is_over:
            self.tabs.refresh()

    def _read(self) -> None:
        assert self._run is not None, "a run is shown"
        self._model = model(self._reader.graph(self._run["id"]), self._layout)
        took = _format.duration(self._run.get("started_at"), self._run.get("finished_at"))
        self._title.value = (
            f"<b>Run {int(self._run['id'])}</b> {_format.status(self._run['status'])} "
            f'<span class="fasti-quiet">{escape(took)}</span>'
        )

    def _draw(self) -> None:
        """Make the pane that is asked for; one that does not load leaves the one before."""
        if self._model is None or self._guarded is None:
            return
        self._pane = _panes.make(self._kind.value, self._model, self._guarded(self._pick))
        self._graph.children = (self._pane.box,)
        self._show()

    def _show(self) -> None:
        if self._pane is not None and self._model is not None:
            self._pane.show(self._model, self._chosen)

    def _pick(self, name: str) -> None:
        """A box was clicked: the same as choosing it in the list."""
        if self._task.value == name:
            self._choose(name)
        else:
            self._task.value = name

    def _on_task(self, change: Dict[str, Any]) -> None:
        if change["new"] and self._model is not None:
            self._choose(change["new"])

    def _choose(self, name: str) -> None:
        assert self._model is not None, "a graph is shown"
        box = self._model.boxes[name]
        self._chosen = name
        first = box.telling
        self._is_filling = True
        try:
            self._part.options = _parts(box) if len(box.parts) > 1 else ()
            if len(box.parts) > 1:
                self._part.value = first.id
        finally:
            self._is_filling = False
        self._part.layout.display = "" if len(box.parts) > 1 else "none"
        self._show()
        self.tabs.show(first.id)

    def _on_part(self, change: Dict[str, Any]) -> None:
        if change["new"] is not None and not self._is_filling:
            self.tabs.show(int(change["new"]))


def _parts(box: Box) -> List[Tuple[str, int]]:
    """Return what the list of parts shows and means."""
    parts = box.parts
    if len(parts) > _PARTS_MAX:
        parts = tuple(sorted(parts, key=lambda part: part.status == "success"))[:_PARTS_MAX]
    return [(f"{part.name} ({part.status})", part.id) for part in parts]
