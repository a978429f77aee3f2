//! What a start finds: where the log ends, whether its last part is sound, and whether it is all that was
//! ever durable. Only looks; [`super::Store::open`] acts on the findings.

use std::sync::Arc;

use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;

use super::database::Database;
use super::error::{REMEDY_SHORT, Result, StoreError};
use super::frame::{self, Header};
use super::head::{Found, Head};
use super::walk::Walk;

/// Records at the end of the log that every start checks.
const CHECKED_RECORDS: u64 = 1000;

/// The state of the log at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Findings {
    /// End of the last whole commit.
    pub(super) end: Head,
    /// Instant of the last record.
    pub(super) last_at: Option<Timestamp>,
    /// Frames of a commit without an end, to be dropped; their keys, last first.
    pub(super) unfinished: Vec<Seq>,
    /// Their size.
    pub(super) unfinished_bytes: u64,
}

impl Findings {
    /// The findings in an empty log.
    pub(super) const NOTHING: Self = Self {
        end: Head::EMPTY,
        last_at: None,
        unfinished: Vec::new(),
        unfinished_bytes: 0,
    };
}

/// Looks at the end of the log and checks the chain from the older of `head` and the last thousand records
/// on, to the end.
pub(super) fn examine(database: &Arc<Database>, head: Option<Head>) -> Result<Findings> {
    let mut findings = find_end(database)?;
    let end = findings.end;
    if end.seq == Seq(0) {
        return Ok(findings);
    }
    let tail = Seq(end.seq.0.saturating_sub(CHECKED_RECORDS - 1).max(1));
    let head = head.filter(|head| head.seq > Seq(0) && head.seq <= end.seq);
    let from = head.map_or(tail, |head| tail.min(head.seq));
    let mut walk = Walk::new(database, from)?;
    while walk.next_seq() <= end.seq {
        let seq = walk.next_seq();
        let Some(step) = walk.step()? else {
            return Err(walk.damaged(seq, "event is missing although later ones are there"));
        };
        let (hash, at) = (step.hash, step.envelope.at);
        if head.is_some_and(|head| head.seq == seq && head.hash != hash) {
            let why = "event is not the one that the head file remembers: the log was replaced";
            return Err(walk.damaged(seq, why));
        }
        findings.last_at = Some(at);
        if seq == end.seq && hash != end.hash {
            return Err(walk.damaged(seq, "hash chain does not lead to the end of the log"));
        }
    }
    Ok(findings)
}

/// Goes back from the last frame to the last one that ends a commit.
pub(super) fn find_end(database: &Database) -> Result<Findings> {
    let mut unfinished = Vec::new();
    let mut unfinished_bytes = 0;
    let mut frames = database.log.iter();
    let mut end = Head::EMPTY;
    while let Some((key, bytes)) = database.guard("finding the end of the log", Seq(0), |_| {
        frames.next_back().transpose()
    })? {
        let damaged = |seq, why: String| StoreError::damaged(seq, &database.file(), why);
        let first = key.as_ref().try_into().map(u64::from_be_bytes).map(Seq);
        let first =
            first.map_err(|_| damaged(Seq(0), "a key of the log is not a position".into()))?;
        let header: Header =
            frame::decode_header(first, &bytes).map_err(|why| damaged(first, why))?;
        if header.end_of_commit {
            end = Head {
                seq: header.last(),
                hash: header.hash,
                epoch: header.place.epoch,
            };
            break;
        }
        unfinished.push(first);
        unfinished_bytes += bytes.len() as u64;
    }
    Ok(Findings {
        end,
        last_at: None,
        unfinished,
        unfinished_bytes,
    })
}

/// Compares the log with the head file: is it all that was ever durable?
///
/// Equal or longer is fine, since the head lags up to a second; [`examine`] has checked that the chain runs
/// through it.
pub(super) fn compare(
    found: Found,
    findings: &Findings,
    head_path: &std::path::Path,
) -> Result<()> {
    let why = match found {
        Found::Slot(head, _) if head.seq > findings.end.seq => {
            return Err(StoreError::ShortLog {
                head_seq: head.seq,
                found_seq: findings.end.seq,
                remedy: REMEDY_SHORT,
            });
        }
        Found::Slot(..) => return Ok(()),
        // Making a log writes the head last: one that never got so far is still empty.
        Found::Missing if findings.end.seq == Seq(0) => return Ok(()),
        Found::Missing => "missing",
        Found::Unreadable => "unreadable",
    };
    Err(StoreError::HeadLost {
        path: head_path.to_owned(),
        why,
    })
}
