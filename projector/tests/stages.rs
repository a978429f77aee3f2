//! How far the task runs of a task with stages are: counts that add up, and steps in an order of their own.

use std::sync::Arc;

use fasti_core::domain::attempt::{AttemptNews, AttemptReport, Outcome};
use fasti_core::domain::command::Command;
use fasti_core::domain::definition::{Definition, Task, TaskOptions};
use fasti_core::domain::ids::RunId;
use fasti_core::domain::stages::StageMark;
use fasti_projector::rows::{StageCounts, StepKind, StepView};
use fasti_projector::{HistoryTable, MemoryTable, Views};

use crate::history::LITTLE;
use crate::world::{World, chain, definition, parallel};

const STAGES: [&str; 3] = ["load", "fit", "tell"];

fn staged(parts: u32) -> Definition {
    let stages = STAGES.map(str::to_owned).to_vec();
    let task = Task {
        options: Some(Box::new(TaskOptions {
            stages,
            ..TaskOptions::default()
        })),
        ..parallel("p", parts)
    };
    definition("staged", vec![task], &[])
}

/// Every live attempt passes so many stages.
fn pass(world: &mut World, upto: usize) {
    let marks: Vec<_> = world
        .state
        .runs()
        .flat_map(|run| {
            run.live_attempts().map(|(index, live)| {
                let reports = STAGES[..upto].iter().map(|stage| AttemptReport {
                    token: live.token,
                    news: AttemptNews::Progressed(StageMark {
                        task_run: run.id.task_run(index),
                        number: live.number,
                        stage: (*stage).to_owned(),
                        at: world.at,
                        detail: None,
                        is_note: false,
                    }),
                });
                (live.runner.clone(), reports.collect::<Vec<_>>())
            })
        })
        .collect();
    for (runner, reports) in marks {
        world.ask(Command::Report { runner, reports });
    }
}

fn counts(views: &Views, run: RunId) -> StageCounts {
    views.run(run).unwrap().unwrap().stages.unwrap()
}

fn steps(views: &Views, run: RunId) -> Vec<StepView> {
    views.steps(run, 0, 10_000).unwrap().unwrap()
}

#[test]
fn counts_are_cumulative_and_every_end_is_counted_once() {
    let mut world = World::new();
    world.join("r1", 4);
    let batch = world.save(staged(4));
    let run = world.run(batch);
    world.start_all();
    pass(&mut world, 1);
    // Again, as another attempt would: counted once.
    pass(&mut world, 2);
    let seen = counts(&world.views(), run);
    assert_eq!(seen.of(0).unwrap().passed, [4, 4, 0]);
    world.end_all(|id| Outcome::Exited {
        code: i32::from(id.0 % 2 == 0),
    });
    let views = world.views();
    let seen = counts(&views, run);
    assert_eq!(
        seen.of(0).unwrap().passed,
        [4, 4, 2],
        "who succeeds has passed all"
    );
    assert_eq!(
        seen.of(0).unwrap().failed,
        [0, 0, 2],
        "in the stage that it was in"
    );
    let ends = steps(&views, run);
    let of = |kind| ends.iter().filter(|step| step.kind == kind).count();
    assert_eq!((of(StepKind::Succeeded), of(StepKind::Failed)), (2, 2));
    assert_eq!(of(StepKind::Passed(2)), 2);
    assert_eq!(ends.len(), seen.steps as usize);
    assert!(
        ends.windows(2).all(|two| two[0].at_ms < two[1].at_ms),
        "no two alike"
    );
}

#[test]
fn after_a_cancel_nothing_is_counted() {
    let mut world = World::new();
    world.join("r1", 2);
    let batch = world.save(staged(4));
    let run = world.run(batch);
    world.start_all();
    pass(&mut world, 1);
    world.cancel(run);
    let before = counts(&world.views(), run);
    world.end_all(|_| Outcome::Exited { code: 0 });
    let views = world.views();
    assert_eq!(counts(&views, run), before);
    assert_eq!(steps(&views, run).len(), 2);
}

#[test]
fn runs_without_stages_have_none() {
    let mut world = World::new();
    world.join("r1", 1);
    let batch = world.save(chain("plain"));
    let run = world.run(batch);
    world.succeed();
    let views = world.views();
    assert_eq!(views.run(run).unwrap().unwrap().stages, None);
    assert!(steps(&views, run).is_empty());
}

#[test]
fn old_runs_keep_their_steps_on_disk() {
    let mut world = World::new();
    world.join("r1", 50);
    let batch = world.save(staged(300));
    let run = world.run(batch);
    world.succeed();
    for _ in 0..4 {
        world.run(batch);
        world.succeed();
    }
    let table: Arc<dyn HistoryTable> = Arc::new(MemoryTable::default());
    let mut little = Views::with_table(table, LITTLE);
    world.feed_into(&mut little);
    let all = world.views();
    assert_eq!(counts(&little, run), counts(&all, run));
    let wanted = steps(&all, run);
    assert_eq!(wanted.len(), 300 * 4);
    assert_eq!(steps(&little, run), wanted);
    assert_eq!(
        little.steps(run, 395, 20).unwrap().unwrap(),
        wanted[395..415]
    );
    for position in [0, 1, 399, 400, 401, 1_199] {
        let at_ms = wanted[position].at_ms;
        let position = u32::try_from(position).unwrap();
        for views in [&little, &all] {
            assert_eq!(views.first_step_after(run, at_ms).unwrap(), position + 1);
            assert_eq!(views.first_step_after(run, at_ms - 1).unwrap(), position);
        }
        let index = wanted[position as usize].index;
        assert_eq!(
            little.ended_task_run(run, index).unwrap(),
            all.ended_task_run(run, index).unwrap()
        );
    }
}
