//! The one writer of the log. An append is one commit: all of its records are durable when it returns, or
//! none of them will be seen.
//!
//! Order: blocks claimed → blobs of large payloads (each synced) → values and frames into sled → sled's flush → our
//! own `fdatasync` of sled's file, since sled's flush does not survive a power cut → head slot → visible.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

use super::blob::Blobs;
use super::database::{Database, key};
use super::envelope::{self, MAX_INLINE_BYTES, Place, digest_of};
use super::error::{Result, StoreError};
use super::head::{Head, HeadFile};
use super::pack::{Fit, Frame, Packer};
use super::room::Room;
use super::value::MAX_VALUE_BYTES;
use super::vitals::Vitals;
use crate::record::{NewRecord, StoredRecord};

/// Makes what was written durable. A trait, so that tests can let it fail.
pub(super) trait Barrier: Send {
    /// Returns after everything written before is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// `fdatasync` on a descriptor of our own: only that reports the errors of writing back.
impl Barrier for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Bytes of payloads in a commit from which on a second thread packs.
const WORTH_A_THREAD: usize = 48 * 1024;

/// The right to append. There is one per open store.
pub struct Log {
    database: Arc<Database>,
    blobs: Blobs,
    pub(super) barrier: Box<dyn Barrier>,
    head_file: HeadFile,
    end: Head,
    epoch: u32,
    last_at: Timestamp,
    room: Room,
    fit: Fit,
    vitals: Arc<Vitals>,
    poisoned: Option<String>,
}

/// What an append stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first record.
    pub first: Seq,
    /// Position of the last record.
    pub last: Seq,
    /// Chain hash after the last record.
    pub hash: [u8; 32],
    /// The records as readers will see them.
    pub records: Vec<StoredRecord>,
}

impl Log {
    /// Takes up writing after the record at `end`, whose instant is given too.
    pub(super) fn new(
        database: Arc<Database>,
        blobs: Blobs,
        (head_file, room): (HeadFile, Room),
        (end, last_at): (Head, Option<Timestamp>),
        vitals: Arc<Vitals>,
    ) -> Result<Self> {
        let path = database.file();
        let file = File::open(&path).map_err(|e| StoreError::io("opening", &path, e))?;
        Ok(Self {
            database,
            blobs,
            barrier: Box::new(file),
            head_file,
            end,
            epoch: end.epoch.max(1),
            last_at: last_at.unwrap_or(Timestamp(i64::MIN)),
            room,
            fit: Fit::default(),
            vitals,
            poisoned: None,
        })
    }

    /// End of the log.
    #[must_use]
    pub fn last(&self) -> Head {
        self.end
    }

    /// Instant of the last record; the earliest instant there is in an empty log. Later records may not be
    /// earlier.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Epoch that the next records will bear: that of the last record, at least 1.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Begins a higher epoch.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a lower one.
    pub fn set_epoch(&mut self, epoch: u32) -> Result<()> {
        if epoch < self.epoch {
            let why = format!("epoch {epoch} is lower than {}", self.epoch);
            return Err(StoreError::Invalid { why });
        }
        self.epoch = epoch;
        Ok(())
    }

    /// Appends `records` as one commit, together with the `values` (each at most 4 KiB, under its SHA-256)
    /// that they name. Values already known are skipped.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] and (before anything is written) [`StoreError::DiskFull`] leave the log as it
    /// was. After any other error it is unknown whether the commit will be there at the next start; it was
    /// not shown to readers, and every later append fails with [`StoreError::Poisoned`].
    pub fn append(
        &mut self,
        records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended> {
        self.check_room()?;
        self.append_from_reserve(records, values)
    }

    /// As [`Log::append`], using up the reserved space if need be: for the ends of what is already running.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_from_reserve(
        &mut self,
        records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended> {
        if let Some(why) = &self.poisoned {
            return Err(StoreError::Poisoned { why: why.clone() });
        }
        self.check(&records, values)?;
        self.claim(&records, values)?;
        // Blobs stand for themselves: one that no record comes to name harms nobody, so a failure here
        // leaves the log usable.
        for record in records
            .iter()
            .filter(|record| record.payload.len() > MAX_INLINE_BYTES)
        {
            self.put_payload(&record.payload)?;
        }
        let (frames, stored) = self.encode(records);
        let end = stored.last().map(|last| Head {
            seq: last.seq,
            hash: last.hash,
            epoch: last.epoch,
        });
        let end = end.expect("checked: a commit has records");
        if let Err(error) = self.write(frames, values, &end) {
            self.poison(&error);
            return Err(error);
        }
        let first = self.end.seq.next();
        self.end = end;
        self.last_at = stored.last().map_or(self.last_at, |last| last.record.at);
        self.database.publish(end);
        Ok(Appended {
            first,
            last: end.seq,
            hash: end.hash,
            records: stored,
        })
    }

    /// Claims blocks for the commit: sled cannot go on after it ran into a full disk itself, so this is what keeps the
    /// log usable until space is freed.
    fn claim(&mut self, records: &[NewRecord], values: &[(Digest, Vec<u8>)]) -> Result<()> {
        /// What an envelope, a key and their place in a leaf take, roughly.
        const EACH_BYTES: usize = 256;
        let payloads = records
            .iter()
            .map(|record| record.payload.len().min(MAX_INLINE_BYTES) + EACH_BYTES);
        let contents = values.iter().map(|(_, value)| value.len() + EACH_BYTES);
        let bytes: usize = payloads.chain(contents).sum();
        let claimed = self.room.claim(bytes as u64);
        self.vitals.set_reserve_held(self.room.held_bytes());
        claimed
    }

    /// Writes a payload beside the log, with what the reserve gives if need be.
    fn put_payload(&mut self, payload: &[u8]) -> Result<()> {
        loop {
            match self.blobs.put_payload(payload) {
                Err(StoreError::DiskFull { .. }) if self.room.give()? => {}
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Ends writing for good. sled would write and sync once more when it is dropped, and take a success for one, so it
    /// stays until the process ends.
    fn poison(&mut self, error: &StoreError) {
        self.vitals.set_trouble(&error.to_string());
        self.poisoned = Some(error.to_string());
        std::mem::forget(Arc::clone(&self.database));
    }

    fn check(&self, records: &[NewRecord], values: &[(Digest, Vec<u8>)]) -> Result<()> {
        let invalid = |why: String| Err(StoreError::Invalid { why });
        if records.is_empty() || u32::try_from(records.len()).is_err() {
            return invalid(format!("a commit of {} records", records.len()));
        }
        let mut before = self.last_at;
        for record in records {
            envelope::check(record)?;
            if record.at < before {
                return invalid(format!(
                    "`{}` at {} is earlier than the record before it at {before}",
                    record.name, record.at
                ));
            }
            before = record.at;
        }
        for (digest, value) in values {
            if value.len() > MAX_VALUE_BYTES {
                return invalid(format!(
                    "value {digest} has {} bytes, at most 4096 fit",
                    value.len()
                ));
            }
            if digest_of(value) != *digest {
                return invalid(format!("value {digest} is not what its name says"));
            }
        }
        Ok(())
    }

    /// The frames of a commit. Large ones are packed by a second thread while this one chains.
    fn encode(&mut self, records: Vec<NewRecord>) -> (Vec<Frame>, Vec<StoredRecord>) {
        let commit_len = u32::try_from(records.len()).expect("checked");
        let commit_first = self.end.seq.next();
        let place = Place {
            seq: commit_first,
            epoch: self.epoch,
            commit_first,
            commit_len,
        };
        let packer = Packer::new(place, self.end.hash, self.fit);
        let bytes = records
            .iter()
            .map(|record| record.payload.len().min(MAX_INLINE_BYTES));
        let (stored, (frames, fit)) = if bytes.sum::<usize>() < WORTH_A_THREAD {
            chain(records, place, packer)
        } else {
            std::thread::scope(|scope| chain(records, place, packer.beside(scope)))
        };
        self.fit = fit;
        (frames, stored)
    }

    fn write(
        &mut self,
        frames: Vec<Frame>,
        values: &[(Digest, Vec<u8>)],
        end: &Head,
    ) -> Result<()> {
        self.database
            .guard_write("appending events", end.seq, |db| {
                for (digest, value) in values {
                    if !db.values.contains_key(digest.0)? {
                        db.values.insert(digest.0, value.as_slice())?;
                    }
                }
                put(&db.log, frames)?;
                db.sled.flush()?;
                Ok(())
            })?;
        // Never tried twice: after a failed sync the system may have dropped the pages and report success.
        let begin = Instant::now();
        self.barrier
            .sync()
            .map_err(|e| StoreError::io("syncing", &self.database.file(), e))?;
        self.vitals.set_synced(end.seq, begin.elapsed());
        self.head_file.write(end)
    }

    /// Whether something new may be begun: there is free space, and the reserve is whole (it is made whole first, if
    /// there is room). Asked before anything is decided: what has been decided must be appended.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`].
    pub fn check_room(&mut self) -> Result<()> {
        let checked = self.room.check();
        self.vitals.set_reserve_held(self.room.held_bytes());
        checked
    }

    /// Ends writing: the head file is synced, so that the next start knows the exact end.
    ///
    /// # Errors
    /// The head file cannot be synced; the log itself is durable all the same.
    pub fn close(mut self) -> Result<()> {
        self.head_file.close()
    }
}

/// Puts the frames of a commit into the database: all of them or, after a crash, none.
fn put(log: &sled::Tree, mut frames: Vec<Frame>) -> sled::Result<()> {
    // One entry is whole or not there by itself; a batch is two more writes to the disk.
    if frames.len() == 1
        && let Some(frame) = frames.pop()
    {
        return log.insert(key(frame.first), frame.bytes).map(drop);
    }
    let mut batch = sled::Batch::default();
    for frame in frames {
        batch.insert(&key(frame.first), frame.bytes);
    }
    log.apply_batch(batch)
}

/// Encodes and chains records, the first of which stands at `place`.
fn chain(
    records: Vec<NewRecord>,
    mut place: Place,
    mut packer: Packer<'_>,
) -> (Vec<StoredRecord>, (Vec<Frame>, Fit)) {
    let mut stored = Vec::with_capacity(records.len());
    for record in records {
        let hash = packer.write(|out| envelope::encode(&record, place, out));
        stored.push(StoredRecord {
            seq: place.seq,
            epoch: place.epoch,
            commit_first: place.commit_first,
            commit_len: place.commit_len,
            record,
            hash,
        });
        place.seq = place.seq.next();
    }
    (stored, packer.finish())
}
