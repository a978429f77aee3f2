//! When a batch starts by itself, as its author wrote it.

use serde::{Deserialize, Serialize};

use crate::calendars::CalendarRef;
use crate::definition::EndCondition;
use crate::ids::BatchId;
use crate::slots::SlotPolicy;
use crate::trigger::Trigger;

/// The arguments of a schedule. Empty lists and `None` mean "not given". All are always written: encodings
/// without field names, such as that of snapshots, tell fields apart by their position. The last may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Schedule {
    /// Minutes of the hour, 0 to 59.
    pub at_minutes: Vec<u32>,
    /// Every so many minutes, counted from minute 0.
    pub every_minute: Option<u32>,
    /// Hours of the day, 0 to 23.
    pub at_hours: Vec<u32>,
    /// Every so many hours, counted from 00:00.
    pub every_hour: Option<u32>,
    /// Weekdays, `Mon` to `Sun`.
    pub weekdays: Vec<String>,
    /// Day of the month, 1 to 31.
    pub day_of_month: Option<u32>,
    /// One weekday of the month.
    pub first_last: Option<FirstLast>,
    /// Months, 1 to 12.
    pub in_months: Vec<u32>,
    /// Every so many months, counted from January.
    pub every_month: Option<u32>,
    /// IANA zone name; UTC when not given.
    pub timezone: Option<String>,
    /// Days added to the rundate.
    pub rundate_offset: Option<i32>,
    /// Cron text, five fields, or six with seconds first.
    pub cron: Option<String>,
    /// Start after a run of another batch.
    pub run_after: Option<RunAfter>,
    /// What becomes of slots that cannot simply fire.
    pub policy: SlotPolicy,
    /// Calendars that act on its days, one after the other.
    pub calendars: Vec<CalendarRef>,
    /// Messages that start it, whenever they come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
}

/// One weekday of the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FirstLast {
    /// `Mon` to `Sun`.
    pub weekday: String,
    /// `First` to `Fifth`, or `Last`.
    pub which: String,
}

/// Start after a run of another batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunAfter {
    /// Its name, under the same tag.
    #[serde(default)]
    pub job_name: Option<String>,
    /// Its id.
    #[serde(default)]
    pub job_uuid: Option<BatchId>,
    /// On which end.
    #[serde(default)]
    pub condition: EndCondition,
}

impl Schedule {
    /// Whether the batch is only ever started by hand.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.first_trigger().is_none() && self.triggers.is_empty()
    }

    /// Whether another schedule has the same slots; messages that start the batch have nothing to do with them.
    #[must_use]
    pub fn has_slots_of(&self, other: &Self) -> bool {
        let timed = |schedule: &Self| Self {
            triggers: Vec::new(),
            ..schedule.clone()
        };
        timed(self) == timed(other)
    }

    /// Name of the first argument that makes the batch start by itself.
    #[must_use]
    pub fn first_trigger(&self) -> Option<&'static str> {
        let given = [
            (!self.at_minutes.is_empty(), "at_minutes"),
            (self.every_minute.is_some(), "every_minute"),
            (!self.at_hours.is_empty(), "at_hours"),
            (self.every_hour.is_some(), "every_hour"),
            (!self.weekdays.is_empty(), "weekdays"),
            (self.day_of_month.is_some(), "day_of_month"),
            (self.first_last.is_some(), "first_last"),
            (!self.in_months.is_empty(), "in_months"),
            (self.every_month.is_some(), "every_month"),
            (self.cron.is_some(), "cron"),
            (self.run_after.is_some(), "run_after"),
        ];
        given
            .iter()
            .find(|(is_given, _)| *is_given)
            .map(|(_, name)| *name)
    }
}
