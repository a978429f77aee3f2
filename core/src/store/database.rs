//! The sled database of the log: opening it with suspicion, and every call to it through a guard. What the
//! entries mean is known elsewhere (`frame`, `value`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use fasti_domain::ids::Seq;

use super::durable;
use super::error::{REMEDY_DAMAGED, Result, StoreError};
use super::guard::{Fenced, guarded, guarded_on_thread};
use super::head::Head;
use super::lock::DirLock;
use super::room::SEGMENT_BYTES;
use super::segment::Archive;
use super::watch::Watch;

/// Everything that handles of one open log share. The lock is declared last: it is given up only after sled
/// has let go of its files.
#[derive(Debug)]
pub(super) struct Database {
    /// Packed frames under their first seq (big-endian).
    pub(super) log: Fenced<sled::Tree>,
    /// Small contents under their SHA-256.
    pub(super) values: Fenced<sled::Tree>,
    /// Hints: never relied upon.
    pub(super) hints: Fenced<sled::Tree>,
    pub(super) sled: Fenced<sled::Db>,
    watch: Watch,
    /// What was sealed.
    pub(super) archive: Archive,
    dir: PathBuf,
    durable: RwLock<Head>,
    pub(super) lock: Arc<DirLock>,
}

/// How sled says that its file is locked.
const LOCKED: &str = "could not acquire lock";
/// Longest wait for sled's own threads to leave the file.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(5);

/// Key of the frame that starts at `seq`.
pub(super) fn key(seq: Seq) -> [u8; 8] {
    seq.0.to_be_bytes()
}

impl Database {
    /// Opens (and makes) the database in `dir`. A first failure may be the fault of sled's own snapshot of
    /// its page table, which it can do without: that is put aside and opening tried once more. Whatever
    /// comes of it is checked against the head file by the caller.
    pub(super) fn open(dir: &Path, cache_bytes: u64, lock: Arc<DirLock>) -> Result<Self> {
        let (sled, log, values, hints, watch) = match open_trees(dir, cache_bytes, |trees| trees) {
            Err(first @ StoreError::Damaged { .. }) if put_snapshots_aside(dir)? => {
                tracing::warn!(error = %first, "opening the log again without sled's snapshot");
                open_trees(dir, cache_bytes, |trees| trees)?
            }
            outcome => outcome?,
        };
        // sled syncs neither the names nor the length of new files by itself. Done at every start: an earlier
        // one may have died between making and syncing them.
        if let Err(error) = sync_all(dir) {
            // Dropped, sled would sync once more and take a success for one.
            std::mem::forget((sled, log, values, hints, watch));
            return Err(error);
        }
        let durable = RwLock::new(Head::EMPTY);
        let archive = Archive::look(&dir.with_file_name("segments"))?;
        Ok(Self {
            archive,
            log: Fenced::new(log),
            values: Fenced::new(values),
            hints: Fenced::new(hints),
            sled: Fenced::new(sled),
            watch,
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

    /// As [`Database::guard`], for calls that wait for writes.
    pub(super) fn guard_write<T>(
        &self,
        doing: &'static str,
        seq: Seq,
        call: impl FnOnce(&Self) -> sled::Result<T>,
    ) -> Result<T> {
        self.watch.during(|| self.guard(doing, seq, call))
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

/// Syncs the files of the database and the folders that name them.
fn sync_all(dir: &Path) -> Result<()> {
    for name in ["conf", "db"] {
        durable::sync_file(&dir.join(name))?;
    }
    durable::sync_dir(dir)?;
    dir.parent().map_or(Ok(()), durable::sync_dir)
}

/// Makes an empty database under another name and moves it into its place whole: sled cannot open what a crash left
/// of its settings file.
pub(super) fn create(dir: &Path, cache_bytes: u64) -> Result<()> {
    let new = dir.with_file_name("log.new");
    match fs::remove_dir_all(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("removing", &new, e));
        }
        Ok(()) | Err(_) => {}
    }
    durable::make_dir(&new)?;
    let made = open_trees(&new, cache_bytes, drop);
    if let Err(StoreError::Damaged { why, .. }) = made {
        // What is new cannot be damaged: the disk refused.
        let refusal = std::io::Error::other(why);
        return Err(StoreError::io("making a log in", &new, refusal));
    }
    made?;
    sync_all(&new)?;
    if dir.exists() {
        // There is no database in it, but perhaps something that somebody wants to look at.
        let aside = dir.with_file_name("log.aside");
        drop(fs::remove_dir_all(&aside));
        durable::rename(dir, &aside)?;
    }
    durable::rename(&new, dir)
}

type Trees = (sled::Db, sled::Tree, sled::Tree, sled::Tree, Watch);

/// Opens (and makes) the trees; what `then` does with them is guarded too.
fn open_trees<T: Send>(
    dir: &Path,
    cache_bytes: u64,
    then: impl FnOnce(Trees) -> T + Send,
) -> Result<T> {
    let opened = guarded_on_thread(|| {
        // No flusher thread: the writer flushes every commit itself.
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput);
        let sled = open_soon(&config)?;
        let watch = Watch::start(sled.clone())?;
        let trees = watch.during(|| {
            let log = sled.open_tree("log")?;
            let values = sled.open_tree("values")?;
            let hints = sled.open_tree("hints")?;
            sled::Result::Ok((log, values, hints))
        });
        let (log, values, hints) = trees?;
        Ok(then((sled, log, values, hints, watch)))
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

/// Opens the database. One of sled's own threads may still be at the file, to cut free segments off its end, when a
/// handle that was open before is gone. Nobody else can be: the lock of the data folder is ours.
fn open_soon(config: &sled::Config) -> sled::Result<sled::Db> {
    let begin = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains(LOCKED) && begin.elapsed() < LOCK_WAIT =>
            {
                std::thread::sleep(LOCK_LOOK_EVERY);
            }
            outcome => return outcome,
        }
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
