//! `fasti log rebuild`: views and state from the first event on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fasti_core::domain::ids::Seq;
use serde_json::json;

use super::super::Global;
use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::super::show::Show;
use super::{Counter, data_folder, failure, refuse_if_used};
use crate::config::ConfigFile;

/// How often a server at work is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Arguments of `fasti log rebuild`.
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// Data folder of a stopped server [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only compare with what a server would serve, byte for byte.
    #[arg(long)]
    check: bool,
    /// Have a running server (that of --url) do it beside its work.
    #[arg(long, conflicts_with_all = ["check", "data"])]
    live: bool,
}

pub(crate) fn run(args: &RebuildArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    if args.live {
        return live(&Client::new(global, config), &show);
    }
    let data = data_folder(args.data.as_deref(), config);
    refuse_if_used(&data, "stop it first, or use a copy")?;
    let bar = Counter::new(&show, "events applied");
    let rebuilt = fasti_replay::rebuild::folder(&data, args.check, &mut |seq| bar.set(seq));
    drop(bar);
    let rebuilt = rebuilt.map_err(failure)?;
    let (views, state) = (millis(rebuilt.views_took), millis(rebuilt.state_took));
    if show.is_json() {
        show.json(&json!({
            "ok": rebuilt.difference.is_none() || !args.check,
            "last_seq": rebuilt.last.0,
            "views_ms": views,
            "state_ms": state,
            "difference": rebuilt.difference,
        }))?;
    } else {
        show.line(&format!("events  1 to {}", rebuilt.last))?;
        show.line(&format!("views   {views} ms"))?;
        show.line(&format!("state   {state} ms"))?;
    }
    match rebuilt.difference {
        Some(difference) if args.check => {
            let message = format!(
                "what is served is not what the log says: {difference}; build it anew with `fasti log rebuild --data {}`",
                data.display()
            );
            Err(Failure::new(Exit::VerifyFailed, message).into())
        }
        Some(difference) => {
            show.note(&format!("the views were built anew; before, {difference}"));
            Ok(())
        }
        None => {
            show.note("what is served is, byte for byte, what the log says");
            Ok(())
        }
    }
}

/// Asks for it, and waits until the new copy is served.
fn live(client: &Client, show: &Show) -> anyhow::Result<()> {
    let begun = client.post("/log/rebuild", &json!({}))?;
    let done = begun["rebuilds"].as_u64().unwrap_or(0);
    let bar = Counter::new(show, "events applied");
    let last = loop {
        let health = client.get("/health")?;
        if health["views_rebuilds"].as_u64().unwrap_or(0) > done {
            break health["views_seq"].as_u64().unwrap_or(0);
        }
        let Some(at) = health["views_rebuild_seq"].as_u64() else {
            let message = "the server did not build its views anew; its log says why, and the old ones are served";
            return Err(Failure::new(Exit::Internal, message).into());
        };
        bar.set(Seq(at));
        std::thread::sleep(ASK_EVERY);
    };
    drop(bar);
    if show.is_json() {
        return show.json(&json!({"ok": true, "url": client.url(), "last_seq": last}));
    }
    show.line(&format!("events  1 to {last}"))?;
    show.note("the views were built anew and are served");
    Ok(())
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
