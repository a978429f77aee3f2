"""The display of ``BatchRunResults`` in notebooks: runs, their graphs, what tasks left.

This package alone imports third-party packages, and only once something is displayed.
``_app`` is the whole; ``_table``, ``_filters``, ``_preview`` and ``_tabs`` are its parts;
``_panes`` chooses how a graph is drawn; ``_reader`` asks the server.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from fasti._results import BatchRunResults

_MISSING = "The widget needs ipywidgets 8 or later: pip install 'fasti[widget]'"


def bundle(results: "BatchRunResults", **kwargs: Any) -> Any:
    """Return what a notebook shows for ``results``; text where there is no notebook.

    It never raises: a display that fails would hide what it is about.
    """
    text = {"text/plain": repr(results)}
    if not _in_notebook():
        return text
    try:
        import ipywidgets

        major = int(ipywidgets.__version__.split(".")[0])
    except (ImportError, ValueError):
        major = 0
    if major < 8:
        return {"text/plain": f"{results!r}\n{_MISSING}"}
    from fasti._widget._app import App

    shown: Dict[str, Any] = App(results).box._repr_mimebundle_(**kwargs)
    return {**shown, **text}


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code, which nothing loads on our account."""
    shell = sys.modules.get("IPython")
    current = None if shell is None else shell.get_ipython()
    return getattr(current, "kernel", None) is not None
