//! `fasti log import`: the same log again, out of an export.

use std::path::{Path, PathBuf};

use clap::Args;
use fasti_core::domain::ids::Seq;
use fasti_core::store::Rebuild;
use fasti_replay::export;

use super::super::Global;
use super::super::exit::store_failure;
use super::super::show::Show;
use super::{Counter, data_folder, failure, refuse_if_used, restore};
use crate::config::ConfigFile;

/// Arguments of `fasti log import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file of `fasti log export`, NDJSON or Parquet.
    file: PathBuf,
    /// Data folder; a log that is there already must be the beginning of the same one [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(args: &ImportArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let data = data_folder(args.data.as_deref(), config);
    refuse_if_used(&data, "stop it first")?;
    let mut rebuild = Rebuild::begin(&data).map_err(store_failure)?;
    let bar = Counter::new(&show, "events imported");
    let mut progress = |seq: Seq| bar.set(seq);
    if let Some(damage) = rebuild.take_old_log(&mut progress).map_err(store_failure)? {
        return Err(store_failure(damage));
    }
    read_into(&mut rebuild, &args.file, &mut progress)?;
    drop(bar);
    let rebuilt = rebuild.finish(false).map_err(store_failure)?;
    restore::tell(&show, &data, &rebuilt, &[])
}

/// Adds what the export at `file` has beyond what is there.
pub(super) fn read_into(
    rebuild: &mut Rebuild,
    file: &Path,
    progress: &mut dyn FnMut(Seq),
) -> anyhow::Result<()> {
    let next = rebuild.next_seq();
    export::read(file, &mut |seq, record, hash, contents| {
        if seq < next {
            return Ok(());
        }
        for (digest, content) in contents {
            rebuild.put_content(*digest, content)?;
        }
        rebuild.push(record, hash)?;
        if seq.0.is_multiple_of(10_000) {
            progress(seq);
        }
        Ok(())
    })
    .map_err(failure)?;
    Ok(())
}
