//! What a look at a schedule costs: `cargo bench -p fasti-domain`. Prints microseconds for each call, for easy rules
//! and for sparse ones; nothing is asserted.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a program that measures itself"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fasti_domain::calendar::{CalendarMode, CalendarUse, NamedCalendar, Rule};
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;

const ROUNDS: u32 = 2000;
const DAY_US: i64 = 86_400_000_000;

/// 1 January 2014.
const BEGIN: Timestamp = Timestamp(1_388_534_400_000_000);

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule {
        cron: Some(cron.to_owned()),
        timezone: Some(zone.to_owned()),
        ..Schedule::default()
    }
}

/// Microseconds of one call, over instants spread through ten years.
fn measure(mut call: impl FnMut(Timestamp)) -> f64 {
    let mut took = Duration::ZERO;
    for round in 0..ROUNDS {
        let instant = BEGIN.plus_us(i64::from(round) * (3652 * DAY_US / i64::from(ROUNDS)));
        let begin = Instant::now();
        call(black_box(instant));
        took += begin.elapsed();
    }
    took.as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

fn report(name: &str, schedule: &Schedule, calendar: Option<&CalendarUse>) {
    let compiled = || {
        let rule = Rule::compile(black_box(schedule)).unwrap().unwrap();
        match calendar {
            Some(calendar) => rule.with_calendar(calendar.clone()).unwrap(),
            None => rule,
        }
    };
    let compile = measure(|_| {
        black_box(compiled());
    });
    let rule = compiled();
    let next = measure(|instant| {
        black_box(rule.next_after(instant));
    });
    let last = measure(|instant| {
        black_box(rule.prev_before(instant));
    });
    let ten_years = measure(|instant| {
        black_box(rule.count_between(instant, instant.plus_us(3652 * DAY_US)));
    });
    println!("{name:<40} {compile:>9.3} {next:>9.3} {last:>9.3} {ten_years:>12.3}");
}

fn main() {
    println!(
        "{:<40} {:>9} {:>9} {:>9} {:>12}",
        "µs each", "compile", "next", "last", "count 10 y"
    );
    let paris = "Europe/Paris";
    report("every second", &schedule("* * * * * *", paris), None);
    report("every minute", &schedule("* * * * *", paris), None);
    report("daily, UTC", &schedule("30 2 * * *", "UTC"), None);
    report(
        "daily, in the hour that changes",
        &schedule("30 2 * * *", paris),
        None,
    );
    report(
        "last Friday of the month",
        &schedule("0 9 * * FRIL", paris),
        None,
    );
    report("29 February", &schedule("0 0 29 2 *", paris), None);
    report(
        "1 or 29 February if a Monday",
        &schedule("0 0 */28 2 Mon", paris),
        None,
    );
    report(
        "29 February, every 30 minutes at night",
        &schedule("*/30 0-5 29 2 *", paris),
        None,
    );
    with_calendars(paris);
}

fn with_calendars(paris: &str) {
    let working = NamedCalendar {
        closed_weekdays: vec!["Sat".to_owned(), "Sun".to_owned()],
        ..NamedCalendar::default()
    };
    let calendar = Arc::new(working.compile("working").unwrap());
    for (name, mode) in [
        ("daily on open days", CalendarMode::OnlyOpenDays),
        ("daily moved to open days", CalendarMode::NextOpenDay),
    ] {
        let used = CalendarUse {
            calendar: Arc::clone(&calendar),
            mode,
        };
        report(name, &schedule("30 2 * * *", paris), Some(&used));
    }
    let holidays = NamedCalendar {
        closed: (0..133_u64)
            .map(|number| {
                let first: chrono::NaiveDate = "2014-01-01".parse().unwrap();
                (first + chrono::Days::new(number * 27), String::new())
            })
            .collect(),
        ..NamedCalendar::default()
    };
    let used = CalendarUse {
        calendar: Arc::new(holidays.compile("holidays").unwrap()),
        mode: CalendarMode::OnlyClosedDays,
    };
    report(
        "on 133 holidays only",
        &schedule("30 2 * * *", paris),
        Some(&used),
    );
    let listed = NamedCalendar {
        closed_weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            .map(str::to_owned)
            .into(),
        open: [("2199-12-31".parse().unwrap(), String::new())].into(),
        ..NamedCalendar::default()
    };
    let used = CalendarUse {
        calendar: Arc::new(listed.compile("listed").unwrap()),
        mode: CalendarMode::NextOpenDay,
    };
    report(
        "daily, moved to one listed day of 2199",
        &schedule("0 0 * * *", paris),
        Some(&used),
    );
    let monday = NamedCalendar {
        closed_weekdays: ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            .map(str::to_owned)
            .into(),
        ..NamedCalendar::default()
    };
    let used = CalendarUse {
        calendar: Arc::new(monday.compile("mondays").unwrap()),
        mode: CalendarMode::OnlyOpenDays,
    };
    report(
        "29 February on a Monday",
        &schedule("0 0 29 2 *", paris),
        Some(&used),
    );
}
