"""Drawings of a DAG: text for terminals, SVG for notebooks and files.

Only the standard library is used.  A picture is as the server's page draws the graph where
a server says so in time, and as it is placed here otherwise; the text asks nobody.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from fasti._errors import CyclicDependencyError
from fasti._graph import find_cycle

if TYPE_CHECKING:
    from fasti._dag import DAG

#: Measures of the drawing, in pixels.
_CHAR, _BOX_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 7.4, 34, 56, 16, 12
#: Longest label in a box, in characters.
_LABEL_CHARS = 36

#: Colours of boxes by status, and of those without one.
COLOURS = {
    "waiting": "#e8e8e8",
    "queued": "#d6e4f5",
    "running": "#9cc4f2",
    "success": "#b7e1bc",
    "failure": "#f2b3ad",
    "skipped": "#e6d9c6",
    "cancelled": "#d9cbe3",
}
_PLAIN = "#eef2f7"

_STYLE = "font-family:ui-sans-serif,system-ui,sans-serif;font-size:13px"


class Box(NamedTuple):
    """A node in a layer."""

    name: str
    label: str
    layer: int
    row: int


class Picture:
    """A drawn DAG: prints as text, shows as SVG in notebooks, and can be saved."""

    def __init__(
        self,
        title: str,
        labels: Mapping[str, str],
        edges: List[Tuple[str, str]],
        statuses: Optional[Mapping[str, str]] = None,
        places: Optional[Mapping[str, Tuple[int, int]]] = None,
        counts: Optional[Mapping[str, int]] = None,
    ) -> None:
        self._title = title
        self._labels = labels
        #: Parts of every task, where the server is to be asked.
        self._counts = counts
        self._svg: Optional[str] = None
        self._edges = edges
        self._statuses = statuses or {}
        self._boxes = placed(labels, edges, places)

    @property
    def text(self) -> str:
        """The DAG as lines of text: layer, task, and what it waits for."""
        before: Dict[str, List[str]] = {}
        for source, target in self._edges:
            before.setdefault(target, []).append(source)
        lines = [self._title]
        wide = max((len(box.label) for box in self._boxes.values()), default=0)
        for box in sorted(self._boxes.values(), key=lambda box: (box.layer, box.row)):
            waits = ", ".join(before.get(box.name, []))
            line = f"{box.layer + 1:>3}  {box.label:<{wide}}"
            lines.append((line + (f"  <- {waits}" if waits else "")).rstrip())
        return "\n".join(lines)

    @property
    def svg(self) -> str:
        """The DAG as an SVG document, from left to right.

        Drawn once; where the boxes are is asked of the server for 2 s at most.
        """
        if self._svg is None:
            self._svg = self._placed_by_server() or _svg(
                self._title, self._boxes, self._edges, self._statuses
            )
        return self._svg

    def _placed_by_server(self) -> Optional[str]:
        if self._counts is None:
            return None
        from fasti import _layout

        layout = _layout.layout_of(self._counts, self._edges)
        if layout is None:
            return None
        return _layout.drawn(layout, self._title, self._labels, self._edges)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write the drawing: SVG if the name ends with ``.svg``, else text."""
        name = os.fspath(path)
        with open(name, "w", encoding="utf-8") as file:
            file.write(self.svg if name.endswith(".svg") else self.text + "\n")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_svg_(self) -> str:
        return self.svg


def picture_of(dag: "DAG") -> Picture:
    """Return the drawing of a DAG; raises :class:`CyclicDependencyError` for a cycle."""
    labels, counts = {}, {}
    for task in dag.tasks:
        parts = len(task._names()) - 1
        counts[task.Name] = parts
        labels[task.Name] = f"{task.Name} [{parts}]" if parts else task.Name
    edges = [(source.Name, target.Name) for source, target in dag.edges]
    title = f"{dag.Name} ({dag.Tag}): {len(dag.tasks)} tasks, {len(edges)} edges"
    return Picture(title, labels, edges, counts=counts)


def placed(
    labels: Mapping[str, str],
    edges: List[Tuple[str, str]],
    places: Optional[Mapping[str, Tuple[int, int]]] = None,
) -> Dict[str, Box]:
    """Give every node a layer behind all it waits for, and a row near those.

    Where a server has placed them (``places``), its layers and rows count.
    """
    if places is not None:
        return {name: Box(name, label, *places[name]) for name, label in labels.items()}
    names = list(labels)
    layers = _layers(names, edges)
    before: Dict[str, List[str]] = {}
    for source, target in edges:
        before.setdefault(target, []).append(source)
    rows: Dict[str, float] = {}
    boxes: Dict[str, Box] = {}
    for layer in range(max(layers.values(), default=-1) + 1):
        members = [name for name in names if layers[name] == layer]

        def wish(name: str) -> float:
            above = [rows[source] for source in before.get(name, ())]
            return sum(above) / len(above) if above else len(rows)

        members.sort(key=wish)
        for row, name in enumerate(members):
            rows[name] = row - (len(members) - 1) / 2
            boxes[name] = Box(name, labels[name], layer, row)
    return boxes


def _layers(names: List[str], edges: List[Tuple[str, str]]) -> Dict[str, int]:
    index = {name: number for number, name in enumerate(names)}
    cycle = find_cycle(len(names), [(index[source], index[target]) for source, target in edges])
    if cycle is not None:
        chain = " >> ".join(repr(names[number]) for number in [*cycle, cycle[0]])
        raise CyclicDependencyError(f"the tasks wait for each other: {chain}", field="edges")
    after: Dict[str, List[str]] = {name: [] for name in names}
    missing = dict.fromkeys(names, 0)
    for source, target in edges:
        after[source].append(target)
        missing[target] += 1
    layers = dict.fromkeys(names, 0)
    ready = [name for name in names if not missing[name]]
    for name in ready:  # grows while it is walked
        for target in after[name]:
            layers[target] = max(layers[target], layers[name] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return layers


def _svg(
    title: str,
    boxes: Mapping[str, Box],
    edges: List[Tuple[str, str]],
    statuses: Mapping[str, str],
) -> str:
    columns: Dict[int, float] = {}
    counts: Dict[int, int] = {}
    for box in boxes.values():
        width = len(_short(box.label)) * _CHAR + 20
        columns[box.layer] = max(columns.get(box.layer, 0), width)
        counts[box.layer] = counts.get(box.layer, 0) + 1
    lefts, x = {}, float(_MARGIN)
    for layer in sorted(columns):
        lefts[layer] = x
        x += columns[layer] + _GAP_X
    tallest = max(counts.values(), default=0)
    height = 2 * _MARGIN + tallest * (_BOX_HEIGHT + _GAP_Y)
    width = max(x - _GAP_X + _MARGIN, 2 * _MARGIN)

    def middle(box: Box) -> float:
        above = (tallest - counts[box.layer]) / 2 + box.row + 0.5
        return _MARGIN + above * (_BOX_HEIGHT + _GAP_Y)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" style="{_STYLE}">',
        f"<title>{escape(title)}</title>",
        '<defs><marker id="fasti-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a8699"/></marker></defs>',
    ]
    for source, target in edges:
        one, other = boxes[source], boxes[target]
        from_x, to_x = lefts[one.layer] + columns[one.layer], lefts[other.layer]
        bend = (from_x + to_x) / 2
        lines.append(
            f'<path d="M{from_x:.1f} {middle(one):.1f}C{bend:.1f} {middle(one):.1f} {bend:.1f} '
            f'{middle(other):.1f} {to_x:.1f} {middle(other):.1f}" fill="none" stroke="#7a8699" '
            'marker-end="url(#fasti-arrow)"/>'
        )
    for name, box in boxes.items():
        colour = COLOURS.get(statuses.get(name, ""), _PLAIN)
        top, left = middle(box) - _BOX_HEIGHT / 2, lefts[box.layer]
        lines.append(
            f'<g><title>{escape(box.label)}</title><rect x="{left:.1f}" y="{top:.1f}" '
            f'width="{columns[box.layer]:.1f}" height="{_BOX_HEIGHT}" rx="6" fill="{colour}" '
            f'stroke="#7a8699"/><text x="{left + columns[box.layer] / 2:.1f}" '
            f'y="{top + _BOX_HEIGHT / 2 + 4.5:.1f}" text-anchor="middle" fill="#1d2733">'
            f"{escape(_short(box.label))}</text></g>"
        )
    lines.append("</svg>")
    return "\n".join(lines)


def _short(label: str) -> str:
    return label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 1] + "\u2026"
