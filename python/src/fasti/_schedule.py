"""The ``Schedule`` class: when a batch starts by itself.

The constructor checks what can be checked without a server; sets of minutes, hours,
days and months, daylight saving and fire times belong to the server.
"""

from __future__ import annotations

from datetime import datetime

from fasti import _calendar, _checks, _times, _triggers
from fasti import _schedule_fields as _fields
from fasti import _schedule_meaning as _meaning
from fasti import _schedule_policy as _policy
from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

_RUN_AFTER_FIELDS = ("run_after_job_name", "run_after_job_uuid", "run_after_job_condition")
_POLICY_FIELDS = (
    "misfire",
    "misfire_within_seconds",
    "misfire_max",
    "overlap",
    "start_deadline_seconds",
    "jitter_seconds",
)
_FIELDS = (
    *_meaning.TIMES,
    "cron",
    "timezone",
    "calendars",
    "rundate_offset",
    *_RUN_AFTER_FIELDS,
    *_POLICY_FIELDS,
    "triggers",
)

CONDITIONS = ("on success", "on failure", "always")

#: Days that the rundate may be away from the run, either way: a century.
RUNDATE_OFFSET_DAYS_MAX = 36_525


class Schedule:
    """When a batch runs: at times of the calendar, or after another batch.

    Empty lists and ``None`` mean "not given".  The finest level given decides: finer
    levels take their minimum, other gaps are unconstrained, so ``at_hours=[8, 16]``
    fires at 08:00 and 16:00 of every day.  Fields of one level add up.

    ``at_minutes`` (0-59), ``at_hours`` (0-23), ``in_months`` (1-12 or English names),
    ``weekdays`` (``'Mon'`` ... ``'Sun'``) are lists; ``every_minute`` (1-59),
    ``every_hour`` (1-23), ``every_month`` (1-12) count from the start of the enclosing
    unit; ``day_of_month`` is 1-31; ``first_last`` is
    ``{'Weekday': 'Fri', 'Which': 'Last'}``.  ``timezone`` is an IANA name (default
    UTC); ``rundate_offset`` is in days.  ``run_after_job_name`` or
    ``run_after_job_uuid`` starts the batch when a run of that one ends, with
    ``run_after_job_condition`` ``'on success'`` (default), ``'on failure'`` or
    ``'always'``.  ``triggers`` are messages that start it whenever they come, each a
    dict: ``{'name': 'paid', 'source': 'nats', 'subject': 'orders.paid'}``, with
    ``'source'`` ``'nats'``, ``'stream'`` or ``'webhook'``.

    In place of fields of time ``cron`` takes a cron text of five fields, or six with
    seconds first.  ``calendars`` are up to four named calendars of the server, each a
    name, which leaves the open days, or ``{'name': 'trading', 'mode': 'next_open_day'}``
    (``'only_open_days'``, ``'only_closed_days'``, ``'next_open_day'``,
    ``'previous_open_day'``).  ``misfire`` says what becomes of slots that passed while no
    server was there: ``'latest'`` (default), ``'all'``, ``'within'`` or ``'skip'``, with
    ``misfire_within_seconds`` and ``misfire_max``.  ``overlap`` says what becomes of
    slots that come while an earlier run goes on: ``'allow'`` (default), ``'skip'``,
    ``'queue_one'``, ``'queue_all'`` or ``'cancel_old'``.  A run that has not started
    ``start_deadline_seconds`` after its slot is cancelled; ``jitter_seconds`` (0-3600)
    delays each slot by chance.

    Raises :class:`ValidationError` for a value out of its range or of another type,
    and for a combination that can never fire.
    """

    def __init__(
        self,
        at_minutes: Optional[Iterable[int]] = None,
        every_minute: Optional[int] = None,
        at_hours: Optional[Iterable[int]] = None,
        every_hour: Optional[int] = None,
        weekdays: Optional[Iterable[str]] = None,
        day_of_month: Optional[int] = None,
        first_last: Optional[Mapping[str, str]] = None,
        in_months: Optional[Iterable[Union[int, str]]] = None,
        every_month: Optional[int] = None,
        timezone: Optional[str] = None,
        rundate_offset: Optional[int] = None,
        run_after_job_name: Optional[str] = None,
        run_after_job_uuid: Optional[str] = None,
        run_after_job_condition: Optional[str] = None,
        *,
        triggers: Optional[Iterable[Mapping[str, Any]]] = None,
        cron: Optional[str] = None,
        calendars: Optional[Iterable[Union[str, Mapping[str, str]]]] = None,
        misfire: Optional[str] = None,
        misfire_within_seconds: Optional[int] = None,
        misfire_max: Optional[int] = None,
        overlap: Optional[str] = None,
        start_deadline_seconds: Optional[int] = None,
        jitter_seconds: Optional[int] = None,
    ) -> None:
        self.at_minutes = _fields.integers("at_minutes", at_minutes, 0, 59)
        self.every_minute = _fields.optional_integer("every_minute", every_minute, 1, 59)
        self.at_hours = _fields.integers("at_hours", at_hours, 0, 23)
        self.every_hour = _fields.optional_integer("every_hour", every_hour, 1, 23)
        self.weekdays = _fields.weekdays(weekdays)
        self.day_of_month = _fields.optional_integer("day_of_month", day_of_month, 1, 31)
        self.first_last = _fields.first_last(first_last)
        self.in_months = _fields.months(in_months)
        self.every_month = _fields.optional_integer("every_month", every_month, 1, 12)
        self.timezone = _fields.timezone(timezone)
        self.rundate_offset = _fields.optional_integer(
            "rundate_offset", rundate_offset, -RUNDATE_OFFSET_DAYS_MAX, RUNDATE_OFFSET_DAYS_MAX
        )
        self.run_after_job_name = _fields.optional_name("run_after_job_name", run_after_job_name)
        self.run_after_job_uuid = _fields.uuid(run_after_job_uuid)
        self.run_after_job_condition = run_after_job_condition
        self.triggers = _triggers.triggers(triggers)
        self.cron = _policy.cron(cron, self._times())
        self.calendars = _policy.calendars(calendars)
        self.misfire = _policy.optional_choice("misfire", misfire, _policy.MISFIRES)
        self.misfire_within_seconds = _fields.optional_integer(
            "misfire_within_seconds", misfire_within_seconds, 1, _policy.SECONDS_MAX
        )
        self.misfire_max = _fields.optional_integer(
            "misfire_max", misfire_max, 1, _policy.MADE_UP_MAX
        )
        self.overlap = _policy.optional_choice("overlap", overlap, _policy.OVERLAPS)
        self.start_deadline_seconds = _fields.optional_integer(
            "start_deadline_seconds", start_deadline_seconds, 1, _policy.SECONDS_MAX
        )
        self.jitter_seconds = _fields.optional_integer(
            "jitter_seconds", jitter_seconds, 0, _policy.JITTER_SECONDS_MAX
        )
        self._check_run_after()
        self._check_calendars()
        self._check_can_fire()
        has_times = bool(self.cron or self._times())
        _policy.check_idle(has_times, {field: getattr(self, field) for field in _policy.FIELDS})

    def _check_run_after(self) -> None:
        condition = self.run_after_job_condition
        if condition is not None:
            _checks.choice("run_after_job_condition", condition, CONDITIONS)
        if self.run_after_job_name is not None and self.run_after_job_uuid is not None:
            raise ValidationError(
                "give run_after_job_name or run_after_job_uuid, not both",
                field="run_after_job_uuid",
            )
        event_based = self.run_after_job_name is not None or self.run_after_job_uuid is not None
        if condition is not None and not event_based:
            raise ValidationError(
                "run_after_job_condition needs run_after_job_name or run_after_job_uuid",
                field="run_after_job_condition",
            )
        given = [*self._times(), *(["cron"] if self.cron else [])]
        if event_based and given:
            raise ValidationError(
                f"a schedule is time-based or event-based: {given[0]} cannot go with run_after_*",
                field=given[0],
            )

    def _times(self) -> List[str]:
        """Return the fields of time that were given."""
        return [field for field in _meaning.TIMES if getattr(self, field)]

    def _check_calendars(self) -> None:
        if self.calendars and not self.cron and not self._times():
            raise ValidationError(
                "calendars act on times: give the schedule some, or no calendars",
                field="calendars",
            )

    def _check_can_fire(self) -> None:
        """Refuse a day of the month that none of the months has."""
        if self.day_of_month is None or self.weekdays or self.first_last:
            return
        months = set(self.in_months)
        if self.every_month is not None:
            months.update(range(1, 13, self.every_month))
        if months and all(_calendar.longest(month) < self.day_of_month for month in months):
            raise ValidationError(
                f"day_of_month={self.day_of_month} does not exist in any of the months "
                f"{sorted(months)}: the schedule could never fire",
                field="day_of_month",
            )

    @property
    def is_empty(self) -> bool:
        """Whether the batch only ever starts by hand."""
        starting = (*_meaning.TIMES, "cron", *_RUN_AFTER_FIELDS, "triggers")
        return not any(getattr(self, field) for field in starting)

    def to_json(self) -> Dict[str, Any]:
        """Return the given arguments by name, as the server takes them."""
        values = {field: getattr(self, field) for field in _FIELDS}
        return {field: value for field, value in values.items() if value not in (None, [])}

    def next_runs(self, count: int = 5, start: Union[str, datetime, None] = None) -> List[datetime]:
        """Ask the server for the next instants at which this schedule fires.

        ``count`` is 1 to 1000; ``start`` (default now) is included: a datetime, a date,
        or text such as ``2024-03-31``, ``2024-03-31 01:00`` or ``2024-03-31T01:00:00Z``.
        Returns aware datetimes in UTC; an empty or event-based schedule has none.
        """
        from fasti import _client

        _checks.integer("count", count, 1, 1000)
        body: Dict[str, Any] = {"schedule": self.to_json(), "count": count}
        if start is not None:
            body["from"] = _times.to_wire(_times.moment("start", start))
        answer = _client.default().post("/schedules/preview", body, creates=False)
        return [_times.parse(text) for text in answer["fire_times"]]

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={value!r}" for field, value in self.to_json().items())
        return f"Schedule({fields})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self._normal() == other._normal()

    def __hash__(self) -> int:
        return hash(repr(self._normal()))

    def _normal(self) -> Dict[str, Any]:
        given = self.to_json()
        normal = {**_meaning.without_times(given), **_meaning.times(given)}
        if normal.get("timezone") == "UTC":
            del normal["timezone"]
        if normal.get("rundate_offset") == 0:
            del normal["rundate_offset"]
        if normal.get("run_after_job_condition") == CONDITIONS[0]:
            del normal["run_after_job_condition"]
        for field, default in (*_policy.DEFAULTS.items(), ("misfire_max", _policy.MADE_UP_DEFAULT)):
            if normal.get(field) == default:
                del normal[field]
        return normal
