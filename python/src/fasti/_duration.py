"""Durations as users write them: ``'1h 30m'``, ``'90s'``, ``'1d2h'``, ``'01:30:00'``."""

from __future__ import annotations

from datetime import timedelta

from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_UNITS = r"\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?\s*"
_CLOCK = r"\s*(\d{1,4}):([0-5]\d):([0-5]\d)\s*"
_SECONDS = (86_400, 3_600, 60, 1)


def seconds_of(argument: str, value: Any) -> int:
    """Return a duration in whole seconds, at least 1.

    Takes units d, h, m, s in that order, each at most once; ``HH:MM:SS``; an int
    (seconds); a ``timedelta`` of whole seconds.
    """
    seconds = _parse(value)
    if seconds is None or seconds <= 0:
        raise ValidationError(
            f"{argument} must be a duration such as '1h 30m', '90s' or '01:30:00', not {value!r}",
            field=argument,
        )
    return seconds


def _parse(value: Any) -> Optional[int]:
    import re

    if isinstance(value, timedelta):
        whole = value.days * 86_400 + value.seconds
        return whole if value.microseconds == 0 else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    match = re.fullmatch(_UNITS, value, re.ASCII)
    if match is not None:
        return sum(int(part) * unit for part, unit in zip(match.groups(), _SECONDS) if part)
    match = re.fullmatch(_CLOCK, value, re.ASCII)
    if match is not None:
        hours, minutes, seconds = map(int, match.groups())
        return hours * 3_600 + minutes * 60 + seconds
    return None
