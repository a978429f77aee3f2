//! What the fields of a schedule mean: every row and example of the contract.

use fasti_domain::calendar::{ClockNote, Rule};
use fasti_domain::schedule::{FirstLast, Schedule};

use super::{at, cron, rule, shown, slots};

fn schedule() -> Schedule {
    Schedule::default()
}

fn in_paris(schedule: Schedule) -> Rule {
    in_zone("Europe/Paris", schedule)
}

fn in_zone(zone: &str, schedule: Schedule) -> Rule {
    rule(&Schedule {
        timezone: Some(zone.to_owned()),
        ..schedule
    })
}

fn weekdays(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn first_last(weekday: &str, which: &str) -> Option<FirstLast> {
    Some(FirstLast {
        weekday: weekday.to_owned(),
        which: which.to_owned(),
    })
}

/// The slots from Wednesday, 10 January 2024, 08:05 on, and the sentence.
fn expect(schedule: &Schedule, expected: &[&str], sentence: &str) {
    let rule = rule(schedule);
    let found = slots(&rule, "2024-01-10T08:05:00Z", expected.len());
    assert_eq!(found, expected, "{schedule:?}");
    assert_eq!(rule.describe(), sentence);
}

#[test]
fn the_finest_level_given_decides() {
    expect(
        &Schedule {
            at_hours: vec![16, 8],
            ..schedule()
        },
        &["2024-01-10T16:00Z", "2024-01-11T08:00Z"],
        "At 08:00 and 16:00 on every day, UTC",
    );
    expect(
        &Schedule {
            at_minutes: vec![0, 30],
            ..schedule()
        },
        &["2024-01-10T08:30Z", "2024-01-10T09:00Z"],
        "Every 30 minutes on every day, UTC",
    );
    expect(
        &Schedule {
            every_minute: Some(15),
            at_hours: vec![9],
            ..schedule()
        },
        &[
            "2024-01-10T09:00Z",
            "2024-01-10T09:15Z",
            "2024-01-10T09:30Z",
            "2024-01-10T09:45Z",
            "2024-01-11T09:00Z",
        ],
        "At 09:00, 09:15, 09:30 and 09:45 on every day, UTC",
    );
}

#[test]
fn finer_levels_take_their_minimum() {
    expect(
        &Schedule {
            every_hour: Some(2),
            ..schedule()
        },
        &["2024-01-10T10:00Z", "2024-01-10T12:00Z"],
        "Every 2 hours from 00:00 on every day, UTC",
    );
    expect(
        &Schedule {
            weekdays: weekdays(&["Mon"]),
            ..schedule()
        },
        &["2024-01-15T00:00Z", "2024-01-22T00:00Z"],
        "At 00:00 on Mondays, UTC",
    );
    expect(
        &Schedule {
            weekdays: weekdays(&["monday"]),
            every_minute: Some(15),
            ..schedule()
        },
        &["2024-01-15T00:00Z", "2024-01-15T00:15Z"],
        "Every 15 minutes on Mondays, UTC",
    );
    expect(
        &Schedule {
            in_months: vec![1, 6],
            ..schedule()
        },
        &["2024-06-01T00:00Z", "2025-01-01T00:00Z"],
        "At 00:00 on day 1 of the month in January and June, UTC",
    );
    expect(
        &Schedule {
            in_months: vec![6],
            at_hours: vec![6],
            ..schedule()
        },
        &["2024-06-01T06:00Z", "2024-06-02T06:00Z"],
        "At 06:00 on every day in June, UTC",
    );
    assert_eq!(Rule::compile(&schedule()), Ok(None));
}

#[test]
fn fields_of_one_level_add_up() {
    expect(
        &Schedule {
            at_minutes: vec![7],
            every_minute: Some(30),
            ..schedule()
        },
        &[
            "2024-01-10T08:07Z",
            "2024-01-10T08:30Z",
            "2024-01-10T09:00Z",
        ],
        "At minutes 0, 7 and 30 of every hour on every day, UTC",
    );
    expect(
        &Schedule {
            weekdays: weekdays(&["Mon", "WEDNESDAY", "mon"]),
            first_last: first_last("Fri", "Last"),
            ..schedule()
        },
        &[
            "2024-01-15T00:00Z",
            "2024-01-17T00:00Z",
            "2024-01-22T00:00Z",
            "2024-01-24T00:00Z",
            "2024-01-26T00:00Z",
        ],
        "At 00:00 on Mondays, Wednesdays and the last Friday of the month, UTC",
    );
    expect(
        &Schedule {
            day_of_month: Some(31),
            ..schedule()
        },
        &[
            "2024-01-31T00:00Z",
            "2024-03-31T00:00Z",
            "2024-05-31T00:00Z",
        ],
        "At 00:00 on day 31 of the month, UTC",
    );
    expect(
        &Schedule {
            first_last: first_last("Thu", "Fifth"),
            ..schedule()
        },
        &["2024-02-29T00:00Z", "2024-05-30T00:00Z"],
        "At 00:00 on the fifth Thursday of the month, UTC",
    );
}

#[test]
fn steps_count_from_the_start_of_the_unit() {
    expect(
        &Schedule {
            every_minute: Some(45),
            ..schedule()
        },
        &[
            "2024-01-10T08:45Z",
            "2024-01-10T09:00Z",
            "2024-01-10T09:45Z",
        ],
        "At minutes 0 and 45 of every hour on every day, UTC",
    );
    expect(
        &Schedule {
            every_month: Some(5),
            ..schedule()
        },
        &[
            "2024-06-01T00:00Z",
            "2024-11-01T00:00Z",
            "2025-01-01T00:00Z",
        ],
        "At 00:00 on day 1 of the month in January, June and November, UTC",
    );
}

#[test]
fn a_fixed_time_fires_once_in_both_nights() {
    let rule = in_paris(Schedule {
        at_hours: vec![2],
        at_minutes: vec![30],
        ..schedule()
    });
    assert_eq!(
        slots(&rule, "2024-03-30T00:00:00Z", 3),
        [
            "2024-03-30T01:30Z",
            "2024-03-31T01:00Z",
            "2024-04-01T00:30Z"
        ]
    );
    assert_eq!(
        slots(&rule, "2024-10-26T00:00:00Z", 3),
        [
            "2024-10-26T00:30Z",
            "2024-10-27T00:30Z",
            "2024-10-28T01:30Z"
        ]
    );
    let note = |slot| rule.clock_note(at(slot));
    assert_eq!(note("2024-03-31T01:00:00Z"), Some(ClockNote::MovedOutOfGap));
    assert_eq!(note("2024-10-27T00:30:00Z"), Some(ClockNote::FirstOfTwo));
    assert_eq!(note("2024-10-28T01:30:00Z"), None);
    assert_eq!(note("2024-10-27T01:30:00Z"), None);
    assert_eq!(rule.describe(), "At 02:30 on every day, Europe/Paris");
}

#[test]
fn a_free_running_schedule_keeps_its_rhythm() {
    let rule = in_paris(Schedule {
        every_minute: Some(30),
        ..schedule()
    });
    assert_eq!(
        slots(&rule, "2024-03-31T00:30:00Z", 4),
        [
            "2024-03-31T00:30Z",
            "2024-03-31T01:00Z",
            "2024-03-31T01:30Z",
            "2024-03-31T02:00Z"
        ]
    );
    assert_eq!(
        slots(&rule, "2024-10-27T00:00:00Z", 5),
        [
            "2024-10-27T00:00Z",
            "2024-10-27T00:30Z",
            "2024-10-27T01:00Z",
            "2024-10-27T01:30Z",
            "2024-10-27T02:00Z"
        ]
    );
    let note = |slot| rule.clock_note(at(slot));
    assert_eq!(note("2024-10-27T00:30:00Z"), Some(ClockNote::FirstOfTwo));
    assert_eq!(note("2024-10-27T01:30:00Z"), Some(ClockNote::SecondOfTwo));
    let all_hours = Schedule {
        every_hour: Some(1),
        ..schedule()
    };
    assert!(in_paris(all_hours).is_free_running());
}

#[test]
fn every_second_hour_in_both_nights() {
    let rule = in_paris(Schedule {
        every_hour: Some(2),
        ..schedule()
    });
    // 00:00, then 03:00 in place of 02:00, then 04:00.
    assert_eq!(
        slots(&rule, "2024-03-30T23:00:00Z", 3),
        [
            "2024-03-30T23:00Z",
            "2024-03-31T01:00Z",
            "2024-03-31T02:00Z"
        ]
    );
    assert_eq!(
        slots(&rule, "2024-10-26T22:00:00Z", 3),
        [
            "2024-10-26T22:00Z",
            "2024-10-27T00:00Z",
            "2024-10-27T03:00Z"
        ]
    );
}

#[test]
fn many_times_in_one_gap_are_one_slot() {
    let rule = in_paris(Schedule {
        at_hours: vec![2, 3],
        every_minute: Some(10),
        ..schedule()
    });
    assert_eq!(
        slots(&rule, "2024-03-31T00:00:00Z", 2),
        ["2024-03-31T01:00Z", "2024-03-31T01:10Z"]
    );
    let day = rule.count_between(at("2024-03-30T23:00:00Z"), at("2024-03-31T21:59:59Z"));
    assert_eq!(day, 6);
    // The slot of 03:00 itself is no moved one.
    assert_eq!(rule.clock_note(at("2024-03-31T01:00:00Z")), None);
}

#[test]
fn days_are_those_of_the_nominal_time() {
    // In Havana the clock goes from Sunday 00:00 to 01:00.
    let rule = in_zone(
        "America/Havana",
        Schedule {
            weekdays: weekdays(&["Sun"]),
            at_hours: vec![0],
            at_minutes: vec![30],
            ..schedule()
        },
    );
    assert_eq!(
        slots(&rule, "2024-03-05T00:00:00Z", 2),
        ["2024-03-10T05:00Z", "2024-03-17T04:30Z"]
    );
}

#[test]
fn a_day_that_never_was_has_no_slots() {
    let daily = in_zone(
        "Pacific/Apia",
        Schedule {
            at_hours: vec![12],
            ..schedule()
        },
    );
    // 29 and 31 December; the zone went from 10 hours behind to 14 ahead.
    assert_eq!(
        slots(&daily, "2011-12-29T12:00:00Z", 2),
        ["2011-12-29T22:00Z", "2011-12-30T22:00Z"]
    );
    let that_day = in_zone(
        "Pacific/Apia",
        Schedule {
            day_of_month: Some(30),
            in_months: vec![12],
            ..schedule()
        },
    );
    let slot = that_day.next_after(at("2011-01-01T00:00:00Z")).unwrap();
    assert_eq!(shown(slot), "2012-12-29T10:00Z");
    let before = that_day.prev_before(at("2012-01-01T00:00:00Z")).unwrap();
    assert_eq!(shown(before), "2010-12-30T10:00Z");
    assert_eq!(
        that_day.count_between(at("2010-12-31T00:00:00Z"), at("2012-12-29T10:00:00Z")),
        1
    );
}

#[test]
fn looks_that_begin_in_the_repeated_hour() {
    let fixed = in_paris(Schedule {
        at_hours: vec![2],
        at_minutes: vec![30],
        ..schedule()
    });
    let within = at("2024-10-27T01:10:00Z");
    assert_eq!(fixed.next_after(within), Some(at("2024-10-28T01:30:00Z")));
    assert_eq!(fixed.prev_before(within), Some(at("2024-10-27T00:30:00Z")));
    assert_eq!(fixed.count_between(within, at("2024-10-28T01:30:00Z")), 1);
    assert_eq!(fixed.count_between(at("2024-10-27T00:30:00Z"), within), 0);
    // One day a year, at whose end the last hour is repeated.
    let end = rule(&cron("30 * 6 4 *", "America/Santiago"));
    assert_eq!(
        end.next_after(at("2024-04-07T02:45:00Z")),
        Some(at("2024-04-07T03:30:00Z"))
    );
    // One day a year, at whose begin the first hour is repeated.
    let begin = rule(&cron("30 * 3 11 *", "America/Havana"));
    assert_eq!(
        begin.prev_before(at("2024-11-03T05:10:00Z")),
        Some(at("2024-11-03T04:30:00Z"))
    );
}
