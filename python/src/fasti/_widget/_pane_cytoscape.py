"""The pane by ipycytoscape: boxes can be dragged, and the wheel zooms."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import ipycytoscape
import ipywidgets

from fasti import _picture
from fasti._widget._model import Model

_LAYER, _ROW = 190, 62


class Pane:
    """Draws a model; ``pick`` is called with the name of a box."""

    def __init__(self, model: Model, pick: Callable[[str], None]) -> None:
        labels = {name: box.label for name, box in model.boxes.items()}
        placed = _picture.placed(labels, model.edges, model.places)
        counts: Dict[int, int] = {}
        for place in placed.values():
            counts[place.layer] = counts.get(place.layer, 0) + 1
        nodes = [
            {
                "data": {"id": name, "label": place.label},
                "position": {
                    "x": place.layer * _LAYER,
                    "y": (place.row - (counts[place.layer] - 1) / 2) * _ROW,
                },
            }
            for name, place in placed.items()
        ]
        height = min(max(_ROW * max([*counts.values(), 2]) + 40, 160), 420)
        edges = [{"data": {"source": one, "target": other}} for one, other in model.edges]
        self._graph = ipycytoscape.CytoscapeWidget(
            layout={"height": f"{height}px", "width": "100%"}
        )
        self._graph.graph.add_graph_from_json({"nodes": nodes, "edges": edges}, directed=True)
        self._graph.set_layout(name="preset", fit=True)
        self._graph.set_style(_style())
        self._graph.on("node", "click", lambda node: pick(node["data"]["id"]))
        self.box = ipywidgets.Box([self._graph])

    def show(self, model: Model, chosen: Optional[str]) -> None:
        """Show statuses and choice."""
        for node in self._graph.graph.nodes:
            box = model.boxes[node.data["id"]]
            classes = f"{box.status} chosen" if chosen == box.name else box.status
            if node.classes != classes:
                node.classes = classes


def _style() -> List[Dict[str, Any]]:
    box = {
        "label": "data(label)", "shape": "round-rectangle", "width": "150px", "height": "34px",
        "background-color": "#eef2f7", "border-width": "1px", "border-color": "#7a8699",
        "text-valign": "center", "text-halign": "center", "font-size": "12px",
        "text-max-width": "140px", "text-wrap": "ellipsis", "color": "#1d2733",
    }  # fmt: skip
    line = {
        "width": "1.4px", "line-color": "#7a8699", "curve-style": "bezier",
        "target-arrow-shape": "triangle", "target-arrow-color": "#7a8699",
    }  # fmt: skip
    rules = [{"selector": "node", "style": box}, {"selector": "edge", "style": line}]
    for status, colour in _picture.COLOURS.items():
        rules.append({"selector": f"node.{status}", "style": {"background-color": colour}})
    chosen = {"border-width": "2.5px", "border-color": "#1f5fa8"}
    rules.append({"selector": "node.chosen", "style": chosen})
    return rules
