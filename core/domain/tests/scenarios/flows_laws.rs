//! Random histories of flows: counts hold after every step, and in the end everything is complete.

use std::collections::BTreeMap;

use fasti_domain::attempt::Outcome;
use fasti_domain::command::Command;
use fasti_domain::flow::{
    Connection, Filter, FilterRule, FlowCommand, FlowNode, Forced, NodeKind, StepPolicy,
};
use proptest::prelude::*;

use super::flows::{
    check, create, flow, graph, items, node, number, of_items, over, run_all, step, step_type,
};
use crate::world::World;

/// Graphs of the random histories: three revisions of an outer type with a decision and a flow inside.
fn revision(at: usize) -> Vec<FlowNode> {
    let inner = NodeKind::Flow {
        name: "inner".to_owned(),
        revision: 1,
    };
    let gate = NodeKind::Decision {
        interface: number("N"),
        filter: Filter {
            filters: vec![FilterRule {
                name: "N".to_owned(),
                kind: "integer".to_owned(),
                condition: ">".to_owned(),
                values: vec![0.into()],
                all_files: false,
            }],
            all: true,
        },
    };
    let from_input = BTreeMap::from([("N".to_owned(), Connection::Input("N".to_owned()))]);
    let with_input = |node: FlowNode| FlowNode {
        input: from_input.clone(),
        ..node
    };
    let mut no = step("c", &["gate"]);
    no.dependencies[0].acceptance = false;
    let mut nodes = vec![
        step("a", &[]),
        with_input(node("gate", &["a"], gate)),
        step("b", &["gate"]),
        no,
        with_input(node("inner", &["a"], inner)),
        step("e", &["inner"]),
    ];
    match at % 3 {
        0 => {}
        1 => {
            nodes[5].kind = NodeKind::Step {
                name: "e".to_owned(),
                version: "2".to_owned(),
                revision: 1,
            }
        }
        _ => {
            nodes.remove(3);
        }
    }
    nodes
}

#[derive(Debug, Clone)]
enum Op {
    Items(bool),
    Over(Option<Vec<&'static str>>),
    Revise(usize),
    Exit(usize, i32),
    Start(usize),
    Cancel(u64),
    Requeue,
    Lose,
    Reprocess(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let forced = prop::collection::vec(
        prop::sample::select(vec!["a", "b", "gate", "inner", "e"]),
        0..2,
    );
    let op = prop_oneof![
        2 => any::<bool>().prop_map(Op::Items),
        3 => prop::option::of(forced).prop_map(Op::Over),
        1 => (0..3usize).prop_map(Op::Revise),
        12 => (0..9usize, prop_oneof![4 => Just(0), 1 => Just(3)]).prop_map(|(at, code)| Op::Exit(at, code)),
        3 => (0..9usize).prop_map(Op::Start),
        1 => (1..40u64).prop_map(Op::Cancel),
        2 => Just(Op::Requeue),
        1 => Just(Op::Lose),
        1 => (1..12u64).prop_map(Op::Reprocess),
    ];
    prop::collection::vec(op, 1..40)
}

fn set_up() -> (World, u64) {
    let mut world = World::new();
    world.join("r1", 2);
    for (name, version) in [
        ("a", "1"),
        ("b", "1"),
        ("c", "1"),
        ("d", "1"),
        ("e", "1"),
        ("e", "2"),
    ] {
        step_type(&mut world, name, version, StepPolicy::default());
    }
    graph(
        &mut world,
        "inner",
        true,
        vec![step("d", &[]), step("b", &["d"])],
    );
    graph(&mut world, "outer", true, revision(0));
    let items = items(&mut world, 2);
    (world, items)
}

fn perform(world: &mut World, items: u64, roots: &mut Vec<u64>, op: &Op) {
    match op {
        Op::Items(supersedes) => {
            let mut request = of_items(2, items);
            request.source.supersedes = *supersedes;
            roots.push(create(world, request));
        }
        Op::Over(forced) => {
            let Some(root) = roots.last().copied() else {
                return;
            };
            let forced = forced.as_ref().map(|nodes| Forced {
                nodes: nodes.iter().map(|it| (*it).to_owned()).collect(),
                has_nodes: true,
                ..Forced::default()
            });
            create(world, over(2, root, forced));
        }
        Op::Revise(number) => graph(world, "outer", false, revision(*number)),
        Op::Exit(at, code) => {
            let held = world.all_held();
            if !held.is_empty() {
                let held = held[at % held.len()].1;
                let started = crate::world::started(held, world.now);
                let ended = crate::world::ended(held, Outcome::Exited { code: *code }, world.now);
                world.report("r1", vec![started, ended]);
            }
        }
        Op::Start(at) => {
            let held = world.all_held();
            if !held.is_empty() {
                let held = held[at % held.len()].1;
                world.report("r1", vec![crate::world::started(held, world.now)]);
            }
        }
        Op::Cancel(step) => drop(flow(world, FlowCommand::Cancel { steps: vec![*step] })),
        Op::Requeue => {
            let steps = world.state.flows().steps().map(|(id, _)| id).collect();
            flow(
                world,
                FlowCommand::Requeue {
                    steps,
                    priority: None,
                },
            );
        }
        Op::Lose => {
            world.lose("r1");
            world.join("r1", 2);
        }
        Op::Reprocess(id) => {
            let command = FlowCommand::Reprocess {
                flow: *id,
                revision: None,
                forced: Forced::all(),
            };
            let _ = world.ask_as(crate::batches::owner(), Command::Flow(command));
        }
    }
    // Runs that are to stop have done so.
    stop_cancelled(world);
    world.pass_ms(1);
}

/// The runner reports the end of attempts whose run is to stop.
fn stop_cancelled(world: &mut World) {
    loop {
        let stopping = world
            .state
            .runs()
            .find(|run| run.is_stopping() && run.live_attempts().next().is_some());
        let Some(id) = stopping.map(|run| run.id) else {
            return;
        };
        let held = world
            .all_held()
            .into_iter()
            .find(|(_, held)| held.task_run == id.task_run(0));
        let (_, held) = held.unwrap();
        let ended = crate::world::ended(held, Outcome::Stopped, world.now);
        world.report("r1", vec![ended]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn counts_are_what_counting_anew_gives(ops in ops()) {
        let (mut world, items) = set_up();
        let mut roots = Vec::new();
        for op in &ops {
            perform(&mut world, items, &mut roots, op);
            check(&world);
        }
        // Nothing fails any more: what nothing superseded comes to its end.
        for _ in 0..20 {
            run_all(&mut world, 0);
            perform(&mut world, items, &mut roots, &Op::Requeue);
            stop_cancelled(&mut world);
        }
        run_all(&mut world, 0);
        check(&world);
        let flows = world.state.flows();
        for (id, flow) in flows.flows() {
            prop_assert!(flow.is_superseded() || flow.completed.is_some(), "flow {} is not complete: {:?}", id, flow);
        }
    }
}
