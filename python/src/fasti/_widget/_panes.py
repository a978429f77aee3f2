"""Which ways there are to draw a graph, and the choice between them.

The own pane needs nothing but ipywidgets and comes first.  ipycytoscape can be chosen
where it can be imported; a picture by matplotlib where that can be.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Callable, Dict, List, Tuple

from fasti._widget._model import Model

#: Name as it is shown, module of the pane, packages that it needs.
_PANES: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("built in", "_pane_own", ()),
    ("ipycytoscape", "_pane_cytoscape", ("ipycytoscape", "networkx")),
    ("matplotlib", "_pane_picture", ("matplotlib", "networkx")),
)


def available() -> List[str]:
    """Return the names of the panes whose packages are installed, the first choice first."""
    return [
        name
        for name, _, packages in _PANES
        if all(importlib.util.find_spec(package) is not None for package in packages)
    ]


def make(name: str, model: Model, pick: Callable[[str], None]) -> Any:
    """Return a pane; it has a ``box``, and ``show(model, chosen)``.

    Raises whatever importing its packages raises.
    """
    modules: Dict[str, str] = {shown: module for shown, module, _ in _PANES}
    module = importlib.import_module(f"fasti._widget.{modules[name]}")
    return module.Pane(model, pick)
