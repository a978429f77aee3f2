//! What became of single flows of a set, and another try.

use clap::Args;
use serde_json::{Value, json};

use super::super::client::{Client, query};
use super::super::read;
use super::super::show::{Show, Table};

/// Which flows to list.
#[derive(Debug, Args)]
pub(crate) struct FlowsArgs {
    /// The set.
    set: u64,
    /// Only those that stand so.
    #[arg(long, value_parser = ["completed", "failed", "cancelled", "active"])]
    status: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A flow.
#[derive(Debug, Args)]
pub(crate) struct FlowArgs {
    /// Its id.
    flow: u64,
}

/// What to try again.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The set.
    set: u64,
    /// Only steps of this flow; may be repeated.
    #[arg(long, value_name = "ID")]
    flow: Vec<u64>,
    /// Only steps of this node; may be repeated.
    #[arg(long, value_name = "NODE")]
    node: Vec<String>,
    /// Those that were cancelled too.
    #[arg(long)]
    cancelled: bool,
}

pub(super) fn flows(client: &Client, show: &Show, args: &FlowsArgs) -> anyhow::Result<()> {
    let path = format!("/flow-sets/{}/flows", args.set);
    let found = client.list(
        &query(&path, &[("status", args.status.as_deref())]),
        args.limit,
    )?;
    if show.is_json() {
        return show.json(&Value::Array(found));
    }
    table(show, &found)
}

fn table(show: &Show, found: &[Value]) -> anyhow::Result<()> {
    let heads = ["FLOW", "STATUS", "STEPS", "DONE", "FAILED", "VALUES"];
    let mut table = Table::new(&heads, &[0, 2, 3, 4]);
    for flow in found {
        table.row(vec![
            read::text(flow, "id"),
            read::text(flow, "status"),
            read::text(&flow["steps"], "total"),
            read::text(&flow["steps"], "completed"),
            read::text(&flow["steps"], "failed"),
            read::text(flow, "values"),
        ]);
    }
    show.table(&table)
}

pub(super) fn flow(client: &Client, show: &Show, args: &FlowArgs) -> anyhow::Result<()> {
    let path = format!("/flows/{}", args.flow);
    let mut flow = client.get(&path)?;
    let nodes = client.list(&format!("{path}/nodes"), usize::MAX)?;
    if show.is_json() {
        flow["nodes"] = Value::Array(nodes);
        return show.json(&flow);
    }
    table(show, &[flow])?;
    show.line("")?;
    let heads = ["NODE", "KIND", "STATUS", "RUN", "WHAT"];
    let mut table = Table::new(&heads, &[3]);
    for node in &nodes {
        let step = &node["step"];
        let what = if let Some(name) = step["failure"]["name"].as_str() {
            let description = read::optional(&step["failure"], "description");
            format!("{}: {description}", read::plain(name))
        } else if let Some(id) = node["flow_id"].as_u64() {
            format!("flow {id}")
        } else if step["ended_at"].is_string() {
            read::text(step, "outputs")
        } else {
            String::new()
        };
        table.row(vec![
            read::text(node, "name"),
            read::text(node, "kind"),
            read::text(node, "status"),
            read::text(step, "run_id"),
            what,
        ]);
    }
    show.table(&table)
}

pub(super) fn retry(client: &Client, show: &Show, args: &RetryArgs) -> anyhow::Result<()> {
    let body = json!({
        "flow_ids": (!args.flow.is_empty()).then_some(&args.flow),
        "nodes": (!args.node.is_empty()).then_some(&args.node),
        "cancelled": args.cancelled,
    });
    let answer = client.post(&format!("/flow-sets/{}/retry", args.set), &body)?;
    if show.is_json() {
        return show.json(&answer);
    }
    show.line(&format!(
        "{} steps are tried again",
        read::text(&answer, "steps")
    ))
}
