//! Named calendars: holidays, trading days, month ends. A calendar says of every day whether it is open; what that
//! means for a schedule is said where the schedule uses it.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::civil::{Month, from_day, month_of, to_day, weekday};
use super::days::bits;
use super::error::ScheduleError;

/// Most dates a calendar may name.
pub const CALENDAR_DATES_MAX: usize = 10_000;

/// Longest label of a date, in bytes.
pub const LABEL_BYTES_MAX: usize = 200;

/// Years that a calendar may name dates in.
pub const CALENDAR_YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Farthest that a slot is moved, in days; with no open day as near as that, it does not fire.
pub const MOVE_DAYS_MAX: i64 = 31;

/// Most calendars that one schedule may use.
pub const CALENDARS_MAX: usize = 4;

/// Which days are open. A day that is named in `open` is open, whatever else is said of it; otherwise it is closed
/// when its weekday is in `closed_weekdays` or it is named in `closed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct NamedCalendar {
    /// Weekdays that are closed, `Mon` to `Sun`; all seven leave only the dates in `open`.
    pub closed_weekdays: Vec<String>,
    /// Dates that are closed, each with a label such as `Christmas Day`; the label may be empty.
    pub closed: BTreeMap<NaiveDate, String>,
    /// Dates that are open in spite of the rest, each with a label.
    pub open: BTreeMap<NaiveDate, String>,
}

/// What a calendar does to the days of a schedule. Slots keep their time of day; several that come to lie on the same
/// instant are one slot.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CalendarMode {
    /// Slots of closed days do not fire: include trading days, exclude holidays.
    OnlyOpenDays,
    /// Slots of open days do not fire: what is to be done on holidays only.
    OnlyClosedDays,
    /// Slots of closed days fire on the next open day.
    NextOpenDay,
    /// Slots of closed days fire on the open day before.
    PreviousOpenDay,
}

/// Which of the dates that a calendar names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    Open,
    Closed,
}

impl Listed {
    fn has_any(self, (closed, open): (u32, u32)) -> bool {
        match self {
            Self::Open => open != 0,
            Self::Closed => closed != 0,
        }
    }
}

/// A calendar made ready for rules: open days a month at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledCalendar {
    name: String,
    closed_weekdays: u8,
    /// Only months with named dates: bits that are closed, bits that are open.
    named: BTreeMap<i64, (u32, u32)>,
}

impl NamedCalendar {
    /// Checks the calendar and makes it ready for rules.
    ///
    /// # Errors
    /// A [`ScheduleError`] for an unknown weekday, too many dates, a year out of [`CALENDAR_YEARS`], a label too long,
    /// a date that is both open and closed, or a calendar without any open day.
    pub fn compile(&self, name: &str) -> Result<CompiledCalendar, ScheduleError> {
        let mut closed_weekdays = 0;
        for weekday in &self.closed_weekdays {
            let Some(number) = weekday_named(weekday) else {
                return Err(unknown_weekday("closed_weekdays", weekday));
            };
            closed_weekdays |= 1 << number;
        }
        check_dates("closed", &self.closed)?;
        check_dates("open", &self.open)?;
        if let Some(date) = self.closed.keys().find(|date| self.open.contains_key(date)) {
            let message = format!("{date} is both open and closed; name it once");
            return Err(ScheduleError::new("open", message));
        }
        if closed_weekdays == super::days::ALL_WEEKDAYS && self.open.is_empty() {
            let message = "no day is open: leave out a weekday, or name dates in `open`";
            return Err(ScheduleError::new("closed_weekdays", message));
        }
        let mut named: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
        for date in self.closed.keys() {
            named.entry(month_key(*date)).or_default().0 |= 1 << date.day();
        }
        for date in self.open.keys() {
            named.entry(month_key(*date)).or_default().1 |= 1 << date.day();
        }
        Ok(CompiledCalendar {
            name: name.to_owned(),
            closed_weekdays,
            named,
        })
    }
}

fn month_key(date: NaiveDate) -> i64 {
    Month::of(i64::from(date.year()), i64::from(date.month())).0
}

fn check_dates(
    field: &'static str,
    dates: &BTreeMap<NaiveDate, String>,
) -> Result<(), ScheduleError> {
    if dates.len() > CALENDAR_DATES_MAX {
        let message = format!(
            "{} dates are more than the {CALENDAR_DATES_MAX} allowed; name weekdays where they do",
            dates.len()
        );
        return Err(ScheduleError::new(field, message));
    }
    for (date, label) in dates {
        if !CALENDAR_YEARS.contains(&date.year()) {
            let (first, last) = (CALENDAR_YEARS.start(), CALENDAR_YEARS.end());
            let message =
                format!("{date} is out of range; name dates of the years {first} to {last}");
            return Err(ScheduleError::new(field, message));
        }
        if label.len() > LABEL_BYTES_MAX {
            let message = format!("the label of {date} is longer than {LABEL_BYTES_MAX} bytes");
            return Err(ScheduleError::new(field, message));
        }
    }
    Ok(())
}

/// Number of a weekday by its name, 0 for Monday: three letters or the whole English name, in any case.
pub(crate) fn weekday_named(text: &str) -> Option<u32> {
    const NAMES: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let text = text.to_ascii_lowercase();
    (0..)
        .zip(NAMES)
        .find_map(|(number, name)| (text == name || text == name[..3]).then_some(number))
}

pub(crate) fn unknown_weekday(field: &'static str, text: &str) -> ScheduleError {
    ScheduleError::new(
        field,
        format!("`{text}` is no weekday; write Mon, Tue, Wed, Thu, Fri, Sat or Sun"),
    )
}

impl CompiledCalendar {
    /// The name it was compiled under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a date is open.
    #[must_use]
    pub fn is_open(&self, date: NaiveDate) -> bool {
        let (month, day) = month_of(super::civil::day_of(date));
        self.open_in(month) >> day & 1 == 1
    }

    /// The dates that are the only ones left of any days by a mode, if the calendar names them one by one.
    pub(crate) fn list(&self, mode: CalendarMode) -> Option<Listed> {
        match mode {
            CalendarMode::OnlyClosedDays => (self.closed_weekdays == 0).then_some(Listed::Closed),
            CalendarMode::OnlyOpenDays
            | CalendarMode::NextOpenDay
            | CalendarMode::PreviousOpenDay => {
                (self.closed_weekdays == super::days::ALL_WEEKDAYS).then_some(Listed::Open)
            }
        }
    }

    /// Months with dates of a list, up to one, the last first.
    pub(crate) fn listed_to(&self, list: Listed, month: Month) -> impl Iterator<Item = Month> {
        let listed = self.named.range(..=month.0).rev();
        listed.filter_map(move |(month, named)| list.has_any(*named).then_some(Month(*month)))
    }

    /// Months with dates of a list, from one on.
    pub(crate) fn listed_from(&self, list: Listed, month: Month) -> impl Iterator<Item = Month> {
        let listed = self.named.range(month.0..);
        listed.filter_map(move |(month, named)| list.has_any(*named).then_some(Month(*month)))
    }

    /// The open days of a month as bits.
    pub(crate) fn open_in(&self, month: Month) -> u32 {
        let mut closed = 0;
        if self.closed_weekdays != 0 {
            let first = weekday(month.first_day());
            for weekday in bits(u32::from(self.closed_weekdays)) {
                let day = (weekday + 7 - first) % 7;
                closed |= (1 << 1 | 1 << 8 | 1 << 15 | 1 << 22 | 1_u32 << 29) << day;
            }
        }
        let (named_closed, named_open) = self.named.get(&month.0).copied().unwrap_or_default();
        (!(closed | named_closed) | named_open) & to_day(month.length())
    }

    /// What is left of the days of a month, and what comes into it from elsewhere, when `days` gives the days of any
    /// month before the calendar is asked.
    pub(crate) fn apply(
        &self,
        mode: CalendarMode,
        month: Month,
        days: &dyn Fn(Month) -> u32,
    ) -> u32 {
        match mode {
            CalendarMode::OnlyOpenDays | CalendarMode::OnlyClosedDays => {
                let own = days(month);
                // Most months of a sparse rule are settled here.
                if own == 0 {
                    return 0;
                }
                let open = self.open_in(month);
                let is_open_wanted = mode == CalendarMode::OnlyOpenDays;
                own & if is_open_wanted { open } else { !open }
            }
            CalendarMode::NextOpenDay => self.moved_on(month, days),
            CalendarMode::PreviousOpenDay => self.moved_back(month, days),
        }
    }

    /// Open days with a slot of their own or one from the closed days right before.
    fn moved_on(&self, month: Month, days: &dyn Fn(Month) -> u32) -> u32 {
        let open = self.open_in(month);
        let own = days(month);
        let first = month.first_day();
        let mut found = own & open;
        let mut begin = 1;
        for day in bits(open) {
            let waiting = own & from_day(begin) & to_day(day);
            if waiting != 0 {
                found |= 1 << day;
            } else if begin == 1
                && let Some(from) = self.waiting_before(month, days)
                && first + i64::from(day) - 1 - from <= MOVE_DAYS_MAX
            {
                found |= 1 << day;
            }
            begin = day + 1;
        }
        found
    }

    /// The last day before a month that has a slot and no open day after it.
    fn waiting_before(&self, month: Month, days: &dyn Fn(Month) -> u32) -> Option<i64> {
        let earliest = month.first_day() - MOVE_DAYS_MAX;
        let mut month = month.previous();
        loop {
            let first = month.first_day();
            let open = self.open_in(month);
            let after_open = 32 - open.leading_zeros();
            let waiting = days(month) & from_day(after_open);
            if waiting != 0 {
                return Some(first + i64::from(31 - waiting.leading_zeros()) - 1);
            }
            if open != 0 || first <= earliest {
                return None;
            }
            month = month.previous();
        }
    }

    /// Open days with a slot of their own or one from the closed days right after.
    fn moved_back(&self, month: Month, days: &dyn Fn(Month) -> u32) -> u32 {
        let open = self.open_in(month);
        let own = days(month);
        let first = month.first_day();
        let mut found = own & open;
        let mut end = month.length();
        for day in descending(open) {
            let waiting = own & from_day(day) & to_day(end);
            if waiting != 0 {
                found |= 1 << day;
            } else if end == month.length()
                && let Some(from) = self.waiting_after(month, days)
                && from - (first + i64::from(day) - 1) <= MOVE_DAYS_MAX
            {
                found |= 1 << day;
            }
            end = day - 1;
        }
        found
    }

    /// The first day after a month that has a slot and no open day before it.
    fn waiting_after(&self, month: Month, days: &dyn Fn(Month) -> u32) -> Option<i64> {
        let mut month = month.next();
        let latest = month.first_day() - 1 + MOVE_DAYS_MAX;
        loop {
            let first = month.first_day();
            let open = self.open_in(month);
            let until = if open == 0 {
                31
            } else {
                open.trailing_zeros() - 1
            };
            let waiting = days(month) & to_day(until);
            if waiting != 0 {
                return Some(first + i64::from(waiting.trailing_zeros()) - 1);
            }
            if open != 0 || first + i64::from(month.length()) > latest {
                return None;
            }
            month = month.next();
        }
    }
}

/// Numbers of the bits that are set, the highest first.
fn descending(mut set: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let highest = (set != 0).then(|| 31 - set.leading_zeros())?;
        set ^= 1 << highest;
        Some(highest)
    })
}
