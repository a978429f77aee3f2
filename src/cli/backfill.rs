//! `fasti backfill`: one run a slot of a range that lies behind.

use clap::{Args, Subcommand, ValueEnum};
use fasti_core::domain::time::Timestamp;
use serde_json::{Value, json};

use super::Global;
use super::client::{Client, query};
use super::read;
use super::schedule::instant;
use super::show::{Show, Style, Table};
use crate::config::ConfigFile;

/// Commands about backfills.
#[derive(Debug, Subcommand)]
pub(crate) enum BackfillCommand {
    /// Say what a range comes to: its slots and their rundates. Starts nothing.
    Preview(RangeArgs),
    /// Make a run for every slot of a range, so many at a time.
    Start(StartArgs),
    /// List backfills, newest first.
    List(ListArgs),
    /// Show how far a backfill is.
    Show(Numbered),
    /// Make no further runs until it is resumed; those that go on are left alone.
    Pause(Numbered),
    /// Go on.
    Resume(Numbered),
    /// Make no further runs, and cancel those that go on.
    Cancel(Numbered),
}

/// A range of slots of a batch.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// Name, name:tag or id of the batch.
    batch: String,
    /// First instant, such as 2024-03-31T01:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Timestamp,
    /// Last instant, excluded.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Timestamp,
    /// Which end of the range comes first.
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    first: Order,
}

/// Which end of a range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// In the order of time.
    Oldest,
    /// What is most recent.
    Newest,
}

/// A range, and how to fill it.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// Runs that go on at a time, 1 to 1000.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    live_max: u32,
    /// For people.
    #[arg(long, default_value = "backfill")]
    title: String,
    /// Words to find it by.
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// The same key again starts nothing and gives the same answer.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Which backfills to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this batch: name, name:tag or id.
    #[arg(long)]
    batch: Option<String>,
    /// Of the newest so many run sets.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A backfill.
#[derive(Debug, Args)]
pub(crate) struct Numbered {
    /// Id of the backfill.
    id: u64,
}

pub(crate) fn run(
    command: BackfillCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    let client = Client::new(global, config);
    match command {
        BackfillCommand::Preview(args) => preview(&client, &show, &args),
        BackfillCommand::Start(args) => start(&client, &show, &args),
        BackfillCommand::List(args) => list(&client, &show, &args),
        BackfillCommand::Show(numbered) => {
            let set = client.get(&format!("/run-sets/{}", numbered.id))?;
            page(&show, &set)
        }
        BackfillCommand::Pause(numbered) => steer(&client, &show, numbered.id, "pause"),
        BackfillCommand::Resume(numbered) => steer(&client, &show, numbered.id, "resume"),
        BackfillCommand::Cancel(numbered) => steer(&client, &show, numbered.id, "cancel"),
    }
}

fn body(client: &Client, range: &RangeArgs) -> anyhow::Result<Value> {
    let id = read::text(&client.batch(&range.batch)?, "id");
    Ok(json!({
        "batch_id": id,
        "from": range.from.to_string(),
        "until": range.until.to_string(),
        "order": match range.first {
            Order::Oldest => "oldest_first",
            Order::Newest => "newest_first",
        },
    }))
}

fn preview(client: &Client, show: &Show, args: &RangeArgs) -> anyhow::Result<()> {
    let mut body = body(client, args)?;
    body["dry_run"] = json!(true);
    let found = client.post("/run-sets/backfill", &body)?;
    if show.is_json() {
        return show.json(&found);
    }
    let slots = read::text(&found, "slots");
    show.line(&show.styled(&format!("{slots} slots"), Style::Bold))?;
    let mut table = Table::new(&["SLOT", "RUNDATE"], &[]);
    let rundates = read::items(&found, "rundates");
    for (slot, rundate) in read::items(&found, "fire_times").iter().zip(rundates) {
        let text = |value: &Value| read::plain(value.as_str().unwrap_or_default());
        table.row(vec![text(slot).replacen(".000Z", "Z", 1), text(rundate)]);
    }
    show.table(&table)?;
    if found["truncated"] == true {
        show.note("and more");
    }
    Ok(())
}

fn start(client: &Client, show: &Show, args: &StartArgs) -> anyhow::Result<()> {
    let mut body = body(client, &args.range)?;
    body["live_max"] = json!(args.live_max);
    body["title"] = json!(args.title);
    body["labels"] = json!(args.labels);
    let set = client.post_keyed("/run-sets/backfill", &body, args.key.as_deref())?;
    if show.is_json() {
        return show.json(&set);
    }
    let id = read::text(&set, "id");
    let slots = read::text(&set["backfill"], "slots");
    show.note(&format!(
        "{slots} slots; `fasti backfill show {id}` says how far it is"
    ));
    show.line(&id)
}

fn list(client: &Client, show: &Show, args: &ListArgs) -> anyhow::Result<()> {
    let batch = match &args.batch {
        None => None,
        Some(name) => Some(read::text(&client.batch(name)?, "id")),
    };
    let path = query("/run-sets", &[("batch_id", batch.as_deref())]);
    let mut sets = client.list(&path, args.limit)?;
    sets.retain(|set| !set["backfill"].is_null());
    if show.is_json() {
        return show.json(&Value::Array(sets));
    }
    let heads = [
        "ID", "BATCH", "STATUS", "SLOTS", "MADE", "FROM", "UNTIL", "TITLE",
    ];
    let mut table = Table::new(&heads, &[0, 3, 4]);
    for set in &sets {
        table.row(vec![
            read::text(set, "id"),
            format!(
                "{}:{}",
                read::text(set, "batch_name"),
                read::text(set, "tag")
            ),
            stands(set).to_owned(),
            read::text(&set["backfill"], "slots"),
            read::text(set, "run_count"),
            read::moment(&set["backfill"], "from"),
            read::moment(&set["backfill"], "until"),
            read::text(set, "title"),
        ]);
    }
    show.table(&table)
}

/// In one word.
fn stands(set: &Value) -> &'static str {
    let is_made = set["closed"] == true;
    match (&set["finished_at"], is_made) {
        (Value::Null, false) if set["backfill"]["paused"] == true => "paused",
        (Value::Null, _) => "running",
        _ => "finished",
    }
}

fn page(show: &Show, set: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(set);
    }
    let backfill = &set["backfill"];
    let made = format!(
        "{} of {}, {} at a time, {}",
        read::text(set, "run_count"),
        read::text(backfill, "slots"),
        read::text(backfill, "live_max"),
        read::text(backfill, "order").replace('_', " "),
    );
    let counts = set["run_counts"].as_object().into_iter().flatten();
    let counts: Vec<String> = counts
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    let range = format!(
        "{} to {}",
        read::moment(backfill, "from"),
        read::moment(backfill, "until")
    );
    let facts = [
        (
            "batch",
            format!(
                "{}:{}",
                read::text(set, "batch_name"),
                read::text(set, "tag")
            ),
        ),
        ("status", stands(set).to_owned()),
        ("range", range),
        ("made", made),
        ("runs", counts.join(", ")),
        ("why", read::optional(backfill, "pause_reason")),
    ];
    let title = format!("{}  {}", read::text(set, "id"), read::text(set, "title"));
    show.line(&show.styled(&title, Style::Bold))?;
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        show.line(&format!("{name:<7} {value}"))?;
    }
    Ok(())
}

fn steer(client: &Client, show: &Show, id: u64, verb: &str) -> anyhow::Result<()> {
    let set = client.post(&format!("/run-sets/{id}/{verb}"), &json!({}))?;
    page(show, &set)
}
