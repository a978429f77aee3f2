"""Another schedule is tried first, many runs are steered at once, anything is found by name."""

import json
import re
from pathlib import Path
from typing import Any

from live.live_support import Server
from page.conftest import PATIENCE
from page.reader import Reader, eventually
from page.world import World, command


def dialog(page: Any) -> Any:
    return page.get_by_role("dialog")


def test_a_schedule_is_tried_before_it_is_saved(reader: Reader, world: World) -> None:
    at_eight = {"at_hours": [8], "timezone": "Europe/Paris", "overlap": "skip"}
    definition = {"name": "tried", "schedule": at_eight, "tasks": [command("t", "true")]}
    batch = world.server.call("POST", "/batches", definition)["id"]
    page = reader.open(f"/ui/schedules/{batch}")
    page.get_by_role("link", name="Try another").click()
    tried = page.get_by_role("region", name="Another schedule")
    tried.get_by_text("7 slots. Change something").wait_for()
    hours = tried.get_by_role("textbox", name="Hours")
    hours.press("End")
    # What is being typed stays as it is typed.
    hours.press_sequentially(", 12", delay=20)
    assert hours.input_value() == "8, 12"
    said = tried.get_by_role("status")
    said.get_by_text("7 slots now, 14 then: 7 as before, 7 new, 0 gone").wait_for()
    rows = tried.get_by_role("table", name="Slots now and then").locator("tbody tr")
    assert rows.count() == 14
    assert sum("new" in row.inner_text() for row in rows.all()) == 7
    tried.get_by_role("checkbox", name="only what differs").check()
    eventually(lambda: rows.count() == 7, "seven rows")
    # What is tried is in the address, and nothing has been saved.
    page.reload()
    said.get_by_text("7 new, 0 gone").wait_for()
    assert world.server.call("GET", f"/batches/{batch}")["version"] == 1
    tried.get_by_role("button", name="Save this schedule").click()
    then = {"timezone": "Europe/Paris", "overlap": "skip", "at_hours": [8, 12]}
    line = dialog(page).get_by_label("Command line").text_content()
    assert line.startswith("fasti schedule set tried '{")
    assert json.loads(line.split("'")[1]) == then
    request = dialog(page).get_by_label("HTTP request").text_content()
    assert f"PUT /api/v1/batches/{batch}/schedule?expected_version=1" in request
    dialog(page).get_by_role("button", name="Save this schedule").click()
    tried.wait_for(state="hidden")
    page.get_by_text("08:00 and 12:00").first.wait_for()
    saved = world.server.call("GET", f"/batches/{batch}")
    assert (saved["version"], saved["schedule"]["at_hours"]) == (2, [8, 12])
    assert saved["schedule"]["overlap"] == "skip"


def test_a_schedule_that_is_none_says_so(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/schedules/{world.often}?simulate=1")
    tried = page.get_by_role("region", name="Another schedule")
    tried.get_by_label("Times by").select_option("cron")
    tried.get_by_role("textbox", name="Cron").fill("99 8 * * *")
    tried.get_by_role("alert").get_by_text("99").first.wait_for()
    assert tried.get_by_role("button", name="Save this schedule").count() == 0
    tried.get_by_role("textbox", name="Cron").fill("0 8 * * *")
    tried.get_by_role("status").get_by_text("7 then").wait_for()
    tried.get_by_text("All of it as JSON").click()
    tried.get_by_label("Schedule as JSON").fill('{"cron": ')
    tried.get_by_label("Schedule as JSON").blur()
    tried.get_by_role("alert").get_by_text("no JSON").first.wait_for()


def test_many_runs_are_cancelled_with_a_count_first(reader: Reader, world: World) -> None:
    over = world.run(world.broken)
    runs = [world.run(world.waiting, until_over=False) for _ in range(3)]
    page = reader.open("/ui/runs")
    page.get_by_label(f"Choose run {runs[2]}").click()
    page.get_by_label(f"Choose run {over}").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Chosen runs")
    bar.get_by_text("4 runs chosen").wait_for()
    bar.get_by_role("button", name="Cancel them").click()
    asked = dialog(page)
    asked.get_by_text("3 runs will be cancelled. One is left alone").wait_for()
    asked.get_by_label("Why").fill("wrong day")
    lines = asked.get_by_label("Command lines").text_content().split("\n")
    assert lines == [f"fasti run cancel {run} --reason 'wrong day'" for run in sorted(runs)]
    assert asked.get_by_label("HTTP requests").text_content().count("POST /api/v1/runs/") == 3
    before = [world.server.call("GET", f"/runs/{run}")["status"] for run in runs]
    assert "cancelled" not in before
    asked.get_by_role("button", name="Cancel 3 runs").click()
    asked.get_by_text("3 of 3 runs done.").wait_for()
    fates = asked.get_by_role("list", name="Run by run").get_by_role("listitem")
    said = {text.split("\n")[0]: text for text in fates.all_inner_texts()}
    assert "left alone" in said[str(over)]
    assert all("its end is asked for" in said[str(run)] for run in runs)
    asked.get_by_role("button", name="Close").click()
    bar.wait_for(state="hidden")
    for run in runs:
        ended = world.server.finished(run)
        assert (ended["status"], ended["status_reason"]) == ("cancelled", "wrong day")


def test_many_runs_are_run_again_with_keys_alone(reader: Reader, world: World) -> None:
    runs = [world.run(world.broken) for _ in range(2)]
    page = reader.open("/ui/runs?batch_name=month%20end")
    page.get_by_label(f"Choose run {runs[1]}").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    bar = page.get_by_role("region", name="Chosen runs")
    bar.get_by_text("2 runs chosen").wait_for()
    page.keyboard.press("Escape")
    bar.wait_for(state="hidden")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowUp")
    bar.get_by_text("2 runs chosen").wait_for()
    bar.get_by_role("button", name="Run them again").press("Enter")
    asked = dialog(page)
    # Two of three tasks did not succeed.
    asked.get_by_text("2 runs will be made: 4 task runs executed, 2 taken over.").wait_for()
    asked.get_by_label("Execute").select_option("all")
    asked.get_by_text("2 runs will be made: 6 task runs executed, 0 taken over.").wait_for()
    assert f"fasti run rerun {runs[0]} --mode all" in (
        asked.get_by_label("Command lines").text_content()
    )
    asked.get_by_role("button", name="Run 2 runs again").press("Enter")
    asked.get_by_text("2 of 2 runs done.").wait_for()
    made = asked.get_by_role("link", name=re.compile(r"^run \d+$")).all_inner_texts()
    for run, text in zip(runs, made):
        again = world.server.finished(int(text.split()[1]))
        assert again["original_run_id"] == run
    page.keyboard.press("Escape")
    asked.wait_for(state="hidden")


def test_a_choice_goes_along_from_page_to_page(reader: Reader, world: World) -> None:
    page = reader.open("/ui/runs?batch_name=nightly%20report")
    page.get_by_label("Choose all on this page").check()
    bar = page.get_by_role("region", name="Chosen runs")
    bar.get_by_text(re.compile(r"^\d+ runs chosen$")).wait_for()
    page.get_by_role("checkbox", name="failure").check()
    bar.wait_for(state="hidden")
    # Nothing is done in the past.
    page = reader.open(f"/ui/runs?as_of={world.middle_of(world.failed_run)}")
    page.get_by_label("Choose all on this page").check()
    assert bar.get_by_role("button", name="Cancel them").is_disabled()
    assert bar.get_by_role("button", name="Run them again").is_disabled()


def test_what_was_done_without_an_answer_is_not_done_again(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/batches/{world.nightly}")
    before = world.server.call("GET", f"/runs?batch_id={world.nightly}")["total"]
    page.get_by_role("button", name="Run now").click()
    asked = dialog(page)

    def lose_the_answer(route: Any) -> None:
        assert route.fetch().status == 201
        route.abort()

    page.route("**/api/v1/batches/*/runs", lose_the_answer, times=1)
    asked.get_by_role("button", name="Run now").click()
    asked.get_by_text("The server does not answer").wait_for()
    asked.get_by_role("button", name="Run now").click()
    page.wait_for_url("**/ui/runs/*")
    run = int(page.url.split("/ui/runs/")[1].split("/")[0].split("?")[0])
    assert world.server.call("GET", f"/runs?batch_id={world.nightly}")["total"] == before + 1
    world.server.finished(run)


def test_names_are_found_among_all_there_is(chromium: Any, tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        ids = {}
        for name in [f"filler {at:03d}" for at in range(110)] + ["zebra crossing"]:
            tasks = [{"name": "t", "command": ["true"]}]
            ids[name] = server.call("POST", "/batches", {"name": name, "tasks": tasks})["id"]
        zebra = server.call("POST", f"/batches/{ids['zebra crossing']}/runs", {})["id"]
        for name in list(ids)[:60]:
            server.call("POST", f"/batches/{ids[name]}/runs", {})
        reader = Reader(chromium, server.url, PATIENCE)
        page = reader.open("/ui/batches")
        page.get_by_role("link", name="Next page").wait_for()
        assert page.get_by_role("link", name="zebra crossing").count() == 0
        page.get_by_role("searchbox", name="Name").press_sequentially("BRA CROSS", delay=20)
        page.get_by_role("link", name="zebra crossing").wait_for()
        page.get_by_text("1 in all").wait_for()
        assert "search=BRA+CROSS" in page.url
        page = reader.open("/ui/runs")
        page.get_by_role("table", name="Runs").wait_for()
        assert page.get_by_role("link", name=str(zebra), exact=True).count() == 0
        page.get_by_role("searchbox", name="Name").fill("zebra")
        page.get_by_role("link", name=str(zebra), exact=True).wait_for()
        page.get_by_text("1 in all").wait_for()
        page.get_by_role("searchbox", name="Name").fill("nothing of this name")
        page.get_by_text("No run fits this filter").wait_for()
        reader.close()
    finally:
        server.stop()
