//! Schedules from outside: tables of what the rules promise (`tables`, `cron`, `named`), and slots compared with a
//! second, naive reckoning (`naive`) that looks at every minute of ten years with the time zones of the system
//! (`scan`), in every zone of a list (`zones`). `laws` holds what is true of any rule, `refusals` what is no schedule.

mod cron;
mod laws;
mod naive;
mod named;
mod refusals;
mod scan;
mod tables;
mod zones;

use chrono::{DateTime, Utc};
use fasti_domain::calendar::{Rule, upcoming};
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;

/// An instant written as `2024-03-31T01:00:00Z`.
fn at(text: &str) -> Timestamp {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .with_timezone(&Utc)
        .into()
}

fn rule(schedule: &Schedule) -> Rule {
    let compiled = Rule::compile(schedule);
    compiled
        .unwrap_or_else(|error| panic!("{}: {error}", error.field))
        .unwrap_or_else(|| panic!("no times: {schedule:?}"))
}

fn cron(text: &str, zone: &str) -> Schedule {
    Schedule {
        cron: Some(text.to_owned()),
        timezone: Some(zone.to_owned()),
        ..Schedule::default()
    }
}

/// The first slots from an instant on, as `2024-03-31T01:00Z`, with seconds where there are some.
fn slots(rule: &Rule, from: &str, most: usize) -> Vec<String> {
    upcoming(rule, at(from), most).map(shown).collect()
}

fn shown(slot: Timestamp) -> String {
    let text = slot.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    text.replace(":00Z", "Z")
}
