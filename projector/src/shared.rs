//! The views behind one lock, and waiting for them to have seen an event.
//!
//! One lock over all: an answer put together under one guard never mixes two moments. The follower holds it
//! for a few hundred events at a time, so nobody waits long.

use std::collections::VecDeque;
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::time::{Duration, Instant};

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use tokio::sync::watch;

use crate::views::Views;

/// Views that several threads read and one moves on. Cheap to clone.
#[derive(Clone)]
pub struct SharedViews {
    shared: Arc<Shared>,
}

struct Shared {
    views: RwLock<Views>,
    position: watch::Sender<Position>,
    /// Views of the past that were asked for last, the newest question at the end. They read the table of `views`.
    past: Mutex<VecDeque<Arc<Views>>>,
    /// Guards nothing but the order of `position` and `moved` for threads that wait.
    turn: Mutex<()>,
    moved: Condvar,
}

/// How far the views are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Last event applied.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// The follower has ended: there will be no further events.
    pub is_stopped: bool,
}

/// How far the views are behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Last event of the log.
    pub log_last: Seq,
    /// Last event applied.
    pub applied: Seq,
    /// Events in between.
    pub events: u64,
}

/// The views have not come to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// They will not.
    #[error(
        "waiting for the views: they no longer follow the log because the scheduler is stopping"
    )]
    Stopped,
    /// Not in time.
    #[error("waiting for the views: they are too far behind the log; try again")]
    TimedOut,
}

impl SharedViews {
    /// Shares views; a [`Follower`](crate::Follower) moves them on.
    #[must_use]
    pub fn new(views: Views) -> Self {
        let position = Position {
            seq: views.as_of(),
            at: views.last_at(),
            is_stopped: false,
        };
        Self {
            shared: Arc::new(Shared {
                views: RwLock::new(views),
                position: watch::Sender::new(position),
                past: Mutex::default(),
                turn: Mutex::new(()),
                moved: Condvar::new(),
            }),
        }
    }

    /// The views as they are now. They stand still while the guard lives: keep it short, and never across an
    /// `await`.
    pub fn read(&self) -> RwLockReadGuard<'_, Views> {
        // A panic while an event was applied leaves views that end in the middle of a commit; the follower
        // has stopped then, and says so to whoever waits.
        self.shared
            .views
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Views> {
        self.shared
            .views
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other views in the place of these; answers with those that were.
    pub(crate) fn replace(&self, views: Views) -> Views {
        let (seq, at) = (views.as_of(), views.last_at());
        let old = std::mem::replace(&mut *self.write(), views);
        // Nothing may hold the old table open: it is about to be removed.
        self.past().clear();
        self.publish(seq, at);
        old
    }

    /// Views of the past that are kept.
    pub(crate) fn past(&self) -> MutexGuard<'_, VecDeque<Arc<Views>>> {
        // Whole between calls: views are put in and taken out finished.
        self.shared
            .past
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the views are.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.shared.position.borrow()
    }

    /// Tells whoever waits how far the views are now.
    pub(crate) fn publish(&self, seq: Seq, at: Timestamp) {
        self.change(|position| {
            position.seq = seq;
            position.at = at;
        });
    }

    pub(crate) fn set_stopped(&self, is_stopped: bool) {
        self.change(|position| position.is_stopped = is_stopped);
    }

    fn change(&self, change: impl FnOnce(&mut Position)) {
        // Under the lock, so that a thread that has just looked does not miss the bell.
        let turn = self
            .shared
            .turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.shared.position.send_modify(change);
        drop(turn);
        self.shared.moved.notify_all();
    }

    /// How far the views are behind the log.
    #[must_use]
    pub fn lag(&self, feed: &Feed) -> Lag {
        let applied = self.position().seq;
        let log_last = feed.last();
        Lag {
            log_last,
            applied,
            events: log_last.0.saturating_sub(applied.0),
        }
    }

    /// Waits until the views have seen `seq`: what a command has caused, say. Without a limit of its own.
    ///
    /// # Errors
    /// [`WaitError::Stopped`].
    pub async fn wait_for(&self, seq: Seq) -> Result<(), WaitError> {
        let mut positions = self.shared.position.subscribe();
        let reached = |position: &Position| position.seq >= seq || position.is_stopped;
        let position = positions
            .wait_for(reached)
            .await
            .map_err(|_| WaitError::Stopped)?;
        if position.seq >= seq {
            Ok(())
        } else {
            Err(WaitError::Stopped)
        }
    }

    /// As [`SharedViews::wait_for`], for threads, with a limit.
    ///
    /// # Errors
    /// [`WaitError::Stopped`] or [`WaitError::TimedOut`].
    pub fn wait_for_blocking(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError> {
        let until = Instant::now() + timeout;
        let mut turn = self
            .shared
            .turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let position = self.position();
            if position.seq >= seq {
                return Ok(());
            }
            if position.is_stopped {
                return Err(WaitError::Stopped);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(WaitError::TimedOut);
            }
            let waited = self.shared.moved.wait_timeout(turn, left);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
