"""Times, lengths and statuses as the widget writes them.  Everything returned is safe HTML."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Optional

from fasti import _times

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def when(text: Optional[str]) -> str:
    """Return a time of the wire, to the second."""
    return _times.shown(text) or "–"


def clock(text: Optional[str], beside: Optional[str]) -> str:
    """Return a time beside another one: without the date where it is the same."""
    shown, other = when(text), when(beside)
    if shown[:10] == other[:10]:
        return shown[11:] or shown
    return shown[5:] if shown[:4] == other[:4] else shown


def duration(start: Optional[str], end: Optional[str], now: Optional[datetime] = None) -> str:
    """Return how long something took, or takes so far."""
    if start is None:
        return "–"
    until = _times.parse(end) if end is not None else now or _times.now()
    seconds = max((until - _times.parse(start)).total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for at, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            smaller, name = _UNITS[at + 1] if at + 1 < len(_UNITS) else (1, "s")
            return f"{whole // size} {unit} {whole % size // smaller:02d} {name}"
    raise AssertionError("a minute or more")


def size(count: int) -> str:
    """Return a number of bytes."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1_000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.2f} GB"


def status(word: str) -> str:
    """Return a status on its colour."""
    return f'<span class="fasti-status fasti-s-{escape(word)}">{escape(word)}</span>'


def quiet(text: str) -> str:
    """Return a remark."""
    return f'<div class="fasti-quiet">{escape(text)}</div>'
