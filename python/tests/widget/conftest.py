"""A server, a JupyterLab and a browser for the tests of the widget.

``FASTI_BIN`` names the server's binary and ``FASTI_TEST_CHROMIUM`` the browser; without
them these tests fail rather than pass unnoticed.
"""

import os
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from live.live_support import Server
from widget.lab import BROWSER_FLAGS, PATIENCE, Lab


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, live: Server) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("lab"), live.url)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("FASTI_TEST_CHROMIUM")
    if not program:
        pytest.fail("FASTI_TEST_CHROMIUM must name the browser that these tests drive")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=program,
            headless=True,
            args=BROWSER_FLAGS,
            viewport={"width": 1280, "height": 1400},
        )
        context.set_default_timeout(PATIENCE * 1000)
        yield context
        context.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures of the widget are left, to be looked at."""
    folder = Path(os.environ.get("FASTI_TEST_PICTURES") or Path(sys.prefix) / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
