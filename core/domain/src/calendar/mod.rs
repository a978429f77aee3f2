//! Civil time: what a wall clock in some zone shows, and which of its times a batch starts at. Rules go in with
//! instants; no clock is read.
//!
//! A [`crate::schedule::Schedule`] is compiled to a [`Rule`]: sets of seconds, minutes, hours, days and months
//! (`fields` and `cron` make them, `times` and `days` hold them), then calendars (`named`), then the zone (`zone`),
//! whose clock turns nominal times (`nominal`) into instants (`rule`).

mod civil;
mod cron;
mod days;
mod describe;
mod error;
mod fields;
mod named;
mod nominal;
mod preview;
mod rule;
pub mod rundate;
mod times;
mod zone;

pub use civil::{YEAR_MAX, YEAR_MIN};
pub use cron::CRON_BYTES_MAX;
pub use error::ScheduleError;
pub use fields::LIST_MAX;
pub use named::{
    CALENDAR_DATES_MAX, CALENDAR_YEARS, CALENDARS_MAX, CalendarMode, CompiledCalendar,
    LABEL_BYTES_MAX, MOVE_DAYS_MAX, NamedCalendar,
};
pub use nominal::CalendarUse;
pub use preview::{Upcoming, upcoming};
pub use rule::{ClockNote, Rule};
pub use zone::{ZONE_CHANGE_S, tz_release};
