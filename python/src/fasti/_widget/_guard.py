"""Where errors go: into a line of the widget, never into the kernel."""

from __future__ import annotations

import functools
import threading
from html import escape
from typing import Any, Callable

import ipywidgets

from fasti._errors import SchedulerError


class Guard:
    """Runs what buttons and the ticker call, one at a time, and shows what it raises."""

    def __init__(self) -> None:
        #: The line of the widget.
        self.line = ipywidgets.HTML(layout={"display": "none"})
        self._lock = threading.RLock()
        self._said_by_clock = False

    def guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return a function that does the same, and shows an error instead of raising it."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> None:
            self.attempt(functools.partial(function, *args, **kwargs))

        return call

    def attempt(self, function: Callable[[], None], by_clock: bool = False) -> bool:
        """Call; returns whether it went well.

        What was said before disappears, except that what a click led to stays until the
        next click: the clock would wipe it away within a second.
        """
        with self._lock:
            try:
                function()
            except Exception as error:
                self._said_by_clock = by_clock
                self.show(error)
                return False
            if self.line.layout.display != "none" and (self._said_by_clock or not by_clock):
                self.line.layout.display = "none"
            return True

    def show(self, error: Exception) -> None:
        """Show an error: ours by its message, others with their type."""
        text = str(error) if isinstance(error, SchedulerError) else described(error)
        self.line.value = f'<div class="fasti-error" role="alert">{escape(text)}</div>'
        self.line.layout.display = ""


def described(error: BaseException) -> str:
    """Return type and message of an error."""
    name = type(error).__name__
    return f"{name}: {error}" if str(error) else name
