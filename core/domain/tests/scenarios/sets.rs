//! Many runs made together, with counts.

use fasti_domain::command::{Command, Force, More};
use fasti_domain::ids::{BatchId, RunSetId};
use fasti_domain::limits::{LIVE_TASK_RUNS_MAX, TASK_RUNS_MAX};

use crate::batches::{batch, chain, parts, task};
use crate::world::{World, made_set};

fn create(batch: BatchId, runs: usize, more: More) -> Command {
    Command::CreateRunSet {
        batch,
        title: "backfill".to_owned(),
        labels: vec!["2024".to_owned()],
        runs: vec![None; runs],
        more,
    }
}

fn add(run_set: RunSetId, runs: usize, more: More) -> Command {
    Command::AddRunSetRuns {
        run_set,
        runs: vec![None; runs],
        more,
    }
}

#[test]
fn a_set_ends_with_the_last_of_its_runs_and_counts_them() {
    let mut world = World::new();
    world.join("r1", 8);
    let batch = world.save(&chain("b", 1));
    let set = made_set(&world.ask(create(batch, 2, More::Yes)));
    world.exit("a", 0);
    world.exit("a", 1);
    assert!(!world.told().contains(&"run_set.finished 1+1-0x".to_owned()));
    assert_eq!(made_set(&world.ask(add(set, 2, More::No))), set);
    let last = world.state.runs().last().unwrap().id;
    assert_eq!(
        world.refused(add(set, 1, More::No)).code(),
        "run_set_closed"
    );
    world.hush();
    world.cancel(last);
    world.end("a", fasti_domain::attempt::Outcome::Stopped);
    world.exit("a", 0);
    assert_eq!(
        world.told().last().unwrap(),
        "run_set.finished 2+1-1x",
        "two succeeded, one failed, one was cancelled"
    );
    assert_eq!(world.refused(add(set, 1, More::No)).code(), "not_found");
}

#[test]
fn an_empty_set_may_be_closed() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    world.hush();
    let set = made_set(&world.ask(create(batch, 0, More::Yes)));
    world.ask(add(set, 0, More::No));
    world.ask(create(batch, 0, More::No));
    assert_eq!(
        world.told(),
        [
            "run_set.created",
            "run_set.closed of 0",
            "run_set.finished 0+0-0x",
            "run_set.created",
            "run_set.closed of 0",
            "run_set.finished 0+0-0x",
        ]
    );
}

#[test]
fn a_set_does_not_outlive_its_batch() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    world.ask(create(batch, 1, More::Yes));
    world.hush();
    let force = Force::Yes;
    world.ask(Command::DeleteBatch { batch, force });
    world.pass_ms(0);
    assert_eq!(
        world.told(),
        [
            "batch.deleted",
            "run_set.closed of 1",
            "run.cancel_requested",
            "task.finished a cancelled (cancelled)",
            "run.finished cancelled (its batch was deleted)",
            "run_set.finished 0+0-1x",
        ]
    );
}

#[test]
fn sets_are_checked() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    let too_many = world.refused(create(batch, 1_001, More::No));
    assert_eq!(too_many.field().unwrap(), "runs");
    let bad_date = Command::CreateRunSet {
        batch,
        title: "t".to_owned(),
        labels: vec![],
        runs: vec![None, Some("tomorrow".to_owned())],
        more: More::No,
    };
    assert_eq!(world.refused(bad_date).field().unwrap(), "runs[1].rundate");
    let nowhere = create(BatchId([0; 16]), 1, More::No);
    assert_eq!(world.refused(nowhere).code(), "not_found");
    let unknown = add(RunSetId(99), 1, More::No);
    assert_eq!(world.refused(unknown).code(), "not_found");
}

#[test]
fn a_thousand_runs_are_one_command() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    world.ask(create(batch, 1_000, More::No));
    assert_eq!(world.state.runs().count(), 1_000);
    assert_eq!(world.state.queued(), 1_000);
}

#[test]
fn task_runs_alive_are_bounded_in_all() {
    let mut world = World::new();
    let most = u32::try_from(TASK_RUNS_MAX).unwrap();
    let id = world.save(&batch("wide", vec![parts("each", most)], &[]));
    let room = usize::try_from(LIVE_TASK_RUNS_MAX).unwrap() / TASK_RUNS_MAX;
    let set = |runs: usize| Command::CreateRunSet {
        batch: id,
        title: "all".to_owned(),
        labels: Vec::new(),
        runs: vec![None; runs],
        more: More::No,
    };
    let refused = world.refused(set(room + 1));
    assert_eq!(refused.code(), "limit");
    assert!(refused.to_string().contains("task runs"), "{refused}");
    world.save(&batch("one", vec![task("t")], &[]));
}
