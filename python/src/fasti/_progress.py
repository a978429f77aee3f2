"""A line on a terminal that shows how far a run is."""

from __future__ import annotations

import time
from typing import Any, Dict, TextIO

#: Characters of the bar itself.
_BAR_CHARS = 30

_OVER = ("success", "failure", "skipped", "cancelled")


class Progress:
    """Draws one line over and over; :meth:`close` ends it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._drawn = ""

    def show(self, run: Dict[str, Any]) -> None:
        """Draw a run as the server describes it, unless it looks as before."""
        line = line_of(run, time.monotonic() - self._began)
        if line != self._drawn:
            self._stream.write("\r" + line.ljust(len(self._drawn)))
            self._stream.flush()
            self._drawn = line

    def close(self) -> None:
        """End the line."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()


def line_of(run: Dict[str, Any], seconds: float) -> str:
    """Return the line for a run that has been watched for so long."""
    counts: Dict[str, int] = run.get("task_counts") or {}
    total = int(run.get("task_runs") or sum(counts.values()))
    over = sum(counts.get(status, 0) for status in _OVER)
    filled = _BAR_CHARS * over // total if total else 0
    parts = [f"{run['batch_name']} #{run['id']}"]
    parts.append(f"[{'#' * filled}{'.' * (_BAR_CHARS - filled)}] {over}/{total}")
    for status in ("running", "failure", "skipped", "cancelled"):
        if counts.get(status):
            parts.append(f"{counts[status]} {status}")
    parts.append(f"{run['status']} {int(seconds) // 60:02d}:{int(seconds) % 60:02d}")
    return "  ".join(parts)
