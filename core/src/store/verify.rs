//! Audit of a whole log: every record from the first to the last, every payload beside it, every value, and
//! the head file. Changes nothing of what it judges.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fasti_domain::ids::{Digest, Seq};

use super::blob::Blobs;
use super::database::Database;
use super::envelope::{Payload, digest_of};
use super::error::{Result, StoreError};
use super::head::Head;
use super::reader::LogReader;
use super::walk::Walk;
use super::{OpenOptions, head_path, open_database, recover};

/// Records between two calls of the progress callback.
const PROGRESS_RECORDS: u64 = 10_000;

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Position of the first record; 0 in an empty log.
    pub first_seq: Seq,
    /// Position of the last record that was found good.
    pub last_seq: Seq,
    /// Chain hash after it: together with `last_seq` it pins the whole log.
    pub hash: Option<[u8; 32]>,
    /// Records found good.
    pub records: u64,
    /// Commits begun among them that are whole.
    pub commits: u64,
    /// Entries of the database read.
    pub frames: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Payloads beside the log found good.
    pub payloads_beside: u64,
    /// Values found good.
    pub values: u64,
    /// What the head file remembers; on a running log its durable end.
    pub head: Option<Head>,
    /// Entries of an unfinished commit at the end; the next start drops them.
    pub unfinished_frames: usize,
    /// The first thing wrong; the audit ends there.
    pub first_bad: Option<FirstBad>,
}

/// Where a log stops being what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstBad {
    /// First position that cannot be trusted; 0 if no position is concerned.
    pub seq: Seq,
    /// The file concerned.
    pub file: PathBuf,
    /// What is wrong.
    pub why: String,
}

impl VerifyReport {
    /// Whether everything is as it was written.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.first_bad.is_none()
    }
}

/// Audits the log of a stopped scheduler. `progress` is told the position now and then.
///
/// sled cannot open a database without writing to it: audit a copy where evidence counts.
///
/// # Errors
/// Only what keeps from looking: [`StoreError::Locked`], [`StoreError::NotFound`], [`StoreError::Io`]. Damage
/// is in the report.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(Seq)) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let outcome = audit_stopped(dir, &mut report, progress);
    settle(report, outcome)
}

impl LogReader {
    /// Audits a running log up to its durable end. `progress` is told the position now and then.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk cannot be read. Damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(Seq)) -> Result<VerifyReport> {
        let end = self.last();
        let mut report = VerifyReport {
            head: Some(end),
            ..VerifyReport::default()
        };
        let outcome = audit(&self.database, &self.blobs, end, &mut report, progress);
        settle(report, outcome)
    }
}

/// Damage goes into the report, the rest stays an error.
fn settle(mut report: VerifyReport, outcome: Result<()>) -> Result<VerifyReport> {
    let bad = |seq, file, why| Some(FirstBad { seq, file, why });
    report.first_bad = match outcome {
        Ok(()) => None,
        Err(StoreError::Damaged { seq, file, why, .. }) => bad(seq, file, why),
        Err(StoreError::ShortLog {
            head_seq,
            found_seq,
            ..
        }) => {
            let why =
                format!("log ends at seq {found_seq} although seq {head_seq} was once durable");
            bad(found_seq.next(), PathBuf::from("log/db"), why)
        }
        Err(StoreError::HeadLost { path, why }) => bad(Seq(0), path, format!("head file is {why}")),
        Err(other) => return Err(other),
    };
    Ok(report)
}

fn audit_stopped(
    dir: &Path,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Seq),
) -> Result<()> {
    let options = OpenOptions {
        create: false,
        ..OpenOptions::default()
    };
    let (database, found) = open_database(dir, options)?;
    report.head = found.head();
    let findings = recover::find_end(&database)?;
    report.unfinished_frames = findings.unfinished.len();
    let blobs = Blobs::look(&dir.join("blobs"));
    audit(&database, &blobs, findings.end, report, progress)?;
    recover::compare(found, &findings, &head_path(dir))
}

fn audit(
    database: &Arc<Database>,
    blobs: &Blobs,
    end: Head,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Seq),
) -> Result<()> {
    let mut walk = Walk::new(database, Seq(1))?;
    if end.seq > Seq(0) && walk.next_seq() != Seq(1) {
        return Err(walk.damaged(Seq(1), "the log does not begin with seq 1"));
    }
    while walk.next_seq() <= end.seq {
        let seq = walk.next_seq();
        let Some(step) = walk.step()? else {
            return Err(walk.damaged(
                seq,
                format!("event is missing, the log goes to {}", end.seq),
            ));
        };
        let hash = step.hash;
        let beside = match step.envelope.payload {
            Payload::Inline(_) => None,
            Payload::Beside { digest, .. } => Some(digest),
        };
        if let Some(digest) = beside {
            check_payload(blobs, digest, seq)?;
            report.payloads_beside += 1;
        }
        if report
            .head
            .is_some_and(|head| head.seq == seq && head.hash != hash)
        {
            return Err(walk.damaged(seq, "event is not the one that the head file remembers"));
        }
        if report.records == 0 {
            report.first_seq = seq;
        }
        report.last_seq = seq;
        report.hash = Some(hash);
        report.records += 1;
        report.frames = walk.frames_seen;
        report.commits = walk.commits_seen;
        report.bytes = walk.bytes_seen;
        if seq.0.is_multiple_of(PROGRESS_RECORDS) {
            progress(seq);
        }
    }
    progress(report.last_seq);
    check_values(database, report)
}

fn check_payload(blobs: &Blobs, digest: Digest, seq: Seq) -> Result<()> {
    let path = blobs.path(digest);
    if !blobs.exists(digest) {
        return Err(StoreError::damaged(seq, &path, "payload is missing"));
    }
    if !blobs.verify(digest)? {
        return Err(StoreError::damaged(
            seq,
            &path,
            "payload is not what its name says",
        ));
    }
    Ok(())
}

fn check_values(database: &Database, report: &mut VerifyReport) -> Result<()> {
    let mut values = database.values.iter();
    while let Some((name, value)) =
        database.guard("reading values", Seq(0), |_| values.next().transpose())?
    {
        if digest_of(&value).0[..] != name[..] {
            let why = "a value is not what its name says";
            return Err(StoreError::damaged(Seq(0), &database.file(), why));
        }
        report.values += 1;
    }
    Ok(())
}
