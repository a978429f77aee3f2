//! What runners say: once, twice, too late, wrongly.

use fasti_domain::attempt::Outcome;
use fasti_domain::command::Command;
use fasti_domain::event::Event;
use fasti_domain::ids::{TaskRunId, Token};

use crate::batches::{batch, chain, retried, runner_id, task};
use crate::world::{Held, World, ended, started};

const GOOD: Outcome = Outcome::Exited { code: 0 };

#[test]
fn a_repeated_report_changes_nothing() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&chain("b", 2));
    let held = world.held("a");
    world.hush();
    let start = started(held, world.now);
    world.report("r1", vec![start.clone(), start.clone()]);
    world.report("r1", vec![start.clone()]);
    assert_eq!(world.told(), ["attempt.started a"]);
    let end = ended(held, GOOD, world.now);
    world.report("r1", vec![end.clone(), end.clone()]);
    assert_eq!(world.told()[0], "attempt.finished a.1 exit code 0");
    world.report("r1", vec![start, end]);
    assert_eq!(
        world.told(),
        ["attempt.reported_late"],
        "kept as evidence; the start says nothing new"
    );
}

#[test]
fn an_attempt_may_start_and_end_in_one_message() {
    let mut world = World::new();
    world.join("r1", 2);
    world.run(&batch("b", vec![task("a"), task("b")], &[]));
    world.hush();
    let (a, b) = (world.held("a"), world.held("b"));
    let now = world.now;
    let reports = vec![
        started(a, now),
        ended(b, Outcome::Exited { code: 2 }, now),
        ended(a, GOOD, now),
    ];
    world.report("r1", reports);
    assert_eq!(
        world.told(),
        [
            "attempt.started a",
            "attempt.finished b.1 exit code 2 a.1 exit code 0",
            "task.finished a success",
            "task.attempt_failed b (exit code 2) no tries left",
            "task.finished b failure (exit code 2)",
            "run.finished failure (`b` failed)",
        ]
    );
}

#[test]
fn an_old_attempt_cannot_end_a_new_one() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![retried("t", 1)], &[]));
    let old = world.held("t");
    world.lose("r1");
    world.join("r1", 1);
    world.pass_ms(0);
    let new = world.held("t");
    assert_eq!((new.number, old.number), (2, 1));
    assert_ne!(new.token, old.token);
    world.hush();
    let now = world.now;
    let with_new_number = Held { number: 2, ..old };
    let with_new_token = Held {
        token: new.token,
        ..old
    };
    for wrong in [old, with_new_number, with_new_token] {
        world.report("r1", vec![started(wrong, now), ended(wrong, GOOD, now)]);
        assert_eq!(world.told(), ["attempt.reported_late"]);
    }
    world.exit("t", 0);
    assert_eq!(world.told().last().unwrap(), "run.finished success");
}

#[test]
fn reports_of_nothing_known_are_evidence_only() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&chain("b", 1));
    let mut held = world.held("a");
    world.hush();
    let now = world.now;
    for id in [0, run.0, run.0 + 2, u64::MAX] {
        held.task_run = TaskRunId(id);
        world.report("r1", vec![ended(held, GOOD, now)]);
    }
    held = Held {
        token: Token([0; 16]),
        ..world.held("a")
    };
    world.report("r1", vec![ended(held, GOOD, now)]);
    assert_eq!(world.told(), ["attempt.reported_late"; 5]);
}

#[test]
fn an_unknown_runner_must_say_hello_first() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&chain("b", 1));
    let report = ended(world.held("a"), GOOD, world.now);
    world.lose("r1");
    let command = Command::Report {
        runner: runner_id("r1"),
        reports: vec![report],
    };
    assert_eq!(world.refused(command.clone()).code(), "unknown_runner");
    world.join("r1", 1);
    world.hush();
    world.ask(command);
    assert_eq!(
        world.told()[0],
        "attempt.reported_late",
        "its attempt was lost with it"
    );
}

#[test]
fn the_slot_of_the_lease_becomes_free_whoever_brings_the_news() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&chain("b", 2));
    world.join("r2", 1);
    let report = ended(world.held("a"), GOOD, world.now);
    world.report("r2", vec![report]);
    let held = |name| world.state.runner(&runner_id(name)).unwrap().held.len();
    assert_eq!(held("r1") + held("r2"), 1, "only `b` is held");
}

#[test]
fn clocks_of_runners_may_say_anything() {
    let mut world = World::new();
    world.join("r1", 1);
    let tasks = ["a", "b", "c", "d"].map(task).to_vec();
    world.run(&batch("b", tasks, &[(0, 1), (1, 2), (2, 3)]));
    let clocks = [
        ("a", i64::MIN, i64::MAX),
        ("b", i64::MAX, i64::MIN),
        ("c", 0, i64::MAX - 1),
        ("d", 5, 5),
    ];
    for (name, from, to) in clocks {
        let held = world.held(name);
        let start = started(held, fasti_domain::time::Timestamp(from));
        let end = ended(held, GOOD, fasti_domain::time::Timestamp(to));
        world.report("r1", vec![start, end]);
    }
    assert_eq!(world.told().last().unwrap(), "run.finished success");
}

#[test]
fn long_messages_are_cut() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&chain("b", 1));
    let message = "é".repeat(100_000);
    world.end("a", Outcome::SpawnFailed { errno: 0, message });
    for recorded in &world.log {
        if let Event::AttemptFinished(event) = &recorded.event {
            let summary = event.ends[0].outcome.summary();
            assert!(summary.len() < 3_000, "{} bytes", summary.len());
        }
    }
}
