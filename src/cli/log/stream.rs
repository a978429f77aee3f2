//! The log's copy on NATS, as the commands about the log use it: exact records to build it anew, and anchors to hold
//! it against.

use std::path::{Path, PathBuf};

use clap::Args;
use fasti_core::bus::{NatsConfig, StreamKey, Tenant, read_anchors, read_records};
use fasti_core::domain::ids::Seq;
use fasti_core::record::ExactRecord;
use fasti_core::store::{Anchor, Rebuild, StoreError};

use super::super::exit::{Exit, Failure, store_failure};
use crate::config::ConfigFile;

/// Where the stream is.
#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// NATS server that the log is published to.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Tenant that it is published under [default: that of the configuration, else default].
    #[arg(long, value_name = "NAME", requires = "nats")]
    nats_tenant: Option<String>,
}

impl StreamArgs {
    /// How to reach it; `None` if nobody named it.
    pub(in crate::cli) fn config(&self, config: &ConfigFile) -> anyhow::Result<Option<NatsConfig>> {
        let Some(url) = &self.nats else {
            return Ok(None);
        };
        let mut nats = NatsConfig::new(url)?;
        let tenant = self.nats_tenant.as_ref().or(config.nats.tenant.as_ref());
        if let Some(tenant) = tenant {
            nats.tenant = Tenant::new(tenant)?;
        }
        Ok(Some(nats))
    }
}

pub(in crate::cli) fn unreachable(error: impl std::fmt::Display) -> anyhow::Error {
    Failure::new(Exit::Unreachable, error.to_string()).into()
}

pub(in crate::cli) fn blocking<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// The anchors on NATS. One that is not signed by its key, or by another than `key`, is refused.
pub(super) fn anchors(nats: &NatsConfig, key: Option<&str>) -> anyhow::Result<Vec<Anchor>> {
    let anchors = blocking(read_anchors(nats))?.map_err(unreachable)?;
    for anchor in &anchors {
        let is_of_key = key.is_none_or(|key| key == anchor.key);
        if !anchor.is_signed() || !is_of_key {
            let message = format!(
                "the anchor of seq {} on NATS is not signed by {}",
                anchor.last,
                key.unwrap_or("its own key")
            );
            return Err(Failure::new(Exit::VerifyFailed, message).into());
        }
    }
    Ok(anchors)
}

/// Positions that anchors state.
pub(super) fn positions(anchors: &[Anchor]) -> Vec<(Seq, [u8; 32])> {
    let stated = anchors.iter();
    stated
        .filter_map(|anchor| Some((Seq(anchor.last), anchor.chain_hash()?)))
        .collect()
}

/// The file with the key of exact records.
pub(super) fn key(named: Option<&Path>, data: &Path) -> anyhow::Result<StreamKey> {
    let path: PathBuf = named.map_or_else(|| data.join("stream.key"), Path::to_owned);
    StreamKey::read(&path).map_err(|error| {
        let is_missing = matches!(&error, StoreError::Io { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound);
        if is_missing {
            let message = format!(
                "{} is not there: records in the stream are sealed with it; name a copy with --stream-key",
                path.display()
            );
            return Failure::new(Exit::NotFound, message).into();
        }
        store_failure(error)
    })
}

/// What a stream gave.
pub(super) struct Taken {
    /// Last event in the stream.
    pub(super) last: Seq,
    /// Why it stopped before that, if it did.
    pub(super) stop: Option<String>,
}

/// Takes from the stream what follows in `rebuild`. A record that does not follow, and one that is not what an
/// anchor states, ends it.
pub(super) fn take(
    nats: &NatsConfig,
    key: &StreamKey,
    anchors: &[Anchor],
    rebuild: &mut Rebuild,
    progress: &mut (dyn FnMut(Seq) + Send),
) -> anyhow::Result<Taken> {
    let stated: std::collections::BTreeMap<Seq, [u8; 32]> =
        positions(anchors).into_iter().collect();
    let from = rebuild.next_seq();
    let mut stop = None;
    let mut failed = None;
    let mut each = |record: ExactRecord| {
        if stated
            .get(&record.seq)
            .is_some_and(|hash| *hash != record.hash)
        {
            stop = Some(format!(
                "event {} is not the one that was anchored",
                record.seq
            ));
            return false;
        }
        let pushed = record
            .contents
            .iter()
            .try_for_each(|(digest, content)| rebuild.put_content(*digest, content))
            .and_then(|()| rebuild.push(&record.bytes, record.hash));
        match pushed {
            Ok(()) => {
                if record.seq.0.is_multiple_of(1_000) {
                    progress(record.seq);
                }
                true
            }
            Err(damage @ (StoreError::Damaged { .. } | StoreError::Invalid { .. })) => {
                stop = Some(damage.to_string());
                false
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    };
    let read = blocking(read_records(nats, key, from, &mut each))?;
    if let Some(error) = failed {
        return Err(store_failure(error));
    }
    rebuild.end_source();
    match read {
        Ok(last) => Ok(Taken { last, stop }),
        // What was read up to there stays of use, unless nothing was.
        Err(error @ fasti_core::bus::ReadError::NoRecord { .. }) if rebuild.next_seq() > Seq(1) => {
            Ok(Taken {
                last: rebuild.next_seq(),
                stop: Some(error.to_string()),
            })
        }
        Err(error @ fasti_core::bus::ReadError::NoRecord { .. }) => {
            Err(Failure::new(Exit::VerifyFailed, error.to_string()).into())
        }
        Err(error) => Err(unreachable(error)),
    }
}
