"""The widget in a real JupyterLab, driven by a real browser, cut off from any network."""

import re
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from fasti.scheduler import DAG, ParallelTask, Run, Task
from live.live_support import Server
from widget.lab import Lab, outsiders, run_cells

BATCH = "Daily <report> & more"

MODULE = """
import os
import sys
import time

from dt.scheduler import batch


@batch()
def load():
    import pandas

    for number in range(20_000):
        print("line", number)
    print("broken <b>tag</b> & nul \\0 end")
    print("to the other stream", file=sys.stderr)
    return pandas.DataFrame({"country": ["FR", "DE"], "price": [19.99, 5.49]})


@batch()
def part(part_num, load):
    return part_num * len(load)


@batch()
def gate(job_config):
    while not os.path.exists(job_config["gate"]):
        time.sleep(0.01)
    return [{"day": "2024-05-01", "total": 1}, {"day": "2024-05-02", "total": 2}]


@batch()
def fail(part):
    raise RuntimeError("the third country is missing")


@batch()
def large(load):
    return b"x" * 11_000_000


@batch()
def last(gate, fail):
    return None
"""


@pytest.fixture(scope="module")
def gate(live: Server) -> Path:
    return live.folder / "gate"


@pytest.fixture(scope="module")
def runs(live: Server, gate: Path) -> List[Run]:
    """Twelve finished runs of the batch, and one that waits for the gate."""
    image = live.image("reports", {"reports.py": MODULE})
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTI_URL", live.url)
        patch.setenv("FASTI_USER", "tester")
        open_gate = str(Path(__file__))
        for number in range(13):
            day = f"2024-05-{number + 1:02d}"
            dag = _dag(image, str(gate) if number == 12 else open_gate, whole=number == 12)
            made.append(dag.run(rundate=day))
            if number < 12:
                live.finished(made[-1])
    return made


def _dag(image: str, gate: str, whole: bool) -> DAG:
    dag = DAG(Name=BATCH, Image=image)
    gated = Task(Name="gate", Entrypoint="reports.gate", ConfigurationJson={"gate": gate}, dag=dag)
    if not whole:
        return dag
    load = Task(Name="load", Entrypoint="reports.load", dag=dag)
    names = [{"Name": f"part {number}", "Description": ""} for number in range(9)]
    parts = ParallelTask(Name="parts", Entrypoint="reports.part", ConfigurationJson=names, dag=dag)
    large = Task(Name="large", Entrypoint="reports.large", dag=dag)
    fail = Task(Name="fail", Entrypoint="reports.fail", dag=dag)
    last = Task(Name="last", Entrypoint="reports.last", dag=dag)
    load >> [parts, large]
    parts >> fail
    [gated, fail] >> last
    return dag


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Any, runs: List[Run]) -> Iterator[Any]:
    """A notebook with the widget of the batch, and below it that of one job."""
    url = lab.notebook(
        "widget.ipynb",
        f"from dt.scheduler import BatchRunResults\nBatchRunResults({BATCH!r})",
        f"display(BatchRunResults({BATCH!r}, 'gate'), BatchRunResults('never was'))",
    )
    shown = browser.new_page()
    shown.asked, shown.faults = [], []
    shown.on("request", lambda request: shown.asked.append(request.url))
    shown.on("pageerror", lambda error: shown.faults.append(str(error)))
    shown.goto(url)
    run_cells(shown, 2)
    shown.wait_for_selector(".fasti >> nth=2")
    return shown


@pytest.fixture
def widget(page: Any) -> Any:
    """The widget of the whole batch, with nothing filtered and nothing chosen."""
    found = page.locator(".fasti").first
    found.get_by_role("button", name="Clear").click()
    found.get_by_text("1–10 of 13").wait_for()
    close = found.get_by_role("button", name="Close")
    if close.is_visible():
        close.click()
    return found


def _rows(widget: Any) -> List[List[str]]:
    rows = widget.locator(".fasti-line:visible .fasti-row:not(.fasti-head)")
    return [row.locator(":scope > span").all_inner_texts() for row in rows.all()]


def _preview(widget: Any, run: int) -> Any:
    number = widget.page.locator(f'.fasti-row > span:first-child:text-is("{int(run)}")')
    line = widget.locator(".fasti-line", has=number)
    line.get_by_role("button", name="Preview").click()
    shown = widget.locator(".fasti-preview")
    shown.get_by_text(f"Run {int(run)}").wait_for()
    return shown


def _tab(widget: Any, title: str) -> None:
    widget.locator(".lm-TabBar-tab", has_text=title).click()


def test_runs_are_listed_newest_first_and_paged(widget: Any, runs: List[Run]) -> None:
    rows = _rows(widget)
    assert [int(row[0]) for row in rows] == [int(run) for run in reversed(runs)][:10]
    newest = rows[0]
    assert newest[1] == "2024-05-13"
    assert newest[6:] == ["running", "manual"]
    assert rows[1][6] == "success"
    assert re.fullmatch(r"\d+\.\d\d s", rows[1][5])
    widget.get_by_role("button", name="Older").click()
    widget.get_by_text("11–13 of 13").wait_for()
    assert [int(row[0]) for row in _rows(widget)] == [int(run) for run in reversed(runs)][10:]
    widget.get_by_role("button", name="Newer").click()
    widget.get_by_text("1–10 of 13").wait_for()


#: Left edges of the heads, of the cells of each row, and of the buttons, at one moment.
_LEFT_EDGES = """widget => {
    const left = (root, what) => [...root.querySelectorAll(what)]
        .map(part => Math.round(part.getBoundingClientRect().left));
    const lines = [...widget.querySelectorAll('.fasti-line')].filter(line => line.offsetParent);
    return {
        cells: lines.map(line => left(line, '.fasti-row > span')),
        buttons: lines.slice(1).flatMap(line => left(line, 'button')),
    };
}"""


def test_columns_stand_below_their_heads(widget: Any) -> None:
    edges = widget.evaluate(_LEFT_EDGES)
    heads, *rows = edges["cells"]
    assert len(heads) == 8
    assert rows == [heads] * 10
    assert len(edges["buttons"]) == 10
    assert len(set(edges["buttons"])) == 1


def test_filters_and_what_is_wrong_with_them(widget: Any, runs: List[Run]) -> None:
    rundate = widget.get_by_label("Rundate")
    rundate.fill("2024-05-03")
    rundate.press("Enter")
    widget.get_by_text("1–1 of 1", exact=True).wait_for()
    assert [row[1] for row in _rows(widget)] == ["2024-05-03"]
    rundate.fill("the third of May")
    widget.get_by_role("button", name="Apply").click()
    error = widget.locator(".fasti-error")
    error.wait_for()
    assert "rundate must be a date as 'YYYY-MM-DD'" in error.inner_text()
    widget.get_by_role("button", name="Clear").click()
    widget.get_by_text("1–10 of 13").wait_for()
    error.wait_for(state="hidden")
    widget.get_by_label("until").fill("2001-01-01 10:30")
    widget.get_by_role("button", name="Apply").click()
    widget.get_by_text("no runs fit").wait_for()


def test_a_graph_lives_and_its_nodes_show_what_tasks_left(
    widget: Any, page: Any, runs: List[Run], gate: Path, live: Server, pictures: Path
) -> None:
    shown = _preview(widget, runs[-1])
    boxes = shown.locator(".fasti-boxes button")
    assert boxes.count() == 6
    # Nothing is clicked: the graph follows the run by itself.
    shown.locator(".fasti-boxes button.fasti-s-failure", has_text="fail").wait_for()
    shown.locator(".fasti-boxes button.fasti-s-running", has_text="gate").wait_for()
    shown.locator(".fasti-boxes button.fasti-s-success", has_text="parts 9/9").wait_for()

    boxes.filter(has_text="load").click()
    log = shown.locator(".fasti-log:visible")
    log.wait_for()
    assert log.inner_text().rstrip().endswith("broken <b>tag</b> & nul ␀ end")
    assert shown.get_by_text(
        re.compile(r"The last 64 KiB of \d+\.\d kB; get_job_logs")
    ).is_visible()
    page.evaluate("document.fonts.ready.then(() => 0)")
    page.screenshot(path=str(pictures / "widget-live.png"))

    _tab(shown, "stderr")
    shown.get_by_text("to the other stream").wait_for()
    _tab(shown, "metrics")
    charts = shown.locator(".fasti-charts svg")
    charts.nth(1).wait_for()
    assert charts.count() == 2
    _tab(shown, "result")
    table = shown.locator(".fasti-values table")
    table.wait_for()
    assert table.get_by_role("cell", name="19.99").is_visible()

    boxes.filter(has_text="fail").click()
    shown.get_by_text(re.compile("No result: failure – ")).wait_for()
    assert "the third country is missing" in shown.inner_text()
    boxes.filter(has_text="last").click()
    shown.get_by_text(re.compile("No result: skipped")).wait_for()
    boxes.filter(has_text="gate").click()
    shown.get_by_text("No result yet: the task is running.").wait_for()

    boxes.filter(has_text="large").click()
    load = shown.get_by_role("button", name="Load 11.0 MB")
    load.wait_for()
    load.click()
    shown.locator(".fasti-values", has_text="xxxx").wait_for()

    boxes.filter(has_text="parts").click()
    shown.get_by_label("Part").select_option(label="part 4 (success)")
    shown.locator(".fasti-values", has_text=re.compile(r"^8\s*$")).wait_for()

    gate.touch()
    shown.locator(".fasti-boxes button.fasti-s-success", has_text="gate").wait_for()
    shown.locator(".fasti-boxes button.fasti-s-skipped", has_text="last").wait_for()
    assert live.finished(runs[-1])["status"] == "failure"
    widget.locator(".fasti-line.fasti-current .fasti-s-failure").wait_for()


def test_other_panes_draw_the_same_graph(widget: Any, runs: List[Run], pictures: Path) -> None:
    shown = _preview(widget, runs[-1])
    kind = shown.get_by_label("Graph")
    kind.select_option(label="ipycytoscape")
    shown.locator("canvas").first.wait_for()
    shown.screenshot(path=str(pictures / "widget-ipycytoscape.png"))
    kind.select_option(label="matplotlib")
    shown.locator("img").wait_for()
    shown.get_by_label("Task").select_option(label="load")
    shown.locator(".fasti-facts b", has_text="load").wait_for()
    shown.screenshot(path=str(pictures / "widget-matplotlib.png"))
    kind.select_option(label="built in")
    shown.locator(".fasti-boxes button.fasti-chosen", has_text="load").wait_for()


def test_of_one_job_the_tabs_come_at_once(page: Any, runs: List[Run], pictures: Path) -> None:
    widget = page.locator(".fasti").nth(1)
    assert "job gate" in widget.inner_text()
    assert len(_rows(widget)) == 10
    widget.get_by_role("button", name="Preview").nth(1).click()
    shown = widget.locator(".fasti-preview")
    shown.locator(".fasti-facts b", has_text="gate").wait_for()
    assert shown.locator(".fasti-graph").count() == 0
    _tab(shown, "result")
    shown.get_by_role("cell", name="2024-05-02").wait_for()
    widget.scroll_into_view_if_needed()
    page.screenshot(path=str(pictures / "widget-job.png"))


def test_errors_stay_in_the_widget(page: Any) -> None:
    widget = page.locator(".fasti").nth(2)
    widget.locator(".fasti-error").wait_for()
    assert "never was" in widget.locator(".fasti-error").inner_text()
    assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0


def test_nothing_comes_from_elsewhere(page: Any) -> None:
    assert len(page.asked) > 10
    assert outsiders(page.asked) == []
    assert page.faults == []
