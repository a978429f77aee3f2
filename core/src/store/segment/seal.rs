//! Sealing: a thread that writes what the log has gained as segments, signs anchors, and takes events out of the
//! database once their time is up. It only follows: the writer never waits for it, and what it fails to do is
//! tried again.
//!
//! Safe to end at any instruction: a segment is whole and named or it is not there; an anchor that is missing for
//! one is written at the next start; events leave the database only when their segment is durable and was read back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fasti_domain::ids::{Digest, Seq};

use super::anchor::{self, Anchor, AnchorKey, AnchorKind};
use super::archive::Archive;
use super::format::{Builder, SegmentInfo};
use super::offload::{self, Offload};
use super::retain::{self, Retention};
use super::tree::Tree;
use crate::ports::Clock;
use crate::record::StoredRecord;
use crate::store::database::Database;
use crate::store::durable;
use crate::store::envelope::{MAX_INLINE_BYTES, digest_of};
use crate::store::error::{Result, StoreError};
use crate::store::reader::{LogReader, resolve};
use crate::store::walk::Walk;

/// How often the thread looks whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Wait after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How often limits of age and size are looked at while nothing is sealed.
const RETAIN_EVERY: Duration = Duration::from_secs(60);
/// A segment ends early when it has gathered this many bytes, so that sealing needs no more memory.
const SEGMENT_BYTES: usize = 32 << 20;
/// Free space that sealing leaves alone: the log comes first.
const FREE_BYTES: u64 = 128 << 20;

/// How to seal.
#[derive(Clone)]
pub struct SealOptions {
    /// Events in a segment; it ends with the commit that reaches them. Default: 10,000.
    pub segment_events: u64,
    /// Longest time without an anchor while the log grows. Default: one hour.
    pub anchor_every: Duration,
    /// What leaves the database when. Default: nothing.
    pub retention: Retention,
    /// Which segments are moved to another disk when. Default: none.
    pub offload: Option<Offload>,
    /// Small contents that a record names: they are sealed with it. Default: none.
    pub references: fn(&StoredRecord) -> Vec<Digest>,
}

impl Default for SealOptions {
    fn default() -> Self {
        Self {
            segment_events: 10_000,
            anchor_every: Duration::from_secs(3600),
            retention: Retention::default(),
            offload: None,
            references: |_| Vec::new(),
        }
    }
}

/// The anchors that were signed since the start, for whoever publishes them.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    fresh: Arc<Mutex<Vec<Anchor>>>,
}

impl Anchors {
    /// Anchors kept for a publisher that is away; those before are in the manifest.
    const KEPT: usize = 1024;

    /// The anchors not taken yet, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Anchor> {
        std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, anchor: Anchor) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.len() == Self::KEPT {
            fresh.remove(0);
        }
        fresh.push(anchor);
    }
}

/// The thread. Stopped when dropped.
#[derive(Debug)]
pub struct Sealer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    anchors: Anchors,
}

impl Sealer {
    /// Begins to seal the log that `reader` reads.
    ///
    /// # Errors
    /// The key cannot be read or made, or the system gives no thread.
    pub fn start(reader: &LogReader, options: SealOptions, clock: Box<dyn Clock>) -> Result<Self> {
        let worker = Worker::new(reader, options, clock)?;
        let (stop, anchors) = (Arc::new(AtomicBool::new(false)), worker.anchors.clone());
        let asked = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("fasti-seal".into())
            .spawn(move || worker.run(&asked))
            .map_err(|e| StoreError::io("starting the thread for", reader.database.dir(), e))?;
        Ok(Self {
            stop,
            thread: Some(thread),
            anchors,
        })
    }

    /// The anchors that are signed from now on.
    #[must_use]
    pub fn anchors(&self) -> Anchors {
        self.anchors.clone()
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the thread that seals ended by a panic");
            }
        }
    }
}

/// Seals everything there is to seal and returns; for tests and tools.
///
/// # Errors
/// The log is damaged or the file system refuses.
pub fn seal_now(reader: &LogReader, options: SealOptions, clock: Box<dyn Clock>) -> Result<()> {
    let mut worker = Worker::new(reader, options, clock)?;
    while worker.step()? {}
    Ok(())
}

/// A segment, its file, and the root of the tree over its records.
type Built = (SegmentInfo, Vec<u8>, Option<[u8; 32]>);

struct Worker {
    database: Arc<Database>,
    reader: LogReader,
    options: SealOptions,
    clock: Box<dyn Clock>,
    key: AnchorKey,
    dir: PathBuf,
    anchors: Anchors,
    /// Position of the last anchor, and when it was signed.
    anchored: (Seq, Instant),
    /// When to look at the limits next.
    retain_at: Instant,
}

impl Worker {
    fn new(reader: &LogReader, options: SealOptions, clock: Box<dyn Clock>) -> Result<Self> {
        let database = Arc::clone(&reader.database);
        let dir = database.archive.dir().to_owned();
        let data = dir.parent().ok_or_else(|| StoreError::Invalid {
            why: format!("{} as a folder of segments", dir.display()),
        })?;
        let key = AnchorKey::of(data)?;
        durable::make_dir(&dir)?;
        durable::remove_tmp(&dir)?;
        anchor::trim(&dir)?;
        let mut worker = Self {
            anchored: (database.durable().seq, Instant::now()),
            retain_at: Instant::now(),
            database,
            reader: reader.clone(),
            options,
            clock,
            key,
            dir,
            anchors: Anchors::default(),
        };
        worker.anchor_the_unanchored()?;
        Ok(worker)
    }

    /// A crash between a segment and its anchor leaves the segment alone.
    fn anchor_the_unanchored(&mut self) -> Result<()> {
        let (anchors, _) = anchor::read(&self.dir)?;
        let known = |first: Seq, last: Seq| {
            anchors.iter().any(|anchor| {
                anchor.kind == AnchorKind::Sealed
                    && anchor.first == first.0
                    && anchor.last == last.0
            })
        };
        for (first, last, path) in self.database.archive.list() {
            if !known(first, last) {
                let info = Archive::info(&path, first)?;
                self.sign(Anchor::sealed(&info, None, self.clock.now()))?;
            }
        }
        Ok(())
    }

    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let wait = match self.step() {
                // As long a rest as the work took: the writer has the rest of the machine.
                Ok(true) => began.elapsed(),
                Ok(false) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "sealing the log did not succeed and is tried again");
                    RETRY_AFTER
                }
            };
            if !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(wait);
            }
        }
    }

    /// Does one thing; `false` if there was nothing to do.
    fn step(&mut self) -> Result<bool> {
        let end = self.database.durable();
        let sealed = self.database.archive.last();
        if end.seq.0.saturating_sub(sealed.0) >= self.options.segment_events {
            return self.seal(sealed.next(), end.seq);
        }
        let (last, at) = self.anchored;
        if end.seq > last && at.elapsed() >= self.options.anchor_every {
            let anchor =
                Anchor::position(AnchorKind::Reached, end.seq, &end.hash, self.clock.now());
            self.sign(anchor)?;
            self.anchored = (end.seq, Instant::now());
        }
        if Instant::now() < self.retain_at {
            return Ok(false);
        }
        let dropped = retain::step(&self.database, &self.options.retention, self.clock.now())?;
        if let Some((last, hash)) = dropped {
            let anchor = Anchor::position(AnchorKind::Archived, last, &hash, self.clock.now());
            self.sign(anchor)?;
            return Ok(true);
        }
        if let Some(offload) = &self.options.offload
            && let Some((first, path)) = offload::step(&self.database.archive, offload)?
        {
            tracing::info!(%first, path = %path.display(), "a segment was moved");
            return Ok(true);
        }
        self.retain_at = Instant::now() + RETAIN_EVERY;
        Ok(false)
    }

    /// Writes the next segment; `false` if the commit that ends it is not durable yet.
    fn seal(&mut self, first: Seq, upto: Seq) -> Result<bool> {
        let Some((info, file, tree)) = self.build(first, upto)? else {
            return Ok(false);
        };
        self.check_space(file.len() as u64)?;
        let path = self.database.archive.add(&info, &file)?;
        tracing::debug!(path = %path.display(), records = info.records(), bytes = info.file_bytes, "sealed");
        self.sign(Anchor::sealed(&info, tree, self.clock.now()))?;
        self.anchored = (info.last, Instant::now());
        self.retain_at = Instant::now();
        Ok(true)
    }

    fn build(&self, first: Seq, upto: Seq) -> Result<Option<Built>> {
        let mut walk = Walk::new(&self.database, first)?;
        if walk.next_seq() != first {
            return Err(walk.damaged(first, "event does not begin a frame where a segment ended"));
        }
        let mut builder = Builder::default();
        let mut tree = Tree::default();
        let mut frames = 0;
        while walk.next_seq() <= upto {
            let seq = walk.next_seq();
            let Some(step) = walk.step()? else {
                return Err(walk.damaged(seq, "event is missing although it was durable"));
            };
            let record = resolve(step, &self.reader.blobs)?;
            self.add_contents(&record, &mut builder)?;
            tree.push(&record.hash);
            let (frames_seen, ..) = walk.seen();
            if frames_seen > frames {
                frames = frames_seen;
                let (header, bytes) = walk.frame().expect("a step was taken in it");
                builder.push_frame(*header, bytes);
            }
            let ends_commit = seq.0 + 1 == record.commit_first.0 + u64::from(record.commit_len);
            let is_full = seq.0 + 1 - first.0 >= self.options.segment_events
                || builder.len() >= SEGMENT_BYTES;
            if ends_commit && is_full {
                let built = builder
                    .finish(record.record.at)
                    .map_err(|e| StoreError::io("packing a segment for", &self.dir, e))?;
                return Ok(built.map(|(info, file)| (info, file, tree.root())));
            }
        }
        Ok(None)
    }

    /// What the record names and what cannot be had again without the database.
    fn add_contents(&self, record: &StoredRecord, builder: &mut Builder) -> Result<()> {
        let payload = &record.record.payload;
        if payload.len() > MAX_INLINE_BYTES {
            builder.push_content(digest_of(payload), payload);
        }
        for digest in (self.options.references)(record) {
            let value = self
                .database
                .guard("reading a value", record.seq, |db| db.values.get(digest.0))?;
            if let Some(value) = value {
                builder.push_content(digest, &value);
            }
        }
        Ok(())
    }

    fn check_space(&self, bytes: u64) -> Result<()> {
        let free_bytes = durable::free_bytes(&self.dir)
            .map_err(|e| StoreError::io("asking for free space", &self.dir, e))?;
        let needed_bytes = FREE_BYTES + bytes;
        if free_bytes < needed_bytes {
            return Err(StoreError::DiskFull {
                path: self.dir.clone(),
                free_bytes,
                needed_bytes,
            });
        }
        Ok(())
    }

    fn sign(&mut self, anchor: Anchor) -> Result<()> {
        let anchor = self.key.sign(anchor);
        anchor::append(&self.dir, &anchor)?;
        self.anchors.add(anchor);
        Ok(())
    }
}
