//! Building a log anew from exact records: out of segments, out of an older database as far as it proves itself,
//! out of an export. Every record is chained again on its way; one that does not lead to the hash it had is refused.
//!
//! The new database grows beside the old one and takes its place in the end; the old one is kept under another
//! name. A crash at any instruction leaves either the old one in its place or the new one, or a folder that no
//! scheduler starts on and from which the rebuild can be begun again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fasti_domain::ids::{Digest, Seq};

use super::archive::Archive;
use super::records::Records;
use super::witness::stretches;
use crate::store::blob::Blobs;
use crate::store::database::{Database, key};
use crate::store::durable;
use crate::store::envelope::{self, MAX_INLINE_BYTES, Payload, Place, digest_of};
use crate::store::error::{REMEDY_SHORT, Result, StoreError};
use crate::store::head::{self, Head};
use crate::store::lock::DirLock;
use crate::store::pack::{Fit, Frame, Packer};
use crate::store::value::MAX_VALUE_BYTES;
use crate::store::walk::Walk;

const CACHE_BYTES: u64 = 64 << 20;
/// Bytes of frames written to the database at a time.
const BATCH_BYTES: usize = 1 << 20;
/// Folder of the database, of the one that grows, and of those that were replaced.
const LOG: &str = "log";
const GROWING: &str = "log.rebuild";
const BEFORE: &str = "log.before-";

/// What a rebuild came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// End of the new log.
    pub end: Head,
    /// Where the old database is now, if there was one.
    pub before: Option<PathBuf>,
    /// With loss accepted: the end that is known to have been durable, if the new log is shorter.
    pub lost_to: Option<Seq>,
}

/// A log that grows record by record, in the place of that of a data folder.
pub struct Rebuild {
    data: PathBuf,
    database: Arc<Database>,
    blobs: Blobs,
    /// End of the whole commits taken.
    end: Head,
    /// Commit not yet whole.
    open: Option<Open>,
    fit: Fit,
    batch: sled::Batch,
    batch_bytes: usize,
}

struct Open {
    place: Place,
    next: Seq,
    hash: [u8; 32],
    packer: Packer<'static>,
}

impl Rebuild {
    /// Begins in the data folder `data`, which is made if it is not there; nobody may be using it.
    ///
    /// # Errors
    /// [`StoreError::Locked`], or the file system refuses.
    pub fn begin(data: &Path) -> Result<Self> {
        durable::make_dir(data)?;
        let lock = Arc::new(DirLock::acquire(data)?);
        // A rebuild that died between its two renames.
        if !data.join(LOG).exists()
            && let Some(before) = newest_before(data)?
        {
            durable::rename(&before, &data.join(LOG))?;
        }
        let growing = data.join(GROWING);
        remove_all(&growing)?;
        durable::make_dir(&growing)?;
        let database = Database::open(&growing, CACHE_BYTES, lock)?;
        Ok(Self {
            data: data.to_owned(),
            database: Arc::new(database),
            blobs: Blobs::open(&data.join("blobs"))?,
            end: Head::EMPTY,
            open: None,
            fit: Fit::default(),
            batch: sled::Batch::default(),
            batch_bytes: 0,
        })
    }

    /// Position of the next record wanted: of the first one after the last whole commit.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        self.end.seq.next()
    }

    /// Adds the next record: its exact bytes, and the chain hash that it leads to.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it does not follow; the commit that it was to belong to is given up then.
    pub fn push(&mut self, record: &[u8], hash: [u8; 32]) -> Result<()> {
        let added = self.add(record, hash);
        if added.is_err() {
            self.open = None;
        }
        added
    }

    /// Says that a source has ended: the beginning of a commit that it left is given up, so that another source can
    /// give the whole of it.
    pub fn end_source(&mut self) {
        self.open = None;
    }

    fn add(&mut self, record: &[u8], expected: [u8; 32]) -> Result<()> {
        let (next, before) = match &self.open {
            Some(open) => (open.next, open.hash),
            None => (self.end.seq.next(), self.end.hash),
        };
        let damaged = |why: String| StoreError::damaged(next, &self.data.join(LOG), why);
        let envelope = envelope::decode(record).map_err(damaged)?;
        let place = envelope.place;
        if place.seq != next {
            return Err(damaged(format!("event of seq {} comes instead", place.seq)));
        }
        let hash = envelope::chain(&before, record);
        if hash != expected {
            return Err(damaged("event does not lead to the hash it had".into()));
        }
        let fit = self.fit;
        let open = self.open.get_or_insert_with(|| Open {
            place,
            next,
            hash: before,
            packer: Packer::new(place, before, fit),
        });
        let is_same = (place.commit_first, place.commit_len, place.epoch)
            == (
                open.place.commit_first,
                open.place.commit_len,
                open.place.epoch,
            );
        if !is_same || open.place.seq != open.place.commit_first || place.epoch < self.end.epoch {
            return Err(damaged("commit before this event is cut".into()));
        }
        open.packer.write(|out| out.extend_from_slice(record));
        open.next = next.next();
        open.hash = hash;
        if next.0 + 1 == place.commit_first.0 + u64::from(place.commit_len) {
            let whole = self.open.take().expect("just made");
            self.end = Head {
                seq: next,
                hash,
                epoch: place.epoch,
            };
            let (frames, fit) = whole.packer.finish();
            self.fit = fit;
            self.write(frames)?;
        }
        Ok(())
    }

    fn write(&mut self, frames: Vec<Frame>) -> Result<()> {
        for frame in frames {
            self.batch_bytes += frame.bytes.len();
            self.batch.insert(&key(frame.first), frame.bytes);
        }
        if self.batch_bytes >= BATCH_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let end = self.end.seq;
        self.database
            .guard("writing events", end, |db| db.log.apply_batch(batch))
    }

    /// Adds a content under its SHA-256: a value if it is small, else a blob. One that is not what its name says
    /// is refused.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], or the disk refuses.
    pub fn put_content(&mut self, digest: Digest, content: &[u8]) -> Result<()> {
        if digest_of(content) != digest {
            let why = format!("content {digest} is not what its name says");
            return Err(StoreError::Invalid { why });
        }
        if content.len() > MAX_VALUE_BYTES.min(MAX_INLINE_BYTES) {
            return self.blobs.put_payload(content).map(drop);
        }
        self.database.guard("writing a value", self.end.seq, |db| {
            db.values.insert(digest.0, content).map(drop)
        })
    }

    /// Takes from the segments in `dir` what follows; stops where there is no more or where it is damaged, and
    /// says which.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn take_segments(
        &mut self,
        dir: &Path,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<Option<StoreError>> {
        let next = self.next_seq();
        let mut files = stretches(Archive::look(dir)?.list());
        let Some(files) = files.iter_mut().find_map(|stretch| {
            stretch.retain(|(_, last, _)| *last >= next);
            let has = stretch.first().is_some_and(|(first, ..)| *first <= next);
            has.then(|| std::mem::take(stretch))
        }) else {
            return Ok(None);
        };
        let mut records = Records::new(files);
        loop {
            match records.step() {
                Ok(None) => break,
                Ok(Some(step)) => {
                    let seq = step.envelope.place.seq;
                    if seq >= next
                        && let Err(damage) = self.push(step.record, step.hash)
                    {
                        return stopped(damage);
                    }
                    if seq.0.is_multiple_of(10_000) {
                        progress(seq);
                    }
                }
                Err(damage) => {
                    self.open = None;
                    return stopped(damage);
                }
            }
            if records.is_fresh() {
                let segment = Arc::clone(records.segment().expect("a step was taken in it"));
                for (digest, content) in segment.contents() {
                    self.put_content(digest, content)?;
                }
            }
        }
        self.open = None;
        progress(self.end.seq);
        Ok(None)
    }

    /// Takes from the database of the data folder itself, if there is one, what follows; stops where it ends or
    /// where it is damaged, and says which. Values are taken as far as they can be read.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn take_old_log(&mut self, progress: &mut dyn FnMut(Seq)) -> Result<Option<StoreError>> {
        let lock = Arc::clone(&self.database.lock);
        let dir = self.data.join(LOG);
        self.take_database(&dir, lock, progress)
    }

    /// As [`Rebuild::take_old_log`], from another data folder.
    ///
    /// # Errors
    /// [`StoreError::Locked`], or the file system refuses.
    pub fn take_log_of(
        &mut self,
        data: &Path,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<Option<StoreError>> {
        let lock = Arc::new(DirLock::acquire(data)?);
        self.take_database(&data.join(LOG), lock, progress)
    }

    fn take_database(
        &mut self,
        dir: &Path,
        lock: Arc<DirLock>,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<Option<StoreError>> {
        if !dir.join("db").exists() {
            return Ok(None);
        }
        let old = match Database::open(dir, CACHE_BYTES, lock) {
            Ok(old) => Arc::new(old),
            Err(damage) => return stopped(damage),
        };
        let next = self.next_seq();
        let mut walk = match Walk::new(&old, next) {
            Ok(walk) => walk,
            Err(damage) => return stopped(damage),
        };
        let outcome = loop {
            match walk.step() {
                Ok(Some(step)) => {
                    let seq = step.envelope.place.seq;
                    if seq < next {
                        continue;
                    }
                    if let Payload::Beside { digest, .. } = step.envelope.payload
                        && !self.blobs.exists(digest)
                    {
                        tracing::warn!(%seq, %digest, "the payload of an event is in no segment and no blob");
                    }
                    if let Err(damage) = self.push(step.record, step.hash) {
                        break stopped(damage);
                    }
                    if seq.0.is_multiple_of(10_000) {
                        progress(seq);
                    }
                }
                Ok(None) => break Ok(None),
                Err(damage) => break stopped(damage),
            }
        };
        self.open = None;
        self.take_values(&old);
        outcome
    }

    /// Values of an older database: those that are what their names say.
    fn take_values(&self, old: &Database) {
        let mut values = old.values.iter();
        let mut next = || old.guard("reading values", Seq(0), |_| values.next().transpose());
        while let Ok(Some((name, value))) = next() {
            let is_good = digest_of(&value).0[..] == name[..];
            let insert = |db: &Database| db.values.insert(&name, value.clone()).map(drop);
            if is_good
                && self
                    .database
                    .guard("writing a value", Seq(0), insert)
                    .is_err()
            {
                return;
            }
        }
    }

    /// Makes the new log durable and puts it in its place.
    ///
    /// # Errors
    /// [`StoreError::ShortLog`] if it ends before what is known to have been durable and `accept_loss` was not
    /// said; then everything is left as it was.
    pub fn finish(mut self, accept_loss: bool) -> Result<Rebuilt> {
        self.write_batch()?;
        let (data, end) = (self.data.clone(), self.end);
        let head_path = data.join("head");
        let known = head::read(&head_path)?.head();
        let known = known.map_or(Seq(0), |head| head.seq);
        let lost_to = (known > end.seq).then_some(known);
        if lost_to.is_some() && !accept_loss {
            drop(self);
            remove_all(&data.join(GROWING))?;
            return Err(StoreError::ShortLog {
                head_seq: known,
                found_seq: end.seq,
                remedy: REMEDY_SHORT,
            });
        }
        self.database
            .guard("writing events", end.seq, |db| db.sled.flush())?;
        durable::sync_file(&self.database.file())?;
        // The lock outlives the database: nobody may come in between the two renames.
        let lock = Arc::clone(&self.database.lock);
        drop(self);
        let log = data.join(LOG);
        let before = if log.exists() {
            let before = free_name(&data);
            durable::rename(&log, &before)?;
            Some(before)
        } else {
            None
        };
        durable::rename(&data.join(GROWING), &log)?;
        head::replace(&head_path, &end)?;
        drop(lock);
        Ok(Rebuilt {
            end,
            before,
            lost_to,
        })
    }
}

/// Damage ends a source; anything else ends the rebuild.
fn stopped(error: StoreError) -> Result<Option<StoreError>> {
    if matches!(error, StoreError::Damaged { .. }) {
        return Ok(Some(error));
    }
    Err(error)
}

fn free_name(data: &Path) -> PathBuf {
    (1..)
        .map(|n| data.join(format!("{BEFORE}{n}")))
        .find(|path| !path.exists())
        .expect("some number is free")
}

fn newest_before(data: &Path) -> Result<Option<PathBuf>> {
    let io = |e| StoreError::io("reading directory", data, e);
    let mut newest = None;
    for entry in fs::read_dir(data).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .strip_prefix(BEFORE)
            .and_then(|n| n.parse::<u64>().ok());
        if let Some(number) = number {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn remove_all(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("removing", dir, e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
