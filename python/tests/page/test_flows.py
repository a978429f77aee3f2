"""What people do on the page: start, pause, cancel, run again; each shown as a command too."""

import re
from typing import Any

from page.reader import Reader
from page.world import World


def dialog(page: Any) -> Any:
    return page.get_by_role("dialog")


def test_a_run_is_started_and_followed_to_its_end(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/batches/{world.nightly}")
    page.get_by_role("button", name="Run now").click()
    asked = dialog(page)
    asked.get_by_label("Date it is for").fill("2026-11-20")
    asked.get_by_text("As a command").click()
    command = asked.get_by_label("Command line").inner_text()
    assert command == "fasti run start 'nightly report' --rundate 2026-11-20"
    request = asked.get_by_label("HTTP request").inner_text()
    assert f"POST /api/v1/batches/{world.nightly}/runs" in request
    assert "2026-11-20" in request
    asked.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/ui/runs/\d+"))
    # Nothing is loaded again by hand: the stream of events brings it.
    page.locator("main > header.title .status", has_text="success").wait_for()
    run = int(page.url.rsplit("/", 1)[1])
    assert world.server.call("GET", f"/runs/{run}")["rundate"] == "2026-11-20"


def test_a_schedule_is_paused_and_resumed(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/schedules/{world.nightly}")
    page.locator("main").get_by_role("button", name="Pause").click()
    dialog(page).get_by_label("Why").fill("year end")
    assert "--reason 'year end'" in dialog(page).get_by_label("Command line").text_content()
    dialog(page).get_by_role("button", name="Pause").click()
    page.get_by_text("It is off: year end").wait_for()
    assert world.server.call("GET", f"/batches/{world.nightly}")["paused"] is True
    page.locator("main").get_by_role("button", name="Resume").click()
    dialog(page).get_by_role("button", name="Resume").click()
    page.get_by_text("It is off").wait_for(state="hidden")
    assert world.server.call("GET", f"/batches/{world.nightly}")["paused"] is False


def test_a_run_is_cancelled_with_a_reason(reader: Reader, world: World) -> None:
    run = world.run(world.waiting, until_over=False)
    page = reader.open(f"/ui/runs/{run}")
    page.locator("main").get_by_role("button", name="Cancel").click()
    dialog(page).get_by_label("Why").fill("wrong day")
    dialog(page).get_by_role("button", name="Cancel").click()
    page.locator("main > header.title .status", has_text="cancelled").wait_for()
    assert world.server.finished(run)["status"] == "cancelled"


def test_a_rerun_shows_its_plan_first(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/runs/{world.failed_run}/rerun")
    plan = page.get_by_role("list", name="The plan, task by task")
    rows = plan.get_by_role("listitem")
    rows.nth(2).wait_for()
    said = [row.inner_text().split("\n")[:2] for row in rows.all()]
    assert said == [["run", "close books"], ["run", "mail"], ["reuse", "archive"]]
    page.get_by_label("Execute").select_option("all")
    page.get_by_text("3 task runs").wait_for()
    page.get_by_label("Execute").select_option("failed")
    page.get_by_role("button", name="Start this rerun").click()
    assert "fasti run rerun" in dialog(page).get_by_label("Command line").text_content()
    dialog(page).get_by_role("button", name="Start this rerun").click()
    page.wait_for_url(re.compile(r"/ui/runs/\d+$"))
    page.get_by_role("link", name=f"run {world.failed_run}", exact=True).wait_for()


def test_what_the_server_refuses_is_said_in_its_words(reader: Reader, world: World) -> None:
    page = reader.open("/ui/runs?batch_name=never%20was")
    page.get_by_role("alert").get_by_text("never was").wait_for()
    page = reader.open("/ui/runs/999999")
    page.get_by_role("alert").get_by_text("999999").wait_for()
    page = reader.open("/ui/nowhere")
    page.get_by_text("There is no such view").wait_for()


def test_filters_are_in_the_address(reader: Reader, world: World) -> None:
    page = reader.open("/ui/runs?status=failure")
    rows = page.get_by_role("table", name="Runs").locator("tbody tr")
    rows.first.wait_for()
    assert all("failure" in row.inner_text() for row in rows.all())
    page.get_by_role("checkbox", name="cancelled").check()
    page.wait_for_url(re.compile("status=failure%2Ccancelled"))
    page.get_by_role("textbox", name="Batch", exact=True).fill("month end")
    page.get_by_role("textbox", name="Batch", exact=True).press("Enter")
    page.wait_for_url(re.compile("batch_name=month"))
    page.reload()
    assert page.get_by_role("textbox", name="Batch", exact=True).input_value() == "month end"
    assert page.get_by_role("checkbox", name="failure").is_checked()


def test_long_lists_are_read_page_by_page(reader: Reader, world: World) -> None:
    known = {run["id"] for run in world.server.call("GET", "/runs?limit=1000")["items"]}
    for _ in range(max(0, 60 - len(known))):
        known.add(world.run(world.hostile, until_over=False))
    page = reader.open("/ui/runs")
    titles = page.get_by_role("table", name="Runs").locator("td.title")
    titles.first.wait_for()
    first = [int(text) for text in titles.all_inner_texts()]
    page.mouse.move(5, 5)
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url(re.compile("cursor="))
    page.get_by_role("link", name="First page").wait_for()
    page.wait_for_function(
        "first => Number(document.querySelector('td.title').innerText) < first", arg=min(first)
    )
    second = [int(text) for text in titles.all_inner_texts()]
    assert len(first) == 50
    assert set(first) | set(second) >= known
    page.go_back()
    page.get_by_role("link", name="First page").wait_for(state="hidden")
