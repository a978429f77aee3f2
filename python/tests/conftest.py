"""Fixtures that all tests share."""

from pathlib import Path
from typing import Iterator

import pytest

from fake_server import FakeServer
from fasti import _client
from worker_driver import Worker


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them, and leave no connection open."""
    for name in ("FASTI_TOKEN", "FASTI_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield
    _client.close_default()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    started = Worker(tmp_path)
    yield started
    started.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """Answer HTTP on a free port with what the test prescribes."""
    with FakeServer() as running:
        monkeypatch.setenv("FASTI_URL", running.url)
        yield running


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is sent."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was sent to a server")

    monkeypatch.setattr(_client.Client, "send", refuse)
