"""A DAG is drawn as its runs are: by the layout of the server."""

import os
import re
import subprocess
from typing import Any, Dict, List, Tuple

import pytest

from fasti import _layout
from fasti.scheduler import DAG, ParallelTask, Task
from live.live_support import PATIENCE, Server


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer than a user would: the machine may be busy."""
    monkeypatch.setattr(_layout, "WAIT_SECONDS", PATIENCE)
    _layout._resting.clear()


def drawn(svg: str) -> Tuple[List[Tuple[str, str]], List[str]]:
    """Return the corners of the boxes, and the ways of the edges."""
    corners = re.findall(r'<rect x="(\d+)" y="(\d+)"', svg)
    return corners, re.findall(r'<path d="([^"]+)"/>', svg)


def test_a_dag_is_drawn_as_its_run(live: Server) -> None:
    dag = DAG(Name="drawn")
    names = ["fetch", "clean", "load", "check", "report"]
    tasks = [Task(Name=name, Entrypoint="m.f", dag=dag) for name in names]
    parts = [{"Name": f"p{n}", "Description": ""} for n in range(3)]
    wide = ParallelTask(Name="country", Entrypoint="m.f", ConfigurationJson=parts, dag=dag)
    fetch, clean, load, check, report = tasks
    fetch >> clean >> load >> [check, wide] >> report
    # It passes layers, and bends on its way.
    fetch >> report
    svg = dag.show().svg
    definition = {
        "name": "drawn",
        "tasks": [
            *({"name": name, "command": ["true"]} for name in names),
            {"name": "country", "kind": "parallel", "count": 3, "command": ["true"]},
        ],
        "edges": [{"from": source.Name, "to": target.Name} for source, target in dag.edges],
    }
    run = live.call("POST", "/runs", {"definition": definition})["id"]
    arguments = [os.environ["FASTI_BIN"], "--url", live.url, "run", "graph", str(run), "--svg"]
    page = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert drawn(svg) == drawn(page.stdout)
    corners, ways = drawn(svg)
    assert len(set(corners)) == 6
    assert any(way.count("C") > 1 for way in ways), ways


def test_what_is_no_graph_is_refused(live: Server) -> None:
    def ask(*names: str, edges: Tuple[Tuple[str, str], ...] = ()) -> Dict[str, Any]:
        body = {
            "tasks": [{"name": name} for name in names],
            "edges": [{"from": source, "to": target} for source, target in edges],
        }
        return dict(live.call("POST", "/layout", body))

    answer = ask("a", "b", edges=(("a", "b"),))
    assert (answer["names"], answer["edges_from"]) == (["a", "b"], [0])
    assert answer["definition_digest"] is None
