//! Whatever operators do, undoing the last of it restores what it changed: a property, with the naive reading of the log
//! that it is held against, and the commands that `undo` speaks of too.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::calendar::NamedCalendar;
use fasti_domain::calendars::CalendarRecord;
use fasti_domain::command::{Command, Hashed, RunSource};
use fasti_domain::definition::{Definition, Tag};
use fasti_domain::event::{Event, Recorded};
use fasti_domain::ids::{BatchId, Digest, RunId, Seq};
use fasti_domain::image::Image;
use fasti_domain::rejection::Rejection;
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;
use fasti_domain::undo::{Before, Pause, Undo, UndoMode, action, changes};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::batches::{admin, batch, hashed, task};
use crate::world::{NOON, World, create_run};

/// What operators have made of things, by a second and naive reading of the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Meaning {
    known: BTreeMap<Digest, Arc<Definition>>,
    definitions: BTreeMap<BatchId, Digest>,
    pauses: BTreeMap<BatchId, Pause>,
    limits: BTreeMap<String, BTreeMap<String, u64>>,
    calendars: BTreeMap<String, (String, Arc<NamedCalendar>)>,
    images: BTreeMap<String, Image>,
    ends: BTreeMap<RunId, Timestamp>,
}

impl Meaning {
    pub(super) fn of(log: &[Recorded]) -> Self {
        let mut meaning = Self::default();
        for recorded in log {
            meaning.see(&recorded.event);
        }
        meaning
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::DefinitionAdded(e) => drop(self.known.insert(e.digest, e.definition.clone())),
            Event::BatchSaved(e) => drop(self.definitions.insert(e.batch, e.definition)),
            Event::BatchDeleted(e) => {
                self.definitions.remove(&e.batch);
                self.pauses.remove(&e.batch);
            }
            Event::BatchPaused(e) => {
                let pause = Pause {
                    reason: e.reason.clone(),
                    until: e.until,
                };
                self.pauses.insert(e.batch, pause);
            }
            Event::BatchResumed(e) => drop(self.pauses.remove(&e.batch)),
            Event::PoolLimited(e) => {
                let pool = self.limits.entry(e.pool.clone()).or_default();
                for (name, units) in &e.limits {
                    match units {
                        Some(units) => drop(pool.insert(name.clone(), *units)),
                        None => drop(pool.remove(name)),
                    }
                }
            }
            Event::CalendarSaved(e) => {
                let record = (e.owner.clone(), e.calendar.clone());
                self.calendars.insert(e.name.clone(), record);
            }
            Event::CalendarRemoved(e) => drop(self.calendars.remove(&e.name)),
            Event::ImageRegistered(e) => {
                self.images.insert(e.image.name.clone(), e.image.clone());
            }
            Event::ImageRemoved(e) => drop(self.images.remove(&e.name)),
            Event::RunCreated(e) => drop(e.ends_at.map(|at| self.ends.insert(e.run, at))),
            Event::RunEndMoved(e) => drop(self.ends.insert(e.run, e.ends_at)),
            _ => {}
        }
    }

    /// The same without the definitions that were ever known: those stay.
    pub(super) fn shown(mut self) -> Self {
        self.known.clear();
        self.limits.retain(|_, limits| !limits.is_empty());
        self
    }

    pub(super) fn before(&self, event: &Event) -> Before {
        let of_batch = event.batch();
        let digest = of_batch.and_then(|id| self.definitions.get(&id));
        let named = match event {
            Event::PoolLimited(e) => &e.pool,
            Event::CalendarSaved(e) => &e.name,
            Event::CalendarRemoved(e) => &e.name,
            Event::ImageRegistered(e) => &e.image.name,
            Event::ImageRemoved(e) => &e.name,
            _ => "",
        };
        let calendar = self.calendars.get(named);
        Before {
            pause: of_batch.and_then(|id| self.pauses.get(&id)).cloned(),
            definition: digest.map(|digest| Hashed {
                digest: *digest,
                definition: self.known[digest].clone(),
            }),
            limits: self.limits.get(named).cloned().unwrap_or_default(),
            calendar: calendar.map(|(owner, calendar)| CalendarRecord {
                version: 1,
                owner: owner.clone(),
                calendar: calendar.clone(),
            }),
            image: self.images.get(named).cloned(),
            ends_at: event.run().and_then(|run| self.ends.get(&run)).copied(),
        }
    }
}

pub(super) fn of(world: &World, seq: Seq) -> Result<Undo, String> {
    let position = usize::try_from(seq.0).unwrap() - 1;
    let event = &world.log[position].event;
    let before = Meaning::of(&world.log[..position]).before(event);
    let action = action(event, before).map_err(|why| why.0.to_string())?;
    Ok(Undo {
        event: seq,
        action,
        mode: UndoMode::Do,
    })
}

pub(super) fn undo(world: &mut World, undo: &Undo) -> Result<Vec<Recorded>, Rejection> {
    let before = world.log.len();
    world.ask_as(admin(), Command::Undo(Box::new(undo.clone())))?;
    Ok(world.log[before..].to_vec())
}

pub(super) fn daily(hour: u32) -> Definition {
    Definition {
        schedule: Schedule {
            at_hours: vec![hour],
            ..Schedule::default()
        },
        ..batch("b", vec![task("a")], &[])
    }
}

pub(super) fn pause(batch: BatchId, until: Option<Timestamp>) -> Command {
    Command::PauseBatch {
        batch,
        reason: Some("holidays".to_owned()),
        until,
    }
}

pub(super) fn limit(name: &str, units: Option<u64>) -> Command {
    Command::LimitPool {
        pool: "p".to_owned(),
        limits: BTreeMap::from([(name.to_owned(), units)]),
    }
}

pub(super) fn calendar(day: &str) -> Command {
    Command::SaveCalendar {
        name: "work".to_owned(),
        calendar: Arc::new(NamedCalendar {
            closed_weekdays: vec![day.to_owned()],
            closed: BTreeMap::new(),
            open: BTreeMap::new(),
        }),
    }
}

pub(super) fn register(path: &str) -> Command {
    Command::RegisterImage {
        image: Image {
            name: "i".to_owned(),
            path: Some(path.to_owned()),
            bundle: None,
            python: None,
            tags: vec![Tag::Dev],
            env: BTreeMap::new(),
            owner: String::new(),
            container: None,
        },
    }
}

/// What operators do, drawn as small numbers.
#[derive(Debug, Clone, Copy)]
enum Done {
    Save(u8),
    Pause(Option<u8>),
    Resume,
    Limit(u8, Option<u8>),
    Calendar(u8),
    NoCalendar,
    Image(u8),
    NoImage,
    Run,
}

fn done() -> impl Strategy<Value = Done> {
    let n = || 0..3_u8;
    prop_oneof![
        n().prop_map(Done::Save),
        proptest::option::of(n()).prop_map(Done::Pause),
        Just(Done::Resume),
        (n(), proptest::option::of(n())).prop_map(|(name, units)| Done::Limit(name, units)),
        n().prop_map(Done::Calendar),
        Just(Done::NoCalendar),
        n().prop_map(Done::Image),
        Just(Done::NoImage),
        Just(Done::Run),
    ]
}

fn command(id: BatchId, done: Done) -> Command {
    match done {
        Done::Save(hour) => Command::SaveBatch {
            definition: hashed(&daily(u32::from(hour))),
            expected_version: None,
        },
        Done::Pause(until) => {
            let until = until.map(|hours| NOON.plus_ms(u64::from(hours + 1) * 3_600_000));
            pause(id, until)
        }
        Done::Resume => Command::ResumeBatch { batch: id },
        Done::Limit(name, units) => limit(["a", "b", "c"][usize::from(name)], units.map(u64::from)),
        Done::Calendar(day) => calendar(["Sat", "Sun", "Mon"][usize::from(day)]),
        Done::NoCalendar => Command::RemoveCalendar {
            name: "work".to_owned(),
        },
        Done::Image(path) => register(["/a", "/b", "/c"][usize::from(path)]),
        Done::NoImage => Command::RemoveImage {
            name: "i".to_owned(),
        },
        Done::Run => create_run(RunSource::Saved(id)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was done before, and whatever else is done in between, undoing the last action restores what it changed;
    /// and an earlier action on the same thing is refused.
    #[test]
    fn an_undo_restores_what_the_action_changed(all in vec(done(), 1..12), last in done()) {
        let mut world = World::new();
        let id = world.save(&daily(8));
        for done in all {
            // Some do not fit what is there.
            drop(world.ask_as(admin(), command(id, done)));
        }
        let (before, length) = (Meaning::of(&world.log).shown(), world.log.len());
        let is_done = world.ask_as(admin(), command(id, last)).is_ok();
        let made = world.log[length..].to_vec();
        let acted = made.iter().find_map(|it| of(&world, it.seq).ok());
        prop_assert!(acted.is_some() || !is_done || made.is_empty(), "{made:?}");
        let Some(wanted) = acted else {
            return Ok(());
        };
        undo(&mut world, &wanted).unwrap();
        prop_assert_eq!(Meaning::of(&world.log).shown(), before);
        // Twice is once.
        let again = undo(&mut world, &wanted);
        let since = &world.log[usize::try_from(wanted.event.0).unwrap()..];
        prop_assert!(since.iter().any(|it| changes(&wanted.action, &it.event)), "{since:?}");
        prop_assert!(again.is_err());
    }
}
