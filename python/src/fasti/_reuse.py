"""Processes that serve one call after the other, where the image asks for it.

A fork for every call is most of what a short call costs.  With ``FASTI_REUSE`` among its
variables an image says that its functions may be called again in a process that has
served a call before: what they keep in their modules stays.  What belongs to an attempt
(output, variables, working folder, import path) is each call's own all the same.

This is the worker's side; :mod:`fasti._served` is that of the process.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

from fasti import _frames, _handover

#: Most calls that one process may be asked to serve.
CALLS_MAX = 1_000_000

#: Processes of one worker that wait for another call; beyond it the one that waits longest ends.
WAITING_MAX = 32

#: Longest that a process may take to begin a call that it is given, or to end when it is
#: not wanted any more, in seconds.
PATIENCE_S = 5.0

#: Longest task that is given to a process that waits: it fits into an empty socket.  A
#: longer one goes to a fresh process, which has it in its memory.
TASK_BYTES_MAX = 1 << 16

#: Beside the kinds of :mod:`fasti._handover`: a call has begun; it ended well and its
#: process waits for another.  The latter with processor time in microseconds and largest
#: resident memory as the system counts it.
BEGUN, DONE = b"B", b"D"
USAGE = struct.Struct(">QQ")

_KINDS = (_handover.VALUE, _handover.FAILURE, BEGUN, DONE)

_READ_BYTES = 1 << 16

#: Bytes that a process and what it forked may have to say about one call; it needs a tenth.
_SAID_BYTES_MAX = 1 << 16


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


class Call(NamedTuple):
    """What a process is asked for."""

    attempt: bytes
    #: Entrypoint and import path, as the runner names them.
    code: bytes
    task: bytes


class End(NamedTuple):
    """A call that ended well."""

    call: Call
    cpu_us: int
    max_rss: int
    handed: Optional[Tuple[bytes, bytes]]


class Kept:
    """The worker's end of a process that serves several calls."""

    def __init__(self, pid: int, found: object, call: Call, own_end: socket.socket) -> None:
        self.pid = pid
        #: What was found for its function; another find means another process.
        self.found = found
        #: What it serves; None while it waits.
        self.call: Optional[Call] = call
        #: Until when it has to begin; None once it has.
        self.deadline: Optional[float] = None
        #: Which of the reported ends of calls was its last.
        self.number = 0
        #: Nothing more comes from it.
        self.is_mute = False
        #: What comes from it makes no sense.
        self.is_broken = False
        #: Processor time of the calls that are over.
        self.cpu_us = 0
        self._socket = own_end
        self._buffer = b""
        own_end.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def give(self, call: Call) -> bool:
        """Ask for another call; false if that cannot be."""
        frame = _frames.frame(call.task)
        try:
            if self._socket.send(frame) != len(frame):
                return False
        except OSError:
            return False
        self.call, self.deadline = call, time.monotonic() + PATIENCE_S
        return True

    def read(self) -> Tuple[bool, Optional[End]]:
        """Return whether a call has begun just now, and its end if it has ended well."""
        frames = self._take_in()
        has_begun = self.deadline is not None and bool(frames) and frames[0][0] == BEGUN
        if has_begun:
            self.deadline = None
        if not frames or frames[-1][0] != DONE or self.call is None:
            return (has_begun, None)
        content = frames[-1][1]
        cpu_us, rss = USAGE.unpack(content) if len(content) == USAGE.size else (-1, 0)
        if cpu_us < self.cpu_us:
            # Not what the process itself says.
            self.is_broken = True
            return (has_begun, None)
        end = End(self.call, cpu_us - self.cpu_us, rss, _value_of(frames))
        self.cpu_us, self.call, self._buffer = cpu_us, None, b""
        return (has_begun, end)

    def rest(self, cpu_us: int) -> Tuple[int, Optional[Tuple[bytes, bytes]]]:
        """Return what the last call of a process that has ended used and handed over."""
        return (max(0, cpu_us - self.cpu_us), _value_of(self._take_in()))

    def kill(self) -> None:
        """End it and its group; nobody has reaped it, so the number is still its own."""
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:
                continue
            return

    def close(self) -> None:
        self._socket.close()

    def _take_in(self) -> List[Tuple[bytes, bytes]]:
        try:
            data = os.read(self._socket.fileno(), _READ_BYTES)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data is not None:
            self._buffer += data
            self.is_mute = self.is_mute or not data
        frames, is_sound = _handover.split(self._buffer, self.pid, _KINDS)
        if not is_sound or len(self._buffer) > _SAID_BYTES_MAX:
            self.is_broken = True
        return frames


def _value_of(frames: List[Tuple[bytes, bytes]]) -> Optional[Tuple[bytes, bytes]]:
    handed = [frame for frame in frames if frame[0] not in (BEGUN, DONE)]
    return handed[0] if handed else None


class Pool:
    """The processes of one worker that serve several calls each."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        #: By process, all that have not been reaped.
        self.by_pid: Dict[int, Kept] = {}
        self._waiting: List[Kept] = []
        #: Those that are to end by themselves, and when that is long enough.
        self._leaving: Dict[int, float] = {}
        #: Ends of calls that were reported, and of these, those that the runner has seen.
        self._reported = 0
        self._seen = 0

    def talking(self) -> List[Kept]:
        """Return those from which something may come."""
        kept = self.by_pid.values()
        return [
            each
            for each in kept
            if each.call is not None and not each.is_mute and not each.is_broken
        ]

    def asked(self, attempt: bytes, code: bytes, task: bytes) -> Call:
        """Return what the runner asks for as a call."""
        return Call(attempt, code, task)

    def add(self, pid: int, found: object, call: Call, own_end: socket.socket) -> None:
        """Take in a fresh process, which serves a call already."""
        self.by_pid[pid] = Kept(pid, found, call, own_end)

    def take(self, found: object, call: Call) -> Optional[Kept]:
        """Return a process that waits for a call of this function.

        Only one whose last end the runner has seen: a signal to the attempt before must
        not hit the next one.
        """
        if len(call.task) > TASK_BYTES_MAX:
            return None
        for position, kept in enumerate(self._waiting):
            if kept.found is found and kept.number <= self._seen:
                return self._waiting.pop(position)
        return None

    def seen(self, number: int) -> None:
        """Note that the runner knows of so many ends."""
        self._seen = number

    def dismiss(self, pid: int) -> None:
        """End a process that waits and was signalled for the attempt before."""
        for kept in self._waiting:
            if kept.pid == pid:
                self._waiting.remove(kept)
                kept.kill()
                return

    def wait(self, kept: Kept) -> None:
        """Let a process wait for another call."""
        self._reported += 1
        kept.number = self._reported
        self._waiting.append(kept)
        if len(self._waiting) > WAITING_MAX:
            # It sees the end of its socket, and has some time for its last words.
            longest = self._waiting.pop(0)
            longest.close()
            self._leaving[longest.pid] = time.monotonic() + PATIENCE_S

    def forget(self, pid: int) -> Optional[Kept]:
        """Take out a process that has ended."""
        self._leaving.pop(pid, None)
        kept = self.by_pid.pop(pid, None)
        if kept in self._waiting:
            self._waiting.remove(kept)
        return kept

    def patience_s(self) -> Optional[float]:
        """Return after how many seconds somebody is late; None if nobody can be."""
        deadlines = self._deadlines()
        if not deadlines:
            return None
        # Who was killed for that is reaped before the next look.
        return max(0.05, min(deadlines.values()) - time.monotonic())

    def end_late(self) -> None:
        """End those that take too long to begin, or to leave."""
        now = time.monotonic()
        for pid, deadline in self._deadlines().items():
            if deadline <= now:
                self.by_pid[pid].kill()

    def _deadlines(self) -> Dict[int, float]:
        deadlines = dict(self._leaving)
        for kept in self.by_pid.values():
            if kept.deadline is not None:
                deadlines[kept.pid] = kept.deadline
        return deadlines

    def close_in_child(self) -> None:
        """Close the worker's ends in a fresh copy of the worker."""
        for kept in self.by_pid.values():
            kept.close()
