"""The HTTP client against a server that answers what it is told, faults included."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from fake_server import FakeServer
from fasti import _client, _config
from fasti.scheduler import (
    Conflict,
    NotFound,
    PermissionDenied,
    ResultNotAvailable,
    SchedulerError,
    ServerError,
    ValidationError,
    get_batches,
)


def client() -> _client.Client:
    return _client.default()


@pytest.mark.parametrize(
    ("status", "code", "kind", "builtin"),
    [
        (400, "malformed", ValidationError, ValueError),
        (401, "unauthenticated", PermissionDenied, PermissionError),
        (403, "forbidden", PermissionDenied, OSError),
        (404, "not_found", NotFound, LookupError),
        (404, "not_found", NotFound, ValueError),
        (409, "conflict", Conflict, Exception),
        (409, "result_unavailable", ResultNotAvailable, ValueError),
        (413, "too_large", ValidationError, ValueError),
        (422, "validation_failed", ValidationError, ValueError),
        (500, "internal", ServerError, RuntimeError),
        (418, None, ServerError, RuntimeError),
    ],
)
def test_problems_become_exceptions(
    server: FakeServer, status: int, code: Any, kind: type, builtin: type
) -> None:
    problem = {"type": "about:blank", "title": "T", "status": status, "detail": "what went wrong",
               "code": code, "field": None, "errors": [], "trace_id": "x"}  # fmt: skip
    server.on("GET", "/x", problem, status=status)
    with pytest.raises(kind) as caught:
        client().get("/x")
    error = caught.value
    assert isinstance(error, builtin)
    assert isinstance(error, SchedulerError)
    assert (error.message, error.code, error.status) == ("what went wrong", code, status)
    assert len(server.requests) == 1


def test_field_is_kept_and_named(server: FakeServer) -> None:
    problem = {"detail": "must be positive", "code": "validation_failed", "field": "tasks[0].cpu"}
    server.on("POST", "/x", problem, status=422)
    with pytest.raises(ValidationError) as caught:
        client().post("/x", {})
    assert caught.value.field == "tasks[0].cpu"
    assert str(caught.value) == "tasks[0].cpu: must be positive"


def test_answers_that_make_no_sense(server: FakeServer) -> None:
    server.on("GET", "/page", b"<html>")
    with pytest.raises(ServerError, match="no JSON"):
        client().get("/page")
    server.on("GET", "/gateway", b"<html>bad gateway", status=502)
    with pytest.raises(ServerError, match="502"):
        client().get("/gateway")


def test_connection_is_kept(server: FakeServer) -> None:
    server.on("GET", "/x", {})
    client().get("/x")
    first = next(iter(client()._connections.values())).sock
    client().get("/x")
    assert next(iter(client()._connections.values())).sock is first


def test_lost_answer_is_asked_for_again_with_the_same_key(server: FakeServer) -> None:
    server.on("POST", "/runs", hang_up=True)
    server.on("POST", "/runs", hang_up=True)
    server.on("POST", "/runs", {"id": 3})
    assert client().post("/runs", {"x": 1}) == {"id": 3}
    keys = {request.headers["idempotency-key"] for request in server.requests}
    assert len(server.requests) == 3
    assert len(keys) == 1
    assert all(request.json == {"x": 1} for request in server.requests)


def test_server_that_is_not_ready_is_waited_for(server: FakeServer) -> None:
    server.on("GET", "/x", {"detail": "starting", "code": "not_ready"}, status=503)
    server.on("GET", "/x", {"ok": True})
    assert client().get("/x") == {"ok": True}


def test_waiting_ends(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "RETRY_SECONDS", 0.1)
    server.on("GET", "/x", {"detail": "starting", "code": "not_ready"}, status=503)
    with pytest.raises(ServerError, match="starting"):
        client().get("/x")


def test_pages_are_followed(server: FakeServer) -> None:
    server.on("GET", "/things", {"items": [{"n": 1}], "next_cursor": "c&1", "as_of_seq": 1})
    server.on("GET", "/things", {"items": [{"n": 2}], "next_cursor": None, "as_of_seq": 1})
    assert list(client().items("/things", {"a": "b c", "none": None})) == [{"n": 1}, {"n": 2}]
    first, second = server.requests
    assert first.query == {"a": "b c", "limit": "1000"}
    assert second.query == {"a": "b c", "limit": "1000", "cursor": "c&1"}


def test_user_is_named_without_a_token(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("GET", "/x", {})
    client().get("/x")
    monkeypatch.setenv("FASTI_USER", "ada")
    client().get("/x")
    first, second = server.requests
    assert first.headers["x-fasti-user"] == _config.os_user()
    assert second.headers["x-fasti-user"] == "ada"
    assert "authorization" not in second.headers


def test_token_replaces_the_user(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTI_TOKEN", "secret")
    server.on("GET", "/x", {})
    client().get("/x")
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer secret"
    assert "x-fasti-user" not in request.headers


def test_threads_have_connections_of_their_own(server: FakeServer) -> None:
    server.on("GET", "/x", {})
    threads = [threading.Thread(target=client().get, args=("/x",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client().get("/x")
    assert len(server.requests) == 4


@pytest.mark.parametrize("url", ["127.0.0.1:7450", "ftp://host", "http://"])
def test_bad_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FASTI_URL", url)
    with pytest.raises(ValidationError, match="FASTI_URL"):
        get_batches()


CONFIG = """\
# where the server is
url = "http://there:1234/"  # not here
token = 'it"s'
[other]
url = "http://elsewhere"
"""


def write_config(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "fasti"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG)


def test_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTI_URL", raising=False)
    assert _config.load().url == "http://127.0.0.1:7450"
    write_config(tmp_path)
    config = _config.load()
    assert (config.url, config.token) == ("http://there:1234", 'it"s')


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path)
    monkeypatch.setenv("FASTI_URL", "http://env:1/")
    monkeypatch.setenv("FASTI_TOKEN", "other")
    config = _config.load()
    assert (config.url, config.token) == ("http://env:1", "other")


def test_a_forked_process_opens_a_connection_of_its_own(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("GET", "/x", {})
    client().get("/x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        client().get("/x")
    assert len(client()._connections) == 2
