//! Retention: events that are sealed leave the database when they are old or many; their segments stay, and
//! readers find them there. Positions go on, nothing is renumbered.

use std::sync::Arc;

use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;

use super::archive::{self, Archive};
use crate::store::database::{Database, key};
use crate::store::error::{Result, StoreError};
use crate::store::frame;

/// Sealed events that stay in the database whatever the limits say: starts read them, and so do followers that
/// are a little behind.
const KEPT_SEGMENTS: usize = 1;
const DAY_US: i64 = 86_400_000_000;

/// What leaves the database when. A segment leaves as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Sealed events older than this leave. Default: none do.
    pub keep_days: Option<u32>,
    /// The oldest sealed events leave when the sealed ones in the database take more than this many bytes
    /// (of frames). Default: none do.
    pub keep_bytes: Option<u64>,
}

/// Takes at most one segment's events out of the database; answers with the last of them and the hash there.
pub(super) fn step(
    database: &Arc<Database>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Option<(Seq, [u8; 32])>> {
    if *retention == Retention::default() {
        return Ok(None);
    }
    let Some(floor) = floor(database)? else {
        return Ok(None);
    };
    let mut held: Vec<_> = database.archive.list();
    held.retain(|(_, last, _)| *last >= floor);
    if held.len() <= KEPT_SEGMENTS {
        return Ok(None);
    }
    let (first, last, path) = held.swap_remove(0);
    if first < floor {
        // A crash cannot leave this: a segment's events leave in one batch.
        return Ok(None);
    }
    let info = Archive::info(&path, first)?;
    let is_old = retention.keep_days.is_some_and(|days| {
        let kept = i64::from(days).saturating_mul(DAY_US);
        info.last_at.0 < now.0.saturating_sub(kept)
    });
    let is_much = match retention.keep_bytes {
        None => false,
        Some(keep) => {
            let mut bytes = info.body_bytes;
            for (_, _, path) in &held {
                bytes += Archive::body_bytes(path)?;
            }
            bytes > keep
        }
    };
    if !is_old && !is_much {
        return Ok(None);
    }
    drop_events(database, first, last, &path)?;
    Ok(Some((last, info.hash)))
}

/// First position in the database.
pub(in crate::store) fn floor(database: &Database) -> Result<Option<Seq>> {
    let first = database.guard("finding the first event", Seq(0), |db| db.log.first())?;
    Ok(first.and_then(|(key, _)| {
        key.as_ref()
            .try_into()
            .ok()
            .map(u64::from_be_bytes)
            .map(Seq)
    }))
}

/// Removes the frames that the segment holds, after it was read back whole and compared with them.
fn drop_events(
    database: &Arc<Database>,
    first: Seq,
    last: Seq,
    path: &std::path::Path,
) -> Result<()> {
    let segment = archive::read(path, first)?;
    let mut batch = sled::Batch::default();
    let mut index = 0;
    let mut next = first;
    while let Some((at, bytes)) = segment.frame(index) {
        let stored = database.guard("comparing with a segment", at, |db| db.log.get(key(at)))?;
        let differs = stored.is_none_or(|stored| stored.as_ref() != bytes);
        if at != next || differs {
            let why = "segment is not what the database has";
            return Err(StoreError::damaged(at, path, why));
        }
        let header =
            frame::decode_header(at, bytes).map_err(|why| StoreError::damaged(at, path, why))?;
        next = header.last().next();
        batch.remove(&key(at));
        index += 1;
    }
    if next != last.next() {
        return Err(StoreError::damaged(next, path, "segment ends too early"));
    }
    database.guard("dropping sealed events", first, |db| {
        db.log.apply_batch(batch)
    })
}
