"""Reading the time zone database in zic's input format: rules, and zones as lists of eras."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Dict, List, NamedTuple, Tuple

#: A date by which every rule that has no end is taken to end.
LAST_YEAR = 2037

_MONTHS = ("ja", "f", "mar", "ap", "may", "jun", "jul", "au", "s", "o", "n", "d")
_WEEKDAYS = ("m", "tu", "w", "th", "f", "sa", "su")


class Moment(NamedTuple):
    """A time as clocks show it: ``clock`` is ``w`` (wall), ``s`` (standard) or ``u`` (UTC)."""

    seconds: int
    clock: str


class Rule(NamedTuple):
    """Clocks are set, once a year from one year to another."""

    first_year: int
    last_year: int
    month: int
    day: str
    at: Moment
    save: int


class Era(NamedTuple):
    """A time in which a zone kept one standard offset and followed one set of rules."""

    offset: int
    #: Name of the rules, or empty; then ``save`` holds throughout.
    rules: str
    save: int
    #: When it ends, in seconds since 1970 by the zone's own clocks; the last one does not.
    until: Moment
    until_year: int


class Database(NamedTuple):
    """All zones and rules of a release."""

    version: str
    rules: Dict[str, List[Rule]]
    zones: Dict[str, List[Era]]
    #: Other names of zones.
    links: Dict[str, str]


def parse(text: str) -> Database:
    """Read the text of a release."""
    rules: Dict[str, List[Rule]] = {}
    zones: Dict[str, List[Era]] = {}
    links: Dict[str, str] = {}
    version = "unknown"
    eras: List[Era] = []
    for line in text.splitlines():
        if line.startswith("# version "):
            version = line[len("# version ") :]
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "R":
            rules.setdefault(words[1], []).append(_rule(words))
        elif words[0] == "L":
            links[words[2]] = words[1]
        elif words[0] == "Z":
            eras = zones[words[1]] = [_era(words[2:])]
        else:
            eras.append(_era(words))
    return Database(version, rules, zones, links)


def _rule(words: List[str]) -> Rule:
    _, _, first, last, _, month, day, at, save, _ = words
    first_year = int(first)
    if "only".startswith(last):
        last_year = first_year
    else:
        last_year = LAST_YEAR if last.startswith("ma") else int(last)
    return Rule(first_year, last_year, _month(month), day, _moment(at), seconds(save.rstrip("sd")))


def _era(words: List[str]) -> Era:
    offset, rules = words[:2]
    save = 0
    if rules == "-":
        rules = ""
    elif rules[0] in "-0123456789":
        rules, save = "", seconds(rules)
    until = words[3:]
    if not until:
        return Era(seconds(offset), rules, save, Moment(0, "u"), LAST_YEAR + 1)
    year = int(until[0])
    month = _month(until[1]) if len(until) > 1 else 1
    day = until[2] if len(until) > 2 else "1"
    time = _moment(until[3] if len(until) > 3 else "0")
    end = Moment(local_seconds(year, month, day) + time.seconds, time.clock)
    return Era(seconds(offset), rules, save, end, year)


def _month(word: str) -> int:
    return next(n for n, short in enumerate(_MONTHS, 1) if word.lower().startswith(short))


def _moment(word: str) -> Moment:
    clock = word[-1].lower()
    if clock.isdigit() or word == "-":
        return Moment(seconds(word), "w")
    return Moment(seconds(word[:-1]), "u" if clock in "ugz" else clock)


def seconds(word: str) -> int:
    """Return ``-1:30`` and the like in seconds."""
    if word == "-":
        return 0
    sign = -1 if word.startswith("-") else 1
    total = 0
    for unit, part in zip((3600, 60, 1), word.lstrip("-").split(":")):
        total += unit * int(part)
    return sign * total


def local_seconds(year: int, month: int, day: str) -> int:
    """Return midnight of a day such as ``9``, ``lastSu`` or ``Su>=8``, counted from 1970."""
    return (_day(year, month, day) - date(1970, 1, 1)).days * 86_400


def _day(year: int, month: int, day: str) -> date:
    if day.isdigit():
        return date(year, month, int(day))
    if day.startswith("last"):
        next_month = date(year + month // 12, month % 12 + 1, 1)
        return _back_to(next_month - timedelta(days=1), day[len("last") :])
    weekday, sign, number = _parted(day)
    found = date(year, month, number)
    if sign == "<=":
        return _back_to(found, weekday)
    return _back_to(found + timedelta(days=6), weekday)


def _parted(day: str) -> Tuple[str, str, int]:
    sign = ">=" if ">=" in day else "<="
    weekday, number = day.split(sign)
    return weekday, sign, int(number)


def _back_to(start: date, word: str) -> date:
    weekday = next(n for n, short in enumerate(_WEEKDAYS) if word.lower().startswith(short))
    return start - timedelta(days=(start.weekday() - weekday) % 7)
