"""The asynchronous functions: what they do to the event loop and to its threads."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import List, Set, Tuple

import pytest

from fake_server import FakeServer
from fasti import _client, aio
from fasti.scheduler import NotFound

RUNS = 200


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> "FakeServer":
    monkeypatch.setenv("FASTI_USER", "tester")
    return FakeServer()


def test_the_asynchronous_client_waits_for_many_runs_with_few_threads(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: Set[str] = set()
    send = _client.Client.send

    def counted(*args: object, **kwargs: object) -> object:
        threads.add(threading.current_thread().name)
        return send(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(_client.Client, "send", counted)
    for run in range(1, RUNS + 1):
        for status in ("queued", "running", "success"):
            server.on("GET", f"/runs/{run}", {"id": run, "status": status})

    async def everything() -> Tuple[List[str], int]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(3, "few"))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        statuses = await asyncio.gather(*(aio.wait(run) for run in range(1, RUNS + 1)))
        ticking.cancel()
        return list(statuses), ticks

    with server:
        monkeypatch.setenv("FASTI_URL", server.url)
        statuses, ticks = asyncio.run(everything())
        _client.close_default()
    assert statuses == ["success"] * RUNS
    assert len(threads) <= 3
    assert len(server.requests) == 3 * RUNS
    assert ticks > RUNS, "the loop went on meanwhile"


def test_waiting_ends_after_its_time(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("GET", "/runs/7", {"id": 7, "status": "running"})
    with server:
        monkeypatch.setenv("FASTI_URL", server.url)
        with pytest.raises(TimeoutError, match=r"run 7 is not over after 0\.05 s"):
            asyncio.run(aio.wait(7, timeout=0.05))
        _client.close_default()


def test_context_and_errors_go_along(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    variable: "contextvars.ContextVar[str]" = contextvars.ContextVar("variable", default="none")

    async def seen() -> str:
        variable.set("ours")
        return await aio.call(variable.get)

    assert asyncio.run(seen()) == "ours"
    with server:
        monkeypatch.setenv("FASTI_URL", server.url)
        with pytest.raises(NotFound):
            asyncio.run(aio.get_job_result(9))
        _client.close_default()
