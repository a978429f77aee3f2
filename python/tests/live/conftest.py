"""A real server for every test module, and ways to wait for what it does.

The binary is named by ``FASTI_BIN``; without it these tests fail rather than pass
unnoticed.
"""

from typing import Any, Callable, Dict, Iterator

import pytest

from fasti.scheduler import BatchRunResults
from live.live_support import Server


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _address(live: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTI_URL", live.url)


@pytest.fixture
def outcome(live: Server) -> Callable[[str, int], Dict[str, Dict[str, Any]]]:
    """Wait for a run and return its tasks by name."""

    def wait(batch: str, run_id: int) -> Dict[str, Dict[str, Any]]:
        live.finished(run_id)
        return {task["name"]: task for task in BatchRunResults(batch).get_run(run_id)}

    return wait
