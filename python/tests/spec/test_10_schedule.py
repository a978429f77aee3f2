"""Section 10: what the constructor of ``Schedule`` takes, refuses and shows."""

import datetime
import inspect
import uuid
from typing import Any, Dict

import pytest

from dt.scheduler import Schedule, ValidationError
from fake_server import FakeServer

FIELDS = (
    "at_minutes", "every_minute", "at_hours", "every_hour", "weekdays", "day_of_month",
    "first_last", "in_months", "every_month", "timezone", "rundate_offset",
    "run_after_job_name", "run_after_job_uuid", "run_after_job_condition",
)  # fmt: skip
ID = str(uuid.UUID(int=7))


def test_the_parameters_in_their_order() -> None:
    parameters = inspect.signature(Schedule).parameters.values()
    # What goes beyond the document is given by name.
    ordered = [it.name for it in parameters if it.kind is not it.KEYWORD_ONLY]
    assert tuple(ordered) == FIELDS
    assert {p.default for p in parameters} == {None}


@pytest.mark.parametrize(
    "nothing",
    [{}, {"at_minutes": []}, {"weekdays": ()}, {"first_last": {}}, {"in_months": iter(())}],
)
def test_empty_means_not_given(nothing: Dict[str, Any]) -> None:
    schedule = Schedule(**nothing)
    assert schedule.is_empty
    assert schedule == Schedule()
    assert schedule.to_json() == {}
    assert repr(schedule) == "Schedule()"


@pytest.mark.parametrize(
    "fields",
    [
        {"at_minutes": [0, 59]}, {"every_minute": 1}, {"every_minute": 59}, {"at_hours": [0, 23]},
        {"every_hour": 23}, {"weekdays": ["Mon", "Sun"]}, {"day_of_month": 31},
        {"first_last": {"Weekday": "Fri", "Which": "Fifth"}}, {"in_months": [1, 12]},
        {"every_month": 12}, {"timezone": "Europe/Paris"}, {"timezone": "CET"},
        {"rundate_offset": -1}, {"run_after_job_name": "x"}, {"run_after_job_uuid": ID},
        {"run_after_job_name": "x", "run_after_job_condition": "always"},
        {"run_after_job_name": "x", "timezone": "Europe/Paris", "rundate_offset": 1},
    ],
)  # fmt: skip
def test_what_is_given_is_what_is_sent_and_shown(fields: Dict[str, Any]) -> None:
    schedule = Schedule(**fields)
    assert schedule.to_json() == fields
    assert eval(repr(schedule)) == schedule
    for name, value in fields.items():
        assert f"{name}={value!r}" in repr(schedule)


def test_order_and_repetition_do_not_matter_and_any_iterable_will_do() -> None:
    one = Schedule(at_minutes=[30, 0, 30], weekdays=["Wed", "Mon"], in_months=(6, 1))
    other = Schedule(at_minutes={0, 30}, weekdays=iter(["Mon", "Wed"]), in_months=range(1, 7, 5))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Schedule(at_minutes=[0])
    assert one != "Schedule"


def test_names_of_weekdays_and_months() -> None:
    assert Schedule(weekdays=["monday", "TUE", "Wednesday"]).weekdays == ["Mon", "Tue", "Wed"]
    assert Schedule(in_months=["January", "jun", 12]).in_months == [1, 6, 12]


def test_equality_is_by_what_results() -> None:
    assert Schedule(at_hours=[8], timezone="UTC") == Schedule(at_hours=[8])
    assert Schedule(at_hours=[8], rundate_offset=0) == Schedule(at_hours=[8])
    named = Schedule(run_after_job_name="x", run_after_job_condition="on success")
    assert named == Schedule(run_after_job_name="x")
    assert Schedule(every_month=1) != Schedule()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at_minutes", [60]), ("at_minutes", [-1]), ("at_minutes", [True]),
        ("at_minutes", [1.0]), ("at_minutes", 5), ("at_minutes", "5"), ("at_minutes", ["5"]),
        ("every_minute", 0), ("every_minute", 60), ("every_minute", 90), ("every_minute", True),
        ("every_minute", 5.0), ("every_minute", "5"), ("at_hours", [24]), ("at_hours", 8),
        ("every_hour", 24), ("every_hour", 0), ("weekdays", "Mon"), ("weekdays", ["Mo"]),
        ("weekdays", [1]), ("day_of_month", 0), ("day_of_month", 32), ("day_of_month", [1]),
        ("first_last", {"Weekday": "Fri"}), ("first_last", "Last"),
        ("first_last", {"Weekday": "Fri", "Which": "Sixth"}),
        ("first_last", {"Weekday": "Fr", "Which": "Last"}),
        ("first_last", {"Weekday": "Fri", "Which": "Last", "More": 1}), ("in_months", [0]),
        ("in_months", [13]), ("in_months", ["Juin"]), ("in_months", "June"),
        ("every_month", 13), ("every_month", 0), ("timezone", "Europe/Nowhere"),
        ("timezone", "UTC+3"), ("timezone", 1), ("timezone", ""), ("rundate_offset", 1.5),
        ("rundate_offset", True), ("run_after_job_name", ""), ("run_after_job_name", 1),
        ("run_after_job_uuid", "not-a-uuid"), ("run_after_job_uuid", 7),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Schedule(**{field: value})
    assert isinstance(caught.value, ValueError)
    assert caught.value.field is not None
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize(
    "fields",
    [
        {"run_after_job_name": "x", "run_after_job_uuid": ID},
        {"run_after_job_condition": "always"},
        {"run_after_job_name": "x", "run_after_job_condition": "maybe"},
        {"in_months": [2], "day_of_month": 30},
        {"in_months": [4, 6], "day_of_month": 31},
    ],
)
def test_wrong_combinations_are_refused(fields: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule(**fields)


@pytest.mark.parametrize(
    "time",
    [
        {"at_minutes": [0]}, {"every_minute": 5}, {"at_hours": [0]}, {"every_hour": 2},
        {"weekdays": ["Mon"]}, {"day_of_month": 1}, {"in_months": [1]}, {"every_month": 2},
        {"first_last": {"Weekday": "Fri", "Which": "Last"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("event", [{"run_after_job_name": "x"}, {"run_after_job_uuid": ID}])
def test_by_time_or_by_event_but_not_both(time: Dict[str, Any], event: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule(**time, **event)


def test_days_that_some_month_has_are_fine() -> None:
    Schedule(in_months=[2], day_of_month=29)
    Schedule(in_months=[2], day_of_month=30, weekdays=["Mon"])
    Schedule(in_months=[2, 3], day_of_month=31)


def test_a_zone_and_an_offset_alone_leave_it_empty() -> None:
    schedule = Schedule(timezone="Europe/Paris", rundate_offset=2)
    assert schedule.is_empty
    assert schedule.to_json() == {"timezone": "Europe/Paris", "rundate_offset": 2}


def test_next_runs_are_asked_of_the_server(server: FakeServer) -> None:
    times = ["2024-03-31T01:00:00.000Z", "2024-04-01T00:30:00.000Z"]
    answer = {"fire_times": times, "rundates": [at[:10] for at in times]}
    server.on("POST", "/schedules/preview", answer)
    found = Schedule(at_hours=[8]).next_runs(2, start="2024-03-31")
    utc = datetime.timezone.utc
    assert found == [
        datetime.datetime(2024, 3, 31, 1, tzinfo=utc),
        datetime.datetime(2024, 4, 1, 0, 30, tzinfo=utc),
    ]
    body = server.requests[0].json
    assert body == {"schedule": {"at_hours": [8]}, "count": 2, "from": "2024-03-31T00:00:00.000Z"}


@pytest.mark.parametrize("count", [0, 1001, 2.0, True])
def test_next_runs_are_counted(count: Any, no_server: None) -> None:
    with pytest.raises(ValidationError):
        Schedule(at_hours=[8]).next_runs(count)
