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
from binascii import b2a_base64
from typing import Any, Dict, List, NoReturn, Tuple

from fasti import _child, _entrypoint, _handover
from fasti._frames import Decoder, encode, frame, parse
from fasti._prefetch import Prefetcher, install
from fasti._rehearsal import rehearse

#: Bytes read from the socket at a time: a few starts.  From 128 KiB on the system would
#: map memory for each read and give it back.
_READ_BYTES = 1 << 14

#: Ids of attempts are digits and dots, so that they need no escaping here.
_EXITED = b'{"op":"exited","id":"%b","pid":%d,"status":%d,"cpu_us":%d,"max_rss_kb":%d%b}'
_HANDED = {_handover.VALUE: b',"value":"%b"', _handover.FAILURE: b',"failure":"%b"'}
_MAXRSS_PER_KIB = 1024 if sys.platform == "darwin" else 1


class Zygote:
    """Serves one runner until it says stop or goes away."""

    def __init__(self, runner: socket.socket) -> None:
        self._runner = runner
        self._socket = runner.fileno()
        self._decoder = Decoder()
        self._outgoing = bytearray()
        #: Of each child the attempt and our end of its pipe.
        self._attempts: Dict[int, Tuple[bytes, int]] = {}
        self._serving = True
        self._prefetcher = Prefetcher(_entrypoint.learn)
        self._wake_read, self._wake_write = os.pipe()

    def serve(self) -> None:
        """Answer the runner until the socket ends or ``stop`` arrives."""
        self._runner.setblocking(False)
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        version = ".".join(map(str, sys.version_info[:3]))
        self._queue({"op": "ready", "pid": os.getpid(), "python": version})
        install()
        rehearse()
        # No child was forked yet, so no end of one can be missed.
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
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
        for body in self._decoder.bodies():
            self._obey(body)
            # Between two forks: many starts in one read must not delay what ended.
            self._reap()
            self._flush()

    def _obey(self, body: bytes) -> None:
        if body.startswith(b"start\0"):
            _, attempt, code, task = body.split(b"\0", 3)
            self._start(attempt, code, task)
            return
        operation = parse(body).get("op")
        if operation == "stop":
            self._serving = False
        else:
            print(f"fasti worker: unknown operation {operation!r}", file=sys.stderr)

    def _start(self, attempt: bytes, code: bytes, task: bytes) -> None:
        # The description of the task is the child's to read: what this process touches
        # between two forks, it pays for page by page.
        self._prefetcher.offer(code)
        reading, writing = _handover.make_pipe()
        try:
            pid = os.fork()
        except OSError as error:
            _close(reading, writing)
            reason = f"fork: {error.strerror}"
            self._queue({"op": "refused", "id": attempt.decode(), "reason": reason})
            return
        if pid == 0:
            self._become(attempt, task, reading, writing)
        _close(writing)
        try:
            # The child does this too; whoever comes first closes the gap in which a
            # stop would miss it.
            os.setpgid(pid, pid)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.ESRCH, errno.EPERM):
                raise
        self._attempts[pid] = (attempt, reading)
        self._outgoing += frame(b'{"op":"started","id":"%b","pid":%d}' % (attempt, pid))

    def _become(self, attempt: bytes, task: bytes, reading: int, writing: int) -> NoReturn:
        """Turn this fresh copy of the worker into the process of an attempt."""
        try:
            own = (self._wake_read, self._wake_write, self._socket)
            self._attempts[0] = (attempt, reading)
            _child.leave_worker(own, self._attempts.values())
            _child.run_and_exit(parse(task), writing)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _reap(self) -> None:
        """Report every child that has ended; asking costs a microsecond."""
        while self._attempts:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            known = self._attempts.pop(pid, None)
            if known is None:
                continue
            attempt, reading = known
            self._outgoing += frame(
                _EXITED
                % (
                    attempt,
                    pid,
                    status,
                    round((usage.ru_utime + usage.ru_stime) * 1e6),
                    usage.ru_maxrss // _MAXRSS_PER_KIB,
                    _handed(reading, pid),
                )
            )
            _close(reading)

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


def _handed(reading: int, pid: int) -> bytes:
    """Return what a child handed over, as a member of the message about its end."""
    handed = _handover.receive(reading, pid)
    if handed is None or handed[0] not in _HANDED:
        return b""
    kind, content = handed
    return _HANDED[kind] % b2a_base64(content, newline=False)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _ignore(_signal: int, _frame: Any) -> None:
    """Exist: only signals with a handler reach the wake-up descriptor."""
