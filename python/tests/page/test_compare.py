"""Things side by side: the runs of a batch as a grid, the sets of a chain, events over time."""

import re
from typing import Any, List

from page.reader import Reader, eventually
from page.world import World


def test_the_grid_has_every_task_of_every_run(reader: Reader, world: World) -> None:
    run = world.good_runs[-1]
    page = reader.open(f"/ui/runs/{run}/grid")
    grid = page.get_by_role("grid")
    grid.get_by_role("rowheader").first.wait_for()
    tasks = world.server.call("GET", f"/runs/{run}/layout")["names"]
    assert grid.get_by_role("rowheader").all_inner_texts() == tasks
    cell = grid.get_by_role("link", name=re.compile(f"^load, run {run}: success, [1-9]"))
    cell.wait_for()
    # Every run of the batch has the task that is asked for, in a column of its own.
    runs = world.server.call("GET", f"/runs?batch_id={world.nightly}&order=desc&limit=20")["items"]
    cells = grid.get_by_role("link", name=re.compile("^load, run "))
    cells.nth(len(runs) - 1).wait_for()
    assert cells.count() == len(runs)
    cell.click()
    panel = page.get_by_role("complementary", name="Task")
    panel.get_by_role("heading", name="load").wait_for()


def test_the_grid_is_walked_with_keys(reader: Reader, world: World) -> None:
    run = world.good_runs[-1]
    page = reader.open(f"/ui/runs/{run}/grid")
    grid = page.get_by_role("grid")
    grid.get_by_role("link", name=re.compile(f", run {run}: success")).nth(5).wait_for()
    tasks = world.server.call("GET", f"/runs/{run}/layout")["names"]
    # One cell is reached with Tab, the others with arrows.
    assert grid.locator(".heat-cell [tabindex='0']").count() == 1
    grid.locator(".heat-cell [tabindex='0']").focus()

    def is_at(name: str) -> bool:
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        return str(label).startswith(f"{name}, run ")

    assert is_at(tasks[0])
    page.keyboard.press("ArrowDown")
    eventually(lambda: is_at(tasks[1]), "the second task")
    page.keyboard.press("ArrowDown")
    eventually(lambda: is_at(tasks[2]), "the third task")
    page.keyboard.press("Control+End")
    eventually(lambda: is_at(tasks[-1]), "the last task")
    page.keyboard.press("Control+Home")
    eventually(lambda: is_at(tasks[0]), "the first task again")
    page.keyboard.press("ArrowUp")
    assert is_at(tasks[0])
    # Keys that are quicker than the page draws count each.
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    eventually(lambda: is_at(tasks[4]), "the fifth task")


def test_what_arrives_late_leaves_the_focus_where_it_is(reader: Reader, world: World) -> None:
    newest = world.server.call("GET", f"/runs?batch_id={world.nightly}&order=desc&limit=1")
    late = newest["items"][0]["id"]
    held: List[Any] = []
    reader.page.route(re.compile(f"/runs/{late}/states"), lambda route: held.append(route))
    run = world.good_runs[0]
    page = reader.open(f"/ui/runs/{run}/grid")
    grid = page.get_by_role("grid")
    grid.get_by_role("link", name=re.compile(f", run {run}: success")).nth(1).wait_for()
    grid.locator(".heat-cell [tabindex='0']").focus()
    page.keyboard.press("Control+End")

    def label() -> str:
        return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))

    eventually(lambda: label().endswith(f", run {late}: not in it"), "the cell that is not known")
    eventually(lambda: len(held) > 0, "the question that is held back")
    for route in held:
        route.continue_()
    known = re.compile(f", run {late}: (success|failure)")
    eventually(lambda: known.search(label()) is not None, "its state")
    page.keyboard.press("Home")
    eventually(lambda: f", run {late}:" not in label(), "another cell")
    assert label() != "None"


def test_a_failed_task_is_seen_in_the_grid_and_as_text(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/runs/{world.failed_run}/grid")
    name = re.compile(f"^close books, run {world.failed_run}: failure")
    cell = page.get_by_role("grid").get_by_role("link", name=name)
    cell.wait_for()
    # A shape, not only a colour.
    assert cell.locator("svg path").count() == 1
    page.get_by_role("checkbox", name="as a table").check()
    table = page.get_by_role("table", name="Tasks by run")
    table.get_by_role("row", name=re.compile("close books")).get_by_text("failure").first.wait_for()
    page.get_by_role("searchbox", name="Name").fill("arch")
    rows = table.locator("tbody tr")
    eventually(lambda: rows.count() == 1, "one row")
    assert "archive" in rows.inner_text()


def test_the_grid_follows_what_happens(reader: Reader, world: World) -> None:
    run = world.run(world.waiting, until_over=False)
    page = reader.open(f"/ui/runs/{run}/grid")
    grid = page.get_by_role("grid")
    grid.get_by_role("link", name=re.compile(f"^wait, run {run}: (queued|running)")).wait_for()
    world.server.call("POST", f"/runs/{run}/cancel", {})
    grid.get_by_role("link", name=re.compile(f"^wait, run {run}: cancelled")).wait_for()


def test_the_sets_of_a_chain_stand_side_by_side(reader: Reader, world: World) -> None:
    first, second = world.flow_sets
    page = reader.open("/ui/run-sets")
    page.get_by_role("table", name="Sets of flows").wait_for()
    page.get_by_role("link", name="June again").click()
    page.wait_for_url(re.compile(f"/ui/flow-sets/{second}"))
    table = page.get_by_role("table", name="Nodes by set")
    table.wait_for()
    heads = table.get_by_role("columnheader").all_inner_texts()
    assert [head.split("\n")[0] for head in heads] == ["Node", "June tiles", "June again"]
    rows = {
        row.get_by_role("rowheader").inner_text(): row for row in table.get_by_role("row").all()[1:]
    }
    assert set(rows) == {"cut", "stack", "report"}
    assert "4 of 4" in rows["cut"].get_by_role("cell").nth(0).inner_text()
    assert rows["stack"].get_by_role("cell").nth(1).inner_text() == "not in its graph"
    assert rows["report"].get_by_role("cell").nth(0).inner_text() == "not in its graph"
    changes = page.get_by_role("table", name="Nodes that changed")
    changes.get_by_role("row", name=re.compile("stack")).get_by_text("deleted").wait_for()
    changes.get_by_role("row", name=re.compile("report")).get_by_text("new").wait_for()
    line = page.get_by_label("Command line").text_content()
    assert line == f"fasti run set compare {second}"
    table.get_by_role("link", name="June tiles").click()
    page.wait_for_url(re.compile(f"/ui/flow-sets/{first}"))
    page.get_by_role("heading", name="June tiles").wait_for()


def test_the_slider_shows_when_something_happened(reader: Reader, world: World) -> None:
    end = world.server.call("GET", "/health")["log_seq"]
    page = reader.open(f"/ui/batches?as_of={end}")
    slider = page.get_by_role("slider", name="Position in the log")
    slider.wait_for()
    path = page.locator(".density path")
    bars = path.get_attribute("d")
    assert bars.count("M") > 3
    assert re.search(r"\d+ events?$", slider.get_attribute("aria-valuetext"))
    # By hand to the begin: where there is nothing yet, the first event counts.
    slider.fill("0")
    page.wait_for_url(re.compile(r"as_of=\d+"))
    begin = int(re.search(r"as_of=(\d+)", page.url).group(1))
    density = world.server.call("GET", "/events/density?stretches=160")
    assert begin == max(1, density["last_seqs"][0])
    page.get_by_role("button", name="closer").click()
    page.get_by_role("button", name="all of it").wait_for()
    eventually(lambda: path.get_attribute("d") != bars, "a closer look")
    page.get_by_role("button", name="all of it").click()
    eventually(lambda: path.get_attribute("d") == bars, "all of it again")
