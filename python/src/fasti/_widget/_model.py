"""The graph of a run as it is drawn: a box a task, wide parallel tasks as one box."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

#: Parallel tasks with more parts than this are one box.
PARTS_APART_MAX = 6

#: Which status speaks for several: the first of these that there is.
_LOUDEST = ("failure", "cancelled", "running", "queued", "waiting", "skipped", "success")


class Part(NamedTuple):
    """A task run."""

    id: int
    name: str
    status: str


class Box(NamedTuple):
    """A task, a part, or a parallel task with all its parts."""

    name: str
    parts: Tuple[Part, ...]

    @property
    def status(self) -> str:
        """The status that speaks for all parts."""
        there = {part.status for part in self.parts}
        return next((status for status in _LOUDEST if status in there), self.parts[0].status)

    @property
    def label(self) -> str:
        """Its name; of several parts also how many are done."""
        if len(self.parts) == 1:
            return self.name
        done = sum(part.status == "success" for part in self.parts)
        return f"{self.name}  {done}/{len(self.parts)}"

    @property
    def telling(self) -> Part:
        """The part that one wants to see first."""
        status = self.status
        return next(part for part in self.parts if part.status == status)


class Model(NamedTuple):
    """Boxes by name, in the order of the definition, and edges between them."""

    boxes: Dict[str, Box]
    edges: List[Tuple[str, str]]
    #: Layer and row of every box, as the server draws the graph; None where it did not say.
    places: Optional[Dict[str, Tuple[int, int]]] = None


def model(graph: Dict[str, Any], layout: Optional[Dict[str, Any]] = None) -> Model:
    """Return what is drawn of the answers of ``GET /runs/{id}/graph`` and ``/layout``."""
    tasks: Dict[str, List[Part]] = {}
    for node in graph["nodes"]:
        part = Part(int(node["id"]), node["name"], node["status"])
        tasks.setdefault(node.get("group") or node["name"], []).append(part)
    boxes: Dict[str, Box] = {}
    names: Dict[str, List[str]] = {}
    for task, parts in tasks.items():
        if len(parts) > PARTS_APART_MAX:
            boxes[task], names[task] = Box(task, tuple(parts)), [task]
            continue
        names[task] = [part.name for part in parts]
        boxes.update((part.name, Box(part.name, (part,))) for part in parts)
    edges = [
        (source, target)
        for edge in graph["task_edges"]
        for source in names[edge["from"]]
        for target in names[edge["to"]]
    ]
    return Model(boxes, edges, None if layout is None else _places(layout, names))


def _places(
    layout: Dict[str, Any], names: Dict[str, List[str]]
) -> Optional[Dict[str, Tuple[int, int]]]:
    """Place every box where its task is; parts that are drawn apart are one below the other."""
    if set(layout["names"]) != set(names):
        return None
    layers = {x: layer for layer, x in enumerate(sorted(set(layout["x"])))}
    tasks = sorted(zip(layout["x"], layout["y"], layout["names"]))
    rows: Dict[int, int] = {}
    places: Dict[str, Tuple[int, int]] = {}
    for x, _, task in tasks:
        layer = layers[x]
        for name in names[task]:
            places[name] = (layer, rows.get(layer, 0))
            rows[layer] = rows.get(layer, 0) + 1
    return places
