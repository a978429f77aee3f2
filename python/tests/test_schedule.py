"""Constructor checks of Schedule, and what goes to the server."""

import datetime
from typing import Any, Dict

import pytest

from fake_server import FakeServer
from fasti.scheduler import Schedule, ValidationError


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"at_minutes": [], "first_last": {}, "weekdays": None}, {}),
        ({"at_minutes": [30, 0, 30]}, {"at_minutes": [0, 30]}),
        ({"at_hours": range(8, 10)}, {"at_hours": [8, 9]}),
        ({"every_minute": 15, "every_hour": 1}, {"every_minute": 15, "every_hour": 1}),
        ({"weekdays": ("wednesday", "MON")}, {"weekdays": ["Mon", "Wed"]}),
        ({"in_months": [6, "January", "dec"]}, {"in_months": [1, 6, 12]}),
        (
            {"first_last": {"Weekday": "friday", "Which": "Last"}},
            {"first_last": {"Weekday": "Fri", "Which": "Last"}},
        ),
        ({"timezone": "Europe/Paris"}, {"timezone": "Europe/Paris"}),
        ({"timezone": "CET", "rundate_offset": -1}, {"timezone": "CET", "rundate_offset": -1}),
        ({"run_after_job_name": "x"}, {"run_after_job_name": "x"}),
        (
            {
                "run_after_job_uuid": "0190A5B8-0000-7000-8000-000000000000",
                "run_after_job_condition": "always",
            },
            {
                "run_after_job_uuid": "0190a5b8-0000-7000-8000-000000000000",
                "run_after_job_condition": "always",
            },
        ),
        ({"in_months": [2], "day_of_month": 29}, {"in_months": [2], "day_of_month": 29}),
        ({"cron": "0 9 * * 1-5"}, {"cron": "0 9 * * 1-5"}),
        ({"cron": "30 0 9 LW JAN-MAR ?"}, {"cron": "30 0 9 LW JAN-MAR ?"}),
        ({"cron": "0 9 29 feb *"}, {"cron": "0 9 29 feb *"}),
        (
            {"at_hours": [9], "calendars": ["trading", {"name": "x", "mode": "next_open_day"}]},
            {
                "at_hours": [9],
                "calendars": [
                    {"name": "trading", "mode": "only_open_days"},
                    {"name": "x", "mode": "next_open_day"},
                ],
            },
        ),
        (
            {"cron": "@daily", "misfire": "within", "misfire_within_seconds": 60, "misfire_max": 2},
            {"cron": "@daily", "misfire": "within", "misfire_within_seconds": 60, "misfire_max": 2},
        ),
        (
            {
                "every_minute": 5,
                "overlap": "skip",
                "start_deadline_seconds": 9,
                "jitter_seconds": 0,
            },
            {
                "every_minute": 5,
                "overlap": "skip",
                "start_deadline_seconds": 9,
                "jitter_seconds": 0,
            },
        ),
    ],
)
def test_arguments_are_sent_by_name(given: Dict[str, Any], sent: Dict[str, Any]) -> None:
    assert Schedule(**given).to_json() == sent


@pytest.mark.parametrize(
    "given",
    [
        {"at_minutes": [60]},
        {"at_minutes": [-1]},
        {"at_minutes": [True]},
        {"at_minutes": [1.0]},
        {"at_minutes": "15"},
        {"at_minutes": 15},
        {"at_minutes": {1: 2}},
        {"every_minute": 0},
        {"every_minute": 60},
        {"every_minute": 90},
        {"every_minute": True},
        {"at_hours": [24]},
        {"every_hour": 24},
        {"day_of_month": 0},
        {"day_of_month": 32},
        {"weekdays": ["Mo"]},
        {"weekdays": "Mon"},
        {"weekdays": [1]},
        {"in_months": [0]},
        {"in_months": ["Janury"]},
        {"every_month": 13},
        {"first_last": {"Weekday": "Mon"}},
        {"first_last": {"Weekday": "Mon", "Which": "First", "More": 1}},
        {"first_last": {"Weekday": "Mon", "Which": "Sixth"}},
        {"first_last": {"Weekday": "Xyz", "Which": "First"}},
        {"first_last": ["Mon", "First"]},
        {"timezone": "Europe/Pari"},
        {"timezone": "UTC+3"},
        {"timezone": ""},
        {"timezone": 3},
        {"timezone": "../etc/passwd"},
        {"timezone": "posix/Europe/Paris"},
        {"cron": ""},
        {"cron": "60 9 * * *"},
        {"cron": "0 9 * *"},
        {"cron": "@fortnightly"},
        {"cron": "0 9 30 FEB *"},
        {"cron": "0 9 17W * */6"},
        {"cron": "0 9 */31 * MON#2"},
        {"cron": 5},
        {"cron": "0 9 * * *", "at_hours": [9]},
        {"cron": "0 9 * * *", "run_after_job_name": "x"},
        {"calendars": ["trading"]},
        {"at_hours": [9], "calendars": "trading"},
        {"at_hours": [9], "calendars": ["a", "b", "c", "d", "e"]},
        {"at_hours": [9], "calendars": [{"name": "a", "mode": "open"}]},
        {"at_hours": [9], "calendars": [{"mode": "next_open_day"}]},
        {"misfire": "never"},
        {"misfire_within_seconds": 0},
        {"misfire_max": 1001},
        {"overlap": "queue"},
        {"start_deadline_seconds": -1},
        {"jitter_seconds": 3601},
        {"rundate_offset": 1.5},
        {"run_after_job_name": "a", "run_after_job_uuid": "0190a5b8-0000-7000-8000-000000000000"},
        {"run_after_job_uuid": "not-a-uuid"},
        {"run_after_job_condition": "always"},
        {"run_after_job_name": "a", "run_after_job_condition": "sometimes"},
        {"run_after_job_name": "a", "at_hours": [1]},
        {"run_after_job_name": " "},
        {"in_months": [2], "day_of_month": 30},
        {"in_months": [4, 6], "day_of_month": 31},
    ],
)
def test_mistakes(given: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Schedule(**given)
    assert isinstance(caught.value, ValueError)
    assert caught.value.field is not None
    assert caught.value.field.partition("[")[0] in given


def test_a_day_that_never_comes_is_fine_beside_days_that_do() -> None:
    Schedule(in_months=[2], day_of_month=30, weekdays=["Mon"])


def test_unknown_argument() -> None:
    with pytest.raises(TypeError):
        Schedule(at_days=[1])  # type: ignore[call-arg]


def test_event_based_takes_zone_and_offset() -> None:
    assert not Schedule(run_after_job_name="x", timezone="UTC", rundate_offset=1).is_empty


def test_empty() -> None:
    assert Schedule().is_empty
    assert Schedule(timezone="UTC", rundate_offset=2).is_empty
    assert not Schedule(at_minutes=[0]).is_empty


def test_equality_is_by_meaning() -> None:
    assert Schedule(at_minutes=[1, 2], timezone="UTC") == Schedule(at_minutes=(2, 1, 1))
    assert hash(Schedule(rundate_offset=0)) == hash(Schedule())
    assert Schedule(at_minutes=[1]) != Schedule(at_minutes=[2])
    assert Schedule(overlap="allow", misfire="latest", jitter_seconds=0) == Schedule()
    made_up = Schedule(at_hours=[8], misfire="all", misfire_max=100)
    assert made_up == Schedule(at_hours=[8], misfire="all")
    assert made_up != Schedule(at_hours=[8], misfire="all", misfire_max=99)
    assert Schedule(at_hours=[1], overlap="skip") != Schedule(at_hours=[1])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"every_minute": 30}, {"at_minutes": [0, 30]}),
        ({"every_minute": 30, "at_minutes": [45]}, {"at_minutes": [0, 30, 45]}),
        ({"every_hour": 1}, {"at_hours": range(24)}),
        ({"at_hours": [8]}, {"at_hours": [8], "at_minutes": [0]}),
        ({"at_minutes": [5]}, {"at_minutes": [5], "every_hour": 1}),
        ({"weekdays": ["Mon"]}, {"weekdays": ["Mon"], "at_hours": [0]}),
        ({"in_months": [2]}, {"in_months": [2], "day_of_month": 1}),
        ({"every_month": 6}, {"in_months": [1, 7]}),
        (
            {"at_hours": [7], "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]},
            {"at_hours": [7]},
        ),
    ],
)
def test_what_fires_alike_is_equal(left: Dict[str, Any], right: Dict[str, Any]) -> None:
    assert Schedule(**left) == Schedule(**right)
    assert hash(Schedule(**left)) == hash(Schedule(**right))
    assert Schedule(**left) != Schedule(at_minutes=[59])
    assert Schedule(**left) != Schedule()
    assert Schedule() != 1
    left = Schedule(run_after_job_name="a", run_after_job_condition="on success")
    assert left == Schedule(run_after_job_name="a")


def test_repr_shows_what_was_given() -> None:
    assert repr(Schedule(at_hours=[8], weekdays=["Mon"])) == (
        "Schedule(at_hours=[8], weekdays=['Mon'])"
    )


def test_next_runs_asks_the_server(server: FakeServer) -> None:
    server.on("POST", "/schedules/preview", {"fire_times": ["2024-03-31T01:00:00.000Z"]})
    runs = Schedule(at_hours=[1]).next_runs(2, datetime.datetime(2024, 3, 31))
    assert runs == [datetime.datetime(2024, 3, 31, 1, tzinfo=datetime.timezone.utc)]
    (request,) = server.requests
    expected = {"schedule": {"at_hours": [1]}, "from": "2024-03-31T00:00:00.000Z", "count": 2}
    assert request.json == expected
    assert "idempotency-key" not in request.headers


@pytest.mark.parametrize("start", ["2024-03-31T00:00:00Z", "2024-03-31T02:00:00+02:00"])
def test_next_runs_takes_instants_as_they_are_written(server: FakeServer, start: str) -> None:
    server.on("POST", "/schedules/preview", {"fire_times": []})
    assert Schedule(at_hours=[1]).next_runs(2, start) == []
    (request,) = server.requests
    assert request.json["from"] == "2024-03-31T00:00:00.000Z"
    with pytest.raises(ValidationError, match="start"):
        Schedule(at_hours=[1]).next_runs(2, "2024-03-31T99")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"misfire": "all"}, "misfire"),
        ({"run_after_job_name": "a", "jitter_seconds": 5}, "jitter_seconds"),
        (
            {"triggers": [{"name": "w", "source": "webhook", "key": "k"}], "overlap": "skip"},
            "overlap",
        ),
        ({"at_hours": [1], "misfire_max": 5}, "misfire_max"),
        ({"at_hours": [1], "misfire": "skip", "misfire_max": 5}, "misfire_max"),
        (
            {"at_hours": [1], "misfire": "all", "misfire_within_seconds": 5},
            "misfire_within_seconds",
        ),
    ],
)
def test_policies_that_would_do_nothing_are_refused(given: Dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Schedule(**given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        {"overlap": "allow", "jitter_seconds": 0, "misfire": "latest"},
        {"at_hours": [1], "misfire_within_seconds": 5},
        {"cron": "0 1 * * *", "misfire": "within", "misfire_within_seconds": 5, "misfire_max": 2},
    ],
)
def test_policies_that_do_something_are_taken(given: Dict[str, Any]) -> None:
    assert Schedule(**given).to_json()["misfire" if "misfire" in given else "at_hours"]


PAID = {"name": "paid", "source": "nats", "subject": "orders.paid"}


@pytest.mark.parametrize(
    "trigger",
    [
        PAID,
        {"name": "s", "source": "stream", "stream": "ORDERS"},
        {"name": "s", "source": "stream", "stream": "ORDERS", "subject": "orders.>"},
        {"name": "w", "source": "webhook", "key": "shop", "debounce_seconds": 5},
        {**PAID, "filter": [{"path": "/n", "one_of": [1, "a", True]}, {"path": ""}]},
    ],
)
def test_triggers_are_sent_as_given(trigger: Dict[str, Any]) -> None:
    schedule = Schedule(triggers=[trigger])
    assert schedule.to_json() == {"triggers": [trigger]}
    assert not schedule.is_empty
    assert schedule == Schedule(triggers=(dict(trigger),)) != Schedule()


def test_a_subject_may_be_as_long_as_the_server_takes() -> None:
    trigger = {"name": "a", "source": "nats", "subject": "orders." + "x" * 248}
    assert Schedule(triggers=[trigger]).to_json()["triggers"] == [trigger]


@pytest.mark.parametrize(
    ("triggers", "field"),
    [
        ("paid", "triggers"),
        ([PAID] * 9, "triggers"),
        (["paid"], "triggers[0]"),
        ([PAID, PAID], "triggers[1].name"),
        ([{**PAID, "name": "a b"}], "triggers[0].name"),
        ([{**PAID, "name": None}], "triggers[0].name"),
        ([{**PAID, "source": "mail"}], "triggers[0].source"),
        ([{**PAID, "key": "shop"}], "triggers[0].key"),
        ([{**PAID, "subject": ""}], "triggers[0].subject"),
        ([{"name": "w", "source": "webhook"}], "triggers[0].key"),
        ([{"name": "s", "source": "stream"}], "triggers[0].stream"),
        ([{**PAID, "debounce_seconds": 0}], "triggers[0].debounce_seconds"),
        ([{**PAID, "filter": [{}]}], "triggers[0].filter"),
        ([{**PAID, "filter": [{"path": "n"}]}], "triggers[0].filter"),
        ([{**PAID, "filter": [{"path": "/n", "one_of": [1.5]}]}], "triggers[0].filter"),
    ],
)
def test_wrong_triggers_are_refused_by_their_field(triggers: Any, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Schedule(triggers=triggers)
    assert caught.value.field == field
