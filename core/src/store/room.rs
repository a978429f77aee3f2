//! Room on the disk: what is set aside for the ends of running tasks, and what is claimed for a commit before a byte
//! of it is written.
//!
//! sled cannot go on after a write that found no space. So the blocks of a commit are claimed first, at the end of
//! sled's file: a claim that fails has changed nothing. They read as zeros, which sled takes for segments that are
//! free, as after a crash; and since the file is as long as they reach, syncing what is written there later does not
//! have to make a new length durable each time. The file `reserve` holds blocks that no task's output can take; piece
//! by piece they become claims when nothing else is left, and they are set aside again when space returns.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::durable;
use super::error::{Result, StoreError};

const MIB: u64 = 1024 * 1024;
/// Claimed at a time, so that most commits claim nothing.
const CLAIM_BYTES: u64 = 4 * MIB;
/// Size of sled's segments, which it is opened with (see `database`).
pub(super) const SEGMENT_BYTES: usize = 512 * 1024;
const SEGMENT: u64 = SEGMENT_BYTES as u64;
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
    /// Start of the first segment that sled has not begun: what lies behind it is claimed.
    unused_from: u64,
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
            .read(true)
            .write(true)
            .open(database)
            .map_err(|e| StoreError::io("opening", database, e))?;
        let unused_from = unused_from(&file).map_err(|e| StoreError::io("reading", database, e))?;
        let mut room = Self {
            dir: dir.to_owned(),
            database: file,
            database_path: database.to_owned(),
            reserve: Reserve::open(dir, reserve_bytes)?,
            free_min,
            unused_from,
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
        // sled cuts free segments off the end now and then.
        self.unused_from = self.unused_from.min(len.next_multiple_of(SEGMENT));
        while self.unused_from < len && self.is_begun(self.unused_from)? {
            self.unused_from += SEGMENT;
        }
        if len >= self.unused_from.saturating_add(needed) {
            return Ok(());
        }
        let end = len.saturating_add(needed.max(CLAIM_BYTES));
        let bytes = end.checked_next_multiple_of(SEGMENT).unwrap_or(end) - len;
        // Takes nothing away where sled writes at the same time.
        match rustix::fs::fallocate(&self.database, FallocateFlags::empty(), len, bytes) {
            Ok(()) => Ok(()),
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

    /// Whether sled has written to the segment at `offset`.
    fn is_begun(&self, offset: u64) -> Result<bool> {
        is_begun(&self.database, offset)
            .map_err(|e| StoreError::io("reading", &self.database_path, e))
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

/// Start of the first segment behind the last one that sled has written to.
fn unused_from(database: &File) -> io::Result<u64> {
    let mut end = database.metadata()?.len().next_multiple_of(SEGMENT);
    while end > 0 && !is_begun(database, end - SEGMENT)? {
        end -= SEGMENT;
    }
    Ok(end)
}

/// A segment that sled has begun starts with a header that is not all zeros.
fn is_begun(database: &File, offset: u64) -> io::Result<bool> {
    let mut header = [0; 20];
    let read = database.read_at(&mut header, offset)?;
    Ok(header[..read].iter().any(|byte| *byte != 0))
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
    fn claims_are_zeros_at_the_end_and_follow_what_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let len = || std::fs::metadata(&path).unwrap().len();
        let mut it = room(dir.path(), 0, 0);
        it.claim(1000).unwrap();
        let blocks = std::fs::metadata(&path).unwrap().blocks();
        assert_eq!(len(), CLAIM_BYTES);
        assert!(blocks * 512 >= CLAIM_BYTES);
        it.claim(1000).unwrap();
        assert_eq!(len(), CLAIM_BYTES, "the claim holds");
        // sled begins segments, as many as leave less than a commit may take.
        let database = OpenOptions::new().write(true).open(&path).unwrap();
        for segment in 0..5 {
            database.write_at(b"header", segment * SEGMENT).unwrap();
        }
        it.claim(1000).unwrap();
        assert_eq!(len(), 2 * CLAIM_BYTES);
        let mut begun = [0; 6];
        let reader = File::open(&path).unwrap();
        reader.read_at(&mut begun, 4 * SEGMENT).unwrap();
        assert_eq!(&begun, b"header", "what is written stays");
        // sled cuts off what it does not need; the next claim is for the whole again.
        database.set_len(5 * SEGMENT).unwrap();
        it.claim(1000).unwrap();
        assert_eq!(len(), 5 * SEGMENT + CLAIM_BYTES);
        // In the middle of a segment, as after a crash; what sled leaves out there looks like nothing begun.
        database.set_len(4 * SEGMENT + 1000).unwrap();
        it.claim(1000).unwrap();
        assert_eq!(
            len(),
            4 * SEGMENT + 1000_u64.next_multiple_of(SEGMENT) + CLAIM_BYTES
        );
        assert_eq!(it.unused_from, 5 * SEGMENT);
        assert_eq!(room(dir.path(), 0, 0).unused_from, 5 * SEGMENT);
        assert!(matches!(
            it.claim(u64::MAX / 100),
            Err(StoreError::DiskFull { .. } | StoreError::Io { .. })
        ));
    }
}
