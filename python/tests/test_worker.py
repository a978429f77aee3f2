"""The warm worker over a real socketpair: how attempts start, run and end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker_driver import PATIENCE, SOURCES, Worker


def test_says_ready_first(worker: Worker) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    assert worker.ready == {"op": "ready", "pid": worker.process.pid, "python": version}


def test_started_then_exited_with_usage(worker: Worker) -> None:
    worker.module("m", "def f(): return 1")
    attempt = worker.start(worker.task("m.f"))
    started = worker.receive()
    exited = worker.receive()
    assert (started["op"], started["id"]) == ("started", attempt)
    assert (exited["op"], exited["pid"], exited["status"]) == ("exited", started["pid"], 0)
    assert exited["cpu_us"] > 0
    assert exited["max_rss_kb"] > 1000


def test_every_attempt_is_a_process_in_a_group_of_its_own(worker: Worker) -> None:
    text = "import os\ndef f(): return os.getpid(), os.getpgrp(), os.getppid()"
    first = worker.run("m.f", text).value
    second = worker.run("m.f").value
    assert first[0] == first[1] != second[0] == second[1]
    assert first[2] == worker.process.pid


def test_output_goes_to_the_files_in_order_and_unbuffered(worker: Worker) -> None:
    text = (
        "import os, sys\n"
        "def f():\n"
        "    print('one'); os.system('echo two'); print('\\0 \\u20ac \\udcff')\n"
        "    sys.stderr.write('error \\udcff\\n')\n"
        "    os._exit(0)\n"
    )
    ended = worker.run("m.f", text)
    assert ended.stdout == b"one\ntwo\n\x00 \xe2\x82\xac \xff\n"
    assert ended.stderr == "error \\udcff\n"


def test_appends_to_output_that_exists(worker: Worker) -> None:
    worker.module("m", "def f(): print('new')")
    task = worker.task("m.f")
    Path(task["stdout"]).write_text("old\n")
    assert worker.end_of(worker.start(task)).stdout == b"old\nnew\n"


def test_new_output_files_are_private(worker: Worker) -> None:
    worker.module("m", "def f(): pass")
    task = worker.task("m.f")
    worker.end_of(worker.start(task))
    assert os.stat(task["stdout"]).st_mode & 0o777 == 0o600


def test_surroundings(worker: Worker) -> None:
    text = (
        "import os, subprocess, sys\n"
        "def f():\n"
        "    return dict(cwd=os.getcwd(), env=os.environ['FASTI_RUN_ID'], path=sys.path[0],\n"
        "        argv=sys.argv, stdin=sys.stdin.read(), out=sys.stdout.encoding,\n"
        "        fds=sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1],\n"
        "        below=subprocess.check_output(['ls', '/proc/self/fd']).split()[:-1])\n"
    )
    worker.module("m", text)
    task = worker.task("m.f", env={"FASTI_RUN_ID": "77"})
    seen = worker.end_of(worker.start(task)).value
    assert os.path.samefile(seen["cwd"], task["cwd"])
    assert seen["env"] == "77"
    assert seen["path"] == str(worker.code)
    assert seen["argv"] == ["m.f"]
    assert seen["stdin"] == ""
    assert seen["out"] == "utf-8"
    # Of the worker's descriptors the attempt has the pipe for its value alone, and what
    # it starts has none.
    assert len(seen["fds"]) == 4
    assert seen["fds"][:3] == [0, 1, 2]
    assert seen["below"] == [b"0", b"1", b"2"]


def test_values_go_through_the_pipe_or_a_file(worker: Worker) -> None:
    text = "def short(): return 'x' * 100\ndef long(): return 'x' * 100_000\n"
    worker.module("m", text)
    short, long = worker.run("m.short"), worker.run("m.long")
    assert "value" in short.message
    assert short.value == "x" * 100
    assert "value" not in long.message
    assert long.value == "x" * 100_000


def test_a_closed_pipe_leaves_the_file(worker: Worker) -> None:
    worker.module("m", "import os\ndef f():\n    os.closerange(3, 100)\n    return 7\n")
    ended = worker.run("m.f")
    assert "value" not in ended.message
    assert ended.value == 7


def test_what_a_fork_of_the_task_returns_is_not_its_value(worker: Worker) -> None:
    text = (
        "import os\n"
        "def f():\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        return 'child'\n"
        "    os.waitpid(pid, 0)\n"
        "    return 'parent'\n"
    )
    worker.module("m", text)
    assert worker.run("m.f").value == "parent"


def test_time_zone_of_the_environment_counts(worker: Worker) -> None:
    text = "import time\ndef f(): return time.strftime('%z')"
    assert worker.run("m.f", text, env={"TZ": "XYZ-03:00"}).value == "+0300"


def test_attempts_do_not_see_each_other(worker: Worker) -> None:
    text = (
        "import os\n"
        "def f():\n"
        "    seen = os.environ.get('MARK')\n"
        "    os.environ['MARK'] = 'x'\n"
        "    return seen\n"
    )
    assert worker.run("m.f", text).value is None
    assert worker.run("m.f").value is None


def test_the_start_folder_of_the_worker_is_not_importable(worker: Worker) -> None:
    (worker.folder / "stray.py").write_text("def f(): pass")
    ended = worker.run("stray.f")
    assert ended.failure["reason"] == "entrypoint"


def test_exception_leaves_a_standard_traceback(worker: Worker) -> None:
    ended = worker.run("m.f", "def f():\n    raise ValueError('no\\nway')\n")
    assert ended.code == 1
    assert not ended.has_value
    assert ended.failure == {"reason": "exception", "message": "ValueError: no way"}
    assert ended.stderr == (
        "Traceback (most recent call last):\n"
        f'  File "{worker.code}/m.py", line 2, in f\n'
        "    raise ValueError('no\\nway')\n"
        "ValueError: no\nway\n"
    )


def test_chained_exceptions_are_shown_whole(worker: Worker) -> None:
    text = (
        "def f():\n"
        "    try:\n"
        "        1/0\n"
        "    except ZeroDivisionError:\n"
        "        raise KeyError('k')\n"
    )
    ended = worker.run("m.f", text)
    assert "ZeroDivisionError" in ended.stderr
    assert "During handling of the above exception" in ended.stderr
    assert "fasti" not in ended.stderr


def test_error_while_importing_shows_the_users_line(worker: Worker) -> None:
    ended = worker.run("m.f", "import no_such_module_at_all\ndef f(): pass")
    assert ended.code == 1
    assert ended.failure["reason"] == "exception"
    assert "line 1" in ended.stderr
    assert "ModuleNotFoundError" in ended.stderr
    assert "_child.py" not in ended.stderr


def test_syntax_error_names_file_and_line(worker: Worker) -> None:
    ended = worker.run("m.f", "def f(:\n")
    assert ended.failure["reason"] == "exception"
    assert "m.py" in ended.stderr
    assert "SyntaxError" in ended.stderr
    assert "_child.py" not in ended.stderr


@pytest.mark.parametrize(
    ("code", "status", "stderr"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('so there')", 1, "so there\n"),
        ("sys.exit(256)", 1, ""),
        ("os._exit(7)", 7, ""),
    ],
)
def test_exit_statuses(worker: Worker, code: str, status: int, stderr: str) -> None:
    ended = worker.run("m.f", f"import os, sys\ndef f(): {code}")
    assert (ended.code, ended.stderr, ended.has_value) == (status, stderr, False)


@pytest.mark.parametrize("code", ["sys.exit()", "sys.exit(0)", "sys.exit(None)", "sys.exit(False)"])
def test_exit_zero_is_success_with_none(worker: Worker, code: str) -> None:
    ended = worker.run("m.f", f"import sys\ndef f(): {code}")
    assert ended.has_value
    assert ended.value is None


def test_exit_while_importing_is_no_success(worker: Worker) -> None:
    ended = worker.run("m.f", "import sys\nsys.exit(0)\ndef f(): pass")
    assert ended.code == 1
    assert ended.failure["reason"] == "entrypoint"


def test_keyboard_interrupt(worker: Worker) -> None:
    ended = worker.run("m.f", "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGINT)")
    assert ended.code == 130
    assert ended.failure["reason"] == "interrupted"


def test_death_by_signal_is_reported_as_it_is(worker: Worker) -> None:
    text = "import time\ndef f():\n    print('up')\n    time.sleep(600)\n"
    worker.module("m", text)
    attempt = worker.start(worker.task("m.f"))
    pid = worker.next_of("started", attempt)["pid"]
    os.killpg(pid, signal.SIGTERM)
    status = worker.next_of("exited", attempt)["status"]
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_many_at_once_all_end(worker: Worker) -> None:
    worker.module("m", "def f(part_num): return part_num")
    attempts = [worker.start(worker.task("m.f", part_num=n)) for n in range(60)]
    assert [worker.end_of(attempt).value for attempt in attempts] == list(range(60))


def test_short_attempts_overtake_long_ones(worker: Worker) -> None:
    worker.module(
        "m",
        "import time\ndef wait(): time.sleep(600)\ndef f(): pass",
    )
    long = worker.start(worker.task("m.wait"))
    short = worker.start(worker.task("m.f"))
    assert worker.end_of(short).code == 0
    os.killpg(worker.next_of("started", long)["pid"], signal.SIGKILL)
    assert os.WTERMSIG(worker.next_of("exited", long)["status"]) == signal.SIGKILL


def test_threads_are_waited_for_and_exit_callbacks_run(worker: Worker) -> None:
    text = (
        "import atexit, threading, time\n"
        "def f():\n"
        "    atexit.register(print, 'bye')\n"
        "    threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n"
        "    print('returned')\n"
    )
    assert worker.run("m.f", text).stdout == b"returned\nthread\nbye\n"


def test_worker_survives_a_frame_it_does_not_know(worker: Worker) -> None:
    worker.send({"op": "dance"})
    assert worker.run("m.f", "def f(): return 1").value == 1


def test_ends_when_told(worker: Worker) -> None:
    worker.send({"op": "stop"})
    assert worker.process.wait(PATIENCE) == 0


def test_ends_with_the_runner_and_leaves_children_alone(worker: Worker) -> None:
    text = (
        "import sys\ndef f(job_config):\n    open(job_config['fifo']).read()\n    print('done')\n"
    )
    worker.module("m", text)
    fifo = worker.folder / "fifo"
    os.mkfifo(fifo)
    task = worker.task("m.f", configuration={"fifo": str(fifo)})
    attempt = worker.start(task)
    worker.next_of("started", attempt)
    worker.socket.close()
    assert worker.process.wait(PATIENCE) == 0
    with open(fifo, "w") as go:
        go.write("go")
    wait_until(lambda: Path(task["result_path"]).exists())
    assert Path(task["stdout"]).read_bytes() == b"done\n"


def wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.005)


def test_preloaded_modules_are_there_before_the_fork(tmp_path: Path) -> None:
    (tmp_path / "slow_thing.py").write_text("import os\nLOADED_BY = os.getpid()\n")
    worker = Worker(
        tmp_path,
        FASTI_PRELOAD="slow_thing, no_such_thing",
        PYTHONPATH=f"{SOURCES}{os.pathsep}{tmp_path}",
    )
    try:
        text = "import slow_thing\ndef f(): return slow_thing.LOADED_BY"
        assert worker.run("m.f", text).value == worker.process.pid
        assert "no_such_thing" in worker.log.read_text()
    finally:
        worker.close()


def test_modules_that_make_forks_dear_are_not_loaded(worker: Worker) -> None:
    """Each of these hooks into every fork or costs memory in every child."""
    text = "import sys\nSEEN = set(sys.modules)\ndef f(): return SEEN"
    loaded = worker.run("m.f", text).value
    started_with = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    dear = {"threading", "random", "logging", "inspect", "subprocess", "tempfile", "http.client"}
    # What a .pth file of this interpreter loads is not ours to avoid.
    assert dear & loaded <= set(started_with)


def test_refuses_to_serve_without_a_socket() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fasti._worker"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        check=False,
    )
    assert done.returncode == 2
    assert b"no socket" in done.stderr


def test_once_runs_one_task_in_this_process(worker: Worker) -> None:
    import json

    worker.module("m", "def f(x=2):\n    print('hello')\n    return x * 21\n")
    task = worker.task("m.f")
    document = worker.folder / "task.json"
    document.write_text(json.dumps(task))
    done = subprocess.run(
        [sys.executable, "-u", "-m", "fasti._worker", "--once", str(document)],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        check=False,
    )
    assert done.returncode == 0
    assert Path(task["stdout"]).read_bytes() == b"hello\n"
    assert Path(task["result_path"]).exists()


def test_a_fork_that_fails_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import socket

    from fasti._frames import Decoder, parse
    from fasti._zygote import Zygote

    def no_more() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", no_more)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        zygote = Zygote(theirs)
        zygote._start(b"8.1", b"{}")
        zygote._flush()
        decoder = Decoder()
        decoder.feed(ours.recv(4096))
        (message,) = map(parse, decoder.bodies())
    reason = "fork: Resource temporarily unavailable"
    assert message == {"op": "refused", "id": "8.1", "reason": reason}
