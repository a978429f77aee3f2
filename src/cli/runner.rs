//! `fasti runner`: what executes, how much of it is in use, and whether it is given work. Without a verb, and with the
//! options that `fasti serve` gives, the process is a runner itself.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::client::{Client, encode};
use super::show::{Show, Table};
use super::{read, serve};
use crate::config::ConfigFile;

/// Arguments of `fasti runner`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunnerArgs {
    #[command(subcommand)]
    command: Option<RunnerCommand>,
    #[command(flatten)]
    process: serve::ProcessArgs,
}

/// Commands about runners.
#[derive(Debug, Subcommand)]
enum RunnerCommand {
    /// List runners: those there are, and the last ones that were lost.
    List,
    /// Give a runner nothing new; what it has goes on.
    Drain(DrainArgs),
    /// Give a drained runner work again.
    Resume(Named),
}

/// A runner.
#[derive(Debug, Args)]
struct Named {
    /// Id of the runner, as `fasti runner list` shows it.
    runner: String,
}

/// A runner and why it is drained.
#[derive(Debug, Args)]
struct DrainArgs {
    #[command(flatten)]
    named: Named,
    /// Why, for others to read.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(crate) fn run(args: RunnerArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let Some(command) = args.command else {
        return serve::runner(args.process);
    };
    let show = Show::new(global);
    let client = Client::new(global, config);
    match command {
        RunnerCommand::List => list(&client, &show),
        RunnerCommand::Drain(args) => {
            let body = json!({"reason": args.reason});
            let runner = client.post(&path(&args.named.runner, "drain"), &body)?;
            changed(&show, &args.named.runner, &runner, |runner| {
                let held = runner["held_attempts"].as_u64().unwrap_or_default();
                format!("is drained; {held} attempts go on")
            })
        }
        RunnerCommand::Resume(named) => {
            let runner = client.post(&path(&named.runner, "resume"), &json!({}))?;
            changed(&show, &named.runner, &runner, |_| {
                "is given work".to_owned()
            })
        }
    }
}

fn path(runner: &str, verb: &str) -> String {
    format!("/runners/{}/{verb}", encode(runner))
}

fn list(client: &Client, show: &Show) -> anyhow::Result<()> {
    let runners = client.get("/runners")?;
    let runners = runners["items"].as_array().cloned().unwrap_or_default();
    if show.is_json() {
        return runners.iter().try_for_each(|runner| show.json_line(runner));
    }
    let heads = [
        "RUNNER", "STATE", "MACHINE", "SLOTS", "RUNNING", "ENDED", "SINCE", "WHY",
    ];
    let mut table = Table::new(&heads, &[3, 4, 5]);
    for runner in &runners {
        let (state, since, why) = stands(runner);
        table.row(vec![
            read::text(runner, "id"),
            state.to_owned(),
            read::text(runner, "host"),
            read::text(runner, "slots"),
            read::text(runner, "running_attempts"),
            read::text(runner, "finished_attempts"),
            read::moment(runner, since),
            read::optional(runner, why),
        ]);
    }
    show.table(&table)
}

/// How a runner stands, with the fields that say since when and why.
fn stands(runner: &Value) -> (&'static str, &'static str, &'static str) {
    if !runner["lost_at"].is_null() {
        ("lost", "lost_at", "lost_reason")
    } else if !runner["drained_at"].is_null() {
        ("drained", "drained_at", "drained_reason")
    } else {
        ("here", "joined_at", "lost_reason")
    }
}

fn changed(
    show: &Show,
    name: &str,
    runner: &Value,
    say: impl Fn(&Value) -> String,
) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(runner);
    }
    show.note(&format!("the runner {} {}", read::plain(name), say(runner)));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_matters_most_is_said_of_a_runner() {
        let runner = json!({"joined_at": "a", "drained_at": null, "lost_at": null});
        assert_eq!(stands(&runner).0, "here");
        let runner = json!({"joined_at": "a", "drained_at": "b", "lost_at": null});
        assert_eq!(stands(&runner), ("drained", "drained_at", "drained_reason"));
        let runner = json!({"joined_at": "a", "drained_at": "b", "lost_at": "c"});
        assert_eq!(stands(&runner).0, "lost");
    }
}
