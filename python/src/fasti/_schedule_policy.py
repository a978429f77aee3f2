"""What a schedule may ask for beyond its times, each into its normal form.

Calendars act on its days; the rest says what becomes of slots that cannot simply fire.
"""

from __future__ import annotations

from collections.abc import Mapping

from fasti import _checks
from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

MISFIRES = ("latest", "all", "within", "skip")
OVERLAPS = ("allow", "skip", "queue_one", "queue_all", "cancel_old")
MODES = ("only_open_days", "only_closed_days", "next_open_day", "previous_open_day")

CALENDARS_MAX = 4
#: Slots that are made up for at most.
MADE_UP_MAX = 1_000
#: Longest start deadline and longest time that a missed slot counts as recent: ten years.
SECONDS_MAX = 10 * 366 * 86_400
JITTER_SECONDS_MAX = 3_600

#: What is meant where nothing is given.
DEFAULTS: Dict[str, Any] = {"misfire": "latest", "overlap": "allow", "jitter_seconds": 0}

#: How many missed slots fire at most, when it is not said; only some misfire policies take it.
MADE_UP_DEFAULT = 100

#: What each of these goes with.
_MISFIRES_OF = {
    "misfire_within_seconds": ("latest", "within"),
    "misfire_max": ("all", "within"),
}

FIELDS = (
    "misfire",
    "misfire_within_seconds",
    "misfire_max",
    "overlap",
    "start_deadline_seconds",
    "jitter_seconds",
)


def cron(value: Any, times: List[str]) -> Optional[str]:
    """Check a cron text, beside which no field of ``times`` was given."""
    text = _checks.optional_text("cron", value)
    if text is None:
        return None
    if times:
        raise ValidationError(f"a cron text says all: leave out cron or {times[0]}", field="cron")
    from fasti import _cron

    _cron.check(text)
    return text


def calendars(value: Any) -> List[Dict[str, str]]:
    """Return the uses of named calendars; a mere name leaves the open days."""
    given = _checks.items("calendars", value)
    if len(given) > CALENDARS_MAX:
        raise ValidationError(
            f"a schedule uses at most {CALENDARS_MAX} calendars", field="calendars"
        )
    return [_calendar(f"calendars[{index}]", item) for index, item in enumerate(given)]


def _calendar(path: str, value: Any) -> Dict[str, str]:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not {"name"} <= set(value) <= {"name", "mode"}:
        raise _checks.fail(path, value, "the name of a calendar, or a dict with name and mode")
    mode = value.get("mode", MODES[0])
    return {
        "name": _checks.name(f"{path}.name", value["name"]),
        "mode": _checks.choice(f"{path}.mode", mode, MODES),
    }


def optional_choice(argument: str, value: Any, allowed: "tuple[str, ...]") -> Optional[str]:
    """Check one of some strings that may be left out."""
    return None if value is None else _checks.choice(argument, value, allowed)


def check_idle(has_times: bool, given: Mapping[str, Any]) -> None:
    """Refuse the first policy of ``given`` that would do nothing."""
    changes = {
        field: value
        for field, value in given.items()
        if value is not None and value != DEFAULTS.get(field)
    }
    if changes and not has_times:
        field = next(iter(changes))
        raise ValidationError(
            f"{field} acts on slots: give the schedule times, or leave it out", field=field
        )
    misfire = given["misfire"] or DEFAULTS["misfire"]
    for field, fitting in _MISFIRES_OF.items():
        if given[field] is not None and misfire not in fitting:
            raise ValidationError(
                f"{field} does nothing with misfire={misfire!r}; it goes with "
                + " and ".join(fitting),
                field=field,
            )
