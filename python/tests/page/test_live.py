"""Updates: over a restart of the server, stopped when asked, and never under the pointer."""

import socket
from pathlib import Path
from typing import Any

from live.live_support import Server
from page.conftest import PATIENCE
from page.reader import Reader
from page.world import World

#: Of a server that is built without optimisation, on a machine that is busy.
LONG_LOG_MS = 1_000

OPEN_LOGS = """async () => {
  const begun = performance.now();
  document.querySelector('.tabs a[href*="/logs"]').click();
  while (!document.querySelector('.line')) await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""


def test_the_stream_goes_on_after_a_restart_of_the_server(chromium: Any, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    first = Server(tmp_path, listen=listen)
    try:
        batch = first.call(
            "POST", "/batches", {"name": "b", "tasks": [{"name": "t", "command": ["true"]}]}
        )
        reader = Reader(chromium, first.url, PATIENCE)
        page = reader.open("/ui/events")
        page.get_by_role("status").get_by_text("live").wait_for()
        page.locator(".event").first.wait_for()
        before = first.call("GET", "/health")["log_seq"]
    finally:
        first.stop()
    page.get_by_role("status").get_by_text("connecting").wait_for()
    second = Server(tmp_path, listen=listen)
    try:
        run = second.call("POST", f"/batches/{batch['id']}/runs", {})["id"]
        second.finished(run)
        page.get_by_role("status").get_by_text("live").wait_for()
        page.locator(".event", has_text="run.finished").first.wait_for()
        shown = {int(text) for text in page.locator(".event .seq").all_inner_texts()}
        after = second.call("GET", "/health")["log_seq"]
        # Without a gap over the restart: what the server said of itself then too.
        assert shown >= set(range(before + 1, after + 1))
    finally:
        reader.faults.clear()
        reader.close()
        second.stop()


def test_updates_can_be_stopped(reader: Reader, world: World) -> None:
    page = reader.open("/ui/runs?batch_name=gated")
    titles = page.locator("td.title")
    titles.first.wait_for()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("status").get_by_text("paused").wait_for()
    before = titles.all_inner_texts()
    run = world.run(world.waiting, until_over=False)
    page.wait_for_timeout(800)
    assert titles.all_inner_texts() == before
    page.get_by_role("button", name="Resume").click()
    page.mouse.move(5, 5)
    page.get_by_role("link", name=str(run), exact=True).wait_for()
    world.server.call("POST", f"/runs/{run}/cancel", {})


def test_rows_stay_under_the_pointer(reader: Reader, world: World) -> None:
    page = reader.open("/ui/runs?batch_name=gated")
    titles = page.locator("td.title")
    titles.first.wait_for()
    before = titles.all_inner_texts()
    titles.first.hover()
    run = world.run(world.waiting, until_over=False)
    news = page.get_by_role("button", name="Show 1 newer")
    news.wait_for()
    assert titles.all_inner_texts() == before
    # What is there goes on being told.
    news.click()
    page.get_by_role("link", name=str(run), exact=True).wait_for()
    world.server.call("POST", f"/runs/{run}/cancel", {})
    page.get_by_role("row", name=str(run)).get_by_text("cancelled").first.wait_for()


def test_output_is_followed_while_it_is_written(
    reader: Reader, world: World, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = f"echo before; while [ ! -e {gate} ]; do sleep 0.05; done; echo behind"
    body = {
        "definition": {"name": "tail", "tasks": [{"name": "t", "command": ["sh", "-c", script]}]}
    }
    run = world.server.call("POST", "/runs", body)["id"]
    world.until(run, "running")
    page = reader.open(f"/ui/runs/{run}/logs")
    page.get_by_role("log").get_by_text("before").wait_for()
    gate.touch()
    page.get_by_role("log").get_by_text("behind").wait_for()
    assert page.get_by_role("log").inner_text().count("before") == 1


def test_two_hundred_thousand_lines_are_opened_in_a_moment(reader: Reader, world: World) -> None:
    script = "seq -f 'line %.0f of an output that is like any other' 200000"
    task = {"name": "t", "command": ["sh", "-c", script]}
    body = {"definition": {"name": "long", "tasks": [task]}}
    run = world.server.call("POST", "/runs", body)["id"]
    world.server.finished(run)
    took = 1e9
    for _ in range(3):
        page = reader.open(f"/ui/runs/{run}/list")
        page.get_by_role("listitem").first.wait_for()
        took = min(took, float(page.evaluate(OPEN_LOGS)))
    print(f"200,000 lines opened in {took:.0f} ms")
    assert took < LONG_LOG_MS
    log = page.get_by_role("log")
    log.evaluate("box => box.scrollTop = box.scrollHeight")
    log.get_by_text("line 200000 of").wait_for()
    assert page.locator(".line").count() < 200
    page.get_by_label("Search").fill("line 123456 ")
    page.get_by_text("1 of 200,000 lines").wait_for()


def test_memory_does_not_grow_with_events(reader: Reader, world: World) -> None:
    page = reader.open("/ui/events")
    page.locator(".event").first.wait_for()
    page.mouse.move(5, 5)
    parts = {"name": "p", "kind": "parallel", "count": 600, "command": ["true"]}
    before = world.server.call("GET", "/health")["log_seq"]
    run = world.server.call("POST", "/runs", {"definition": {"name": "many", "tasks": [parts]}})
    world.server.finished(run["id"])
    page.locator(".event", has_text="run.finished").first.wait_for()
    events = world.server.call("GET", "/health")["log_seq"] - before
    used = heap_mb(page)
    print(f"{used:.1f} MB of heap after {events} events")
    assert used < 60
    assert page.locator(".event").count() == 200


def heap_mb(page: Any) -> float:
    """Return what the page holds once everything that is not needed is let go."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.collectGarbage")
    tools.send("Performance.enable")
    metrics = tools.send("Performance.getMetrics")["metrics"]
    return float({one["name"]: one["value"] for one in metrics}["JSHeapUsedSize"]) / 2**20


def test_a_token_is_asked_for_and_kept_where_no_script_reads_it(
    chromium: Any, tmp_path: Path
) -> None:
    server = Server(tmp_path, variables={"FASTI_SERVER_TOKEN": "s3cret-token"})
    try:
        reader = Reader(chromium, server.url, PATIENCE)
        page = reader.open("/ui/batches")
        page.get_by_text("This server wants a token").wait_for()
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("alert").wait_for()
        page.get_by_label("Token").fill("s3cret-token")
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("There are no batches yet").wait_for()
        page.get_by_role("status").get_by_text("live").wait_for()
        assert (
            page.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
            == "{}"
        )
        page.reload()
        page.get_by_text("There are no batches yet").wait_for()
        reader.close()
    finally:
        server.stop()
