//! The diff against a naive recomputation, and the published example.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::flow::Interface;

fn step(version: &str) -> NodeKind {
    NodeKind::Step {
        name: "j".to_owned(),
        version: version.to_owned(),
        revision: 1,
    }
}

fn node(name: &str, parents: &[&str], version: &str) -> FlowNode {
    FlowNode {
        name: name.to_owned(),
        dependencies: parents
            .iter()
            .map(|it| Dependency {
                name: (*it).to_owned(),
                acceptance: true,
            })
            .collect(),
        input: BTreeMap::new(),
        kind: step(version),
    }
}

fn graph(nodes: Vec<FlowNode>) -> FlowGraph {
    FlowGraph::ordered(Interface::default(), nodes).unwrap()
}

/// A graph of a few nodes: for each, whether it is there, its version, and which earlier ones it depends on.
fn graphs() -> impl Strategy<Value = FlowGraph> {
    let nodes = prop::collection::vec((any::<bool>(), 0..2u8, any::<u8>()), 7);
    nodes.prop_map(|all| {
        let name = |index: usize| format!("n{index}");
        let there: BTreeSet<usize> = (0..all.len()).filter(|index| all[*index].0).collect();
        let made = there.iter().map(|&index| {
            let (_, version, mask) = all[index];
            let parents: Vec<String> = (0..index)
                .filter(|it| there.contains(it) && mask & (1 << it) != 0)
                .map(name)
                .collect();
            let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
            node(&name(index), &parents, &version.to_string())
        });
        graph(made.collect())
    })
}

/// Without order or memory: a node is to be done anew when it, or anything above it, is not what it was, or is forced.
fn naive(old: &FlowGraph, new: &FlowGraph, forced: &BTreeSet<String>, name: &str) -> bool {
    let node = new.node(name).unwrap();
    let own = old.node(name) != Some(node) || forced.contains(name);
    own || node
        .dependencies
        .iter()
        .any(|it| naive(old, new, forced, &it.name))
}

proptest! {
    #[test]
    fn what_is_done_anew_is_what_a_naive_look_finds(
        old in graphs(), new in graphs(), forced in prop::collection::btree_set(0..7usize, 0..3)
    ) {
        let names: BTreeSet<String> = forced.iter().map(|index| format!("n{index}")).collect();
        let forced = Forced { nodes: names.iter().cloned().collect(), ..Forced::default() };
        let found = diff(&old, &new, Some(&forced));
        for (name, node) in &found.nodes {
            let expected = new.node(name).is_some() && naive(&old, &new, &names, name);
            prop_assert_eq!(node.reprocess, expected, "{}", name);
            prop_assert_eq!(node.status == DiffStatus::New, old.node(name).is_none());
            prop_assert_eq!(node.status == DiffStatus::Deleted, new.node(name).is_none());
            prop_assert_eq!(node.changes.is_empty(), node.status != DiffStatus::Changed);
        }
        let all = old.nodes.iter().chain(&new.nodes).map(|it| &it.name).collect::<BTreeSet<_>>();
        prop_assert_eq!(all.len(), found.nodes.len());
    }

    #[test]
    fn nothing_changes_from_a_graph_to_itself(graph in graphs()) {
        let found = diff(&graph, &graph, None);
        prop_assert!(found.nodes.values().all(|it| it.status == DiffStatus::Unchanged && !it.reprocess));
    }
}

#[test]
fn a_new_version_is_named_and_flows_down() {
    let old = graph(vec![
        node("scan", &[], "1"),
        node("ink", &["scan"], "1"),
        node("log", &[], "1"),
    ]);
    let new = graph(vec![
        node("scan", &[], "2"),
        node("ink", &["scan"], "1"),
        node("log", &[], "1"),
    ]);
    let found = diff(&old, &new, None);
    let names = |node: &str| {
        found.nodes[node]
            .changes
            .iter()
            .map(|it| it.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names("scan"), ["JOB_TYPE_VERSION_CHANGE"]);
    assert_eq!(names("ink"), ["PARENT_CHANGED"]);
    assert_eq!(found.nodes["log"].status, DiffStatus::Unchanged);
}

#[test]
fn a_new_required_input_ends_a_chain_and_an_optional_one_does_not() {
    let plain = graph(vec![node("scan", &[], "1")]);
    let with = |required| FlowGraph {
        input: Interface {
            json: vec![crate::flow::JsonParameter {
                name: "LIMIT".to_owned(),
                json_type: crate::flow::JsonType::Integer,
                required,
            }],
            files: vec![],
        },
        ..plain.clone()
    };
    assert!(diff(&plain, &with(false), None).can_be_reprocessed);
    let forced = Forced {
        all: true,
        ..Forced::default()
    };
    let found = diff(&plain, &with(true), Some(&forced));
    assert!(!found.can_be_reprocessed);
    assert_eq!(found.reasons[0].name, "INPUT_CHANGE");
    assert!(found.nodes.values().all(|it| !it.reprocess && it.forced));
}
