"""A runner is drained and resumed on the page, what waits says why, and the past is left alone."""

from pathlib import Path
from typing import Any

from live.live_support import Server
from page.conftest import PATIENCE
from page.reader import Reader, eventually
from page.world import command


def test_a_runner_is_drained_and_resumed(chromium: Any, tmp_path: Path) -> None:
    server = Server(tmp_path)
    reader = Reader(chromium, server.url, PATIENCE)
    try:
        server.call("PUT", "/pools/licences", {"limit": 3})
        page = reader.open("/ui/runners")
        row = page.get_by_role("table", name="Runners", exact=True).locator("tbody tr")
        row.get_by_text("takes work").wait_for()
        runner = server.call("GET", "/runners")["items"][0]["id"]
        row.get_by_role("button", name="Drain").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Why").fill("new <b>disk</b>")
        line = dialog.get_by_label("Command line").text_content()
        assert line == f"fasti runner drain {runner} --reason 'new <b>disk</b>'"
        request = dialog.get_by_label("HTTP request").text_content()
        assert f"POST /api/v1/runners/{runner}/drain" in request
        assert '"reason": "new <b>disk</b>"' in request
        dialog.get_by_role("button", name="Drain").click()
        # It stands in the row, with the reason in its text.
        dialog.wait_for(state="detached")
        row.get_by_text("drained").first.wait_for()
        row.get_by_text("new <b>disk</b>").wait_for()
        pools = page.get_by_role("table", name="Pools")
        pools.get_by_text("0 of 3 units").wait_for()

        tasks = {"name": "waits", "tasks": [command("t", "true")]}
        run = server.call("POST", "/runs", {"definition": tasks})["id"]
        reader.open(f"/ui/runs/{run}").get_by_text(
            f"runner `{runner}` is drained since"
        ).first.wait_for()

        # What was drained then can be seen, and nothing can be done about it then.
        seen = server.call("GET", "/health")["log_seq"]
        page = reader.open(f"/ui/runners?as_of={seen}")
        button = row.get_by_role("button", name="Resume")
        button.wait_for()
        assert button.is_disabled()

        page = reader.open("/ui/runners")
        row.get_by_role("button", name="Resume").click()
        dialog = page.get_by_role("dialog")
        line = dialog.get_by_label("Command line").text_content()
        assert line == f"fasti runner resume {runner}"
        dialog.get_by_role("button", name="Resume").click()
        row.get_by_text("takes work").wait_for()
        ended = lambda: server.call("GET", f"/runs/{run}")["status"] == "success"  # noqa: E731
        eventually(ended, "the run goes on")
    finally:
        reader.close()
        server.stop()
