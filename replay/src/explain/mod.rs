//! Why something ran, or did not: the decisions in the log as sentences, with where they stand in it.
//!
//! Nothing is guessed: what is said comes from the views at the moment asked for and from the events they were made
//! of. Where the log says nothing, nothing is said.
//!
//! Each explanation takes two steps: facts are gathered from the views, which stand still meanwhile, and told with the
//! events behind them, which may have to be read from the disk.

mod events;
mod run;
mod task_run;
mod why_not;

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use serde::Serialize;

pub use run::{RunFacts, why_run};
pub use task_run::{TaskRunFacts, why_task_run};
pub use why_not::{AbsenceFacts, why_not};

/// Causes named of one kind; of more, how many there are.
const NAMED_MAX: usize = 10;

/// An answer to "why".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was asked about.
    pub about: String,
    /// The moment it is about: after this event.
    pub as_of: Seq,
    /// The answer in one sentence.
    pub answer: String,
    /// What led to it, in the order in which it happened.
    pub causes: Vec<Cause>,
}

/// One of the things that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The event; `None` for a fact that follows from several.
    pub seq: Option<Seq>,
    /// When.
    pub at: Option<Timestamp>,
    /// In a sentence.
    pub text: String,
}

impl Cause {
    fn fact(text: String) -> Self {
        Self {
            seq: None,
            at: None,
            text,
        }
    }

    fn at(at: Timestamp, text: String) -> Self {
        Self {
            seq: None,
            at: Some(at),
            text,
        }
    }
}

/// A duration for people.
fn span(from: Timestamp, to: Timestamp) -> String {
    let us = (to.0 - from.0).max(0);
    match us {
        0..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..120_000_000 => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
        120_000_000..7_200_000_000 => format!("{} min", us / 60_000_000),
        7_200_000_000..172_800_000_000 => format!("{} h", us / 3_600_000_000),
        _ => format!("{} days", us / 86_400_000_000),
    }
}
