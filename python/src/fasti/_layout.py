"""Where the server draws the tasks of a graph, so that a DAG looks as its runs do on the page.

Asked within a time limit, and never needed: without a server that answers in time the
drawing is made here.
"""

from __future__ import annotations

import json
import time
from html import escape
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from fasti import _client, _config

#: Longest time that drawing waits for the server, in seconds, whatever becomes of the question.
WAIT_SECONDS = 2.0
#: How long a server that could not be asked is left alone, in seconds.
REST_SECONDS = 30.0

#: When each server may be asked again that could not be, by :func:`time.monotonic`.
_resting: Dict[_config.Config, float] = {}

#: Longest label in a box, in characters.
_LABEL_CHARS = 21

_STYLE = "font-family:ui-sans-serif,system-ui,sans-serif;font-size:13px"

Point = Tuple[int, int]


class Layout(NamedTuple):
    """Boxes of one size by name, and the ways of edges between them."""

    size: Point
    box: Point
    #: Upper left corners.
    corners: Dict[str, Point]
    #: Where each edge passes layers on its way, in the order of the edges that were given.
    bends: List[List[Point]]


def layout_of(counts: Mapping[str, int], edges: List[Tuple[str, str]]) -> Optional[Layout]:
    """Return where the configured server draws these tasks; None if it does not say in time.

    ``counts`` has the number of parts of every task; 0 for one that is not parallel.
    """
    import threading

    config = _config.load()
    if not counts or _resting.get(config, 0.0) > time.monotonic():
        return None
    body = {
        "tasks": [{"name": n, "count": c} if c else {"name": n} for n, c in counts.items()],
        "edges": [{"from": source, "to": target} for source, target in edges],
    }
    found: List[Optional[Layout]] = []

    def ask() -> None:
        found.append(_asked(config, body, list(counts), len(edges)))

    # In a thread: looking up a name has no time limit of its own.
    asking = threading.Thread(target=ask, name="fasti-layout", daemon=True)
    asking.start()
    asking.join(WAIT_SECONDS)
    if not found:
        _resting[config] = time.monotonic() + REST_SECONDS
        return None
    return found[0]


def _asked(
    config: _config.Config, body: Dict[str, Any], names: List[str], edges: int
) -> Optional[Layout]:
    import http.client

    from fasti._errors import SchedulerError

    data = json.dumps(body, separators=(",", ":")).encode("ascii")
    try:
        answer = _client.Client(config).once("POST", "/layout", data, WAIT_SECONDS)
        return read(json.loads(answer), names, edges)
    except SchedulerError:
        # Refused, busy, or older than this question: the drawing is made here.
        return None
    except (OSError, http.client.HTTPException):
        # Whoever is not there now is not asked for each drawing.
        _resting[config] = time.monotonic() + REST_SECONDS
        return None
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def read(answer: Dict[str, Any], names: List[str], edges: int) -> Layout:
    """Return the layout in an answer about these tasks, so many edges between them."""
    if answer["names"] != names or len(answer["edges_from"]) != edges:
        raise ValueError("the answer is about another graph")
    corners = zip(answer["x"], answer["y"])
    bends: List[List[Point]] = [[] for _ in range(edges)]
    for edge, x, y in zip(answer["bend_edges"], answer["bend_x"], answer["bend_y"]):
        bends[edge].append((int(x), int(y)))
    layout = Layout(
        (int(answer["width"]), int(answer["height"])),
        (int(answer["box_width"]), int(answer["box_height"])),
        {name: (int(x), int(y)) for name, (x, y) in zip(names, corners)},
        bends,
    )
    if len(layout.corners) != len(names):
        raise ValueError("the answer has no place for every task")
    return layout


def drawn(
    layout: Layout,
    title: str,
    labels: Mapping[str, str],
    edges: List[Tuple[str, str]],
) -> str:
    """Return the drawing as an SVG document: boxes and edges where the server has them."""
    (width, height), (box_width, box_height) = layout.size, layout.box
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" style="{_STYLE}">',
        f"<title>{escape(title)}</title>",
        '<g fill="none" stroke="#7a8699">',
    ]
    for (source, target), bends in zip(edges, layout.bends):
        lines.append(f'<path d="{_way(layout, source, target, bends)}"/>')
    lines.append("</g>")
    for name, (x, y) in layout.corners.items():
        label = labels[name]
        short = label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 1] + "\u2026"
        lines.append(
            f'<g><title>{escape(label)}</title><rect x="{x}" y="{y}" width="{box_width}" '
            f'height="{box_height}" rx="5" fill="#eef2f7" stroke="#7a8699"/>'
            f'<text x="{x + 8}" y="{y + box_height // 2 + 5}" fill="#1d2733">'
            f"{escape(short)}</text></g>"
        )
    lines.append("</svg>")
    return "\n".join(lines)


def _way(layout: Layout, source: str, target: str, bends: List[Point]) -> str:
    """Return the way of an edge from box to box, by its bends; level for the width of a box."""
    box_width, half = layout.box[0], layout.box[1] // 2
    (x, y), (end_x, end_y) = layout.corners[source], layout.corners[target]
    x, y = x + box_width, y + half
    way = f"M{x} {y}"
    for (to_x, to_y), along in [*((bend, box_width) for bend in bends), ((end_x, end_y + half), 0)]:
        middle = (x + to_x) // 2
        way += f"C{middle} {y} {middle} {to_y} {to_x} {to_y}h{along}"
        x, y = to_x + along, to_y
    return way
