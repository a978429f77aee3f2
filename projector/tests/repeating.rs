//! Plans for repetitions, and what becomes of them.

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::command::{Repeats, ReusedNode};
use fasti_core::domain::ids::RunId;
use fasti_core::domain::run::{RunType, TaskStatus};
use fasti_projector::rerun::{Mode, Plan, PlanError, PlanReason, Source, plan};

use crate::world::{World, chain, definition, parallel, task, value};

fn source(world: &World, run: RunId) -> Source {
    world.views().rerun_source(run).unwrap().unwrap()
}

fn reasons(plan: &Plan) -> Vec<PlanReason> {
    plan.nodes.iter().map(|node| node.reason).collect()
}

fn from(names: &[&str]) -> Mode {
    Mode::From(names.iter().map(|&name| name.to_owned()).collect())
}

/// A run of `p[0] p[1]` before `mid` before `end`, and `side` alone, in which `fails` fail.
fn ended(fails: &[u32]) -> (World, RunId) {
    let mut world = World::new();
    world.join("r1", 8);
    let tasks = vec![parallel("p", 2), task("mid"), task("end"), task("side")];
    let batch = world.save(definition("b", tasks, &[(0, 1), (1, 2)]));
    let run = world.run_for(batch, Some("2024-01-02"));
    world.work_off(|id| Outcome::Exited {
        code: i32::from(fails.iter().any(|&index| id == run.task_run(index))),
    });
    (world, run)
}

use PlanReason::{Different, Downstream, Everything, Named, New, NoSuccess, Serves, ValueGone};

#[test]
fn failed_executes_what_failed_and_what_follows() {
    let (world, run) = ended(&[1]);
    let plan = plan(&source(&world, run), &Mode::Failed, &|_| true).unwrap();
    assert_eq!(
        reasons(&plan),
        [Serves, NoSuccess, NoSuccess, NoSuccess, Serves]
    );
    assert_eq!(plan.run_type, RunType::PartialRerun);
    assert_eq!((plan.original, plan.version), (run, Some(1)));
    assert_eq!(plan.rundate.as_deref(), Some("2024-01-02"));
    let reused: Vec<u32> = plan.reused().map(|(node, _)| node).collect();
    assert_eq!(reused, [0, 4]);
    let (_, first) = plan.reused().next().unwrap();
    assert_eq!(
        (first.from, first.result.clone()),
        (run.task_run(0), Some(value(run.task_run(0))))
    );
}

#[test]
fn from_executes_the_named_and_what_follows() {
    let (world, run) = ended(&[]);
    let source = source(&world, run);
    let with = |names: &[&str]| reasons(&plan(&source, &from(names), &|_| true).unwrap());
    assert_eq!(with(&["mid"]), [Serves, Serves, Named, Downstream, Serves]);
    assert_eq!(
        with(&["p[1]"]),
        [Serves, Named, Downstream, Downstream, Serves]
    );
    assert_eq!(
        with(&["p", "side"]),
        [Named, Named, Downstream, Downstream, Named]
    );
    let all = plan(&source, &Mode::All, &|_| true).unwrap();
    assert_eq!(
        (reasons(&all), all.run_type),
        (vec![Everything; 5], RunType::Rerun)
    );
}

#[test]
fn a_value_that_is_gone_is_made_again_when_it_is_needed() {
    let (world, run) = ended(&[]);
    let source = source(&world, run);
    let gone = value(run.task_run(1));
    let stored = |result: &_| *result != gone;
    let plan_of = |names: &[&str]| reasons(&plan(&source, &from(names), &stored).unwrap());
    assert_eq!(
        plan_of(&["mid"]),
        [Serves, ValueGone, Named, Downstream, Serves]
    );
    assert_eq!(
        plan_of(&["end"]),
        [Serves, Serves, Serves, Named, Serves],
        "nobody needs it"
    );
    let nothing = plan(&source, &from(&["end"]), &|_| false).unwrap();
    assert_eq!(
        reasons(&nothing),
        [ValueGone, ValueGone, ValueGone, Named, Serves]
    );
}

#[test]
fn what_cannot_be_repeated_is_refused() {
    let (mut world, run) = ended(&[]);
    let source = source(&world, run);
    let refused = |mode: &Mode| plan(&source, mode, &|_| true).unwrap_err();
    assert_eq!(refused(&Mode::Failed), PlanError::NothingToDo { run });
    assert_eq!(refused(&from(&[])).field().as_deref(), Some("tasks"));
    let unknown = refused(&from(&["mid", "nobody"]));
    assert_eq!(unknown.field().as_deref(), Some("tasks[1]"));
    let batch = world.save(chain("c"));
    let live = world.run(batch);
    let going_on = world.views().rerun_source(live).unwrap().unwrap();
    let refused = plan(&going_on, &Mode::All, &|_| true).unwrap_err();
    assert_eq!(refused, PlanError::NotFinished { run: live });
}

#[test]
fn reuse_of_a_reuse_leads_to_the_first() {
    let (mut world, first) = ended(&[2]);
    let mut original = first;
    for _ in 0..2 {
        let source = source(&world, original);
        let plan = plan(&source, &Mode::Failed, &|_| true).unwrap();
        let reused = plan.reused().map(|(node, reuse)| ReusedNode {
            node,
            reuse: reuse.clone(),
        });
        let repeats = Repeats {
            original,
            version: plan.version,
            reused: reused.collect(),
            signal: None,
        };
        let again = world.rerun(source.definition.clone(), repeats);
        world.work_off(|id| Outcome::Exited {
            code: i32::from(id == again.task_run(2)),
        });
        original = again;
    }
    let views = world.views();
    let old = views.task_run(first.task_run(0)).unwrap().unwrap();
    let seen = views.task_run(original.task_run(0)).unwrap().unwrap();
    assert_eq!(seen.status, TaskStatus::Success);
    assert_eq!(seen.reused_from, Some(first.task_run(0)));
    assert_eq!(
        (seen.started_at, seen.finished_at),
        (old.started_at, old.finished_at)
    );
    assert_eq!((seen.result, seen.attempts.len()), (old.result, 0));
    let run = views.run(original).unwrap().unwrap();
    assert_eq!(run.task_counts.of(TaskStatus::Success), 3);
    assert_ne!(
        run.original_run,
        Some(first),
        "the second repetition is of the first one"
    );
}

#[test]
fn another_version_executes_what_is_new_or_different_in_it() {
    let (mut world, run) = ended(&[]);
    let with = |configuration: &str| {
        let mut mid = task("mid");
        mid.configuration = Some(configuration.to_owned());
        let tasks = vec![
            task("first"),
            parallel("p", 2),
            mid,
            task("end"),
            task("side"),
        ];
        definition("b", tasks, &[(1, 2), (2, 3)])
    };
    let batch = world.save(with(r#"{"changed":true}"#));
    let views = world.views();
    let view = views.batch(batch).unwrap().unwrap();
    let graph = views.graph_of(view.digest).unwrap().unwrap();
    let hashed = fasti_core::domain::command::Hashed {
        digest: view.digest,
        definition: view.definition,
    };
    let renewed = source(&world, run).renewed(Some(view.version), hashed, graph);
    let plan = plan(&renewed, &Mode::Failed, &|_| true).unwrap();
    assert_eq!(
        reasons(&plan),
        [New, Serves, Serves, Different, Downstream, Serves]
    );
    let reused: Vec<_> = plan
        .reused()
        .map(|(node, reuse)| (node, reuse.from))
        .collect();
    assert_eq!(
        reused,
        [
            (1, run.task_run(0)),
            (2, run.task_run(1)),
            (5, run.task_run(4))
        ]
    );
}
