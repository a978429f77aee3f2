//! The nominal times of a rule: what the clock on the wall should show, without any zone. A local second counts from
//! 1970-01-01T00:00:00 on that clock, whether it was ever shown or not.

use std::sync::Arc;

use super::civil::{DAY_S, MONTH_MAX, MONTH_MIN, Month, from_day, month_of, to_day};
use super::days::Days;
use super::named::{CalendarMode, CompiledCalendar, Listed};
use super::times::Times;

/// A calendar in use by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarUse {
    /// The calendar, in the version resolved for this rule.
    pub calendar: Arc<CompiledCalendar>,
    /// What it does.
    pub mode: CalendarMode,
}

/// Times of day on days, after the calendars have had their say, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nominal {
    pub(crate) times: Times,
    pub(crate) days: Days,
    calendars: Vec<CalendarUse>,
    /// The calendar that lists the only days that can match, if one does, and which of its dates these are.
    list: Option<(Arc<CompiledCalendar>, Listed)>,
    /// No day matches after this month.
    last_month: Month,
}

impl Nominal {
    pub(crate) fn new(times: Times, days: Days) -> Self {
        Self {
            times,
            days,
            calendars: Vec::new(),
            list: None,
            last_month: MONTH_MAX,
        }
    }

    /// The same with a further calendar.
    pub(crate) fn with(mut self, calendar: CalendarUse) -> Self {
        self.calendars.push(calendar);
        self.list = self.find_list();
        self.last_month = MONTH_MAX;
        if let Some((calendar, list)) = &self.list {
            // Rules are made for every slot that fires, so this does not go through centuries.
            let last = calendar
                .listed_to(*list, MONTH_MAX)
                .find(|month| self.in_month(*month) != 0);
            self.last_month = last.unwrap_or(Month(MONTH_MIN.0 - 1));
            return self;
        }
        // After the last year that calendars may name dates in, everything repeats every 400 years.
        let repeats = Month::of(i64::from(*super::named::CALENDAR_YEARS.end()) + 1, 1);
        let period = (0..4800).map(|after| Month(repeats.0 + after));
        if !period.into_iter().any(|month| self.in_month(month) != 0) {
            let before = (MONTH_MIN.0..repeats.0).rev().map(Month);
            self.last_month = before
                .into_iter()
                .find(|month| self.in_month(*month) != 0)
                .unwrap_or(Month(MONTH_MIN.0 - 1));
        }
        self
    }

    /// See the field: the last calendar that lists what it leaves, with none behind it that moves days elsewhere.
    fn find_list(&self) -> Option<(Arc<CompiledCalendar>, Listed)> {
        for used in self.calendars.iter().rev() {
            if let Some(list) = used.calendar.list(used.mode) {
                return Some((used.calendar.clone(), list));
            }
            if matches!(
                used.mode,
                CalendarMode::NextOpenDay | CalendarMode::PreviousOpenDay
            ) {
                return None;
            }
        }
        None
    }

    /// The first month from one on in which a day can match.
    fn month_from(&self, month: Month) -> Option<Month> {
        match &self.list {
            Some((calendar, list)) => calendar.listed_from(*list, month).next(),
            None => Some(month),
        }
    }

    /// The last month up to one in which a day can match.
    fn month_to(&self, month: Month) -> Option<Month> {
        match &self.list {
            Some((calendar, list)) => calendar.listed_to(*list, month).next(),
            None => Some(month),
        }
    }

    pub(crate) fn calendars(&self) -> &[CalendarUse] {
        &self.calendars
    }

    /// Whether any day matches.
    pub(crate) fn can_match(&self) -> bool {
        self.last_month >= MONTH_MIN
    }

    fn in_month(&self, month: Month) -> u32 {
        self.after(self.calendars.len(), month)
    }

    /// The days of a month after so many calendars.
    fn after(&self, calendars: usize, month: Month) -> u32 {
        let Some(last) = calendars.checked_sub(1) else {
            return self.days.in_month(month);
        };
        let used = &self.calendars[last];
        used.calendar
            .apply(used.mode, month, &|month| self.after(last, month))
    }

    /// The first matching day at or after a day.
    fn day_from(&self, day: i64) -> Option<i64> {
        let (mut month, mut of_month) = month_of(day);
        if month < MONTH_MIN {
            (month, of_month) = (MONTH_MIN, 1);
        }
        while let Some(possible) = self.month_from(month).filter(|it| *it <= self.last_month) {
            if possible != month {
                (month, of_month) = (possible, 1);
            }
            let found = self.in_month(month) & from_day(of_month);
            if found != 0 {
                return Some(month.first_day() + i64::from(found.trailing_zeros()) - 1);
            }
            month = month.next();
            of_month = 1;
        }
        None
    }

    /// The last matching day at or before a day.
    fn day_to(&self, day: i64) -> Option<i64> {
        let (mut month, mut of_month) = month_of(day);
        if month > self.last_month {
            (month, of_month) = (self.last_month, 31);
        }
        while let Some(possible) = self.month_to(month).filter(|it| *it >= MONTH_MIN) {
            if possible != month {
                (month, of_month) = (possible, 31);
            }
            let found = self.in_month(month) & to_day(of_month);
            if found != 0 {
                return Some(month.first_day() + i64::from(31 - found.leading_zeros()) - 1);
            }
            month = month.previous();
            of_month = 31;
        }
        None
    }

    /// How many days match from `begin` until before `end`.
    fn days_between(&self, begin: i64, end: i64) -> u64 {
        if end <= begin {
            return 0;
        }
        let (first, first_day) = month_of(begin);
        let (last, last_day) = month_of(end - 1);
        let mut count = 0;
        for month in first.max(MONTH_MIN).0..=last.min(self.last_month).0 {
            let mut found = self.in_month(Month(month));
            if month == first.0 {
                found &= from_day(first_day);
            }
            if month == last.0 {
                found &= to_day(last_day);
            }
            count += u64::from(found.count_ones());
        }
        count
    }

    /// The first matching local second at or after one.
    pub(crate) fn from(&self, local_s: i64) -> Option<i64> {
        let (day, second) = split(local_s);
        let found = self.day_from(day)?;
        if found == day {
            if let Some(time) = self.times.from(second) {
                return Some(day * DAY_S + time);
            }
            let next = self.day_from(day + 1)?;
            return Some(next * DAY_S + self.times.from(0)?);
        }
        Some(found * DAY_S + self.times.from(0)?)
    }

    /// The last matching local second at or before one.
    pub(crate) fn to(&self, local_s: i64) -> Option<i64> {
        let (day, second) = split(local_s);
        let found = self.day_to(day)?;
        if found == day {
            if let Some(time) = self.times.to(second) {
                return Some(day * DAY_S + time);
            }
            let previous = self.day_to(day - 1)?;
            return Some(previous * DAY_S + self.times.to(DAY_S - 1)?);
        }
        Some(found * DAY_S + self.times.to(DAY_S - 1)?)
    }

    /// How many local seconds match from `begin_s` until before `end_s`.
    pub(crate) fn count(&self, begin_s: i64, end_s: i64) -> u64 {
        if end_s <= begin_s {
            return 0;
        }
        let (first, first_second) = split(begin_s);
        let (last, last_second) = split(end_s);
        // Whole days, and what stands out at the end, less what is left out at the begin.
        let whole = self.days_between(first, last) * self.times.per_day();
        let after = self.days_between(last, last + 1) * self.times.below(last_second);
        let before = self.days_between(first, first + 1) * self.times.below(first_second);
        whole + after - before
    }
}

fn split(local_s: i64) -> (i64, i64) {
    (local_s.div_euclid(DAY_S), local_s.rem_euclid(DAY_S))
}
