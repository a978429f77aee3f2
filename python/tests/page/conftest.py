"""A server with something to see, and a browser that can reach nothing else.

``FASTI_BIN`` names the server's binary and ``FASTI_TEST_CHROMIUM`` the browser; without
them these tests fail rather than pass unnoticed.
"""

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from live.live_support import Server
from page.reader import Reader
from page.world import World
from widget.lab import BROWSER_FLAGS

#: Longest wait for anything on the page, in seconds.
PATIENCE = 30.0


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # As many slots as tests may hold by tasks that wait.
    server = Server(tmp_path_factory.mktemp("server"), variables={"FASTI_SLOTS": "6"})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def world(live: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(live, tmp_path_factory.mktemp("world"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("FASTI_TEST_CHROMIUM")
    if not program:
        pytest.fail("FASTI_TEST_CHROMIUM must name the browser that these tests drive")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=BROWSER_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def reader(chromium: Any, world: World) -> Iterator[Reader]:
    """Somebody who reads the page at a desk."""
    opened = Reader(chromium, world.server.url, PATIENCE)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures are left: in the documentation when asked, else out of the way."""
    wanted = os.environ.get("FASTI_PAGE_PICTURES")
    top = Path(__file__).resolve().parents[3]
    folder = top / "docs" / "pictures" if wanted else top / "target" / "xtask" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
