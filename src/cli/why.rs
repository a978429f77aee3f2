//! `fasti why` and `fasti why-not`: what led to a run, a task run, or to none.

use clap::Args;
use serde_json::Value;

use super::client::{Client, query};
use super::exit::{Exit, Failure};
use super::show::Show;
use super::{Global, read};
use crate::config::ConfigFile;

/// Arguments of `fasti why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Id of a run or of a task run.
    id: u64,
}

/// Arguments of `fasti why-not`.
#[derive(Debug, Args)]
pub(crate) struct WhyNotArgs {
    /// Name, name:tag or id of the batch.
    batch: String,
    /// The instant, RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Explains a run or a task run.
pub(crate) fn why(args: &WhyArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let id = args.id;
    let run = client.get(&format!("/runs/{id}/why"));
    let answer = match run {
        Err(error) if Failure::is(&error, Exit::NotFound) => {
            client.get(&format!("/task-runs/{id}/why"))?
        }
        other => other?,
    };
    print(&answer, global)
}

/// Explains why a batch did not run.
pub(crate) fn why_not(
    args: &WhyNotArgs,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let batch = client.batch(&args.batch)?;
    let id = read::text(&batch, "id");
    let path = query(
        &format!("/batches/{id}/why-not"),
        &[("at", args.at.as_deref())],
    );
    print(&client.get(&path)?, global)
}

fn print(answer: &Value, global: &Global) -> anyhow::Result<()> {
    let show = Show::new(global);
    if global.json {
        return show.json(answer);
    }
    show.line(&format!(
        "{}: {}",
        read::text(answer, "about"),
        read::text(answer, "answer")
    ))?;
    for cause in read::items(answer, "causes") {
        let seq = match cause["seq"].as_u64() {
            Some(seq) => format!("seq {seq}"),
            None => String::new(),
        };
        let at = match read::moment(cause, "at") {
            none if none == "-" => String::new(),
            at => at,
        };
        let text_of = read::text(cause, "text");
        show.line(&format!("  {at:<20}  {seq:<12}  {text_of}"))?;
    }
    Ok(())
}
