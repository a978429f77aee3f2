//! Runs that take over what earlier ones did.

use fasti_domain::attempt::ResultRef;
use fasti_domain::command::{Command, CreateRun, Repeats, ReusedNode, RunSource};
use fasti_domain::definition::Definition;
use fasti_domain::ids::{Digest, RunId, TaskRunId};
use fasti_domain::run::{Reuse, RunType};

use crate::batches::{batch, chain, hashed, parts, task};
use crate::world::{World, made_run};

fn repeat(definition: &Definition, original: RunId, nodes: &[u32]) -> Command {
    let node = |&node: &u32| ReusedNode {
        node,
        reuse: Reuse {
            task_run: TaskRunId(0),
            from: original.task_run(node),
            result: Some(ResultRef {
                sha256: Digest([u8::try_from(node % 256).unwrap(); 32]),
                size: 1,
                format: "pickle".to_owned(),
            }),
            started_at: None,
            finished_at: None,
        },
    };
    Command::CreateRun(CreateRun {
        source: RunSource::Given(hashed(definition)),
        rundate: None,
        run_type: RunType::PartialRerun,
        repeats: Some(Repeats {
            original,
            version: Some(1),
            reused: nodes.iter().map(node).collect(),
            signal: None,
        }),
    })
}

#[test]
fn reused_task_runs_count_at_once() {
    let mut world = World::new();
    world.join("r1", 4);
    let definition = chain("b", 3);
    let original = world.run(&definition);
    world.exit("a", 0);
    world.exit("b", 1);
    world.hush();
    let receipt = world.ask(repeat(&definition, original, &[0]));
    assert_eq!(
        world.told(),
        [
            "run.created",
            "task.reused a",
            "task.queued b",
            "attempt.leased b.1 -> r1",
            "run.started 2024-03-31",
        ]
    );
    let run = world.state.run(made_run(&receipt)).unwrap();
    assert_eq!(run.result(0).unwrap().sha256, Digest([0; 32]));
    world.exit("b", 0);
    world.exit("c", 0);
    assert_eq!(world.told().last().unwrap(), "run.finished success");
}

#[test]
fn a_run_of_which_everything_is_reused_is_over_at_once() {
    let mut world = World::new();
    let definition = chain("b", 2);
    world.ask(repeat(&definition, RunId(1), &[0, 1]));
    assert_eq!(
        world.told()[2..],
        ["run.created", "task.reused a b", "run.finished success"]
    );
}

#[test]
fn parts_are_reused_one_by_one() {
    let mut world = World::new();
    world.join("r1", 4);
    let tasks = vec![parts("each", 4), task("sum")];
    let definition = batch("b", tasks, &[(0, 1)]);
    world.ask(repeat(&definition, RunId(1), &[0, 2, 3]));
    assert_eq!(
        world.told()[4..6],
        ["task.reused each[0] each[2] each[3]", "task.queued each[1]"]
    );
    world.exit("each[1]", 0);
    assert!(world.told().contains(&"task.queued sum".to_owned()));
}

#[test]
fn nonsense_among_the_reused_is_left_out() {
    let mut world = World::new();
    let definition = chain("b", 2);
    world.ask(repeat(&definition, RunId(1), &[0, 0, 7, u32::MAX]));
    assert_eq!(
        world.told()[3..],
        ["task.reused a", "task.queued b"],
        "repetitions and positions that are not there"
    );
}
