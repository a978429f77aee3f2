"""A process that serves one call after the other; the worker's side is :mod:`fasti._reuse`.

It is used again only if the call ended well and left nothing behind that would act on
the next one: no thread, no process, no changed signals, limits or streams, no second
descriptor of its output.  Otherwise it ends as any other attempt does.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # as in `_child`
import _thread
import os
import resource
import socket
import sys
import time
from contextvars import copy_context
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple

from fasti import _child, _frames, _handover
from fasti._reuse import BEGUN, DONE, USAGE

_PR_SET_CHILD_SUBREAPER = 36

_READ_BYTES = 1 << 16

#: What the system says of a process and a call must leave as it was.
_OF_STATUS = (b"SigBlk", b"SigIgn", b"SigCgt", b"Uid", b"Gid", b"Groups", b"Cpus_allowed:")

_LIMITS = tuple(
    getattr(resource, name)
    for name in sorted(vars(resource))
    if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
)

_TIMERS = (_signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL, _signal.ITIMER_PROF)

#: Files that do not change under a process: those of the interpreter and what it installed.
_SETTLED = (os.path.dirname(os.__file__) + os.sep, os.path.join(sys.prefix, ""))

# A call may put others in the place of these.
_getpid, _fstat, _getrusage = os.getpid, os.fstat, resource.getrusage


def serve(task: Mapping[str, Any], worker: socket.socket, calls: int) -> NoReturn:
    """Serve this call and those that follow; never returns."""
    pid, descriptor = _getpid(), worker.fileno()
    if not _become_parent_of_all():
        calls = 1
    before = _Before(worker)
    for left in range(calls - 1, -1, -1):
        code = copy_context().run(_child.run_once, task, descriptor)
        if _getpid() != pid:
            # A fork that the task made and that returned: not what serves.
            break
        if code or not left or not before.is_as_it_was(task):
            break
        if not _report(pid, descriptor):
            break
        body = _receive(worker)
        # Without a word that it has begun, the worker gives the call to a fresh process.
        if body is None or not before.has_present_code():
            break
        if not _handover.send_as(descriptor, BEGUN, pid, b""):
            break
        task = _frames.parse(body)
    _child.finish_and_exit(code)


def _become_parent_of_all() -> bool:
    """Have what loses its parent below this process come to it; false if the system cannot."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return False
    return bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


class _Before:
    """What a process was before its first call."""

    def __init__(self, worker: socket.socket) -> None:
        self._worker = worker
        self._environment = dict(os.environb)
        self._environ, self._environb = os.environ, os.environb
        self._path = list(sys.path)
        self._folder = os.getcwd()
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._mask = os.umask(0o077)
        os.umask(self._mask)
        self._nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._modules = set(sys.modules)
        self._count = 0
        #: Files of the modules that calls have loaded, as they were then.
        self._stamps: Dict[str, Optional[Tuple[int, int, int]]] = {}
        self._sockets = _identity(worker.fileno())
        self._facts = self._facts_now()

    def is_as_it_was(self, task: Mapping[str, Any]) -> bool:
        """Tell whether another call may follow, and make everything ready for it."""
        try:
            if not self._holds(task):
                return False
            self._restore()
            self._learn()
        except BaseException:
            # Whatever the call did to make this fail, it may do to the next one.
            return False
        return True

    def has_present_code(self) -> bool:
        """Tell whether the files of what was loaded are still the same."""
        return all(_stamp(path) == seen for path, seen in self._stamps.items())

    def _holds(self, task: Mapping[str, Any]) -> bool:
        return (
            _thread._count() == 0
            and _is_childless()
            and _identity(self._worker.fileno()) == self._sockets
            and self._facts_now() == self._facts
            and not _holds_output(task)
        )

    def _facts_now(self) -> Tuple[Any, ...]:
        with open("/proc/self/status", "rb") as file:
            status = [line for line in file if line.startswith(_OF_STATUS)]
        streams = (sys.stdin, sys.stdout, sys.stderr)
        return (
            status,
            [id(stream) for stream in streams],
            [(stream.encoding, stream.errors, stream.line_buffering) for stream in streams],
            (id(os.environ), id(os.environb)),
            _signal.getsignal(_signal.SIGINT),
            [_signal.getitimer(timer)[0] for timer in _TIMERS],
            [resource.getrlimit(limit) for limit in _LIMITS],
            os.getpriority(os.PRIO_PROCESS, 0),
        )

    def _restore(self) -> None:
        """Undo what belongs to a call alone."""
        faulthandler = sys.modules.get("faulthandler")
        if faulthandler is not None:
            faulthandler.cancel_dump_traceback_later()
        for stream in self._streams[1:]:
            stream.flush()
        for descriptor in (0, 1, 2):
            os.dup2(self._nowhere, descriptor)
        os.chdir(self._folder)
        os.umask(self._mask)
        sys.path[:] = self._path
        environment = self._environb
        zone = environment.get(b"TZ")
        for name in [name for name in environment if name not in self._environment]:
            del environment[name]
        for name, value in self._environment.items():
            if environment.get(name) != value:
                environment[name] = value
        if environment.get(b"TZ") != zone:
            time.tzset()

    def _learn(self) -> None:
        """Note the files of modules that were loaded since."""
        if len(sys.modules) == self._count:
            return
        self._count = len(sys.modules)
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name in self._modules or not isinstance(path, str) or path.startswith(_SETTLED):
                continue
            self._stamps.setdefault(path, _stamp(path))


def _stamp(path: str) -> Optional[Tuple[int, int, int]]:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _identity(descriptor: int) -> Tuple[int, int]:
    status = _fstat(descriptor)
    return (status.st_dev, status.st_ino)


def _is_childless() -> bool:
    """Tell whether there is no child, not even one that has ended and nobody asked about."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _holds_output(task: Mapping[str, Any]) -> bool:
    """Tell whether there are more descriptors of a call's output than the usual ones."""
    files = set()
    for path in (task["stdout"], task["stderr"]):
        if path:
            status = os.stat(path)
            files.add((status.st_dev, status.st_ino))
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and _identity(int(name)) in files:
                return True
        except OSError:
            # That of the listing itself.
            continue
    return False


def _report(pid: int, descriptor: int) -> bool:
    used: List[Any] = [_getrusage(resource.RUSAGE_SELF), _getrusage(resource.RUSAGE_CHILDREN)]
    seconds = sum(each.ru_utime + each.ru_stime for each in used)
    rss = max(each.ru_maxrss for each in used)
    return _handover.send_as(descriptor, DONE, pid, USAGE.pack(round(seconds * 1e6), rss))


def _receive(worker: socket.socket) -> Optional[bytes]:
    """Return the next task; None when the worker wants no more of this process."""
    decoder = _frames.Decoder()
    while True:
        try:
            data = worker.recv(_READ_BYTES)
        except OSError:
            return None
        if not data:
            return None
        decoder.feed(data)
        for body in decoder.bodies():
            return body
