"""The pane of our own: boxes are buttons on a grid, over edges drawn as SVG.

Buttons, because they reach the kernel without any script of ours, work with the
keyboard, and change one by one while a run goes on.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import ipywidgets

from fasti import _picture
from fasti._widget._model import Model

#: Boxes that are buttons at most; of larger graphs there is a drawing, to look at only.
BOXES_MAX = 200

#: Measures in pixels: a row is two half rows, so that layers can be centred.
_HALF_ROW, _BOX, _GAP, _CHAR, _PADDING = 25, 34, 56, 7.3, 26
_COLUMN_MIN, _COLUMN_MAX = 90, 240


class Pane:
    """Draws a model; ``pick`` is called with the name of a box."""

    def __init__(self, model: Model, pick: Callable[[str], None]) -> None:
        self._shown: Dict[str, str] = {}
        self._chosen: Optional[str] = None
        self._buttons: Dict[str, Any] = {}
        labels = {name: box.label for name, box in model.boxes.items()}
        if len(labels) > BOXES_MAX:
            self._drawing = ipywidgets.HTML()
            inner = self._drawing
        else:
            self._drawing = None
            inner = self._grid(model, labels, pick)
        self.box = ipywidgets.Box([inner])
        self.box.add_class("fasti-graph")

    def show(self, model: Model, chosen: Optional[str]) -> None:
        """Show statuses and choice; what is the same as before is left alone."""
        if self._drawing is not None:
            labels = {name: box.label for name, box in model.boxes.items()}
            statuses = {name: box.status for name, box in model.boxes.items()}
            svg = _picture.Picture("", labels, model.edges, statuses, model.places).svg
            if self._drawing.value != svg:
                self._drawing.value = svg
            return
        for name, box in model.boxes.items():
            button = self._buttons[name]
            before = self._shown.get(name)
            if before != box.status:
                if before is not None:
                    button.remove_class(f"fasti-s-{before}")
                button.add_class(f"fasti-s-{box.status}")
                self._shown[name] = box.status
            if button.description != box.label:
                button.description = box.label
            button.tooltip = f"{box.label}: {box.status}"
        if chosen != self._chosen:
            if self._chosen in self._buttons:
                self._buttons[self._chosen].remove_class("fasti-chosen")
            if chosen in self._buttons:
                self._buttons[chosen].add_class("fasti-chosen")
            self._chosen = chosen

    def _grid(self, model: Model, labels: Dict[str, str], pick: Callable[[str], None]) -> Any:
        placed = _picture.placed(labels, model.edges, model.places)
        widths = _widths(placed)
        counts = [
            sum(box.layer == layer for box in placed.values()) for layer in range(len(widths))
        ]
        tallest = max(counts, default=1)
        edges = ipywidgets.HTML(
            _edges(model, placed, widths, counts), layout={"grid_area": "1 / 1 / -1 / -1"}
        )
        for name, box in placed.items():
            row = tallest - counts[box.layer] + 2 * box.row + 1
            column = 2 * box.layer + 1
            button = ipywidgets.Button(
                description=labels[name],
                layout={
                    "grid_area": f"{row} / {column} / span 2 / span 1",
                    "width": "100%",
                    "align_self": "center",
                },
            )
            button.on_click(lambda _, name=name: pick(name))
            self._buttons[name] = button
        columns = f" {_GAP}px ".join(f"{width}px" for width in widths)
        grid = ipywidgets.GridBox(
            [edges, *self._buttons.values()],
            layout={
                "grid_template_columns": columns,
                "grid_template_rows": f"repeat({2 * tallest}, {_HALF_ROW}px)",
                "width": f"{sum(widths) + _GAP * (len(widths) - 1)}px",
                "grid_gap": "0",
            },
        )
        grid.add_class("fasti-boxes")
        return grid


def _widths(placed: Dict[str, "_picture.Box"]) -> List[int]:
    """Return the width of every layer."""
    widths: Dict[int, int] = {}
    for box in placed.values():
        wanted = int(len(box.label) * _CHAR) + _PADDING
        bounded = min(max(wanted, _COLUMN_MIN), _COLUMN_MAX)
        widths[box.layer] = max(widths.get(box.layer, 0), bounded)
    return [widths[layer] for layer in sorted(widths)]


def _edges(
    model: Model, placed: Dict[str, "_picture.Box"], widths: List[int], counts: List[int]
) -> str:
    lefts = [sum(widths[:layer]) + _GAP * layer for layer in range(len(widths))]
    tallest = max(counts, default=1)

    def middle(box: "_picture.Box") -> int:
        return _HALF_ROW * (tallest - counts[box.layer] + 2 * box.row + 1)

    width = lefts[-1] + widths[-1] if widths else 0
    lines = [
        f'<svg width="{width}" height="{2 * tallest * _HALF_ROW}" aria-hidden="true">'
        '<defs><marker id="fasti-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a8699"/></marker></defs>'
    ]
    for source, target in model.edges:
        one, other = placed[source], placed[target]
        start, end = lefts[one.layer] + widths[one.layer], lefts[other.layer]
        bend = (start + end) / 2
        lines.append(
            f'<path d="M{start} {middle(one)}C{bend} {middle(one)} {bend} {middle(other)} '
            f'{end} {middle(other)}" fill="none" stroke="#7a8699" marker-end="url(#fasti-tip)"/>'
        )
    return "".join([*lines, "</svg>"])
