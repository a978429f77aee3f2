//! `fasti batch compare`: what changed between two versions of a batch, or two revisions of the graph of flows.

use clap::Args;
use serde_json::Value;

use super::client::{Client, encode, query};
use super::exit::{Exit, Failure};
use super::read;
use super::run_diff;
use super::show::{Show, Table};

/// Arguments of `fasti batch compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Name, name:tag or id of the batch, or name of a graph of flows.
    batch: String,
    /// Version [default: the one before].
    #[arg(long, value_name = "N")]
    from: Option<u32>,
    /// Version [default: the present one].
    #[arg(long, value_name = "N")]
    to: Option<u32>,
}

/// Prints what changed. A name that no batch has may be that of a graph of flows.
pub(super) fn compare(client: &Client, show: &Show, args: &CompareArgs) -> anyhow::Result<()> {
    let (from, to) = (
        args.from.map(|version| version.to_string()),
        args.to.map(|version| version.to_string()),
    );
    let range = [("from", from.as_deref()), ("to", to.as_deref())];
    let missing = match client.batch(&args.batch) {
        Ok(batch) => {
            let path = format!("/batches/{}/diff", read::text(&batch, "id"));
            return definitions(show, &client.get(&query(&path, &range))?);
        }
        Err(error) if Failure::is(&error, Exit::NotFound) => error,
        Err(error) => return Err(error),
    };
    let path = format!("/flow-types/{}/diff", encode(&args.batch));
    match client.get(&path) {
        Err(error) if Failure::is(&error, Exit::NotFound) => return Err(missing),
        found => found?,
    };
    graph(show, &client.get(&query(&path, &range))?)
}

fn definitions(show: &Show, found: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(found);
    }
    let (from, to) = (read::text(found, "from"), read::text(found, "to"));
    let changes = read::items(found, "definition");
    show.line(&format!(
        "{}: version {to}, compared with version {from}: {}",
        read::text(found, "batch_name"),
        match changes.len() {
            0 => "the same".to_owned(),
            1 => "one field differs".to_owned(),
            several => format!("{several} fields differ"),
        }
    ))?;
    for change in changes {
        show.line(&run_diff::change(change))?;
    }
    Ok(())
}

/// Prints how two revisions of a graph differ, node by node.
pub(super) fn graph(show: &Show, found: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(found);
    }
    for reason in read::items(found, "reasons") {
        show.line(reason.as_str().unwrap_or_default())?;
    }
    let mut table = Table::new(&["NODE", "IS", "DONE ANEW", "WHY"], &[]);
    for (name, node) in found["nodes"].as_object().into_iter().flatten() {
        let changes = read::items(node, "changes")
            .iter()
            .filter_map(Value::as_str);
        let anew = if node["is_done_anew"] == true {
            "yes"
        } else {
            "no"
        };
        let mut why: Vec<&str> = changes.collect();
        if node["is_forced"] == true {
            why.push("forced");
        }
        table.row(vec![
            name.clone(),
            read::text(node, "status"),
            anew.to_owned(),
            why.join("; "),
        ]);
    }
    show.table(&table)
}
