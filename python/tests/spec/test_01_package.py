"""Section 1 of the contract: package and connection."""

import getpass
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dt.scheduler
import dt.scheduler.api
import fasti.scheduler
from fake_server import FakeServer
from fasti import _client, _config

NAMES = (
    "batch", "DAG", "Schedule", "Task", "ParallelTask", "Priority", "BatchRunResults",
    "get_job_result", "get_job_metrics", "get_job_logs", "get_batches",
    "SchedulerError", "ValidationError", "DuplicateNameError", "CyclicDependencyError",
    "MissingDagError", "ArgumentResolutionError", "EntrypointError", "ResultNotAvailable",
    "NotFound", "Conflict", "PermissionDenied", "ConnectionFailed", "ServerError",
)  # fmt: skip

SOURCES = Path(fasti.scheduler.__file__).parents[1]


@pytest.mark.parametrize("name", NAMES)
def test_both_modules_export_every_name(name: str) -> None:
    assert getattr(dt.scheduler, name) is getattr(dt.scheduler.api, name)
    assert name in dt.scheduler.__all__
    assert name in dt.scheduler.api.__all__


def test_star_import_has_them_all() -> None:
    space: dict = {}  # type: ignore[type-arg]
    exec("from dt.scheduler import *", space)
    assert set(NAMES) <= set(space)


def test_dt_batch_is_another_name_of_the_decorator() -> None:
    assert dt.scheduler.dt_batch is dt.scheduler.batch


def test_no_submodule_shadows_the_decorator() -> None:
    with pytest.raises(ImportError):
        importlib.import_module("dt.scheduler.batch")
    assert callable(dt.scheduler.batch)


def test_only_the_standard_library_is_required() -> None:
    code = (
        "import sys; import dt.scheduler, fasti.testing, fasti.aio, fasti.dataframes;"
        "print([m for m in sys.modules if m.partition('.')[0] in "
        "('cloudpickle', 'numpy', 'pandas', 'requests', 'ipywidgets')])"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, check=True
    )
    assert ran.stdout.decode().strip() == "[]"


@pytest.mark.usefixtures("no_server")
def test_nothing_before_submission_talks_to_the_server() -> None:
    @dt.scheduler.batch()
    def f() -> None: ...

    with dt.scheduler.DAG(Name="d") as dag:
        dt.scheduler.Task(Name="t", Entrypoint="a.b")
    dag.show()
    dt.scheduler.BatchRunResults("b", "j")
    dt.scheduler.Schedule(at_hours=[1], timezone="Europe/Paris")


def test_the_address_is_found_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTI_URL", raising=False)
    assert _config.load().url == "http://127.0.0.1:7450"
    path = Path(_config.config_path())
    assert (path.parent.name, path.name) == ("fasti", "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text("# mine\nurl = \"http://example.test:1/\"  # there\ntoken = 'secret'\n")
    config = _config.load()
    assert (config.url, config.token) == ("http://example.test:1", "secret")
    monkeypatch.setenv("FASTI_URL", "http://other.test")
    monkeypatch.setenv("FASTI_TOKEN", "mine")
    config = _config.load()
    assert (config.url, config.token) == ("http://other.test", "mine")


def test_a_token_is_sent_as_bearer(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTI_TOKEN", "abc")
    server.page("/batches")
    dt.scheduler.get_batches()
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer abc"
    assert "x-fasti-user" not in request.headers


@pytest.mark.parametrize("user", [None, "anna"])
def test_without_a_token_the_user_is_named(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, user: "str | None"
) -> None:
    if user:
        monkeypatch.setenv("FASTI_USER", user)
    server.page("/batches")
    dt.scheduler.get_batches()
    (request,) = server.requests
    assert request.headers["x-fasti-user"] == (user or getpass.getuser())
    assert "authorization" not in request.headers


def test_no_answer_names_url_and_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "RETRY_SECONDS", 0.2)
    monkeypatch.setenv("FASTI_URL", "http://127.0.0.1:1")
    with pytest.raises(ConnectionError) as caught:
        dt.scheduler.get_batches()
    assert isinstance(caught.value, dt.scheduler.ConnectionFailed)
    assert "http://127.0.0.1:1" in str(caught.value)
    assert "FASTI_URL" in str(caught.value)


def test_requests_are_tried_again_for_five_seconds(server: FakeServer) -> None:
    assert _client.RETRY_SECONDS == 5.0
    server.on("GET", "/batches", hang_up=True)
    server.on("GET", "/batches", hang_up=True)
    server.page("/batches")
    assert dt.scheduler.get_batches() == []
    assert len(server.requests) == 3


def test_everything_public_is_typed() -> None:
    assert (SOURCES / "fasti" / "py.typed").exists()
    assert (SOURCES / "dt" / "py.typed").exists()


def test_importing_stays_light() -> None:
    """Below 50 ms is a figure of the benchmark; what it depends on is what gets imported."""
    code = (
        "import sys; before = set(sys.modules); import dt.scheduler;"
        "print(*sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    ran = subprocess.run(
        # Without site, whose packages may import anything beforehand or on the way.
        [sys.executable, "-S", "-c", code],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    others = [name for name in ran.stdout.split() if name.split(".")[0] not in ("dt", "fasti")]
    heavy = {"asyncio", "http", "urllib", "inspect", "logging", "tempfile", "threading", "random"}
    assert not heavy.intersection(others), others
    assert len(others) <= 70, others
