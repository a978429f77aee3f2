"""Keeps what is shown up to date while it can still change."""

from __future__ import annotations

import threading
from typing import Callable, Optional

#: Pause between two looks, and after one that failed, in seconds.
PAUSE, PAUSE_FAILED = 1.0, 5.0

#: Looks that may fail in a row before they end; a click begins anew.
FAILURES_MAX = 12


class Ticker:
    """Calls a function about once a second, on a thread of its own, until it is done.

    A thread rather than the kernel's loop, so that a graph stays alive while a cell runs.
    """

    def __init__(self, look: Callable[[], bool], is_done: Callable[[], bool]) -> None:
        self._look = look
        self._is_done = is_done
        self._end = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Begin, unless it goes on already or there is nothing to wait for."""
        if (self._thread is not None and self._thread.is_alive()) or self._is_done():
            return
        self._end.clear()
        # A daemon: the kernel must be able to end at any time.
        self._thread = threading.Thread(target=self._loop, name="fasti-widget", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End soon."""
        self._end.set()

    def _loop(self) -> None:
        failures = 0
        while failures < FAILURES_MAX:
            if self._end.wait(PAUSE_FAILED if failures else PAUSE):
                return
            failures = 0 if self._look() else failures + 1
            if self._is_done():
                return
