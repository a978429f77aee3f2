"""When the clocks of a zone were changed, and to what: rules and eras put together.

# Source
The order of steps is that of zic, the compiler of the database (public domain): what a rule's time
of day means depends on the rule before it, and when an era begins on how the one before ended.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from clock_changes.database import LAST_YEAR, Database, Era, Moment, Rule, local_seconds


class Change(NamedTuple):
    """From this instant on, in seconds since 1970, clocks are this far ahead of UTC."""

    at: int
    offset: int
    #: How much of the offset is daylight saving.
    save: int


def changes_of(database: Database, zone: str) -> Tuple[int, List[Change]]:
    """Return the offset in the beginning, and every change since, oldest first."""
    found: Dict[int, Change] = {}
    first: Optional[int] = None
    start: Optional[int] = None
    for era in database.zones[zone]:
        if first is None:
            first = era.offset + era.save
        start = _walk(era, database.rules.get(era.rules, []), start, found)
    assert first is not None, "a zone has one era at least"
    return first, _settled(first, sorted(found.values()))


def _settled(first: int, found: List[Change]) -> List[Change]:
    """Leave out what changed nothing, and what was overtaken before the clock showed it."""
    changes: List[Change] = []
    for change in found:
        before = changes[-1].offset if changes else first
        if changes:
            latest = changes[-1]
            before_latest = changes[-2].offset if len(changes) > 1 else first
            if change.at + latest.offset <= latest.at + before_latest:
                changes[-1] = change._replace(at=latest.at)
                continue
        if change.offset != before:
            changes.append(change)
    return changes


def _walk(
    era: Era, rules: List[Rule], start: Optional[int], found: Dict[int, Change]
) -> Optional[int]:
    """Note the changes within an era that begins at ``start``; return when the next one does."""
    ends = era.until_year <= LAST_YEAR
    save = era.save
    start_offset = era.offset + save
    last_year = min(LAST_YEAR, era.until_year)
    for year in range(
        min((rule.first_year for rule in rules), default=last_year + 1), last_year + 1
    ):
        due = [
            (_local(rule, year), rule)
            for rule in rules
            if rule.first_year <= year <= rule.last_year
        ]
        while due:
            # Setting the clocks moves what is still to come this year: it is timed anew.
            at, local, rule = min(
                (_utc(Moment(local, rule.at.clock), era.offset, save), local, rule)
                for local, rule in due
            )
            due.remove((local, rule))
            if ends and at >= _utc(era.until, era.offset, save):
                break
            save = rule.save
            if start is not None:
                if at < start:
                    start_offset = era.offset + save
                    continue
                if at == start:
                    start = None
            found[at] = Change(at, era.offset + save, save)
    if start is not None:
        found[start] = Change(start, start_offset, start_offset - era.offset)
    return _utc(era.until, era.offset, save) if ends else None


def _local(rule: Rule, year: int) -> int:
    return local_seconds(year, rule.month, rule.day) + rule.at.seconds


def _utc(moment: Moment, offset: int, save: int) -> int:
    """Return the instant at which clocks with this offset and saving show a moment."""
    if moment.clock == "u":
        return moment.seconds
    return moment.seconds - offset - (save if moment.clock == "w" else 0)
