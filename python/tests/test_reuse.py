"""Processes that serve several calls: what is shared, what is not, and when one ends."""

import os
import signal
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from worker_driver import PATIENCE, Ended, Worker

PID = "import os\ndef f(): return os.getpid()\n"


class Reusing:
    """A worker whose image lets a process serve three calls, with a runner that keeps up."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._ends = 0

    def run(self, *arguments: Any, **changes: Any) -> Ended:
        ended = self.worker.run(*arguments, **changes)
        if ended.message.get("kept"):
            self._ends += 1
            self.worker.seen(self._ends)
        return ended

    def is_kept(self, text: str) -> bool:
        """Tell whether a process is kept after a call of ``f``."""
        ended = self.run("leaves.f", text)
        assert ended.code == 0, ended.stderr
        return bool(ended.message.get("kept"))


def await_(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def reusing(tmp_path: Path) -> Iterator[Reusing]:
    worker = Worker(tmp_path, FASTI_REUSE="3")
    yield Reusing(worker)
    worker.close()


def test_a_process_serves_so_many_calls(reusing: Reusing) -> None:
    reusing.worker.module("m", PID)
    pids = [reusing.run("m.f").value for _ in range(7)]
    assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4] == pids[5] != pids[6]


def test_modules_are_executed_once_a_process(reusing: Reusing) -> None:
    reusing.worker.module("m", "calls = []\ndef f():\n    calls.append(1)\n    return len(calls)\n")
    assert [reusing.run("m.f").value for _ in range(4)] == [1, 2, 3, 1]


def test_another_function_has_a_process_of_its_own(reusing: Reusing) -> None:
    reusing.worker.module("m", PID + "g = f\n")
    assert reusing.run("m.f").value != reusing.run("m.g").value


def test_two_calls_at_once_have_two_processes(reusing: Reusing) -> None:
    worker = reusing.worker
    worker.module("m", "import os, time\ndef f():\n    time.sleep(0.2)\n    return os.getpid()\n")
    attempts = [worker.start(worker.task("m.f")) for _ in range(2)]
    first, second = (worker.end_of(attempt).value for attempt in attempts)
    assert first != second


def test_nobody_is_called_again_before_the_runner_knows_of_the_end(reusing: Reusing) -> None:
    worker = reusing.worker
    first = worker.run("m.f", PID)
    assert first.message["kept"]
    second = worker.run("m.f")
    assert second.value != first.value
    worker.seen(1)
    assert worker.run("m.f").value == first.value


def test_what_belongs_to_a_call_is_its_own(reusing: Reusing) -> None:
    text = (
        "import os, sys, time\n"
        "def f():\n"
        "    seen = (os.environ.get('A'), os.environ.get('B'), os.getcwd(), time.strftime('%z'),\n"
        "        'here' in sys.path)\n"
        "    os.environ['B'] = 'x'\n"
        "    sys.path.insert(0, 'here')\n"
        "    os.umask(0)\n"
        "    print('out'); sys.stderr.write('err')\n"
        "    return seen\n"
    )
    worker = reusing.worker
    worker.module("m", text)
    first = worker.task("m.f", env={"A": "1", "TZ": "XYZ-03:00"})
    second = worker.task("m.f", env={"FASTI_RUN_ID": "7"})
    ends: List[Ended] = []
    for number, task in enumerate((first, second), 1):
        ends.append(worker.end_of(worker.start(task)))
        worker.seen(number)
    assert ends[0].message["pid"] == ends[1].message["pid"]
    assert ends[0].value == ("1", None, first["cwd"], "+0300", False)
    zone = time.strftime("%z")
    assert ends[1].value == (None, None, second["cwd"], zone, False)
    for ended, task in zip(ends, (first, second)):
        assert (ended.stdout, ended.stderr) == (b"out\n", "err")
        assert os.stat(task["stdout"]).st_mode & 0o777 == 0o600


def test_usage_is_that_of_the_call(reusing: Reusing) -> None:
    text = (
        "import time\n"
        "def f():\n"
        "    end = time.process_time() + 0.2\n"
        "    while time.process_time() < end: pass\n"
    )
    for _ in range(3):
        ended = reusing.run("m.f", text)
        assert 150_000 < ended.message["cpu_us"] < 600_000
        assert ended.message["max_rss_kb"] > 1000


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\ndef f(): subprocess.Popen(['sleep', '60'])\n",
        # A daemon: its own session, its parent gone.
        "import os\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0: os.execvp('sleep', ['sleep', '60'])\n        os._exit(0)\n"
        "    os.wait()\n",
        "import threading, time\n"
        "def f(): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "import signal\ndef f(): signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
        "import signal\ndef f(): signal.alarm(60)\n",
        "import io, sys\ndef f(): sys.stdout = io.StringIO()\n",
        "import sys\ndef f(): sys.stdout.close()\n",
        "import os\ndef f(): os.closerange(3, 100)\n",
        "import os\ndef f(): os._exit(0)\n",
        "import signal\ndef f(): signal.setitimer(signal.ITIMER_VIRTUAL, 60)\n",
        "import signal\ndef f(): signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n",
        "import signal\ndef f(): signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n",
        "import resource\ndef f(): resource.setrlimit(resource.RLIMIT_CPU, (50, 50))\n",
        "import os\ndef f(): os.nice(1)\n",
        "import os\ndef f(): os.environ = dict(os.environ)\n",
        "import os\ndef f(): os.environb = None\n",
        "import sys\ndef f(): sys.stdout.reconfigure(errors='replace')\n",
        "import sys\ndef f(): del sys.stdout\n",
        "import sys\ndef f(): sys.path = tuple(sys.path)\n",
        "import os\nkept = []\ndef f(): kept.append(os.dup(1))\n",
        "import logging\nkept = []\ndef f(): kept.append(logging.FileHandler('/dev/stderr'))\n",
        "import subprocess, time\nkept = []\n"
        "def f(): kept.append(subprocess.Popen(['true'])); time.sleep(0.1)\n",
        "import os, socket\nkept = []\ndef f():\n    os.closerange(3, 100)\n"
        "    kept.extend(socket.socketpair() for _ in range(10))\n",
    ],
)
def test_who_leaves_something_behind_is_not_used_again(reusing: Reusing, text: str) -> None:
    assert not reusing.is_kept(text)
    assert reusing.run("m.f", PID).message["kept"], "the next one is"


def test_who_starts_processes_and_sees_them_gone_is_used_again(reusing: Reusing) -> None:
    assert reusing.is_kept("import os\ndef f(): os.system('true')\n")


def test_a_fork_of_the_call_that_returns_is_nobody(reusing: Reusing) -> None:
    text = (
        "import os\n"
        "def f():\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        return 'child'\n"
        "    os.waitpid(pid, 0)\n"
        "    return 'parent'\n"
    )
    reusing.worker.module("m", text)
    assert [reusing.run("m.f").value for _ in range(3)] == ["parent"] * 3


def test_a_patched_function_of_the_system_hangs_nobody(reusing: Reusing) -> None:
    reusing.worker.module("m", "import os\ndef f():\n    os.getpid = lambda: 1\n    return 5\n")
    assert [reusing.run("m.f").code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("rubbish", ["b'some text for a file'", "b'D' + bytes(8)", "bytes(50)"])
def test_rubbish_on_the_descriptor_of_values_ends_that_call_alone(
    reusing: Reusing, rubbish: str
) -> None:
    text = (
        "import os, time\n"
        "def f():\n"
        "    for n in range(3, 20):\n"
        "        try:\n"
        f"            os.write(n, {rubbish})\n"
        "        except OSError:\n"
        "            pass\n"
        "    time.sleep(0.2)\n"
        "def g():\n"
        "    time.sleep(0.5)\n"
    )
    worker = reusing.worker
    worker.module("m", text)
    other = worker.start(worker.task("m.g"))
    worker.end_of(worker.start(worker.task("m.f")))
    assert worker.end_of(other).code == 0


def test_a_call_that_closed_its_descriptors_costs_the_worker_nothing(reusing: Reusing) -> None:
    worker = reusing.worker
    worker.module("m", "import os, time\ndef f():\n    os.closerange(3, 100); time.sleep(1)\n")
    before = _processor_s(worker.process.pid)
    assert reusing.run("m.f").code == 0
    assert _processor_s(worker.process.pid) - before < 0.5


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_stopped_process_that_waits_delays_a_call_and_nothing_else(reusing: Reusing) -> None:
    worker = reusing.worker
    worker.module("m", PID + "g = f\n")
    stopped = reusing.run("m.f").value
    os.kill(stopped, signal.SIGSTOP)
    attempt = worker.start(worker.task("m.f"))
    assert reusing.run("m.g").code == 0
    assert worker.end_of(attempt).value != stopped


def test_a_long_task_goes_to_a_fresh_process(reusing: Reusing) -> None:
    worker = reusing.worker
    worker.module("m", "import os\ndef f(job_config): return os.getpid(), len(job_config['x'])\n")
    long = {"x": "y" * 300_000}
    pids = set()
    for _ in range(2):
        pid, length = reusing.run("m.f", configuration=long).value
        assert length == 300_000
        pids.add(pid)
    assert len(pids) == 2


def test_a_process_that_is_dismissed_is_not_used_again(reusing: Reusing) -> None:
    worker = reusing.worker
    worker.module("m", PID)
    first = worker.run("m.f")
    assert first.message["kept"]
    # As the runner does after a stop that came too late.
    os.killpg(first.value, signal.SIGTERM)
    worker.send_body(f"dismiss\0{first.value}".encode())
    worker.seen(1)
    second = worker.run("m.f")
    assert second.code == 0
    assert second.value != first.value


def test_those_that_wait_too_long_end_whatever_they_registered(tmp_path: Path) -> None:
    worker = Worker(tmp_path, FASTI_REUSE="100")
    names = [f"f{number}" for number in range(34)]
    text = "import atexit, time, os\natexit.register(time.sleep, 300)\n"
    text += "".join(f"def {name}(): return os.getpid()\n" for name in names)
    worker.module("m", text)
    first = worker.run("m.f0").value
    for name in names[1:]:
        assert worker.run(f"m.{name}").code == 0
    await_(lambda: not Path(f"/proc/{first}").exists())
    worker.close()


def test_a_fork_that_talks_on_and_on_ends_that_call_alone(reusing: Reusing) -> None:
    # Whole frames, of a process that is not the one that was called.
    text = (
        "import os, struct\n"
        "def f():\n"
        "    if os.fork() == 0:\n"
        "        frame = struct.pack('>cII', b'V', os.getpid(), 4000) + bytes(4000)\n"
        "        for n in range(3, 20):\n"
        "            try:\n"
        "                os.fstat(n)\n"
        "                for _ in range(100): os.write(n, frame)\n"
        "            except OSError:\n"
        "                pass\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    import time; time.sleep(60)\n"
        "def g(): return 5\n"
    )
    worker = reusing.worker
    worker.module("m", text)
    ended = worker.end_of(worker.start(worker.task("m.f")))
    assert os.WTERMSIG(ended.status) == signal.SIGKILL
    assert reusing.run("m.g").value == 5


def test_a_failed_call_ends_its_process(reusing: Reusing) -> None:
    text = PID + "def g(): raise ValueError('no')\ndef h():\n    import sys; sys.exit(3)\n"
    reusing.worker.module("m", text)
    failed = reusing.run("m.g")
    assert failed.code == 1
    assert failed.failure == {"reason": "exception", "message": "ValueError: no"}
    assert "kept" not in failed.message
    assert reusing.run("m.h").code == 3


def test_values_of_every_length_arrive(reusing: Reusing) -> None:
    text = "sizes = [3_900, 5_000_000, 0]\ndef f(): return 'x' * sizes.pop()\n"
    reusing.worker.module("m", text)
    lengths = [len(reusing.run("m.f").value) for _ in range(3)]
    assert lengths == [0, 5_000_000, 3_900]


def test_a_changed_module_is_called_in_a_new_process(reusing: Reusing) -> None:
    reusing.worker.module("h", "def g(): return 1\n")
    reusing.worker.module("m", "import h\ndef f(): return h.g()\n")
    assert reusing.run("m.f").value == 1
    # At once, and in a module that the worker has not looked at.
    reusing.worker.module("h", "def g(): return 22\n")
    assert reusing.run("m.f").value == 22


def test_a_killed_call_is_told_as_such(reusing: Reusing) -> None:
    worker = reusing.worker
    assert reusing.run("m.f", PID).message["kept"]
    worker.module("n", "import time\ndef f():\n    print('on'); time.sleep(60)\n")
    task = worker.task("n.f")
    attempt = worker.start(task)
    pid = worker.next_of("started", attempt)["pid"]
    await_(lambda: Path(task["stdout"]).exists())
    os.kill(pid, signal.SIGKILL)
    ended = worker.end_of(attempt)
    assert os.WTERMSIG(ended.status) == signal.SIGKILL
    assert "kept" not in ended.message


def test_one_that_waits_and_is_killed_is_missed_by_nobody(reusing: Reusing) -> None:
    first = reusing.run("m.f", PID)
    os.kill(first.value, signal.SIGKILL)
    await_(lambda: not Path(f"/proc/{first.value}").exists())
    assert reusing.run("m.f").value != first.value


def test_those_that_wait_end_with_the_worker(reusing: Reusing) -> None:
    pid = reusing.run("m.f", PID).value
    reusing.worker.close()
    await_(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize("text", ["0", "-1", "many", "1000001"])
def test_nonsense_is_said_and_every_call_has_its_process(tmp_path: Path, text: str) -> None:
    worker = Worker(tmp_path, FASTI_REUSE=text)
    assert worker.run("m.f", PID).value != worker.run("m.f").value
    worker.close()
    assert f"FASTI_REUSE is {text!r}" in worker.log.read_text()
