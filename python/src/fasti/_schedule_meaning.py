"""What the fields of time of a schedule come to, for comparing schedules by what they mean.

The same rules as the server's: fields of one level add up, levels finer than the finest
given take their minimum, other gaps are unconstrained.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional


#: The fields of time.
TIMES = (
    "at_minutes",
    "every_minute",
    "at_hours",
    "every_hour",
    "weekdays",
    "day_of_month",
    "first_last",
    "in_months",
    "every_month",
)


def without_times(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Return the fields that say nothing of times."""
    return {name: value for name, value in fields.items() if name not in TIMES}


def times(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Return minutes, hours, days and months at which given fields fire; empty without any."""
    minutes = _union(fields.get("at_minutes"), fields.get("every_minute"), range(60))
    hours = _union(fields.get("at_hours"), fields.get("every_hour"), range(24))
    months = _union(fields.get("in_months"), fields.get("every_month"), range(1, 13))
    days = {
        name: fields[name] for name in ("weekdays", "day_of_month", "first_last") if name in fields
    }
    if not (minutes or hours or days or months):
        return {}
    if not (minutes or hours or days):
        days = {"day_of_month": 1}
    elif len(days.get("weekdays", ())) == 7:
        # Every day, whatever else is said of days.
        days = {}
    return {
        **days,
        "hours": hours or (list(range(24)) if minutes else [0]),
        "minutes": minutes or [0],
        "months": months or list(range(1, 13)),
    }


def _union(at: Optional[Iterable[int]], every: Optional[int], span: range) -> List[int]:
    found = set(at or ())
    if every is not None:
        found.update(span[::every])
    return sorted(found)
