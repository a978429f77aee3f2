//! The brute-force reckoning: every minute of a stretch of time, with what a clock in a zone shows by the time zones
//! of the system.

use std::sync::OnceLock;

use chrono::{Days, NaiveDate};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::naive::Drawn;

const DAY_MINUTES: i64 = 1440;

/// Minutes since 1970 in UTC, and how far the clock is ahead of it from there on.
pub(super) struct Zone {
    changes: Vec<(i64, i64)>,
}

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let folder = "/usr/share/zoneinfo";
        TimeZoneDatabase::from_dir(folder).unwrap_or_else(|error| {
            panic!("no time zones of the system below {folder}: install Debian's package tzdata: {error}")
        })
    })
}

impl Zone {
    /// The offsets of a zone in the years from `first` until before `end`.
    pub(super) fn of_system(name: &str, first: i16, end: i16) -> Self {
        let zone = database().get(name).unwrap_or_else(|error| {
            panic!("the system lacks {name}: install Debian's package tzdata: {error}")
        });
        let begin = year_begin(first);
        let mut changes = vec![(begin.as_second() / 60, offset_minutes(&zone, begin))];
        for change in zone.following(begin) {
            if change.timestamp() >= year_begin(end) {
                break;
            }
            let minute = change.timestamp().as_second();
            assert_eq!(minute % 60, 0, "{name} changed within a minute");
            changes.push((minute / 60, i64::from(change.offset().seconds()) / 60));
        }
        Self { changes }
    }

    /// The minutes at which the clock changes.
    pub(super) fn changes(&self) -> impl Iterator<Item = i64> {
        self.changes.iter().skip(1).map(|(minute, _)| *minute)
    }

    fn offset_at(&self, minute: i64) -> i64 {
        let after = self.changes.partition_point(|(at, _)| *at <= minute);
        self.changes[after.max(1) - 1].1
    }

    /// The minutes at which a schedule fires, from `begin` until before `end`; looks at each.
    pub(super) fn fires(&self, drawn: &Drawn, begin: i64, end: i64) -> Vec<i64> {
        let times: Vec<bool> = (0..1440).map(|minute| drawn.has_time(minute)).collect();
        let mut known_day = (i64::MIN, false);
        let mut wants = |local: i64| {
            let day = local.div_euclid(DAY_MINUTES);
            if known_day.0 != day {
                known_day = (day, drawn.has_date(date(day)));
            }
            known_day.1 && times[local.rem_euclid(DAY_MINUTES) as usize]
        };
        let is_free_running = drawn.is_free_running();
        let mut fires = Vec::new();
        // Two days ahead of the stretch, so that what was shown before its begin is known.
        let mut before = begin - 2 * DAY_MINUTES + self.offset_at(begin - 2 * DAY_MINUTES) - 1;
        let mut shown = before;
        let mut offset = before + 1 - (begin - 2 * DAY_MINUTES);
        for minute in begin - 2 * DAY_MINUTES..end {
            if self
                .changes
                .binary_search_by_key(&minute, |(at, _)| *at)
                .is_ok()
            {
                offset = self.offset_at(minute);
            }
            let local = minute + offset;
            let is_fire = if is_free_running {
                wants(local)
            } else if local <= shown {
                false
            } else {
                let is_zone_change = local - before > 180;
                let from = if is_zone_change { local } else { shown + 1 };
                (from..=local).any(&mut wants)
            };
            if is_fire && minute >= begin {
                fires.push(minute);
            }
            shown = shown.max(local);
            before = local;
        }
        fires
    }
}

fn date(day: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + Days::new(day.unsigned_abs())
}

fn year_begin(year: i16) -> jiff::Timestamp {
    let date = jiff::civil::date(year, 1, 1);
    let zoned = date.to_zoned(TimeZone::UTC).unwrap();
    zoned.timestamp()
}

fn offset_minutes(zone: &TimeZone, at: jiff::Timestamp) -> i64 {
    let seconds = i64::from(zone.to_offset(at).seconds());
    assert_eq!(seconds % 60, 0, "offsets of these years are whole minutes");
    seconds / 60
}
