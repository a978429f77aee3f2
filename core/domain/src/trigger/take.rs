//! A signal comes, or has waited long enough.

use std::sync::Arc;

use super::filter::accepted;
use super::{DEBOUNCE_TIMES_MAX, Held, RunSignal, SIGNAL_ID_MAX, Signal, Trigger};
use crate::access::Principal;
use crate::batch::{Batch, bounded};
use crate::definition::Definition;
use crate::event::{Event, RunCreated, TriggerFired, TriggerHeld, TriggerIgnored};
use crate::ids::BatchId;
use crate::rejection::Rejection;
use crate::run::{RunType, create};
use crate::slots::RunIds;
use crate::state::State;
use crate::time::Timestamp;

/// What becomes of a signal that was not seen before.
///
/// # Errors
/// There is no such trigger, or its id is none.
pub(crate) fn take(state: &State, signal: &Signal, at: Timestamp) -> Result<Vec<Event>, Rejection> {
    let batch = state.batch(signal.batch)?;
    let definition = state.batch_definition(batch);
    let trigger = definition.and_then(|it| find(it, &signal.trigger));
    let Some(trigger) = trigger else {
        return Err(Rejection::UnknownTrigger {
            batch: signal.batch,
            name: bounded(&signal.trigger),
        });
    };
    let is_id = (1..=SIGNAL_ID_MAX).contains(&signal.id.len())
        && signal.id.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_id {
        return Err(Rejection::invalid(
            "id",
            format!("the id of a signal is 1 to {SIGNAL_ID_MAX} visible ASCII characters"),
        ));
    }
    let payload = match accepted(trigger, &signal.payload) {
        _ if batch.paused => return Ok(vec![ignored(batch, signal, "its batch is paused")]),
        Ok(payload) => payload,
        Err(reason) => return Ok(vec![ignored(batch, signal, &reason)]),
    };
    let signal = Arc::new(RunSignal {
        trigger: trigger.name.clone(),
        id: signal.id.clone(),
        payload,
    });
    Ok(match trigger.debounce_seconds {
        None => started(state, batch, &signal, at, &mut RunIds::of(state)),
        Some(seconds) => waits(batch, trigger, signal, seconds, at),
    })
}

fn find<'a>(definition: &'a Definition, name: &str) -> Option<&'a Trigger> {
    let mut triggers = definition.schedule.triggers.iter();
    triggers.find(|trigger| trigger.name == name)
}

/// Waits for silence; takes the place of one that waited.
fn waits(
    batch: &Batch,
    trigger: &Trigger,
    signal: Arc<RunSignal>,
    seconds: u64,
    at: Timestamp,
) -> Vec<Event> {
    let before = batch.held.get(&trigger.name);
    let since = before.map_or(at, |held| held.since);
    let wait_ms = seconds.saturating_mul(1_000);
    let latest = since.plus_ms(wait_ms.saturating_mul(DEBOUNCE_TIMES_MAX));
    let reason = format!("the signal {} followed within {seconds} s", signal.id);
    let held = TriggerHeld {
        batch: batch.id,
        version: batch.version,
        signal,
        since,
        due: at.plus_ms(wait_ms).min(latest),
    };
    let replaced = before.map(|before| passed_over(batch, before, &reason));
    [held.into()].into_iter().chain(replaced).collect()
}

/// Its run; or why there is none.
fn started(
    state: &State,
    batch: &Batch,
    signal: &Arc<RunSignal>,
    at: Timestamp,
    ids: &mut RunIds,
) -> Vec<Event> {
    let created = || -> Result<RunCreated, Rejection> {
        let run = create::from_saved(state, &Principal::system(), batch.id, at)?;
        let more = ids.taken(state) + u64::from(run.task_runs);
        create::check_room(state, 1, more)?;
        Ok(run)
    };
    match created() {
        Ok(run) => {
            let run = RunCreated {
                run: ids.take(run.task_runs),
                run_type: RunType::Triggered,
                signal: Some(signal.clone()),
                ..run
            };
            let fired = TriggerFired {
                batch: batch.id,
                version: batch.version,
                trigger: signal.trigger.clone(),
                signal: signal.id.clone(),
                run: run.run,
            };
            vec![fired.into(), run.into()]
        }
        Err(rejection) => {
            let reason = bounded(&format!("its batch could not run: {rejection}"));
            vec![ignored_as(batch, &signal.trigger, &signal.id, &reason)]
        }
    }
}

/// Signals of a batch that have waited long enough.
pub(crate) fn fire_held(state: &State, id: BatchId, at: Timestamp, ids: &mut RunIds) -> Vec<Event> {
    let Some(batch) = state.batches.get(&id) else {
        return Vec::new();
    };
    let due = batch.held.values().filter(|held| held.due <= at);
    let mut events = Vec::new();
    for held in due {
        events.extend(if batch.paused {
            vec![passed_over(batch, held, "its batch is paused")]
        } else {
            started(state, batch, &held.signal, at, ids)
        });
    }
    events
}

/// Signals that wait for a batch that goes away.
pub(crate) fn close_for_end(batch: &Batch) -> Vec<Event> {
    let gone = |held| passed_over(batch, held, "its batch was deleted");
    batch.held.values().map(gone).collect()
}

/// Signals that wait for triggers that a new version has not.
pub(crate) fn close_removed(batch: &Batch, definition: &Definition) -> Vec<Event> {
    let held = batch.held.iter();
    held.filter(|(name, _)| find(definition, name).is_none())
        .map(|(_, held)| passed_over(batch, held, "its trigger was removed"))
        .collect()
}

fn passed_over(batch: &Batch, held: &Held, reason: &str) -> Event {
    ignored_as(batch, &held.signal.trigger, &held.signal.id, reason)
}

fn ignored(batch: &Batch, signal: &Signal, reason: &str) -> Event {
    ignored_as(batch, &signal.trigger, &signal.id, reason)
}

fn ignored_as(batch: &Batch, trigger: &str, signal: &str, reason: &str) -> Event {
    TriggerIgnored {
        batch: batch.id,
        version: batch.version,
        trigger: trigger.to_owned(),
        signal: signal.to_owned(),
        reason: bounded(reason),
    }
    .into()
}
