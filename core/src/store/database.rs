//! The sled database of the log: opening it with suspicion, and every call to it through a guard. What the
//! entries mean is known elsewhere (`frame`, `value`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use fasti_domain::ids::Seq;

use super::durable;
use super::error::{REMEDY_DAMAGED, Result, StoreError};
use super::guard::{guarded, guarded_on_thread};
use super::head::Head;
use super::lock::DirLock;

/// Everything that handles of one open log share. The lock is declared last: it is given up only after sled
/// has let go of its files.
#[derive(Debug)]
pub(super) struct Database {
    /// Packed frames under their first seq (big-endian).
    pub(super) log: sled::Tree,
    /// Small contents under their SHA-256.
    pub(super) values: sled::Tree,
    /// Hints: never relied upon.
    pub(super) hints: sled::Tree,
    pub(super) sled: sled::Db,
    dir: PathBuf,
    durable: RwLock<Head>,
    pub(super) lock: Arc<DirLock>,
}

/// Key of the frame that starts at `seq`.
pub(super) fn key(seq: Seq) -> [u8; 8] {
    seq.0.to_be_bytes()
}

impl Database {
    /// Opens (and makes) the database in `dir`. A first failure may be the fault of sled's own snapshot of
    /// its page table, which it can do without: that is put aside and opening tried once more. Whatever
    /// comes of it is checked against the head file by the caller.
    pub(super) fn open(dir: &Path, cache_bytes: u64, lock: Arc<DirLock>) -> Result<Self> {
        let (sled, log, values, hints) = match open_trees(dir, cache_bytes) {
            Err(first @ StoreError::Damaged { .. }) if put_snapshots_aside(dir)? => {
                tracing::warn!(error = %first, "opening the log again without sled's snapshot");
                open_trees(dir, cache_bytes)?
            }
            outcome => outcome?,
        };
        // sled syncs neither the names nor the length of new files by itself. Done at every start: an earlier
        // one may have died between making and syncing them.
        for name in ["conf", "db"] {
            durable::sync_file(&dir.join(name))?;
        }
        durable::sync_dir(dir)?;
        if let Some(parent) = dir.parent() {
            durable::sync_dir(parent)?;
        }
        let durable = RwLock::new(Head::EMPTY);
        Ok(Self {
            log,
            values,
            hints,
            sled,
            dir: dir.to_owned(),
            durable,
            lock,
        })
    }

    /// The file that everything is in.
    pub(super) fn file(&self) -> PathBuf {
        self.dir.join("db")
    }

    /// The folder of the database.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// End of what readers may see.
    pub(super) fn durable(&self) -> Head {
        *self.durable.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows readers everything up to `head`. Called after the barrier.
    pub(super) fn publish(&self, head: Head) {
        *self.durable.write().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// Calls sled; an error or a panic becomes a [`StoreError`] at `seq`.
    pub(super) fn guard<T>(
        &self,
        doing: &'static str,
        seq: Seq,
        call: impl FnOnce(&Self) -> sled::Result<T>,
    ) -> Result<T> {
        match guarded(|| call(self)) {
            Ok(outcome) => outcome.map_err(|e| StoreError::sled(doing, seq, &self.dir, e)),
            Err(panic) => Err(StoreError::damaged(
                seq,
                &self.file(),
                format!("{doing}: sled gave up: {panic}"),
            )),
        }
    }
}

type Trees = (sled::Db, sled::Tree, sled::Tree, sled::Tree);

fn open_trees(dir: &Path, cache_bytes: u64) -> Result<Trees> {
    let opened = guarded_on_thread(|| {
        // No flusher thread: the writer flushes every commit itself.
        let sled = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput)
            .open()?;
        let log = sled.open_tree("log")?;
        let values = sled.open_tree("values")?;
        let hints = sled.open_tree("hints")?;
        Ok((sled, log, values, hints))
    });
    match opened {
        Ok(outcome) => outcome.map_err(|e| StoreError::sled("opening the log", Seq(0), dir, e)),
        Err(panic) => Err(StoreError::Damaged {
            seq: Seq(0),
            file: dir.join("db"),
            why: format!("sled cannot open it: {panic}"),
            remedy: REMEDY_DAMAGED,
        }),
    }
}

/// Renames sled's snapshot files out of its sight; whether there were any.
fn put_snapshots_aside(dir: &Path) -> Result<bool> {
    let io = |e| StoreError::io("reading directory", dir, e);
    let mut any = false;
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") {
            let aside = dir.join(format!("aside.{name}"));
            fs::rename(&path, &aside).map_err(|e| StoreError::io("renaming", &path, e))?;
            any = true;
        }
    }
    Ok(any)
}
