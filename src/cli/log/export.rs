//! `fasti log export`: events as a file for others.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use fasti_core::domain::ids::Seq;
use fasti_replay::export::{self, Format, Origin, Selection};
use serde_json::json;

use super::super::Global;
use super::super::show::Show;
use super::{Counter, data_folder, failure, hex, refuse_if_used};
use crate::config::ConfigFile;

/// Arguments of `fasti log export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// File to write; must not be there yet.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// First event; the export begins with its commit.
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// Last event; the export ends with its commit [default: the last there is].
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// Form of the file.
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    format: ExportFormat,
    /// Data folder of a stopped server [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Read a folder of sealed segments instead; works while the server runs.
    #[arg(long, value_name = "DIR")]
    segments: Option<PathBuf>,
}

/// Form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Lines of JSON.
    Ndjson,
    /// Parquet.
    Parquet,
}

pub(crate) fn run(args: &ExportArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let from = match &args.segments {
        Some(dir) => Origin::Segments(dir.clone()),
        None => {
            let data = data_folder(args.data.as_deref(), config);
            refuse_if_used(
                &data,
                "stop it first, or export its sealed events with --segments",
            )?;
            Origin::Data(data)
        }
    };
    let selection = Selection {
        from,
        first: Seq(args.from),
        last: args.to.map(Seq),
    };
    let format = match args.format {
        ExportFormat::Ndjson => Format::Ndjson,
        ExportFormat::Parquet => Format::Parquet,
    };
    let file = create(&args.output)?;
    let bar = Counter::new(&show, "events exported");
    let out: Box<dyn Write + Send> = Box::new(file.try_clone()?);
    let written = export::write(&selection, format, out, &mut |seq| bar.set(seq));
    drop(bar);
    let exported = match written {
        Ok(exported) => exported,
        Err(error) => {
            // Half an export is of no use; that it cannot be removed is no news beside the failure.
            drop(std::fs::remove_file(&args.output));
            return Err(failure(error));
        }
    };
    file.sync_all()
        .with_context(|| format!("writing {}", args.output.display()))?;
    if show.is_json() {
        return show.json(&json!({
            "file": args.output,
            "first_seq": exported.first.0,
            "last_seq": exported.last.0,
            "records": exported.records,
            "hash": hex(&exported.hash),
            "sha256": exported.checksum,
        }));
    }
    show.line(&format!("file      {}", args.output.display()))?;
    show.line(&format!(
        "events    {} to {}",
        exported.first, exported.last
    ))?;
    show.line(&format!(
        "position  {}:{}",
        exported.last,
        hex(&exported.hash)
    ))?;
    show.line(&format!("sha256    {}", exported.checksum))?;
    show.note("the file holds exact records, lease tokens included: keep it as you keep the log");
    Ok(())
}

/// A new file that only the owner can read.
pub(in crate::cli) fn create(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))
}
