//! What views say while batches, runs and task runs live.

use fasti_core::codec::hashed;
use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::batch::SavedFrom;
use fasti_core::domain::command::{Command, RunSource};
use fasti_core::domain::definition::{Tag, Task};
use fasti_core::domain::ids::{RunId, TaskRunId};
use fasti_core::domain::run::{RunStatus, RunType, TaskStatus};
use fasti_projector::Views;
use fasti_projector::rows::TaskRunView;

use crate::world::{START, World, chain, definition, parallel, task};

fn task_runs(views: &Views, run: RunId) -> Vec<TaskRunView> {
    views.task_runs(run, None, 1000).unwrap().unwrap().items
}

fn reasons(views: &Views, run: RunId) -> Vec<Option<String>> {
    task_runs(views, run)
        .into_iter()
        .map(|task_run| task_run.queue_reason)
        .collect()
}

#[test]
fn a_run_goes_from_queued_to_success() {
    let mut world = World::new();
    let batch = world.save(chain("etl"));
    let run = world.run(batch);
    let views = world.views();
    let seen = views.run(run).unwrap().unwrap();
    assert_eq!(seen.status, RunStatus::Queued);
    assert_eq!(
        (&*seen.batch_name, seen.tag, seen.version),
        ("etl", Tag::Dev, Some(1))
    );
    assert_eq!((seen.rundate, seen.rundate_is_custom), (None, false));
    assert_eq!(seen.run_type, RunType::Manual);
    assert_eq!(seen.task_counts.of(TaskStatus::Queued), 1);
    assert_eq!(seen.task_counts.of(TaskStatus::Waiting), 2);
    assert_eq!(
        reasons(&views, run),
        [
            "queued: no runner has joined",
            "waiting for `a`",
            "waiting for `b`"
        ]
        .map(|reason| Some(reason.to_owned()))
    );

    world.join("r1", 1);
    assert_eq!(
        reasons(&world.views(), run)[0].as_deref(),
        Some("given to runner `r1`, about to start")
    );
    world.start_all();
    let views = world.views();
    assert_eq!(views.run(run).unwrap().unwrap().status, RunStatus::Running);
    let first = &task_runs(&views, run)[0];
    assert_eq!((first.status, first.attempt), (TaskStatus::Running, 1));
    assert_eq!(first.queue_reason, None);
    assert_eq!(views.runners()[0].running_attempts, 1);
    assert_eq!(views.log().task_runs_running, 1);

    world.succeed();
    let views = world.views();
    let seen = views.run(run).unwrap().unwrap();
    assert_eq!(seen.status, RunStatus::Success);
    assert_eq!(seen.rundate.as_deref(), Some("2024-03-31"));
    assert_eq!(seen.task_counts.of(TaskStatus::Success), 3);
    assert_eq!(seen.finished_seq, Some(views.as_of()));
    assert!(seen.started_at > Some(START) && seen.finished_at > seen.started_at);
    let last = task_runs(&views, run).pop().unwrap();
    assert_eq!(last.id, run.task_run(2));
    assert_eq!(last.attempts[0].exit_code(), Some(0));
    assert_eq!(last.attempts[0].pid, Some(101));
    assert_eq!(last.attempts[0].usage.cpu_us, 12);
    assert_eq!(last.finished_at, last.attempts[0].finished_at);
    assert_eq!(last.started_at, last.attempts[0].started_at);
    assert_eq!(last.result, Some(crate::world::value(last.id)));
    let (runner, log) = (&views.runners()[0], views.log());
    assert_eq!(
        (
            runner.held_attempts,
            runner.running_attempts,
            runner.finished_attempts
        ),
        (0, 0, 3)
    );
    assert_eq!(
        log.task_runs_queued + log.task_runs_running + log.task_runs_waiting,
        0
    );
    assert_eq!((log.batches, log.runs.of(RunStatus::Success)), (1, 1));
}

#[test]
fn a_failure_is_retried_and_then_skips_what_follows() {
    let mut world = World::new();
    world.join("r1", 1);
    let flaky = Task {
        retries: 1,
        ..task("a")
    };
    let batch = world.save(definition("b", vec![flaky, task("b")], &[(0, 1)]));
    let run = world.run(batch);
    world.start_all();
    world.end_all(|_| Outcome::Exited { code: 3 });
    let views = world.views();
    let first = &task_runs(&views, run)[0];
    assert_eq!(first.status, TaskStatus::Queued);
    assert!(first.retry_at.is_some());
    let reason = first.queue_reason.clone().unwrap();
    assert_eq!(
        reason,
        format!("next attempt at {}", first.retry_at.unwrap())
    );

    world.work_off(|_| Outcome::Exited { code: 4 });
    let views = world.views();
    let all = task_runs(&views, run);
    assert_eq!(
        (all[0].status, all[0].attempt, all[0].max_attempts),
        (TaskStatus::Failure, 2, 2)
    );
    assert_eq!(all[0].status_reason.as_deref(), Some("exit code 4"));
    assert_eq!(all[0].retry_at, None);
    assert_eq!(all[0].attempts[0].reason.as_deref(), Some("exit code 3"));
    assert_eq!(
        all[0].started_at, all[0].attempts[0].started_at,
        "the first attempt began it"
    );
    assert_eq!(all[0].finished_at, all[0].attempts[1].finished_at);
    assert_eq!(all[1].status, TaskStatus::Skipped);
    assert_eq!(all[1].status_reason.as_deref(), Some("`a` did not succeed"));
    assert_eq!((all[1].attempt, all[1].runner.clone()), (0, None));
    let seen = views.run(run).unwrap().unwrap();
    assert_eq!(seen.status, RunStatus::Failure);
    assert_eq!(seen.status_reason.as_deref(), Some("`a` failed"));
}

#[test]
fn a_lost_runner_loses_its_attempts() {
    let mut world = World::new();
    let runner = world.join("r1", 1);
    let batch = world.save(chain("b"));
    let run = world.run(batch);
    world.start_all();
    world.lose(&runner);
    let views = world.views();
    let seen = &views.runners()[0];
    assert_eq!((seen.held_attempts, seen.running_attempts), (0, 0));
    assert_eq!(seen.lost_reason.as_deref(), Some("silent"));
    assert!(seen.lost_at.is_some());
    let first = &task_runs(&views, run)[0];
    assert!(matches!(
        first.attempts[0].outcome,
        Some(Outcome::Lost { .. })
    ));
    assert_eq!(first.status, TaskStatus::Queued);
    world.join("r2", 1);
    world.succeed();
    let first = &task_runs(&world.views(), run)[0];
    assert_eq!(first.runner.as_ref().unwrap().to_string(), "r2");
    assert_eq!(first.status, TaskStatus::Success);
}

#[test]
fn a_cancelled_run_says_why() {
    let mut world = World::new();
    world.join("r1", 1);
    let batch = world.save(chain("b"));
    let run = world.run(batch);
    world.start_all();
    world.cancel(run);
    let seen = world.views().run(run).unwrap().unwrap();
    assert!(seen.cancel_requested_at.is_some() && !seen.status.is_final());
    world.end_all(|_| Outcome::Stopped);
    let views = world.views();
    let seen = views.run(run).unwrap().unwrap();
    assert_eq!(seen.status, RunStatus::Cancelled);
    assert_eq!(seen.status_reason.as_deref(), Some("enough"));
    assert_eq!(seen.task_counts.of(TaskStatus::Cancelled), 3);
    let last = views.batch(batch).unwrap().unwrap().last_run.unwrap();
    assert_eq!((last.id, last.status), (run, RunStatus::Cancelled));
    assert_eq!(last.finished_at, seen.finished_at);
}

#[test]
fn parts_have_names_groups_and_edges() {
    let mut world = World::new();
    let tasks = vec![parallel("p", 2), parallel("q", 3), task("end")];
    let batch = world.save(definition("b", tasks, &[(1, 2), (0, 1)]));
    let run = world.run(batch);
    let views = world.views();
    let all = task_runs(&views, run);
    let names: Vec<&str> = all.iter().map(|task_run| task_run.name.as_str()).collect();
    assert_eq!(names, ["p[0]", "p[1]", "q[0]", "q[1]", "q[2]", "end"]);
    assert_eq!(
        (all[3].group.as_deref(), all[3].part_num, all[3].num_parts),
        (Some("q"), 1, 3)
    );
    assert_eq!(
        (all[5].group.as_deref(), all[5].task_index, all[5].index),
        (None, 2, 5)
    );
    assert_eq!(all[5].queue_reason.as_deref(), Some("waiting for `q`"));
    let graph = views.graph(run).unwrap().unwrap();
    let drawn: Vec<(u32, u32)> = graph
        .edges
        .unwrap()
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    let expected = [
        (2, 5),
        (3, 5),
        (4, 5),
        (0, 2),
        (0, 3),
        (0, 4),
        (1, 2),
        (1, 3),
        (1, 4),
    ];
    assert_eq!(drawn, expected);
    let between: Vec<(u32, u32)> = graph.task_edges.iter().map(|e| (e.from, e.to)).collect();
    assert_eq!(
        (between, graph.tasks.len(), graph.nodes.len()),
        (vec![(1, 2), (0, 1)], 3, 6)
    );
    assert_eq!(graph.nodes[3].name, "q[1]");
}

#[test]
fn too_many_edges_are_refused_and_the_tasks_still_shown() {
    let mut world = World::new();
    let tasks = vec![parallel("p", 1001), parallel("q", 1001)];
    let batch = world.save(definition("b", tasks, &[(0, 1)]));
    let run = world.run(batch);
    let graph = world.views().graph(run).unwrap().unwrap();
    assert_eq!(graph.edges.unwrap_err().count, 1001 * 1001);
    assert_eq!((graph.task_edges.len(), graph.nodes.len()), (1, 2002));
}

#[test]
fn ids_of_one_kind_are_not_taken_for_another() {
    let mut world = World::new();
    let batch = world.save(chain("b"));
    let set = world.run_set(batch, 1, false);
    let run = world.live_runs()[0];
    let views = world.views();
    let kinds = |id| {
        (
            views.is_run(id).unwrap(),
            views.is_task_run(id).unwrap(),
            views.is_run_set(id).unwrap(),
        )
    };
    assert_eq!(kinds(set.0), (false, false, true));
    assert_eq!(kinds(run.0), (true, false, false));
    assert_eq!(kinds(run.0 + 3), (false, true, false));
    assert_eq!(kinds(run.0 + 4), (false, false, false));
    assert_eq!(views.run_of(TaskRunId(run.0 + 3)).unwrap(), Some(run));
    assert_eq!(views.task_run(TaskRunId(run.0)).unwrap(), None);
    assert_eq!(views.task_run(TaskRunId(run.0 + 4)).unwrap(), None);
    assert!(
        views
            .task_runs(RunId(run.0 + 1), None, 9)
            .unwrap()
            .is_none()
    );
}

#[test]
fn batches_have_versions_and_an_afterlife() {
    let mut world = World::new();
    let batch = world.save(chain("b"));
    let mut changed = chain("b");
    changed.labels = vec!["new".to_owned()];
    world.save(changed);
    world.ask(Command::PauseBatch {
        batch,
        reason: Some("holiday".to_owned()),
        until: None,
    });
    let views = world.views();
    let seen = views.batch(batch).unwrap().unwrap();
    assert_eq!((seen.version, seen.paused, seen.run_count), (2, true, 0));
    assert_eq!(seen.paused_reason.as_deref(), Some("holiday"));
    assert_eq!(
        (seen.created_by.as_str(), seen.saved_from),
        ("owner", SavedFrom::Save)
    );
    assert!(seen.updated_at > seen.created_at);
    let versions = views.batch_versions(batch, None, 10).unwrap();
    assert_eq!(versions.items.len(), 2);
    let first = views.batch_version(batch, 1).unwrap().unwrap();
    assert_eq!(first, versions.items[0]);
    let old = views.definition(first.digest).unwrap().unwrap();
    assert!(
        old.labels.is_empty(),
        "the first definition is read from the history"
    );

    world.ask(Command::ResumeBatch { batch });
    let run = world.run(batch);
    world.delete(batch);
    // Its runs are cancelled by timers.
    world.ask(Command::Wake);
    let views = world.views();
    let seen = views.batch(batch).unwrap().unwrap();
    assert!(seen.deleted_at.is_some() && !seen.paused);
    assert_eq!(
        seen.definition.labels,
        ["new"],
        "a deleted batch keeps its definition"
    );
    assert_eq!(views.batch_by_name("b", Tag::Dev).unwrap(), None);
    assert!(views.name_ever_existed("b") && !views.name_ever_existed("c"));
    assert_eq!(
        views.run(run).unwrap().unwrap().status,
        RunStatus::Cancelled
    );
    let again = world.save(chain("b"));
    assert_eq!(
        world
            .views()
            .batch_by_name("b", Tag::Dev)
            .unwrap()
            .unwrap()
            .id,
        again
    );
}

#[test]
fn the_key_of_a_request_is_on_its_run() {
    let mut world = World::new();
    world.save(chain("b"));
    let given = RunSource::Given(hashed(chain("b")));
    world.ask_with_key(World::create_run(given, Some("2024-01-02")), "k1");
    let run = world.live_runs()[0];
    let seen = world.views().run(run).unwrap().unwrap();
    assert_eq!(seen.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(
        (seen.rundate.as_deref(), seen.rundate_is_custom),
        (Some("2024-01-02"), true)
    );
    assert_eq!((seen.version, &*seen.requested_by), (None, "owner"));
}

#[test]
fn run_sets_count_their_runs() {
    let mut world = World::new();
    world.join("r1", 4);
    let batch = world.save(definition("b", vec![task("a")], &[]));
    let set = world.run_set(batch, 3, false);
    world.start_all();
    let seen = world.views().run_set(set).unwrap().unwrap();
    assert_eq!((seen.counts.of(RunStatus::Running), seen.closed), (3, true));
    assert_eq!((seen.finished_at, seen.title.as_str()), (None, "a set"));
    let first = world.live_runs()[0];
    world.end_all(|id| Outcome::Exited {
        code: i32::from(id == first.task_run(0)),
    });
    let seen = world.views().run_set(set).unwrap().unwrap();
    assert_eq!(seen.counts.of(RunStatus::Success), 2);
    assert_eq!(seen.counts.of(RunStatus::Failure), 1);
    assert!(seen.finished_at.is_some());
}
