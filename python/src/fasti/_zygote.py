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
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from fasti import _child, _entrypoint, _handover, _prefetch
from fasti._frames import Decoder, encode, frame, parse
from fasti._prefetch import Prefetcher, install
from fasti._rehearsal import rehearse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fasti._reuse import Pool

#: Bytes read from the socket at a time: a few starts.  From 128 KiB on the system would
#: map memory for each read and give it back.
_READ_BYTES = 1 << 14

#: Ids of attempts are digits and dots, so that they need no escaping here.
_EXITED = b'{"op":"exited","id":"%b","pid":%d,"status":%d,"cpu_us":%d,"max_rss_kb":%d%b}'
_HANDED = {_handover.VALUE: b',"value":"%b"', _handover.FAILURE: b',"failure":"%b"'}
_MAXRSS_PER_KIB = 1024 if sys.platform == "darwin" else 1


class Zygote:
    """Serves one runner until it says stop or goes away."""

    def __init__(self, runner: socket.socket, pool: Optional[Pool] = None) -> None:
        self._runner = runner
        self._socket = runner.fileno()
        self._decoder = Decoder()
        self._outgoing = bytearray()
        #: Of each child the attempt and our end of its pipe.
        self._attempts: Dict[int, Tuple[bytes, int]] = {}
        #: Keeps processes for further calls, if the image wants that.
        self._pool = pool
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
        if self._pool is not None:
            watched += self._pool.busy()
        writing: List[Any] = [self._runner] if self._outgoing else []
        readable, _, _ = select.select(watched, writing, [])
        if self._wake_read in readable:
            self._drain_wake_ups()
        if self._pool is not None:
            self._hear(self._pool, readable)
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
            self._prefetcher.offer(code)
            if self._pool is None:
                self._start(attempt, task)
            else:
                self._call(self._pool, attempt, task)
            return
        if body.startswith(b"seen\0"):
            if self._pool is not None:
                self._pool.seen(int(body[5:]))
            return
        operation = parse(body).get("op")
        if operation == "stop":
            self._serving = False
        else:
            print(f"fasti worker: unknown operation {operation!r}", file=sys.stderr)

    def _start(self, attempt: bytes, task: bytes) -> None:
        # The description of the task is the child's to read: what this process touches
        # between two forks, it pays for page by page.
        reading, writing = _handover.make_pipe()
        try:
            pid = os.fork()
        except OSError as error:
            _close(reading, writing)
            self._refuse(attempt, error)
            return
        if pid == 0:
            self._become(attempt, task, reading, writing)
        _close(writing)
        _lead_group(pid)
        self._attempts[pid] = (attempt, reading)
        self._started(attempt, pid)

    def _call(self, pool: Pool, attempt: bytes, task: bytes) -> None:
        """Have a process that served before serve this call, or a fresh one."""
        kept = pool.take(_prefetch.offered())
        while kept is not None:
            if kept.call(attempt, task):
                self._started(attempt, kept.pid)
                return
            # It may have half a task. Nobody has reaped it: its number is still its own.
            os.kill(kept.pid, signal.SIGKILL)
            kept = pool.take(_prefetch.offered())
        try:
            own_end, its_end = socket.socketpair()
        except OSError as error:
            self._refuse(attempt, error)
            return
        try:
            pid = os.fork()
        except OSError as error:
            own_end.close()
            its_end.close()
            self._refuse(attempt, error)
            return
        if pid == 0:
            self._become_kept(pool, task, (own_end, its_end))
        its_end.close()
        _lead_group(pid)
        pool.add(pid, _prefetch.offered(), attempt, own_end)
        self._started(attempt, pid)

    def _started(self, attempt: bytes, pid: int) -> None:
        self._outgoing += frame(b'{"op":"started","id":"%b","pid":%d}' % (attempt, pid))

    def _refuse(self, attempt: bytes, error: OSError) -> None:
        reason = f"fork: {error.strerror}"
        self._queue({"op": "refused", "id": attempt.decode(), "reason": reason})

    def _become(self, attempt: bytes, task: bytes, reading: int, writing: int) -> NoReturn:
        """Turn this fresh copy of the worker into the process of an attempt."""
        try:
            own = (self._wake_read, self._wake_write, self._socket)
            self._attempts[0] = (attempt, reading)
            _child.leave_worker(own, self._attempts.values())
            _child.run_and_exit(parse(task), writing)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _become_kept(
        self, pool: Pool, task: bytes, ends: Tuple[socket.socket, socket.socket]
    ) -> NoReturn:
        """Turn this fresh copy of the worker into a process that serves several calls."""
        try:
            from fasti import _reuse

            own_end, its_end = ends
            own_end.close()
            own = (self._wake_read, self._wake_write, self._socket)
            _child.leave_worker(own, ())
            pool.close_in_child()
            _reuse.serve(parse(task), its_end, pool.calls)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _hear(self, pool: Pool, readable: List[Any]) -> None:
        """Report the calls that ended well and whose processes wait for others."""
        for kept in readable:
            if kept is self._runner or kept is self._wake_read or kept.attempt is None:
                continue
            ended = kept.read()
            if ended is None:
                # Half of what it has to say, or its end: that is reaped.
                continue
            cpu_us, max_rss, handed = ended
            self._ended(
                kept.attempt, kept.pid, 0, (cpu_us, max_rss), _member(handed) + b',"kept":true'
            )
            pool.wait(kept)

    def _ended(
        self, attempt: bytes, pid: int, status: int, used: Tuple[int, int], more: bytes
    ) -> None:
        cpu_us, max_rss = used
        rss_kib = max_rss // _MAXRSS_PER_KIB
        self._outgoing += frame(_EXITED % (attempt, pid, status, cpu_us, rss_kib, more))

    def _reap(self) -> None:
        """Report every child that has ended; asking costs a microsecond."""
        while self._attempts or (self._pool is not None and self._pool.by_pid):
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            cpu_us = round((usage.ru_utime + usage.ru_stime) * 1e6)
            known = self._attempts.pop(pid, None)
            if known is not None:
                attempt, reading = known
                handed = _member(_handover.receive(reading, pid))
                self._ended(attempt, pid, status, (cpu_us, usage.ru_maxrss), handed)
                _close(reading)
            elif self._pool is not None:
                kept = self._pool.forget(pid)
                if kept is not None and kept.attempt is not None:
                    spent, last = kept.rest(cpu_us)
                    used = (spent, usage.ru_maxrss)
                    self._ended(kept.attempt, pid, status, used, _member(last))
                    kept.socket.close()

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


def _member(handed: Optional[Tuple[bytes, bytes]]) -> bytes:
    """Return what a child handed over, as a member of the message about its end."""
    if handed is None or handed[0] not in _HANDED:
        return b""
    kind, content = handed
    return _HANDED[kind] % b2a_base64(content, newline=False)


def _lead_group(pid: int) -> None:
    """Make a child the leader of its own group."""
    try:
        # The child does this too; whoever comes first closes the gap in which a stop
        # would miss it.
        os.setpgid(pid, pid)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.ESRCH, errno.EPERM):
            raise


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _ignore(_signal: int, _frame: Any) -> None:
    """Exist: only signals with a handler reach the wake-up descriptor."""
