//! `fasti batch`: the definitions that a server knows.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use fasti_core::domain::time::Timestamp;
use serde_json::{Value, json};

use super::Global;
use super::client::{Client, query};
use super::exit::{Exit, Failure};
use super::show::{Show, Style, Table};
use super::{batch_compare, read};
use crate::config::ConfigFile;

/// Commands about batches.
#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// List batches.
    List(ListArgs),
    /// Show a batch: its tasks, what waits for what, its last run.
    Show(Named),
    /// Save a definition (JSON); replaces the batch of the same name and tag.
    Save(FileArgs),
    /// Check a definition without saving it.
    Validate(FileArgs),
    /// What changed between two versions of a batch.
    Compare(batch_compare::CompareArgs),
    /// Switch the schedule of a batch off.
    Pause(PauseArgs),
    /// Switch the schedule of a batch on again.
    Resume(Named),
    /// Remove a batch; its runs stay readable.
    Delete(DeleteArgs),
}

/// Which batches to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only with this text in the name, in capitals or not.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only with this tag: dev, pre or prod.
    #[arg(long)]
    tag: Option<String>,
    /// Only with this label.
    #[arg(long)]
    label: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A batch.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name, name:tag or id of the batch.
    batch: String,
}

/// A definition.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// JSON file with the definition; - is standard input.
    file: PathBuf,
}

/// Arguments of `fasti batch pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    named: Named,
    /// Why, for others to read.
    #[arg(long)]
    reason: Option<String>,
    /// When it goes on by itself, such as 2024-03-31T01:00:00Z [default: when it is resumed].
    #[arg(long, value_name = "TIME", value_parser = super::schedule::instant)]
    until: Option<Timestamp>,
}

/// Arguments of `fasti batch delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: Named,
    /// Even though runs of it go on.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(
    command: BatchCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let show = Show::new(global);
    match command {
        BatchCommand::List(args) => list(&client, &show, &args),
        BatchCommand::Show(named) => page(&client, &show, &named.batch),
        BatchCommand::Save(args) => save(&client, &show, &args.file),
        BatchCommand::Validate(args) => {
            let answer = client.post("/batches/validate", &json_file(&args.file)?)?;
            if show.is_json() {
                return show.json(&answer);
            }
            show.note(&format!(
                "{} is a definition that could be saved",
                args.file.display()
            ));
            Ok(())
        }
        BatchCommand::Compare(args) => batch_compare::compare(&client, &show, &args),
        BatchCommand::Pause(args) => {
            let until = args.until.map(|at| at.to_string());
            let body = json!({"reason": args.reason, "until": until});
            change(
                &client,
                &show,
                &args.named.batch,
                ("pause", "paused"),
                &body,
            )
        }
        BatchCommand::Resume(named) => change(
            &client,
            &show,
            &named.batch,
            ("resume", "resumed"),
            &json!({}),
        ),
        BatchCommand::Delete(args) => delete(&client, &show, &args),
    }
}

fn list(client: &Client, show: &Show, args: &ListArgs) -> anyhow::Result<()> {
    let filters = [
        ("name", args.name.as_deref()),
        ("search", args.search.as_deref()),
        ("tag", args.tag.as_deref()),
        ("label", args.label.as_deref()),
    ];
    let batches = client.list(&query("/batches", &filters), args.limit)?;
    if show.is_json() {
        return show.json(&Value::Array(batches));
    }
    let heads = [
        "NAME", "TAG", "VERSION", "TASKS", "RUNS", "LAST RUN", "STATUS", "OWNER", "SCHEDULE",
    ];
    let mut table = Table::new(&heads, &[2, 3, 4]);
    for batch in &batches {
        table.row(vec![
            read::text(batch, "name"),
            read::text(batch, "tag"),
            read::text(batch, "version"),
            read::items(batch, "tasks").len().to_string(),
            read::text(batch, "run_count"),
            read::moment(&batch["last_run"], "scheduled_time"),
            read::text(&batch["last_run"], "status"),
            read::text(batch, "owner"),
            schedule(batch),
        ]);
    }
    show.table(&table)
}

fn schedule(batch: &Value) -> String {
    let mut text = read::optional(batch, "schedule_description");
    if batch["paused"] == true {
        text.push_str(" (paused");
        if let Some(until) = read::instant(batch, "paused_until") {
            let _ = write!(text, " until {until}");
        }
        let reason = read::optional(batch, "paused_reason");
        if !reason.is_empty() {
            let _ = write!(text, ": {reason}");
        }
        text.push(')');
    }
    text.trim().to_owned()
}

fn page(client: &Client, show: &Show, name: &str) -> anyhow::Result<()> {
    let batch = client.batch(name)?;
    if show.is_json() {
        return show.json(&batch);
    }
    let title = format!(
        "{}:{}",
        read::text(&batch, "name"),
        read::text(&batch, "tag")
    );
    show.line(&format!(
        "{}  version {}",
        show.styled(&title, Style::Bold),
        read::text(&batch, "version")
    ))?;
    let facts = [
        ("id", read::text(&batch, "id")),
        (
            "owner",
            format!(
                "{}, group {}",
                read::text(&batch, "owner"),
                read::text(&batch, "group")
            ),
        ),
        (
            "saved",
            format!(
                "{} by {}",
                read::moment(&batch, "updated_at"),
                read::text(&batch, "created_by")
            ),
        ),
        ("schedule", schedule(&batch)),
        ("next run", read::moment(&batch, "next_run")),
        ("runs", read::text(&batch, "run_count")),
    ];
    for (name, value) in facts {
        show.line(&format!("{name:<9} {value}"))?;
    }
    for line in super::schedule::policies(&batch["schedule"]) {
        show.line(&format!("          {line}"))?;
    }
    if let Some(id) = batch["last_run"]["id"].as_u64() {
        let status = read::text(&batch["last_run"], "status");
        let styled = show.styled(&status, Style::of_status(&status));
        show.line(&format!("last run  {id}: {styled} (`fasti run show {id}`)"))?;
    }
    show.line("")?;
    tasks(show, &batch)
}

fn tasks(show: &Show, batch: &Value) -> anyhow::Result<()> {
    let mut table = Table::new(&["TASK", "PARTS", "RETRIES", "RUNS", "AFTER"], &[1, 2]);
    let edges = read::items(batch, "edges");
    for task in read::items(batch, "tasks") {
        let parts = match task["configuration_json"].as_array() {
            Some(parts) => parts.len().to_string(),
            None => read::text(task, "count"),
        };
        let after: Vec<String> = edges
            .iter()
            .filter(|edge| edge["to"] == task["name"])
            .map(|edge| read::text(edge, "from"))
            .collect();
        let words = read::items(task, "command")
            .iter()
            .filter_map(Value::as_str);
        let runs = match task["entrypoint"].as_str() {
            Some(entrypoint) => entrypoint.to_owned(),
            None => words.collect::<Vec<_>>().join(" "),
        };
        let retries = read::text(task, "retries");
        table.row(vec![
            read::text(task, "name"),
            parts,
            retries,
            runs,
            after.join(", "),
        ]);
    }
    show.table(&table)
}

/// The JSON of a file; - is standard input. A file that is no JSON is the caller's mistake.
pub(super) fn json_file(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("reading standard input")?;
        text
    } else {
        std::fs::read_to_string(file).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("cannot read {}: {error}", file.display()),
            )
        })?
    };
    let parsed = serde_json::from_str(&text);
    Ok(parsed.map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("{} is no JSON: {error}", file.display()),
        )
    })?)
}

fn save(client: &Client, show: &Show, file: &Path) -> anyhow::Result<()> {
    let batch = client.post("/batches", &json_file(file)?)?;
    if show.is_json() {
        return show.json(&batch);
    }
    let (name, tag) = (read::text(&batch, "name"), read::text(&batch, "tag"));
    show.note(&format!(
        "{name}:{tag} is saved as version {}",
        read::text(&batch, "version")
    ));
    show.line(&read::text(&batch, "id"))
}

fn change(
    client: &Client,
    show: &Show,
    name: &str,
    (verb, done): (&str, &str),
    body: &Value,
) -> anyhow::Result<()> {
    let id = read::text(&client.batch(name)?, "id");
    let batch = client.post(&format!("/batches/{id}/{verb}"), body)?;
    if show.is_json() {
        return show.json(&batch);
    }
    show.note(&format!("{name} is {done}"));
    Ok(())
}

fn delete(client: &Client, show: &Show, args: &DeleteArgs) -> anyhow::Result<()> {
    let id = read::text(&client.batch(&args.named.batch)?, "id");
    client.delete(&format!("/batches/{id}?force={}", args.force))?;
    if show.is_json() {
        return show.json(&json!({"id": id, "deleted": true}));
    }
    show.note(&format!(
        "{} is deleted; its runs stay readable with `fasti run list`",
        args.named.batch
    ));
    Ok(())
}
