//! Which later events change again what an action changed.

use super::Action;
use crate::event::Event;

/// Whether `event`, if it came after an action, changed again what the action changed.
#[must_use]
pub fn changes(action: &Action, event: &Event) -> bool {
    match action {
        Action::PausedBatch { batch, .. } | Action::ResumedBatch { batch, .. } => {
            event.batch() == Some(*batch)
                && matches!(
                    event,
                    Event::BatchPaused(_) | Event::BatchResumed(_) | Event::BatchDeleted(_)
                )
        }
        Action::SavedBatch { batch, before, .. } => {
            // A batch that has runs is not as it was when it was made.
            let is_used = before.is_none() && matches!(event, Event::RunCreated(_));
            event.batch() == Some(*batch)
                && (is_used || matches!(event, Event::BatchSaved(_) | Event::BatchDeleted(_)))
        }
        Action::LimitedPool { pool, limits, .. } => matches!(
            event,
            Event::PoolLimited(event)
                if event.pool == *pool && event.limits.keys().any(|name| limits.contains_key(name))
        ),
        Action::SavedCalendar { name, .. } | Action::RemovedCalendar { name, .. } => {
            calendar_of(event) == Some(name)
        }
        Action::RegisteredImage { image, .. } | Action::RemovedImage { before: image } => {
            image_of(event) == Some(&image.name)
        }
        Action::CreatedRun { run } => ends(event) && event.run() == Some(*run),
        Action::MovedRunEnd { run, .. } => {
            (ends(event) || matches!(event, Event::RunEndMoved(_))) && event.run() == Some(*run)
        }
        Action::CreatedRunSet { run_set } => {
            event.run_set() == Some(*run_set)
                && matches!(event, Event::RunSetCancelled(_) | Event::RunSetFinished(_))
        }
        Action::PausedRunSet { run_set } | Action::ResumedRunSet { run_set } => {
            event.run_set() == Some(*run_set) && !matches!(event, Event::RunCreated(_))
        }
    }
}

fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::RunCancelRequested(_) | Event::RunDeadlinePassed(_) | Event::RunFinished(_)
    )
}

/// The calendar that an event made, changed or removed.
#[must_use]
pub fn calendar_of(event: &Event) -> Option<&String> {
    if let Event::CalendarSaved(event) = event {
        return Some(&event.name);
    }
    if let Event::CalendarRemoved(event) = event {
        return Some(&event.name);
    }
    None
}

/// The image that an event made, changed or removed.
#[must_use]
pub fn image_of(event: &Event) -> Option<&String> {
    if let Event::ImageRegistered(event) = event {
        return Some(&event.image.name);
    }
    if let Event::ImageRemoved(event) = event {
        return Some(&event.name);
    }
    None
}
