//! Sealing in the server: settings as written, and the thread that follows the log.

use std::path::PathBuf;
use std::time::Duration;

use fasti_core::store::{LogReader, Offload, Retention, SealOptions, Sealer};
use serde::Deserialize;

use crate::clock::SystemClock;

/// `[log]` of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// Events in a sealed segment.
    pub(crate) segment_events: Option<u64>,
    /// Longest time without a signed anchor while events come, in seconds.
    pub(crate) anchor_seconds: Option<u64>,
    /// Sealed events older than this leave the database; their segments stay.
    pub(crate) keep_days: Option<u32>,
    /// The oldest sealed events leave the database above this many bytes; their segments stay.
    pub(crate) keep_bytes: Option<u64>,
    /// The oldest segments move to `archive` when all that are in the data folder take more than this many bytes.
    pub(crate) segments_keep_bytes: Option<u64>,
    /// Folder on another disk for old segments.
    pub(crate) archive: Option<PathBuf>,
}

/// Begins to seal the log. The server works without: on a full disk the key may not be there to be made.
pub(crate) fn start(reader: &LogReader, section: &LogSection) -> Option<Sealer> {
    let usual = SealOptions::default();
    let options = SealOptions {
        segment_events: section
            .segment_events
            .map_or(usual.segment_events, |n| n.max(1)),
        anchor_every: section
            .anchor_seconds
            .map_or(usual.anchor_every, Duration::from_secs),
        retention: Retention {
            keep_days: section.keep_days,
            keep_bytes: section.keep_bytes,
        },
        offload: section.archive.as_ref().map(|archive| Offload {
            to: archive.clone(),
            keep_bytes: section.segments_keep_bytes.unwrap_or(0),
        }),
        references: fasti_core::codec::contents_of,
    };
    Sealer::start(reader, options, Box::new(SystemClock))
        .inspect_err(|error| tracing::warn!(%error, "the log is not sealed until the next start"))
        .ok()
}
