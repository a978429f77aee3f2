//! `fasti run show`: a run on one page.

use fasti_core::ports::Clock;
use serde_json::{Value, json};

use super::client::Client;
use super::show::{Show, Style, Table};
use super::spent::{self, Account, Spent};
use super::{follow, read};
use crate::clock::SystemClock;

/// Task runs shown of a large run; `--json` has all of them.
const ROWS_MAX: usize = 200;

/// A run with what belongs to it.
pub(crate) struct Page {
    pub(crate) run: Value,
    pub(crate) tasks: Vec<Value>,
    pub(crate) account: Account,
}

impl Page {
    pub(crate) fn load(client: &Client, id: u64) -> anyhow::Result<Self> {
        let run = client.get(&format!("/runs/{id}"))?;
        let tasks = client.list(&format!("/runs/{id}/tasks"), usize::MAX)?;
        let graph = client.get(&format!("/runs/{id}/graph"))?;
        let account = spent::account(&run, &tasks, &graph, SystemClock.now());
        Ok(Self {
            run,
            tasks,
            account,
        })
    }
}

pub(crate) fn show(client: &Client, show: &Show, id: u64) -> anyhow::Result<()> {
    let page = Page::load(client, id)?;
    if show.is_json() {
        return show.json(&document(&page));
    }
    head(show, &page.run)?;
    show.line("")?;
    show.table(&tasks(&page))?;
    if page.tasks.len() > ROWS_MAX {
        show.note(&format!(
            "and {} task runs more; --json has all",
            page.tasks.len() - ROWS_MAX
        ));
    }
    failures(show, &page)?;
    show.line("")?;
    time(show, &page)
}

/// The answers of the server, with the account added.
pub(crate) fn document(page: &Page) -> Value {
    let us = |spent: &Spent| {
        json!({"queued_us": spent.queued_us, "starting_us": spent.starting_us,
               "running_us": spent.running_us, "retrying_us": spent.retrying_us})
    };
    let names: Vec<&Value> = page
        .account
        .critical
        .iter()
        .map(|at| &page.tasks[*at]["name"])
        .collect();
    json!({
        "run": page.run,
        "tasks": page.tasks,
        "spent": {
            "elapsed_us": page.account.elapsed_us,
            "tasks": page.account.tasks.iter().map(us).collect::<Vec<_>>(),
            "critical_path": names,
            "critical_path_spent": us(&page.account.spent),
            "late_us": page.account.late_us,
            "delivering_us": page.account.delivering_us,
        },
    })
}

fn head(show: &Show, run: &Value) -> anyhow::Result<()> {
    let status = read::text(run, "status");
    let title = format!(
        "run {} of {}:{}",
        run["id"],
        read::text(run, "batch_name"),
        read::text(run, "tag")
    );
    let status = show.styled(&status, Style::of_status(&status));
    show.line(&format!("{}  {status}", show.styled(&title, Style::Bold)))?;
    let version = match run["definition_version"].as_u64() {
        Some(version) => format!("version {version}"),
        None => "not saved".to_owned(),
    };
    let facts = [
        (
            "type",
            format!("{}, {version}", read::text(run, "run_type")),
        ),
        ("rundate", read::text(run, "rundate")),
        (
            "created",
            format!(
                "{} by {}",
                read::moment(run, "created_at"),
                read::text(run, "requested_by")
            ),
        ),
        ("finished", read::moment(run, "finished_at")),
        ("tasks", follow::counts(run)),
        ("reason", read::optional(run, "status_reason")),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        show.line(&format!("{name:<9} {value}"))?;
    }
    Ok(())
}

/// The task runs of a run and their times.
pub(crate) fn tasks(page: &Page) -> Table {
    let heads = [
        "ID", "TASK", "STATUS", "TRIES", "QUEUED", "STARTING", "RUNNING", "RETRYING", "REASON",
    ];
    let mut table = Table::new(&heads, &[0, 3, 4, 5, 6, 7]);
    for (task, spent) in page.tasks.iter().zip(&page.account.tasks).take(ROWS_MAX) {
        let reason = match task["reused_from"].as_u64() {
            Some(earlier) => format!("reused from {earlier}"),
            // Told below, attempt by attempt.
            None if has_failures(task) => read::optional(task, "queue_reason"),
            None => read::optional(task, "status_reason") + &read::optional(task, "queue_reason"),
        };
        table.row(vec![
            read::text(task, "id"),
            read::text(task, "name"),
            read::text(task, "status"),
            format!(
                "{}/{}",
                read::text(task, "attempt"),
                read::text(task, "max_attempts")
            ),
            read::duration(spent.queued_us),
            read::duration(spent.starting_us),
            read::duration(spent.running_us),
            read::duration(spent.retrying_us),
            reason,
        ]);
    }
    table
}

fn has_failures(task: &Value) -> bool {
    let mut attempts = read::items(task, "attempts").iter();
    attempts.any(|attempt| !attempt["reason"].is_null())
}

/// Attempts that did not succeed, also of tasks that did in the end.
fn failures(show: &Show, page: &Page) -> anyhow::Result<()> {
    let mut table = Table::new(&["TASK", "ATTEMPT", "ENDED", "WHY"], &[1]);
    let mut rows = 0;
    for task in &page.tasks {
        let failed = read::items(task, "attempts")
            .iter()
            .filter(|attempt| !attempt["reason"].is_null());
        for attempt in failed.take(ROWS_MAX - rows) {
            let (at, why) = (
                read::moment(attempt, "finished_at"),
                read::text(attempt, "reason"),
            );
            table.row(vec![
                read::text(task, "name"),
                read::text(attempt, "number"),
                at,
                why,
            ]);
            rows += 1;
        }
    }
    if rows == 0 {
        return Ok(());
    }
    show.line("")?;
    show.line(&show.styled("attempts that failed", Style::Bold))?;
    show.table(&table)
}

/// Where the time went: along the chain of task runs that ended last.
pub(crate) fn time(show: &Show, page: &Page) -> anyhow::Result<()> {
    let account = &page.account;
    let elapsed = read::duration(account.elapsed_us);
    show.line(&show.styled(
        &format!("where the time went ({elapsed} in all)"),
        Style::Bold,
    ))?;
    let spent = account.spent;
    let kinds = [
        ("late", account.late_us),
        ("queued", spent.queued_us),
        ("starting", spent.starting_us),
        ("running", spent.running_us),
        ("retrying", spent.retrying_us),
        ("delivering", account.delivering_us),
    ];
    for (name, us) in kinds {
        show.line(&format!(
            "{name:<10} {:>10}  {:>3} %",
            read::duration(us),
            percent(us, account.elapsed_us)
        ))?;
    }
    if account.critical.is_empty() {
        return show.line("nothing was given to a runner yet");
    }
    let step = |at: &usize| {
        let took = read::duration(account.tasks[*at].total_us());
        format!("{} {took}", read::text(&page.tasks[*at], "name"))
    };
    let steps: Vec<String> = account.critical.iter().map(step).collect();
    show.line(&format!(
        "along the path that took longest: {}",
        steps.join(" > ")
    ))
}

fn percent(part: i64, whole: i64) -> i64 {
    (part * 100 + whole / 2) / whole.max(1)
}
