//! The times of day of a rule: every second of every minute of every hour in three sets.

use super::civil::DAY_S;

/// All 60 minutes, or seconds.
pub(crate) const ALL_SIXTY: u64 = (1 << 60) - 1;

/// All 24 hours.
pub(crate) const ALL_HOURS: u32 = (1 << 24) - 1;

/// The times of day that match: second, minute and hour all in their sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) seconds: u64,
    pub(crate) minutes: u64,
    pub(crate) hours: u32,
}

fn lowest_from(set: u64, from: i64) -> Option<i64> {
    let left = if from >= 64 { 0 } else { set >> from << from };
    (left != 0).then(|| i64::from(left.trailing_zeros()))
}

fn highest_to(set: u64, to: i64) -> Option<i64> {
    let left = if to < 0 {
        0
    } else {
        set & (u64::MAX >> (63 - to))
    };
    (left != 0).then(|| 63 - i64::from(left.leading_zeros()))
}

fn count_below(set: u64, end: i64) -> u64 {
    u64::from((set & !(u64::MAX << end)).count_ones())
}

impl Times {
    /// Whether the rule has no time of day: it keeps its rhythm when clocks change.
    pub(crate) fn is_free_running(&self) -> bool {
        self.hours == ALL_HOURS
    }

    /// How many there are in a day.
    pub(crate) fn per_day(&self) -> u64 {
        u64::from(self.hours.count_ones()) * self.per_hour()
    }

    fn per_hour(&self) -> u64 {
        u64::from(self.minutes.count_ones()) * u64::from(self.seconds.count_ones())
    }

    fn has(&self, hour: i64, minute: i64) -> (bool, bool) {
        (self.hours >> hour & 1 == 1, self.minutes >> minute & 1 == 1)
    }

    /// The first one at or after a second of the day.
    pub(crate) fn from(&self, second_of_day: i64) -> Option<i64> {
        if second_of_day >= DAY_S {
            return None;
        }
        let first_second = lowest_from(self.seconds, 0)?;
        let first_minute = lowest_from(self.minutes, 0)?;
        let (hour, minute, second) = split(second_of_day);
        let (is_hour, is_minute) = self.has(hour, minute);
        if is_hour {
            if is_minute && let Some(second) = lowest_from(self.seconds, second) {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = lowest_from(self.minutes, minute + 1) {
                return Some(hour * 3600 + minute * 60 + first_second);
            }
        }
        let hour = lowest_from(u64::from(self.hours), hour + 1)?;
        Some(hour * 3600 + first_minute * 60 + first_second)
    }

    /// The last one at or before a second of the day.
    pub(crate) fn to(&self, second_of_day: i64) -> Option<i64> {
        let last_second = highest_to(self.seconds, 59)?;
        let last_minute = highest_to(self.minutes, 59)?;
        let (hour, minute, second) = split(second_of_day.min(DAY_S - 1));
        let (is_hour, is_minute) = self.has(hour, minute);
        if is_hour {
            if is_minute && let Some(second) = highest_to(self.seconds, second) {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = highest_to(self.minutes, minute - 1) {
                return Some(hour * 3600 + minute * 60 + last_second);
            }
        }
        let hour = highest_to(u64::from(self.hours), hour - 1)?;
        Some(hour * 3600 + last_minute * 60 + last_second)
    }

    /// How many there are before a second of the day.
    pub(crate) fn below(&self, second_of_day: i64) -> u64 {
        let (hour, minute, second) = split(second_of_day);
        let (is_hour, is_minute) = self.has(hour, minute);
        let mut count = count_below(u64::from(self.hours), hour) * self.per_hour();
        if is_hour {
            count += count_below(self.minutes, minute) * u64::from(self.seconds.count_ones());
            if is_minute {
                count += count_below(self.seconds, second);
            }
        }
        count
    }
}

fn split(second_of_day: i64) -> (i64, i64, i64) {
    (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_looking_at_every_second() {
        let samples = [
            (1, 1, 1),
            (1 | 1 << 59, 1 << 7 | 1 << 30, 1 | 1 << 23),
            (1, ALL_SIXTY, ALL_HOURS),
            (1 << 30, 1 << 59, 1 << 23 | 1 << 9),
        ];
        for (seconds, minutes, hours) in samples {
            let times = Times {
                seconds,
                minutes,
                hours,
            };
            let matches = |at: i64| {
                let (hour, minute, second) = split(at);
                hours >> hour & 1 == 1 && minutes >> minute & 1 == 1 && seconds >> second & 1 == 1
            };
            let mut last = None;
            let mut count = 0;
            for at in 0..DAY_S {
                assert_eq!(times.below(at), count);
                if matches(at) {
                    last = Some(at);
                    count += 1;
                    assert_eq!(times.from(at), Some(at));
                }
                assert_eq!(times.to(at), last);
            }
            assert_eq!(times.per_day(), count);
            let mut next = None;
            for at in (0..DAY_S).rev() {
                if matches(at) {
                    next = Some(at);
                }
                assert_eq!(times.from(at), next);
            }
        }
    }
}
