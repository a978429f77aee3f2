//! Cron texts: five fields, or six with seconds first, or a name such as `@daily`; parsed into the sets that the
//! fields of a schedule give too.
//!
//! Fields: `*`, values, ranges `a-b`, steps `*/n`, `a-b/n` and `a/n` (from `a` on), lists of these with commas.
//! Months and weekdays also by name, in any case; weekdays are 0 to 7, both ends Sunday. Day of the month also `L`
//! (the last), `L-n` (`n` before it), `nW` (the working day nearest to day `n`), `LW` (the last working day). Day of
//! the week also `n#k` (the `k`-th such weekday of the month) and `nL` (the last one). `?` is `*` in either.
//!
//! As in Vixie's cron, when both kinds of days are restricted, a day of either kind matches; a field that begins with
//! `*` or is `?` does not count as restricted, and then both must match: `*/2` with `Mon` is the Mondays among days
//! 1, 3, 5 and so on.

use super::days::{ByNumber, ByWeekday, Days, Joined};
use super::error::ScheduleError;
use super::named::weekday_named;
use super::times::Times;

/// Longest cron text, in bytes.
pub const CRON_BYTES_MAX: usize = 1000;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// One field of a cron text.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    named: fn(&str) -> Option<u32>,
}

const SECOND: Field = Field::numbers("second", 0, 59);
const MINUTE: Field = Field::numbers("minute", 0, 59);
const HOUR: Field = Field::numbers("hour", 0, 23);
const DAY: Field = Field::numbers("day of the month", 1, 31);
const MONTH: Field = Field {
    named: month_named,
    ..Field::numbers("month", 1, 12)
};
/// Sunday is 0 and 7.
const WEEKDAY: Field = Field {
    named: |text| weekday_named(text).map(|monday_first| (monday_first + 1) % 7),
    ..Field::numbers("day of the week", 0, 7)
};

fn month_named(text: &str) -> Option<u32> {
    let text = text.to_ascii_lowercase();
    (1..)
        .zip(MONTHS)
        .find_map(|(number, name)| (text == name || text == name[..3]).then_some(number))
}

fn refused(message: impl Into<String>) -> ScheduleError {
    ScheduleError::new("cron", message)
}

/// The sets of a cron text.
pub(crate) fn parse(text: &str) -> Result<(Times, Days), ScheduleError> {
    if text.len() > CRON_BYTES_MAX {
        return Err(refused(format!("longer than {CRON_BYTES_MAX} bytes")));
    }
    let text = text.trim();
    let text = if text.starts_with('@') {
        nickname(text)?
    } else {
        text
    };
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let (second, rest) = match fields.as_slice() {
        [minute, hour, day, month, weekday] => ("0", [minute, hour, day, month, weekday]),
        [second, minute, hour, day, month, weekday] => {
            (*second, [minute, hour, day, month, weekday])
        }
        _ => {
            return Err(refused(format!(
                "`{text}` has {} fields; write five (minute, hour, day of the month, month, day of the week) or six with the second first",
                fields.len()
            )));
        }
    };
    let [minute, hour, day, month, weekday] = rest;
    let hours = HOUR.set(hour)?;
    let months = MONTH.set(month)? >> 1;
    let times = Times {
        seconds: SECOND.set(second)?,
        minutes: MINUTE.set(minute)?,
        hours: u32::try_from(hours).unwrap_or(0),
    };
    let is_open = |field: &str| field.starts_with('*') || field == "?";
    let days = Days {
        months: u16::try_from(months).unwrap_or(0),
        by_number: by_number(day)?,
        by_weekday: by_weekday(weekday)?,
        joined: if is_open(day) || is_open(weekday) {
            Joined::Both
        } else {
            Joined::Either
        },
    };
    if days.can_match() {
        return Ok((times, days.normalised()));
    }
    Err(refused(format!(
        "`{text}` would never fire: no such day is in its months; choose another day or month"
    )))
}

fn nickname(text: &str) -> Result<&'static str, ScheduleError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => {
            return Err(refused(format!(
                "`{text}` is unknown; write @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or five fields"
            )));
        }
    })
}

impl Field {
    const fn numbers(name: &'static str, first: u32, last: u32) -> Self {
        Self {
            name,
            first,
            last,
            named: |_| None,
        }
    }

    fn refused(&self, item: &str, message: &str) -> ScheduleError {
        refused(format!("`{item}` in the field {}: {message}", self.name))
    }

    fn value(&self, item: &str, text: &str) -> Result<u32, ScheduleError> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = if is_number {
            text.parse().ok()
        } else {
            (self.named)(text)
        };
        let (first, last) = (self.first, self.last);
        value
            .filter(|value| (first..=last).contains(value))
            .ok_or_else(|| self.refused(item, &format!("write values from {first} to {last}")))
    }

    /// A field without letters of its own.
    fn set(&self, field: &str) -> Result<u64, ScheduleError> {
        let mut set = 0;
        for item in field.split(',') {
            set |= self.item(item)?;
        }
        Ok(set)
    }

    /// One item: `*`, a value or a range, with or without a step.
    fn item(&self, item: &str) -> Result<u64, ScheduleError> {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => (range, Some(self.step(item, step)?)),
        };
        let (begin, end) = if range == "*" {
            // Sunday counts once, at its first number.
            let last = if self.last == 7 { 6 } else { self.last };
            (self.first, last)
        } else if let Some((begin, end)) = range.split_once('-') {
            (self.value(item, begin)?, self.end(item, begin, end)?)
        } else {
            let value = self.value(item, range)?;
            let end = if step.is_some() { self.last } else { value };
            (value, end)
        };
        if begin > end {
            let message = format!(
                "the range ends before it begins; write two, such as `{begin}-{},{}-{end}`",
                self.last, self.first
            );
            return Err(self.refused(item, &message));
        }
        let mut set = 0;
        for value in (begin..=end).step_by(step.unwrap_or(1) as usize) {
            set |= 1 << value;
        }
        Ok(set)
    }

    /// The end of a range; a week may end on Sunday.
    fn end(&self, item: &str, begin: &str, end: &str) -> Result<u32, ScheduleError> {
        let begin = self.value(item, begin)?;
        let end = self.value(item, end)?;
        let is_sunday = self.last == 7 && end == 0 && begin > 0;
        Ok(if is_sunday { 7 } else { end })
    }

    fn step(&self, item: &str, text: &str) -> Result<u32, ScheduleError> {
        let longest = self.last;
        text.parse()
            .ok()
            .filter(|step| {
                text.bytes().all(|byte| byte.is_ascii_digit()) && (1..=longest).contains(step)
            })
            .ok_or_else(|| self.refused(item, &format!("write a step from 1 to {longest}")))
    }
}

fn by_number(field: &str) -> Result<ByNumber, ScheduleError> {
    let mut found = ByNumber::NONE;
    if field == "?" {
        return by_number("*");
    }
    for item in field.split(',') {
        let upper = item.to_ascii_uppercase();
        if upper == "L" {
            found.from_end |= 1;
        } else if upper == "LW" {
            found.is_last_working = true;
        } else if let Some(before) = upper.strip_prefix("L-") {
            let before = before.parse::<u32>().ok().filter(|before| *before <= 30);
            let before = before.ok_or_else(|| DAY.refused(item, "write L-1 to L-30"))?;
            found.from_end |= 1 << before;
        } else if let Some(day) = upper.strip_suffix('W') {
            found.nearest |= 1 << DAY.value(item, day)?;
        } else {
            let set = DAY.item(item)?;
            found.days |= u32::try_from(set).unwrap_or(0);
        }
    }
    Ok(found)
}

fn by_weekday(field: &str) -> Result<ByWeekday, ScheduleError> {
    let mut found = ByWeekday::NONE;
    if field == "?" {
        return by_weekday("*");
    }
    for item in field.split(',') {
        if let Some((weekday, nth)) = item.split_once('#') {
            let weekday = monday_first(1 << WEEKDAY.value(item, weekday)?);
            let nth = nth
                .parse::<usize>()
                .ok()
                .filter(|nth| (1..=5).contains(nth));
            let nth =
                nth.ok_or_else(|| WEEKDAY.refused(item, "write #1 to #5 behind the weekday"))?;
            found.nth[nth - 1] |= weekday;
        } else if let Some(weekday) = item.strip_suffix(['L', 'l']) {
            if weekday.is_empty() {
                return Err(
                    WEEKDAY.refused(item, "say which weekday is to be the last, such as `FRIL`")
                );
            }
            found.last |= monday_first(1 << WEEKDAY.value(item, weekday)?);
        } else {
            found.every |= monday_first(WEEKDAY.item(item)?);
        }
    }
    Ok(found)
}

/// From bits with Sunday at 0 and 7 to bits with Monday at 0.
fn monday_first(sunday_first: u64) -> u8 {
    let sunday = sunday_first & 1;
    u8::try_from((sunday_first >> 1 | sunday << 6) & 0x7f).unwrap_or(0)
}
