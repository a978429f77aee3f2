"""Times as users give them, as the wire has them, and as results show them.

On the wire: RFC 3339 in UTC with milliseconds.  In results: ``YYYY-MM-DD HH:MM:SS``
in UTC.  Naive datetimes given by users are taken as UTC.
"""

from __future__ import annotations

from datetime import date, datetime, timezone

from fasti._checks import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_RANGE = r"(\d{4}-\d\d-\d\d)(?: (\d\d)(?::(\d\d)(?::(\d\d))?)?)?"
_DATE = r"\d{4}-\d\d-\d\d"


def now() -> datetime:
    """Return the present instant, aware, UTC."""
    return datetime.now(timezone.utc)


def parse(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC, to the microsecond."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    at = datetime.fromisoformat(whole)
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    return at.replace(microsecond=micros, tzinfo=timezone.utc)


def to_wire(at: datetime) -> str:
    """Return an aware datetime as the server takes it."""
    utc = at.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def shown(text: Optional[str]) -> Optional[str]:
    """Return a time of the wire as results show it; None stays None."""
    return None if text is None else f"{parse(text):%Y-%m-%d %H:%M:%S}"


def shown_to_millis(text: str) -> str:
    """Return a time of the wire as metrics show it."""
    at = parse(text)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def rundate(argument: str, value: Any) -> str:
    """Return a rundate given as ``'YYYY-MM-DD'``, date or datetime (its date)."""
    import re

    if isinstance(value, (date, datetime)):
        return f"{value:%Y-%m-%d}"
    wanted = "a date as 'YYYY-MM-DD', date or datetime"
    if not isinstance(value, str) or re.fullmatch(_DATE, value, re.ASCII) is None:
        raise fail(argument, value, wanted)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise fail(argument, value, wanted) from None
    return value


def moment(argument: str, value: Any) -> datetime:
    """Return an instant given as for a range, or as RFC 3339 writes it."""
    import re

    if not isinstance(value, str) or "T" not in value:
        return instant(argument, value)
    try:
        # ``Z`` is understood from Python 3.11 on.
        given = datetime.fromisoformat(re.sub("Z$", "+00:00", value))
    except ValueError:
        raise fail(argument, value, "a time such as '2024-03-31T01:00:00Z'") from None
    return instant(argument, given)


def instant(argument: str, value: Any) -> datetime:
    """Return the instant of a range bound; a date stands for its midnight."""
    import re

    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    wanted = "a time as 'YYYY-MM-DD[ HH[:MM[:SS]]]', date or datetime"
    match = re.fullmatch(_RANGE, value, re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise fail(argument, value, wanted)
    day, *clock = match.groups()
    hours, minutes, seconds = (int(part or 0) for part in clock)
    try:
        midnight = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
        return midnight.replace(hour=hours, minute=minutes, second=seconds)
    except ValueError:
        raise fail(argument, value, wanted) from None
