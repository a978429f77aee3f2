"""The warm worker: forks a child per attempt and tells the runner how each ended.

One thread, one loop over the runner's socket and a pipe that SIGCHLD writes to.
Nothing here may start a thread: a fork would copy its locks in whatever state.

The price of a child is the memory pages it touches, each copied on first touch, so the
worker keeps away from modules that do work in every fork (``threading``, ``random``,
``logging`` register such hooks) and from heavy ones such as ``inspect``.  A test watches
over this.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
from typing import Any, Dict, List, Mapping, NoReturn

from fasti import _child
from fasti._frames import Decoder, encode
from fasti._prefetch import Prefetcher, install

#: As the interpreter was started.
_WRITES_NO_BYTECODE = sys.dont_write_bytecode

#: Bytes read from the socket at a time.
_READ_BYTES = 1 << 18


class Zygote:
    """Serves one runner until it says stop or goes away."""

    def __init__(self, runner: socket.socket) -> None:
        self._runner = runner
        self._decoder = Decoder()
        self._outgoing = bytearray()
        self._attempts: Dict[int, str] = {}
        self._serving = True
        self._prefetcher = Prefetcher()
        self._wake_read, self._wake_write = os.pipe()

    def serve(self) -> None:
        """Answer the runner until the socket ends or ``stop`` arrives."""
        self._runner.setblocking(False)
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        version = ".".join(map(str, sys.version_info[:3]))
        self._queue({"op": "ready", "pid": os.getpid(), "python": version})
        install()
        # What exists now is shared by all children; keeping the collector away from it
        # keeps its pages shared.
        gc.collect()
        gc.freeze()
        while self._serving:
            self._flush()
            self._turn()
        self._flush()

    def _turn(self) -> None:
        """Wait until something happens, and deal with it."""
        watched: List[Any] = [self._runner, self._wake_read]
        writing: List[Any] = [self._runner] if self._outgoing else []
        readable, _, _ = select.select(watched, writing, [])
        if self._wake_read in readable:
            self._drain_wake_ups()
        self._reap()
        if self._runner in readable:
            self._receive()

    def _drain_wake_ups(self) -> None:
        try:
            while len(os.read(self._wake_read, 4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def _receive(self) -> None:
        try:
            data = self._runner.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if not data:
            self._serving = False
            return
        self._decoder.feed(data)
        for message in self._decoder.messages():
            self._obey(message)
            # Between two forks: many starts in one read must not delay what ended.
            self._reap()
            self._flush()

    def _obey(self, message: Mapping[str, Any]) -> None:
        operation = message.get("op")
        if operation == "start":
            self._start(message["id"], message["task"])
        elif operation == "stop":
            self._serving = False
        else:
            print(f"fasti worker: unknown operation {operation!r}", file=sys.stderr)

    def _start(self, attempt: str, task: Mapping[str, Any]) -> None:
        # What a task brings along is unpacked once for all: nothing is written beside it.
        sys.dont_write_bytecode = _WRITES_NO_BYTECODE or bool(task["import_path"])
        self._prefetcher.offer(task["entrypoint"], task["import_path"] or ())
        try:
            pid = os.fork()
        except OSError as error:
            self._queue({"op": "refused", "id": attempt, "reason": f"fork: {error.strerror}"})
            return
        if pid == 0:
            self._become(task)
        try:
            # The child does this too; whoever comes first closes the gap in which a
            # stop would miss it.
            os.setpgid(pid, pid)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.ESRCH, errno.EPERM):
                raise
        self._attempts[pid] = attempt
        self._queue({"op": "started", "id": attempt, "pid": pid})

    def _become(self, task: Mapping[str, Any]) -> NoReturn:
        """Turn this fresh copy of the worker into the process of an attempt."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._runner.close()
            gc.enable()
            _child.run_and_exit(task)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _reap(self) -> None:
        """Report every child that has ended; asking costs a microsecond."""
        while self._attempts:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            attempt = self._attempts.pop(pid, None)
            if attempt is None:
                continue
            self._queue(
                {
                    "op": "exited",
                    "id": attempt,
                    "pid": pid,
                    "status": status,
                    "cpu_us": round((usage.ru_utime + usage.ru_stime) * 1e6),
                    "max_rss_kb": usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1),
                }
            )

    def _queue(self, message: Dict[str, Any]) -> None:
        self._outgoing += encode(message)

    def _flush(self) -> None:
        """Send what the socket takes now; a slow runner must not stop the reaping."""
        while self._outgoing:
            try:
                sent = self._runner.send(self._outgoing)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                self._serving = False
                self._outgoing.clear()
                return
            del self._outgoing[:sent]


def _ignore(_signal: int, _frame: Any) -> None:
    """Exist: only signals with a handler reach the wake-up descriptor."""
