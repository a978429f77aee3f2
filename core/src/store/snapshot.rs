//! Snapshots: states computed from the log up to some position, kept to start faster. A cache: whatever does
//! not fit in any way counts as absent, and all of it may be deleted.
//!
//! File `snapshots/<seq>.<name>` (numbers little-endian): magic `FstS`, format (2 bytes), 2 zero bytes, seq (8),
//! chain hash (32), unpacked length (8), BLAKE3 over all before and the packed bytes (32), zstd.

use std::fs;
use std::path::{Path, PathBuf};

use fasti_domain::ids::Seq;

use super::durable;
use super::error::{Result, StoreError};

const MAGIC: &[u8; 4] = b"FstS";
const FORMAT: u16 = 1;
const CHECKED_BYTES: usize = 56;
const HEADER_BYTES: usize = CHECKED_BYTES + 32;
const ZSTD_LEVEL: i32 = 3;
/// Kept per name; the older one serves when the newer is damaged or ahead of the log.
const KEPT: usize = 2;

/// The snapshots of a data directory. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Snapshots {
    dir: PathBuf,
}

/// A snapshot as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Position up to which (inclusive) the log went in.
    pub seq: Seq,
    /// Chain hash there: compare it with the log before use.
    pub hash: [u8; 32],
    /// The state.
    pub bytes: Vec<u8>,
}

impl Snapshots {
    /// Opens (and makes) the folder; removes what a dead writer left half done, and snapshots of positions behind
    /// `end`, the end of the log: they are of a log that was longer, and would count as the newest ones. Only
    /// under the lock.
    pub(super) fn open(dir: &Path, end: Seq) -> Result<Self> {
        durable::make_dir(dir)?;
        durable::remove_tmp(dir)?;
        let snapshots = Self {
            dir: dir.to_owned(),
        };
        for (seq, path) in snapshots.files(|_| true)? {
            if seq > end {
                tracing::warn!(path = %path.display(), %end, "removing a snapshot from behind the end of the log");
                fs::remove_file(&path).map_err(|e| StoreError::io("removing", &path, e))?;
            }
        }
        Ok(snapshots)
    }

    /// Writes the snapshot `name` (letters a-z, digits, `-` and `_`) of the state after `seq`, whose chain
    /// hash is `hash`; durable on return. Keeps the newest two of the name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for another name, or the file system refuses.
    pub fn write(&self, name: &str, seq: Seq, hash: [u8; 32], bytes: &[u8]) -> Result<()> {
        self.put(name, seq, hash, bytes)?;
        for (_, old) in self.list(name)?.into_iter().skip(KEPT) {
            fs::remove_file(&old).map_err(|e| StoreError::io("removing", &old, e))?;
        }
        Ok(())
    }

    /// As [`Snapshots::write`], but keeps old ones too: when there are more than `most`, the one goes whose neighbours
    /// are nearest to each other, so that they stay spread over the log.
    ///
    /// # Errors
    /// As [`Snapshots::write`].
    pub fn write_thinning(
        &self,
        name: &str,
        seq: Seq,
        hash: [u8; 32],
        bytes: &[u8],
        most: usize,
    ) -> Result<()> {
        self.put(name, seq, hash, bytes)?;
        let mut all = self.list(name)?;
        while all.len() > most {
            let between = |at: &usize| all[at - 1].0.0 - all.get(at + 1).map_or(0, |it| it.0.0);
            let Some(at) = (1..all.len()).min_by_key(between) else {
                break;
            };
            let (_, old) = all.remove(at);
            fs::remove_file(&old).map_err(|e| StoreError::io("removing", &old, e))?;
        }
        Ok(())
    }

    /// Removes all snapshots whose names `is_unwanted` takes.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn remove(&self, is_unwanted: impl Fn(&str) -> bool) -> Result<()> {
        for (_, old) in self.files(is_unwanted)? {
            fs::remove_file(&old).map_err(|e| StoreError::io("removing", &old, e))?;
        }
        Ok(())
    }

    fn put(&self, name: &str, seq: Seq, hash: [u8; 32], bytes: &[u8]) -> Result<()> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            return Err(StoreError::Invalid {
                why: format!("`{name}` as a snapshot's name"),
            });
        }
        let path = self.path(name, seq);
        let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL)
            .map_err(|e| StoreError::io("packing", &path, e))?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&[0; 2]);
        header.extend_from_slice(&seq.0.to_le_bytes());
        header.extend_from_slice(&hash);
        header.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        let sum = digest(&header, &packed);
        header.extend_from_slice(&sum);
        durable::replace_file(&self.dir, &path, &[&header, &packed])?;
        Ok(())
    }

    /// Position of the newest snapshot called `name`, whether it can be read or not; 0 without one.
    #[must_use]
    pub fn newest(&self, name: &str) -> Seq {
        let list = self.list(name).unwrap_or_default();
        list.first().map_or(Seq(0), |(seq, _)| *seq)
    }

    /// The newest readable snapshot called `name` that is not after `upto`.
    #[must_use]
    pub fn load(&self, name: &str, upto: Seq) -> Option<Snapshot> {
        self.load_fitting(name, upto, |_| true)
    }

    /// As [`Snapshots::load`], of those that `fits` takes: one of another history leaves the older one.
    #[must_use]
    pub fn load_fitting(
        &self,
        name: &str,
        upto: Seq,
        fits: impl Fn(&Snapshot) -> bool,
    ) -> Option<Snapshot> {
        self.load_between(name, Seq(0), upto, fits)
    }

    /// As [`Snapshots::load_fitting`], of those that are after `after`; others are not read.
    #[must_use]
    pub fn load_between(
        &self,
        name: &str,
        after: Seq,
        upto: Seq,
        fits: impl Fn(&Snapshot) -> bool,
    ) -> Option<Snapshot> {
        let list = self.list(name).ok()?;
        list.into_iter()
            .filter(|(seq, _)| *seq > after && *seq <= upto)
            .find_map(|(seq, path)| {
                let loaded = read(&path, seq).filter(&fits);
                if loaded.is_none() {
                    tracing::warn!(path = %path.display(), "snapshot is unusable and passed over");
                }
                loaded
            })
    }

    fn path(&self, name: &str, seq: Seq) -> PathBuf {
        self.dir.join(format!("{:020}.{name}", seq.0))
    }

    /// Files of the name, newest first.
    fn list(&self, name: &str) -> Result<Vec<(Seq, PathBuf)>> {
        self.files(|of| of == name)
    }

    /// Files of the names that `is_wanted` takes, newest first.
    fn files(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(Seq, PathBuf)>> {
        let io = |e| StoreError::io("reading directory", &self.dir, e);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy();
            let seq = file_name
                .split_once('.')
                .filter(|(_, of)| is_wanted(of))
                .and_then(|(seq, _)| seq.parse().ok());
            if let Some(seq) = seq {
                found.push((seq, path));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }
}

fn digest(header: &[u8], packed: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header);
    hasher.update(packed);
    *hasher.finalize().as_bytes()
}

fn read(path: &Path, seq: Seq) -> Option<Snapshot> {
    let file = fs::read(path).ok()?;
    let (header, packed) = file.split_at_checked(HEADER_BYTES)?;
    let (checked, sum) = header.split_at(CHECKED_BYTES);
    let known = header.starts_with(MAGIC)
        && header[4..6] == FORMAT.to_le_bytes()
        && header[8..16] == seq.0.to_le_bytes();
    if !known || digest(checked, packed) != *sum {
        return None;
    }
    // The digest fits, so the length is the one written.
    let len = u64::from_le_bytes(header[48..56].try_into().ok()?);
    let bytes = zstd::bulk::decompress(packed, usize::try_from(len).ok()?).ok()?;
    Some(Snapshot {
        seq,
        hash: header[16..48].try_into().ok()?,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn open() -> (tempfile::TempDir, Snapshots) {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(&dir.path().join("snapshots"), Seq(0)).unwrap();
        (dir, snapshots)
    }

    #[test]
    fn the_newest_two_of_each_name_are_kept() {
        let (_dir, snapshots) = open();
        for seq in [100, 9, 1000, 200] {
            snapshots
                .write("state", Seq(seq), [1; 32], &[7; 9000])
                .unwrap();
        }
        snapshots
            .write("state-2", Seq(5), [2; 32], b"other")
            .unwrap();
        let kept: Vec<_> = snapshots
            .list("state")
            .unwrap()
            .into_iter()
            .map(|(seq, _)| seq)
            .collect();
        assert_eq!(kept, [Seq(1000), Seq(200)]);
        let newest = Snapshot {
            seq: Seq(1000),
            hash: [1; 32],
            bytes: vec![7; 9000],
        };
        assert_eq!(snapshots.load("state", Seq(u64::MAX)), Some(newest));
        assert_eq!(snapshots.load("state", Seq(999)).unwrap().seq, Seq(200));
        assert_eq!(snapshots.load("state-2", Seq(5)).unwrap().bytes, b"other");
        assert_eq!(snapshots.load("nobody", Seq(5)), None);
        assert_eq!(snapshots.newest("state"), Seq(1000));
        assert_eq!(snapshots.newest("nobody"), Seq(0));
    }

    #[test]
    fn thinned_ones_stay_spread_over_the_log() {
        let (_dir, snapshots) = open();
        let (most, last) = (8, 200);
        for seq in 1..=last {
            let written = snapshots.write_thinning("past", Seq(seq), [1; 32], b"then", most);
            written.unwrap();
        }
        let kept = snapshots.list("past").unwrap();
        let kept: Vec<u64> = kept.into_iter().map(|(seq, _)| seq.0).collect();
        assert_eq!((kept.len(), kept[0]), (most, last));
        let gaps = kept.windows(2).map(|two| two[0] - two[1]);
        let widest = gaps.chain(kept.last().copied()).max().unwrap();
        assert!(widest <= 2 * last / most as u64, "{kept:?}");
        let between = |after, upto| snapshots.load_between("past", Seq(after), Seq(upto), |_| true);
        assert_eq!(between(0, last).map(|it| it.seq), Some(Seq(last)));
        assert_eq!(between(kept[1], last - 1), None);
    }

    #[test]
    fn every_changed_or_missing_byte_makes_it_absent() {
        let (_dir, snapshots) = open();
        snapshots
            .write("state", Seq(3), [1; 32], b"the state")
            .unwrap();
        let path = snapshots.path("state", Seq(3));
        let whole = fs::read(&path).unwrap();
        for i in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[i] ^= 0x10;
            // Two bytes of the header are unused but digested all the same.
            fs::write(&path, &bytes).unwrap();
            assert_eq!(snapshots.load("state", Seq(3)), None, "byte {i}");
            fs::write(&path, &whole[..i]).unwrap();
            assert_eq!(snapshots.load("state", Seq(3)), None, "cut at {i}");
        }
    }

    #[test]
    fn a_damaged_newer_one_leaves_the_older() {
        let (_dir, snapshots) = open();
        snapshots.write("state", Seq(3), [1; 32], b"old").unwrap();
        snapshots.write("state", Seq(4), [1; 32], b"new").unwrap();
        fs::write(snapshots.path("state", Seq(4)), b"").unwrap();
        assert_eq!(snapshots.load("state", Seq(9)).unwrap().bytes, b"old");
    }

    #[test]
    fn one_of_another_history_leaves_the_older() {
        let (_dir, snapshots) = open();
        snapshots.write("state", Seq(3), [1; 32], b"old").unwrap();
        snapshots.write("state", Seq(4), [2; 32], b"new").unwrap();
        let of = |hash| snapshots.load_fitting("state", Seq(9), |it| it.hash == hash);
        assert_eq!(of([1; 32]).unwrap().bytes, b"old");
        assert_eq!(of([3; 32]), None);
    }

    #[test]
    fn those_from_behind_the_end_make_way() {
        let (dir, snapshots) = open();
        for seq in [7, 8, 9] {
            snapshots.write("state", Seq(seq), [1; 32], b"x").unwrap();
        }
        let snapshots = Snapshots::open(&dir.path().join("snapshots"), Seq(5)).unwrap();
        snapshots.write("state", Seq(6), [1; 32], b"y").unwrap();
        assert_eq!(snapshots.load("state", Seq(9)).unwrap().bytes, b"y");
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        let (_dir, snapshots) = open();
        for name in ["", "..", "a/b", "A", "a.b"] {
            assert!(
                snapshots.write(name, Seq(1), [0; 32], b"").is_err(),
                "{name}"
            );
        }
    }
}
