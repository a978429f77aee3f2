//! Is this history whole and untouched? Two verdicts: integrity (what is there is what was written: dense
//! sequence, hash chain, contents) and completeness (nothing is missing at the end: the head file). Then the
//! events are read and folded, because bytes that are right and events that make sense are two things.

use std::collections::BTreeMap;
use std::path::Path;

use fasti_core::domain::event::Event;
use fasti_core::domain::evolve;
use fasti_core::domain::ids::{AttemptId, Seq};
use fasti_core::domain::state::State;
use fasti_core::store::{self, Content, Expectations, VerifyReport};

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
    /// What became of the contents beside the log; `None` when nobody looked.
    pub contents: Option<Contents>,
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
    /// The verdict on what the store found; the events were not looked at yet.
    #[must_use]
    pub fn of(report: VerifyReport) -> Self {
        Self {
            is_intact: report.is_intact(),
            is_complete: report.is_complete(),
            report,
            contradiction: None,
            contents: None,
        }
    }

    /// Whether the history can be relied on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let contents = self.contents.as_ref();
        self.is_intact
            && self.is_complete
            && self.contradiction.is_none()
            && contents.is_none_or(|contents| contents.first_bad.is_none())
    }
}

/// How closely to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depth {
    /// Positions and the key that the caller knows.
    pub expected: Expectations,
    /// Look at every content that the events name (results, bundles), too.
    pub is_deep: bool,
}

/// Audits the data folder of a stopped server. `progress` is told the position now and then.
///
/// # Errors
/// Only what keeps from looking: the folder is in use, there is no log, the disk cannot be read.
pub fn folder(
    data: &Path,
    depth: &Depth,
    progress: &mut dyn FnMut(Seq),
) -> Result<Verdict, ReplayError> {
    let (report, log) = store::inspect(data, &depth.expected, progress)?;
    let mut verdict = Verdict::of(report);
    if verdict.report.ok()
        && let Some(log) = log
    {
        let source = Source::reader(log.reader());
        verdict.contradiction = contradiction(&source)?;
        if depth.is_deep {
            verdict.contents = Some(audit_contents(&source, &log.content())?);
        }
    }
    Ok(verdict)
}

/// Audits a folder of sealed segments alone. `progress` is told the position now and then.
///
/// # Errors
/// Only what keeps from looking: there are no segments, the disk cannot be read.
pub fn segments(
    dir: &Path,
    depth: &Depth,
    progress: &mut dyn FnMut(Seq),
) -> Result<Verdict, ReplayError> {
    let report = store::verify_segments(dir, &depth.expected, progress)?;
    Ok(Verdict::of(report))
}

/// What became of the contents that events name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Found, and what their names say.
    pub good: u64,
    /// Not there: never stored, or removed when their time was up.
    pub gone: u64,
    /// The first that is not what its name says: the event that names it, and its name.
    pub first_bad: Option<(Seq, String)>,
}

fn audit_contents(source: &Source, content: &Content) -> Result<Contents, ReplayError> {
    let mut found = Contents::default();
    source.each(source.last(), |entry| {
        for digest in fasti_core::codec::contents(&entry.recorded.event) {
            match content.read(digest) {
                Ok(Some(_)) => found.good += 1,
                Ok(None) => found.gone += 1,
                Err(_) if found.first_bad.is_some() => {}
                Err(_) => found.first_bad = Some((entry.seq(), digest.to_string())),
            }
        }
    })?;
    Ok(found)
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
