"""Checks of single arguments of a schedule, each into its normal form."""

from __future__ import annotations

from collections.abc import Mapping

from fasti import _calendar, _checks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

#: What lies among the zones on some machines and is none of IANA's names.
_NOT_ZONES = ("posix/", "right/", "posixrules", "Factory", "localtime")

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def integers(argument: str, value: Any, low: int, high: int) -> List[int]:
    """Return the integers of a list, sorted, each once."""
    items = _checks.items(argument, value)
    return sorted({_checks.integer(argument, item, low, high) for item in items})


def optional_integer(argument: str, value: Any, low: int, high: int) -> Optional[int]:
    """Check an integer that may be left out."""
    return None if value is None else _checks.integer(argument, value, low, high)


def optional_name(argument: str, value: Any) -> Optional[str]:
    """Check a name that may be left out."""
    return None if value is None else _checks.name(argument, value)


def weekdays(value: Any) -> List[str]:
    """Return weekdays as ``Mon`` to ``Sun``, in the order of the week."""
    found = set()
    for item in _checks.items("weekdays", value):
        weekday = _calendar.weekday_of(item)
        if weekday is None:
            raise _checks.fail("weekdays", item, "names of weekdays such as 'Mon'")
        found.add(weekday)
    return sorted(found, key=_calendar.WEEKDAYS.index)


def months(value: Any) -> List[int]:
    """Return months as 1 to 12, sorted."""
    found = set()
    for item in _checks.items("in_months", value):
        month = _calendar.month_of(item)
        if month is None:
            month = _checks.integer("in_months", item, 1, 12)
        found.add(month)
    return sorted(found)


def first_last(value: Any) -> Optional[Dict[str, str]]:
    """Return one weekday of the month in its normal form."""
    if value is None or value == {}:
        return None
    if not isinstance(value, Mapping) or set(value) != {"Weekday", "Which"}:
        raise _checks.fail("first_last", value, "a dict with exactly the keys Weekday and Which")
    weekday = _calendar.weekday_of(value["Weekday"])
    if weekday is None:
        raise _checks.fail("first_last", value["Weekday"], "a Weekday such as 'Mon'")
    which = value["Which"]
    if isinstance(which, str):
        which = which.capitalize()
    _checks.choice("first_last", which, _calendar.WHICH)
    return {"Weekday": weekday, "Which": which}


def timezone(value: Any) -> Optional[str]:
    """Check the name of a time zone, if this machine knows any."""
    if value is None:
        return None
    name = _checks.text("timezone", value)
    if name.startswith(_NOT_ZONES):
        raise _checks.fail("timezone", value, "an IANA time zone name such as 'Europe/Paris'")
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        # Without a tz database on this machine the server is the one to say no.
        if name and not _knows_zones():
            return name
        wanted = "an IANA time zone name such as 'Europe/Paris'"
        raise _checks.fail("timezone", value, wanted) from None
    return name


def _knows_zones() -> bool:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo("UTC")
    except LookupError:
        return False
    return True


def uuid(value: Any) -> Optional[str]:
    """Return the id of a batch in lower case."""
    import re

    if value is None:
        return None
    text = _checks.text("run_after_job_uuid", value).lower()
    if re.fullmatch(_UUID, text) is None:
        raise _checks.fail("run_after_job_uuid", value, "the id of a batch (a UUID)")
    return text
