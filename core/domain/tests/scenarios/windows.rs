//! Runs that start and end at given instants.

use fasti_domain::attempt::Outcome;
use fasti_domain::command::{Command, CreateRun, RunSource, RunWindow};
use fasti_domain::ids::RunId;
use fasti_domain::run::RunType;
use fasti_domain::time::Timestamp;

use crate::batches::chain;
use crate::world::{World, made_run};

fn within(world: &mut World, starts_ms: Option<u64>, ends_ms: Option<u64>) -> Command {
    let batch = world.save(&chain("b", 1));
    let at = |ms: Option<u64>| ms.map(|ms| world.now.plus_ms(ms));
    Command::CreateRunWithin {
        create: CreateRun {
            source: RunSource::Saved(batch),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        },
        window: RunWindow {
            starts_at: at(starts_ms),
            ends_at: at(ends_ms),
        },
    }
}

fn run(world: &mut World, starts_ms: Option<u64>, ends_ms: Option<u64>) -> RunId {
    let command = within(world, starts_ms, ends_ms);
    let run = made_run(&world.ask(command));
    world.hush();
    run
}

#[test]
fn nothing_is_queued_before_the_start() {
    let mut world = World::new();
    world.join("r1", 1);
    let id = run(&mut world, Some(500), None);
    world.pass_ms(499);
    assert!(world.told().is_empty());
    world.pass_ms(1);
    let told = world.told();
    assert_eq!(told[0], "task.queued a");
    assert_eq!(told[1], "attempt.leased a.1 -> r1");
    world.exit("a", 0);
    assert!(world.state.run(id).is_none());
}

#[test]
fn a_start_that_has_passed_is_now() {
    let mut world = World::new();
    world.join("r1", 1);
    let id = run(&mut world, Some(0), None);
    assert!(
        world
            .state
            .run(id)
            .unwrap()
            .live_attempts()
            .next()
            .is_some()
    );
}

#[test]
fn a_run_ends_at_its_end_whether_it_started_or_not() {
    let mut world = World::new();
    run(&mut world, None, Some(1_000));
    world.pass_ms(1_000);
    assert_eq!(
        world.told(),
        [
            "run.deadline_passed",
            "task.skipped a (fail_after)",
            "run.finished failure (fail_after)",
        ]
    );
    world.join("r1", 1);
    run(&mut world, None, Some(1_000));
    world.start("a");
    world.hush();
    world.pass_ms(1_000);
    assert_eq!(world.told(), ["run.deadline_passed"]);
    world.end("a", Outcome::Stopped);
    assert_eq!(
        world.told().last().unwrap(),
        "run.finished failure (fail_after)"
    );
}

#[test]
fn a_run_that_ends_as_it_would_start_does_not_start() {
    let mut world = World::new();
    world.join("r1", 1);
    run(&mut world, Some(400), Some(500));
    world.pass_ms(600);
    assert_eq!(
        world.told(),
        [
            "run.deadline_passed",
            "task.skipped a (fail_after)",
            "run.finished failure (fail_after)",
        ],
        "both instants passed unseen"
    );
}

#[test]
fn a_cancel_before_the_start_leaves_no_timer() {
    let mut world = World::new();
    let id = run(&mut world, Some(500), Some(1_000));
    world.cancel(id);
    assert_eq!(
        world.told().last().unwrap(),
        "run.finished cancelled (cancelled)"
    );
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn an_end_can_be_moved() {
    let mut world = World::new();
    let id = run(&mut world, None, Some(1_000));
    let ends_at = world.now.plus_ms(2_000);
    let command = Command::MoveRunEnd { run: id, ends_at };
    world.ask(command.clone());
    world.ask(command);
    assert_eq!(
        world.told(),
        ["run.end_moved"],
        "the same again changes nothing"
    );
    world.pass_ms(1_500);
    assert!(world.told().is_empty());
    world.pass_ms(500);
    assert_eq!(world.told()[0], "run.deadline_passed");
}

#[test]
fn windows_without_room_are_refused() {
    let mut world = World::new();
    for (starts, ends) in [
        (Some(500), Some(500)),
        (Some(500), Some(400)),
        (None, Some(0)),
    ] {
        let command = within(&mut world, starts, ends);
        assert_eq!(world.refused(command).field().as_deref(), Some("ends_at"));
    }
    let id = run(&mut world, Some(500), None);
    let ends_at = world.now.plus_ms(300);
    let refusal = world.refused(Command::MoveRunEnd { run: id, ends_at });
    assert_eq!(refusal.field().as_deref(), Some("ends_at"));
    let unknown = Command::MoveRunEnd {
        run: RunId(9_999),
        ends_at: Timestamp(i64::MAX),
    };
    assert_eq!(world.refused(unknown).code(), "not_found");
}
