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
use super::inspect::Inspection;
use super::reader::LogReader;
use super::segment::{Archive, Expectations, Records, Testimony, Witness, stretches};
use super::walk::Walk;
use super::{head_path, recover};

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
    /// Sealed segments found good.
    pub segments: u64,
    /// Contents inside of them found good.
    pub sealed_contents: u64,
    /// Signed anchors found good.
    pub anchors: u64,
    /// Public keys that signed them, in hex.
    pub keys: Vec<String>,
    /// Last position that an anchor, a segment or the caller vouches for.
    pub vouched_seq: Seq,
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
    /// What kind of wrong.
    pub fault: Fault,
}

/// The two ways in which a log can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something is not what was written: integrity.
    Changed,
    /// Something that was once durable is not there: completeness.
    Missing,
}

impl VerifyReport {
    /// Whether what is there is what was written.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.first_bad
            .as_ref()
            .is_none_or(|bad| bad.fault == Fault::Missing)
    }

    /// Whether nothing that was once durable is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let known = self.head.map_or(Seq(0), |head| head.seq);
        let reaches = self.last_seq >= known.max(self.vouched_seq);
        let from_the_start = self.records == 0 || self.first_seq == Seq(1);
        reaches
            && from_the_start
            && self
                .first_bad
                .as_ref()
                .is_none_or(|bad| bad.fault == Fault::Changed)
    }

    fn take(&mut self, testimony: Testimony) {
        self.segments = testimony.segments;
        self.sealed_contents = testimony.contents;
        self.anchors = testimony.anchors;
        self.keys = testimony.keys;
        self.vouched_seq = testimony.vouched;
    }

    /// Whether everything is as it was written.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.first_bad.is_none()
    }
}

/// Audits the log of a stopped scheduler. `progress` is told the position now and then. Nothing in `dir` is changed:
/// see [`Inspection`].
///
/// # Errors
/// Only what keeps from looking: [`StoreError::Locked`], [`StoreError::NotFound`], [`StoreError::Io`],
/// [`StoreError::DiskFull`] for the copy. Damage is in the report.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(Seq)) -> Result<VerifyReport> {
    verify_against(dir, &Expectations::default(), progress)
}

/// As [`verify`], and holds the log against what the caller knows about it.
///
/// # Errors
/// As [`verify`].
pub fn verify_against(
    dir: &Path,
    expected: &Expectations,
    progress: &mut dyn FnMut(Seq),
) -> Result<VerifyReport> {
    inspect(dir, expected, progress).map(|(report, _)| report)
}

/// As [`verify_against`], and hands on the opened log, if it could be opened, for who wants to read it.
///
/// # Errors
/// As [`verify`].
pub fn inspect(
    dir: &Path,
    expected: &Expectations,
    progress: &mut dyn FnMut(Seq),
) -> Result<(VerifyReport, Option<Inspection>)> {
    let mut report = VerifyReport::default();
    let log = match Inspection::open(dir) {
        Ok(log) => log,
        Err(error) => return settle(report, Err(error)).map(|report| (report, None)),
    };
    let outcome = audit_stopped(dir, &log, expected, &mut report, progress);
    let outcome = outcome.map_err(|error| log.translated(error, dir));
    settle(report, outcome).map(|report| (report, Some(log)))
}

/// Audits a folder of sealed segments alone, without a database and without changing anything. `progress` is
/// told the position now and then.
///
/// # Errors
/// Only what keeps from looking: [`StoreError::NotFound`], [`StoreError::Io`]. Damage is in the report.
pub fn verify_segments(
    dir: &Path,
    expected: &Expectations,
    progress: &mut dyn FnMut(Seq),
) -> Result<VerifyReport> {
    let archive = Archive::look(dir)?;
    if archive.last() == Seq(0) {
        let dir = dir.to_owned();
        return Err(StoreError::NotFound { dir });
    }
    let mut report = VerifyReport::default();
    let outcome = audit_segments(&archive, expected, &mut report, progress);
    settle(report, outcome)
}

impl LogReader {
    /// Audits a running log up to its durable end. `progress` is told the position now and then.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk cannot be read. Damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(Seq)) -> Result<VerifyReport> {
        self.look(None, progress)
    }

    /// As [`LogReader::verify`], and holds the log against its segments and anchors and against what the caller
    /// knows about it.
    ///
    /// # Errors
    /// As [`LogReader::verify`].
    pub fn verify_against(
        &self,
        expected: &Expectations,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<VerifyReport> {
        match Witness::call(&self.database.archive, false, expected) {
            Ok(witness) => self.look(Some(witness), progress),
            Err(damage) => settle(VerifyReport::default(), Err(damage)),
        }
    }

    /// The end is taken after the witness was called: what was sealed by then lies before it.
    fn look(
        &self,
        mut witness: Option<Witness>,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<VerifyReport> {
        let end = self.last();
        let mut report = VerifyReport {
            head: Some(end),
            ..VerifyReport::default()
        };
        let (database, blobs) = (&self.database, &self.blobs);
        let asked = witness.as_mut();
        let mut outcome = audit(database, blobs, end, asked, &mut report, progress);
        if outcome.is_ok()
            && let Some(witness) = witness
        {
            outcome = witness.dismiss(end.seq).map(|found| report.take(found));
        }
        settle(report, outcome)
    }
}

/// Damage goes into the report, the rest stays an error.
fn settle(mut report: VerifyReport, outcome: Result<()>) -> Result<VerifyReport> {
    let bad = |seq, file, why, fault| {
        Some(FirstBad {
            seq,
            file,
            why,
            fault,
        })
    };
    report.first_bad = match outcome {
        Ok(()) => return Ok(report),
        Err(StoreError::Damaged { seq, file, why, .. }) => bad(seq, file, why, Fault::Changed),
        Err(StoreError::ShortLog {
            head_seq,
            found_seq,
            ..
        }) => {
            let why =
                format!("log ends at seq {found_seq} although seq {head_seq} was once durable");
            bad(
                found_seq.next(),
                PathBuf::from("log/db"),
                why,
                Fault::Missing,
            )
        }
        Err(StoreError::HeadLost { path, why }) => {
            let why = format!("head file is {why}");
            bad(Seq(0), path, why, Fault::Missing)
        }
        Err(other) => return Err(other),
    };
    Ok(report)
}

fn audit_segments(
    archive: &Archive,
    expected: &Expectations,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Seq),
) -> Result<()> {
    let mut witness = Witness::call(archive, true, expected)?;
    let mut missing = None;
    for stretch in stretches(archive.list()) {
        let first = stretch.first().map_or(Seq(1), |(first, ..)| *first);
        if first > report.last_seq.next() && missing.is_none() {
            missing = Some((report.last_seq.next(), first));
        }
        let mut records = Records::new(stretch);
        while let Some(step) = records.step()? {
            let (seq, hash) = (step.envelope.place.seq, step.hash);
            if seq == step.header.place.seq {
                report.frames += 1;
                report.bytes += step.frame.len() as u64;
                report.commits += u64::from(step.header.end_of_commit);
            }
            witness.compare(seq, hash)?;
            if report.records == 0 {
                report.first_seq = seq;
            }
            report.records += 1;
            report.last_seq = seq;
            report.hash = Some(hash);
            if seq.0.is_multiple_of(PROGRESS_RECORDS) {
                progress(seq);
            }
        }
        report.segments += records.segments_seen;
        report.sealed_contents += records.contents_seen;
    }
    progress(report.last_seq);
    let (segments, contents) = (report.segments, report.sealed_contents);
    report.take(witness.dismiss(report.last_seq)?);
    (report.segments, report.sealed_contents) = (segments, contents);
    let sealed = report.vouched_seq;
    let end = report.last_seq;
    if let Some((from, next)) = missing {
        let why = format!("segments of seq {from} to {} are missing", next.0 - 1);
        report.first_bad = Some(missing_at(from, archive.dir(), why));
    } else if sealed > end {
        let why = format!("segments end at seq {end} although seq {sealed} was sealed");
        report.first_bad = Some(missing_at(end.next(), archive.dir(), why));
    }
    Ok(())
}

fn missing_at(seq: Seq, file: &Path, why: String) -> FirstBad {
    FirstBad {
        seq,
        file: file.to_owned(),
        why,
        fault: Fault::Missing,
    }
}

fn audit_stopped(
    dir: &Path,
    log: &Inspection,
    expected: &Expectations,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Seq),
) -> Result<()> {
    let database = &log.database;
    report.head = log.found.head();
    let mut witness = Witness::call(&database.archive, false, expected)?;
    let findings = recover::find_end(database)?;
    report.unfinished_frames = findings.unfinished.len();
    audit(
        database,
        &log.blobs,
        findings.end,
        Some(&mut witness),
        report,
        progress,
    )?;
    report.take(witness.dismiss(findings.end.seq)?);
    log.show(&findings);
    let (end, vouched) = (findings.end.seq, report.vouched_seq);
    if vouched > end {
        let why = format!("log ends at seq {end} although seq {vouched} is vouched for");
        report.first_bad = Some(missing_at(end.next(), &dir.join("log/db"), why));
        return Ok(());
    }
    recover::compare(log.found, &findings, &head_path(dir))
}

fn audit(
    database: &Arc<Database>,
    blobs: &Blobs,
    end: Head,
    mut witness: Option<&mut Witness>,
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
        if walk.hole() == Some(seq) {
            return Err(walk.damaged(seq, "event is missing; its segment has it"));
        }
        if let Some(witness) = &mut witness {
            witness.ask(seq, hash, &database.file())?;
        }
        if report.records == 0 {
            report.first_seq = seq;
        }
        report.last_seq = seq;
        report.hash = Some(hash);
        report.records += 1;
        (report.frames, report.commits, report.bytes) = walk.seen();
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
