//! When a schedule would start its batch.

use chrono::SecondsFormat;
use fasti_core::domain::calendar::rundate::rundate;
use fasti_core::domain::calendar::{ClockNote, Rule, upcoming};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::time::Timestamp;

use super::super::wire;
use super::time;

/// What to look at: from an instant on, up to another (excluded) if there is one, at most so many slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) most: usize,
}

/// The slots of a schedule in a window; a schedule without times has none.
pub(crate) fn preview(schedule: &Schedule, rule: Option<&Rule>, window: Window) -> wire::Preview {
    let mut body = wire::Preview {
        fire_times: Vec::new(),
        rundates: Vec::new(),
        local_times: Vec::new(),
        notes: Vec::new(),
        description: super::schedule::describe(schedule, rule),
        truncated: false,
    };
    let Some(rule) = rule else {
        return body;
    };
    let zone = rule.zone();
    let offset_days = schedule.rundate_offset.unwrap_or(0);
    for slot in upcoming(rule, window.from, window.most.saturating_add(1)) {
        if window.until.is_some_and(|until| slot >= until) {
            break;
        }
        if body.fire_times.len() == window.most {
            // A number that was asked for cuts nothing off.
            body.truncated = window.until.is_some();
            break;
        }
        let local = slot.to_utc().with_timezone(&zone);
        body.fire_times.push(time(slot));
        body.rundates
            .push(rundate(slot, zone, offset_days).to_string());
        body.local_times
            .push(local.to_rfc3339_opts(SecondsFormat::Secs, false));
        if let Some(note) = rule.clock_note(slot) {
            body.notes.push(wire::PreviewNote {
                fire_time: time(slot),
                note: clock_note(note),
            });
        }
    }
    body
}

fn clock_note(note: ClockNote) -> wire::ClockChange {
    match note {
        ClockNote::MovedOutOfGap => wire::ClockChange::MovedOutOfGap,
        ClockNote::FirstOfTwo => wire::ClockChange::FirstOfTwo,
        ClockNote::SecondOfTwo => wire::ClockChange::SecondOfTwo,
    }
}
