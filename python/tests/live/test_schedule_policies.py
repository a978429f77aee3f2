"""What a schedule takes beyond the document, saved on a real server and read back."""

import datetime

import pytest

from fasti.scheduler import DAG, Schedule, Task, ValidationError
from live.live_support import Server


@pytest.fixture
def trading(live: Server) -> Server:
    days = {"closed_weekdays": ["Sat", "Sun"], "closed": {"2027-01-01": "New Year's Day"}}
    live.call("PUT", "/calendars/trading", days)
    return live


def test_everything_is_kept_by_the_server(trading: Server) -> None:
    trading.image("img", {"code.py": "def go(): pass\n"})
    schedule = Schedule(
        cron="30 9 * * *",
        timezone="Europe/Paris",
        calendars=["trading"],
        misfire="within",
        misfire_within_seconds=600,
        misfire_max=3,
        overlap="queue_one",
        start_deadline_seconds=900,
        jitter_seconds=30,
    )
    with DAG(Name="policies", Schedule=schedule) as dag:
        Task(Name="go", Image="img", Entrypoint="code.go")
    batch = dag.save()
    saved = trading.call("GET", f"/batches/{batch}")["schedule"]
    given = schedule.to_json()
    assert {field: saved[field] for field in given} == given


def test_calendars_decide_about_the_next_runs(trading: Server) -> None:
    schedule = Schedule(cron="30 9 * * *", calendars=[{"name": "trading", "mode": "next_open_day"}])
    runs = schedule.next_runs(3, start="2026-12-31 12:00")
    # New Year's Day is a Friday; what falls on it and on the weekend comes on Monday.
    expected = [datetime.datetime(2027, 1, day, 9, 30) for day in (4, 5, 6)]
    assert [run.replace(tzinfo=None) for run in runs] == expected


def test_the_server_says_what_only_it_can_know(trading: Server) -> None:
    wrong = Schedule(at_hours=[9], calendars=["holidays"])
    with pytest.raises(ValidationError) as caught:
        wrong.next_runs()
    assert "calendars" in str(caught.value)
