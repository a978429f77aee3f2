//! The days of a rule, a month at a time: 31 bits, worked out from the month's length and its first weekday.

use super::civil::{Month, to_day, weekday};

/// All seven weekdays; bit 0 is Monday.
pub(crate) const ALL_WEEKDAYS: u8 = 0b111_1111;

/// All twelve months; bit 0 is January.
pub(crate) const ALL_MONTHS: u16 = 0xfff;

/// All days of a month; bit 0 is never set, so that the bit is the day.
pub(crate) const ALL_DAYS: u32 = !1;

/// Monday to Friday.
const WORKING: u8 = 0b001_1111;

/// Days of the month by their number or by the end of the month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ByNumber {
    /// Days 1 to 31.
    pub(crate) days: u32,
    /// Days before the last one: bit 0 is the last day itself.
    pub(crate) from_end: u32,
    /// The working day nearest to each of these days, within the month.
    pub(crate) nearest: u32,
    /// The last working day.
    pub(crate) is_last_working: bool,
}

/// Days by their weekday.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ByWeekday {
    /// Every such weekday.
    pub(crate) every: u8,
    /// The first such weekdays of the month, the second, up to the fifth.
    pub(crate) nth: [u8; 5],
    /// The last such weekdays of the month.
    pub(crate) last: u8,
}

/// How the two kinds of days go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// A day of either kind.
    Either,
    /// A day of both kinds.
    Both,
}

/// The days that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) months: u16,
    pub(crate) by_number: ByNumber,
    pub(crate) by_weekday: ByWeekday,
    pub(crate) joined: Joined,
}

/// What a month looks like.
struct Shape {
    length: u32,
    /// Weekday of day 1, 0 for Monday.
    first: u32,
}

impl Shape {
    fn of(month: Month) -> Self {
        Self {
            length: month.length(),
            first: weekday(month.first_day()),
        }
    }

    fn weekday(&self, day: u32) -> u32 {
        (self.first + day - 1) % 7
    }

    /// The first day of the month on a weekday.
    fn first_on(&self, weekday: u32) -> u32 {
        (weekday + 7 - self.first) % 7 + 1
    }

    fn all(&self) -> u32 {
        to_day(self.length)
    }

    /// The working day nearest to a day, never in another month; none when the month lacks the day.
    fn nearest_working(&self, day: u32) -> Option<u32> {
        if day > self.length {
            return None;
        }
        Some(match self.weekday(day) {
            5 if day > 1 => day - 1,
            5 => day + 2,
            6 if day < self.length => day + 1,
            6 => day - 2,
            _ => day,
        })
    }
}

impl ByNumber {
    pub(crate) const NONE: Self = Self {
        days: 0,
        from_end: 0,
        nearest: 0,
        is_last_working: false,
    };

    fn in_month(&self, shape: &Shape) -> u32 {
        let mut found = self.days;
        for before in bits(self.from_end) {
            if before < shape.length {
                found |= 1 << (shape.length - before);
            }
        }
        for day in bits(self.nearest) {
            if let Some(day) = shape.nearest_working(day) {
                found |= 1 << day;
            }
        }
        if self.is_last_working {
            let back = shape.weekday(shape.length).saturating_sub(4);
            found |= 1 << (shape.length - back);
        }
        found & shape.all()
    }
}

impl ByWeekday {
    pub(crate) const NONE: Self = Self {
        every: 0,
        nth: [0; 5],
        last: 0,
    };

    fn in_month(&self, shape: &Shape) -> u32 {
        const WEEKLY: u32 = 1 << 1 | 1 << 8 | 1 << 15 | 1 << 22 | 1 << 29;
        let mut found = 0;
        for weekday in bits(u32::from(self.every)) {
            found |= WEEKLY << (shape.first_on(weekday) - 1);
        }
        for (weeks, weekdays) in self.nth.iter().enumerate() {
            for weekday in bits(u32::from(*weekdays)) {
                let day = u64::from(shape.first_on(weekday)) + 7 * weeks as u64;
                if day <= u64::from(shape.length) {
                    found |= 1 << day;
                }
            }
        }
        for weekday in bits(u32::from(self.last)) {
            let first = shape.first_on(weekday);
            found |= 1 << (first + (shape.length - first) / 7 * 7);
        }
        found & shape.all()
    }
}

impl Days {
    /// The matching days of a month, each as the bit of its number.
    pub(crate) fn in_month(&self, month: Month) -> u32 {
        if self.months >> month.in_year() & 1 == 0 {
            return 0;
        }
        let shape = Shape::of(month);
        let by_number = self.by_number.in_month(&shape);
        match self.joined {
            Joined::Either => by_number | self.by_weekday.in_month(&shape),
            Joined::Both => by_number & self.by_weekday.in_month(&shape),
        }
    }

    /// The same days in the one form that rules are compared and described in.
    pub(crate) fn normalised(self) -> Self {
        let any = ByNumber {
            days: ALL_DAYS,
            ..ByNumber::NONE
        };
        let is_any_number = self.by_number.days == ALL_DAYS;
        let is_any_weekday = self.by_weekday.every == ALL_WEEKDAYS;
        let (by_number, by_weekday, joined) = match self.joined {
            Joined::Either if is_any_number || is_any_weekday => {
                (any, ByWeekday::NONE, Joined::Either)
            }
            Joined::Both if is_any_number && is_any_weekday => {
                (any, ByWeekday::NONE, Joined::Either)
            }
            Joined::Both if is_any_number => (ByNumber::NONE, self.by_weekday, Joined::Either),
            Joined::Both if is_any_weekday => (self.by_number, ByWeekday::NONE, Joined::Either),
            Joined::Either | Joined::Both => (self.by_number, self.by_weekday, self.joined),
        };
        Self {
            months: self.months,
            by_number,
            by_weekday,
            joined,
        }
    }

    /// Whether there is such a day at all: the calendar repeats every 400 years.
    pub(crate) fn can_match(&self) -> bool {
        (0..4800).any(|month| self.in_month(Month(2000 * 12 + month)) != 0)
    }

    /// Whether every day of the matching months matches; after [`Self::normalised`].
    pub(crate) fn is_every_day(&self) -> bool {
        self.by_number.days == ALL_DAYS
    }
}

/// Numbers of the bits that are set, the lowest first.
pub(crate) fn bits(mut set: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(lowest)
    })
}

/// Whether a set of weekdays is Monday to Friday.
pub(crate) fn is_working_week(weekdays: u8) -> bool {
    weekdays == WORKING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(by_number: ByNumber, by_weekday: ByWeekday) -> Days {
        Days {
            months: ALL_MONTHS,
            by_number,
            by_weekday,
            joined: Joined::Either,
        }
    }

    fn listed(days: &Days, year: i64, month: i64) -> Vec<u32> {
        bits(days.in_month(Month::of(year, month))).collect()
    }

    #[test]
    fn numbers_a_month_does_not_have_are_left_out() {
        let rule = days(
            ByNumber {
                days: 1 << 31 | 1 << 30,
                ..ByNumber::NONE
            },
            ByWeekday::NONE,
        );
        assert_eq!(listed(&rule, 2024, 1), [30, 31]);
        assert_eq!(listed(&rule, 2024, 4), [30]);
        assert!(listed(&rule, 2024, 2).is_empty());
    }

    #[test]
    fn ends_and_working_days() {
        let rule = |by_number| days(by_number, ByWeekday::NONE);
        let last = rule(ByNumber {
            from_end: 0b101,
            ..ByNumber::NONE
        });
        assert_eq!(listed(&last, 2024, 2), [27, 29]);
        // June 2024 ends on a Sunday, and begins on a Saturday.
        let last_working = rule(ByNumber {
            is_last_working: true,
            ..ByNumber::NONE
        });
        assert_eq!(listed(&last_working, 2024, 6), [28]);
        let nearest = rule(ByNumber {
            nearest: 1 << 1 | 1 << 15 | 1 << 30,
            ..ByNumber::NONE
        });
        assert_eq!(listed(&nearest, 2024, 6), [3, 14, 28]);
        assert!(listed(&nearest, 2024, 2).iter().all(|day| *day < 29));
    }

    #[test]
    fn weekdays_of_the_month() {
        let friday = 1 << 4;
        let rule = |by_weekday| days(ByNumber::NONE, by_weekday);
        let every = rule(ByWeekday {
            every: friday,
            ..ByWeekday::NONE
        });
        assert_eq!(listed(&every, 2024, 3), [1, 8, 15, 22, 29]);
        let last = rule(ByWeekday {
            last: friday,
            ..ByWeekday::NONE
        });
        assert_eq!(listed(&last, 2024, 3), [29]);
        assert_eq!(listed(&last, 2024, 2), [23]);
        let fifth = rule(ByWeekday {
            nth: [0, 0, 0, 0, friday],
            ..ByWeekday::NONE
        });
        assert_eq!(listed(&fifth, 2024, 3), [29]);
        assert!(listed(&fifth, 2024, 2).is_empty());
    }
}
