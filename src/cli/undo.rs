//! `fasti undo`: takes back what an operator asked for.

use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::show::Show;
use super::{Global, read};
use crate::config::ConfigFile;

/// Arguments of `fasti undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// Sequence number of the event, as `fasti event list` shows it.
    #[arg(value_name = "SEQ")]
    seq: u64,
    /// Say what it would do, or why it cannot be, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Undoes an event, or says what that would do.
pub(crate) fn run(args: &UndoArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let body = json!({ "dry_run": args.dry_run });
    let answer = client.post(&format!("/events/{}/undo", args.seq), &body)?;
    print(&answer, global)
}

fn print(answer: &Value, global: &Global) -> anyhow::Result<()> {
    let show = Show::new(global);
    if global.json {
        return show.json(answer);
    }
    let (event, did) = (read::text(answer, "event_seq"), read::text(answer, "did"));
    let at = read::moment(answer, "event_time");
    show.line(&format!("event {event}, {at}: {did}"))?;
    let undo = read::text(answer, "undo");
    show.line(&match answer["seq"].as_u64() {
        Some(seq) => format!("undone as of event {seq}: it {undo}"),
        None => format!("undoing it {undo}"),
    })?;
    match read::optional(answer, "stays") {
        stays if stays.is_empty() => Ok(()),
        stays => show.line(&format!("  {stays}")),
    }
}
