//! A rule in one plain English sentence, the same for every way of writing the rule down.

use std::fmt::Display;

use super::days::ALL_MONTHS;
use super::days::{ByNumber, ByWeekday, Days, Joined, bits, is_working_week};
use super::named::CalendarMode;
use super::nominal::CalendarUse;
use super::rule::Rule;
use super::times::{ALL_HOURS, ALL_SIXTY, Times};

/// More times of day than this are not listed one by one.
const LISTED_MAX: u64 = 8;

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

impl Rule {
    /// The rule in one sentence, such as `At 08:00 and 16:00 on every day, Europe/Paris`.
    #[must_use]
    pub fn describe(&self) -> String {
        let times = times(&self.nominal.times);
        let days = days(&self.nominal.days);
        let mut text = format!("{times} on {days}, {}", self.zone().name());
        for used in self.nominal.calendars() {
            text.push_str(&calendar(used));
        }
        text
    }
}

fn calendar(used: &CalendarUse) -> String {
    let name = used.calendar.name();
    match used.mode {
        CalendarMode::OnlyOpenDays => format!("; only on open days of the calendar `{name}`"),
        CalendarMode::OnlyClosedDays => format!("; only on closed days of the calendar `{name}`"),
        CalendarMode::NextOpenDay => {
            format!("; moved from closed days of the calendar `{name}` to the next open day")
        }
        CalendarMode::PreviousOpenDay => {
            format!("; moved from closed days of the calendar `{name}` to the open day before")
        }
    }
}

fn times(times: &Times) -> String {
    let is_whole_minutes = times.seconds == 1;
    if let Some(text) = every_hours(times) {
        return text;
    }
    if times.per_day() <= LISTED_MAX {
        return format!("At {}", join(&listed_times(times), "and"));
    }
    let hours = if times.hours == ALL_HOURS {
        String::new()
    } else {
        format!(" {}", within_hours(times.hours))
    };
    if is_whole_minutes {
        return format!("{}{hours}", part_of(times.minutes, "minute", "hour"));
    }
    let minutes = if times.minutes == ALL_SIXTY {
        String::new()
    } else {
        format!(" in {}", numbered(times.minutes, "minute"))
    };
    format!(
        "{}{minutes}{hours}",
        part_of(times.seconds, "second", "minute")
    )
}

/// `Every 2 hours from 00:30`, when that is all and the day has that many hours again and again.
fn every_hours(times: &Times) -> Option<String> {
    if times.seconds != 1 || times.minutes.count_ones() != 1 {
        return None;
    }
    let step = step_of(u64::from(times.hours), 24).filter(|step| (2..=6).contains(step))?;
    let minute = times.minutes.trailing_zeros();
    Some(format!("Every {step} hours from 00:{minute:02}"))
}

fn listed_times(times: &Times) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = times.from(0);
    while let Some(at) = next {
        let (hour, minute, second) = (at / 3600, at / 60 % 60, at % 60);
        found.push(if times.seconds == 1 {
            format!("{hour:02}:{minute:02}")
        } else {
            format!("{hour:02}:{minute:02}:{second:02}")
        });
        next = times.from(at + 1);
    }
    found
}

/// `Every 15 minutes`, `At minute 30 of every hour`.
fn part_of(set: u64, unit: &str, whole: &str) -> String {
    if set == ALL_SIXTY {
        return format!("Every {unit}");
    }
    match step_of(set, 60) {
        Some(step) => format!("Every {step} {unit}s"),
        None => format!("At {} of every {whole}", numbered(set, unit)),
    }
}

/// The step of a set that holds 0 and every so many up to `end`, which the step divides.
fn step_of(set: u64, end: u32) -> Option<u32> {
    let step = (set & !1).trailing_zeros();
    let is_step = step < end
        && end.is_multiple_of(step)
        && set
            == (0..end)
                .step_by(step as usize)
                .fold(0, |set, at| set | 1 << at);
    is_step.then_some(step)
}

fn within_hours(hours: u32) -> String {
    let ranges = ranges(u64::from(hours)).into_iter();
    let ranges: Vec<String> = ranges
        .map(|(first, last)| format!("from {first:02}:00 to {last:02}:59"))
        .collect();
    join(&ranges, "and")
}

fn days(days: &Days) -> String {
    let months = if days.months == ALL_MONTHS {
        String::new()
    } else {
        let names: Vec<&str> = bits(u32::from(days.months))
            .map(|month| MONTHS[month as usize])
            .collect();
        format!(" in {}", join(&names, "and"))
    };
    if days.is_every_day() {
        return format!("every day{months}");
    }
    let numbers = by_number(&days.by_number);
    let weekdays = by_weekday(&days.by_weekday);
    match days.joined {
        Joined::Either => {
            let all: Vec<String> = weekdays.into_iter().chain(numbers).collect();
            format!("{}{months}", join(&all, "and"))
        }
        Joined::Both => format!(
            "{}{months}, if also among {}",
            join(&numbers, "and"),
            join(&weekdays, "and")
        ),
    }
}

fn by_number(days: &ByNumber) -> Vec<String> {
    let mut found = Vec::new();
    if days.days != 0 {
        let days = numbered(u64::from(days.days), "day");
        found.push(format!("{days} of the month"));
    }
    for before in bits(days.from_end) {
        found.push(match before {
            0 => "the last day of the month".to_owned(),
            1 => "the day before the last day of the month".to_owned(),
            _ => format!("the day {before} days before the last day of the month"),
        });
    }
    for day in bits(days.nearest) {
        found.push(format!("the working day nearest to day {day} of the month"));
    }
    if days.is_last_working {
        found.push("the last working day of the month".to_owned());
    }
    found
}

fn by_weekday(days: &ByWeekday) -> Vec<String> {
    let mut found = Vec::new();
    if is_working_week(days.every) {
        found.push("Mondays to Fridays".to_owned());
    } else {
        found.extend(names(days.every).map(|name| format!("{name}s")));
    }
    for (nth, weekdays) in NTH.iter().zip(days.nth) {
        found.extend(names(weekdays).map(|name| format!("the {nth} {name} of the month")));
    }
    found.extend(names(days.last).map(|name| format!("the last {name} of the month")));
    found
}

fn names(weekdays: u8) -> impl Iterator<Item = &'static str> {
    bits(u32::from(weekdays)).map(|weekday| WEEKDAYS[weekday as usize])
}

/// `minute 5`, `minutes 0 to 10 and 30`.
fn numbered(set: u64, unit: &str) -> String {
    let items: Vec<String> = ranges(set)
        .into_iter()
        .flat_map(|(first, last)| match last - first {
            0 => vec![first.to_string()],
            1 => vec![first.to_string(), last.to_string()],
            _ => vec![format!("{first} to {last}")],
        })
        .collect();
    let plural = if set.count_ones() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", join(&items, "and"))
}

/// The runs of neighbouring numbers in a set.
fn ranges(set: u64) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for number in (0..64).filter(|number| set >> number & 1 == 1) {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => found.push((number, number)),
        }
    }
    found
}

/// `a`, `a and b`, `a, b and c`.
fn join<T: Display>(items: &[T], word: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
