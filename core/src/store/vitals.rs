//! How the store is, for health and figures: numbers that whoever knows them sets, and anybody may read at any time.
//! Nothing is decided by them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fasti_domain::ids::Seq;

/// The numbers of an open store. Shared.
#[derive(Debug)]
pub struct Vitals {
    opened: Instant,
    durable: AtomicU64,
    syncs: AtomicU64,
    /// Milliseconds after opening; 0: there was none yet.
    last_sync_ms: AtomicU64,
    last_sync_us: AtomicU64,
    head_synced: AtomicU64,
    reserve_wanted: u64,
    reserve_held: AtomicU64,
    checked: AtomicU64,
    check_end: AtomicU64,
    trouble: Mutex<Option<String>>,
    log_file: PathBuf,
}

/// The numbers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Last durable event.
    pub durable_seq: Seq,
    /// Last event that the head file is known to remember on the disk; at most a second of work behind.
    pub head_seq: Seq,
    /// Syncs of the log since it was opened.
    pub syncs: u64,
    /// How long ago the last one was; `None` before the first.
    pub last_sync_ago: Option<Duration>,
    /// How long it took.
    pub last_sync_took: Duration,
    /// Bytes set aside for the ends of running tasks, and how many there should be.
    pub reserve_bytes: (u64, u64),
    /// Up to where the check of the whole log in the background has come, and where it ends; equal when it is done.
    pub checked_seq: (Seq, Seq),
    /// What is wrong, if anything is: the log is closed for writing, or damage was found.
    pub trouble: Option<String>,
}

impl Vitals {
    pub(super) fn new(log_file: PathBuf, durable: Seq, reserve_wanted: u64) -> Self {
        Self {
            opened: Instant::now(),
            durable: AtomicU64::new(durable.0),
            syncs: AtomicU64::new(0),
            last_sync_ms: AtomicU64::new(0),
            last_sync_us: AtomicU64::new(0),
            head_synced: AtomicU64::new(durable.0),
            reserve_wanted,
            reserve_held: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            check_end: AtomicU64::new(durable.0),
            trouble: Mutex::new(None),
            log_file,
        }
    }

    /// The numbers now.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let now_ms = self.now_ms();
        let syncs = get(&self.syncs);
        let ago = now_ms.saturating_sub(get(&self.last_sync_ms));
        StoreStatus {
            durable_seq: Seq(get(&self.durable)),
            head_seq: Seq(get(&self.head_synced)),
            syncs,
            last_sync_ago: (syncs > 0).then(|| Duration::from_millis(ago)),
            last_sync_took: Duration::from_micros(get(&self.last_sync_us)),
            reserve_bytes: (get(&self.reserve_held), self.reserve_wanted),
            checked_seq: (Seq(get(&self.checked)), Seq(get(&self.check_end))),
            trouble: self.lock().clone(),
        }
    }

    /// The check of the whole log has come so far.
    pub fn set_checked(&self, checked: Seq, end: Seq) {
        self.checked.store(checked.0, Ordering::Relaxed);
        self.check_end.store(end.0, Ordering::Relaxed);
    }

    /// Something is wrong; the first thing stays.
    pub fn set_trouble(&self, what: &str) {
        self.lock().get_or_insert_with(|| what.to_owned());
    }

    /// The file that the log is in.
    #[must_use]
    pub fn log_file(&self) -> &std::path::Path {
        &self.log_file
    }

    pub(super) fn set_synced(&self, durable: Seq, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_sync_us.store(us, Ordering::Relaxed);
        self.last_sync_ms.store(self.now_ms(), Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.durable.store(durable.0, Ordering::Relaxed);
    }

    pub(super) fn set_head_synced(&self, seq: Seq) {
        self.head_synced.store(seq.0, Ordering::Relaxed);
    }

    pub(super) fn set_reserve_held(&self, bytes: u64) {
        self.reserve_held.store(bytes, Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The lock guards a text that is whole between calls.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
