//! Days, months and weekdays as plain numbers, so that rules are arithmetic on small integers. Nothing here knows
//! a zone.

use chrono::{Datelike, NaiveDate};

/// Seconds in a nominal day.
pub(crate) const DAY_S: i64 = 86_400;

/// First year that has slots.
pub const YEAR_MIN: i64 = 1970;

/// Last year that has slots.
pub const YEAR_MAX: i64 = 9999;

/// A month as `year * 12 + month - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month(pub(crate) i64);

/// First month in which a nominal time may lie: a zone may be behind UTC, and a calendar may move a day.
pub(crate) const MONTH_MIN: Month = Month(YEAR_MIN * 12 - 3);

/// Last month in which a nominal time may lie.
pub(crate) const MONTH_MAX: Month = Month(YEAR_MAX * 12 + 11 + 3);

impl Month {
    pub(crate) fn of(year: i64, month: i64) -> Self {
        Self(year * 12 + month - 1)
    }

    pub(crate) fn year(self) -> i64 {
        self.0.div_euclid(12)
    }

    /// 0 for January.
    pub(crate) fn in_year(self) -> u32 {
        u32::try_from(self.0.rem_euclid(12)).unwrap_or(0)
    }

    /// Days since 1970-01-01 of its first day.
    pub(crate) fn first_day(self) -> i64 {
        day_number(self.year(), i64::from(self.in_year()) + 1, 1)
    }

    /// How many days it has.
    pub(crate) fn length(self) -> u32 {
        const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let month = self.in_year();
        if month == 1 && is_leap(self.year()) {
            return 29;
        }
        LENGTHS[month as usize]
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(crate) fn previous(self) -> Self {
        Self(self.0 - 1)
    }
}

fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. Years are counted from March, so that the leap day is
/// the last of its year.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The month that a day lies in, and which day of the month it is (1 to 31).
pub(crate) fn month_of(day: i64) -> (Month, u32) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (
        Month::of(year, month),
        u32::try_from(day_of_month).unwrap_or(1),
    )
}

/// 0 for Monday, to 6 for Sunday.
pub(crate) fn weekday(day: i64) -> u32 {
    u32::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// Days since 1970-01-01 of a date.
pub(crate) fn day_of(date: NaiveDate) -> i64 {
    day_number(
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    )
}

/// The days from `first` on (1 to 31, 0 for none left out) as bits, each at its number.
pub(crate) fn from_day(first: u32) -> u32 {
    u32::MAX.checked_shl(first).unwrap_or(0) & !1
}

/// The days up to and with `last` as bits.
pub(crate) fn to_day(last: u32) -> u32 {
    !u32::MAX.checked_shl(last + 1).unwrap_or(0) & !1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn agrees_with_the_other_calendar_on_every_day() {
        let mut date = NaiveDate::from_ymd_opt(1968, 1, 1).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        while date.year() < 2410 {
            let day = (date - epoch).num_days();
            assert_eq!(day_of(date), day);
            let (month, of_month) = month_of(day);
            assert_eq!(month.year(), i64::from(date.year()));
            assert_eq!(month.in_year(), date.month0());
            assert_eq!(of_month, date.day());
            assert_eq!(weekday(day), date.weekday().num_days_from_monday());
            assert_eq!(month.first_day() + i64::from(of_month) - 1, day);
            date = date.succ_opt().unwrap();
            if date.day() == 1 {
                assert_eq!(i64::from(month.length()), i64::from(of_month));
            }
        }
    }

    #[test]
    fn days_as_bits() {
        assert_eq!(to_day(31), !1);
        assert_eq!(to_day(0), 0);
        assert_eq!(from_day(31), 1 << 31);
        assert_eq!(from_day(32), 0);
        assert_eq!(from_day(1) & to_day(3), 0b1110);
    }
}
