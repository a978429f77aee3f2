//! Finding what the evidence of a run is made of in the exact records of a log.

use fasti_core::codec;
use fasti_core::domain::event::{Event, RunCreated};
use fasti_core::domain::ids::{Digest, RunId, Seq};
use fasti_core::feed::Entry;
use fasti_core::ports::ExactRead;
use fasti_core::record::{ExactRecord, StoredRecord};
use fasti_core::store;

use super::NoEvidence;
use crate::error::ReplayError;

/// Records read at a time, and their bytes.
const PAGE_RECORDS: usize = 5_000;
const PAGE_BYTES: usize = 8 << 20;

/// Where a run is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The event that made it.
    pub created: Seq,
    /// The event that ended it.
    pub finished: Seq,
}

/// A record with its event.
pub(super) struct Found {
    pub(super) exact: ExactRecord,
    pub(super) entry: Entry,
}

impl Found {
    /// Its payload, if that lies beside the log.
    pub(super) fn payload(&self) -> Option<&[u8]> {
        payload(&self.exact)
    }
}

fn payload(exact: &ExactRecord) -> Option<&[u8]> {
    let digest = store::payload_beside(&exact.bytes)?;
    let found = exact.contents.iter().find(|(name, _)| *name == digest);
    found.map(|(_, bytes)| bytes.as_slice())
}

/// The record, taken apart.
fn stored(exact: &ExactRecord) -> Result<StoredRecord, NoEvidence> {
    store::record_of(&exact.bytes, payload(exact), exact.hash).map_err(|why| NoEvidence::Damaged {
        seq: exact.seq,
        why,
    })
}

fn entry(exact: &ExactRecord) -> Result<Entry, NoEvidence> {
    codec::decode(&stored(exact)?).map_err(|error| ReplayError::from(error).into())
}

/// Hands the records from `from` to `upto` to `visit`, until it says `false`.
pub(super) fn each(
    log: &dyn ExactRead,
    (from, upto): (Seq, Seq),
    visit: &mut dyn FnMut(ExactRecord) -> Result<bool, NoEvidence>,
) -> Result<(), NoEvidence> {
    let mut next = from.max(Seq(1));
    while next <= upto {
        let wanted = usize::try_from(upto.0 + 1 - next.0).unwrap_or(PAGE_RECORDS);
        let page = log.read_exact(next, wanted.min(PAGE_RECORDS), PAGE_BYTES)?;
        if page.is_empty() {
            let why = format!("the log ends here although it is known up to seq {upto}");
            return Err(NoEvidence::Damaged { seq: next, why });
        }
        for record in page {
            next = record.seq.next();
            if !visit(record)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Where the run is in a log that ends at `last`. Reads it from the beginning: who knows better need not ask.
///
/// # Errors
/// There is no such run, it is not over, or the log cannot be read.
pub fn find(log: &dyn ExactRead, last: Seq, run: RunId) -> Result<Stretch, NoEvidence> {
    let (mut created, mut finished) = (None, None);
    each(log, (Seq(1), last), &mut |exact| {
        let stored = stored(&exact)?;
        if stored.record.correlation == Some(run.0) {
            match stored.record.name.as_str() {
                "run.created" => created = Some(exact.seq),
                "run.finished" => finished = Some(exact.seq),
                _ => {}
            }
        }
        Ok(finished.is_none())
    })?;
    let created = created.ok_or(NoEvidence::NoRun(run))?;
    let finished = finished.ok_or(NoEvidence::NotOver(run))?;
    Ok(Stretch { created, finished })
}

/// The events of a run, from the commit that made it to the one that ended it, and the event with its definition:
/// the last one before it.
pub(super) fn story(
    log: &dyn ExactRead,
    run: RunId,
    stretch: Stretch,
) -> Result<Vec<Found>, NoEvidence> {
    let first = commit(log, stretch.created)?.0;
    let last = commit(log, stretch.finished)?.1;
    let mut found = Vec::new();
    each(log, (first, last), &mut |exact| {
        if stored(&exact)?.record.correlation == Some(run.0) {
            let entry = entry(&exact)?;
            found.push(Found { exact, entry });
        }
        Ok(true)
    })?;
    let made = found
        .iter()
        .find_map(|it| created(&it.entry.recorded.event));
    let digest = made.ok_or(NoEvidence::NoRun(run))?.definition;
    let definition = definition_before(log, stretch.created, digest)?;
    found.push(definition);
    found.sort_by_key(|it| it.exact.seq);
    Ok(found)
}

pub(super) fn created(event: &Event) -> Option<&RunCreated> {
    let Event::RunCreated(created) = event else {
        return None;
    };
    Some(created)
}

/// First and last position of the commit of an event.
fn commit(log: &dyn ExactRead, seq: Seq) -> Result<(Seq, Seq), NoEvidence> {
    let mut found = None;
    each(log, (seq, seq), &mut |exact| {
        let record = stored(&exact)?;
        let first = record.commit_first;
        found = Some((first, Seq(first.0 + u64::from(record.commit_len) - 1)));
        Ok(false)
    })?;
    let why = || "there is no such event".to_owned();
    found.ok_or_else(|| NoEvidence::Damaged { seq, why: why() })
}

/// Looks backwards, page by page: most definitions were saved lately.
fn definition_before(log: &dyn ExactRead, seq: Seq, digest: Digest) -> Result<Found, NoEvidence> {
    let mut end = seq;
    while end > Seq(0) {
        let from = Seq(end.0.saturating_sub(PAGE_RECORDS as u64));
        let mut found = None;
        each(log, (from.next(), end), &mut |exact| {
            if stored(&exact)?.record.name == "definition.added" {
                let entry = entry(&exact)?;
                if matches!(&entry.recorded.event, Event::DefinitionAdded(it) if it.digest == digest)
                {
                    found = Some(Found { exact, entry });
                }
            }
            Ok(true)
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
        end = from;
    }
    let why = format!("the definition {digest} of this run is nowhere before it");
    Err(NoEvidence::Damaged { seq, why })
}
