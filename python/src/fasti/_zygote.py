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
    from fasti._reuse import Call, Kept, Pool

#: Bytes read from the socket at a time: a few starts.  From 128 KiB on the system would
#: map memory for each read and give it back.
_READ_BYTES = 1 << 14

#: Ids of attempts are digits and dots, so that they need no escaping here.
_EXITED = b'{"op":"exited","id":"%b","pid":%d,"status":%d,"cpu_us":%d,"max_rss_kb":%d%b}'
_STARTED = b'{"op":"started","id":"%b","pid":%d%b}'
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
        if self._pool is None:
            writing: List[Any] = [self._runner] if self._outgoing else []
            readable, _, _ = select.select([self._runner, self._wake_read], writing, [])
        else:
            readable = self._poll(self._pool)
        if self._wake_read in readable:
            self._drain_wake_ups()
        self._reap()
        if self._runner in readable:
            self._receive()

    def _poll(self, pool: Pool) -> List[Any]:
        """Wait where any number of processes may have something to say, and hear them."""
        seconds = pool.patience_s()
        talking = {kept.fileno(): kept for kept in pool.talking()}
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        for descriptor in (self._wake_read, *talking):
            poll.register(descriptor, select.POLLIN)
        readable: List[Any] = []
        for descriptor, happened in poll.poll(None if seconds is None else seconds * 1e3):
            if descriptor == self._socket:
                if happened != select.POLLOUT:
                    readable.append(self._runner)
            elif descriptor == self._wake_read:
                readable.append(descriptor)
            else:
                self._hear(pool, talking[descriptor])
        # After hearing them: this worker may be what was late.
        pool.end_late()
        return readable

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
            if self._pool is None:
                self._prefetcher.offer(code)
                self._start(attempt, task)
            else:
                self._call(self._pool, self._pool.asked(attempt, code, task))
            return
        if body.startswith(b"seen\0"):
            if self._pool is not None:
                self._pool.seen(int(body[5:]))
            return
        if body.startswith(b"dismiss\0"):
            if self._pool is not None:
                self._pool.dismiss(int(body[8:]))
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

    def _call(self, pool: Pool, call: Call) -> None:
        """Have a process that served before serve this call, or a fresh one."""
        self._prefetcher.offer(call.code)
        found = _prefetch.offered()
        kept = pool.take(found, call)
        while kept is not None:
            if kept.give(call):
                # It says so when it begins.
                return
            kept.kill()
            kept = pool.take(found, call)
        try:
            own_end, its_end = socket.socketpair()
        except OSError:
            # Few descriptors are left: a process for this call alone needs fewer.
            self._start(call.attempt, call.task)
            return
        try:
            pid = os.fork()
        except OSError as error:
            own_end.close()
            its_end.close()
            self._refuse(call.attempt, error)
            return
        if pid == 0:
            self._become_kept(pool, call.task, (own_end, its_end))
        its_end.close()
        _lead_group(pid)
        pool.add(pid, found, call, own_end)
        self._started(call.attempt, pid)

    def _started(self, attempt: bytes, pid: int, cpu_us: int = 0) -> None:
        self._outgoing += frame(
            _STARTED % (attempt, pid, b',"cpu_us":%d' % cpu_us if cpu_us else b"")
        )

    def _refuse(self, attempt: bytes, error: OSError) -> None:
        reason = f"fork: {error.strerror}"
        self._queue({"op": "refused", "id": attempt.decode(), "reason": reason})

    def _become(self, attempt: bytes, task: bytes, reading: int, writing: int) -> NoReturn:
        """Turn this fresh copy of the worker into the process of an attempt."""
        try:
            own = (self._wake_read, self._wake_write, self._socket)
            self._attempts[0] = (attempt, reading)
            _child.leave_worker(own, self._attempts.values())
            if self._pool is not None:
                self._pool.close_in_child()
            _child.run_and_exit(parse(task), writing)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _become_kept(
        self, pool: Pool, task: bytes, ends: Tuple[socket.socket, socket.socket]
    ) -> NoReturn:
        """Turn this fresh copy of the worker into a process that serves several calls."""
        try:
            from fasti import _served

            own_end, its_end = ends
            own_end.close()
            own = (self._wake_read, self._wake_write, self._socket)
            _child.leave_worker(own, self._attempts.values())
            pool.close_in_child()
            _served.serve(parse(task), its_end, pool.calls)
        finally:
            os._exit(_child.EXIT_FAILURE)

    def _hear(self, pool: Pool, kept: Kept, is_there: bool = True) -> None:
        """Take in what a process says: that a call has begun, that one ended well."""
        call, cpu_us = kept.call, kept.cpu_us
        has_begun, end = kept.read()
        if has_begun and call is not None:
            self._started(call.attempt, kept.pid, cpu_us)
        if end is not None:
            more = _member(end.handed) + (b',"kept":true' if is_there else b"")
            self._ended(end.call.attempt, kept.pid, 0, (end.cpu_us, end.max_rss), more)
            if is_there:
                pool.wait(kept)
        elif kept.is_broken and is_there:
            kept.kill()

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
                if kept is not None:
                    self._bury(self._pool, kept, status, (cpu_us, usage.ru_maxrss))

    def _bury(self, pool: Pool, kept: Kept, status: int, used: Tuple[int, int]) -> None:
        """Report the last call of a process that has ended, or have another serve it."""
        cpu_us, max_rss = used
        # What it said last may not have been heard yet: a call that had ended well stays so.
        self._hear(pool, kept, is_there=False)
        spent, last = kept.rest(cpu_us)
        kept.close()
        call = kept.call
        if call is None:
            return
        if kept.deadline is not None:
            # It had not begun.
            self._call(pool, call)
            return
        self._ended(call.attempt, kept.pid, status, (spent, max_rss), _member(last))

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
