//! Backfills: a run set with one run a slot of a range, so many at a time.
//!
//! The range is in the event that makes the set; the runs follow one by one as earlier ones end, so that a
//! backfill of 100,000 slots waits in a few bytes.

use serde::{Deserialize, Serialize};

use crate::access::{Principal, check_write};
use crate::batch::{Batch, bounded};
use crate::calendar::Rule;
use crate::calendar::rundate::rundate;
use crate::event::{Event, RunCreated, RunSetCancelled, RunSetClosed, RunSetCreated};
use crate::graph::check_name;
use crate::ids::{BatchId, RunSetId};
use crate::limits::{BACKFILL_LIVE_MAX, BACKFILL_SLOTS_MAX, BACKFILL_STEP_MAX};
use crate::rejection::Rejection;
use crate::run::create;
use crate::run_set::{self, RunSet};
use crate::slots::RunIds;
use crate::state::State;
use crate::time::Timestamp;

/// A backfill makes no runs until it is resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunSetPaused {
    /// The set.
    pub run_set: RunSetId,
    /// Why, when nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A backfill goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunSetResumed {
    /// The set.
    pub run_set: RunSetId,
}

/// Which end of the range comes first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BackfillOrder {
    /// In the order of time.
    #[default]
    OldestFirst,
    /// What is most recent first.
    NewestFirst,
}

/// The slots that a set has runs for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Backfill {
    /// First instant, included.
    pub from: Timestamp,
    /// Last instant, excluded.
    pub until: Timestamp,
    /// Which end comes first.
    pub order: BackfillOrder,
    /// Runs that go on at a time.
    pub live_max: u32,
    /// Slots in the range when it was made.
    pub slots: u64,
}

/// How far a backfill is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillState {
    /// What is to be made.
    pub plan: Backfill,
    /// The last slot that has a run.
    pub made: Option<Timestamp>,
    /// Whether it makes no runs until it is resumed.
    pub paused: bool,
}

/// A backfill as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRequest {
    /// Batch whose slots and runs these are.
    pub batch: BatchId,
    /// For people.
    pub title: String,
    /// Free words.
    pub labels: Vec<String>,
    /// First instant, included.
    pub from: Timestamp,
    /// Last instant, excluded.
    pub until: Timestamp,
    /// Which end comes first.
    pub order: BackfillOrder,
    /// Runs that go on at a time.
    pub live_max: u32,
}

/// What a request comes to at an instant, by the rule of its batch.
///
/// # Errors
/// The title is none, the range is empty, too wide or not over, or the numbers are out of their bounds.
pub fn plan(
    request: &BackfillRequest,
    rule: Option<&Rule>,
    at: Timestamp,
) -> Result<Backfill, Rejection> {
    check_name("title", &request.title)?;
    let Some(rule) = rule else {
        return Err(Rejection::invalid(
            "batch_id",
            "the batch has no times of its own, so there are no slots to fill; make a run set with rundates instead",
        ));
    };
    if request.from >= request.until {
        return Err(Rejection::invalid("until", "must be later than `from`"));
    }
    // The schedule itself starts what is to come; both together would start it twice.
    if request.until > at {
        return Err(Rejection::invalid(
            "until",
            format!("must not be later than now ({at}): the schedule starts what is to come"),
        ));
    }
    if !(1..=BACKFILL_LIVE_MAX).contains(&request.live_max) {
        return Err(Rejection::invalid(
            "live_max",
            format!("must be 1 to {BACKFILL_LIVE_MAX}"),
        ));
    }
    let slots = rule.count_between(request.from.plus_us(-1), request.until.plus_us(-1));
    if slots == 0 || slots > BACKFILL_SLOTS_MAX {
        return Err(Rejection::invalid(
            "until",
            format!(
                "the range has {slots} slots; a backfill takes 1 to {BACKFILL_SLOTS_MAX}: choose another range"
            ),
        ));
    }
    Ok(Backfill {
        from: request.from,
        until: request.until,
        order: request.order,
        live_max: request.live_max,
        slots,
    })
}

impl Backfill {
    /// The slot that comes after `made`, or the first.
    #[must_use]
    pub fn next(&self, rule: &Rule, made: Option<Timestamp>) -> Option<Timestamp> {
        let slot = match self.order {
            BackfillOrder::OldestFirst => rule.next_after(made.unwrap_or(self.from.plus_us(-1))),
            BackfillOrder::NewestFirst => rule.prev_before(made.unwrap_or(self.until)),
        };
        slot.filter(|slot| (self.from..self.until).contains(slot))
    }
}

pub(crate) fn create(
    state: &State,
    who: &Principal,
    request: &BackfillRequest,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let batch = state.batch(request.batch)?;
    let definition = state.batch_definition(batch);
    let unknown = Rejection::UnknownBatch { id: request.batch };
    let definition = definition.ok_or(unknown)?;
    check_write(who, "run", definition)?;
    run_set::check_open(state)?;
    let rule = state.rule(&definition.schedule).ok().flatten();
    run_set::check_labels(&request.labels)?;
    check_decided(batch, request)?;
    let created = RunSetCreated {
        run_set: RunSetId(state.last_id + 1),
        batch: request.batch,
        title: request.title.clone(),
        labels: request.labels.iter().map(|label| bounded(label)).collect(),
        backfill: Some(plan(request, rule.as_ref(), at)?),
    };
    Ok(vec![created.into()])
}

/// The schedule itself may still start slots that wait for a jitter or for an earlier run; both together would start
/// them twice. In a pause it starts none of those that pass.
fn check_decided(batch: &Batch, request: &BackfillRequest) -> Result<(), Rejection> {
    let Some(plan) = &batch.plan else {
        return Ok(());
    };
    let next = plan.next.filter(|_| !batch.paused).map(|next| next.slot);
    let open = plan.queue.iter().map(|waiting| waiting.slot).chain(next);
    let in_range = |slot: &Timestamp| (request.from..request.until).contains(slot);
    match open.filter(in_range).min() {
        Some(slot) => Err(Rejection::invalid(
            "until",
            format!(
                "the slot {slot} has no outcome yet, and its schedule may still start it: choose a range that ends before it, or wait"
            ),
        )),
        None => Ok(()),
    }
}

/// Runs for the next slots, as far as there is room; closes the set after the last.
pub(crate) fn fill(state: &State, id: RunSetId, at: Timestamp) -> Vec<Event> {
    let open = state.run_sets.get(&id).filter(|set| !set.is_closed);
    let Some((set, backfill)) = open.and_then(|set| Some((set, set.backfill.as_ref()?))) else {
        return Vec::new();
    };
    if backfill.paused {
        return Vec::new();
    }
    let closed = |runs| vec![RunSetClosed { run_set: id, runs }.into()];
    let batch = state.batches.get(&set.batch);
    let Some(definition) = batch.and_then(|batch| state.batch_definition(batch)) else {
        return closed(set.runs);
    };
    let pausing = |why: &str| {
        let paused = RunSetPaused {
            run_set: id,
            reason: Some(bounded(why)),
        };
        vec![paused.into()]
    };
    let Some(rule) = state.rule(&definition.schedule).ok().flatten() else {
        return pausing(
            "its batch has no times any more, so the slots that are left cannot be told",
        );
    };
    let room = u64::from(backfill.plan.live_max).saturating_sub(set.live);
    // As any run of the batch: with the images it has now, or not at all.
    let pattern = match create::from_saved(state, &Principal::system(), set.batch, at) {
        Ok(pattern) => pattern,
        Err(rejection) => {
            return pausing(&format!("its batch cannot run: {rejection}"));
        }
    };
    let left = create::room_for(state, pattern.task_runs);
    if left == 0 && set.live == 0 {
        // No end of a run of its own would come back to it.
        return pausing("as many runs go on as there may be; resume it once some have ended");
    }
    let room = room.min(BACKFILL_STEP_MAX).min(left);
    let offset = definition.schedule.rundate_offset.unwrap_or(0);
    let mut ids = RunIds::of(state);
    let mut events: Vec<Event> = Vec::new();
    let mut made = backfill.made;
    for _ in 0..room {
        let Some(slot) = backfill.plan.next(&rule, made) else {
            break;
        };
        events.push(
            RunCreated {
                run: ids.take(pattern.task_runs),
                scheduled_time: slot,
                rundate: Some(rundate(slot, rule.zone(), offset).to_string()),
                run_set: Some(id),
                ..pattern.clone()
            }
            .into(),
        );
        made = Some(slot);
    }
    if backfill.plan.next(&rule, made).is_none() {
        events.extend(closed(set.runs + events.len() as u64));
    }
    events
}

/// Whether the set may get further runs now.
pub(crate) fn has_room(set: &RunSet) -> bool {
    let backfill = set.backfill.as_ref();
    backfill
        .is_some_and(|it| !set.is_closed && !it.paused && set.live < u64::from(it.plan.live_max))
}

pub(crate) fn pause(state: &State, who: &Principal, id: RunSetId) -> Result<Vec<Event>, Rejection> {
    let (_, is_paused) = open_backfill(state, who, "pause", id)?;
    let event = RunSetPaused {
        run_set: id,
        reason: None,
    };
    Ok(if is_paused {
        vec![]
    } else {
        vec![event.into()]
    })
}

pub(crate) fn resume(
    state: &State,
    who: &Principal,
    id: RunSetId,
) -> Result<Vec<Event>, Rejection> {
    let (_, is_paused) = open_backfill(state, who, "resume", id)?;
    let event = RunSetResumed { run_set: id };
    Ok(if is_paused {
        vec![event.into()]
    } else {
        vec![]
    })
}

fn open_backfill<'a>(
    state: &'a State,
    who: &Principal,
    action: &'static str,
    id: RunSetId,
) -> Result<(&'a RunSet, bool), Rejection> {
    let set = writable(state, who, action, id)?;
    match &set.backfill {
        Some(backfill) if !set.is_closed => Ok((set, backfill.paused)),
        Some(_) | None => Err(Rejection::RunSetClosed { id }),
    }
}

fn writable<'a>(
    state: &'a State,
    who: &Principal,
    action: &'static str,
    id: RunSetId,
) -> Result<&'a RunSet, Rejection> {
    let set = state.run_sets.get(&id);
    let set = set.ok_or(Rejection::UnknownRunSet { id })?;
    let batch = state.batches.get(&set.batch);
    if let Some(definition) = batch.and_then(|batch| state.batch_definition(batch)) {
        check_write(who, action, definition)?;
    }
    Ok(set)
}

/// Takes no more runs into a set, and cancels those that go on.
pub(crate) fn cancel(
    state: &State,
    who: &Principal,
    id: RunSetId,
    reason: Option<&str>,
) -> Result<Vec<Event>, Rejection> {
    let set = writable(state, who, "cancel", id)?;
    let mut events = Vec::new();
    if !set.is_closed {
        let runs = set.runs;
        events.push(RunSetClosed { run_set: id, runs }.into());
    }
    if set.live > 0 {
        let cancelled = RunSetCancelled {
            run_set: id,
            batch: set.batch,
            reason: reason.map(bounded),
        };
        events.push(cancelled.into());
    }
    Ok(events)
}

/// The cursor moves with the runs that are made.
pub(crate) fn run_created(set: &mut RunSet, event: &RunCreated) {
    if let Some(backfill) = &mut set.backfill {
        backfill.made = Some(event.scheduled_time);
    }
}

pub(crate) fn set_paused(state: &mut State, id: RunSetId, paused: bool) {
    let set = state.run_sets.get_mut(&id);
    if let Some(backfill) = set.and_then(|set| set.backfill.as_mut()) {
        backfill.paused = paused;
    }
}
