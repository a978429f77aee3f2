"""Nothing from outside is taken for markup, and the past cannot be changed."""

import json
import re
import urllib.request

from page.reader import Reader
from page.world import HOSTILE, World


def test_names_and_output_are_text(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/runs/{world.hostile_run}/logs")
    log = page.get_by_role("log")
    log.get_by_text("<script>document.title='owned'</script>").wait_for()
    red = log.locator(".ansi-red")
    assert red.inner_text() == "red"
    shown = log.inner_text()
    assert "\u202e" not in shown
    assert r"turned \u202e around" in shown
    assert "\x1b" not in shown
    assert r"\u0007" in shown
    events = "/ui/events?types=run.created"
    for path in ("/ui/batches", "/ui/runs", f"/ui/runs/{world.hostile_run}/list", events):
        page = reader.open(path)
        page.get_by_text("run.created" if path == events else HOSTILE).first.wait_for()
        assert page.locator("main img, main script").count() == 0
        assert page.title() not in ("1", "owned")


def test_the_content_policy_forbids_all_that_is_not_ours(world: World) -> None:
    with urllib.request.urlopen(f"{world.server.url}/ui/runs") as answer:
        policy = answer.headers["content-security-policy"]
        body = answer.read().decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in re.findall(r'(?:src|href)="(/ui/[^"]+)"', body):
        request = urllib.request.Request(
            f"{world.server.url}{name}", headers={"Accept-Encoding": "gzip"}
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["content-encoding"] == "gzip", name
            assert "immutable" in answer.headers["cache-control"], name


def test_the_past_is_shown_as_it_was_and_cannot_be_changed(reader: Reader, world: World) -> None:
    run = world.good_runs[2]
    events = world.server.call("GET", f"/events?run_id={run}")["items"]
    started = next(event["seq"] for event in events if event["type"] == "run.started")
    page = reader.open(f"/ui/runs/{run}?as_of={started}")
    page.get_by_text("You look at the past").wait_for()
    page.locator("main > header.title .status", has_text="running").wait_for()
    assert page.get_by_role("button", name="Cancel").is_disabled()
    asked = len(reader.asked)
    # The slider goes by time: its end is the end of the log.
    slider = page.get_by_role("slider", name="Position in the log")
    slider.fill(slider.get_attribute("max"))
    page.locator("main > header.title .status", has_text="success").wait_for()
    about_now = [a for a in reader.asked[asked:] if "/api/v1/runs" in a and "as_of=" not in a]
    assert about_now == []
    # The moment goes along from view to view.
    page.get_by_role("link", name="Batches").click()
    page.wait_for_url(re.compile(r"/ui/batches\?as_of="))
    for button in page.get_by_role("button", name=re.compile("Run now|^Pause$|^Resume$")).all():
        assert button.is_disabled()
    page.get_by_role("link", name="Back to now").click()
    page.get_by_text("You look at the past").wait_for(state="hidden")
    assert page.get_by_role("button", name="Run now").first.is_enabled()
    sent = [a for a in reader.asked if a.startswith("POST")]
    assert sent == []


def test_explanations_and_causes_lead_to_events(reader: Reader, world: World) -> None:
    page = reader.open(f"/ui/runs/{world.failed_run}")
    why = page.locator("details.why").first
    why.get_by_text("close books").first.wait_for()
    why.locator("summary").click()
    why.get_by_role("link", name=re.compile("event")).first.click()
    page.wait_for_url(re.compile(r"/ui/events/\d+"))
    data = json.loads(page.get_by_label("Data").inner_text())
    assert isinstance(data, dict)
