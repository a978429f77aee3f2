//! How a run moves through its graph.

use crate::batches::{batch, chain, parts, task};
use crate::world::World;

#[test]
fn a_chain_runs_one_after_the_other() {
    let mut world = World::new();
    world.join("r1", 4);
    world.hush();
    world.run(&chain("nightly", 2));
    assert_eq!(
        world.told(),
        [
            "definition.added",
            "batch.saved nightly v1 Run",
            "run.created",
            "task.queued a",
            "attempt.leased a.1 -> r1",
            "run.started 2024-03-31",
        ]
    );
    world.start("a");
    world.exit("a", 0);
    assert_eq!(
        world.told(),
        [
            "attempt.started a",
            "attempt.finished a.1 exit code 0",
            "task.finished a success",
            "task.queued b",
            "attempt.leased b.1 -> r1",
        ]
    );
    world.exit("b", 0);
    assert_eq!(
        world.told(),
        [
            "attempt.finished b.1 exit code 0",
            "task.finished b success",
            "run.finished success",
        ]
    );
}

#[test]
fn a_diamond_joins_when_both_sides_are_done() {
    let mut world = World::new();
    world.join("r1", 4);
    let tasks = ["a", "b", "c", "d"].map(task).to_vec();
    let edges = [(0, 1), (0, 2), (1, 3), (2, 3)];
    world.run(&batch("diamond", tasks, &edges));
    world.hush();
    world.exit("a", 0);
    world.exit("c", 0);
    assert_eq!(
        world.told(),
        [
            "attempt.finished a.1 exit code 0",
            "task.finished a success",
            "task.queued b c",
            "attempt.leased b.1 c.1 -> r1",
            "attempt.finished c.1 exit code 0",
            "task.finished c success",
        ]
    );
    world.exit("b", 0);
    assert_eq!(world.told()[2], "task.queued d");
    world.exit("d", 0);
    assert_eq!(world.told().last().unwrap(), "run.finished success");
}

#[test]
fn a_join_waits_for_all_parts() {
    let mut world = World::new();
    world.join("r1", 4);
    let tasks = vec![parts("each", 3), parts("after", 2)];
    world.run(&batch("wide", tasks, &[(0, 1)]));
    assert_eq!(
        world.told()[4..],
        [
            "task.queued each[0] each[1] each[2]",
            "attempt.leased each[0].1 each[1].1 each[2].1 -> r1",
            "run.started 2024-03-31",
        ]
    );
    world.exit("each[2]", 0);
    world.exit("each[0]", 0);
    assert_eq!(
        world.told(),
        [
            "attempt.finished each[2].1 exit code 0",
            "task.finished each[2] success",
            "attempt.finished each[0].1 exit code 0",
            "task.finished each[0] success",
        ]
    );
    world.exit("each[1]", 0);
    assert_eq!(
        world.told()[2..],
        [
            "task.queued after[0] after[1]",
            "attempt.leased after[0].1 after[1].1 -> r1",
        ]
    );
}

#[test]
fn a_failure_skips_what_waits_for_it_at_once_and_nothing_else() {
    let mut world = World::new();
    world.join("r1", 8);
    // each -> sum -> report; alone stands apart, and so does the other side of the report.
    let tasks = vec![
        parts("each", 3),
        task("sum"),
        task("report"),
        task("alone"),
        task("last"),
    ];
    world.run(&batch("wide", tasks, &[(0, 1), (1, 2), (3, 4), (3, 2)]));
    world.hush();
    world.exit("each[1]", 3);
    assert_eq!(
        world.told(),
        [
            "attempt.finished each[1].1 exit code 3",
            "task.attempt_failed each[1] (exit code 3) no tries left",
            "task.finished each[1] failure (exit code 3)",
            "task.skipped sum report (`each[1]` did not succeed)",
        ]
    );
    world.exit("each[0]", 4);
    world.exit("each[2]", 0);
    world.exit("alone", 0);
    assert_eq!(
        world.told()[3..],
        [
            "attempt.finished each[2].1 exit code 0",
            "task.finished each[2] success",
            "attempt.finished alone.1 exit code 0",
            "task.finished alone success",
            "task.queued last",
            "attempt.leased last.1 -> r1",
        ],
        "siblings and other branches go on"
    );
    world.exit("last", 0);
    assert_eq!(
        world.told().last().unwrap(),
        "run.finished failure (`each[1]` failed)"
    );
}

#[test]
fn a_run_takes_its_date_from_the_zone_of_the_schedule() {
    let mut world = World::new();
    world.join("r1", 1);
    let mut definition = chain("tokyo", 1);
    definition.schedule.timezone = Some("Pacific/Kiritimati".to_owned());
    definition.schedule.rundate_offset = Some(-2);
    world.run(&definition);
    assert!(
        world.told().contains(&"run.started 2024-03-30".to_owned()),
        "there it is already the 1st of April"
    );
}
