//! `fasti run fork`: a new run from any task of a finished run.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::run::{Waiting, planned, started};
use super::show::Show;

/// Arguments of `fasti run fork`.
#[derive(Debug, Args)]
pub(crate) struct ForkArgs {
    /// Id of the finished run.
    run: u64,
    /// Task from which on tasks are executed; may be given several times.
    #[arg(long, value_name = "TASK", required = true)]
    from: Vec<String>,
    /// Variable in the environment of every task that is executed, over one of the same name; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    set: Vec<(String, String)>,
    /// Version of the batch: its number, or `latest` [default: the one that the finished run used].
    #[arg(long, value_name = "N", value_parser = version)]
    version: Option<Value>,
    /// Date the run is for, YYYY-MM-DD [default: that of the finished run].
    #[arg(long, value_name = "DATE")]
    rundate: Option<String>,
    /// Show what would be executed and what reused, and why; start nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}

fn version(text: &str) -> Result<Value, String> {
    match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(json!(number)),
        Err(_) if text == "latest" => Ok(json!(text)),
        Ok(_) | Err(_) => Err("a version is a number from 1, or `latest`".to_owned()),
    }
}

/// Forks a run.
pub(crate) fn run(client: &Client, show: &Show, args: &ForkArgs) -> anyhow::Result<()> {
    let answer = client.post(&format!("/runs/{}/rerun", args.run), &body(args))?;
    if args.dry_run {
        return planned(show, &answer);
    }
    started(client, show, &answer, &args.waiting)
}

fn body(args: &ForkArgs) -> Value {
    let env: BTreeMap<&String, &String> =
        args.set.iter().map(|(name, value)| (name, value)).collect();
    let mut body = json!({
        "mode": "from", "tasks": args.from, "env": env, "rundate": args.rundate, "dry_run": args.dry_run,
    });
    match &args.version {
        Some(version) if version.is_u64() => body["definition_version"] = version.clone(),
        Some(version) => body["version"] = version.clone(),
        None => {}
    }
    body
}
