//! The durable store: the one place that knows how events, contents and views lie on the disk, and the only
//! one that names sled. It knows nothing of what events mean.
//!
//! A data directory (mode 0700) holds `log/` (sled: packed frames), `head` (how far the log was durable),
//! `lock`, `blobs/`, `snapshots/` and `views/` (rebuildable). [`Store::open`] takes the lock, compares the log
//! with the head, checks its last part and hands out the parts: one [`Log`] to append, any number of readers.
//!
//! Invariants: what [`Log::append`] has returned survives a power cut; a log that is damaged or shorter than
//! it was is refused, never served; records are never rewritten; readers see no record that can still vanish.

mod blob;
mod blob_writer;
mod clearing;
mod database;
mod durable;
mod envelope;
mod error;
mod exact;
mod frame;
mod guard;
mod head;
mod hint;
mod inspect;
mod links;
mod lock;
mod log;
mod pack;
mod reader;
mod recheck;
mod recover;
mod room;
mod segment;
mod snapshot;
mod stretch;
mod table;
mod tables;
mod value;
mod verify;
mod vitals;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fasti_domain::ids::Seq;

use database::{Database, key};
use head::{Found, HeadFile};
use recover::Findings;
use room::Room;

pub use blob::{Blobs, Bounded};
pub use blob_writer::BlobWriter;
pub use clearing::Stored;
pub use envelope::{
    GENESIS, MAX_ACTOR_BYTES, MAX_INLINE_BYTES, MAX_KEY_BYTES, MAX_NAME_BYTES, MAX_TRACE_BYTES,
    Place, chain, check, digest_of, encode,
};
pub use error::{Result, StoreError};
pub use exact::ExactReader;
pub use head::Head;
pub use hint::Hints;
pub use inspect::Inspection;
pub use lock::{DirLock, Holder, holder};
pub use log::{Appended, Log};
pub use reader::{LogReader, Scan};
pub use recheck::{ChainCheck, payload_beside, record_of};
pub use segment::{
    Anchor, AnchorKind, Anchors, Attestor, Expectations, FileSeal, Offload, Rebuild, Rebuilt,
    Retention, SealOptions, SealedContents, Sealer, SegmentInfo, Tree, anchors_of, each_sealed,
    read_secret, root_from, seal_now, siblings, stream_secret,
};
pub use snapshot::{Snapshot, Snapshots};
pub use stretch::{Stretch, Stretches};
pub use table::{Cursor, Rows, Table};
pub use tables::Tables;
pub use value::{Content, MAX_VALUE_BYTES, Values};
pub use verify::{Fault, FirstBad, VerifyReport, inspect, verify, verify_against, verify_segments};
pub use vitals::{StoreStatus, Vitals};

/// How to open a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make the directory and an empty log if there is none. Default: true.
    pub create: bool,
    /// Memory for sled's pages; it uses two to five times as much. Default: 64 MiB.
    pub cache_bytes: u64,
    /// Go on with a log that is shorter than it was, or whose head file is lost. Default: false.
    pub accept_loss: bool,
    /// Space set aside in the file `reserve`, for the ends of what runs when the disk is full; 0: none. Default: 32 MiB.
    pub reserve_bytes: u64,
    /// Free space below which nothing new is begun. Default: 16 MiB.
    pub free_min_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            create: true,
            cache_bytes: 64 * MIB,
            accept_loss: false,
            reserve_bytes: 32 * MIB,
            free_min_bytes: 16 * MIB,
        }
    }
}

/// An open data directory, to be taken apart. The lock is held until the last part is dropped.
pub struct Store {
    /// The one writer.
    pub log: Log,
    /// Readers of events.
    pub reader: LogReader,
    /// Contents by digest: values in the log, blobs beside it.
    pub content: Content,
    /// Cached states.
    pub snapshots: Snapshots,
    /// Unsynced notes.
    pub hints: Hints,
    /// How the store is.
    pub vitals: Arc<Vitals>,
    /// The lock, for leaving an address.
    pub lock: Arc<DirLock>,
    /// What opening found.
    pub opened: Opened,
}

/// What opening a store found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// End of the log.
    pub last: Head,
    /// Entries of an unfinished commit that were dropped; nobody was ever told of their events.
    pub dropped_frames: usize,
    /// Their size in bytes. What sled itself leaves behind at a torn end of its file is not among it.
    pub tail_trimmed_bytes: u64,
    /// With `accept_loss`: the end that the head file remembered, if the log is shorter.
    pub lost_after: Option<Seq>,
}

impl Store {
    /// Opens the data directory `dir`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if somebody else has it, [`StoreError::NotFound`] without `create`,
    /// [`StoreError::ShortLog`], [`StoreError::HeadLost`] and [`StoreError::Damaged`] if the log is not what
    /// it was, [`StoreError::Io`] if the system refuses. Nothing of the store's own is changed then (sled may tidy
    /// its file: keep a copy before trying again).
    pub fn open(dir: &Path, options: OpenOptions) -> Result<Self> {
        let (database, found) = open_database(dir, options)?;
        let findings = recover::examine(&database, found.head())?;
        let lost_after = match recover::compare(found, &findings, &head_path(dir)) {
            Ok(()) => None,
            Err(StoreError::ShortLog { head_seq, .. }) if options.accept_loss => Some(head_seq),
            Err(StoreError::HeadLost { .. }) if options.accept_loss => None,
            Err(refusal) => return Err(refusal),
        };
        if let Err(error) = settle(&database, &findings) {
            // Dropped, sled would sync once more and take a success for one.
            std::mem::forget(Arc::clone(&database));
            return Err(error);
        }
        let blobs = Blobs::open(&dir.join("blobs"))?;
        let end = findings.end;
        let snapshots = Snapshots::open(&dir.join("snapshots"), end.seq)?;
        let vitals = Arc::new(Vitals::new(database.file(), end.seq, options.reserve_bytes));
        let head_file = HeadFile::open(&head_path(dir), &end, found, Arc::clone(&vitals))?;
        let room = Room::open(
            dir,
            &database.file(),
            options.reserve_bytes,
            options.free_min_bytes,
        )?;
        database.publish(end);
        let log = Log::new(
            Arc::clone(&database),
            blobs.clone(),
            (head_file, room),
            (end, findings.last_at),
            Arc::clone(&vitals),
        )?;
        Ok(Self {
            log,
            reader: LogReader::new(Arc::clone(&database), blobs.clone()),
            content: Content {
                values: Values::new(Arc::clone(&database)),
                blobs,
            },
            snapshots,
            hints: Hints::new(Arc::clone(&database)),
            vitals,
            lock: Arc::clone(&database.lock),
            opened: Opened {
                last: end,
                dropped_frames: findings.unfinished.len(),
                tail_trimmed_bytes: findings.unfinished_bytes,
                lost_after,
            },
        })
    }
}

fn head_path(dir: &Path) -> PathBuf {
    dir.join("head")
}

/// Lock, head file, database: in this order, so that a database that has vanished is noticed before sled makes
/// an empty one in its place.
fn open_database(dir: &Path, options: OpenOptions) -> Result<(Arc<Database>, Found)> {
    let log_dir = dir.join("log");
    let exists = || log_dir.join("db").exists();
    if !options.create && !exists() && !head_path(dir).exists() {
        return Err(StoreError::NotFound {
            dir: dir.to_owned(),
        });
    }
    if !dir.exists() {
        durable::make_dir(dir)?;
        let full = dir
            .canonicalize()
            .map_err(|e| StoreError::io("looking up", dir, e))?;
        full.parent().map_or(Ok(()), durable::sync_dir)?;
    }
    let lock = Arc::new(DirLock::acquire(dir)?);
    let found = head::read(&head_path(dir))?;
    if !exists() && !options.accept_loss {
        let nothing = Findings::NOTHING;
        recover::compare(found, &nothing, &head_path(dir))?;
    }
    if !exists() {
        database::create(&log_dir, options.cache_bytes)?;
    }
    let database = Database::open(&log_dir, options.cache_bytes, lock)?;
    Ok((Arc::new(database), found))
}

/// Makes what was found safe to show: drops the entries of a commit that never came to its end, and syncs.
///
/// A process that died between writing and syncing leaves events that are there now but not after a power cut;
/// the sync comes before anybody sees them. sled writes a commit whole or not at all, so dropping is a second
/// line: were there such entries, the next commit could not take their place in the chain.
fn settle(database: &Database, findings: &Findings) -> Result<()> {
    let after = findings.end.seq.next();
    let mut batch = sled::Batch::default();
    for first in &findings.unfinished {
        batch.remove(&key(*first));
    }
    if !findings.unfinished.is_empty() {
        let (frames, tail_trimmed_bytes) = (findings.unfinished.len(), findings.unfinished_bytes);
        tracing::warn!(%after, frames, tail_trimmed_bytes, "dropping an unfinished commit");
    }
    database.guard_write("settling the end of the log", after, |db| {
        db.log.apply_batch(batch)?;
        db.sled.flush()
    })?;
    durable::sync_file(&database.file())
}
