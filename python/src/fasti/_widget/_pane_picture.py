"""The pane by matplotlib: a picture, for front ends in which nothing else works."""

from __future__ import annotations

import io
from typing import Any, Callable, Dict, Optional, Tuple

import ipywidgets
import networkx
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fasti import _picture
from fasti._widget._model import Model


class Pane:
    """Draws a model.  Boxes are chosen in the list above, for a picture has no buttons."""

    def __init__(self, model: Model, _: Callable[[str], None]) -> None:
        labels = {name: box.label for name, box in model.boxes.items()}
        placed = _picture.placed(labels, model.edges, model.places)
        counts: Dict[int, int] = {}
        for place in placed.values():
            counts[place.layer] = counts.get(place.layer, 0) + 1
        self._at: Dict[str, Tuple[float, float]] = {
            name: (place.layer, (counts[place.layer] - 1) / 2 - place.row)
            for name, place in placed.items()
        }
        self._size = (2.0 * max(len(counts), 2), 0.7 * max([*counts.values(), 3]))
        self._shown: Any = None
        self._image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.box = ipywidgets.Box([self._image])
        self.box.add_class("fasti-graph")

    def show(self, model: Model, chosen: Optional[str]) -> None:
        """Draw again if something is different."""
        look = (chosen, tuple((name, box.label, box.status) for name, box in model.boxes.items()))
        if look == self._shown:
            return
        self._shown = look
        # Without pyplot: no backend is chosen and no figure is kept for the notebook.
        figure = Figure(figsize=self._size, dpi=110)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.margins(0.16)
        graph = networkx.DiGraph(model.edges)
        networkx.draw_networkx_edges(
            graph, self._at, ax=axes, edge_color="#7a8699", node_size=1_900, node_shape="s"
        )
        for name, box in model.boxes.items():
            networkx.draw_networkx_labels(
                networkx.DiGraph({name: {}}), self._at, {name: box.label}, ax=axes, font_size=8,
                bbox={
                    "boxstyle": "round,pad=0.5",
                    "facecolor": _picture.COLOURS.get(box.status, "#eef2f7"),
                    "edgecolor": "#1f5fa8" if name == chosen else "#7a8699",
                },
            )  # fmt: skip
        file = io.BytesIO()
        figure.savefig(file, format="png")
        self._image.value = file.getvalue()
