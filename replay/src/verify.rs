//! Is this history whole and untouched? Two verdicts: integrity (what is there is what was written: dense
//! sequence, hash chain, contents) and completeness (nothing is missing at the end: the head file). Then the
//! events are read and folded, because bytes that are right and events that make sense are two things.

use std::collections::BTreeMap;
use std::path::Path;

use fasti_core::domain::event::Event;
use fasti_core::domain::evolve;
use fasti_core::domain::ids::{AttemptId, Seq};
use fasti_core::domain::state::State;
use fasti_core::store::{self, VerifyReport};

use crate::error::ReplayError;
use crate::source::Source;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is there is what was written.
    pub is_intact: bool,
    /// Nothing that was once durable is missing.
    pub is_complete: bool,
    /// What the store found, with the first bad position.
    pub report: VerifyReport,
    /// What the events themselves contradict, if anything.
    pub contradiction: Option<Contradiction>,
}

/// Events that cannot all be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The event that does not fit.
    pub seq: Seq,
    /// Why not.
    pub why: String,
}

impl Verdict {
    /// Whether the history can be relied on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.is_intact && self.is_complete && self.contradiction.is_none()
    }
}

/// Audits the data folder of a stopped server. `progress` is told the position now and then.
///
/// # Errors
/// Only what keeps from looking: the folder is in use, there is no log, the disk cannot be read.
pub fn folder(data: &Path, progress: &mut dyn FnMut(Seq)) -> Result<Verdict, ReplayError> {
    let report = store::verify(data, progress)?;
    let is_intact = report.ok();
    let is_complete = report.head.is_none_or(|head| report.last_seq >= head.seq);
    let contradiction = if report.ok() {
        contradiction(&Source::folder(data)?)?
    } else {
        None
    };
    Ok(Verdict {
        is_intact,
        is_complete,
        report,
        contradiction,
    })
}

/// The first event that contradicts those before it: time that goes back, an attempt that is leased twice or
/// ends twice, an end without a lease.
fn contradiction(source: &Source) -> Result<Option<Contradiction>, ReplayError> {
    let mut audit = Audit::default();
    source.each(source.last(), |entry| {
        if audit.found.is_none() {
            audit.found = audit
                .check(&entry.recorded.event, entry.recorded.at < audit.state.at)
                .map(|why| Contradiction {
                    seq: entry.seq(),
                    why,
                });
            evolve(&mut audit.state, &entry.recorded);
        }
    })?;
    Ok(audit.found)
}

#[derive(Default)]
struct Audit {
    state: State,
    /// Leased attempts; `true` once ended.
    attempts: BTreeMap<AttemptId, bool>,
    found: Option<Contradiction>,
}

impl Audit {
    fn check(&mut self, event: &Event, goes_back: bool) -> Option<String> {
        if goes_back {
            return Some("it happened before the event before it".to_owned());
        }
        if let Event::AttemptLeased(leased) = event {
            for lease in &leased.leases {
                if self.attempts.insert(lease.attempt(), false).is_some() {
                    return Some(format!("the attempt {} is leased twice", lease.attempt()));
                }
            }
        }
        if let Event::AttemptFinished(finished) = event {
            for end in &finished.ends {
                match self.attempts.insert(end.attempt(), true) {
                    Some(false) => {}
                    Some(true) => return Some(format!("the attempt {} ends twice", end.attempt())),
                    None => {
                        return Some(format!(
                            "the attempt {} ends without a lease",
                            end.attempt()
                        ));
                    }
                }
            }
        }
        if let Event::RunFinished(finished) = event {
            // What is over cannot end again: forgetting it keeps the audit small.
            let first = finished.run.0;
            let nodes = self
                .state
                .run(finished.run)
                .map_or(0, |run| u64::from(run.task_runs()));
            self.attempts.retain(|attempt, _| {
                attempt.task_run.0 <= first || attempt.task_run.0 > first + nodes
            });
        }
        None
    }
}
