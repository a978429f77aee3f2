"""Checks of cron texts by the grammar of the server: a wrong one is refused where it is written.

Five fields, six with seconds first, or a name such as ``@daily``; see ``docs/schedules.md``.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Set, Tuple

from fasti import _calendar
from fasti._errors import ValidationError

CRON_BYTES_MAX = 1_000

_NAMES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_DIGITS = re.compile(r"[0-9]+")
_COUNT = re.compile(r"\+?[0-9]+")


class _Month(NamedTuple):
    """A month by what days it has: their number, and the weekday of the first, Sunday being 0."""

    length: int
    first: int

    def days(self) -> range:
        return range(1, self.length + 1)

    def weekday(self, day: int) -> int:
        return (self.first + day - 1) % 7

    def is_working(self, day: int) -> bool:
        return self.weekday(day) not in (0, 6)

    def nearest(self, day: int) -> int:
        """Return the working day of this month that is nearest to a day."""
        working = [other for other in self.days() if self.is_working(other)]
        return min(working, key=lambda other: abs(other - day))


class _Field(NamedTuple):
    """One field of a cron text."""

    name: str
    first: int
    last: int

    def refused(self, item: str, wanted: str) -> ValidationError:
        return _refused(f"{item!r} in the field {self.name}: {wanted}")

    def value(self, item: str, text: str) -> int:
        number = int(text) if _DIGITS.fullmatch(text) else self._named(text)
        if number is None or not self.first <= number <= self.last:
            raise self.refused(item, f"write values from {self.first} to {self.last}")
        return number

    def _named(self, text: str) -> Optional[int]:
        if self is _MONTH:
            return _calendar.month_of(text)
        if self is _WEEKDAY:
            weekday = _calendar.weekday_of(text)
            return None if weekday is None else (_calendar.WEEKDAYS.index(weekday) + 1) % 7
        return None

    def item(self, item: str) -> Set[int]:
        """Return the values of ``*``, a value or a range, with or without a step."""
        span, slash, step = item.partition("/")
        width = self._step(item, step) if slash else 1
        begin, end = self._ends(item, span, bool(slash))
        if begin > end:
            raise self.refused(item, "the range ends before it begins; write two")
        return set(range(begin, end + 1, width))

    def _ends(self, item: str, span: str, has_step: bool) -> Tuple[int, int]:
        if span == "*":
            # Sunday counts once, at its first number.
            return self.first, 6 if self.last == 7 else self.last
        low, dash, high = span.partition("-")
        begin = self.value(item, low)
        if not dash:
            return begin, self.last if has_step else begin
        end = self.value(item, high)
        # A week may end on Sunday.
        return begin, 7 if self.last == 7 and end == 0 and begin > 0 else end

    def _step(self, item: str, text: str) -> int:
        if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= self.last:
            raise self.refused(item, f"write a step from 1 to {self.last}")
        return int(text)


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12)
#: Sunday is 0 and 7.
_WEEKDAY = _Field("day of the week", 0, 7)


class _Days(NamedTuple):
    """Days of a month that the field for their numbers names."""

    numbered: Set[int]
    #: Days before the last.
    from_end: Set[int]
    #: Numbers whose nearest working day is meant.
    nearest: Set[int]
    last_working: bool

    def of(self, month: _Month) -> Set[int]:
        found = {day for day in self.numbered if day <= month.length}
        found |= {month.length - before for before in self.from_end if before < month.length}
        found |= {month.nearest(day) for day in self.nearest if day <= month.length}
        if self.last_working:
            found.add(max(day for day in month.days() if month.is_working(day)))
        return found


class _Weekdays(NamedTuple):
    """Days of a month that the field for their weekdays names; Sunday is 0."""

    every: Set[int]
    last: Set[int]
    #: A weekday and its place among its like.
    nth: Set[Tuple[int, int]]

    def of(self, month: _Month) -> Set[int]:
        return {
            day
            for day in month.days()
            if month.weekday(day) in self.every
            or (month.weekday(day) in self.last and day + 7 > month.length)
            or (month.weekday(day), (day + 6) // 7) in self.nth
        }


def check(text: str) -> None:
    """Refuse a text that the server would refuse."""
    if len(text.encode()) > CRON_BYTES_MAX:
        raise _refused(f"longer than {CRON_BYTES_MAX} bytes")
    text = text.strip()
    if text.startswith("@"):
        if text.lower() not in _NAMES:
            raise _refused(f"{text!r} is unknown; write {', '.join(_NAMES)}, or five fields")
        return
    fields = re.split(r"[ \t\n\f\r]+", text)
    if len(fields) not in (5, 6):
        raise _refused(
            f"{text!r} has {len(fields)} fields; write five (minute, hour, day of the month, "
            "month, day of the week) or six with the second first"
        )
    if len(fields) == 6:
        _values(_SECOND, fields.pop(0))
    minute, hour, day, month, weekday = fields
    _values(_MINUTE, minute)
    _values(_HOUR, hour)
    months = _values(_MONTH, month)
    by_number, by_weekday = _days(day), _weekdays(weekday)
    # Where one kind of days is enough, there always is one: a weekday comes every month.
    both = _is_open(day) or _is_open(weekday)
    if both and not _can_match(months, by_number, by_weekday):
        raise _refused(f"{text!r} would never fire: no such day is in its months")


def _refused(message: str) -> ValidationError:
    return ValidationError(f"cron: {message}", field="cron")


def _is_open(field: str) -> bool:
    return field.startswith("*") or field == "?"


def _values(field: _Field, text: str) -> Set[int]:
    found: Set[int] = set()
    for item in text.split(","):
        found |= field.item(item)
    return found


def _days(text: str) -> _Days:
    numbered: Set[int] = set()
    from_end: Set[int] = set()
    nearest: Set[int] = set()
    last_working = False
    for item in ("*" if text == "?" else text).split(","):
        upper = item.upper()
        if upper == "L":
            from_end.add(0)
        elif upper == "LW":
            last_working = True
        elif upper.startswith("L-"):
            before = upper[2:]
            if not _COUNT.fullmatch(before) or int(before) > 30:
                raise _DAY.refused(item, "write L-1 to L-30")
            from_end.add(int(before))
        elif upper.endswith("W"):
            nearest.add(_DAY.value(item, upper[:-1]))
        else:
            numbered |= _DAY.item(item)
    return _Days(numbered, from_end, nearest, last_working)


def _weekdays(text: str) -> _Weekdays:
    found = _Weekdays(set(), set(), set())
    for item in ("*" if text == "?" else text).split(","):
        weekday, hash_sign, nth = item.partition("#")
        if hash_sign:
            number = _WEEKDAY.value(item, weekday) % 7
            if not _COUNT.fullmatch(nth) or not 1 <= int(nth) <= 5:
                raise _WEEKDAY.refused(item, "write #1 to #5 behind the weekday")
            found.nth.add((number, int(nth)))
        elif item[-1:] in ("L", "l"):
            if len(item) == 1:
                raise _WEEKDAY.refused(item, "say which weekday is to be the last, such as FRIL")
            found.last.add(_WEEKDAY.value(item, item[:-1]) % 7)
        else:
            found.every.update(number % 7 for number in _WEEKDAY.item(item))
    return found


def _can_match(months: Set[int], days: _Days, weekdays: _Weekdays) -> bool:
    """Say whether any month has a day of both kinds; each begins with any weekday some year."""
    lengths = {_calendar.longest(month) for month in months}
    if 2 in months:
        lengths.add(28)
    every = (_Month(length, first) for length in lengths for first in range(7))
    return any(days.of(month) & weekdays.of(month) for month in every)
