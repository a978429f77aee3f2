//! Undo: what an operator asked for is taken back by the inverse, which is a command like any other with events like
//! any others; their cause is the event that they undo. Nothing is removed from the log.
//!
//! [`action`] says what an event did, given how it was before, or why that cannot be taken back. [`Command::Undo`]
//! takes an action back, if nothing has changed since what it changed: the one who asks may have looked at an old page.
//!
//! [`Command::Undo`]: crate::command::Command::Undo

mod action;
mod decide;
mod since;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use action::{action, leads_to};
pub(crate) use decide::{makes, undo};
pub use since::{calendar_of, changes, image_of};

use crate::calendars::CalendarRecord;
use crate::command::Hashed;
use crate::ids::{BatchId, RunId, RunSetId, Seq};
use crate::image::Image;
use crate::time::Timestamp;

/// A request to take back what an event did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The event.
    pub event: Seq,
    /// What it did.
    pub action: Action,
    /// Whether it is meant.
    pub mode: UndoMode,
}

/// Whether something is done or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoMode {
    /// Refuse what would be refused, and change nothing.
    Try,
    /// Do it.
    Do,
}

/// What an operator's command did, with how it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A schedule was turned off.
    PausedBatch {
        /// The batch.
        batch: BatchId,
        /// Until when.
        until: Option<Timestamp>,
        /// The pause that was in force already.
        before: Option<Pause>,
    },
    /// A schedule was turned on.
    ResumedBatch {
        /// The batch.
        batch: BatchId,
        /// The pause that it ended.
        before: Pause,
    },
    /// A batch was made, or got another version.
    SavedBatch {
        /// The batch.
        batch: BatchId,
        /// The version it got.
        version: u32,
        /// The definition before; `None` when it was made.
        before: Option<Hashed>,
    },
    /// Limits of a pool were set or taken away.
    LimitedPool {
        /// Its name.
        pool: String,
        /// Units by the name of the limit; `None`: taken away.
        limits: BTreeMap<String, Option<u64>>,
        /// The same limits before.
        before: BTreeMap<String, Option<u64>>,
    },
    /// A calendar was made, or got another version.
    SavedCalendar {
        /// Its name.
        name: String,
        /// The version it got.
        version: u32,
        /// As it was; `None` when it was made.
        before: Option<CalendarRecord>,
    },
    /// A calendar was removed.
    RemovedCalendar {
        /// Its name.
        name: String,
        /// As it was.
        before: CalendarRecord,
    },
    /// An image was registered, or registered again.
    RegisteredImage {
        /// What it became.
        image: Box<Image>,
        /// As it was; `None` when it was registered first.
        before: Option<Box<Image>>,
    },
    /// An image was removed.
    RemovedImage {
        /// As it was.
        before: Box<Image>,
    },
    /// A run was asked for.
    CreatedRun {
        /// The run.
        run: RunId,
    },
    /// Many runs were asked for together.
    CreatedRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// A backfill was stopped.
    PausedRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// A backfill was let go on.
    ResumedRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// A run was to end at another instant.
    MovedRunEnd {
        /// The run.
        run: RunId,
        /// At which.
        ends_at: Timestamp,
        /// When it was to end before; `None`: by itself.
        before: Option<Timestamp>,
    },
}

/// A pause of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Why, as given.
    pub reason: Option<String>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// How it was before an event, as far as the event changed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The pause of the batch.
    pub pause: Option<Pause>,
    /// The definition of the batch.
    pub definition: Option<Hashed>,
    /// The limits of the pool.
    pub limits: BTreeMap<String, u64>,
    /// The calendar.
    pub calendar: Option<CalendarRecord>,
    /// The image.
    pub image: Option<Image>,
    /// When the run was to end.
    pub ends_at: Option<Timestamp>,
}

/// Why an event is not undone, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUndone(pub Arc<str>);

impl From<&str> for NotUndone {
    fn from(why: &str) -> Self {
        Self(why.into())
    }
}
