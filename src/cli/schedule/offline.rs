//! A look at a cron expression without a server, in the shape that servers answer previews in.

use chrono::SecondsFormat;
use fasti_core::domain::calendar::rundate::rundate;
use fasti_core::domain::calendar::{ClockNote, Rule, upcoming};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::time::Timestamp;
use fasti_core::ports::Clock as _;
use serde_json::{Value, json};

use crate::clock::SystemClock;

/// The next slots of an expression; the error says what is wrong with it.
pub(super) fn preview(
    cron: &str,
    timezone: Option<&str>,
    from: Option<Timestamp>,
    count: usize,
) -> Result<Value, String> {
    let schedule = Schedule {
        cron: Some(cron.to_owned()),
        timezone: timezone.map(str::to_owned),
        ..Schedule::default()
    };
    let rule = Rule::compile(&schedule).map_err(|error| format!("{}: {error}", error.field))?;
    let rule = rule.ok_or_else(|| "cron: the expression is empty".to_owned())?;
    let from = from.unwrap_or_else(|| SystemClock.now());
    let slots: Vec<Timestamp> = upcoming(&rule, from, count).collect();
    let local = |slot: &Timestamp| {
        let at = slot.to_utc().with_timezone(&rule.zone());
        at.to_rfc3339_opts(SecondsFormat::Secs, false)
    };
    let date = |slot: &Timestamp| rundate(*slot, rule.zone(), 0).to_string();
    let note = |slot: &Timestamp| {
        let note = match rule.clock_note(*slot)? {
            ClockNote::MovedOutOfGap => "moved_out_of_gap",
            ClockNote::FirstOfTwo => "first_of_two",
            ClockNote::SecondOfTwo => "second_of_two",
        };
        Some(json!({"fire_time": slot.to_string(), "note": note}))
    };
    Ok(json!({
        "fire_times": slots.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "rundates": slots.iter().map(date).collect::<Vec<_>>(),
        "local_times": slots.iter().map(local).collect::<Vec<_>>(),
        "notes": slots.iter().filter_map(note).collect::<Vec<_>>(),
        "description": rule.describe(),
        "truncated": false,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn changes_of_the_clock_are_noted() {
        // 2024-03-30T00:00:00Z
        let from = Timestamp(1_711_756_800_000_000);
        let shown = preview("30 2 * * *", Some("Europe/Paris"), Some(from), 2).unwrap();
        let times = json!(["2024-03-30T01:30:00.000Z", "2024-03-31T01:00:00.000Z"]);
        assert_eq!(shown["fire_times"], times);
        assert_eq!(shown["local_times"][1], "2024-03-31T03:00:00+02:00");
        assert_eq!(shown["notes"][0]["note"], "moved_out_of_gap");
        assert_eq!(shown["rundates"][1], "2024-03-31");
    }

    #[test]
    fn mistakes_are_named() {
        let error = preview("61 * * * *", None, None, 1).unwrap_err();
        assert!(error.starts_with("cron: "), "{error}");
        let error = preview("@daily", Some("Mars/Olympus"), None, 1).unwrap_err();
        assert!(error.starts_with("timezone: "), "{error}");
    }
}
