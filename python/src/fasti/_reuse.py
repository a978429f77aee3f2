"""Processes that serve one call after the other, where the image asks for it.

A fork for every call is most of what a short call costs.  With ``FASTI_REUSE`` among its
variables an image says that its functions may be called again in a process that has
served a call before: what they keep in their modules stays.  What belongs to an attempt
(output, variables, working folder, import path) is each call's own all the same.

A process is used again only if the call ended well and left nothing behind: no thread,
no process, no changed signal or stream.  Otherwise it ends as any other attempt does.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # as in `_child`
import _thread
import os
import resource
import socket
import struct
import sys
import time
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple

from fasti import _child, _frames, _handover

#: Most calls that one process may be asked to serve.
CALLS_MAX = 1_000_000

#: Processes of one worker that wait for another call; beyond it the one that waits longest ends.
WAITING_MAX = 32

#: Longest that a process which waits may take to receive a task, in seconds.
PATIENCE_S = 5.0

#: A call ended well and its process waits for another: processor time in microseconds,
#: largest resident memory as the system counts it.
_DONE = b"D"
_USAGE = struct.Struct(">QQ")

#: Signals whose handlers a call may leave only as it found them.
_WATCHED = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGALRM)

_PR_SET_CHILD_SUBREAPER = 36

_READ_BYTES = 1 << 16


def calls_of(text: str) -> int:
    """Return how many calls ``FASTI_REUSE`` lets a process serve; 1 is a fork for each."""
    try:
        calls = int(text or "1")
    except ValueError:
        calls = 0
    if 1 <= calls <= CALLS_MAX:
        return calls
    print(
        f"fasti worker: FASTI_REUSE is {text!r}, not a number of calls from 1 to {CALLS_MAX}: "
        "every call gets a process of its own",
        file=sys.stderr,
    )
    return 1


class Kept:
    """The worker's end of a process that serves several calls."""

    __slots__ = ("_buffer", "_cpu_us", "attempt", "code", "number", "pid", "socket")

    def __init__(self, pid: int, code: Any, attempt: bytes, own_end: socket.socket) -> None:
        self.pid = pid
        #: What was found for its function; another find means another process.
        self.code = code
        #: The attempt it serves; None while it waits.
        self.attempt: Optional[bytes] = attempt
        #: Which of the reported ends of calls was its last.
        self.number = 0
        self.socket = own_end
        # Nobody stops the worker by stopping a process: what takes no task in time is ended.
        own_end.settimeout(PATIENCE_S)
        self._buffer = b""
        self._cpu_us = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def call(self, attempt: bytes, task: bytes) -> bool:
        """Ask for another call; false if the process is no more."""
        try:
            self.socket.sendall(_frames.frame(task))
        except OSError:
            return False
        self.attempt = attempt
        return True

    def read(self) -> Optional[Tuple[int, int, Optional[Tuple[bytes, bytes]]]]:
        """Return processor time, memory and what was handed over once the call has ended well."""
        handed = self._take_in()
        if not handed or handed[-1][0] != _DONE:
            return None
        cpu_us, rss = _USAGE.unpack(handed[-1][1])
        spent, self._cpu_us = cpu_us - self._cpu_us, cpu_us
        self._buffer = b""
        return (spent, rss, handed[0] if len(handed) > 1 else None)

    def rest(self, cpu_us: int) -> Tuple[int, Optional[Tuple[bytes, bytes]]]:
        """Return what the last call of a process that has ended used and handed over."""
        handed = self._take_in()
        return (max(0, cpu_us - self._cpu_us), handed[0] if handed else None)

    def _take_in(self) -> List[Tuple[bytes, bytes]]:
        try:  # noqa: SIM105  # `contextlib` is not loaded in workers
            self._buffer += os.read(self.socket.fileno(), _READ_BYTES)
        except OSError:
            pass
        return _handover.split(self._buffer, self.pid)


class Pool:
    """The processes of one worker that serve several calls each."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        #: By process, those that serve or wait.
        self.by_pid: Dict[int, Kept] = {}
        self._waiting: List[Kept] = []
        #: Ends of calls that were reported, and of these, those that the runner has seen.
        self._reported = 0
        self._seen = 0

    def busy(self) -> List[Kept]:
        return [kept for kept in self.by_pid.values() if kept.attempt is not None]

    def take(self, code: Any) -> Optional[Kept]:
        """Return a process that waits for a call of this function.

        Only one whose last end the runner has seen: a signal to the attempt before must
        not hit the next one.
        """
        for position, kept in enumerate(self._waiting):
            if kept.code is code and kept.number <= self._seen:
                return self._waiting.pop(position)
        return None

    def seen(self, number: int) -> None:
        """Note that the runner knows of so many ends."""
        self._seen = number

    def wait(self, kept: Kept) -> None:
        """Let a process wait for another call."""
        self._reported += 1
        kept.number, kept.attempt = self._reported, None
        self._waiting.append(kept)
        if len(self._waiting) > WAITING_MAX:
            # It sees the end of its socket; its own end is seen as any other.
            self._waiting.pop(0).socket.close()

    def add(self, pid: int, code: object, attempt: bytes, own_end: socket.socket) -> None:
        """Take in a fresh process, which serves a call already."""
        self.by_pid[pid] = Kept(pid, code, attempt, own_end)

    def forget(self, pid: int) -> Optional[Kept]:
        """Take out a process that has ended."""
        kept = self.by_pid.pop(pid, None)
        if kept in self._waiting:
            self._waiting.remove(kept)
        return kept

    def close_in_child(self) -> None:
        """Close the worker's ends in a fresh copy of the worker."""
        for kept in self.by_pid.values():
            kept.socket.close()


def become_parent_of_all() -> bool:
    """Have what loses its parent below this process come to it; false if the system cannot."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return False
    return bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def serve(task: Mapping[str, Any], runner: socket.socket, calls: int) -> NoReturn:
    """Serve this call and those that follow; never returns."""
    descriptor = runner.fileno()
    if not become_parent_of_all():
        calls = 1
    before = _Before()
    for left in range(calls - 1, -1, -1):
        code = _child.run_once(task, descriptor)
        if code or not left or not before.holds() or not before.restore():
            break
        if not _report(descriptor):
            break
        body = _receive(runner)
        if body is None:
            break
        task = _frames.parse(body)
    _child.finish_and_exit(code)


class _Before:
    """What a process was before its first call."""

    def __init__(self) -> None:
        self._environment = dict(os.environb)
        self._path = list(sys.path)
        self._folder = os.getcwd()
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._handlers = [_signal.getsignal(number) for number in _WATCHED]
        self._mask = os.umask(0o077)
        os.umask(self._mask)
        self._nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def holds(self) -> bool:
        """Tell whether a call left nothing that goes on by itself."""
        return (
            _thread._count() == 0
            and (sys.stdin, sys.stdout, sys.stderr) == self._streams
            and all(
                _signal.getsignal(number) is handler
                for number, handler in zip(_WATCHED, self._handlers)
            )
            and _signal.getitimer(_signal.ITIMER_REAL)[0] == 0
            and _is_childless()
        )

    def restore(self) -> bool:
        """Undo what belongs to a call alone; false if its output cannot be finished."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(self._nowhere, 1)
            os.dup2(self._nowhere, 2)
            os.chdir(self._folder)
        except (OSError, ValueError):
            return False
        os.umask(self._mask)
        sys.path[:] = self._path
        environment = os.environb
        zone = environment.get(b"TZ")
        for name in [name for name in environment if name not in self._environment]:
            del environment[name]
        for name, value in self._environment.items():
            if environment.get(name) != value:
                environment[name] = value
        if environment.get(b"TZ") != zone:
            time.tzset()
        return True


def _is_childless() -> bool:
    """Reap what has ended; tell whether nothing is left that runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _report(descriptor: int) -> bool:
    used = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime + below.ru_utime + below.ru_stime
    rss = max(used.ru_maxrss, below.ru_maxrss)
    return _handover.send(descriptor, _DONE, _USAGE.pack(round(seconds * 1e6), rss))


def _receive(runner: socket.socket) -> Optional[bytes]:
    """Return the next task; None when the worker wants no more of this process."""
    decoder = _frames.Decoder()
    while True:
        try:
            data = runner.recv(_READ_BYTES)
        except OSError:
            return None
        if not data:
            return None
        decoder.feed(data)
        for body in decoder.bodies():
            return body
