//! Pools hold attempts back and let them go; the runs of a batch are stopped together; a time limit can be final.

use std::collections::BTreeMap;

use fasti_domain::attempt::Outcome;
use fasti_domain::command::Command;
use fasti_domain::definition::{PoolUse, Task, TaskOptions};
use fasti_domain::event::Event;

use crate::batches::{admin, batch, hashed, parts, retried, stranger, task};
use crate::world::World;

/// A task of so many parts that takes so many units of the pool each.
fn pooled(name: &str, count: u32, units: u32) -> Task {
    let used = PoolUse {
        pool: "licences".into(),
        units,
    };
    Task {
        options: Some(Box::new(TaskOptions {
            pool: Some(used),
            ..TaskOptions::default()
        })),
        ..parts(name, count)
    }
}

fn limit(who: &str, units: Option<u64>) -> Command {
    Command::LimitPool {
        pool: "licences".to_owned(),
        limits: BTreeMap::from([(who.to_owned(), units)]),
    }
}

/// An administrator sets a limit.
fn set(world: &mut World, command: Command) {
    world.ask_as(admin(), command).unwrap();
}

fn names(world: &World) -> Vec<String> {
    let held = world.all_held().into_iter();
    held.map(|(name, _)| name).collect()
}

#[test]
fn no_more_is_leased_than_the_smallest_limit_has() {
    let mut world = World::new();
    world.join("r1", 10);
    set(&mut world, limit("a", Some(5)));
    set(&mut world, limit("b", Some(3)));
    world.run(&batch("x", vec![pooled("p", 4, 1)], &[]));
    assert_eq!(names(&world), ["p[0]", "p[1]", "p[2]"]);
    // What ends makes room, and somebody else is let go by a higher limit at once.
    world.exit("p[1]", 0);
    assert_eq!(names(&world), ["p[0]", "p[2]", "p[3]"]);
    world.run(&batch("y", vec![pooled("q", 3, 1)], &[]));
    assert_eq!(names(&world).len(), 3);
    set(&mut world, limit("b", None));
    assert_eq!(names(&world).len(), 5);
    set(&mut world, limit("a", None));
    assert_eq!(names(&world).len(), 6);
}

#[test]
fn a_full_pool_keeps_nobody_else_up() {
    let mut world = World::new();
    world.join("r1", 10);
    set(&mut world, limit("a", Some(2)));
    let wide = vec![
        pooled("first", 1, 1),
        // Wider than the whole pool: it waits and lets others by.
        pooled("never", 1, 9),
        // Room for it comes only if those behind wait too.
        pooled("wide", 1, 2),
        pooled("narrow", 1, 1),
        task("free"),
    ];
    world.run(&batch("x", wide, &[]));
    assert_eq!(names(&world), ["first[0]", "free"]);
    world.exit("first[0]", 0);
    assert_eq!(names(&world), ["wide[0]", "free"]);
    world.exit("wide[0]", 0);
    assert_eq!(names(&world), ["narrow[0]", "free"]);
    world.lose("r1");
    world.join("r2", 10);
    world.pass_ms(0);
    assert_eq!(names(&world), ["narrow[0]", "free"]);
    set(&mut world, limit("a", Some(9)));
    assert_eq!(names(&world), ["narrow[0]", "free"]);
}

#[test]
fn a_limit_is_an_administrators_affair_and_said_once() {
    let mut world = World::new();
    set(&mut world, limit("a", Some(1)));
    let before = world.log.len();
    set(&mut world, limit("a", Some(1)));
    assert_eq!(world.log.len(), before);
    let refused = world.ask_as(stranger(), limit("a", Some(2)));
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let many = (0..17).map(|number| (number.to_string(), Some(1)));
    let many = Command::LimitPool {
        pool: "licences".to_owned(),
        limits: many.collect(),
    };
    let refused = world.ask_as(admin(), many).unwrap_err();
    assert_eq!(refused.code(), "limit");
    let nameless = Command::LimitPool {
        pool: String::new(),
        limits: BTreeMap::new(),
    };
    let refused = world.ask_as(admin(), nameless).unwrap_err();
    assert_eq!(refused.field().as_deref(), Some("pool"));
}

#[test]
fn the_runs_of_a_batch_are_stopped_together() {
    let mut world = World::new();
    world.join("r1", 1);
    let plain = batch("x", vec![task("a")], &[]);
    let id = world.save(&plain);
    let first = world.run_saved(id);
    let mut labelled = plain.clone();
    labelled.labels = vec!["group:one".to_owned()];
    let second = world.run(&labelled);
    let cancel = |label: Option<&str>| Command::CancelBatchRuns {
        batch: id,
        label: label.map(str::to_owned),
        reason: Some("enough".to_owned()),
    };
    let refused = world.ask_as(stranger(), cancel(None));
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    world.ask(cancel(Some("group:one")));
    world.pass_ms(0);
    assert!(world.state.run(second).is_none(), "nothing of it had begun");
    assert!(world.state.run(first).is_some());
    world.ask(cancel(None));
    world.pass_ms(0);
    assert!(world.state.run(first).unwrap().is_stopping());
    // All of them are stopping: there is nothing to put on record.
    let before = world.log.len();
    world.ask(cancel(None));
    assert_eq!(world.log.len(), before);
    world.end("a", Outcome::Stopped);
    assert!(world.state.run(first).is_none());
    let asked = |event: &&fasti_domain::event::Recorded| {
        matches!(event.event, Event::BatchRunsCancelled(_))
    };
    assert_eq!(world.log.iter().filter(asked).count(), 2);
}

#[test]
fn a_time_limit_can_be_final() {
    let mut world = World::new();
    world.join("r1", 2);
    let patient = retried("patient", 2);
    let strict = Task {
        options: Some(Box::new(TaskOptions {
            timeout_is_final: true,
            ..TaskOptions::default()
        })),
        ..retried("strict", 2)
    };
    world.run(&batch("x", vec![patient, strict], &[]));
    world.end("patient", Outcome::TimedOut { limit_ms: 5 });
    world.end("strict", Outcome::TimedOut { limit_ms: 5 });
    world.pass_ms(60_000);
    assert_eq!(names(&world), ["patient"]);
    let wrong = |options: TaskOptions| Task {
        options: Some(Box::new(options)),
        ..task("a")
    };
    let bad = wrong(TaskOptions {
        pool: Some(PoolUse {
            pool: "p".into(),
            units: 0,
        }),
        ..TaskOptions::default()
    });
    let refused = world.refused(Command::SaveBatch {
        definition: hashed(&batch("y", vec![bad], &[])),
        expected_version: None,
    });
    assert_eq!(refused.field().as_deref(), Some("tasks[0].pool"));
}
