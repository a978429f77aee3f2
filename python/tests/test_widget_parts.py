"""What the widget shows, as far as no notebook is needed for it."""

import sys
import types
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

import pytest

from fasti import _picture
from fasti._widget import _format, _plot
from fasti._widget._model import PARTS_APART_MAX, model
from fasti.scheduler import BatchRunResults


def _node(number: int, name: str, status: str, group: Optional[str] = None) -> Dict[str, Any]:
    return {"id": number, "name": name, "status": status, "group": group}


def _graph(*nodes: Dict[str, Any], edges: str) -> Dict[str, Any]:
    pairs = [edge.split(">") for edge in edges.split()]
    return {"nodes": list(nodes), "task_edges": [{"from": one, "to": two} for one, two in pairs]}


def _parts(statuses: List[str]) -> List[Dict[str, Any]]:
    return [_node(10 + at, f"p{at}", status, "wide") for at, status in enumerate(statuses)]


def test_few_parts_are_boxes_of_their_own() -> None:
    drawn = model(_graph(_node(1, "a", "success"), *_parts(["running"] * 3), edges="a>wide"))
    assert list(drawn.boxes) == ["a", "p0", "p1", "p2"]
    assert drawn.edges == [("a", "p0"), ("a", "p1"), ("a", "p2")]


def test_many_parts_are_one_box_that_says_how_many_are_done() -> None:
    statuses = ["success"] * PARTS_APART_MAX + ["failure", "running"]
    drawn = model(
        _graph(_node(1, "a", "success"), *_parts(statuses), _node(2, "z", "waiting"),
               edges="a>wide wide>z")
    )  # fmt: skip
    box = drawn.boxes["wide"]
    assert drawn.edges == [("a", "wide"), ("wide", "z")]
    assert box.label == f"wide  {PARTS_APART_MAX}/{PARTS_APART_MAX + 2}"
    assert box.status == "failure"
    assert box.telling.name == f"p{PARTS_APART_MAX}"


def test_a_part_may_have_the_name_of_its_task() -> None:
    parts = [_node(10, "wide", "success", "wide"), _node(11, "other", "success", "wide")]
    assert model(_graph(*parts, _node(1, "z", "success"), edges="wide>z")).edges == [
        ("wide", "z"), ("other", "z"),
    ]  # fmt: skip


def test_boxes_stand_where_the_server_draws_their_tasks() -> None:
    graph = _graph(
        _node(1, "a", "success"), *_parts(["running"] * 2), _node(2, "z", "waiting"),
        edges="a>wide a>z",
    )  # fmt: skip
    layout = {"names": ["a", "wide", "z"], "x": [0, 244, 244], "y": [20, 60, 0]}
    drawn = model(graph, layout)
    assert drawn.places == {"a": (0, 0), "z": (1, 0), "p0": (1, 1), "p1": (1, 2)}
    labels = {name: box.label for name, box in drawn.boxes.items()}
    placed = _picture.placed(labels, drawn.edges, drawn.places)
    assert [(box.name, box.layer, box.row) for box in placed.values()] == [
        ("a", 0, 0), ("p0", 1, 1), ("p1", 1, 2), ("z", 1, 0),
    ]  # fmt: skip
    # Of another graph it says nothing, and the own placement counts.
    assert model(graph, {"names": ["a"], "x": [0], "y": [0]}).places is None
    own = _picture.placed(labels, drawn.edges)
    assert (own["a"].layer, own["z"].layer) == (0, 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 s"), (9.994, "9.99 s"), (59.9, "59.9 s"), (61, "1 min 01 s"),
     (3_600, "1 h 00 min"), (90_000, "1 d 01 h")],
)  # fmt: skip
def test_durations_are_short(seconds: float, text: str) -> None:
    start = "2024-05-01T00:00:00.000Z"
    end = datetime.fromtimestamp(1_714_521_600 + seconds, timezone.utc)
    assert _format.duration(start, None, end) == text


def test_sizes_are_short() -> None:
    assert [_format.size(count) for count in (7, 1_500, 11_000_032, 2_500_000_000)] == [
        "7 bytes", "1.5 kB", "11.0 MB", "2.50 GB",
    ]  # fmt: skip


def test_the_date_is_left_out_beside_the_same_date() -> None:
    due = "2024-05-01T10:00:00.000Z"
    assert _format.clock("2024-05-01T10:00:01.900Z", due) == "10:00:01"
    assert _format.clock("2024-05-02T01:02:03.000Z", due) == "05-02 01:02:03"
    assert _format.clock("2025-05-02T01:02:03.000Z", due) == "2025-05-02 01:02:03"
    assert _format.clock(None, due) == "–"


def _metrics(cpu: List[float], memory: List[float]) -> Dict[str, Any]:
    return {
        "cpu_metrics_percentage": cpu,
        "memory_metrics_absolute": memory,
        "timestamps": [f"2024-05-01T00:00:{at:02d}.000Z" for at in range(len(cpu))],
        "total_allocated_cpu": 400,
        "total_allocated_memory": 300,
    }


def test_charts_have_every_point_inside() -> None:
    drawn = _plot.charts(_metrics([0.0, 130.5, 999.0], [1.0, 12.0, 11.5]))
    lines = [part.split('"')[0] for part in drawn.split('<polyline class="line" points="')[1:]]
    assert [len(line.split()) for line in lines] == [3, 3]
    for line in lines:
        for point in line.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 372
            assert 0 <= y <= 170


def test_charts_of_nothing_and_of_one_point() -> None:
    assert _plot.charts(_metrics([], [])) == ""
    assert _plot.charts(_metrics([0.0], [0.0])).count("<svg") == 2


def _as_notebook(monkeypatch: pytest.MonkeyPatch, kernel: Optional[object]) -> None:
    shell = types.ModuleType("IPython")
    shell.get_ipython = lambda: types.SimpleNamespace(kernel=kernel)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)


def test_outside_of_notebooks_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    results = BatchRunResults("shop", "total")
    line = {"text/plain": "BatchRunResults('shop', job_name='total')"}
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert results._repr_mimebundle_() == line
    _as_notebook(monkeypatch, kernel=None)
    assert results._repr_mimebundle_(include=None, exclude=None) == line


@pytest.mark.parametrize("version", [None, "7.8.1"])
def test_without_ipywidgets_8_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, version: Optional[str]
) -> None:
    _as_notebook(monkeypatch, kernel=object())
    if version is None:
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
    else:
        old = types.ModuleType("ipywidgets")
        old.__version__ = version  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "ipywidgets", old)
    text = BatchRunResults("shop")._repr_mimebundle_()["text/plain"]
    assert text.splitlines()[0] == "BatchRunResults('shop')"
    assert "pip install 'fasti[widget]'" in text
