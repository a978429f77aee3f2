//! From the fields of a schedule to the sets of a rule, with every check that a schedule can be given by itself.
//!
//! Each level (minute, hour, day, month) is the union of its fields. The finest level that is given decides: finer
//! levels take their minimum (day 1, hour 0, minute 0), and the others are not constrained.

use chrono_tz::Tz;

use super::cron;
use super::days::{ALL_DAYS, ALL_MONTHS, ByNumber, ByWeekday, Days, Joined};
use super::error::ScheduleError;
use super::named::{unknown_weekday, weekday_named};
use super::rundate::{OFFSET_DAYS_MAX, zone};
use super::times::{ALL_HOURS, ALL_SIXTY, Times};
use crate::schedule::{FirstLast, RunAfter, Schedule};

/// Longest list of a field; order and repetition do not matter, so more says nothing new.
pub const LIST_MAX: usize = 1000;

/// Checks what has to do with no set: zone, offset, and that there is one way to start only. Gives the zone.
pub(crate) fn check(schedule: &Schedule) -> Result<Tz, ScheduleError> {
    let Some(zone) = zone(schedule.timezone.as_deref()) else {
        let name = schedule.timezone.as_deref().unwrap_or_default();
        return Err(ScheduleError::new(
            "timezone",
            format!(
                "`{name}` is no time zone of the IANA database; names look like `Europe/Paris`"
            ),
        ));
    };
    if schedule
        .rundate_offset
        .is_some_and(|days| days.unsigned_abs() > OFFSET_DAYS_MAX.unsigned_abs())
    {
        let message = format!("at most {OFFSET_DAYS_MAX} days either way");
        return Err(ScheduleError::new("rundate_offset", message));
    }
    let field = first_calendar_field(schedule);
    if let Some(run_after) = &schedule.run_after {
        check_run_after(run_after)?;
        if let Some(time) = field.or(schedule.cron.as_ref().map(|_| "cron")) {
            let message =
                "a schedule has times of its own or follows another batch, not both; leave one out";
            return Err(ScheduleError::new(time, message));
        }
    }
    if let (Some(_), Some(field)) = (&schedule.cron, field) {
        let message = format!("a cron text says all: leave out `cron` or `{field}`");
        return Err(ScheduleError::new("cron", message));
    }
    Ok(zone)
}

fn check_run_after(run_after: &RunAfter) -> Result<(), ScheduleError> {
    match (&run_after.job_name, &run_after.job_uuid) {
        (Some(name), None) if name.is_empty() => Err(ScheduleError::new(
            "run_after_job_name",
            "is empty; name the batch to start after",
        )),
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (Some(_), Some(_)) => Err(ScheduleError::new(
            "run_after_job_uuid",
            "name the batch to run after by its name or by its id, not both",
        )),
        (None, None) => Err(ScheduleError::new(
            "run_after_job_name",
            "names no batch; give its name or its id",
        )),
    }
}

/// The first calendar field that is given.
fn first_calendar_field(schedule: &Schedule) -> Option<&'static str> {
    schedule
        .first_trigger()
        .filter(|field| !matches!(*field, "cron" | "run_after"))
}

/// The sets of a schedule; `None` when it has no times.
pub(crate) fn sets(schedule: &Schedule) -> Result<Option<(Times, Days)>, ScheduleError> {
    if let Some(text) = &schedule.cron {
        return cron::parse(text).map(Some);
    }
    let minutes = minutes(schedule)?;
    let hours = hours(schedule)?;
    let days = days(schedule)?;
    let months = months(schedule)?;
    if minutes.is_none() && hours.is_none() && days.is_none() && months.is_none() {
        return Ok(None);
    }
    let times = Times {
        seconds: 1,
        minutes: minutes.unwrap_or(1),
        hours: hours.unwrap_or(if minutes.is_some() { ALL_HOURS } else { 1 }),
    };
    let is_finer_given = minutes.is_some() || hours.is_some();
    let (by_number, by_weekday) = days.unwrap_or((
        ByNumber {
            days: if is_finer_given { ALL_DAYS } else { 1 << 1 },
            ..ByNumber::NONE
        },
        ByWeekday::NONE,
    ));
    let days = Days {
        months: months.unwrap_or(ALL_MONTHS),
        by_number,
        by_weekday,
        joined: Joined::Either,
    };
    if days.can_match() {
        return Ok(Some((times, days.normalised())));
    }
    let (field, message) = if schedule.day_of_month.is_some() {
        (
            "day_of_month",
            "none of the months has this day, so the schedule would never fire; choose another day or month",
        )
    } else {
        (
            "first_last",
            "none of the months ever has this weekday, so the schedule would never fire; choose another",
        )
    };
    Err(ScheduleError::new(field, message))
}

/// A level whose set is a list of values and the steps through its range.
struct Level {
    list: &'static str,
    every: &'static str,
    first: u32,
    last: u32,
}

impl Level {
    /// The values as bits; `None` when neither field is given.
    fn set(&self, listed: &[u32], every: Option<u32>) -> Result<Option<u64>, ScheduleError> {
        if listed.is_empty() && every.is_none() {
            return Ok(None);
        }
        if listed.len() > LIST_MAX {
            let message = format!(
                "{} values are more than the {LIST_MAX} allowed",
                listed.len()
            );
            return Err(ScheduleError::new(self.list, message));
        }
        let mut set = 0;
        for value in listed {
            if !(self.first..=self.last).contains(value) {
                let (first, last) = (self.first, self.last);
                let message =
                    format!("{value} is out of range; give values from {first} to {last}");
                return Err(ScheduleError::new(self.list, message));
            }
            set |= 1 << value;
        }
        if let Some(step) = every {
            let longest = if self.first == 0 { self.last } else { 12 };
            if !(1..=longest).contains(&step) {
                let message = format!("{step} is out of range; give a value from 1 to {longest}");
                return Err(ScheduleError::new(self.every, message));
            }
            for value in (self.first..=self.last).step_by(step as usize) {
                set |= 1 << value;
            }
        }
        Ok(Some(set))
    }
}

fn minutes(schedule: &Schedule) -> Result<Option<u64>, ScheduleError> {
    let level = Level {
        list: "at_minutes",
        every: "every_minute",
        first: 0,
        last: 59,
    };
    let set = level.set(&schedule.at_minutes, schedule.every_minute)?;
    Ok(set.map(|set| set & ALL_SIXTY))
}

fn hours(schedule: &Schedule) -> Result<Option<u32>, ScheduleError> {
    let level = Level {
        list: "at_hours",
        every: "every_hour",
        first: 0,
        last: 23,
    };
    let set = level.set(&schedule.at_hours, schedule.every_hour)?;
    Ok(set.and_then(|set| u32::try_from(set).ok()))
}

fn months(schedule: &Schedule) -> Result<Option<u16>, ScheduleError> {
    let level = Level {
        list: "in_months",
        every: "every_month",
        first: 1,
        last: 12,
    };
    let set = level.set(&schedule.in_months, schedule.every_month)?;
    Ok(set.and_then(|set| u16::try_from(set >> 1).ok()))
}

fn days(schedule: &Schedule) -> Result<Option<(ByNumber, ByWeekday)>, ScheduleError> {
    let is_given = !schedule.weekdays.is_empty()
        || schedule.day_of_month.is_some()
        || schedule.first_last.is_some();
    if !is_given {
        return Ok(None);
    }
    if schedule.weekdays.len() > LIST_MAX {
        let message = format!("more than {LIST_MAX} values");
        return Err(ScheduleError::new("weekdays", message));
    }
    let mut by_number = ByNumber::NONE;
    let mut by_weekday = ByWeekday::NONE;
    for weekday in &schedule.weekdays {
        let Some(number) = weekday_named(weekday) else {
            return Err(unknown_weekday("weekdays", weekday));
        };
        by_weekday.every |= 1 << number;
    }
    if let Some(day) = schedule.day_of_month {
        if !(1..=31).contains(&day) {
            let message = format!("{day} is out of range; give a day from 1 to 31");
            return Err(ScheduleError::new("day_of_month", message));
        }
        by_number.days |= 1 << day;
    }
    if let Some(one) = &schedule.first_last {
        add_first_last(one, &mut by_weekday)?;
    }
    Ok(Some((by_number, by_weekday)))
}

fn add_first_last(one: &FirstLast, by_weekday: &mut ByWeekday) -> Result<(), ScheduleError> {
    const WHICH: [&str; 5] = ["First", "Second", "Third", "Fourth", "Fifth"];
    let Some(number) = weekday_named(&one.weekday) else {
        return Err(unknown_weekday("first_last.Weekday", &one.weekday));
    };
    if one.which == "Last" {
        by_weekday.last |= 1 << number;
    } else if let Some(nth) = WHICH.iter().position(|which| *which == one.which) {
        by_weekday.nth[nth] |= 1 << number;
    } else {
        let message = format!(
            "`{}` is unknown; write First, Second, Third, Fourth, Fifth or Last",
            one.which
        );
        return Err(ScheduleError::new("first_last.Which", message));
    }
    Ok(())
}
