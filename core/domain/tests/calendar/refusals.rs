//! What is no schedule: each refusal names its field.

use fasti_domain::calendar::Rule;
use fasti_domain::schedule::{FirstLast, RunAfter, Schedule};

use super::cron;

fn field(schedule: &Schedule) -> &'static str {
    let refusal = Rule::compile(schedule).expect_err("this is no schedule");
    assert!(!refusal.message.is_empty());
    refusal.field
}

fn schedule() -> Schedule {
    Schedule::default()
}

fn first_last(weekday: &str, which: &str) -> Schedule {
    Schedule {
        first_last: Some(FirstLast {
            weekday: weekday.to_owned(),
            which: which.to_owned(),
        }),
        ..schedule()
    }
}

fn run_after(job_name: Option<&str>) -> Option<RunAfter> {
    Some(RunAfter {
        job_name: job_name.map(str::to_owned),
        job_uuid: None,
        condition: Default::default(),
    })
}

/// A change to an empty schedule, and the field that is then refused.
type Wrong = (fn(&mut Schedule), &'static str);

#[test]
fn values_out_of_range() {
    let table: [Wrong; 16] = [
        (|it| it.at_minutes = vec![1, 60], "at_minutes"),
        (|it| it.every_minute = Some(0), "every_minute"),
        (|it| it.every_minute = Some(60), "every_minute"),
        (|it| it.every_minute = Some(90), "every_minute"),
        (|it| it.at_hours = vec![1, 24], "at_hours"),
        (|it| it.at_hours = vec![1; 1001], "at_hours"),
        (|it| it.every_hour = Some(24), "every_hour"),
        (|it| it.every_hour = Some(0), "every_hour"),
        (|it| it.day_of_month = Some(0), "day_of_month"),
        (|it| it.day_of_month = Some(32), "day_of_month"),
        (|it| it.in_months = vec![1, 0], "in_months"),
        (|it| it.in_months = vec![1, 13], "in_months"),
        (|it| it.every_month = Some(0), "every_month"),
        (|it| it.every_month = Some(13), "every_month"),
        (|it| it.weekdays = vec!["Mond".to_owned()], "weekdays"),
        (|it| it.rundate_offset = Some(1_000_001), "rundate_offset"),
    ];
    for (change, name) in table {
        let mut schedule = schedule();
        change(&mut schedule);
        assert_eq!(field(&schedule), name, "{schedule:?}");
    }
    assert_eq!(field(&first_last("Someday", "First")), "first_last.Weekday");
    assert_eq!(field(&first_last("Mon", "Sixth")), "first_last.Which");
    let widest = Schedule {
        every_month: Some(12),
        every_hour: Some(23),
        every_minute: Some(59),
        ..schedule()
    };
    assert!(Rule::compile(&widest).is_ok());
}

#[test]
fn zones_are_names() {
    for name in [
        "UTC+3",
        "+03:00",
        "Mars/Olympus",
        "",
        "europe paris",
        "GMT+25",
    ] {
        let schedule = Schedule {
            timezone: Some(name.to_owned()),
            ..schedule()
        };
        assert_eq!(field(&schedule), "timezone", "{name}");
    }
    let alias = Schedule {
        timezone: Some("CET".to_owned()),
        ..schedule()
    };
    assert_eq!(Rule::compile(&alias), Ok(None));
}

#[test]
fn schedules_that_would_never_fire() {
    let none = Schedule {
        in_months: vec![2],
        day_of_month: Some(30),
        ..schedule()
    };
    assert_eq!(field(&none), "day_of_month");
    let some = Schedule {
        weekdays: vec!["Mon".to_owned()],
        ..none
    };
    assert!(Rule::compile(&some).is_ok());
    assert!(
        Rule::compile(&Schedule {
            in_months: vec![2],
            ..first_last("Mon", "Fifth")
        })
        .is_ok()
    );
    for text in [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 30W feb ?",
        "0 0 L-30 2 *",
    ] {
        assert_eq!(field(&cron(text, "UTC")), "cron", "{text}");
    }
}

#[test]
fn one_way_to_start() {
    let both = Schedule {
        cron: Some("@daily".to_owned()),
        at_hours: vec![8],
        ..schedule()
    };
    assert_eq!(field(&both), "cron");
    let timed = Schedule {
        at_hours: vec![8],
        run_after: run_after(Some("load")),
        ..schedule()
    };
    assert_eq!(field(&timed), "at_hours");
    let nobody = Schedule {
        run_after: run_after(None),
        ..schedule()
    };
    assert_eq!(field(&nobody), "run_after_job_name");
    let after = Schedule {
        run_after: run_after(Some("load")),
        timezone: Some("Europe/Paris".to_owned()),
        rundate_offset: Some(-1),
        ..schedule()
    };
    assert_eq!(Rule::compile(&after), Ok(None));
}

#[test]
fn texts_that_are_no_cron() {
    let table = [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/60 * * * *",
        "*/+5 * * * *",
        "30-10 * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "1- * * * *",
        "? * * * *",
        "* * * foo *",
        "* * * * L",
        "* * * * 1#6",
        "* * * * 1#",
        "* * L-31 * *",
        "* * W * *",
        "* * 32W * *",
        "* * 1-5W * *",
        "@reboot",
        "@every 5m",
        "H * * * *",
        "99999999999 * * * *",
        "\u{661} * * * *",
    ];
    for text in table {
        assert_eq!(field(&cron(text, "UTC")), "cron", "{text}");
    }
    let long = format!("{} * * * *", vec!["1"; 1000].join(","));
    assert_eq!(field(&cron(&long, "UTC")), "cron");
}
