//! The views computed anew beside the work: the old copy is served while the new one is built from the first event
//! on, then the two change places. Each copy has a folder of its own; the file `views.current` names the one that
//! counts, and is written only when the new copy could be started from.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fasti_api::RebuildViews;
use fasti_core::domain::ids::Seq;
use fasti_core::feed::Feed;
use fasti_core::store::{StoreError, Tables};
use fasti_projector::{Fresh, FreshViews, Views};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rebuilding {
    shared: Arc<Shared>,
}

struct Shared {
    data: PathBuf,
    feed: Feed,
    fresh: FreshViews,
    /// Memory for pages of the tables.
    cache_bytes: u64,
    boot_id: String,
    /// The tables that are served.
    tables: Mutex<Tables>,
    is_running: AtomicBool,
    /// Last event applied to the new copy.
    at: AtomicU64,
    /// Copies that took their place since the start.
    done: AtomicU64,
}

impl Rebuilding {
    /// Of the views in `data`, which `tables` belong to.
    pub(crate) fn new(
        data: &Path,
        feed: Feed,
        fresh: FreshViews,
        tables: Tables,
        cache_bytes: u64,
        boot_id: String,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                data: data.to_owned(),
                feed,
                fresh,
                cache_bytes,
                boot_id,
                tables: Mutex::new(tables),
                is_running: AtomicBool::new(false),
                at: AtomicU64::new(0),
                done: AtomicU64::new(0),
            }),
        }
    }

    /// An orderly end of the tables that are served.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        self.shared.tables().close()
    }
}

impl Shared {
    /// The lock guards a handle that is whole between calls.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(self: &Arc<Self>) -> anyhow::Result<()> {
        let old = Tables::current(&self.data);
        let new = Tables::next(&self.data);
        Tables::destroy(&new)?;
        let tables = Tables::open_in_boot(&new, self.cache_bytes, &self.boot_id)?;
        let history = fasti_projector::empty_history(&tables)?;
        let views = Views::rebuild(&self.feed, history, &mut |seq| {
            self.at.store(seq.0, Ordering::Relaxed);
        })?;
        let (shared, served) = (Arc::clone(self), tables.clone());
        let switched = Box::new(move |is_kept: bool| {
            if let Err(error) = shared.switched(&old, &new, served, is_kept) {
                tracing::warn!(%error, "the views that were served before stay on the disk");
            }
        });
        self.fresh.offer(Fresh {
            views,
            tables,
            switched,
        });
        Ok(())
    }

    /// The new copy is served; without a snapshot of it (`is_kept`) the next start would have to begin again, and the
    /// old one still counts.
    fn switched(
        &self,
        old: &Path,
        new: &Path,
        tables: Tables,
        is_kept: bool,
    ) -> Result<(), StoreError> {
        drop(std::mem::replace(&mut *self.tables(), tables));
        let outcome = if is_kept {
            Tables::make_current(&self.data, new).and_then(|()| Tables::destroy(old))
        } else {
            Ok(())
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.is_running.store(false, Ordering::Release);
        tracing::info!("the views were built anew and are served");
        outcome
    }
}

impl RebuildViews for Rebuilding {
    fn begin(&self) -> std::io::Result<()> {
        if self.shared.is_running.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.shared.at.store(0, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("fasti-rebuild".to_owned());
        let begun = thread.spawn(move || {
            if let Err(error) = shared.build() {
                tracing::error!(%error, "the views were not built anew; the old ones are served");
                shared.is_running.store(false, Ordering::Release);
            }
        });
        if begun.is_err() {
            self.shared.is_running.store(false, Ordering::Release);
        }
        begun.map(drop)
    }

    fn at(&self) -> Option<Seq> {
        let is_running = self.shared.is_running.load(Ordering::Acquire);
        is_running.then(|| Seq(self.shared.at.load(Ordering::Relaxed)))
    }

    fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }
}
