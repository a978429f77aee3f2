//! The head file: two slots that say how far the log was durable, kept apart from the database, so that a
//! database that opens short or empty is noticed. It is a witness: it never changes what the log holds.
//!
//! Commits write the slots in turn, a background thread syncs the file at most a second later and at the end.
//! So the head may lag behind the log, never run ahead of it.
//!
//! A slot (numbers little-endian) lies within one disk sector: magic `FstH`, format (2 bytes), 2 zero bytes,
//! counter (8), seq (8), epoch (4), 4 zero bytes, chain hash (32), then 16 bytes of BLAKE3 over all before.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use fasti_domain::ids::Seq;

use super::durable;
use super::envelope::GENESIS;
use super::error::{Result, StoreError};
use super::vitals::Vitals;

/// Longest time a head stays unsynced.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Each slot has a page of its own: a torn page costs one slot.
const SLOT_STRIDE: u64 = 4096;
const SLOT_BYTES: usize = 80;
const CHECKED_BYTES: usize = 64;
const MAGIC: &[u8; 4] = b"FstH";
const FORMAT: u16 = 1;

/// End of the durable log: everything up to `seq` is there after any crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Last durable position; 0 in an empty log.
    pub seq: Seq,
    /// Chain hash after it.
    pub hash: [u8; 32],
    /// Epoch of the last record; 0 in an empty log.
    pub epoch: u32,
}

impl Head {
    /// Head of an empty log.
    pub const EMPTY: Self = Self {
        seq: Seq(0),
        hash: GENESIS,
        epoch: 0,
    };
}

/// What the head file was found to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no file.
    Missing,
    /// There is a file, but no slot can be read.
    Unreadable,
    /// The newer readable slot, with its counter.
    Slot(Head, u64),
}

impl Found {
    /// The head, if one could be read.
    pub(super) fn head(self) -> Option<Head> {
        match self {
            Self::Slot(head, _) => Some(head),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// Reads the head file.
pub(super) fn read(path: &Path) -> Result<Found> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Missing),
        Err(e) => return Err(StoreError::io("opening", path, e)),
    };
    let mut newest: Option<(Head, u64)> = None;
    for slot in 0..2 {
        let mut bytes = [0; SLOT_BYTES];
        match file.read_exact_at(&mut bytes, slot * SLOT_STRIDE) {
            Ok(()) => {}
            // A file that ends early has no such slot.
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => continue,
            Err(e) => return Err(StoreError::io("reading", path, e)),
        }
        if let Some((head, counter)) = decode(&bytes)?
            && newest.is_none_or(|(_, other)| counter > other)
        {
            newest = Some((head, counter));
        }
    }
    Ok(newest.map_or(Found::Unreadable, |(head, counter)| {
        Found::Slot(head, counter)
    }))
}

fn encode(head: &Head, counter: u64) -> [u8; SLOT_BYTES] {
    let mut out = [0; SLOT_BYTES];
    out[..4].copy_from_slice(MAGIC);
    out[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    out[8..16].copy_from_slice(&counter.to_le_bytes());
    out[16..24].copy_from_slice(&head.seq.0.to_le_bytes());
    out[24..28].copy_from_slice(&head.epoch.to_le_bytes());
    out[32..64].copy_from_slice(&head.hash);
    let sum = blake3::hash(&out[..CHECKED_BYTES]);
    out[CHECKED_BYTES..].copy_from_slice(&sum.as_bytes()[..SLOT_BYTES - CHECKED_BYTES]);
    out
}

/// The slot, or `None` when its bytes prove nothing.
fn decode(bytes: &[u8; SLOT_BYTES]) -> Result<Option<(Head, u64)>> {
    let sum = blake3::hash(&bytes[..CHECKED_BYTES]);
    let proven = sum.as_bytes()[..SLOT_BYTES - CHECKED_BYTES] == bytes[CHECKED_BYTES..];
    if !proven || &bytes[..4] != MAGIC {
        return Ok(None);
    }
    let format = u16::from_le_bytes(field(bytes, 4));
    if format != FORMAT {
        return Err(StoreError::NewerFormat {
            what: "head file",
            found: format,
            supported: FORMAT,
        });
    }
    let head = Head {
        seq: Seq(u64::from_le_bytes(field(bytes, 16))),
        hash: field(bytes, 32),
        epoch: u32::from_le_bytes(field(bytes, 24)),
    };
    Ok(Some((head, u64::from_le_bytes(field(bytes, 8)))))
}

fn field<const N: usize>(slot: &[u8; SLOT_BYTES], at: usize) -> [u8; N] {
    slot[at..at + N]
        .try_into()
        .expect("fields lie inside the slot")
}

/// Makes the file in one step: a crash leaves none or a whole one, so an unreadable head is always damage.
fn create(path: &Path, head: &Head) -> Result<()> {
    let folder = path.parent().ok_or_else(|| StoreError::Invalid {
        why: format!("head file {} has no folder", path.display()),
    })?;
    let slot = encode(head, 0);
    let gap = vec![0; usize::try_from(SLOT_STRIDE).expect("a page") - SLOT_BYTES];
    durable::replace_file(folder, path, &[&slot, &gap, &slot, &gap])
}

/// Puts a new file in the place of whatever is there: for a log that was built anew.
pub(super) fn replace(path: &Path, head: &Head) -> Result<()> {
    create(path, head)
}

/// The head file of a running log: written by the one writer, synced in the background.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    shared: Arc<Shared>,
    counter: u64,
    wake: Option<mpsc::Sender<()>>,
    syncer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    file: File,
    /// Written since the last sync began.
    dirty: AtomicBool,
    /// A sync failed: nothing written since can be believed to be on disk.
    failed: AtomicBool,
    /// Position last written.
    written: AtomicU64,
    vitals: Arc<Vitals>,
}

impl HeadFile {
    /// Opens or creates the file, writes `head` to both slots and syncs them.
    pub(super) fn open(
        path: &Path,
        head: &Head,
        found: Found,
        vitals: Arc<Vitals>,
    ) -> Result<Self> {
        let io = |e| StoreError::io("opening head file", path, e);
        if found == Found::Missing {
            create(path, head)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(io)?;
        let counter = match found {
            Found::Missing | Found::Unreadable => 0,
            Found::Slot(_, counter) => counter,
        };
        let (wake, woken) = mpsc::channel();
        let shared = Arc::new(Shared {
            file,
            dirty: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            written: AtomicU64::new(head.seq.0),
            vitals,
        });
        let of_thread = Arc::clone(&shared);
        let syncer = std::thread::Builder::new()
            .name("fasti-head-sync".into())
            .spawn(move || of_thread.sync_when_dirty(&woken))
            .map_err(io)?;
        let mut this = Self {
            path: path.to_owned(),
            shared,
            counter,
            wake: Some(wake),
            syncer: Some(syncer),
        };
        // One slot after the other, so that a crash in between leaves a whole one.
        for _ in 0..2 {
            this.write(head)?;
            if let Err(error) = this.shared.file.sync_all() {
                // Not to be tried again when this is dropped.
                this.shared.failed.store(true, Ordering::Release);
                return Err(io(error));
            }
        }
        Ok(this)
    }

    /// Records that the log is durable up to `head`.
    pub(super) fn write(&mut self, head: &Head) -> Result<()> {
        if self.shared.failed.load(Ordering::Acquire) {
            let lost = std::io::Error::other("an earlier sync failed");
            return Err(StoreError::io("syncing head file", &self.path, lost));
        }
        self.counter += 1;
        let offset = self.counter % 2 * SLOT_STRIDE;
        self.shared
            .file
            .write_all_at(&encode(head, self.counter), offset)
            .map_err(|e| StoreError::io("writing head file", &self.path, e))?;
        self.shared.written.store(head.seq.0, Ordering::Release);
        if !self.shared.dirty.swap(true, Ordering::AcqRel)
            && let Some(wake) = &self.wake
        {
            // The thread ends only when this sender does; a failed send is seen through `failed`.
            wake.send(()).ok();
        }
        Ok(())
    }

    /// Syncs what was written and stops the thread.
    pub(super) fn close(&mut self) -> Result<()> {
        self.wake = None;
        if let Some(syncer) = self.syncer.take()
            && syncer.join().is_err()
        {
            self.shared.failed.store(true, Ordering::Release);
        }
        let failed = self.shared.failed.load(Ordering::Acquire);
        let synced = if failed {
            Err(std::io::Error::other("a sync failed"))
        } else {
            self.shared.file.sync_data()
        };
        synced.map_err(|e| StoreError::io("syncing head file", &self.path, e))
    }
}

impl Drop for HeadFile {
    fn drop(&mut self) {
        if self.syncer.is_some()
            && let Err(error) = self.close()
        {
            tracing::warn!(%error, "head file not synced at the end");
        }
    }
}

impl Shared {
    fn sync_when_dirty(&self, woken: &mpsc::Receiver<()>) {
        while woken.recv().is_ok() {
            // Gather the commits of a second; the other end going away means now.
            let closing = matches!(
                woken.recv_timeout(SYNC_EVERY),
                Err(mpsc::RecvTimeoutError::Disconnected)
            );
            if self.failed.load(Ordering::Acquire) {
                return;
            }
            self.dirty.store(false, Ordering::Release);
            let written = self.written.load(Ordering::Acquire);
            if let Err(error) = self.file.sync_data() {
                tracing::error!(%error, "syncing the head file failed");
                self.failed.store(true, Ordering::Release);
                return;
            }
            self.vitals.set_head_synced(Seq(written));
            if closing {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn head(seq: u64) -> Head {
        Head {
            seq: Seq(seq),
            hash: [7; 32],
            epoch: 1,
        }
    }

    fn open_file(path: &Path) -> Result<HeadFile> {
        let vitals = Arc::new(Vitals::new(path.to_owned(), Seq(0), 0));
        HeadFile::open(path, &Head::EMPTY, Found::Missing, vitals)
    }

    #[test]
    fn bytes_never_change() {
        let digest = blake3::hash(&encode(&head(258), 3)).to_hex();
        assert_eq!(
            digest.as_str(),
            "943fa07d4f44a2585519815b23c25a6ed4333578f247766dffb0869728b13543"
        );
    }

    #[test]
    fn the_newest_slot_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        assert_eq!(read(&path).unwrap(), Found::Missing);
        let mut file = open_file(&path).unwrap();
        for seq in 1..=5 {
            file.write(&head(seq)).unwrap();
        }
        file.close().unwrap();
        assert_eq!(read(&path).unwrap(), Found::Slot(head(5), 7));
    }

    #[test]
    fn a_damaged_slot_leaves_the_other_and_two_leave_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let mut file = open_file(&path).unwrap();
        file.write(&head(1)).unwrap();
        file.write(&head(2)).unwrap();
        drop(file);
        let raw = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        // Counter 4 was the last, so slot 0 is the newer one.
        raw.write_all_at(&[0xff], 20).unwrap();
        assert_eq!(read(&path).unwrap(), Found::Slot(head(1), 3));
        raw.write_all_at(&[0xff], SLOT_STRIDE + 70).unwrap();
        assert_eq!(read(&path).unwrap(), Found::Unreadable);
    }

    #[test]
    fn an_empty_file_is_unreadable_not_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(read(&path).unwrap(), Found::Unreadable);
    }
}
