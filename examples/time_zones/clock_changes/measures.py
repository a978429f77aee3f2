"""What is remarkable about the clocks of a zone, in figures."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import List, NamedTuple, Optional

from clock_changes.database import Database
from clock_changes.history import Change, changes_of

#: A zone that set its clocks in at least this many years had a habit, not an episode.
HABIT_YEARS = 5

#: Who jumps so far skips a date, or has it twice.
DATE_JUMP_SECONDS = 20 * 3600

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Span(NamedTuple):
    """A time without a change of the clocks; ``last`` is None if it goes on."""

    offset: int
    first: int
    last: Optional[int]
    days: int


class Jump(NamedTuple):
    """Clocks were set forward (above 0) or back by so many seconds, on a day."""

    seconds: int
    day: str


class Survey(NamedTuple):
    """The figures of one zone."""

    zone: str
    changes: int
    #: Different offsets from UTC, in all.
    offsets: int
    #: The longest time on one offset since clocks follow a standard.
    longest: Span
    #: Jumps over the date line.
    date_jumps: List[Jump]
    #: Years in which clocks were set for the season.
    seasonal_years: int
    #: The last of them; None if there was none.
    last_seasonal_year: Optional[int]

    def gave_up(self, year: int) -> bool:
        """Tell whether clocks were set with the seasons once, and no more in ``year``."""
        last = self.last_seasonal_year
        return last is not None and last < year and self.seasonal_years >= HABIT_YEARS


def survey(database: Database, zone: str, year: int) -> Optional[Survey]:
    """Measure one zone up to the end of ``year``; None if its clocks were never changed."""
    first, changes = changes_of(database, zone)
    changes = [change for change in changes if _day(change.at).year <= year]
    if not changes:
        return None
    seasonal = _seasonal_years(changes)
    return Survey(
        zone=zone,
        changes=len(changes),
        offsets=len({first, *(change.offset for change in changes)}),
        longest=_longest(changes, year),
        date_jumps=_date_jumps(first, changes),
        seasonal_years=len(seasonal),
        last_seasonal_year=max(seasonal, default=None),
    )


def _longest(changes: List[Change], year: int) -> Span:
    end = int((datetime(year + 1, 1, 1, tzinfo=timezone.utc) - _EPOCH).total_seconds())
    spans = []
    for number, change in enumerate(changes):
        goes_on = number + 1 == len(changes)
        until = end if goes_on else changes[number + 1].at
        last = None if goes_on else _day(until).year
        days = (until - change.at) // 86_400
        spans.append(Span(change.offset, _day(change.at).year, last, days))
    return max(spans, key=lambda span: span.days)


def _date_jumps(first: int, changes: List[Change]) -> List[Jump]:
    offsets = [first, *(change.offset for change in changes)]
    jumps = [
        Jump(change.offset - before, _day(change.at + before).strftime("%Y-%m-%d"))
        for before, change in zip(offsets, changes)
    ]
    return [jump for jump in jumps if abs(jump.seconds) >= DATE_JUMP_SECONDS]


def _seasonal_years(changes: List[Change]) -> List[int]:
    """Return the years in which daylight saving began or ended twice, as with summer and winter."""
    switches: List[int] = []
    save = 0
    for change in changes:
        if change.save != save:
            switches.append(_day(change.at).year)
        save = change.save
    return sorted({year for year in switches if switches.count(year) >= 2})


def _day(instant: int) -> datetime:
    return _EPOCH + timedelta(seconds=instant)
