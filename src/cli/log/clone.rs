//! `fasti log clone`: a sandbox, a folder with the log up to some event in which nothing has an effect outside.

use std::path::PathBuf;

use clap::Args;
use fasti_core::domain::ids::Seq;
use fasti_replay::export::Origin;
use fasti_replay::sandbox;
use serde_json::json;

use super::super::Global;
use super::super::show::Show;
use super::{Counter, data_folder, failure, hex, refuse_if_used};
use crate::config::ConfigFile;

/// Arguments of `fasti log clone`.
#[derive(Debug, Args)]
pub(crate) struct CloneArgs {
    /// Folder to make; must not be there yet, or be empty.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Last event; the clone ends with its commit [default: the last there is].
    #[arg(long, value_name = "SEQ")]
    at: Option<u64>,
    /// Data folder of a stopped server [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Read a folder of sealed segments instead; works while the server runs.
    #[arg(long, value_name = "DIR")]
    segments: Option<PathBuf>,
}

pub(crate) fn run(args: &CloneArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let from = match &args.segments {
        Some(dir) => Origin::Segments(dir.clone()),
        None => {
            let data = data_folder(args.data.as_deref(), config);
            refuse_if_used(
                &data,
                "stop it first, or clone its sealed events with --segments",
            )?;
            Origin::Data(data)
        }
    };
    let bar = Counter::new(&show, "events cloned");
    let cloned = sandbox::clone(&from, args.at.map(Seq), &args.to, &mut |seq| bar.set(seq));
    drop(bar);
    let cloned = cloned.map_err(failure)?;
    if show.is_json() {
        return show.json(&json!({
            "folder": args.to,
            "last_seq": cloned.last.0,
            "hash": hex(&cloned.hash),
        }));
    }
    show.line(&format!("folder    {}", args.to.display()))?;
    show.line(&format!("position  {}:{}", cloned.last, hex(&cloned.hash)))?;
    show.note(&format!(
        "a sandbox: `fasti serve --data {}` runs no task, publishes and delivers nothing",
        args.to.display()
    ));
    Ok(())
}
