"""``dag.show()``: text and SVG."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from fasti.scheduler import DAG, CyclicDependencyError, ParallelTask, Task

pytestmark = pytest.mark.usefixtures("no_server")


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
