//! The date a run is for.

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use crate::time::Timestamp;

/// Largest offset in days, either way: a hundred years.
pub const OFFSET_DAYS_MAX: i32 = 36_525;

/// The date shown by a clock in `zone` at `runtime`, `offset` days later (earlier when negative).
///
/// # Source
/// Datatailr: the rundate is derived from the runtime in the schedule's time zone, plus `rundate_offset`.
#[must_use]
pub fn rundate(runtime: Timestamp, zone: Tz, offset_days: i32) -> NaiveDate {
    let date = runtime.to_utc().with_timezone(&zone).date_naive();
    let days = Days::new(u64::from(offset_days.unsigned_abs()));
    let moved = if offset_days < 0 {
        date.checked_sub_days(days)
    } else {
        date.checked_add_days(days)
    };
    moved.unwrap_or(date)
}

/// The zone named `name`; UTC when none is named.
#[must_use]
pub fn zone(name: Option<&str>) -> Option<Tz> {
    match name {
        None => Some(Tz::UTC),
        Some(name) => name.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_date_is_that_of_the_zone() {
        // 2024-03-30T23:30:00Z is already the 31st in Paris.
        let at = Timestamp(1_711_841_400_000_000);
        let date = |zone_name, offset| rundate(at, zone(zone_name).unwrap(), offset).to_string();
        assert_eq!(date(None, 0), "2024-03-30");
        assert_eq!(date(Some("Europe/Paris"), 0), "2024-03-31");
        assert_eq!(date(Some("Europe/Paris"), -1), "2024-03-30");
        assert_eq!(date(None, 2), "2024-04-01");
    }

    #[test]
    fn unknown_zones_are_none() {
        assert!(zone(Some("Mars/Olympus")).is_none());
        assert!(zone(Some("CET")).is_some());
    }
}
