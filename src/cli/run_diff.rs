//! `fasti run diff`: two runs side by side.

use clap::Args;
use serde_json::Value;

use super::client::{Client, query};
use super::read;
use super::show::{Show, Table};

/// Arguments of `fasti run diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Id of the run.
    run: u64,
    /// Id of the run to compare it with [default: the last one of its batch before it that succeeded].
    with: Option<u64>,
}

/// Prints how two runs differ.
pub(crate) fn diff(client: &Client, show: &Show, args: &DiffArgs) -> anyhow::Result<()> {
    let with = args.with.map(|with| with.to_string());
    let path = query(
        &format!("/runs/{}/diff", args.run),
        &[("with", with.as_deref())],
    );
    let found = client.get(&path)?;
    if show.is_json() {
        return show.json(&found);
    }
    show.line(&format!(
        "{}\n{}",
        side(&found["run"]),
        side(&found["with"])
    ))?;
    let changes = read::items(&found, "definition");
    if changes.is_empty() {
        show.line("definition: the same")?;
    }
    for change in changes {
        show.line(&format!("definition: {}", self::change(change)))?;
    }
    let mut table = Table::new(
        &[
            "TASK",
            "BEFORE",
            "NOW",
            "TOOK BEFORE",
            "TAKES",
            "VALUE",
            "REASON",
        ],
        &[3, 4],
    );
    for task in read::items(&found, "tasks") {
        let (run, with) = (&task["run"], &task["with"]);
        let differs = run["result_sha256"] != with["result_sha256"];
        table.row(vec![
            read::text(task, "name"),
            read::text(with, "status"),
            read::text(run, "status"),
            took(with),
            took(run),
            (if differs { "differs" } else { "same" }).to_owned(),
            read::optional(run, "status_reason"),
        ]);
    }
    show.table(&table)?;
    show.line(&format!(
        "{} tasks differ, {} are the same",
        read::text(&found, "different"),
        read::text(&found, "same")
    ))
}

/// A field that differs, on one line.
pub(super) fn change(change: &Value) -> String {
    let field = read::text(change, "field");
    let (before, after) = (value(&change["before"]), value(&change["after"]));
    format!("{field}: {before} -> {after}")
}

fn side(side: &Value) -> String {
    format!(
        "run {} of {}, version {}, for {}: {}",
        read::text(side, "id"),
        read::text(side, "batch_name"),
        read::text(side, "definition_version"),
        read::text(side, "rundate"),
        read::text(side, "status"),
    )
}

fn value(value: &Value) -> String {
    if value.is_null() {
        return "(not there)".to_owned();
    }
    read::plain(&value.to_string())
}

fn took(side: &Value) -> String {
    side["duration_ms"]
        .as_i64()
        .map_or_else(|| "-".to_owned(), |ms| read::duration(ms * 1_000))
}
