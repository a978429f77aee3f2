"""The functions that the batch calls: what one returns, the next receives under its name."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List

from clock_changes import database, measures, source, tables
from clock_changes.database import Database
from clock_changes.measures import Survey
from dt.scheduler import batch

#: Rows of the longer tables.
ROWS = 10


@batch()
def download() -> str:
    """Get the text of the database; the first attempt fails on purpose (see ``source``)."""
    text = source.fetch()
    print(f"got {len(text)} characters")
    return text


@batch()
def parse(download: str) -> Database:
    """Read the text."""
    parsed = database.parse(download)
    print(f"release {parsed.version}: {len(parsed.zones)} zones, {len(parsed.rules)} sets of rules")
    return parsed


@batch()
def survey(parse: Database, job_config: Dict[str, Any]) -> List[Survey]:
    """Measure the zones of one part: those that begin with one of its prefixes."""
    prefixes = tuple(job_config["Zones"])
    year = year_of(parse)
    found = []
    for zone in sorted(parse.zones):
        if zone.startswith(prefixes):
            measured = measures.survey(parse, zone, year)
            if measured is not None:
                found.append(measured)
    changes = sum(measured.changes for measured in found)
    print(f"{job_config['Description']}: {changes} changes in {len(found)} zones")
    return found


@batch()
def by_region(parse: Database, survey: List[List[Survey]]) -> str:
    """Count by continent and ocean."""
    year = year_of(parse)
    zones: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    still: Counter[str] = Counter()
    gave_up: Counter[str] = Counter()
    for measured in all_of(survey):
        region = measured.zone.split("/")[0]
        zones[region] += 1
        changes[region] += measured.changes
        still[region] += measured.last_seasonal_year == year
        gave_up[region] += measured.gave_up(year)
    rows = [
        (name, zones[name], changes[name], still[name], gave_up[name]) for name in sorted(zones)
    ]
    totals = [sum(counter.values()) for counter in (zones, changes, still, gave_up)]
    heads = ("region", "zones", "clock changes", f"summer time {year}", "gave it up")
    return tables.table("Where clocks are changed", heads, [*rows, ("all", *totals)])


@batch()
def restless(survey: List[List[Survey]]) -> str:
    """Find the zones whose clocks were changed most."""
    most = sorted(all_of(survey), key=lambda s: (-s.changes, s.zone))[:ROWS]
    rows = [(s.zone, s.changes, s.offsets, s.seasonal_years) for s in most]
    heads = ("zone", "changes", "offsets", "years with summer time")
    return tables.table("Clocks that were never left alone", heads, rows)


@batch()
def calm(survey: List[List[Survey]]) -> str:
    """Find the zones that left their clocks alone for longest."""
    most = sorted(all_of(survey), key=lambda s: (-s.longest.days, s.zone))[:ROWS]
    rows = [
        (
            s.zone,
            tables.offset(s.longest.offset),
            f"{s.longest.first} to {s.longest.last or 'today'}",
            s.longest.days,
        )
        for s in most
    ]
    return tables.table("Longest on one offset", ("zone", "offset", "years", "days"), rows)


@batch()
def lost_days(survey: List[List[Survey]]) -> str:
    """Find the zones that changed sides of the date line."""
    found = [(jump.day, s.zone, jump.seconds) for s in all_of(survey) for jump in s.date_jumps]
    rows = [
        (
            day,
            zone,
            tables.offset(jump),
            "a day that never was" if jump > 0 else "a day lived twice",
        )
        for day, zone, jump in sorted(found)
    ]
    return tables.table("Days lost and found", ("local date", "zone", "jump", "what it made"), rows)


@batch()
def gave_up(parse: Database, survey: List[List[Survey]]) -> str:
    """Find the zones that gave up summer time last."""
    year = year_of(parse)
    gone = [s for s in all_of(survey) if s.gave_up(year)]
    gone.sort(key=lambda s: (-(s.last_seasonal_year or 0), s.zone))
    rows = [(s.last_seasonal_year, s.zone, s.seasonal_years) for s in gone[:ROWS]]
    heads = ("last year", "zone", "years with summer time")
    return tables.table(f"The latest of {len(gone)} zones to give up summer time", heads, rows)


@batch()
def report(
    parse: Database, by_region: str, restless: str, calm: str, lost_days: str, gave_up: str
) -> str:
    """Put it all on one page."""
    title = f"A history of changing clocks, from release {parse.version} of the time zone database"
    page = "\n\n".join([title, by_region, restless, calm, lost_days, gave_up])
    print(page)
    return page


def year_of(parsed: Database) -> int:
    """Return the year of a release, such as 2025 of ``2025b``: the last that it knows for sure."""
    return int(parsed.version[:4])


def all_of(survey: List[List[Survey]]) -> List[Survey]:
    """Return the zones of all parts."""
    return [measured for part in survey for measured in part]
