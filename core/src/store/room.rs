//! Room on the disk: what is set aside for the ends of running tasks, and what is claimed for a commit before a byte
//! of it is written.
//!
//! sled cannot go on after a write that found no space. So the blocks of a commit are claimed first, past the end of
//! sled's file, where it does not see them: a claim that fails has changed nothing. The file `reserve` holds blocks
//! that no task's output can take; piece by piece they become claims when nothing else is left, and they are set
//! aside again when space returns.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::durable;
use super::error::{Result, StoreError};

const MIB: u64 = 1024 * 1024;
/// Claimed at a time, so that most commits claim nothing.
const CLAIM_BYTES: u64 = 4 * MIB;
/// What sled writes besides the events themselves: a segment or two, and leaves written anew.
const SLACK_BYTES: u64 = 2 * MIB;
/// Bytes that a commit may make sled write, as a multiple of its own.
const WRITTEN_PER_BYTE: u64 = 3;
/// The reserve is given away in pieces of this size.
const GIVEN_BYTES: u64 = 4 * MIB;

/// Space of one open log.
#[derive(Debug)]
pub(super) struct Room {
    dir: PathBuf,
    database: File,
    database_path: PathBuf,
    reserve: Option<Reserve>,
    /// Free space below which nothing new is begun.
    free_min: u64,
    /// End of the claimed part of the database file.
    claimed_end: u64,
    /// Length of the database file at the last claim: when it shrinks, the claim is gone.
    len: u64,
    /// Whether the file system can claim blocks at all.
    can_claim: bool,
}

/// The file of blocks set aside.
#[derive(Debug)]
struct Reserve {
    file: File,
    path: PathBuf,
    wanted: u64,
    held: u64,
}

impl Room {
    /// Sets `reserve_bytes` aside in the data folder `dir`, as far as there is room. With 0 there is no reserve, and
    /// one of an earlier start is given back.
    pub(super) fn open(
        dir: &Path,
        database: &Path,
        reserve_bytes: u64,
        free_min: u64,
    ) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .open(database)
            .map_err(|e| StoreError::io("opening", database, e))?;
        let mut room = Self {
            dir: dir.to_owned(),
            database: file,
            database_path: database.to_owned(),
            reserve: Reserve::open(dir, reserve_bytes)?,
            free_min,
            claimed_end: 0,
            len: 0,
            can_claim: true,
        };
        if let Err(error) = room.check() {
            tracing::warn!(%error, "no new requests until space is freed");
        }
        Ok(room)
    }

    /// Bytes set aside now.
    pub(super) fn held_bytes(&self) -> u64 {
        self.reserve.as_ref().map_or(0, |reserve| reserve.held)
    }

    /// Whether something new may be begun: there is free space, and the reserve is whole (it is made whole first,
    /// if there is room for that).
    pub(super) fn check(&mut self) -> Result<()> {
        let free = durable::free_bytes(&self.dir)
            .map_err(|e| StoreError::io("asking for free space", &self.dir, e))?;
        let missing = self.reserve.as_ref().map_or(0, Reserve::missing);
        let needed = self.free_min.saturating_add(missing);
        if free < needed {
            return Err(self.full(free, needed));
        }
        match &mut self.reserve {
            Some(reserve) if missing > 0 => reserve.fill(),
            Some(_) | None => Ok(()),
        }
    }

    /// Claims blocks for a commit of so many bytes, from the reserve if there is no other way.
    pub(super) fn claim(&mut self, commit_bytes: u64) -> Result<()> {
        let needed = SLACK_BYTES + WRITTEN_PER_BYTE * commit_bytes;
        loop {
            match self.try_claim(needed) {
                Err(StoreError::DiskFull { .. }) if self.give()? => {}
                outcome => return outcome,
            }
        }
    }

    /// Gives a piece of the reserve to the file system; `false` when there is none left.
    pub(super) fn give(&mut self) -> Result<bool> {
        match &mut self.reserve {
            Some(reserve) if reserve.held > 0 => reserve.give().map(|()| true),
            Some(_) | None => Ok(false),
        }
    }

    fn try_claim(&mut self, needed: u64) -> Result<()> {
        if !self.can_claim {
            return self.ask_for(needed);
        }
        let len = self
            .database
            .metadata()
            .map_err(|e| StoreError::io("looking up", &self.database_path, e))?
            .len();
        if len < self.len {
            self.claimed_end = 0;
        }
        self.len = len;
        if self.claimed_end >= len.saturating_add(needed) {
            return Ok(());
        }
        let bytes = needed.max(CLAIM_BYTES);
        match rustix::fs::fallocate(&self.database, FallocateFlags::KEEP_SIZE, len, bytes) {
            Ok(()) => {
                self.claimed_end = len + bytes;
                Ok(())
            }
            Err(Errno::NOSPC | Errno::DQUOT) => {
                let free = durable::free_bytes(&self.dir).unwrap_or(0);
                Err(self.full(free, needed))
            }
            Err(Errno::INTR) => self.try_claim(needed),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                tracing::info!(
                    "this file system cannot set space aside: its free space is believed"
                );
                self.can_claim = false;
                self.ask_for(needed)
            }
            Err(other) => Err(StoreError::io(
                "claiming space for",
                &self.database_path,
                other.into(),
            )),
        }
    }

    /// Without claims, what the file system says is free has to do.
    fn ask_for(&self, needed: u64) -> Result<()> {
        let free = durable::free_bytes(&self.dir)
            .map_err(|e| StoreError::io("asking for free space", &self.dir, e))?;
        if free < needed {
            return Err(self.full(free, needed));
        }
        Ok(())
    }

    fn full(&self, free_bytes: u64, needed_bytes: u64) -> StoreError {
        StoreError::DiskFull {
            path: self.dir.clone(),
            free_bytes,
            needed_bytes,
        }
    }
}

impl Reserve {
    fn open(dir: &Path, wanted: u64) -> Result<Option<Self>> {
        let path = dir.join("reserve");
        if wanted == 0 {
            return match std::fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    Err(StoreError::io("removing", &path, e))
                }
                Ok(()) | Err(_) => Ok(None),
            };
        }
        let io = |e| StoreError::io("opening", &path, e);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        let mut held = held_by(&file).map_err(io)?;
        if held > wanted {
            file.set_len(wanted).map_err(io)?;
            held = wanted;
        }
        Ok(Some(Self {
            file,
            path,
            wanted,
            held,
        }))
    }

    fn missing(&self) -> u64 {
        self.wanted - self.held
    }

    fn fill(&mut self) -> Result<()> {
        let filled =
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, self.wanted) {
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.fill_by_writing(),
                outcome => outcome.map_err(io::Error::from),
            };
        filled.map_err(|e| StoreError::io("setting space aside in", &self.path, e))?;
        self.held = self.wanted;
        Ok(())
    }

    fn fill_by_writing(&mut self) -> io::Result<()> {
        let piece = vec![0x46; usize::try_from(MIB).expect("a MiB fits")];
        let mut left = self.wanted;
        self.file.set_len(0)?;
        while left > 0 {
            let len = left.min(MIB);
            self.file
                .write_all(&piece[..usize::try_from(len).expect("at most a MiB")])?;
            left -= len;
        }
        self.file.sync_all()
    }

    fn give(&mut self) -> Result<()> {
        let left = self.held.saturating_sub(GIVEN_BYTES);
        self.file
            .set_len(left)
            .map_err(|e| StoreError::io("giving back", &self.path, e))?;
        self.held = left;
        tracing::warn!(
            left_bytes = left,
            "the reserve is being used up: free some space"
        );
        Ok(())
    }
}

/// Bytes on the disk that a file holds, as far as they lie within its length.
fn held_by(file: &File) -> io::Result<u64> {
    const BLOCK_BYTES: u64 = 512;
    let metadata = file.metadata()?;
    Ok(metadata.len().min(metadata.blocks() * BLOCK_BYTES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn room(dir: &Path, reserve_bytes: u64, free_min: u64) -> Room {
        let database = dir.join("db");
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&database)
            .unwrap();
        Room::open(dir, &database, reserve_bytes, free_min).unwrap()
    }

    fn held(dir: &Path) -> u64 {
        held_by(&File::open(dir.join("reserve")).unwrap()).unwrap()
    }

    #[test]
    fn the_reserve_holds_blocks_and_gives_them_back_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = room(dir.path(), 10 * MIB, 0);
        assert_eq!((it.held_bytes(), held(dir.path())), (10 * MIB, 10 * MIB));
        let mut pieces = Vec::new();
        while it.give().unwrap() {
            pieces.push(held(dir.path()) / MIB);
        }
        assert_eq!(pieces, [6, 2, 0]);
        it.check().unwrap();
        assert_eq!(held(dir.path()), 10 * MIB);
        drop(it);
        assert_eq!(room(dir.path(), 3 * MIB, 0).held_bytes(), 3 * MIB);
        assert_eq!(room(dir.path(), 0, 0).held_bytes(), 0);
        assert!(!dir.path().join("reserve").exists());
    }

    #[test]
    fn without_free_space_nothing_new_is_begun_and_the_reserve_is_not_filled() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = room(dir.path(), MIB, u64::MAX);
        assert_eq!(it.held_bytes(), 0);
        assert!(matches!(it.check(), Err(StoreError::DiskFull { .. })));
        // What is running may end all the same.
        it.claim(100).unwrap();
    }

    #[test]
    fn claims_do_not_change_the_length() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = room(dir.path(), 0, 0);
        it.claim(1000).unwrap();
        let metadata = std::fs::metadata(dir.path().join("db")).unwrap();
        assert_eq!(metadata.len(), 0);
        assert!(metadata.blocks() * 512 >= CLAIM_BYTES);
        assert!(matches!(
            it.claim(u64::MAX / 100),
            Err(StoreError::DiskFull { .. } | StoreError::Io { .. })
        ));
    }
}
