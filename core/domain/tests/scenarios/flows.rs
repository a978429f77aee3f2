//! Flows: sets of them, what they share, how they go on. Counts are held against counting anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::batches::{batch, hashed, task};
use crate::world::World;
use fasti_domain::command::{Command, Subject};
use fasti_domain::event::Event;
use fasti_domain::flow::{
    Counts, Data, Dependency, FlowCommand, FlowGraph, FlowNode, Flows, Forced, Interface,
    ItemSetDefinition, JsonParameter, JsonType, NodeKind, OutputJson, SetRequest, SetSource, Slot,
    StepPolicy, StepSpec, StepStatus, check_set,
};

pub(super) fn flow(world: &mut World, command: FlowCommand) -> u64 {
    match world.ask(Command::Flow(command)).subject {
        Subject::Flow(id) => id,
        _ => 0,
    }
}

pub(super) fn step_type(world: &mut World, name: &str, version: &str, policy: StepPolicy) {
    let spec = StepSpec {
        command: "true".to_owned(),
        ..StepSpec::default()
    };
    let definition = hashed(&batch(&format!("{name}-{version}"), vec![task(name)], &[]));
    flow(
        world,
        FlowCommand::SaveStepType {
            name: name.to_owned(),
            version: version.to_owned(),
            title: None,
            description: None,
            policy: Box::new(policy),
            revision: Some(Box::new((spec, definition, "{}".into()))),
            follow: true,
        },
    );
}

pub(super) fn step(name: &str, after: &[&str]) -> FlowNode {
    node(
        name,
        after,
        NodeKind::Step {
            name: name.to_owned(),
            version: "1".to_owned(),
            revision: 1,
        },
    )
}

pub(super) fn node(name: &str, after: &[&str], kind: NodeKind) -> FlowNode {
    FlowNode {
        name: name.to_owned(),
        dependencies: after
            .iter()
            .map(|it| Dependency {
                name: (*it).to_owned(),
                acceptance: true,
            })
            .collect(),
        input: BTreeMap::new(),
        kind,
    }
}

pub(super) fn number(name: &str) -> Interface {
    let parameter = JsonParameter {
        name: name.to_owned(),
        json_type: JsonType::Integer,
        required: true,
    };
    Interface {
        files: vec![],
        json: vec![parameter],
    }
}

pub(super) fn graph(world: &mut World, name: &str, is_new: bool, nodes: Vec<FlowNode>) {
    let graph = FlowGraph::ordered(number("N"), nodes).unwrap();
    flow(
        world,
        FlowCommand::SaveFlowType {
            name: name.to_owned(),
            is_new,
            title: None,
            description: None,
            is_active: None,
            graph: Some(Arc::new(graph)),
            follow: true,
        },
    );
}

pub(super) fn items(world: &mut World, count: i64) -> u64 {
    let definition = ItemSetDefinition {
        parameters: number("N"),
        ..ItemSetDefinition::default()
    };
    let data = |it: i64| Data {
        json: BTreeMap::from([("N".to_owned(), it.into())]),
        ..Data::default()
    };
    flow(
        world,
        FlowCommand::CreateItemSet {
            title: None,
            description: None,
            definition: Arc::new(definition),
            items: (0..count).map(data).collect(),
        },
    )
}

pub(super) fn of_items(flow_type: u64, items: u64) -> SetRequest {
    let source = SetSource {
        item_set: Some(items),
        supersedes: true,
        ..SetSource::default()
    };
    SetRequest {
        flow_type,
        source,
        ..SetRequest::default()
    }
}

pub(super) fn over(flow_type: u64, root: u64, forced: Option<Forced>) -> SetRequest {
    let source = SetSource {
        previous: Some(root),
        supersedes: true,
        previous_forced: forced,
        ..SetSource::default()
    };
    SetRequest {
        flow_type,
        source,
        ..SetRequest::default()
    }
}

pub(super) fn create(world: &mut World, request: SetRequest) -> u64 {
    flow(world, FlowCommand::CreateSet(Box::new(request)))
}

/// Lets everything that can run do so, with this exit code.
pub(super) fn run_all(world: &mut World, code: i32) {
    while let Some((name, _)) = world.all_held().first().cloned() {
        world.start(&name);
        world.exit(&name, code);
    }
}

fn two_steps(world: &mut World) {
    world.join("r1", 2);
    step_type(world, "a", "1", StepPolicy::default());
    step_type(world, "b", "1", StepPolicy::default());
    graph(world, "pair", true, vec![step("a", &[]), step("b", &["a"])]);
}

fn counted(world: &World, set: u64) -> Vec<u64> {
    let set = world.state.flows().set(set).unwrap();
    StepStatus::ALL
        .iter()
        .map(|status| set.counts.of(*status))
        .collect()
}

#[test]
fn what_did_not_change_is_shared_and_not_done_again() {
    let mut world = World::new();
    two_steps(&mut world);
    let items = items(&mut world, 3);
    let first = create(&mut world, of_items(1, items));
    run_all(&mut world, 0);
    check(&world);
    let made = world.log.len();
    let second = create(&mut world, over(1, first, None));
    assert!(
        !world.log[made..]
            .iter()
            .any(|it| matches!(it.event, Event::RunCreated(_)))
    );
    let flows = world.state.flows();
    assert_eq!(flows.set(second).unwrap().flows_completed, 3);
    assert_eq!(flows.set(first).unwrap().superseded_by, Some(second));
    assert!(
        flows
            .steps()
            .all(|(_, step)| step.set == Some(first) && step.superseded.is_none())
    );
    check(&world);
}

#[test]
fn a_failure_is_shared_and_mended_for_both() {
    let mut world = World::new();
    two_steps(&mut world);
    let items = items(&mut world, 2);
    let first = create(&mut world, of_items(1, items));
    run_all(&mut world, 3);
    assert_eq!(
        counted(&world, first),
        [0, 2, 0, 0, 2, 0, 0],
        "blocked and failed"
    );
    let second = create(&mut world, over(1, first, None));
    assert_eq!(counted(&world, second), [0, 2, 0, 0, 2, 0, 0]);
    let all: Vec<u64> = world.state.flows().steps().map(|(id, _)| id).collect();
    flow(
        &mut world,
        FlowCommand::Requeue {
            steps: all,
            priority: Some(1),
        },
    );
    check(&world);
    run_all(&mut world, 0);
    for set in [first, second] {
        assert_eq!(counted(&world, set), [0, 0, 0, 0, 0, 4, 0]);
    }
    let set = world.state.flows().set(second).unwrap();
    assert_eq!((set.flows_total, set.flows_completed), (2, 2));
    check(&world);
}

#[test]
fn a_lost_runner_costs_tries_and_at_last_the_step() {
    let mut world = World::new();
    two_steps(&mut world);
    let items = items(&mut world, 1);
    let set = create(&mut world, of_items(1, items));
    for number in 1..=3 {
        assert_eq!(world.state.flows().step(1).unwrap().tries, number);
        world.start("a");
        world.lose("r1");
        world.join("r1", 2);
    }
    assert_eq!(counted(&world, set), [0, 1, 0, 0, 1, 0, 0]);
    let error = world.state.flows().step(1).unwrap().error.clone().unwrap();
    assert_eq!(
        (error.name.as_str(), error.category.as_str()),
        ("worker-lost", "SYSTEM")
    );
    check(&world);
}

#[test]
fn a_large_set_is_made_in_steps_and_not_superseded_before_it_is_whole() {
    let mut world = World::new();
    let paused = StepPolicy {
        is_paused: true,
        ..StepPolicy::default()
    };
    step_type(&mut world, "a", "1", paused);
    graph(&mut world, "one", true, vec![step("a", &[])]);
    let of = items(&mut world, 2_100);
    let first = create(&mut world, of_items(1, of));
    let flows = world.state.flows();
    assert_eq!(flows.set(first).unwrap().flows_total, 1_000);
    let checked = check_set(flows, flows.flow_type(1).unwrap(), &over(1, first, None));
    assert_eq!(checked.problem.unwrap().name, "PREV_BATCH_STILL_CREATING");
    world.refused(Command::Flow(FlowCommand::CreateSet(Box::new(over(
        1, first, None,
    )))));
    // What joins the items now does not join the set.
    let late = Data {
        json: BTreeMap::from([("N".to_owned(), 9_999.into())]),
        ..Data::default()
    };
    flow(
        &mut world,
        FlowCommand::ExtendItemSet {
            item_set: of,
            items: vec![late],
        },
    );
    while world.state.next_wake().is_some() {
        world.pass_ms(0);
    }
    let set = world.state.flows().set(first).unwrap();
    assert_eq!(
        (set.is_filled, set.flows_total, set.counts.total()),
        (true, 2_100, 2_100)
    );
    let second = create(&mut world, over(1, first, None));
    while world.state.next_wake().is_some() {
        world.pass_ms(0);
    }
    assert_eq!(world.state.flows().set(second).unwrap().flows_total, 2_100);
    assert_eq!(world.state.flows().steps().count(), 2_100);
}

#[test]
fn urgent_steps_go_first_and_no_more_than_may() {
    let mut world = World::new();
    world.join("r1", 4);
    let policy = StepPolicy {
        max_scheduled: Some(1),
        ..StepPolicy::default()
    };
    step_type(&mut world, "a", "1", policy);
    graph(&mut world, "one", true, vec![step("a", &[])]);
    let of = items(&mut world, 2);
    let mut requests = [of_items(1, of), of_items(1, of)];
    requests[0].configuration.priority = Some(50);
    requests[1].configuration.priority = Some(5);
    for request in requests {
        let source = SetSource {
            supersedes: false,
            ..request.source.clone()
        };
        create(&mut world, SetRequest { source, ..request });
        assert_eq!(world.all_held().len(), 1);
    }
    run_all(&mut world, 0);
    let of_run = |event: &Event| match event {
        Event::RunCreated(event) => world.state.flows().step(event.step?)?.set,
        _ => None,
    };
    let order: Vec<u64> = world
        .log
        .iter()
        .filter_map(|it| of_run(&it.event))
        .collect();
    assert_eq!(order, [1, 2, 2, 1]);
}

/// Everything that is kept as a count, counted anew.
pub(super) fn check(world: &World) {
    let flows = world.state.flows();
    for (id, flow) in flows.flows() {
        let (counts, total, completed) = recount(flows, id);
        assert_eq!(by_status(&flow.counts), counts, "flow {id}");
        assert_eq!(
            (flow.inner_total, flow.inner_completed),
            (total, completed),
            "flow {id}"
        );
    }
    for set in flows.sets() {
        let mut counts = [0; 7];
        let (mut total, mut completed) = (0, 0);
        let mut nodes: BTreeMap<String, [u64; 7]> = BTreeMap::new();
        for id in &set.flows {
            let flow = flows.flow(*id).unwrap();
            let (own, inner, inner_completed) = recount(flows, *id);
            counts
                .iter_mut()
                .zip(own)
                .for_each(|(all, own)| *all += own);
            total += 1 + inner;
            completed += u64::from(flow.completed.is_some()) + inner_completed;
            let revision = flows.revision(flow.flow_type, flow.revision).unwrap();
            for (node, slot) in revision.graph.nodes.iter().zip(&flow.slots) {
                if let Slot::Step(step) = slot {
                    let status = flows.step(*step).unwrap().status;
                    nodes.entry(node.name.clone()).or_default()[status as usize] += 1;
                }
            }
        }
        assert_eq!(by_status(&set.counts), counts, "set {}", set.id);
        assert_eq!(
            (set.flows_total, set.flows_completed),
            (total, completed),
            "set {}",
            set.id
        );
        for (name, metrics) in &set.metrics {
            assert_eq!(
                by_status(&metrics.counts),
                nodes.get(name).copied().unwrap_or_default(),
                "{name}"
            );
            assert_eq!(
                metrics.step.count,
                metrics.counts.of(StepStatus::Completed),
                "{name}"
            );
        }
    }
    check_steps(world);
}

fn check_steps(world: &World) {
    let flows = world.state.flows();
    let live: BTreeSet<u64> = world
        .state
        .runs()
        .filter_map(|run| flows.step_of_run(run.id))
        .collect();
    for (id, step) in flows.steps() {
        if step.status == StepStatus::Running {
            assert!(live.contains(&id), "step {id} runs without a run");
        }
        assert!(
            step.tries <= step.max_tries,
            "step {id} was tried too often"
        );
        if step.superseded.is_some() {
            assert!(
                matches!(step.status, StepStatus::Completed | StepStatus::Canceled),
                "step {id}"
            );
        }
    }
    let runs = world.state.runs().count();
    assert_eq!(live.len(), runs, "every run here is that of a step");
}

fn by_status(counts: &Counts) -> [u64; 7] {
    StepStatus::ALL.map(|status| counts.of(status))
}

/// Steps by status, flows inside, and those of them that are complete.
fn recount(flows: &Flows, id: u64) -> ([u64; 7], u64, u64) {
    let mut counts = [0; 7];
    let (mut total, mut completed) = (0, 0);
    for slot in &flows.flow(id).unwrap().slots {
        match slot {
            Slot::Step(step) => counts[flows.step(*step).unwrap().status as usize] += 1,
            Slot::Flow(inner) => {
                let (of_inner, inner_total, inner_completed) = recount(flows, *inner);
                counts
                    .iter_mut()
                    .zip(of_inner)
                    .for_each(|(all, own)| *all += own);
                total += 1 + inner_total;
                completed +=
                    inner_completed + u64::from(flows.flow(*inner).unwrap().completed.is_some());
            }
            Slot::Open | Slot::Never | Slot::Decision(_) => {}
        }
    }
    (counts, total, completed)
}

#[test]
fn a_step_that_gives_less_than_it_must_has_failed() {
    let mut world = World::new();
    world.join("r1", 1);
    let spec = StepSpec {
        command: "true".to_owned(),
        json: vec![OutputJson {
            name: "size".to_owned(),
            json_type: JsonType::Integer,
            key: "size".to_owned(),
            required: true,
        }],
        ..StepSpec::default()
    };
    let definition = hashed(&batch("a-1", vec![task("a")], &[]));
    flow(
        &mut world,
        FlowCommand::SaveStepType {
            name: "a".to_owned(),
            version: "1".to_owned(),
            title: None,
            description: None,
            policy: Box::new(StepPolicy::default()),
            revision: Some(Box::new((spec, definition, "{}".into()))),
            follow: true,
        },
    );
    graph(&mut world, "one", true, vec![step("a", &[])]);
    let items = items(&mut world, 1);
    create(&mut world, of_items(1, items));
    run_all(&mut world, 0);
    let error = world.state.flows().step(1).unwrap().error.clone().unwrap();
    assert_eq!(
        (error.name.as_str(), error.category.as_str()),
        ("missing-required-output", "ALGORITHM")
    );
}
