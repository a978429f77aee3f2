//! Calendars: saved, used, changed under the batches that use them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use fasti_domain::calendar::{CalendarMode, NamedCalendar};
use fasti_domain::calendars::CalendarRef;
use fasti_domain::command::Command;
use fasti_domain::definition::Definition;
use fasti_domain::event::Event;
use fasti_domain::schedule::Schedule;

use crate::batches::{batch, hashed, stranger, task};
use crate::world::World;

/// Closed on weekends and on these days of April 2024.
fn calendar(closed: &[u32]) -> Arc<NamedCalendar> {
    let date = |day: &u32| {
        (
            NaiveDate::from_ymd_opt(2024, 4, *day).unwrap(),
            String::new(),
        )
    };
    Arc::new(NamedCalendar {
        closed_weekdays: vec!["Sat".to_owned(), "Sun".to_owned()],
        closed: closed.iter().map(date).collect(),
        open: BTreeMap::new(),
    })
}

fn save(calendar: Arc<NamedCalendar>) -> Command {
    Command::SaveCalendar {
        name: "work".to_owned(),
        calendar,
    }
}

fn daily(mode: CalendarMode) -> Definition {
    Definition {
        schedule: Schedule {
            cron: Some("0 8 * * *".to_owned()),
            calendars: vec![CalendarRef {
                name: "work".to_owned(),
                mode,
            }],
            ..Schedule::default()
        },
        ..batch("b", vec![task("a")], &[])
    }
}

/// Slots that fired and plans that were made since the last time.
fn slots(world: &mut World) -> Vec<String> {
    let first = world.hushed();
    let lines = world.log[first..].iter().filter_map(|it| match &it.event {
        Event::ScheduleFired(event) => Some(format!("fired {}", &event.slot.to_string()[..10])),
        Event::SchedulePlanned(event) => Some(format!(
            "next {}",
            &event.next.unwrap().slot.to_string()[..10]
        )),
        _ => None,
    });
    let lines = lines.collect();
    world.hush();
    lines
}

#[test]
fn a_schedule_goes_by_its_calendar() {
    let mut world = World::new();
    // The world begins on Sunday, 31 March 2024.
    world.ask(save(calendar(&[1])));
    world.save(&daily(CalendarMode::OnlyOpenDays));
    assert_eq!(
        slots(&mut world),
        ["next 2024-04-02"],
        "Easter Monday is closed"
    );
    world.pass_ms(2 * 86_400_000);
    assert_eq!(slots(&mut world).len(), 0, "more than an hour late: missed");
    world.pass_ms(20 * 3_600_000);
    assert_eq!(slots(&mut world), ["fired 2024-04-03"]);
}

#[test]
fn a_new_version_counts_from_when_it_is_saved() {
    let mut world = World::new();
    world.ask(save(calendar(&[1])));
    world.save(&daily(CalendarMode::OnlyOpenDays));
    world.join("r1", 1);
    slots(&mut world);
    world.ask(save(calendar(&[2])));
    assert_eq!(slots(&mut world), ["next 2024-04-01"]);
    let before = world.log.len();
    world.ask(save(calendar(&[2])));
    assert_eq!(world.log.len(), before, "the same again is nothing new");
    assert_eq!(world.state.calendar("work").unwrap().version, 2);
    world.now = world.now.plus_ms(20 * 3_600_000);
    // Due, and not yet woken for: the old version speaks of it.
    world.ask(save(calendar(&[1])));
    assert_eq!(slots(&mut world), ["fired 2024-04-01", "next 2024-04-02"]);
}

#[test]
fn what_is_refused() {
    let mut world = World::new();
    let refusal = world.refused(Command::SaveBatch {
        definition: hashed(&daily(CalendarMode::NextOpenDay)),
        expected_version: None,
    });
    assert_eq!(refusal.field().unwrap(), "schedule.calendars");
    world.ask(save(calendar(&[])));
    world.save(&daily(CalendarMode::OnlyOpenDays));
    let remove = || Command::RemoveCalendar {
        name: "work".to_owned(),
    };
    assert_eq!(world.refused(remove()).code(), "calendar_busy");
    let closed = NamedCalendar {
        closed_weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            .map(str::to_owned)
            .to_vec(),
        open: [(NaiveDate::from_ymd_opt(1999, 1, 1).unwrap(), String::new())].into(),
        ..NamedCalendar::default()
    };
    let theirs = world.ask_as(stranger(), save(calendar(&[5])));
    assert_eq!(theirs.unwrap_err().code(), "forbidden");
    world.ask(save(Arc::new(closed)));
    world.save(&batch("b", vec![task("a")], &[]));
    world.ask(remove());
    assert_eq!(world.refused(remove()).code(), "not_found");
}
