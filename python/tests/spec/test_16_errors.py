"""Section 16: the exceptions, and what of the server's answers becomes which."""

import pickle
from typing import Any, Tuple

import pytest

from dt import scheduler as s
from fake_server import FakeServer


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (s.SchedulerError, (Exception,)),
        (s.ValidationError, (s.SchedulerError, ValueError)),
        (s.DuplicateNameError, (s.ValidationError,)),
        (s.CyclicDependencyError, (s.ValidationError,)),
        (s.MissingDagError, (s.ValidationError,)),
        (s.ArgumentResolutionError, (s.SchedulerError, TypeError)),
        (s.EntrypointError, (s.SchedulerError, ImportError)),
        (s.ResultNotAvailable, (s.SchedulerError, ValueError)),
        (s.NotFound, (s.SchedulerError, LookupError, ValueError)),
        (s.Conflict, (s.SchedulerError,)),
        (s.PermissionDenied, (s.SchedulerError, PermissionError)),
        (s.ConnectionFailed, (s.SchedulerError, ConnectionError)),
        (s.ServerError, (s.SchedulerError, RuntimeError)),
    ],
)
def test_bases(kind: Any, bases: Tuple[type, ...]) -> None:
    assert issubclass(kind, bases[0])
    assert all(issubclass(kind, base) for base in bases)
    error = kind("what happened")
    assert (str(error), error.message) == ("what happened", "what happened")
    assert (error.code, error.status, error.field) == (None, None, None)
    assert str(pickle.loads(pickle.dumps(error))) == "what happened"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "malformed", s.ValidationError),
        (401, "unauthenticated", s.PermissionDenied),
        (403, "forbidden", s.PermissionDenied),
        (404, "not_found", s.NotFound),
        (409, "conflict", s.Conflict),
        (409, "result_unavailable", s.ResultNotAvailable),
        (413, "too_large", s.ValidationError),
        (422, "validation_failed", s.ValidationError),
        (500, "internal", s.ServerError),
    ],
)
def test_answers(server: FakeServer, status: int, code: str, kind: Any) -> None:
    problem = {"detail": "the detail", "code": code, "field": "tasks[0].cpu", "title": "t"}
    server.on("GET", "/batches", problem, status)
    with pytest.raises(kind) as caught:
        s.get_batches()
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.status, error.field) == (code, status, "tasks[0].cpu")
    assert "the detail" in error.message


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"\xff"])
def test_answers_that_make_no_sense(server: FakeServer, body: bytes) -> None:
    server.on("GET", "/batches", body, 500)
    with pytest.raises(s.ServerError):
        s.get_batches()


def test_a_success_that_is_no_json(server: FakeServer) -> None:
    server.on("GET", "/batches", b"hello")
    with pytest.raises(s.ServerError):
        s.get_batches()
