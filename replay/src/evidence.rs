//! Evidence: one file that proves what became of a finished run to whoever has the server's public key and no server.
//!
//! Lines of JSON, each written in one form only. A header; then, for every anchor that is needed, its proof (the signed
//! anchor and the hashes beside the paths) and the exact records that it proves; then the contents, if asked for; then
//! the end: digest of all bytes before it, signed with the key of the anchors.
//!
//! Two things are proven. By the *anchors*, which were signed when the log was sealed: every event of the file is in
//! the log, byte for byte, at its position. By the *end*: the file is as the server made it, so that no event of the
//! run was taken out since. The records between those of the run are not in the file, only hashes over them.
//!
//! Bound: an event takes 4/3 of its record, and at most 250 bytes and 14 hashes of 67 bytes more (with 10,000 events in a
//! segment); usually about one hash, since events of a run stand together.

mod check;
mod find;
mod make;

use std::collections::{BTreeSet, VecDeque};

use fasti_core::codec;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{Digest, RunId, Seq};
use fasti_core::store::Anchor;
use serde::{Deserialize, Serialize};

pub use check::{Fault, Verdict, check};
pub use find::{Stretch, find};
pub use make::{Made, Wanted, make};

use crate::error::ReplayError;

/// Name of the schema.
pub const SCHEMA: &str = "fasti.evidence";
/// Its version: raised with every change that a reader must know of.
pub const SCHEMA_VERSION: u32 = 1;
/// Largest file that is made where nobody else is served, in bytes.
pub const BYTES_MAX: u64 = 512 << 20;

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// The run is not over.
    #[error(
        "run {0} is not over: evidence is of finished runs, whose leases are no rights any more"
    )]
    NotOver(RunId),
    /// It would be too large.
    #[error(
        "the evidence would have more than {} MiB; leave the results out (their digests are proven all the same), or make it from the folder of the stopped server",
        bytes_max >> 20
    )]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// The log is not what was signed.
    #[error("at seq {seq}: {why}; `fasti log verify` says more")]
    Damaged {
        /// Where.
        seq: Seq,
        /// What is wrong.
        why: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl From<fasti_core::store::StoreError> for NoEvidence {
    fn from(error: fasti_core::store::StoreError) -> Self {
        Self::Replay(error.into())
    }
}

impl From<std::io::Error> for NoEvidence {
    fn from(error: std::io::Error) -> Self {
        Self::Replay(error.into())
    }
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Header(Header),
    Proof(Proof),
    Event(EventLine),
    Content(ContentLine),
    End(End),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    schema: String,
    schema_version: u32,
    /// The run.
    run: u64,
    /// When the file was made, µs since 1970.
    at_us: i64,
    /// Version of Fasti.
    fasti: String,
}

/// What proves the events on the lines that follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Proof {
    anchor: Anchor,
    /// In hex, in the order of `fasti_core::store::root_from`.
    siblings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EventLine {
    seq: u64,
    /// Chain hash before it, in hex; left out where that is the hash of the line above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// Chain hash after it, in hex.
    hash: String,
    /// Its exact bytes, in base64.
    record: String,
    /// Its payload, in base64, if that lies beside the log; its digest is in the record then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ContentLine {
    sha256: String,
    /// In base64.
    bytes: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// Of all bytes before this line, in hex.
    sha256: String,
    /// Public key, in hex.
    key: String,
    /// Signature over the digest, in hex.
    signature: String,
}

impl Line {
    fn text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Results that an event names, also those of earlier runs that serve again.
fn results(event: &Event) -> Vec<Digest> {
    if let Event::RunCreated(created) = event {
        let reused = created.reused.iter().filter_map(|it| it.result.as_ref());
        return reused.map(|result| result.sha256).collect();
    }
    codec::contents(event)
}

/// Digests in the order of their first appearance.
#[derive(Debug, Default)]
struct Named {
    seen: BTreeSet<Digest>,
    order: VecDeque<Digest>,
}

impl Named {
    fn add(&mut self, event: &Event) {
        for digest in results(event) {
            if self.seen.insert(digest) {
                self.order.push_back(digest);
            }
        }
    }
}
