//! `fasti run`: starting, watching and ending runs.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Global;
use super::client::{Client, query};
use super::exit::{Exit, Failure};
use super::show::{Show, Table};
use super::{evidence, follow, fork, read, run_diff, run_graph, run_page, run_set};
use crate::config::ConfigFile;

/// Commands about runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Start a run of a saved batch.
    Start(StartArgs),
    /// List runs, the newest first.
    List(ListArgs),
    /// Show a run: its tasks, their attempts, where the time went.
    Show(Id),
    /// Ask for the end of a run.
    Cancel(CancelArgs),
    /// Wait for the end of a run; the exit code tells how it ended (10 failed, 11 cancelled, 12 not over in
    /// time, 13 the server went away).
    Wait(WaitArgs),
    /// How a run differs from another one: what changed since it last worked.
    Diff(run_diff::DiffArgs),
    /// One file that proves a finished run to others: definition, events, digests of results, signed anchors.
    Evidence(evidence::EvidenceArgs),
    /// The graph of a run: a table, or the picture that the page shows.
    Graph(run_graph::GraphArgs),
    /// Run a finished run again, all of it or in part.
    Rerun(RerunArgs),
    /// A new run from any task of a finished run: what is before it serves as it is, what is after it is executed,
    /// with other variables or in another version of the batch.
    #[command(disable_version_flag = true)]
    Fork(fork::ForkArgs),
    /// Sets of flows: many inputs through one graph, where what did not change is not done again.
    #[command(subcommand)]
    Set(run_set::RunSetCommand),
}

/// A run.
#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Id of the run.
    run: u64,
}

/// Whether to wait.
#[derive(Debug, Args)]
pub(crate) struct Waiting {
    /// Wait for the end of the run; the exit code tells how it ended.
    #[arg(long)]
    wait: bool,
    /// Wait so long at most: 30, 30s, 10m, 2h.
    #[arg(long, requires = "wait", value_parser = follow::parse_duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

/// Arguments of `fasti run start`.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Name, name:tag or id of the batch.
    batch: String,
    /// Date the run is for, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    rundate: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Which runs to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of the batches of this name.
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,
    /// Only of batches with this text in their name, in capitals or not.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only with this status: queued, running, success, failure or cancelled.
    #[arg(long)]
    status: Option<String>,
    /// Only for this date, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    rundate: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

/// Arguments of `fasti run cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// Id of the run.
    run: u64,
    /// Why, for others to read.
    #[arg(long)]
    reason: Option<String>,
}

/// Arguments of `fasti run wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Id of the run.
    run: u64,
    /// Wait so long at most: 30, 30s, 10m, 2h.
    #[arg(long, value_parser = follow::parse_duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

/// What a rerun executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RerunMode {
    /// What did not succeed, and everything after it.
    Failed,
    /// Everything.
    All,
    /// The tasks named with --task, and everything after them.
    From,
}

/// Arguments of `fasti run rerun`.
#[derive(Debug, Args)]
pub(crate) struct RerunArgs {
    /// Id of the finished run.
    run: u64,
    /// What to execute [default: failed, or from if tasks are named].
    #[arg(long, value_enum)]
    mode: Option<RerunMode>,
    /// Task to start from; may be given several times.
    #[arg(long, value_name = "NAME")]
    task: Vec<String>,
    /// Date the run is for, YYYY-MM-DD [default: that of the finished run].
    #[arg(long, value_name = "DATE")]
    rundate: Option<String>,
    /// Use the present version of the batch instead of the one that the finished run used.
    #[arg(long)]
    latest: bool,
    /// Show what would be executed and what reused, and why; start nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(command: RunCommand, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let show = Show::new(global);
    match command {
        RunCommand::Start(args) => {
            let id = read::text(&client.batch(&args.batch)?, "id");
            let body = json!({"rundate": args.rundate});
            let run = client.post(&format!("/batches/{id}/runs"), &body)?;
            started(&client, &show, &run, &args.waiting)
        }
        RunCommand::List(args) => list(&client, &show, &args),
        RunCommand::Show(id) => run_page::show(&client, &show, id.run),
        RunCommand::Cancel(args) => {
            let body = json!({"reason": args.reason});
            let run = client.post(&format!("/runs/{}/cancel", args.run), &body)?;
            if show.is_json() {
                return show.json(&run);
            }
            show.note(&format!("run {} is {}", args.run, ending(&run)));
            Ok(())
        }
        RunCommand::Wait(args) => wait(&client, &show, args.run, args.timeout),
        RunCommand::Diff(args) => run_diff::diff(&client, &show, &args),
        RunCommand::Evidence(args) => evidence::make(&client, &show, &args),
        RunCommand::Graph(args) => run_graph::graph(&client, &show, &args),
        RunCommand::Rerun(args) => {
            let run = client.post(&format!("/runs/{}/rerun", args.run), &rerun_body(&args)?)?;
            if args.dry_run {
                return planned(&show, &run);
            }
            started(&client, &show, &run, &args.waiting)
        }
        RunCommand::Fork(args) => fork::run(&client, &show, &args),
        RunCommand::Set(command) => run_set::run(&client, &show, command),
    }
}

/// What a cancel came to.
fn ending(run: &Value) -> String {
    match run["status"].as_str() {
        Some("queued" | "running") => "being cancelled".to_owned(),
        Some("cancelled") => "cancelled".to_owned(),
        Some(_) | None => format!("over already: {}", read::text(run, "status")),
    }
}

fn rerun_body(args: &RerunArgs) -> anyhow::Result<Value> {
    let mode = match args.mode {
        None if args.task.is_empty() => RerunMode::Failed,
        None => RerunMode::From,
        Some(mode) => mode,
    };
    let word = match mode {
        RerunMode::Failed => "failed",
        RerunMode::All => "all",
        RerunMode::From => "from",
    };
    if (mode == RerunMode::From) == args.task.is_empty() {
        let message = "tasks are named with --task for --mode from, and for no other";
        return Err(Failure::new(Exit::Usage, message).into());
    }
    let tasks = (mode == RerunMode::From).then_some(&args.task);
    let version = if args.latest { "latest" } else { "original" };
    Ok(json!({
        "mode": word, "tasks": tasks, "rundate": args.rundate, "version": version, "dry_run": args.dry_run,
    }))
}

/// A plan, one task a line.
pub(super) fn planned(show: &Show, plan: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(plan);
    }
    for item in plan["items"].as_array().into_iter().flatten() {
        let text = |name| read::text(item, name);
        show.line(&format!(
            "{:<6} {}: {}",
            text("action"),
            text("name"),
            text("reason")
        ))?;
    }
    Ok(())
}

pub(super) fn started(
    client: &Client,
    show: &Show,
    run: &Value,
    waiting: &Waiting,
) -> anyhow::Result<()> {
    let id = run["id"].as_u64().unwrap_or_default();
    if waiting.wait {
        show.note(&format!("run {id} started"));
        return wait(client, show, id, waiting.timeout);
    }
    if show.is_json() {
        return show.json(run);
    }
    show.note(&format!(
        "run started; `fasti run wait {id}` waits for its end"
    ));
    show.line(&id.to_string())
}

fn wait(client: &Client, show: &Show, id: u64, timeout: Option<Duration>) -> anyhow::Result<()> {
    let mut bar = follow::Bar::new(show);
    let run = follow::until_over(client, id, timeout, &mut bar)?;
    drop(bar);
    if show.is_json() {
        show.json(&run)?;
    } else {
        let took = read::between(&run, "created_at", "finished_at");
        show.note(&format!("run {id}: {} in {took}", follow::counts(&run)));
    }
    follow::verdict(&run)
}

fn list(client: &Client, show: &Show, args: &ListArgs) -> anyhow::Result<()> {
    let filters = [
        ("order", Some("desc")),
        ("batch_name", args.batch.as_deref()),
        ("search", args.search.as_deref()),
        ("status", args.status.as_deref()),
        ("rundate", args.rundate.as_deref()),
    ];
    let runs = client.list(&query("/runs", &filters), args.limit)?;
    if show.is_json() {
        return show.json(&Value::Array(runs));
    }
    let heads = [
        "RUN", "BATCH", "TAG", "TYPE", "RUNDATE", "CREATED", "TIME", "STATUS", "TASKS", "REASON",
    ];
    let mut table = Table::new(&heads, &[0, 6]);
    for run in &runs {
        table.row(vec![
            read::text(run, "id"),
            read::text(run, "batch_name"),
            read::text(run, "tag"),
            read::text(run, "run_type"),
            read::text(run, "rundate"),
            read::moment(run, "created_at"),
            read::between(run, "created_at", "finished_at"),
            read::text(run, "status"),
            follow::counts(run),
            read::optional(run, "status_reason"),
        ]);
    }
    show.table(&table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn args(mode: Option<RerunMode>, task: &[&str]) -> RerunArgs {
        RerunArgs {
            run: 7,
            mode,
            task: task.iter().map(|task| (*task).to_owned()).collect(),
            rundate: None,
            latest: false,
            dry_run: false,
            waiting: Waiting {
                wait: false,
                timeout: None,
            },
        }
    }

    #[test]
    fn named_tasks_make_a_rerun_from_them() {
        assert_eq!(rerun_body(&args(None, &[])).unwrap()["mode"], "failed");
        let body = rerun_body(&args(None, &["a", "b"])).unwrap();
        assert_eq!(
            (&body["mode"], &body["tasks"]),
            (&json!("from"), &json!(["a", "b"]))
        );
        assert!(rerun_body(&args(Some(RerunMode::From), &[])).is_err());
        assert!(rerun_body(&args(Some(RerunMode::All), &["a"])).is_err());
    }
}
