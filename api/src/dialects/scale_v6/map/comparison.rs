//! The comparison of a chain of batches: one column a batch.

use std::collections::BTreeSet;

use fasti_core::domain::flow::FlowSet;
use serde_json::{Map, Value, json};

use super::super::wire::time;
use super::{COUNTERS, batch, counter};

/// The comparison.
pub(crate) fn write(chain: &[&FlowSet]) -> Value {
    let column = |read: &dyn Fn(&FlowSet) -> Value| {
        Value::Array(chain.iter().map(|set| read(set)).collect())
    };
    let mut metrics = Map::new();
    for (name, status) in COUNTERS {
        metrics.insert(
            name.to_owned(),
            column(&|set| counter(&set.counts, status).into()),
        );
    }
    metrics.insert(
        "recipes_estimated".to_owned(),
        column(&|set| set.estimated.into()),
    );
    metrics.insert(
        "recipes_total".to_owned(),
        column(&|set| set.flows_total.into()),
    );
    metrics.insert(
        "recipes_completed".to_owned(),
        column(&|set| set.flows_completed.into()),
    );
    let nodes: BTreeSet<&String> = chain.iter().flat_map(|set| set.metrics.keys()).collect();
    let mut by_node = Map::new();
    for node in nodes {
        let mut of_node = Map::new();
        for (name, status) in COUNTERS {
            let cell = |set: &FlowSet| {
                set.metrics
                    .get(node)
                    .map_or(Value::Null, |it| counter(&it.counts, status).into())
            };
            of_node.insert(name.to_owned(), column(&cell));
        }
        for (name, read) in batch::DURATIONS {
            let cell = |set: &FlowSet| {
                let us = set.metrics.get(node).and_then(read);
                us.map_or(Value::Null, |us| time::duration(us).into())
            };
            of_node.insert(name.to_owned(), column(&cell));
        }
        by_node.insert(node.clone(), of_node.into());
    }
    metrics.insert("job_metrics".to_owned(), by_node.into());
    let batches: Vec<Value> = chain.iter().map(|set| batch::base(set)).collect();
    json!({"batches": batches, "metrics": metrics})
}
