//! The largest things: few events, little text, time in proportion.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures how long something takes"
)]

use std::time::{Duration, Instant};

use fasti_domain::access::Principal;
use fasti_domain::attempt::Outcome;
use fasti_domain::command::{Command, Request, RunSource};
use fasti_domain::definition::{Definition, Edge, Task, Work};
use fasti_domain::event::{Event, Recorded};
use fasti_domain::handle;
use fasti_domain::launching::{UpstreamLists, launch};
use fasti_domain::limits::TASK_RUNS_MAX;
use fasti_domain::state::State;

use crate::batches::{batch, hashed, owner, parts, runner, runner_id, task};
use crate::world::{NOON, World, create_run, ended};

/// Without the checks of [`World`], which take longer than what they check.
fn ask(state: &mut State, principal: Principal, command: Command) -> Vec<Recorded> {
    let request = Request {
        command,
        principal,
        key: None,
        trace: None,
    };
    handle(state, &request, NOON).unwrap().events
}

fn bytes(recorded: &Recorded) -> usize {
    let mut buffer = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut buffer).with_struct_map();
    recorded.event.serialize_payload(&mut serializer).unwrap();
    buffer.len()
}

fn time(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

/// Ten times as much takes about ten times as long. A square would take a hundred times; a busy machine gets
/// the room between, and further tries.
fn assert_linear(mut small: impl FnMut() -> Duration, mut large: impl FnMut() -> Duration) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (one, ten) = (small(), large());
        if ten < one.max(Duration::from_millis(8)) * 30 {
            return;
        }
        seen.push((one, ten));
    }
    panic!("ten times as much is out of proportion, always: {seen:?}");
}

#[test]
fn an_array_of_100_000_parts_is_a_handful_of_small_events() {
    let run = |count: u32| {
        let mut state = State::default();
        let definition = batch("wide", vec![parts("each", count), task("sum")], &[(0, 1)]);
        let source = RunSource::Given(hashed(&definition));
        let mut events = ask(&mut state, owner(), create_run(source));
        let info = runner("r1", 4);
        events.extend(ask(&mut state, owner(), Command::JoinRunner { info }));
        events
    };
    let events = run(99_999);
    assert!(events.len() <= 7, "{} events", events.len());
    let size: usize = events.iter().map(bytes).sum();
    assert!(size < 4_000, "{size} bytes");
    assert_linear(|| time(|| drop(run(9_999))), || time(|| drop(run(99_999))));
}

fn long_chain(length: u32) -> Definition {
    let tasks = (0..length).map(|i| task(&format!("t{i}"))).collect();
    let edges: Vec<(u32, u32)> = (1..length).map(|i| (i - 1, i)).collect();
    batch("chain", tasks, &edges)
}

#[test]
fn a_chain_of_100_000_tasks_is_accepted_in_linear_time() {
    let accept = |definition: &fasti_domain::command::Hashed| {
        let mut state = State::default();
        let source = RunSource::Given(definition.clone());
        ask(&mut state, owner(), create_run(source))
    };
    let (small, large) = (hashed(&long_chain(10_000)), hashed(&long_chain(100_000)));
    assert_eq!(accept(&large).len(), 4);
    assert_linear(
        || time(|| drop(accept(&small))),
        || time(|| drop(accept(&large))),
    );
}

#[test]
fn parallel_tasks_beside_each_other_are_checked_in_linear_time() {
    let accept = |count: u32| {
        let tasks = (0..count).map(|i| parts(&format!("t{i}"), 1)).collect();
        let definition = hashed(&batch("many", tasks, &[]));
        let mut state = State::default();
        time(|| {
            let command = Command::SaveBatch {
                definition: definition.clone(),
                expected_version: None,
            };
            ask(&mut state, owner(), command);
        })
    };
    assert_linear(|| accept(10_000), || accept(100_000));
}

#[test]
fn a_cycle_among_100_000_tasks_is_found() {
    let mut definition = long_chain(100_000);
    definition.edges.push(Edge {
        from: 99_999,
        to: 0,
    });
    let mut world = World::new();
    let refused = world.refused(create_run(RunSource::Given(hashed(&definition))));
    assert_eq!(refused.code(), "cyclic_dependency");
    assert!(refused.to_string().len() < 500, "it names a few of them");
    let too_many = batch(
        "b",
        vec![parts("t", u32::try_from(TASK_RUNS_MAX).unwrap() + 1)],
        &[],
    );
    let refused = world.refused(create_run(RunSource::Given(hashed(&too_many))));
    assert_eq!(refused.field().unwrap(), "tasks");
}

/// A parallel task that calls a function: its parts get the values of what they wait for.
fn calls(name: &str, count: u32) -> Task {
    Task {
        work: Work::Python {
            entrypoint: "m.f".to_owned(),
            arguments_blob: None,
        },
        ..parts(name, count)
    }
}

/// Every part runs, and ends in this way; the time that takes.
fn run_all(count: u32, code: i32) -> Duration {
    let mut state = State::default();
    let tasks = vec![calls("each", count), calls("after", count)];
    let definition = batch("wide", tasks, &[(0, 1)]);
    ask(
        &mut state,
        owner(),
        create_run(RunSource::Given(hashed(&definition))),
    );
    let start = Instant::now();
    let info = runner("r1", 64);
    let mut events = ask(&mut state, owner(), Command::JoinRunner { info });
    let mut leased = 0;
    let mut lists = UpstreamLists::default();
    while state.runs().next().is_some() {
        for recorded in &events {
            if let Event::AttemptLeased(event) = &recorded.event {
                for lease in &event.leases {
                    assert!(launch(&state, event.run, lease, &mut lists).is_some());
                }
            }
        }
        let leases = events.iter().filter_map(|it| match &it.event {
            Event::AttemptLeased(event) => Some(event.leases.clone()),
            _ => None,
        });
        let reports: Vec<_> = leases
            .flatten()
            .map(|lease| {
                let held = crate::world::Held {
                    task_run: lease.task_run,
                    number: lease.number,
                    token: lease.token,
                };
                ended(held, Outcome::Exited { code }, NOON)
            })
            .collect();
        leased += reports.len();
        let report = Command::Report {
            runner: runner_id("r1"),
            reports,
        };
        events = ask(&mut state, owner(), report);
    }
    let expected = if code == 0 { 2 * count } else { count };
    assert_eq!(leased, expected as usize);
    start.elapsed()
}

/// Every attempt fails, until the run is over; the time that takes.
fn fail_all(definition: &Definition) -> Duration {
    let mut state = State::default();
    let source = RunSource::Given(hashed(definition));
    ask(&mut state, owner(), create_run(source));
    let start = Instant::now();
    let info = runner("r1", 64);
    let mut events = ask(&mut state, owner(), Command::JoinRunner { info });
    while state.runs().next().is_some() {
        let reports = events.iter().filter_map(|it| match &it.event {
            Event::AttemptLeased(event) => Some(&event.leases),
            _ => None,
        });
        let reports = reports.flatten().map(|lease| {
            let held = crate::world::Held {
                task_run: lease.task_run,
                number: lease.number,
                token: lease.token,
            };
            ended(held, Outcome::Exited { code: 1 }, NOON)
        });
        let report = Command::Report {
            runner: runner_id("r1"),
            reports: reports.collect(),
        };
        events = ask(&mut state, owner(), report);
    }
    start.elapsed()
}

#[test]
fn running_many_parts_takes_time_in_proportion() {
    assert_linear(|| run_all(2_000, 0), || run_all(20_000, 0));
}

#[test]
fn many_failing_parts_take_time_in_proportion() {
    assert_linear(|| run_all(3_000, 1), || run_all(30_000, 1));
}

#[test]
fn failing_parts_before_many_tasks_take_time_in_proportion() {
    // Both the parts and the tasks that wait for them are ten times as many: in proportion is a hundred times less
    // than their product.
    let fail = |count: u32| {
        let mut tasks = vec![parts("each", count)];
        tasks.extend((0..count).map(|i| task(&format!("t{i}"))));
        let edges: Vec<(u32, u32)> = (1..=count).map(|to| (0, to)).collect();
        fail_all(&batch("fan", tasks, &edges))
    };
    assert_linear(|| fail(1_500), || fail(15_000));
}

#[test]
fn many_small_runs_take_time_in_proportion() {
    let run = |count: usize| {
        let mut state = State::default();
        let definition = hashed(&batch("b", vec![task("t")], &[]));
        for _ in 0..count {
            ask(
                &mut state,
                owner(),
                create_run(RunSource::Given(definition.clone())),
            );
        }
        let start = Instant::now();
        let runs: Vec<_> = state.runs().map(|run| run.id).collect();
        for run in runs.into_iter().rev() {
            ask(
                &mut state,
                owner(),
                Command::CancelRun { run, reason: None },
            );
        }
        start.elapsed()
    };
    assert_linear(|| run(1_000), || run(10_000));
}
