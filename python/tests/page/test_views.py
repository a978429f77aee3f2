"""Every view at a desk and on a telephone, light and dark: legible, and nothing cut off."""

import io
import json
import urllib.parse
from pathlib import Path
from typing import Any, Dict

import pytest

from page.conftest import PATIENCE
from page.reader import Reader
from page.world import World

VIEWS = [
    "batches",
    "batch",
    "runs",
    "graph",
    "failed",
    "list",
    "gantt",
    "grid",
    "grid-table",
    "logs",
    "metrics",
    "result",
    "run-events",
    "rerun",
    "compare",
    "run-sets",
    "run-set",
    "flow-set",
    "schedules",
    "schedule",
    "simulate",
    "events",
    "event",
    "runners",
    "audit",
    "past",
]

#: Width, height, whether dark.
SCREENS = [(1280, 860, False), (390, 844, False), (1280, 860, True)]

#: Views of which the documentation has a picture.
SHOWN = [
    "batches",
    "runs",
    "failed",
    "gantt",
    "grid",
    "logs",
    "rerun",
    "flow-set",
    "schedule",
    "simulate",
    "events",
    "runners",
    "audit",
    "past",
]


#: A schedule beside that of the world's batch.
OFTENER = {"at_hours": [6, 12, 18], "timezone": "Europe/Paris"}


def simulated(schedule: Dict[str, Any]) -> str:
    return urllib.parse.urlencode({"simulate": json.dumps(schedule)})


def addresses(world: World) -> Dict[str, str]:
    good, failed = world.good_runs[-1], world.failed_run
    return {
        "batches": "/ui/batches",
        "batch": f"/ui/batches/{world.nightly}",
        "runs": "/ui/runs",
        "graph": f"/ui/runs/{good}",
        "failed": f"/ui/runs/{failed}/graph?task={failed + 1}",
        "list": f"/ui/runs/{good}/list",
        "gantt": f"/ui/runs/{good}/gantt",
        "grid": f"/ui/runs/{good}/grid",
        "grid-table": f"/ui/runs/{good}/grid?as=table",
        "logs": f"/ui/runs/{failed}/logs?task={failed + 3}",
        "metrics": f"/ui/runs/{failed}/metrics",
        "result": f"/ui/runs/{failed}/result",
        "run-events": f"/ui/runs/{failed}/events",
        "rerun": f"/ui/runs/{failed}/rerun",
        "compare": f"/ui/runs/{good}/compare",
        "run-sets": "/ui/run-sets",
        "run-set": f"/ui/run-sets/{world.set}",
        "flow-set": f"/ui/flow-sets/{world.flow_sets[-1]}",
        "schedules": "/ui/schedules",
        "schedule": f"/ui/schedules/{world.often}",
        "simulate": f"/ui/schedules/{world.often}?{simulated(OFTENER)}&days=1",
        "events": "/ui/events",
        "event": "/ui/events/20",
        "runners": "/ui/runners",
        "audit": "/ui/audit",
        "past": f"/ui/runs/{good}?as_of={world.middle_of(good)}",
    }


def picture(page: Any, path: Path) -> None:
    """Leave a picture of what is shown, small enough to be kept."""
    from PIL import Image

    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # By coverage: colours that are rare in a picture are those that mean something.
    few = shot.quantize(256, Image.Quantize.MAXCOVERAGE, 2, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_every_view_can_be_read_and_used(
    chromium: Any, world: World, pictures: Path, width: int, height: int, dark: bool
) -> None:
    reader = Reader(chromium, world.server.url, PATIENCE, width, height, dark)
    wrong = []
    for name, address in addresses(world).items():
        page = reader.open(address)
        page.locator("main h1").first.wait_for()
        page.locator(".loading").first.wait_for(state="hidden")
        # Pictures that are drawn and strips that are read once they are in sight.
        page.wait_for_timeout(300)
        wrong += [f"{name}: {complaint}" for complaint in reader.complaints()]
        if reader.is_too_wide():
            wrong.append(f"{name}: wider than the screen")
        page.mouse.move(width - 1, height - 1)
        if name in SHOWN and not dark:
            picture(page, pictures / f"{name}-{width}.png")
    reader.close()
    assert wrong == []


def test_all_of_it_can_be_done_with_keys(reader: Reader, world: World) -> None:
    page = reader.open("/ui/batches")
    page.get_by_role("table", name="Batches").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    row = page.get_by_role("row", name="nightly report")
    row.get_by_role("button", name="Run now").focus()
    page.keyboard.press("Enter")
    asked = page.get_by_role("dialog")
    asked.wait_for()
    page.keyboard.press("Escape")
    asked.wait_for(state="hidden")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
