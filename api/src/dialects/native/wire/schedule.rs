//! Schedules: the arguments by name, those not given left out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CalendarMode, EndCondition, Misfire, Overlap, TriggerSource};

/// When a batch starts by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Schedule {
    /// Minutes of the hour, 0 to 59.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_minutes: Option<Vec<u32>>,
    /// Every so many minutes, counted from minute 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every_minute: Option<u32>,
    /// Hours of the day, 0 to 23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_hours: Option<Vec<u32>>,
    /// Every so many hours, counted from 00:00.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every_hour: Option<u32>,
    /// Weekdays, `Mon` to `Sun`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weekdays: Option<Vec<String>>,
    /// Day of the month, 1 to 31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day_of_month: Option<u32>,
    /// One weekday of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_last: Option<FirstLast>,
    /// Months, 1 to 12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_months: Option<Vec<u32>>,
    /// Every so many months, counted from January.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every_month: Option<u32>,
    /// IANA zone name; UTC when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timezone: Option<String>,
    /// Days added to the rundate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rundate_offset: Option<i32>,
    /// Cron text, five fields, or six with seconds first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// Start after a run of the batch of this name, under the same tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_after_job_name: Option<String>,
    /// Start after a run of the batch of this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_after_job_uuid: Option<String>,
    /// On which end of that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_after_job_condition: Option<EndCondition>,
    /// Calendars that act on its days, one after the other; at most 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calendars: Option<Vec<CalendarUse>>,
    /// Slots that passed while nobody could start them. Default: `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) misfire: Option<Misfire>,
    /// How old such a slot may be to fire with `latest` and `within`. Default: the server's setting, an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) misfire_within_seconds: Option<u64>,
    /// How many such slots fire with `all` and `within`, 1 to 1000. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) misfire_max: Option<u32>,
    /// Slots that come while an earlier run goes on. Default: `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overlap: Option<Overlap>,
    /// A run that has not started so long after its slot is cancelled, a slot that waits so long is skipped.
    /// Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_deadline_seconds: Option<u64>,
    /// Each slot fires up to so many seconds late, by chance; at most 3600. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jitter_seconds: Option<u32>,
    /// Messages that start it; at most 8 triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) triggers: Option<Vec<Trigger>>,
}

/// One way in which messages start a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    /// Unique in the batch: 1 to 32 letters, digits, `_` and `-`.
    pub(crate) name: String,
    /// Where messages come from.
    pub(crate) source: TriggerSource,
    /// Subject with or without wildcards: for `nats`; for `stream`, to take only some of its messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// Name of the stream, for `stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<String>,
    /// Name of the key that requests are signed with, for `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// What the payload must be like: all of these, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) filter: Vec<TriggerCondition>,
    /// Start once nothing has come for so long, with the newest payload; at most 86400. Default: start at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) debounce_seconds: Option<u64>,
}

/// What a part of a payload must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerCondition {
    /// JSON pointer into the payload, such as `/order/country`; empty for all of it.
    pub(crate) path: String,
    /// One of these texts, whole numbers and booleans. Default: anything, but it must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) one_of: Vec<TriggerValue>,
}

/// A value that is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TriggerValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

/// What a schedule does with a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarUse {
    /// Name of the calendar.
    pub(crate) name: String,
    /// What it does to the days.
    pub(crate) mode: CalendarMode,
}

/// One weekday of the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstLast {
    /// `Mon` to `Sun`.
    #[serde(rename = "Weekday")]
    pub(crate) weekday: String,
    /// `First` to `Fifth`, or `Last`.
    #[serde(rename = "Which")]
    pub(crate) which: String,
}

/// Body of a preview.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewBody {
    /// The schedule.
    pub(crate) schedule: Schedule,
    /// First instant, included; RFC 3339. Default: now.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// Last instant, excluded; RFC 3339. Give this or `count`.
    #[serde(default)]
    pub(crate) until: Option<String>,
    /// How many instants, 1 to 1000. Default: 10, unless `until` is given.
    #[serde(default)]
    pub(crate) count: Option<u32>,
}

/// When a schedule starts its batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Instants, ascending.
    pub(crate) fire_times: Vec<String>,
    /// Rundates of runs that start on time.
    pub(crate) rundates: Vec<String>,
    /// The same instants as the clock of the schedule's zone shows them, with its distance from UTC.
    pub(crate) local_times: Vec<String>,
    /// Instants that a change of that clock has something to do with.
    pub(crate) notes: Vec<PreviewNote>,
    /// One line of English.
    pub(crate) description: String,
    /// Whether there are more than could be listed.
    pub(crate) truncated: bool,
}

/// An instant that a change of the clock has something to do with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewNote {
    /// The instant.
    pub(crate) fire_time: String,
    /// What happened to it.
    pub(crate) note: ClockChange,
}

/// What a changing clock does to an instant.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClockChange {
    /// The clock leaves its time out; it is the first instant after.
    MovedOutOfGap,
    /// The clock shows its time twice; it is the first.
    FirstOfTwo,
    /// The clock shows its time twice; it is the second.
    SecondOfTwo,
}
