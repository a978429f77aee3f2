//! Schedules drawn at random, each with a naive test of a nominal minute that shares nothing with the rules under
//! test: it asks of one date and one time whether they are wanted.

use chrono::{Datelike, NaiveDate, Weekday};
use fasti_domain::schedule::{FirstLast, Schedule};

/// A small generator: the same draws on every machine.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `first` to `last`.
    pub(super) fn within(&mut self, first: u32, last: u32) -> u32 {
        first + (self.next() % u64::from(last - first + 1)) as u32
    }

    /// True once in `times`.
    fn once_in(&mut self, times: u32) -> bool {
        self.within(1, times) == 1
    }

    fn some(&mut self, first: u32, last: u32) -> Vec<u32> {
        let count = self.within(1, 4);
        (0..count).map(|_| self.within(first, last)).collect()
    }
}

const WEEKDAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// One kind of day.
#[derive(Debug, Clone)]
enum Wanted {
    Every,
    On(Weekday),
    Number(u32),
    Nth(Weekday, u32),
    Last(Weekday),
    LastOfMonth,
    LastWorking,
    NearestWorking(u32),
}

impl Wanted {
    fn has(&self, date: NaiveDate) -> bool {
        let length = u32::from(date.num_days_in_month());
        match self {
            Self::Every => true,
            Self::On(weekday) => date.weekday() == *weekday,
            Self::Number(day) => date.day() == *day,
            Self::Nth(weekday, nth) => {
                date.weekday() == *weekday && (date.day() - 1) / 7 + 1 == *nth
            }
            Self::Last(weekday) => date.weekday() == *weekday && date.day() + 7 > length,
            Self::LastOfMonth => date.day() == length,
            Self::LastWorking => {
                is_working(date)
                    && (date.day() + 1..=length).all(|day| !is_working(date.with_day(day).unwrap()))
            }
            Self::NearestWorking(day) => {
                let Some(wished) = date.with_day(*day) else {
                    return false;
                };
                let candidates = (1..=length)
                    .map(|day| date.with_day(day).unwrap())
                    .filter(|candidate| is_working(*candidate));
                // Of a Saturday's neighbours the Friday is nearer, of a Sunday's the Monday.
                candidates.min_by_key(|candidate| (*candidate - wished).num_days().abs())
                    == Some(date)
            }
        }
    }
}

fn is_working(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// A schedule, and what it wants.
pub(super) struct Drawn {
    pub(super) schedule: Schedule,
    minutes: Vec<u32>,
    hours: Vec<u32>,
    months: Vec<u32>,
    numbers: Vec<Wanted>,
    weekdays: Vec<Wanted>,
    is_either: bool,
}

impl Drawn {
    pub(super) fn has_date(&self, date: NaiveDate) -> bool {
        let has = |wanted: &[Wanted]| wanted.iter().any(|one| one.has(date));
        let (number, weekday) = (has(&self.numbers), has(&self.weekdays));
        let is_day = if self.is_either {
            number || weekday
        } else {
            number && weekday
        };
        is_day && self.months.contains(&date.month())
    }

    pub(super) fn has_time(&self, minute_of_day: u32) -> bool {
        self.hours.contains(&(minute_of_day / 60)) && self.minutes.contains(&(minute_of_day % 60))
    }

    pub(super) fn is_free_running(&self) -> bool {
        (0..24).all(|hour| self.hours.contains(&hour))
    }

    /// A schedule in a zone; one in four is a cron text.
    pub(super) fn draw(draw: &mut Draw, zone: &str) -> Self {
        let mut drawn = if draw.once_in(4) {
            Self::of_cron(draw)
        } else {
            Self::of_fields(draw)
        };
        drawn.schedule.timezone = Some(zone.to_owned());
        drawn
    }

    fn of_fields(draw: &mut Draw) -> Self {
        let mut schedule = Schedule::default();
        let mut minutes = Vec::new();
        let mut hours = Vec::new();
        let mut months = Vec::new();
        if draw.once_in(2) {
            schedule.at_minutes = draw.some(0, 59);
            minutes.extend(&schedule.at_minutes);
        }
        if draw.once_in(4) {
            let step = draw.within(1, 59);
            schedule.every_minute = Some(step);
            minutes.extend((0..60).filter(|minute| minute % step == 0));
        }
        if draw.once_in(2) {
            // Most clocks change in the small hours.
            let last = if draw.once_in(2) { 3 } else { 23 };
            schedule.at_hours = draw.some(0, last);
            hours.extend(&schedule.at_hours);
        }
        if draw.once_in(5) {
            let step = draw.within(1, 23);
            schedule.every_hour = Some(step);
            hours.extend((0..24).filter(|hour| hour % step == 0));
        }
        let mut days = days_of_fields(draw, &mut schedule);
        if draw.once_in(8) {
            // With March and October in it, since the other drawn months seldom see a change.
            schedule.in_months = draw.some(1, 12);
            schedule.in_months.extend([3, 10]);
            months.extend(&schedule.in_months);
        }
        if minutes.is_empty() && hours.is_empty() && days.is_empty() && months.is_empty() {
            schedule.every_hour = Some(2);
            hours.extend((0..24).filter(|hour| hour % 2 == 0));
        }
        let is_finer_given = !minutes.is_empty() || !hours.is_empty();
        if hours.is_empty() {
            hours.extend(if minutes.is_empty() { 0..1 } else { 0..24 });
        }
        if minutes.is_empty() {
            minutes.push(0);
        }
        if days.is_empty() {
            days.push(if is_finer_given {
                Wanted::Every
            } else {
                Wanted::Number(1)
            });
        }
        if months.is_empty() {
            months.extend(1..=12);
        }
        Self {
            schedule,
            minutes,
            hours,
            months,
            numbers: days,
            weekdays: Vec::new(),
            is_either: true,
        }
    }

    fn of_cron(draw: &mut Draw) -> Self {
        let minutes = draw.some(0, 59);
        let hours = if draw.once_in(3) {
            (0..24).collect()
        } else {
            draw.some(0, 23)
        };
        let (day, numbers) = match draw.within(1, 8) {
            1 => ("L".to_owned(), Wanted::LastOfMonth),
            2 => ("LW".to_owned(), Wanted::LastWorking),
            3 => {
                let day = draw.within(1, 31);
                (format!("{day}w"), Wanted::NearestWorking(day))
            }
            4 | 5 => {
                let day = draw.within(1, 28);
                (day.to_string(), Wanted::Number(day))
            }
            _ => ("*".to_owned(), Wanted::Every),
        };
        let weekday = draw.within(0, 6);
        let named = WEEKDAYS[(weekday as usize + 6) % 7];
        let (text, weekdays) = match draw.within(1, 5) {
            1 => (named.to_string(), Wanted::On(named)),
            2 => {
                let nth = draw.within(1, 5);
                (format!("{weekday}#{nth}"), Wanted::Nth(named, nth))
            }
            3 => (format!("{weekday}L"), Wanted::Last(named)),
            _ => ("?".to_owned(), Wanted::Every),
        };
        let is_either = day != "*" && text != "?";
        let schedule = Schedule {
            cron: Some(format!(
                "{} {} {day} * {text}",
                list(&minutes),
                list(&hours)
            )),
            ..Schedule::default()
        };
        Self {
            schedule,
            minutes,
            hours,
            months: (1..=12).collect(),
            numbers: vec![numbers],
            weekdays: vec![weekdays],
            is_either,
        }
    }
}

fn days_of_fields(draw: &mut Draw, schedule: &mut Schedule) -> Vec<Wanted> {
    let mut days = Vec::new();
    if draw.once_in(4) {
        for _ in 0..draw.within(1, 3) {
            let weekday = WEEKDAYS[draw.within(0, 6) as usize];
            schedule.weekdays.push(weekday.to_string());
            days.push(Wanted::On(weekday));
        }
    }
    if draw.once_in(8) {
        let day = draw.within(1, 31);
        schedule.day_of_month = Some(day);
        days.push(Wanted::Number(day));
    }
    if draw.once_in(8) {
        days.push(first_last(draw, schedule));
    }
    days
}

fn first_last(draw: &mut Draw, schedule: &mut Schedule) -> Wanted {
    const WHICH: [&str; 5] = ["First", "Second", "Third", "Fourth", "Fifth"];
    let weekday = WEEKDAYS[draw.within(0, 6) as usize];
    let nth = draw.within(1, 6);
    let which = WHICH.get(nth as usize - 1).unwrap_or(&"Last");
    schedule.first_last = Some(FirstLast {
        weekday: weekday.to_string(),
        which: (*which).to_owned(),
    });
    if nth == 6 {
        Wanted::Last(weekday)
    } else {
        Wanted::Nth(weekday, nth)
    }
}

fn list(values: &[u32]) -> String {
    let values: Vec<String> = values.iter().map(u32::to_string).collect();
    values.join(",")
}
