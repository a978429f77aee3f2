"""Names of weekdays and months, and which days of a month exist.

Only what the constructor of a schedule needs; fire times are computed by the server.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WHICH = ("First", "Second", "Third", "Fourth", "Fifth", "Last")

_WEEKDAYS_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS_FULL = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


def weekday_of(value: Any) -> Optional[str]:
    """Return ``Mon`` to ``Sun`` for a short or full English name in any case, or None."""
    index = _index(value, _WEEKDAYS_FULL)
    return None if index is None else WEEKDAYS[index]


def month_of(value: Any) -> Optional[int]:
    """Return 1 to 12 for a short or full English name in any case, or None."""
    index = _index(value, _MONTHS_FULL)
    return None if index is None else index + 1


def _index(value: Any, names: "tuple[str, ...]") -> Optional[int]:
    if not isinstance(value, str):
        return None
    lowered = value.lower()
    for index, name in enumerate(names):
        if lowered in (name, name[:3]):
            return index
    return None


def longest(month: int) -> int:
    """Return the most days that a month has in any year."""
    return 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
