//! The thread that feeds the views: reads whole commits, applies them under the lock, wakes whoever waits,
//! and outside of the lock writes old runs to the history and snapshots to the disk.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fasti_core::domain::ids::Seq;
use fasti_core::feed::Feed;
use fasti_core::store::{Snapshots, Tables};

use crate::error::ViewsError;
use crate::limits::{CHECKPOINT_EVERY_EVENTS, EVENTS_PER_HOLD_MAX, SNAPSHOT_EVERY_EVENTS};
use crate::shared::SharedViews;
use crate::snapshot;
use crate::views::Views;

/// How often the thread looks whether it is to stop when nothing happens.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a follower keeps besides the views.
#[derive(Debug, Clone, Default)]
pub struct FollowerOptions {
    /// The tables that the views were opened with; written out before each snapshot.
    pub tables: Option<Tables>,
    /// Where snapshots go; `None`: there are none, and the views are built from the whole log next time.
    /// Without `tables` there are none either.
    pub snapshots: Option<Snapshots>,
    /// Position of the snapshot that the views began with; 0 without one.
    pub snapshot_at: Seq,
}

/// Views that were built anew, to take the place of those that follow the log.
pub struct Fresh {
    /// They, with their history in `tables`.
    pub views: Views,
    /// Their tables.
    pub tables: Tables,
    /// Called once they are served, when nothing holds the old ones any more: whether the next start can take them up.
    pub switched: Box<dyn FnOnce(bool) + Send>,
}

/// Where fresh views are handed to the follower. Cheap to clone.
#[derive(Clone, Default)]
pub struct FreshViews {
    offered: Arc<Mutex<Option<Fresh>>>,
}

impl FreshViews {
    /// Offers views: they take their place within a moment.
    pub fn offer(&self, fresh: Fresh) {
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
    }

    fn take(&self) -> Option<Fresh> {
        self.offered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The thread. Stopped when dropped.
pub struct Follower {
    stop: Arc<AtomicBool>,
    fresh: FreshViews,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Lets the views follow `feed`, until the engine ends or the follower is stopped.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(shared: SharedViews, feed: Feed, options: FollowerOptions) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let fresh = FreshViews::default();
        let worker = Worker {
            fresh: fresh.clone(),
            last_snapshot: options.snapshot_at,
            last_checkpoint: None,
            shared,
            feed,
            options,
            stop: stop.clone(),
        };
        worker.shared.set_stopped(false);
        let thread = std::thread::Builder::new().name("fasti-views".to_owned());
        Ok(Self {
            stop,
            fresh,
            thread: Some(thread.spawn(move || worker.run())?),
        })
    }

    /// Where views that were built anew are handed over.
    #[must_use]
    pub fn fresh(&self) -> FreshViews {
        self.fresh.clone()
    }

    /// Ends the thread, with a last snapshot.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the views ended by a panic");
        }
    }
}

struct Worker {
    shared: SharedViews,
    feed: Feed,
    options: FollowerOptions,
    stop: Arc<AtomicBool>,
    fresh: FreshViews,
    last_snapshot: Seq,
    /// `None` until looked up.
    last_checkpoint: Option<Seq>,
}

/// Tells waiters that nothing more comes, however the thread ends.
struct Farewell(SharedViews);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.set_stopped(true);
    }
}

impl Worker {
    fn run(mut self) {
        let farewell = Farewell(self.shared.clone());
        self.snapshot_if_due();
        while !self.stop.load(Ordering::Relaxed) {
            match self.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(%error, "the views no longer follow the log");
                    break;
                }
            }
        }
        drop(farewell);
        if self.shared.position().seq > self.last_snapshot {
            self.snapshot();
        }
    }

    /// One hold of the lock, or one wait. `false`: the engine has ended and everything is applied.
    fn step(&mut self) -> Result<bool, ViewsError> {
        if let Some(fresh) = self.fresh.take() {
            self.switch(fresh)?;
        }
        let after = self.shared.position().seq;
        let entries = self.feed.read(after, EVENTS_PER_HOLD_MAX)?;
        if entries.is_empty() {
            let closed = self.feed.wait_beyond_blocking(after, LOOK_EVERY).is_err();
            return Ok(!closed);
        }
        let mut views = self.shared.write();
        for entry in &entries {
            views.apply(entry);
        }
        let (seq, at) = (views.as_of(), views.last_at());
        drop(views);
        self.shared.publish(seq, at);
        // What cannot be written stays readable in memory, and is tried again with the next events.
        if let Err(error) = self.write_history() {
            tracing::warn!(%error, "old runs stay in memory");
        }
        self.snapshot_if_due();
        self.checkpoint_if_due();
        Ok(true)
    }

    fn snapshot_if_due(&mut self) {
        let seq = self.shared.position().seq;
        if seq.0.saturating_sub(self.last_snapshot.0) >= SNAPSHOT_EVERY_EVENTS {
            self.snapshot();
        }
    }

    /// Checkpoints for views of the past. What they need of the history need not be durable: it is written again by
    /// whoever takes up an older snapshot of the live views.
    fn checkpoint_if_due(&mut self) {
        let Some(snapshots) = &self.options.snapshots else {
            return;
        };
        let last = *self
            .last_checkpoint
            .get_or_insert_with(|| snapshot::newest_checkpoint(snapshots));
        let views = self.shared.read();
        if views.as_of().0.saturating_sub(last.0) < CHECKPOINT_EVERY_EVENTS {
            return;
        }
        self.last_checkpoint = Some(views.as_of());
        if let Err(error) = snapshot::write_checkpoint(&views, snapshots) {
            tracing::warn!(%error, "no checkpoint of the views was written");
        }
    }

    /// Brings fresh views up to the end of the log, and serves them instead of the old ones.
    fn switch(&mut self, fresh: Fresh) -> Result<(), ViewsError> {
        let mut views = fresh.views;
        views.catch_up(&self.feed, &mut |_| {})?;
        self.options.tables = Some(fresh.tables);
        drop(self.shared.replace(views));
        self.last_snapshot = Seq(0);
        self.snapshot();
        (fresh.switched)(self.last_snapshot > Seq(0));
        Ok(())
    }

    fn write_history(&self) -> Result<(), ViewsError> {
        let (leaving, cursor, table) = self.shared.read().leaving();
        if leaving.is_empty() {
            return Ok(());
        }
        leaving.write(table.as_ref(), cursor)?;
        self.shared.write().forget(&leaving);
        Ok(())
    }

    fn snapshot(&mut self) {
        let (Some(tables), Some(snapshots)) = (&self.options.tables, &self.options.snapshots)
        else {
            return;
        };
        match snapshot::write(&self.shared, tables, snapshots) {
            Ok(seq) => self.last_snapshot = seq,
            Err(error) => tracing::warn!(%error, "no snapshot of the views was written"),
        }
    }
}
