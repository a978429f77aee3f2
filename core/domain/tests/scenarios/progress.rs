//! How far task runs say they are.

use fasti_domain::attempt::{AttemptNews, AttemptReport};
use fasti_domain::definition::{Definition, Task, TaskOptions};
use fasti_domain::event::Event;
use fasti_domain::stages::StageMark;

use crate::batches::{batch, task};
use crate::world::{Held, World, ended};

fn with_stages(stages: Vec<String>) -> Option<Box<TaskOptions>> {
    Some(Box::new(TaskOptions {
        stages,
        ..TaskOptions::default()
    }))
}

fn staged() -> Definition {
    let stages = ["load", "fit"].map(str::to_owned).to_vec();
    batch(
        "b",
        vec![Task {
            options: with_stages(stages),
            ..task("a")
        }],
        &[],
    )
}

fn mark(world: &World, held: Held, stage: &str) -> AttemptReport {
    AttemptReport {
        token: held.token,
        news: AttemptNews::Progressed(StageMark {
            task_run: held.task_run,
            number: held.number,
            stage: stage.to_owned(),
            at: world.now,
            detail: None,
            is_note: false,
        }),
    }
}

fn marks(world: &World) -> Vec<String> {
    let of_event = |event: &Event| match event {
        Event::TaskProgressed(event) => event.marks.iter().map(|it| it.stage.clone()).collect(),
        _ => Vec::new(),
    };
    world
        .log
        .iter()
        .flat_map(|it| of_event(&it.event))
        .collect()
}

#[test]
fn stages_of_the_task_are_recorded_before_the_end() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&staged());
    world.start("a");
    let held = world.held("a");
    world.hush();
    let now = world.now;
    let reports = vec![
        mark(&world, held, "load"),
        mark(&world, held, "unknown"),
        ended(
            held,
            fasti_domain::attempt::Outcome::Exited { code: 0 },
            now,
        ),
        mark(&world, held, "fit"),
    ];
    world.report("r1", reports);
    assert_eq!(marks(&world), ["load", "fit"]);
    assert_eq!(
        world.told()[..2],
        ["task.progressed", "attempt.finished a.1 exit code 0"]
    );
    world.report("r1", vec![mark(&world, held, "fit")]);
    assert_eq!(
        marks(&world).len(),
        2,
        "an attempt that is over passes nothing"
    );
}

#[test]
fn of_a_run_that_is_to_stop_nothing_is_recorded() {
    let mut world = World::new();
    world.join("r1", 1);
    let run = world.run(&staged());
    world.start("a");
    let held = world.held("a");
    world.cancel(run);
    world.report("r1", vec![mark(&world, held, "load")]);
    assert!(marks(&world).is_empty());
}

#[test]
fn stages_are_few_words_without_repetition() {
    let mut world = World::new();
    let many: Vec<String> = (0..15).map(|n| format!("s{n}")).collect();
    for bad in [
        vec![String::new()],
        vec!["a b".to_owned()],
        vec!["a".to_owned(), "a".to_owned()],
        vec!["x".repeat(65)],
        many,
    ] {
        let mut definition = staged();
        definition.tasks[0].options = with_stages(bad);
        let command = fasti_domain::command::Command::SaveBatch {
            definition: crate::batches::hashed(&definition),
            expected_version: None,
        };
        let refusal = world.refused(command);
        assert_eq!(refusal.field().as_deref(), Some("tasks[0].stages"));
    }
}
