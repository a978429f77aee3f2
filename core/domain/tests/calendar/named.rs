//! Named calendars: what they leave out, what they move, and how several go together.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use fasti_domain::calendar::{CalendarMode, CalendarUse, CompiledCalendar, NamedCalendar, Rule};
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;

use super::naive::{Draw, Drawn};
use super::{at, cron, rule, slots};

fn dates(dates: &[&str]) -> BTreeMap<NaiveDate, String> {
    let parsed = |date: &&str| (date.parse().unwrap(), String::new());
    dates.iter().map(parsed).collect()
}

fn weekend() -> Vec<String> {
    vec!["Sat".to_owned(), "Sunday".to_owned()]
}

/// Weekends, Christmas, New Year, and a Saturday of work.
fn trading_days() -> NamedCalendar {
    NamedCalendar {
        closed_weekdays: weekend(),
        closed: dates(&["2024-12-25", "2024-12-26", "2025-01-01"]),
        open: dates(&["2024-12-28"]),
    }
}

fn used(calendar: &NamedCalendar, mode: CalendarMode) -> CalendarUse {
    CalendarUse {
        calendar: Arc::new(calendar.compile("trading").unwrap()),
        mode,
    }
}

fn with(text: &str, calendar: &NamedCalendar, mode: CalendarMode) -> Rule {
    rule(&cron(text, "UTC"))
        .with_calendar(used(calendar, mode))
        .unwrap()
}

#[test]
fn open_days_only() {
    let rule = with("0 9 * * *", &trading_days(), CalendarMode::OnlyOpenDays);
    assert_eq!(
        slots(&rule, "2024-12-24T00:00:00Z", 6),
        [
            "2024-12-24T09:00Z",
            "2024-12-27T09:00Z",
            "2024-12-28T09:00Z",
            "2024-12-30T09:00Z",
            "2024-12-31T09:00Z",
            "2025-01-02T09:00Z"
        ]
    );
    assert_eq!(
        rule.describe(),
        "At 09:00 on every day, UTC; only on open days of the calendar `trading`"
    );
}

#[test]
fn closed_days_only() {
    let rule = with("0 9 * * *", &trading_days(), CalendarMode::OnlyClosedDays);
    assert_eq!(
        slots(&rule, "2024-12-24T00:00:00Z", 4),
        [
            "2024-12-25T09:00Z",
            "2024-12-26T09:00Z",
            "2024-12-29T09:00Z",
            "2025-01-01T09:00Z"
        ]
    );
}

#[test]
fn slots_move_to_the_next_open_day() {
    let rule = with("0 9 1,25 * *", &trading_days(), CalendarMode::NextOpenDay);
    assert_eq!(
        slots(&rule, "2024-12-01T00:00:00Z", 4),
        [
            "2024-12-02T09:00Z",
            "2024-12-27T09:00Z",
            "2025-01-02T09:00Z",
            "2025-01-27T09:00Z"
        ]
    );
    // Two days that move to the same one are one slot.
    let rule = with(
        "0 9 25,26,27 12 *",
        &trading_days(),
        CalendarMode::NextOpenDay,
    );
    assert_eq!(
        slots(&rule, "2024-12-01T00:00:00Z", 2),
        ["2024-12-27T09:00Z", "2025-12-25T09:00Z"]
    );
}

#[test]
fn slots_move_to_the_open_day_before() {
    let rule = with(
        "0 9 1,26 * *",
        &trading_days(),
        CalendarMode::PreviousOpenDay,
    );
    assert_eq!(
        slots(&rule, "2024-12-02T00:00:00Z", 3),
        [
            "2024-12-24T09:00Z",
            "2024-12-31T09:00Z",
            "2025-01-24T09:00Z"
        ]
    );
    assert_eq!(
        rule.describe(),
        "At 09:00 on days 1 and 26 of the month, UTC; moved from closed days of the calendar `trading` to the open day before"
    );
}

#[test]
fn a_slot_moves_by_no_more_than_a_month() {
    let listed = NamedCalendar {
        closed_weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            .map(str::to_owned)
            .into(),
        closed: BTreeMap::new(),
        open: dates(&["2024-03-01", "2024-06-30"]),
    };
    let from = |text| with(text, &listed, CalendarMode::NextOpenDay);
    assert_eq!(
        slots(&from("0 0 30 1 *"), "2024-01-01T00:00:00Z", 9),
        ["2024-03-01T00:00Z"]
    );
    let too_far = from("0 0 29 1 *");
    assert!(!too_far.can_fire());
    assert_eq!(too_far.next_after(at("2024-01-01T00:00:00Z")), None);
    assert_eq!(too_far.prev_before(at("2034-01-01T00:00:00Z")), None);
    // A calendar that ends leaves an end.
    let daily = with("@daily", &listed, CalendarMode::OnlyOpenDays);
    assert!(daily.can_fire());
    assert_eq!(
        slots(&daily, "2024-01-01T00:00:00Z", 9),
        ["2024-03-01T00:00Z", "2024-06-30T00:00Z"]
    );
}

#[test]
fn calendars_act_one_after_the_other() {
    let holidays = NamedCalendar {
        closed: dates(&["2024-05-06"]),
        ..NamedCalendar::default()
    };
    let weekends = NamedCalendar {
        closed_weekdays: weekend(),
        ..NamedCalendar::default()
    };
    let rule = with("0 0 4 5 *", &weekends, CalendarMode::NextOpenDay)
        .with_calendar(used(&holidays, CalendarMode::NextOpenDay))
        .unwrap();
    assert_eq!(
        slots(&rule, "2024-05-01T00:00:00Z", 1),
        ["2024-05-07T00:00Z"]
    );
    let mut many = rule;
    for _ in 2..4 {
        many = many
            .with_calendar(used(&holidays, CalendarMode::OnlyOpenDays))
            .unwrap();
    }
    let refusal = many
        .with_calendar(used(&holidays, CalendarMode::OnlyOpenDays))
        .unwrap_err();
    assert_eq!(refusal.field, "calendars");
}

#[test]
fn calendars_that_are_none() {
    let field = |calendar: &NamedCalendar| calendar.compile("wrong").unwrap_err().field;
    let wrong = |closed_weekdays: &[&str], closed, open| NamedCalendar {
        closed_weekdays: closed_weekdays
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        closed,
        open,
    };
    let none = BTreeMap::new;
    assert_eq!(
        field(&wrong(&["Funday"], none(), none())),
        "closed_weekdays"
    );
    let week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    assert_eq!(field(&wrong(&week, none(), none())), "closed_weekdays");
    let day = || dates(&["2024-05-06"]);
    assert_eq!(field(&wrong(&[], day(), day())), "open");
    assert_eq!(field(&wrong(&[], dates(&["2200-01-01"]), none())), "closed");
    assert_eq!(field(&wrong(&[], none(), dates(&["1969-12-31"]))), "open");
    let labelled = BTreeMap::from([("2024-05-06".parse().unwrap(), "x".repeat(201))]);
    assert_eq!(field(&wrong(&[], labelled, none())), "closed");
}

/// Days 2024-01-01 to 2024-12-31 on which a naive reckoning of one calendar has a slot.
fn naive_days(drawn: &Drawn, calendar: &CompiledCalendar, mode: CalendarMode) -> Vec<NaiveDate> {
    let first: NaiveDate = "2023-11-01".parse().unwrap();
    let year = |date: &NaiveDate| date.to_string().starts_with("2024");
    let all: Vec<NaiveDate> = (0..500).map(|after| first + Days::new(after)).collect();
    let target = |date: NaiveDate| -> Option<NaiveDate> {
        let away = |away: u64| match mode {
            CalendarMode::NextOpenDay => date + Days::new(away),
            CalendarMode::PreviousOpenDay => date - Days::new(away),
            CalendarMode::OnlyOpenDays | CalendarMode::OnlyClosedDays => date,
        };
        match mode {
            CalendarMode::OnlyClosedDays => (!calendar.is_open(date)).then_some(date),
            CalendarMode::OnlyOpenDays => calendar.is_open(date).then_some(date),
            CalendarMode::NextOpenDay | CalendarMode::PreviousOpenDay => {
                (0..=31).map(away).find(|date| calendar.is_open(*date))
            }
        }
    };
    let mut days: Vec<NaiveDate> = all
        .into_iter()
        .filter(|date| drawn.has_date(*date))
        .filter_map(target)
        .filter(year)
        .collect();
    days.sort();
    days.dedup();
    days
}

#[test]
fn drawn_calendars_agree_with_a_naive_reckoning() {
    let modes = [
        CalendarMode::OnlyOpenDays,
        CalendarMode::OnlyClosedDays,
        CalendarMode::NextOpenDay,
        CalendarMode::PreviousOpenDay,
    ];
    let mut draw = Draw(7);
    for round in 0..400_usize {
        let drawn = Drawn::draw(&mut draw, "UTC");
        let mut calendar = trading_days();
        calendar.open.clear();
        let first: NaiveDate = "2023-11-01".parse().unwrap();
        // Now and then a long time is closed.
        let mut day = 0;
        while day < 500 {
            let length = if draw.within(1, 8) == 1 {
                draw.within(1, 60)
            } else {
                1
            };
            for closed in day..day + length {
                let date = first + Days::new(u64::from(closed));
                calendar.closed.insert(date, String::new());
            }
            day += length + draw.within(1, 40);
        }
        if round / 4 % 3 == 2 {
            // Closed days alone: what is to be done on these is a list, too.
            calendar.closed_weekdays.clear();
        }
        if round / 4 % 3 == 1 {
            // The same days as a list: open, and no others.
            calendar = NamedCalendar {
                closed_weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
                    .map(str::to_owned)
                    .into(),
                open: calendar.closed,
                ..NamedCalendar::default()
            };
        }
        let mode = modes[round % 4];
        let used = used(&calendar, mode);
        let expected = naive_days(&drawn, &used.calendar, mode);
        let rule = rule(&drawn.schedule).with_calendar(used).unwrap();
        let mut found: Vec<NaiveDate> = Vec::new();
        let mut slot = rule.next_from(at("2024-01-01T00:00:00Z"));
        while let Some(present) = slot.filter(|slot| *slot < at("2025-01-01T00:00:00Z")) {
            found.push(present.date_utc());
            let end = present.date_utc() + Days::new(1);
            let midnight: Timestamp = end.and_hms_opt(0, 0, 0).unwrap().and_utc().into();
            slot = rule.next_from(midnight);
        }
        assert_eq!(found, expected, "{mode:?} {:?}", drawn.schedule);
        let mut back: Vec<NaiveDate> = Vec::new();
        let mut slot = rule.prev_before(at("2025-01-01T00:00:00Z"));
        while let Some(present) = slot.filter(|slot| *slot >= at("2024-01-01T00:00:00Z")) {
            back.insert(0, present.date_utc());
            let midnight = present.date_utc().and_hms_opt(0, 0, 0).unwrap();
            slot = rule.prev_before(midnight.and_utc().into());
        }
        assert_eq!(back, expected, "{mode:?} {:?}", drawn.schedule);
        let (first, last) = (at("2023-12-31T23:59:59Z"), at("2024-12-31T23:59:59Z"));
        let per_day = (0..1440).filter(|minute| drawn.has_time(*minute)).count();
        assert_eq!(
            rule.count_between(first, last),
            (expected.len() * per_day) as u64
        );
    }
}

#[test]
fn a_calendar_without_closed_days_changes_nothing() {
    let schedule = Schedule {
        every_hour: Some(3),
        ..Schedule::default()
    };
    let open = NamedCalendar::default();
    let moved = rule(&schedule)
        .with_calendar(used(&open, CalendarMode::NextOpenDay))
        .unwrap();
    let span = (at("2024-01-01T00:00:00Z"), at("2034-01-01T00:00:00Z"));
    assert_eq!(
        moved.count_between(span.0, span.1),
        rule(&schedule).count_between(span.0, span.1)
    );
}
