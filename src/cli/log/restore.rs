//! `fasti log restore`: a database out of sealed segments, and out of an older database as far as it proves
//! itself by the chain. The old database is kept under another name.

use std::path::{Path, PathBuf};

use clap::Args;
use fasti_core::domain::ids::Seq;
use fasti_core::store::{Rebuild, Rebuilt, StoreError};
use serde_json::json;

use super::super::Global;
use super::super::exit::{Exit, Failure, store_failure};
use super::super::show::Show;
use super::stream::{self, StreamArgs};
use super::{Counter, data_folder, hex, import, refuse_if_used};
use crate::config::ConfigFile;

/// Arguments of `fasti log restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Data folder whose database is built anew [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of sealed segments [default: `segments` in the data folder].
    #[arg(long, value_name = "DIR", conflicts_with = "export")]
    segments: Option<PathBuf>,
    /// Another data folder, for what is newer than the segments.
    #[arg(long, value_name = "DIR")]
    tail: Option<PathBuf>,
    /// A file of `fasti log export`, instead of segments.
    #[arg(long, value_name = "FILE", conflicts_with = "nats")]
    export: Option<PathBuf>,
    #[command(flatten)]
    stream: StreamArgs,
    /// File with the key that the records in the stream are sealed with [default: `stream.key` in the data folder].
    #[arg(long, value_name = "FILE", requires = "nats")]
    stream_key: Option<PathBuf>,
    /// Go on with a log that is shorter than it once was; what was lost stays lost.
    #[arg(long)]
    accept_loss: bool,
}

pub(crate) fn run(args: &RestoreArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let data = data_folder(args.data.as_deref(), config);
    refuse_if_used(&data, "stop it first")?;
    let nats = args.stream.config(config)?;
    // Asked for before anything is made: without it nothing can be read.
    let key = nats.as_ref();
    let key = key.map(|_| stream::key(args.stream_key.as_deref(), &data));
    let key = key.transpose()?;
    let mut rebuild = Rebuild::begin(&data).map_err(store_failure)?;
    let mut stops = Vec::new();
    if let (Some(nats), Some(key)) = (&nats, &key) {
        let bar = Counter::new(&show, "events restored");
        let anchors = stream::anchors(nats, None)?;
        let taken = stream::take(nats, key, &anchors, &mut rebuild, &mut |seq| bar.set(seq))?;
        stops.extend(
            taken
                .stop
                .map(|why| format!("the stream, which goes to {}: {why}", taken.last)),
        );
    }
    let others = {
        let bar = Counter::new(&show, "events restored");
        let mut progress = |seq: Seq| bar.set(seq);
        match &args.export {
            Some(file) => {
                import::read_into(&mut rebuild, file, &mut progress)?;
                vec![]
            }
            None => gather(args, &data, &mut rebuild, &mut progress).map_err(store_failure)?,
        }
    };
    stops.extend(others.iter().map(ToString::to_string));
    if rebuild.next_seq() == Seq(1) {
        let where_from = args
            .segments
            .clone()
            .unwrap_or_else(|| data.join("segments"));
        let message = format!(
            "nothing to restore from: there are no events in {}, and none in the database; name a copy with --segments, --tail, --export or --nats",
            where_from.display()
        );
        return Err(Failure::new(Exit::NotFound, message).into());
    }
    let rebuilt = rebuild.finish(args.accept_loss).map_err(store_failure)?;
    tell(&show, &data, &rebuilt, &stops)
}

/// Takes what the sources have, in turn, until none of them has the next event: where a segment is damaged the
/// database may be whole, and the other way round. Answers with where each stopped.
fn gather(
    args: &RestoreArgs,
    data: &Path,
    rebuild: &mut Rebuild,
    progress: &mut dyn FnMut(Seq),
) -> Result<Vec<StoreError>, StoreError> {
    let segments = args
        .segments
        .clone()
        .unwrap_or_else(|| data.join("segments"));
    loop {
        let before = rebuild.next_seq();
        let mut stops = Vec::new();
        stops.extend(rebuild.take_segments(&segments, progress)?);
        stops.extend(rebuild.take_old_log(progress)?);
        if let Some(tail) = &args.tail {
            stops.extend(rebuild.take_log_of(tail, progress)?);
        }
        if rebuild.next_seq() == before {
            return Ok(stops);
        }
    }
}

/// Says what was built.
pub(super) fn tell(
    show: &Show,
    data: &Path,
    rebuilt: &Rebuilt,
    stops: &[String],
) -> anyhow::Result<()> {
    let end = rebuilt.end;
    if show.is_json() {
        return show.json(&json!({
            "ok": true,
            "data": data,
            "last_seq": end.seq.0,
            "hash": hex(&end.hash),
            "before": rebuilt.before,
            "lost_to": rebuilt.lost_to.map(|seq| seq.0),
            "stops": stops,
        }));
    }
    show.line(&format!("data      {}", data.display()))?;
    show.line(&format!("events    1 to {}", end.seq))?;
    show.line(&format!("position  {}:{}", end.seq, hex(&end.hash)))?;
    if let Some(before) = &rebuilt.before {
        show.line(&format!(
            "before    {} (remove it when all is well)",
            before.display()
        ))?;
    }
    for stop in stops {
        show.note(&format!("a source ended early: {stop}"));
    }
    if let Some(lost) = rebuilt.lost_to {
        show.note(&format!(
            "the events up to {lost} that were once durable are lost"
        ));
    }
    show.note(&format!(
        "check it with `fasti log verify --data {0}`, then start it with `fasti serve --data {0}`",
        data.display()
    ));
    Ok(())
}
