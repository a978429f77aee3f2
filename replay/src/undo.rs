//! What undoing an event comes to: which command of an operator is behind it, what that did, in words, and whether
//! something has changed since what it changed.
//!
//! Nothing is undone here: the scheduler decides, by what is the case then, and writes the inverse.

use std::sync::Arc;

use fasti_core::domain::command::Hashed;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::undo::{
    Action, Before, Pause, action, calendar_of, changes, image_of, leads_to,
};
use fasti_core::feed::{Entry, Feed};
use fasti_projector::{Views, ViewsError};

/// Events read at a time while later changes are looked for.
const READ_EVENTS: usize = 4_096;

/// Events of one decision that lead to each other without being causes: a definition, a batch, a run, a set.
const STEPS_MAX: usize = 4;

/// What an operator asked for and what undoing it does, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    /// The event that is undone; the one asked about, or one that led to it.
    pub event: Seq,
    /// What it did.
    pub action: Action,
    /// What was done, in a sentence.
    pub did: String,
    /// What undoing it does, in a sentence.
    pub undo: String,
    /// What stays as it is all the same.
    pub stays: Option<&'static str>,
}

/// The event of an operator's command that is behind the event `seq`; `None` when there is no such event.
///
/// # Errors
/// The log cannot be read.
pub fn asked_for(feed: &Feed, seq: Seq) -> Result<Option<Arc<Entry>>, ViewsError> {
    let Some(mut entry) = feed.get(seq)? else {
        return Ok(None);
    };
    // What follows is decided with its cause and stands in the same commit; an earlier cause is what an undo undid.
    while let Some(cause) = entry.recorded.causation
        && cause >= entry.commit_first
    {
        match feed.get(cause)? {
            Some(found) => entry = found,
            None => break,
        }
    }
    let length = usize::try_from(entry.commit_len).unwrap_or(usize::MAX);
    let commit = feed.read(Seq(entry.commit_first.0.saturating_sub(1)), length)?;
    for _ in 0..STEPS_MAX {
        let event = &entry.recorded.event;
        let behind = |other: &&Arc<Entry>| leads_to(event, &other.recorded.event);
        match commit.iter().find(behind) {
            Some(found) => entry = found.clone(),
            None => break,
        }
    }
    Ok(Some(entry))
}

/// What undoing an event comes to, by the views just before it.
///
/// # Errors
/// The views cannot be read. Inside: why the event is not undone, and what to do instead.
pub fn undoing(entry: &Entry, before: &Views) -> Result<Result<Undoing, String>, ViewsError> {
    let recorded = &entry.recorded;
    let Some(who) = recorded.actor.strip_prefix("user:") else {
        let why = "nobody asked for it: it happened by itself; give the command that changes it";
        return Ok(Err(why.to_owned()));
    };
    let event = &recorded.event;
    Ok(match action(event, before_of(event, before)?) {
        Err(why) => Err(why.0.to_string()),
        Ok(action) => {
            let names = Names { event, before };
            let (did, undo) = names.told(&action)?;
            Ok(Undoing {
                event: recorded.seq,
                did: format!("{who} {did}"),
                undo,
                stays: stays(&action),
                action,
            })
        }
    })
}

/// The first event after an action that changed again what the action changed.
///
/// # Errors
/// The log cannot be read.
pub fn changed_since(
    feed: &Feed,
    event: Seq,
    action: &Action,
) -> Result<Option<Arc<Entry>>, ViewsError> {
    let mut after = event;
    loop {
        let entries = feed.read(after, READ_EVENTS)?;
        let Some(last) = entries.last().map(|entry| entry.seq()) else {
            return Ok(None);
        };
        let is_change =
            |entry: &Arc<Entry>| entry.seq() > event && changes(action, &entry.recorded.event);
        if let Some(found) = entries.into_iter().find(is_change) {
            return Ok(Some(found));
        }
        after = last;
    }
}

fn before_of(event: &Event, views: &Views) -> Result<Before, ViewsError> {
    let mut before = Before::default();
    if let Some(id) = event.batch()
        && let Some(batch) = views.batch(id)?
        && batch.deleted_at.is_none()
    {
        before.pause = batch.paused.then_some(Pause {
            reason: batch.paused_reason,
            until: batch.paused_until,
        });
        before.definition = Some(Hashed {
            digest: batch.digest,
            definition: batch.definition,
        });
    }
    if let Event::PoolLimited(event) = event {
        let limits = views.pool(&event.pool).limits;
        let units = limits.into_iter().map(|(name, limit)| (name, limit.units));
        before.limits = units.collect();
    }
    before.calendar = calendar_of(event)
        .and_then(|name| views.calendar(name))
        .cloned();
    let image = image_of(event).and_then(|name| views.image(name));
    before.image = image.map(|view| view.image);
    if let Event::RunEndMoved(event) = event {
        before.ends_at = views.run(event.run)?.and_then(|run| run.deadline);
    }
    Ok(before)
}

/// Names for people, from the event and from what was before it.
struct Names<'a> {
    event: &'a Event,
    before: &'a Views,
}

impl Names<'_> {
    /// What was done, without who did it, and what undoing it does.
    #[expect(clippy::too_many_lines, reason = "one arm an action")]
    fn told(&self, action: &Action) -> Result<(String, String), ViewsError> {
        Ok(match action {
            Action::PausedBatch { batch, before, .. } => {
                let name = self.batch(*batch)?;
                let back = match before {
                    None => format!("resumes {name}"),
                    Some(before) => format!("gives {name} {} back", pause(before)),
                };
                (format!("paused {name}"), back)
            }
            Action::ResumedBatch { batch, before } => {
                let name = self.batch(*batch)?;
                (
                    format!("resumed {name}"),
                    format!("pauses {name} again, {}", until(before)),
                )
            }
            Action::SavedBatch {
                batch,
                version,
                before,
            } => {
                let name = self.batch(*batch)?;
                match before {
                    None => (format!("made {name}"), format!("deletes {name}")),
                    Some(_) => (
                        format!("saved version {version} of {name}"),
                        format!(
                            "saves the definition of version {} of {name} as a new version",
                            version - 1
                        ),
                    ),
                }
            }
            Action::LimitedPool {
                pool,
                limits,
                before,
            } => {
                let tell = |limits: &std::collections::BTreeMap<String, Option<u64>>| {
                    let one = |(name, units): (&String, &Option<u64>)| match units {
                        Some(units) => format!("{name} = {units}"),
                        None => format!("no {name}"),
                    };
                    limits.iter().map(one).collect::<Vec<_>>().join(", ")
                };
                (
                    format!("set limits of the pool `{pool}`: {}", tell(limits)),
                    format!("sets limits of the pool `{pool}`: {}", tell(before)),
                )
            }
            Action::SavedCalendar {
                name,
                version,
                before,
            } => (
                format!("saved version {version} of the calendar `{name}`"),
                match before {
                    None => format!("removes the calendar `{name}`"),
                    Some(before) => format!(
                        "saves version {} of the calendar `{name}` again",
                        before.version
                    ),
                },
            ),
            Action::RemovedCalendar { name, before } => (
                format!("removed the calendar `{name}`"),
                format!("saves it again, as it was in version {}", before.version),
            ),
            Action::RegisteredImage { image, before } => {
                let name = &image.name;
                let back = match before {
                    None => format!("removes the image `{name}`"),
                    Some(_) => format!("registers the image `{name}` as it was before"),
                };
                (format!("registered the image `{name}`"), back)
            }
            Action::RemovedImage { before } => (
                format!("removed the image `{}`", before.name),
                format!("registers the image `{}` again", before.name),
            ),
            Action::CreatedRun { run } => {
                let of = if let Event::RunCreated(event) = self.event {
                    format!(" of `{}`", event.batch_name)
                } else {
                    String::new()
                };
                (
                    format!("asked for run {run}{of}"),
                    format!("cancels run {run}, of which nothing has started"),
                )
            }
            Action::CreatedRunSet { run_set } => (
                format!("made run set {run_set}"),
                format!("cancels run set {run_set}, of which nothing has started"),
            ),
            Action::PausedRunSet { run_set } => (
                format!("paused backfill {run_set}"),
                format!("resumes backfill {run_set}"),
            ),
            Action::ResumedRunSet { run_set } => (
                format!("resumed backfill {run_set}"),
                format!("pauses backfill {run_set}"),
            ),
            Action::MovedRunEnd {
                run,
                ends_at,
                before,
            } => (
                format!("moved the end of run {run} to {ends_at}"),
                match before {
                    None => format!("takes the end of run {run} away"),
                    Some(before) => format!("moves the end of run {run} back to {before}"),
                },
            ),
        })
    }

    fn batch(&self, id: BatchId) -> Result<String, ViewsError> {
        if let Event::BatchSaved(event) = self.event {
            return Ok(format!("the batch `{}`", event.name));
        }
        let batch = self.before.batch(id)?;
        Ok(batch.map_or_else(
            || format!("the batch {id}"),
            |batch| format!("the batch `{}`", batch.name),
        ))
    }
}

fn pause(pause: &Pause) -> String {
    format!("the pause {}", until(pause))
}

fn until(pause: &Pause) -> String {
    let until = match pause.until {
        Some(at) => format!("until {at}"),
        None => "until somebody resumes it".to_owned(),
    };
    match &pause.reason {
        Some(reason) => format!("{until} ({reason})"),
        None => until,
    }
}

fn stays(action: &Action) -> Option<&'static str> {
    match action {
        Action::PausedBatch { .. } => Some(
            "slots that passed in the pause stay skipped; `fasti backfill start` makes runs for them",
        ),
        Action::ResumedBatch { .. } => Some("runs that were made since stay"),
        Action::SavedBatch {
            before: Some(_), ..
        } => Some("runs that were made of it stay and keep their definition"),
        Action::LimitedPool { .. } => Some("attempts that run keep what they have"),
        Action::SavedCalendar {
            before: Some(_), ..
        } => Some("slots that were due meanwhile keep what became of them"),
        Action::CreatedRun { .. } | Action::CreatedRunSet { .. } => {
            Some("what was cancelled stays in the log")
        }
        Action::SavedBatch { before: None, .. }
        | Action::SavedCalendar { before: None, .. }
        | Action::RemovedCalendar { .. }
        | Action::RegisteredImage { .. }
        | Action::RemovedImage { .. }
        | Action::PausedRunSet { .. }
        | Action::ResumedRunSet { .. }
        | Action::MovedRunEnd { .. } => None,
    }
}
