"""``dag.show()``: text and SVG."""

import socket
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from fake_server import FakeServer
from fasti import _client, _config, _layout
from fasti.scheduler import DAG, CyclicDependencyError, ParallelTask, Task


@pytest.fixture(autouse=True)
def _nobody_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no server answer that happens to run, and every one be asked."""
    # Nobody listens there: whoever does needs rights to.
    monkeypatch.setenv("FASTI_URL", "http://127.0.0.1:1")
    _layout._resting.clear()
    yield
    _layout._resting.clear()


def diamond() -> DAG:
    parts = [{"Name": f"p{n}", "Description": ""} for n in range(3)]
    with DAG(Name="d <&>", Tag="prod") as dag:
        a = Task(Name="a", Entrypoint="m.f")
        b = ParallelTask(Name="many", Entrypoint="m.f", ConfigurationJson=parts)
        c = Task(Name="<c>", Entrypoint="m.f")
        a >> [b, c] >> Task(Name="end", Entrypoint="m.f")
    return dag


def test_text() -> None:
    assert str(diamond().show()).splitlines() == [
        "d <&> (prod): 4 tasks, 4 edges",
        "  1  a",
        "  2  many [3]  <- a",
        "  2  <c>       <- a",
        "  3  end       <- many, <c>",
    ]


def test_svg_is_well_formed_and_complete() -> None:
    root = ElementTree.fromstring(diamond().show().svg)
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in root.iter(f"{space}text")]
    assert texts == ["a", "many [3]", "<c>", "end"]
    assert len([path for path in root.iter(f"{space}path") if "stroke" in path.attrib]) == 4
    boxes = [(float(r.attrib["x"]), float(r.attrib["y"])) for r in root.iter(f"{space}rect")]
    assert len(set(boxes)) == 4
    assert boxes[0][0] < boxes[1][0] == boxes[2][0] < boxes[3][0]


def test_files(tmp_path: Path) -> None:
    picture = diamond().show()
    picture.save(tmp_path / "dag.svg")
    picture.save(tmp_path / "dag.txt")
    assert (tmp_path / "dag.svg").read_text("utf-8") == picture.svg == picture._repr_svg_()
    assert (tmp_path / "dag.txt").read_text("utf-8") == picture.text + "\n"
    assert diamond()._repr_svg_().startswith("<svg")


def test_nothing_and_cycles() -> None:
    with DAG(Name="d") as dag:
        assert dag.show().text == "d (dev): 0 tasks, 0 edges"
        ElementTree.fromstring(dag.show().svg)
        a, b = (Task(Name=name, Entrypoint="m.f") for name in "ab")
        a >> b >> a
    with pytest.raises(CyclicDependencyError):
        dag.show()


def test_ten_thousand_tasks_are_drawn_in_no_time() -> None:
    with DAG(Name="d") as dag:
        tasks = [Task(Name=f"t{n}", Entrypoint="m.f") for n in range(10_000)]
        for one, other in zip(tasks, tasks[1:]):
            one >> other
    assert len(dag.show().text.splitlines()) == 10_001


def a_layout(names: List[str], **more: Any) -> Dict[str, Any]:
    """Return an answer about four tasks, of which the second is passed by an edge."""
    return {
        "names": names,
        "parts": [1, 3, 1, 1],
        "x": [12, 256, 256, 500],
        "y": [30, 12, 48, 30],
        "edges_from": [0, 0, 1, 2],
        "edges_to": [1, 2, 3, 3],
        "bend_edges": [2],
        "bend_x": [300],
        "bend_y": [20],
        "width": 680,
        "height": 86,
        "box_width": 168,
        "box_height": 26,
        **more,
    }


def test_a_picture_is_placed_by_the_server(server: FakeServer) -> None:
    server.on("POST", "/layout", a_layout(["a", "many", "<c>", "end"]))
    picture = diamond().show()
    assert "  2  many [3]  <- a" in picture.text
    assert server.requests == [], "the text asks nobody"
    root = ElementTree.fromstring(picture.svg)
    space = "{http://www.w3.org/2000/svg}"
    boxes = [(r.attrib["x"], r.attrib["y"]) for r in root.iter(f"{space}rect")]
    assert boxes == [("12", "30"), ("256", "12"), ("256", "48"), ("500", "30")]
    assert [t.text for t in root.iter(f"{space}text")] == ["a", "many [3]", "<c>", "end"]
    ways = [path.attrib["d"] for path in root.iter(f"{space}path")]
    assert ways[2] == "M424 25C362 25 362 20 300 20h168C484 20 484 43 500 43h0"
    # Asked once, with what is drawn alone.
    assert picture.svg
    assert len(server.requests) == 1
    asked = server.requests[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/layout")
    assert asked.json == {
        "tasks": [{"name": "a"}, {"name": "many", "count": 3}, {"name": "<c>"}, {"name": "end"}],
        "edges": [
            {"from": "a", "to": "many"},
            {"from": "a", "to": "<c>"},
            {"from": "many", "to": "end"},
            {"from": "<c>", "to": "end"},
        ],
    }


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"detail": "older than this question"}),
        (422, {"detail": "no graph"}),
        (503, {"detail": "busy"}),
        (200, a_layout(["other", "many", "<c>", "end"])),
        (200, a_layout(["a", "many", "<c>", "end"], x=[1])),
        (200, a_layout(["a", "many", "<c>", "end"], bend_edges=[9])),
        (200, ["no", "layout"]),
    ],
)
def test_what_the_server_cannot_say_is_placed_here(
    server: FakeServer, answer: Tuple[int, Any]
) -> None:
    own = diamond().show()
    own._counts = None
    server.on("POST", "/layout", answer[1], answer[0])
    assert diamond().show().svg == own.svg
    assert len(server.requests) == 1, "it is not asked again"


def test_a_server_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layout, "WAIT_SECONDS", 0.05)
    own = diamond().show()
    own._counts = None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("FASTI_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert diamond().show().svg == own.svg
        config = _config.load()
        assert config in _layout._resting
        # And not asked for each drawing.
        monkeypatch.setattr(_client.Client, "once", None)
        assert diamond().show().svg == own.svg
