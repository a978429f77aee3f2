"""What the constructor of a schedule refuses the server refuses too, by the same field."""

import json
import random
import urllib.error
from typing import Any, Dict, List, Optional

import pytest

from fasti.scheduler import Schedule, ValidationError
from live.live_support import Server

UUID = "0190a1b2-0000-7000-8000-000000000000"

#: Arguments that are wrong in one field.
WRONG: List[Dict[str, Any]] = [
    {"at_minutes": [60]},
    {"at_minutes": [-1]},
    {"at_minutes": ["x"]},
    {"at_minutes": 5},
    {"every_minute": 0},
    {"every_minute": 60},
    {"every_minute": 1.5},
    {"at_hours": [24]},
    {"every_hour": 24},
    {"every_hour": 0},
    {"weekdays": ["Moonday"]},
    {"weekdays": [1]},
    {"day_of_month": 0},
    {"day_of_month": 32},
    {"day_of_month": 30, "in_months": [2]},
    {"day_of_month": 31, "in_months": [4, 6]},
    {"first_last": {"weekday": "Mon", "which": "Sixth"}},
    {"first_last": {"weekday": "Nonday", "which": "First"}},
    {"first_last": {"weekday": "Mon"}},
    {"in_months": [13]},
    {"in_months": [0]},
    {"every_month": 13},
    {"every_month": 0},
    {"timezone": "Mars/Olympus"},
    {"timezone": ""},
    {"timezone": 5},
    {"rundate_offset": 36_526},
    {"rundate_offset": "x"},
    {"run_after_job_name": ""},
    {"run_after_job_name": "a", "run_after_job_uuid": UUID},
    {"run_after_job_uuid": "no"},
    {"run_after_job_condition": "Success"},
    {"run_after_job_name": "a", "run_after_job_condition": "Maybe"},
    {"run_after_job_name": "a", "at_hours": [9]},
    {"run_after_job_name": "a", "cron": "@daily"},
    {"cron": "61 9 * * *"},
    {"cron": "* * * *"},
    {"cron": "@never"},
    {"cron": "0 0 30 2 *"},
    {"cron": "0 9 * * *", "at_hours": [9]},
    {"calendars": ["trading"]},
    {"at_hours": [9], "calendars": [{"name": "trading", "mode": "sometimes"}]},
    {"at_hours": [9], "calendars": ["trading"] * 5},
    {"at_hours": [9], "misfire": "never"},
    {"at_hours": [9], "misfire": "within", "misfire_within_seconds": 0},
    {"at_hours": [9], "misfire_max": 1_001},
    {"at_hours": [9], "overlap": "sometimes"},
    {"at_hours": [9], "start_deadline_seconds": 0},
    {"at_hours": [9], "jitter_seconds": 3_601},
    {"at_hours": [9], "jitter_seconds": -1},
    {"at_hours": [9], "misfire_max": 5},
    {"at_hours": [9], "misfire": "skip", "misfire_within_seconds": 5},
    {"at_hours": [9], "misfire": "all", "misfire_within_seconds": 5},
    {"misfire": "all"},
    {"run_after_job_name": "a", "overlap": "skip"},
    {"run_after_job_name": "a", "start_deadline_seconds": 5},
    {"jitter_seconds": 5},
    {"triggers": [{"name": "a b", "source": "webhook", "key": "k"}]},
    {"triggers": [{"name": "a", "source": "pigeon"}]},
    {"triggers": [{"name": "a", "source": "nats"}]},
    {"triggers": [{"name": "a", "source": "nats", "subject": "x.>", "debounce_seconds": 0}]},
    *(
        {"triggers": [{"name": "a", "source": "nats", "subject": subject}]}
        for subject in (
            *(">", "*.a", "a..b", "a b", "a*", "a.>.b", "fasti.x", "$JS.x", "_x.a", "", "a."),
            *("a\x7fb", "a\xa0b", "x" * 256, "\xe4" * 128),
        )
    ),
    *(
        {"triggers": [{"name": "a", "source": "stream", "stream": stream}]}
        for stream in ("a.b", "a b", "FASTI_EVENTS_x", "", "a/b", "x" * 256)
    ),
    *(
        {"triggers": [{"name": "a", "source": "webhook", "key": "k", "filter": [condition]}]}
        for condition in ({"path": "/~2"}, {"path": "a"}, {"path": "/a", "one_of": [2**70]})
    ),
]


def by_constructor(fields: Dict[str, Any]) -> Optional[str]:
    given = dict(fields)
    if "first_last" in given:
        given["first_last"] = {key.capitalize(): it for key, it in given["first_last"].items()}
    try:
        Schedule(**given)
    except ValidationError as refused:
        field = refused.field
    else:
        return None
    assert field
    return field


def by_server(live: Server, fields: Dict[str, Any]) -> Optional[str]:
    given = dict(fields)
    given["calendars"] = [
        {"name": it, "mode": "only_open_days"} if isinstance(it, str) else it
        for it in given.get("calendars", [])
    ]
    definition = {
        "name": "judged",
        "tasks": [{"name": "t", "command": ["true"]}],
        "schedule": given,
    }
    try:
        live.call("POST", "/batches/validate", definition)
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, body = refusal.code, json.load(refusal)
    else:
        return None
    assert status == 422, (fields, body)
    return str(body["field"])


def head(field: Optional[str]) -> Optional[str]:
    """Return the argument that a field is in."""
    if field is None:
        return None
    return field.replace("schedule.", "", 1).split(".")[0].split("[")[0]


@pytest.fixture(scope="module")
def trading(live: Server) -> Server:
    live.call("PUT", "/calendars/trading", {"closed_weekdays": ["Sat", "Sun"]})
    return live


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_both_refuse_and_name_the_field(trading: Server, fields: Dict[str, Any]) -> None:
    constructor, server = by_constructor(fields), by_server(trading, fields)
    assert constructor is not None
    assert server is not None
    assert head(server) == head(constructor)


def cron(dice: random.Random) -> str:
    def item(low: int, high: int, names: List[str], letters: List[str]) -> str:
        value = str(dice.randint(low - (dice.random() < 0.03), high + (dice.random() < 0.03)))
        other = str(dice.randint(low, high))
        shapes = ["*", value, value, f"{value}-{other}", f"*/{dice.randint(0, high)}"]
        shapes += [f"{value}/{dice.randint(1, high + 1)}", f"{value}-{other}/2", *names]
        return dice.choice([*shapes, *(letter.format(value) for letter in letters)])

    def field(low: int, high: int, names: List[str], letters: List[str]) -> str:
        items = [item(low, high, names, letters) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
        return ",".join(items)

    days = ["?", "L", "LW", "L-{}", "{}W", "L-31"]
    weekdays = ["?", "{}L", "{}#2", "{}#5", "{}#6", "MONL", "L"]
    fields = [
        field(0, 59, [], []),
        field(0, 23, [], []),
        field(1, 31, [], days),
        field(1, 12, ["feb", "November", "Movember"], []),
        field(0, 7, ["Mon", "sunday", "fri-sun", "Sat-Tue"], weekdays),
    ]
    if dice.random() < 0.2:
        fields.insert(0, field(0, 59, [], []))
    return " ".join(fields[: dice.choice([6, 6, 6, 6, 6, 6, 6, 4])])


def test_cron_texts_are_judged_alike(live: Server) -> None:
    dice = random.Random(20261130)
    judged = {True: 0, False: 0}
    for _ in range(1_500):
        text = cron(dice)
        constructor = by_constructor({"cron": text})
        server = by_server(live, {"cron": text})
        assert (constructor is None) == (server is None), (text, constructor, server)
        judged[server is None] += 1
    assert min(judged.values()) > 100, judged
