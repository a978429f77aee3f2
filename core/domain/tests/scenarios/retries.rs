//! Further attempts: after failures of the task's own, and after its runner was lost.

use fasti_domain::attempt::Outcome;
use fasti_domain::definition::{RetryPolicy, Task, TaskOptions};

use crate::batches::{batch, retried};
use crate::world::World;

fn world_with(retries: u32) -> World {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![retried("t", retries)], &[]));
    world.hush();
    world
}

#[test]
fn a_failed_task_is_tried_again_after_the_delay() {
    let mut world = world_with(1);
    world.exit("t", 1);
    assert_eq!(
        world.told()[1..],
        ["task.attempt_failed t (exit code 1) again in 1000 ms"]
    );
    world.pass_ms(999);
    assert!(world.told().is_empty(), "not before its time");
    world.pass_ms(1);
    assert_eq!(world.told(), ["task.queued t", "attempt.leased t.2 -> r1"]);
    world.exit("t", 0);
    assert_eq!(
        world.told()[1..],
        ["task.finished t success", "run.finished success"]
    );
}

#[test]
fn tries_end_with_the_budget() {
    let mut world = world_with(2);
    for _ in 0..2 {
        world.exit("t", 1);
        world.pass_ms(1000);
    }
    world.hush();
    world.end("t", Outcome::Signaled { signal: 9 });
    assert_eq!(
        world.told(),
        [
            "attempt.finished t.3 signal 9",
            "task.attempt_failed t (signal 9) no tries left",
            "task.finished t failure (signal 9)",
            "run.finished failure (`t` failed)",
        ]
    );
}

fn world_by(policy: RetryPolicy) -> World {
    let mut world = World::new();
    world.join("r1", 1);
    let options = TaskOptions {
        retry: Some(policy),
        ..TaskOptions::default()
    };
    let task = Task {
        options: Some(Box::new(options)),
        ..retried("t", 3)
    };
    world.run(&batch("b", vec![task], &[]));
    world.hush();
    world
}

#[test]
fn waits_grow_by_the_policy() {
    let mut world = world_by(RetryPolicy {
        delay_ms: Some(100),
        backoff_percent: Some(300),
        delay_max_ms: Some(500),
        ..RetryPolicy::default()
    });
    for wait in [100, 300, 500] {
        world.exit("t", 1);
        let told = format!("task.attempt_failed t (exit code 1) again in {wait} ms");
        assert_eq!(world.told()[1..], [told]);
        world.pass_ms(wait);
        world.hush();
    }
    world.exit("t", 1);
    assert_eq!(
        world.told()[1],
        "task.attempt_failed t (exit code 1) no tries left"
    );
}

#[test]
fn some_exit_codes_are_not_worth_another_try() {
    let mut world = world_by(RetryPolicy {
        only_codes: vec![75],
        ..RetryPolicy::default()
    });
    world.exit("t", 75);
    assert!(world.told()[1].ends_with("again in 1000 ms"));
    world.pass_ms(1_000);
    world.hush();
    world.exit("t", 1);
    assert_eq!(
        world.told()[1..3],
        [
            "task.attempt_failed t (exit code 1) no tries left",
            "task.finished t failure (exit code 1)"
        ]
    );
}

#[test]
fn a_lost_runner_costs_none_of_the_tasks_own_tries() {
    let mut world = world_with(1);
    for round in 1..=3 {
        world.lose("r1");
        assert_eq!(
            world.told(),
            [
                "runner.lost r1".to_owned(),
                format!("attempt.finished t.{round} lost: gone"),
                "task.attempt_failed t (lost: gone) again in 0 ms".to_owned(),
            ]
        );
        world.pass_ms(0);
        assert_eq!(world.told(), ["task.queued t"]);
        world.join("r1", 1);
        world.hush();
    }
    world.exit("t", 1);
    assert_eq!(
        world.told()[1],
        "task.attempt_failed t (exit code 1) again in 1000 ms"
    );
    world.pass_ms(1000);
    world.hush();
    world.lose("r1");
    assert_eq!(
        world.told()[2..],
        [
            "task.attempt_failed t (lost: gone) no tries left",
            "task.finished t failure (lost: gone)",
            "run.finished failure (`t` failed)",
        ],
        "a task may be what breaks the machines"
    );
}

#[test]
fn spawn_failures_and_time_limits_count_as_failures() {
    let mut world = world_with(1);
    world.end(
        "t",
        Outcome::SpawnFailed {
            errno: 2,
            message: "no such file".to_owned(),
        },
    );
    world.pass_ms(1000);
    world.end("t", Outcome::TimedOut { limit_ms: 50 });
    let told = world.told();
    assert!(told.contains(
        &"task.attempt_failed t (could not start: no such file) again in 1000 ms".to_owned()
    ));
    assert_eq!(told.last().unwrap(), "run.finished failure (`t` failed)");
}

#[test]
fn a_runner_that_ends_gets_nothing_more_and_costs_no_try() {
    let mut world = world_with(0);
    world.end("t", Outcome::Stopped);
    world.pass_ms(0);
    assert_eq!(
        world.told(),
        [
            "attempt.finished t.1 stopped",
            "task.attempt_failed t (its runner was stopped) again in 0 ms",
            "task.queued t",
        ]
    );
    world.join("r2", 1);
    assert_eq!(
        world.told(),
        ["runner.joined r2", "attempt.leased t.2 -> r2"]
    );
}

#[test]
fn a_task_outlives_any_number_of_orderly_shutdowns() {
    let mut world = world_with(0);
    for round in 1..=10 {
        world.end("t", Outcome::Stopped);
        world.pass_ms(0);
        assert_eq!(
            world.told(),
            [
                format!("attempt.finished t.{round} stopped"),
                "task.attempt_failed t (its runner was stopped) again in 0 ms".to_owned(),
                "task.queued t".to_owned(),
            ]
        );
        world.lose("r1");
        world.join("r1", 1);
        world.hush();
    }
    world.exit("t", 0);
    assert_eq!(world.told().last().unwrap(), "run.finished success");
}
