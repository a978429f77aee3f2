//! When the clocks of a zone change. The zones come from the database compiled into the program; it shows the offset
//! at an instant but not its list of changes, which is found here once for each zone and kept.

use std::sync::OnceLock;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::civil::{DAY_S, YEAR_MAX, YEAR_MIN, day_number};

/// A clock that jumps ahead by this much, or more, is a change of zone: the times in between do not fire.
pub const ZONE_CHANGE_S: i64 = 3 * 3600;

/// No zone keeps an offset for less than a week within the years looked at, so that probes two days apart see all.
const PROBE_S: i64 = 2 * DAY_S;

/// The database knows rules up to this year; after it, every zone keeps its last offset.
const YEAR_RULES_END: i64 = 2101;

/// Release of the time zone database that is compiled in, such as `2025b`.
#[must_use]
pub fn tz_release() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// A time in which the offset stays the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// First second in UTC.
    pub(crate) begin_s: i64,
    /// Local time minus UTC.
    pub(crate) offset_s: i64,
    /// The earliest local second that no clock showed before this span; at most local time at the begin, unless the
    /// clock jumped ahead.
    pub(crate) fresh_s: i64,
    /// Whether the local seconds left out at its begin are gone for good.
    pub(crate) is_zone_change: bool,
}

impl Span {
    /// What the clock shows first in this span.
    pub(crate) fn local_begin_s(&self) -> i64 {
        self.begin_s + self.offset_s
    }

    /// Whether local seconds were left out at its begin.
    pub(crate) fn has_gap(&self) -> bool {
        self.fresh_s < self.local_begin_s()
    }
}

/// Every span of a zone within the supported years.
#[derive(Debug)]
pub(crate) struct Spans(Box<[Span]>);

impl Spans {
    /// The spans of a zone; found at its first use, then kept: a constant of the program.
    pub(crate) fn of(zone: Tz) -> &'static Self {
        static KNOWN: OnceLock<Box<[OnceLock<Spans>]>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());
        let position = TZ_VARIANTS
            .iter()
            .position(|known| *known == zone)
            .expect("every zone is in the list of all zones");
        known[position].get_or_init(|| Self::find(zone))
    }

    fn find(zone: Tz) -> Self {
        // A day earlier, since a zone ahead of UTC has local days that begin before.
        let first_s = (day_number(YEAR_MIN, 1, 1) - 2) * DAY_S;
        let last_s = day_number(YEAR_RULES_END, 1, 1) * DAY_S;
        let mut offset_s = offset_at(zone, first_s);
        let mut spans = vec![Span {
            begin_s: first_s,
            offset_s,
            fresh_s: first_s + offset_s,
            is_zone_change: false,
        }];
        let mut shown_s = i64::MIN;
        let mut probe_s = first_s;
        while probe_s < last_s {
            let next_s = probe_s + PROBE_S;
            let after_s = offset_at(zone, next_s);
            if after_s != offset_s {
                let begin_s = change_between(zone, probe_s, next_s, offset_s);
                shown_s = shown_s.max(begin_s + offset_s);
                spans.push(Span {
                    begin_s,
                    offset_s: after_s,
                    fresh_s: shown_s,
                    is_zone_change: after_s - offset_s >= ZONE_CHANGE_S,
                });
                offset_s = after_s;
            }
            probe_s = next_s;
        }
        Self(spans.into())
    }

    /// All spans, in order of time.
    pub(crate) fn all(&self) -> &[Span] {
        &self.0
    }

    /// Index of the span that holds an instant; the first one for instants before.
    pub(crate) fn index_at(&self, second: i64) -> usize {
        self.0
            .partition_point(|span| span.begin_s <= second)
            .saturating_sub(1)
    }

    /// Index of the span in which a local second is shown first, or is left out at its begin.
    pub(crate) fn index_of_local(&self, local_s: i64) -> usize {
        self.0
            .partition_point(|span| span.fresh_s <= local_s)
            .saturating_sub(1)
    }

    /// Where a span ends: the first second after it, far away for the last one.
    pub(crate) fn end_s(&self, index: usize) -> i64 {
        self.0
            .get(index + 1)
            .map_or((day_number(YEAR_MAX + 1, 1, 1) + 2) * DAY_S, |next| {
                next.begin_s
            })
    }
}

fn offset_at(zone: Tz, second: i64) -> i64 {
    let instant = DateTime::from_timestamp(second, 0).unwrap_or_default();
    let offset = zone.offset_from_utc_datetime(&instant.naive_utc());
    i64::from(offset.fix().local_minus_utc())
}

/// The first second at which the offset is no longer `before_s`, by halving.
fn change_between(zone: Tz, mut low: i64, mut high: i64, before_s: i64) -> i64 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset_at(zone, middle) == before_s {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn zone_named(name: &str) -> Option<Tz> {
        name.parse().ok()
    }

    #[test]
    fn changes_are_those_of_the_database_hour_by_hour() {
        for name in [
            "America/Boa_Vista",
            "Africa/Casablanca",
            "Australia/Lord_Howe",
            "Asia/Gaza",
        ] {
            let zone = zone_named(name).unwrap();
            let spans = Spans::of(zone);
            let begin = day_number(1998, 1, 1) * DAY_S;
            for second in (begin..begin + 8 * 365 * DAY_S).step_by(3600) {
                let index = spans.index_at(second);
                assert_eq!(
                    spans.all()[index].offset_s,
                    offset_at(zone, second),
                    "{name} {second}"
                );
            }
        }
    }

    #[test]
    fn a_day_that_never_was_is_a_change_of_zone() {
        let spans = Spans::of(zone_named("Pacific/Apia").unwrap());
        let changes: Vec<_> = spans
            .all()
            .iter()
            .filter(|span| span.is_zone_change)
            .collect();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].local_begin_s() - changes[0].fresh_s, DAY_S);
    }

    #[test]
    fn the_release_looks_like_one() {
        assert!(tz_release().starts_with("20"), "{}", tz_release());
    }
}
