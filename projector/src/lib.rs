//! Views of the Fasti log and the queries over them.
//!
//! [`Views`] is a fold of the log, held in memory: everything alive and what finished recently. Older runs
//! are in a [history](HistoryTable) table and read from there; queries do not tell the difference. All views
//! move together, so that no answer mixes two moments. Nothing here asks for anything, starts anything or
//! knows the clock.
//!
//! | part | what for |
//! | --- | --- |
//! | [`SharedViews`] | the one lock, waiting for a position, lag |
//! | [`Follower`] | the thread that feeds the views from the log and keeps snapshots |
//! | [`PastViews`] | the views as they were at any event |
//! | [`Views`] | `apply`, and the queries |
//! | [`rows`] | what queries answer with |
//! | [`layout`] | where the tasks of a graph are drawn |
//! | [`rerun`] | which task runs a repetition of a run can take over |
//!
//! Take a guard with [`SharedViews::read`], ask all questions of one answer under it, and stamp the answer
//! with [`Views::as_of`]. Never keep a guard across an `await`.

pub mod access;
mod error;
mod follow;
mod history;
pub mod layout;
pub mod limits;
mod model;
pub mod page;
mod past;
mod query;
mod rebuild;
pub mod rerun;
pub mod rows;
mod shared;
mod snapshot;
mod views;

pub use access::{Access, Visible};
pub use error::ViewsError;
pub use follow::{Follower, FollowerOptions, Fresh, FreshViews};
pub use history::{HistoryTable, MemoryTable};
pub use model::Kept;
pub use page::{Order, Page, Total};
pub use past::{PastError, PastViews, instant, seq_at, seqs_at};
pub use shared::{Lag, Position, SharedViews, WaitError};
pub use snapshot::empty_history;
pub use views::Views;
