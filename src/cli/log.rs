//! `fasti log`: the log itself. Whether it is whole, and building it anew where it is not.

mod clone;
mod export;
mod import;
mod live;
mod rebuild;
mod rehearse;
mod restore;
pub(super) mod stream;
mod verify;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use fasti_core::domain::ids::Seq;
use fasti_core::store;
use fasti_replay::ReplayError;
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Global;
use super::exit::{Exit, Failure, conflict, store_failure};
use super::show::Show;
use crate::config::{self, ConfigFile};

pub(super) use export::create;
pub(crate) use verify::{VerifyArgs, verify};

/// Commands about the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Check that the history is whole and untouched.
    Verify(VerifyArgs),
    /// Build the database anew: from sealed segments, an export or NATS, and from what the old one still proves.
    Restore(restore::RestoreArgs),
    /// Write events to a file: NDJSON or Parquet, with schema version and checksum.
    Export(export::ExportArgs),
    /// Build a log from an export: the same events, byte for byte, in the same chain.
    Import(import::ImportArgs),
    /// Make a sandbox: a folder with the log up to some event, in which nothing has an effect outside.
    Clone(clone::CloneArgs),
    /// Compute all views anew from the log; with --check only compare them with those that are served.
    Rebuild(rebuild::RebuildArgs),
    /// Decide all that was decided once more with this build, and say where it would decide otherwise.
    Rehearse(rehearse::RehearseArgs),
}

pub(crate) fn run(command: LogCommand, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    match command {
        LogCommand::Verify(args) => verify(&args, global, config),
        LogCommand::Restore(args) => restore::run(&args, global, config),
        LogCommand::Export(args) => export::run(&args, global, config),
        LogCommand::Import(args) => import::run(&args, global, config),
        LogCommand::Clone(args) => clone::run(&args, global, config),
        LogCommand::Rebuild(args) => rebuild::run(&args, global, config),
        LogCommand::Rehearse(args) => rehearse::run(&args, global, config),
    }
}

/// The data folder that was named, or that of `fasti serve`.
fn data_folder(named: Option<&Path>, config: &ConfigFile) -> PathBuf {
    named
        .map(Path::to_owned)
        .or_else(|| config.server.data.clone())
        .unwrap_or_else(config::default_data)
}

/// Refuses a data folder that a server is using; `instead` says what to do.
pub(super) fn refuse_if_used(data: &Path, instead: &str) -> anyhow::Result<()> {
    let Some(holder) = store::holder(data).map_err(store_failure)? else {
        return Ok(());
    };
    let address = holder
        .address
        .map(|address| format!(" at {address}"))
        .unwrap_or_default();
    Err(conflict(format!(
        "{} is in use by the server in process {}{address}: {instead}",
        data.display(),
        holder.pid
    )))
}

/// A history that could not be looked at.
pub(super) fn failure(error: ReplayError) -> anyhow::Error {
    match error {
        ReplayError::Store(error) => store_failure(error),
        ReplayError::Codec(error) => Failure::new(Exit::VerifyFailed, error.to_string()).into(),
        ReplayError::Export(_) => Failure::new(Exit::VerifyFailed, error.to_string()).into(),
        ReplayError::NoEvents { .. } => Failure::new(Exit::NotFound, error.to_string()).into(),
        ReplayError::NotEmpty { .. } => conflict(error.to_string()),
        ReplayError::Views(_) | ReplayError::Parquet(_) | ReplayError::Io(_) => {
            Failure::new(Exit::Internal, error.to_string()).into()
        }
    }
}

/// A number that grows on stderr, if somebody watches.
struct Counter(ProgressBar);

impl Counter {
    fn new(show: &Show, what: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(what);
        let target = if show.draws_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        if let Ok(style) = indicatif::ProgressStyle::with_template("{elapsed:>4} {human_pos} {msg}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn set(&self, Seq(seq): Seq) {
        self.0.set_position(seq);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
