//! `fasti run set`: sets of flows, made over items or over an earlier set, and what changed in between.

mod define;
mod flows;
mod items;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::show::{Show, Table};
use super::{batch_compare, read};

/// Commands about sets of flows.
#[derive(Debug, Subcommand)]
pub(crate) enum RunSetCommand {
    /// List sets of flows.
    List(ListArgs),
    /// Show a set.
    Show(OfSet),
    /// Save step types and flow types: what steps do, and the graphs they are in.
    Define(define::DefineArgs),
    /// List step types and flow types.
    Types(define::TypesArgs),
    /// Make an item set: inputs for many flows.
    Items(items::ItemsArgs),
    /// Make a set over the items of an item set, or over the last set of a chain.
    Start(StartArgs),
    /// Show the sets of a chain side by side.
    Compare(OfSet),
    /// List the flows of a set: one for each input.
    Flows(flows::FlowsArgs),
    /// Show a flow node by node: where each stands, and why it failed.
    Flow(flows::FlowArgs),
    /// Try the steps of a set again that failed.
    Retry(flows::RetryArgs),
}

/// Which sets to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A set.
#[derive(Debug, Args)]
pub(crate) struct OfSet {
    /// Its id.
    set: u64,
}

/// A set to make.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Name of the graph.
    flow_type: String,
    /// Make a flow for each item of this set.
    #[arg(long, value_name = "ID", required_unless_present = "over")]
    items: Option<u64>,
    /// Go over the last set of the chain that begins with this one.
    #[arg(long, value_name = "ID", conflicts_with = "items")]
    over: Option<u64>,
    /// Do these nodes anew, and what depends on them.
    #[arg(long, value_name = "NODE")]
    force: Vec<String>,
    /// Do everything anew.
    #[arg(long, conflicts_with = "force")]
    force_all: bool,
    /// Make every flow afresh, whatever was done before.
    #[arg(long)]
    fresh: bool,
    /// For people.
    #[arg(long)]
    title: Option<String>,
    /// Lower goes first.
    #[arg(long, value_name = "N")]
    priority: Option<u32>,
    /// Only say what would come of it.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(client: &Client, show: &Show, command: RunSetCommand) -> anyhow::Result<()> {
    match command {
        RunSetCommand::List(args) => sets(show, &client.list("/flow-sets", args.limit)?),
        RunSetCommand::Show(of) => one(show, client.get(&format!("/flow-sets/{}", of.set))?),
        RunSetCommand::Define(args) => define::define(client, show, &args),
        RunSetCommand::Types(args) => define::types(client, show, &args),
        RunSetCommand::Items(args) => items::items(client, show, &args),
        RunSetCommand::Start(args) => start(client, show, &args),
        RunSetCommand::Flows(args) => flows::flows(client, show, &args),
        RunSetCommand::Flow(args) => flows::flow(client, show, &args),
        RunSetCommand::Retry(args) => flows::retry(client, show, &args),
        RunSetCommand::Compare(of) => {
            let found = client.get(&format!("/flow-sets/{}/comparison", of.set))?;
            compare(show, &found)
        }
    }
}

fn one(show: &Show, set: Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(&set);
    }
    sets(show, &[set])
}

fn sets(show: &Show, sets: &[Value]) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(&Value::Array(sets.to_vec()));
    }
    let heads = [
        "ID", "TITLE", "TYPE", "REV", "ROOT", "FLOWS", "DONE", "STEPS", "FAILED", "RUNNING",
    ];
    let mut table = Table::new(&heads, &[0, 3, 4, 5, 6, 7, 8, 9]);
    for set in sets {
        table.row(vec![
            read::text(set, "id"),
            read::text(set, "title"),
            read::text(set, "flow_type"),
            read::text(set, "revision"),
            read::text(set, "root_id"),
            read::text(set, "flows_total"),
            read::text(set, "flows_completed"),
            read::text(&set["steps"], "total"),
            read::text(&set["steps"], "failed"),
            read::text(&set["steps"], "running"),
        ]);
    }
    show.table(&table)
}

fn start(client: &Client, show: &Show, args: &StartArgs) -> anyhow::Result<()> {
    let forced = args.force_all || !args.force.is_empty();
    let body = json!({
        "flow_type": args.flow_type, "title": args.title, "item_set_id": args.items, "previous_root_id": args.over,
        "supersedes": !args.fresh, "priority": args.priority, "dry_run": args.dry_run,
        "forced": forced.then(|| json!({"all": args.force_all, "nodes": args.force})),
    });
    let answer = client.post("/flow-sets", &body)?;
    if show.is_json() {
        return show.json(&answer);
    }
    if !args.dry_run {
        return sets(show, &[answer]);
    }
    if let Some(problem) = answer["problem"].as_str() {
        return show.line(&format!("it would be refused: {problem}"));
    }
    show.line(&format!("{} flows", read::text(&answer, "flows_estimated")))?;
    if answer["diff"].is_null() {
        Ok(())
    } else {
        batch_compare::graph(show, &answer["diff"])
    }
}

fn compare(show: &Show, found: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(found);
    }
    sets(show, read::items(found, "sets"))?;
    show.line("")?;
    let heads = ["NODE", "SET", "COMPLETED", "OF", "FAILED"];
    let mut table = Table::new(&heads, &[1, 2, 3, 4]);
    for (name, entries) in found["nodes"].as_object().into_iter().flatten() {
        let entries = entries.as_array().into_iter().flatten();
        for (set, entry) in read::items(found, "sets").iter().zip(entries) {
            // A set whose graph lacks the node has nothing to say of it.
            if entry.is_null() {
                continue;
            }
            let steps = &entry["steps"];
            table.row(vec![
                name.clone(),
                read::text(set, "id"),
                read::text(steps, "completed"),
                read::text(steps, "total"),
                read::text(steps, "failed"),
            ]);
        }
    }
    show.table(&table)
}
