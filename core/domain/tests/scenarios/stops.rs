//! Runs that are cancelled, or go on for too long.

use fasti_domain::attempt::Outcome;
use fasti_domain::command::Command;
use fasti_domain::ids::RunId;

use crate::batches::{batch, chain, retried, task};
use crate::world::World;

#[test]
fn a_queued_run_is_cancelled_at_once() {
    let mut world = World::new();
    let run = world.run(&chain("b", 2));
    world.hush();
    world.cancel(run);
    assert_eq!(
        world.told(),
        [
            "run.cancel_requested",
            "task.finished a b cancelled (cancelled)",
            "run.finished cancelled (cancelled)",
        ]
    );
    world.join("r1", 1);
    assert_eq!(world.told(), ["runner.joined r1"], "nothing is left of it");
}

#[test]
fn leased_and_running_attempts_end_when_their_runner_says_so() {
    let mut world = World::new();
    world.join("r1", 2);
    let tasks = ["leased", "running", "queued", "waiting"]
        .map(task)
        .to_vec();
    let run = world.run(&batch("b", tasks, &[(0, 3)]));
    world.start("running");
    world.hush();
    world.cancel(run);
    assert_eq!(
        world.told(),
        [
            "run.cancel_requested",
            "task.finished queued waiting cancelled (cancelled)",
        ]
    );
    world.end("running", Outcome::Stopped);
    assert_eq!(
        world.told(),
        [
            "attempt.finished running.1 stopped",
            "task.finished running cancelled (cancelled)",
        ]
    );
    world.exit("leased", 0);
    assert_eq!(
        world.told(),
        [
            "attempt.finished leased.1 exit code 0",
            "task.finished leased success",
            "run.finished cancelled (cancelled)",
        ],
        "it was done before it could be stopped; its dependents stay cancelled"
    );
}

#[test]
fn what_waits_for_its_next_try_is_cancelled_too() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&batch("b", vec![retried("t", 3)], &[]));
    world.exit("t", 1);
    world.hush();
    world.cancel(run);
    assert_eq!(
        world.told(),
        [
            "run.cancel_requested",
            "task.finished t cancelled (cancelled)",
            "run.finished cancelled (cancelled)",
        ]
    );
    assert_eq!(world.state.next_wake(), None);
    world.pass_ms(5000);
    assert!(world.told().is_empty());
}

#[test]
fn a_failure_while_stopping_is_not_tried_again() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&batch("b", vec![retried("t", 3)], &[]));
    world.cancel(run);
    world.hush();
    world.exit("t", 1);
    assert_eq!(
        world.told(),
        [
            "attempt.finished t.1 exit code 1",
            "task.attempt_failed t (exit code 1) no tries left",
            "task.finished t failure (exit code 1)",
            "run.finished cancelled (cancelled)",
        ]
    );
}

#[test]
fn a_runner_lost_while_stopping_ends_the_run() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&chain("b", 1));
    world.cancel(run);
    world.hush();
    world.lose("r1");
    assert_eq!(
        world.told()[2..],
        [
            "task.finished a cancelled (cancelled)",
            "run.finished cancelled (cancelled)",
        ]
    );
}

#[test]
fn cancelling_twice_changes_nothing() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&chain("b", 1));
    world.cancel(run);
    world.hush();
    world.cancel(run);
    assert!(world.told().is_empty());
    world.end("a", Outcome::Stopped);
    let refused = world.refused(Command::CancelRun { run, reason: None });
    assert_eq!(refused.code(), "not_found");
    let never = Command::CancelRun {
        run: RunId(99_999),
        reason: None,
    };
    assert_eq!(world.refused(never).code(), "not_found");
}

/// One task runs, one waits for a try that is due just when the run must end, one waits.
fn late_world() -> World {
    let mut world = World::new();
    world.join("r1", 2);
    let tasks = vec![task("slow"), retried("flaky", 3), task("after")];
    let mut definition = batch("b", tasks, &[(0, 2)]);
    definition.fail_after_seconds = Some(1);
    world.run(&definition);
    world.exit("flaky", 1);
    world.hush();
    world
}

#[test]
fn a_run_that_goes_on_too_long_fails() {
    let mut world = late_world();
    world.pass_ms(1000);
    assert_eq!(
        world.told(),
        [
            "run.deadline_passed",
            "task.skipped flaky after (fail_after)",
        ],
        "a try that is due at the same moment is not begun"
    );
    world.end("slow", Outcome::Stopped);
    assert_eq!(
        world.told(),
        [
            "attempt.finished slow.1 stopped",
            "task.finished slow failure (fail_after)",
            "run.finished failure (fail_after)",
        ]
    );
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn a_run_that_ends_in_time_has_no_deadline_left() {
    let mut world = World::new();
    world.join("r1", 1);
    let mut definition = chain("b", 1);
    definition.fail_after_seconds = Some(60);
    world.run(&definition);
    assert!(world.state.next_wake().is_some());
    world.exit("a", 0);
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn the_deadline_counts_from_the_start() {
    let mut world = World::new();
    let mut definition = chain("b", 1);
    definition.fail_after_seconds = Some(1);
    world.run(&definition);
    world.pass_ms(10_000);
    assert_eq!(world.state.next_wake(), None, "it only waits");
    world.join("r1", 1);
    assert_eq!(world.state.next_wake(), Some(world.now.plus_ms(1000)));
}

#[test]
fn a_run_past_its_deadline_can_still_be_cancelled() {
    let mut world = late_world();
    world.pass_ms(1000);
    let run = world.state.runs().next().unwrap().id;
    world.cancel(run);
    world.hush();
    world.end("slow", Outcome::Stopped);
    assert_eq!(
        world.told().last().unwrap(),
        "run.finished cancelled (cancelled)"
    );
}
