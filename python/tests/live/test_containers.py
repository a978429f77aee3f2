"""Tasks in containers, run by a real podman; where that cannot run any, how Fasti refuses."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from fasti._jobs import get_job_logs
from fasti.scheduler import DAG, Task
from live.container_support import IMAGE, Podman, podman, where_containers_run
from live.live_support import PATIENCE, Server

#: Longest wait for something in a container, in seconds: starting one copies its image.
CONTAINER_PATIENCE = 3 * PATIENCE

MODULE = """
import os, sys

def make():
    return {"large": bytes(2_000_000), "uid": os.getuid(), "where": os.getcwd()}

def use(make):
    print("prefix", sys.prefix)
    print("host", os.path.exists(os.environ["HOST_FOLDER"]))
    return len(make["large"]), make["where"], os.environ["GREETING"]

def fail():
    raise ValueError("no such luck")
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    yield from podman(tmp_path_factory.mktemp("podman"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, engine: Podman) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    config = folder / "config.toml"
    config.write_text(engine.config, "utf-8")
    server = Server(folder, "--config", str(config))
    yield server
    server.stop()


def _add(live: Server, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [os.environ["FASTI_BIN"], "--url", live.url, "image", "add", name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=CONTAINER_PATIENCE)


@pytest.fixture(scope="module")
def image(live: Server, engine: Podman) -> str:
    """Register the image; where no container can be run, look at how that is said."""
    added = _add(live, "boxed", "--container", IMAGE, "--env", "GREETING=two words")
    if engine.why_not is not None:
        _see_refusal(live, added)
    else:
        assert added.returncode == 0, added.stderr
    return "boxed"


def _see_refusal(live: Server, added: "subprocess.CompletedProcess[str]") -> None:
    """Either there is no engine, or it cannot start anything, which only a task shows."""
    if added.returncode != 0:
        assert added.returncode == 2, added.stderr
        assert "no containers can be run here" in added.stderr
        return
    run = _start(live, "refused", "boxed", _sh("one", "exit 0"))
    _ended(live, run)
    assert _attempt(live, run, "one")["outcome"] == "spawn_failed"


def _start(live: Server, name: str, image: str, *tasks: Dict[str, Any]) -> int:
    batch = live.call(
        "POST", "/batches", {"name": name, "image": image, "tag": "dev", "tasks": list(tasks)}
    )
    return int(live.call("POST", f"/batches/{batch['id']}/runs", {})["id"])


def _tasks(live: Server, run: int) -> Dict[str, Dict[str, Any]]:
    listed = live.call("GET", f"/runs/{run}/tasks")["items"]
    return {task["name"]: task for task in listed}


def _ended(live: Server, run: int) -> Dict[str, Dict[str, Any]]:
    _wait("the end of the run", lambda: _status(live, run) not in ("queued", "running"))
    return _tasks(live, run)


def _status(live: Server, run: int) -> str:
    return str(live.call("GET", f"/runs/{run}")["status"])


def _attempt(live: Server, run: int, task: str) -> Dict[str, Any]:
    """Return the last attempt of a task."""
    found = live.call("GET", f"/task-runs/{_tasks(live, run)[task]['id']}")
    attempt: Dict[str, Any] = found["attempts"][-1]
    return attempt


def _output(live: Server, run: int, task: str, stream: str = "stdout") -> str:
    return str(get_job_logs(int(_tasks(live, run)[task]["id"]))[stream])


def _wait(what: str, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + CONTAINER_PATIENCE
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def _sh(name: str, script: str, **more: Any) -> Dict[str, Any]:
    return {"name": name, "command": ["sh", "-c", script], **more}


@where_containers_run
def test_an_image_says_what_it_is(live: Server, image: str, engine: Podman) -> None:
    shown = live.call("GET", f"/images/{image}")
    assert shown["container"] == {"image": IMAGE, "engine": None}
    refused = _add(live, "bad", "--container", "--privileged")
    assert refused.returncode == 2
    refused = _add(live, "bad", "--container", "a b")
    assert (refused.returncode, "no reference of a container image" in refused.stderr) == (2, True)


@where_containers_run
def test_an_engine_that_does_not_work_is_refused(live: Server, image: str, engine: Podman) -> None:
    refused = _add(live, "other", "--container", IMAGE, "--engine", "docker")
    works = subprocess.run(["sh", "-c", "docker info"], capture_output=True).returncode == 0
    assert (refused.returncode == 0) == works, refused.stderr
    if not works:
        assert "no containers can be run here" in refused.stderr


@where_containers_run
def test_commands(live: Server, image: str, engine: Podman, tmp_path: Path) -> None:
    script = (
        'echo "in $(pwd), $GREETING, $ODD"; echo to-stderr >&2; cat;'
        f" ls -d {tmp_path} {live.folder} || echo nothing of the host; echo kept > file; exit 7"
    )
    odd = "two\nlines 'and' \"quotes\""
    run = _start(
        live,
        "commands",
        image,
        _sh("one", script, stdin="from stdin\n", env={"ODD": odd}),
        {"name": "absent", "command": ["no-such-program"]},
        _sh("there", "exit 127", cwd="/bin"),
        _sh("where", "pwd", cwd="/bin"),
    )
    _ended(live, run)
    printed = _output(live, run, "one")
    assert printed.startswith(f"in /fasti/scratch, two words, {odd}\nfrom stdin\n"), printed
    assert "nothing of the host" in printed
    assert "to-stderr\n" in _output(live, run, "one", "stderr")
    assert _attempt(live, run, "one")["exit_code"] == 7
    assert _attempt(live, run, "there")["exit_code"] == 127
    absent = _attempt(live, run, "absent")
    assert absent["outcome"] == "spawn_failed", absent
    assert "podman could not start the container" in str(absent["reason"]), absent
    assert "no-such-program" in str(absent["reason"]), absent
    assert _output(live, run, "where") == "/bin\n"
    assert engine.containers() == []


@where_containers_run
def test_functions(live: Server, image: str, engine: Podman, tmp_path: Path) -> None:
    (tmp_path / "boxed_module.py").write_text(MODULE, "utf-8")
    for name, option in (("by path", "--path"), ("by bundle", "--bundle")):
        more = ["--env", "GREETING=hello", "--env", f"HOST_FOLDER={tmp_path}"]
        added = _add(live, name, "--container", IMAGE, option, str(tmp_path), *more)
        assert added.returncode == 0, added.stderr
        with DAG(Name=f"functions {name}", Image=name) as dag:
            make = Task(Name="make", Entrypoint="boxed_module.make", dag=dag)
            use = Task(Name="use", Entrypoint="boxed_module.use", dag=dag)
            Task(Name="fail", Entrypoint="boxed_module.fail", dag=dag)
            make >> use
        run = dag.run()
        _ended(live, run)
        assert run.result("use") == (2_000_000, "/fasti/scratch", "hello"), run.logs("use")
        assert "host False" in run.logs("use")["stdout"]
        failed = _attempt(live, run, "fail")
        assert (failed["outcome"], failed["exit_code"]) == ("exited", 1), failed
        assert "no such luck" in str(failed["reason"]), failed
    assert engine.containers() == []


@where_containers_run
def test_an_image_that_is_not_there(live: Server, image: str, engine: Podman) -> None:
    assert _add(live, "absent", "--container", "localhost/absent:1").returncode == 0
    run = _start(live, "absent image", "absent", _sh("one", "exit 0"))
    _ended(live, run)
    attempt = _attempt(live, run, "one")
    assert attempt["outcome"] == "spawn_failed", attempt
    assert "podman could not start the container" in str(attempt["reason"]), attempt
    assert "absent" in str(attempt["reason"]), attempt


@where_containers_run
def test_a_cancelled_container_is_gone(live: Server, image: str, engine: Podman) -> None:
    run = _start(
        live, "cancelled", image, _sh("one", "trap 'exit 0' TERM; while :; do sleep 1; done")
    )
    _wait("the container", engine.containers)
    live.call("POST", f"/runs/{run}/cancel", {})
    _wait("the end", lambda: _status(live, run) == "cancelled")
    _wait("no container", lambda: engine.containers() == [])


@where_containers_run
def test_a_killed_runner_leaves_no_container_behind(
    live: Server, image: str, engine: Podman
) -> None:
    run = _start(live, "orphans", image, _sh("one", "while :; do sleep 1; done"))
    before = _wait("the container", engine.containers)
    _kill_runner(live)

    def other() -> bool:
        """Tell whether the next attempt runs, alone."""
        names: List[str] = engine.containers()
        assert len(names) <= 1, names
        return len(names) == 1 and names != before

    _wait("the next attempt, alone", other)
    live.call("POST", f"/runs/{run}/cancel", {})
    _wait("no container", lambda: engine.containers() == [])


def _kill_runner(live: Server) -> None:
    data = str(live.folder / "data")
    for process in Path("/proc").iterdir():
        try:
            arguments = (process / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if arguments[1:2] == ["runner"] and data in arguments:
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise AssertionError("no runner of this server")
