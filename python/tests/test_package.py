"""What is importable, under which names, and what importing costs."""

import os
import pickle
import subprocess
import sys
from typing import Any

import pytest

import dt.scheduler
import dt.scheduler.api
import fasti.scheduler
from fasti import scheduler
from worker_driver import SOURCES

FUNCTIONS = (
    "batch",
    "dt_batch",
    "get_batches",
    "get_job_logs",
    "get_job_metrics",
    "get_job_result",
)
CLASSES = ("BatchRunResults", "DAG", "ParallelTask", "Priority", "Schedule", "Task")
ERROR_NAMES = (
    "ArgumentResolutionError",
    "Conflict",
    "ConnectionFailed",
    "CyclicDependencyError",
    "DuplicateNameError",
    "EntrypointError",
    "MissingDagError",
    "NotFound",
    "PermissionDenied",
    "ResultNotAvailable",
    "SchedulerError",
    "ServerError",
    "ValidationError",
)
DOCUMENTED = (*FUNCTIONS, *CLASSES, *ERROR_NAMES)

ERRORS = [getattr(scheduler, name) for name in ERROR_NAMES]


def test_the_same_objects_under_every_name() -> None:
    for name in DOCUMENTED:
        assert getattr(dt.scheduler, name) is getattr(scheduler, name)
        assert getattr(dt.scheduler.api, name) is getattr(scheduler, name)
    assert set(DOCUMENTED) == set(dt.scheduler.__all__) == set(dt.scheduler.api.__all__)
    more = {"CommandTask", "PlannedTask", "RerunPlan", "Retry", "Run", "RunFailed"}
    assert set(scheduler.__all__) == {*DOCUMENTED, *more}


def run_python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "FASTI_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        check=True,
    )
    return done.stdout.strip()


def test_the_attribute_batch_is_the_decorator() -> None:
    code = "import dt.scheduler\n@dt.scheduler.batch()\ndef f(): return 'ran'\nprint(f())"
    assert run_python(code) == "ran"


def test_importing_loads_no_network_code() -> None:
    code = "import sys, dt.scheduler; print(*sys.modules)"
    plain = set(run_python("import sys; print(*sys.modules)").split())
    loaded = set(run_python(code).split()) - plain
    # Nor what is only for annotations or first needed when something is checked or sent.
    assert not loaded & {"typing", "re", "contextlib", "json", "pickle", "dataclasses"}
    assert not loaded & {"http.client", "ssl", "socket", "email", "zoneinfo", "tempfile", "inspect"}


@pytest.mark.parametrize("kind", ERRORS)
def test_every_exception_carries_its_message(kind: type) -> None:
    error = kind("what went wrong")
    assert isinstance(error, fasti.scheduler.SchedulerError)
    assert (error.message, str(error)) == ("what went wrong",) * 2
    assert (error.code, error.status, error.field) == (None, None, None)


@pytest.mark.parametrize("kind", ERRORS)
def test_exceptions_travel_between_processes(kind: Any) -> None:
    error = pickle.loads(pickle.dumps(kind("text", code="c", status=404, field="f")))
    assert type(error) is kind
    assert (error.message, error.code, error.status, error.field) == ("text", "c", 404, "f")


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("ValidationError", (ValueError,)),
        ("DuplicateNameError", (fasti.scheduler.ValidationError,)),
        ("CyclicDependencyError", (fasti.scheduler.ValidationError,)),
        ("MissingDagError", (fasti.scheduler.ValidationError,)),
        ("ArgumentResolutionError", (TypeError,)),
        ("EntrypointError", (ImportError,)),
        ("ResultNotAvailable", (ValueError,)),
        ("NotFound", (LookupError, ValueError)),
        ("PermissionDenied", (PermissionError,)),
        ("ConnectionFailed", (ConnectionError,)),
        ("ServerError", (RuntimeError,)),
    ],
)
def test_bases(name: str, bases: "tuple[type, ...]") -> None:
    assert all(issubclass(getattr(scheduler, name), base) for base in bases)
