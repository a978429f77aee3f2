//! Graphs inside of graphs: what one commit does for them is bounded, and so is what there may be at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::command::Command;
use fasti_domain::event::Event;
use fasti_domain::flow::{
    Connection, FlowCommand, FlowGraph, FlowNode, Forced, NodeKind, SetRequest, StepPolicy,
};
use fasti_domain::limits::{
    FLOW_DEPTH_MAX, FLOW_NESTED_NODES_MAX, FLOW_NODES_PER_STEP_MAX, FLOW_STEPS_MAX,
};
use fasti_domain::rejection::Rejection;

use super::flows::{check, create, graph, items, node, number, of_items, over, step, step_type};
use crate::world::World;

fn inside(name: &str, of: &str, revision: u32) -> FlowNode {
    let kind = NodeKind::Flow {
        name: of.to_owned(),
        revision,
    };
    let number = Connection::Input("N".to_owned());
    FlowNode {
        input: BTreeMap::from([("N".to_owned(), number)]),
        ..node(name, &[], kind)
    }
}

fn step_of(name: &str, of: &str) -> FlowNode {
    FlowNode {
        name: name.to_owned(),
        ..step(of, &[])
    }
}

fn save(name: &str, nodes: Vec<FlowNode>) -> Command {
    Command::Flow(FlowCommand::SaveFlowType {
        name: name.to_owned(),
        is_new: true,
        title: None,
        description: None,
        is_active: None,
        graph: Some(Arc::new(FlowGraph::ordered(number("N"), nodes).unwrap())),
        follow: false,
    })
}

/// Saves graphs, each with so many of the one before inside, until one is refused; answers with how many were taken.
fn nested(inner: usize) -> (u32, Rejection) {
    let mut world = World::new();
    step_type(&mut world, "a", "1", StepPolicy::default());
    graph(&mut world, "g1", true, vec![step("a", &[])]);
    let mut level = 1;
    loop {
        let of = format!("g{level}");
        let nodes = (0..inner).map(|it| inside(&format!("n{it}"), &of, 1));
        let save = save(&format!("g{}", level + 1), nodes.collect());
        if let Err(refused) = world.ask_as(crate::batches::owner(), save) {
            return (level, refused);
        }
        level += 1;
    }
}

#[test]
fn a_graph_is_as_large_as_everything_inside() {
    // 1, 4, 10, … nodes: twice those before, and the two themselves.
    let (levels, refused) = nested(2);
    let nodes = (1..levels).fold(1_u64, |nodes, _| 2 * nodes + 2);
    assert!(nodes <= FLOW_NESTED_NODES_MAX && 2 * nodes + 2 > FLOW_NESTED_NODES_MAX);
    assert_eq!(refused.field().as_deref(), Some("definition"));
    assert!(
        refused
            .to_string()
            .contains("with those of everything inside"),
        "{refused}"
    );
    let (levels, refused) = nested(1);
    assert_eq!(levels, FLOW_DEPTH_MAX);
    assert!(
        refused.to_string().contains("inside of each other"),
        "{refused}"
    );
}

/// A graph of a thousand steps for each input.
fn wide(world: &mut World) {
    step_type(world, "a", "1", StepPolicy::default());
    let steps = (0..100).map(|it| step_of(&format!("s{it}"), "a"));
    graph(world, "inner", true, steps.collect());
    let flows = (0..10).map(|it| inside(&format!("f{it}"), "inner", 1));
    graph(world, "outer", true, flows.collect());
}

fn refused(world: &mut World, request: SetRequest) -> bool {
    let command = FlowCommand::CreateSet(Box::new(request));
    let refused = world.refused(Command::Flow(command));
    matches!(refused, Rejection::Limit { .. })
}

#[test]
fn room_is_counted_with_everything_inside() {
    let mut world = World::new();
    wide(&mut world);
    let most = i64::try_from(FLOW_STEPS_MAX / 1_000).unwrap();
    let too_many = items(&mut world, most + 1);
    // What is forced says nothing about flows that are fresh: all of these is done.
    let mut request = of_items(2, too_many);
    assert!(refused(&mut world, request.clone()));
    request.source.forced = Some(Forced::default());
    assert!(refused(&mut world, request));
    // What a set has yet to make is room that is taken.
    let many = items(&mut world, most - 100);
    let first = create(&mut world, of_items(2, many));
    assert!(!world.state.flows().set(first).unwrap().is_filled);
    let some = items(&mut world, 101);
    assert!(refused(&mut world, of_items(2, some)));
    let fewer = items(&mut world, 100);
    create(&mut world, of_items(2, fewer));
}

#[test]
fn what_a_set_makes_in_one_go_is_bounded_with_everything_inside() {
    let mut world = World::new();
    wide(&mut world);
    let items = items(&mut world, 30);
    let set = create(&mut world, of_items(2, items));
    let mut made = world.state.flows().steps().count() as u64;
    assert!(made > 0 && made <= FLOW_NODES_PER_STEP_MAX);
    while !world.state.flows().set(set).unwrap().is_filled {
        world.pass_ms(1);
        let now = world.state.flows().steps().count() as u64;
        assert!(now > made && now - made <= FLOW_NODES_PER_STEP_MAX);
        made = now;
    }
    assert_eq!(made, 30 * 1_000);
    assert_eq!(world.state.flows().set(set).unwrap().flows_total, 30 * 11);
    check(&world);
    // Over it, everything anew: what is superseded counts too.
    let again = create(&mut world, over(2, set, Some(Forced::all())));
    let now = world.state.flows().steps().count() as u64;
    assert!(now > made && 2 * (now - made) <= FLOW_NODES_PER_STEP_MAX);
    while !world.state.flows().set(again).unwrap().is_filled {
        world.pass_ms(1);
    }
    assert_eq!(world.state.flows().steps().count(), 2 * 30 * 1_000);
    check(&world);
}

#[test]
fn a_new_revision_reaches_every_place_at_once() {
    let mut world = World::new();
    step_type(&mut world, "leaf", "1", StepPolicy::default());
    // The outermost first, so that ids do not help.
    graph(&mut world, "inner", true, vec![step("leaf", &[])]);
    let both = |revision| vec![step("leaf", &[]), inside("deep", "inner", revision)];
    graph(&mut world, "outer", true, both(1));
    graph(
        &mut world,
        "top",
        true,
        vec![inside("out", "outer", 1), inside("in", "inner", 1)],
    );
    step_type(&mut world, "leaf", "1", StepPolicy::default());
    let flows = world.state.flows();
    let revisions = |name: &str| {
        let of_type = flows.flow_type_named(name).unwrap();
        let nodes = of_type.current().unwrap().graph.nodes.iter();
        let inner = nodes.map(|node| match node.kind {
            NodeKind::Step { revision, .. } | NodeKind::Flow { revision, .. } => revision,
            NodeKind::Decision { .. } => 0,
        });
        (of_type.revision_number(), inner.collect::<Vec<_>>())
    };
    assert_eq!(revisions("inner"), (2, vec![2]));
    assert_eq!(revisions("outer"), (2, vec![2, 2]));
    assert_eq!(revisions("top"), (2, vec![2, 2]));
}

#[test]
fn a_step_takes_from_when_it_is_handed_out() {
    let mut world = World::new();
    world.join("r1", 1);
    step_type(&mut world, "a", "1", StepPolicy::default());
    graph(&mut world, "one", true, vec![step("a", &[])]);
    let items = items(&mut world, 1);
    let set = create(&mut world, of_items(1, items));
    let handed_out = world.now;
    // Files are laid out before the process begins.
    world.pass_ms(700);
    world.start("a");
    assert_eq!(
        world.state.flows().step(1).unwrap().started,
        Some(handed_out)
    );
    world.pass_ms(200);
    world.exit("a", 0);
    let metrics = &world.state.flows().set(set).unwrap().metrics["a"];
    assert_eq!(
        (metrics.command.max(), metrics.step.max()),
        (Some(200_000), Some(900_000))
    );
    assert!(
        world
            .log
            .iter()
            .any(|it| matches!(it.event, Event::AttemptLeased(_)))
    );
}
