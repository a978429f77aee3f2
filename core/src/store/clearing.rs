//! Removing contents beside the log. What nobody names may be wanted again at the very moment in which it goes: a
//! writer that finds a content in its place touches it and writes nothing, so it is moved aside first, and moved back
//! if it was touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

use super::blob::Blobs;
use super::durable;
use super::error::{Result, StoreError};
use super::reader::LogReader;
use super::value::Values;
use super::walk::Walk;
use crate::record::StoredRecord;
use crate::store::envelope::Payload;
use crate::store::reader::resolve;

/// Before the name of what was moved aside.
const ASIDE: &str = "aside-";

/// A content on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub digest: Digest,
    /// What it takes.
    pub bytes: u64,
    /// When it was written, or wanted again.
    pub touched: Timestamp,
}

fn touched(meta: &fs::Metadata) -> Timestamp {
    let since = meta
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Timestamp(since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }))
}

fn digest_in(name: &str) -> Option<Digest> {
    name.strip_suffix(".zst").unwrap_or(name).parse().ok()
}

/// Is told of each record: its position, the payload that lies beside the log, the record if it was wanted.
type Visit<'a> = dyn FnMut(Seq, Option<Digest>, Option<&StoredRecord>) + 'a;

impl Blobs {
    /// Hands every blob to `visit`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn each(&self, visit: &mut dyn FnMut(Stored)) -> Result<()> {
        for first in 0..=u8::MAX {
            let folder = self.dir.join(format!("{first:02x}"));
            let io = |e| StoreError::io("reading directory", &folder, e);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(io(e)),
            };
            for entry in entries {
                let entry = entry.map_err(io)?;
                let name = entry.file_name();
                let digest = name.to_str().and_then(digest_in);
                // What went meanwhile is not there any more.
                if let (Some(digest), Ok(meta)) = (digest, entry.metadata()) {
                    visit(Stored {
                        digest,
                        bytes: meta.len(),
                        touched: touched(&meta),
                    });
                }
            }
        }
        Ok(())
    }

    /// Removes a blob that was not touched since `since`; whether it is gone. Not durably: one that comes back in a
    /// power cut is removed again.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn remove(&self, digest: Digest, since: Timestamp) -> Result<bool> {
        let mut is_gone = true;
        for path in [self.path(digest), self.packed_path(digest)] {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let aside = self.tmp.join(format!("{ASIDE}{name}"));
            match fs::rename(&path, &aside) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(StoreError::io("moving aside", &path, e)),
            }
            let meta = fs::metadata(&aside).map_err(|e| StoreError::io("looking up", &aside, e))?;
            if touched(&meta) >= since {
                durable::rename(&aside, &path)?;
                is_gone = false;
            } else {
                fs::remove_file(&aside).map_err(|e| StoreError::io("removing", &aside, e))?;
            }
        }
        Ok(is_gone)
    }
}

/// Moves back what a dead process had moved aside: nobody knows whether it was wanted.
pub(super) fn put_back(dir: &Path, tmp: &Path) -> Result<()> {
    let io = |e| StoreError::io("reading directory", tmp, e);
    for entry in fs::read_dir(tmp).map_err(io)? {
        let aside: PathBuf = entry.map_err(io)?.path();
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_prefix(ASIDE).filter(|name| name.len() > 2) {
            durable::rename(&aside, &dir.join(&name[..2]).join(name))?;
        }
    }
    Ok(())
}

impl Values {
    /// Hands name and length of every value to `visit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each(&self, visit: &mut dyn FnMut(Digest, u64)) -> Result<()> {
        let mut values = self.database().values.iter();
        loop {
            let next = self
                .database()
                .guard("reading values", Seq(0), |_| values.next().transpose())?;
            let Some((name, value)) = next else {
                return Ok(());
            };
            if let Ok(name) = name.as_ref().try_into() {
                visit(Digest(name), value.len() as u64);
            }
        }
    }

    /// Removes a value; its bytes, if it was there. It comes back if it is named again: see [`Values::put_back`].
    ///
    /// # Errors
    /// The database refuses.
    pub fn remove(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        let removed = self
            .database()
            .guard("removing a value", Seq(0), |db| db.values.remove(digest.0))?;
        Ok(removed.map(|value| value.to_vec()))
    }

    /// Puts a value back that was named while it was removed.
    ///
    /// # Errors
    /// The database refuses.
    pub fn put_back(&self, digest: Digest, value: &[u8]) -> Result<()> {
        self.database().guard("writing a value", Seq(0), |db| {
            db.values.insert(digest.0, value).map(drop)
        })
    }
}

impl LogReader {
    /// Goes through all records from `from` on (inclusive): `visit` gets the position, the name of a payload that lies
    /// beside the log, and the record itself if its name is among `wanted`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where a record is missing or not what was written.
    pub fn survey(&self, from: Seq, wanted: &[&str], visit: &mut Visit<'_>) -> Result<()> {
        let upto = self.last().seq;
        if from > upto {
            return Ok(());
        }
        let mut walk = Walk::new(&self.database, from)?;
        while walk.next_seq() <= upto {
            let seq = walk.next_seq();
            let Some(step) = walk.step()? else {
                return Err(walk.damaged(seq, "event is missing although it was durable"));
            };
            if seq < from {
                continue;
            }
            let beside = match step.envelope.payload {
                Payload::Inline(_) => None,
                Payload::Beside { digest, .. } => Some(digest),
            };
            if wanted.contains(&step.envelope.name) {
                let record = resolve(step, &self.blobs)?;
                visit(seq, beside, Some(&record));
            } else {
                visit(seq, beside, None);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_wanted_again_stays() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&dir.path().join("blobs")).unwrap();
        let digest = blobs.put_bytes(&[1; 9000]).unwrap();
        let mut found = Vec::new();
        blobs.each(&mut |stored| found.push(stored)).unwrap();
        assert_eq!((found[0].digest, found[0].bytes), (digest, 9000));
        let written = found[0].touched;
        assert!(!blobs.remove(digest, written).unwrap(), "just touched");
        assert!(blobs.exists(digest));
        // Wanted again: it counts from then on.
        std::thread::sleep(std::time::Duration::from_millis(20));
        blobs.put_bytes(&[1; 9000]).unwrap();
        let later = Timestamp(written.0 + 5_000);
        assert!(!blobs.remove(digest, later).unwrap());
        assert!(blobs.remove(digest, Timestamp(i64::MAX)).unwrap());
        assert!(!blobs.exists(digest));
        assert!(
            blobs.remove(digest, Timestamp(i64::MAX)).unwrap(),
            "nothing there"
        );
    }

    #[test]
    fn what_a_dead_process_moved_aside_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blobs");
        let blobs = Blobs::open(&path).unwrap();
        let digest = blobs.put_bytes(&[1; 9000]).unwrap();
        fs::rename(
            blobs.path(digest),
            path.join(format!("tmp/{ASIDE}{digest}")),
        )
        .unwrap();
        let blobs = Blobs::open(&path).unwrap();
        assert!(blobs.verify(digest).unwrap());
    }
}
