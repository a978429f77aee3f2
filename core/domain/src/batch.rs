//! Batches: save, pause, resume, delete.

use serde::{Deserialize, Serialize};

use crate::access::{Principal, check_write, is_permission_string};
use crate::calendar::rundate::{OFFSET_DAYS_MAX, zone};
use crate::calendar::{Rule, ScheduleError};
use crate::command::{Force, Hashed};
use crate::definition::{Definition, Tag, Work};
use crate::event::{BatchDeleted, BatchPaused, BatchResumed, BatchSaved, DefinitionAdded, Event};
use crate::graph::{Graph, check_name};
use crate::ids::{BatchId, Digest, RunId};
use crate::limits::{BATCHES_MAX, REASON_BYTES_MAX, RETRIES_MAX};
use crate::rejection::Rejection;
use crate::run::stop;
use crate::schedule::Schedule;
use crate::seeded;
use crate::slots::{self, Plan, RunIds};
use crate::spawnable;
use crate::state::State;
use crate::time::Timestamp;
use crate::trigger::{self, HeldSignals};

/// How a batch came into being.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SavedFrom {
    /// It was saved.
    Save,
    /// A definition was run without being saved; the batch makes its runs findable by name.
    Run,
    /// The same, by a dev run; it is not listed among the batches.
    DevRun,
}

/// A living batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Name and tag, under which it is found.
    pub name: String,
    /// See `name`.
    pub tag: Tag,
    /// Present version.
    pub version: u32,
    /// Present definition.
    pub definition: Digest,
    /// Where the present version came from.
    pub saved_from: SavedFrom,
    /// Whether its schedule is off.
    pub paused: bool,
    /// When it is on again by itself.
    pub resume_at: Option<Timestamp>,
    /// Why it is off, as given.
    pub pause_reason: Option<String>,
    /// How far its schedule is; `None` when no rule starts it.
    pub plan: Option<Plan>,
    /// The batch whose ends start it.
    pub runs_after: Option<BatchId>,
    /// Its runs that go on.
    pub live_runs: std::collections::BTreeSet<RunId>,
    /// Signals that wait for silence, by trigger.
    pub held: HeldSignals,
}

/// Somebody wants the runs of a batch stopped that go on now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BatchRunsCancelled {
    /// The batch.
    pub batch: BatchId,
    /// Only those whose definition carries this label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why, as given.
    pub reason: Option<String>,
}

impl State {
    /// A living batch.
    ///
    /// # Errors
    /// [`Rejection::UnknownBatch`].
    pub fn batch(&self, id: BatchId) -> Result<&Batch, Rejection> {
        self.batches.get(&id).ok_or(Rejection::UnknownBatch { id })
    }

    /// Definition of a living batch's present version.
    #[must_use]
    pub fn batch_definition(&self, batch: &Batch) -> Option<&Definition> {
        self.definitions
            .get(&batch.definition)
            .map(|used| used.graph.definition().as_ref())
    }

    pub(crate) fn check_batch_write(
        &self,
        principal: &Principal,
        action: &'static str,
        id: BatchId,
    ) -> Result<&Batch, Rejection> {
        let batch = self.batch(id)?;
        if let Some(definition) = self.batch_definition(batch) {
            check_write(principal, action, definition)?;
        }
        Ok(batch)
    }
}

pub(crate) fn save(
    state: &State,
    principal: &Principal,
    hashed: &Hashed,
    expected_version: Option<u32>,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    check_definition(state, hashed)?;
    let definition = &hashed.definition;
    let known = state.batch_named(&definition.name, definition.tag);
    if let Some(batch) = known {
        state.check_batch_write(principal, "change", batch.id)?;
        if let Some(expected) = expected_version
            && expected != batch.version
        {
            return Err(Rejection::VersionMismatch {
                id: batch.id,
                expected,
                found: batch.version,
            });
        }
    }
    if known.is_none() {
        check_another(state)?;
    }
    let target = check_link(state, known, definition)?;
    let mut events = Vec::new();
    let has_changed = |batch: &&Batch| {
        let before = state.batch_definition(batch);
        before.is_none_or(|before| !before.schedule.has_slots_of(&definition.schedule))
    };
    if let Some(batch) = known.filter(has_changed) {
        events.extend(slots::close_for_change(
            state,
            batch,
            at,
            &mut RunIds::of(state),
        ));
    }
    events.extend(
        known
            .into_iter()
            .flat_map(|it| trigger::close_removed(it, definition)),
    );
    add_definition(state, hashed, &mut events);
    let position = state.seq.0 + events.len() as u64 + 1;
    let mut saved = saved_event(state, hashed, SavedFrom::Save, at, position);
    saved.runs_after = target;
    let (id, version) = (saved.batch, saved.version);
    events.push(saved.into());
    events.extend(slots::plan_event(state, known, id, version, definition, at));
    Ok(events)
}

/// Whether there may be one more batch.
///
/// # Errors
/// [`Rejection::Limit`].
pub(crate) fn check_another(state: &State) -> Result<(), Rejection> {
    if state.batches.len() < BATCHES_MAX {
        return Ok(());
    }
    Err(Rejection::Limit {
        message: format!("there are {BATCHES_MAX} batches already; delete some first"),
    })
}

/// The event that makes a batch, or its next version, of a definition.
pub(crate) fn saved_event(
    state: &State,
    hashed: &Hashed,
    saved_from: SavedFrom,
    at: Timestamp,
    position: u64,
) -> BatchSaved {
    let definition = &hashed.definition;
    let known = state.batch_named(&definition.name, definition.tag);
    BatchSaved {
        batch: known.map_or_else(
            || seeded::batch_id(&state.seed, position, at),
            |batch| batch.id,
        ),
        name: definition.name.clone(),
        tag: definition.tag,
        version: known.map_or(1, |batch| batch.version + 1),
        definition: hashed.digest,
        saved_from,
        runs_after: known.and_then(|batch| batch.runs_after),
    }
}

/// Makes the definition known, unless it is.
pub(crate) fn add_definition(state: &State, hashed: &Hashed, events: &mut Vec<Event>) {
    if !state.definitions.contains_key(&hashed.digest) {
        events.push(
            DefinitionAdded {
                digest: hashed.digest,
                definition: hashed.definition.clone(),
            }
            .into(),
        );
    }
}

/// Everything about a definition that is checked before it is accepted, whether to be saved or to be run.
///
/// # Errors
/// The first thing wrong, with the path of the field.
pub(crate) fn check_definition(state: &State, hashed: &Hashed) -> Result<(), Rejection> {
    let definition = &hashed.definition;
    check_name("name", &definition.name)?;
    if !is_permission_string(&definition.permissions) {
        return Err(Rejection::invalid(
            "permissions",
            "permissions are six characters, `r` or `-` and `w` or `-` for user, group and others, such as `rwrwr-`",
        ));
    }
    check_schedule(state, definition)?;
    check_contents(state, hashed)
}

/// As saving a definition does, for somebody who only asks.
///
/// # Errors
/// The first field that is wrong.
pub fn check_to_save(state: &State, hashed: &Hashed) -> Result<(), Rejection> {
    let definition = &hashed.definition;
    check_definition(state, hashed)?;
    let known = state.batch_named(&definition.name, definition.tag);
    check_link(state, known, definition).map(drop)
}

/// The batch that a definition runs after, if it may.
fn check_link(
    state: &State,
    known: Option<&Batch>,
    definition: &Definition,
) -> Result<Option<BatchId>, Rejection> {
    let target = slots::target_of(state, definition)?;
    if let Some(link) = definition.schedule.run_after.as_ref().zip(target) {
        slots::check_target(state, known.map(|batch| batch.id), link)?;
    }
    Ok(target)
}

/// All of a definition but its schedule, which is nothing to a run that somebody asks for: what an earlier version of the
/// rules took is still run again.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn check_contents(state: &State, hashed: &Hashed) -> Result<(), Rejection> {
    let definition = &hashed.definition;
    spawnable::check_definition(definition)?;
    for (index, _) in definition.tasks.iter().enumerate() {
        check_task(definition, index)?;
    }
    check_needs(state, definition)?;
    if !state.definitions.contains_key(&hashed.digest) {
        Graph::new(definition.clone())?;
    }
    Ok(())
}

/// What a definition needs and may not have any more: images and its bundle. The rest stays as it was checked.
///
/// # Errors
/// The first that is missing, or is not for its tag.
pub(crate) fn check_needs(state: &State, definition: &Definition) -> Result<(), Rejection> {
    for (index, _) in definition.tasks.iter().enumerate() {
        check_image(state, definition, index)?;
    }
    match definition.bundle {
        Some(bundle) if !state.bundles.contains_key(&bundle) => Err(Rejection::UnknownBundle {
            digest: bundle.to_string(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn check_schedule(state: &State, definition: &Definition) -> Result<(), Rejection> {
    let schedule = &definition.schedule;
    if zone(schedule.timezone.as_deref()).is_none() {
        let name = schedule.timezone.as_deref().unwrap_or_default();
        return Err(Rejection::invalid(
            "schedule.timezone",
            format!(
                "`{name}` is no time zone of the IANA database; names look like `Europe/Paris`"
            ),
        ));
    }
    if schedule
        .rundate_offset
        .is_some_and(|days| days.unsigned_abs() > OFFSET_DAYS_MAX.unsigned_abs())
    {
        return Err(Rejection::invalid(
            "schedule.rundate_offset",
            format!("at most {OFFSET_DAYS_MAX} days either way"),
        ));
    }
    check_rule(schedule, state.rule(schedule))?;
    trigger::check(state, schedule)
}

/// A rule that could be read, policies within their bounds, and not both a rule and a batch to run after.
///
/// # Errors
/// The first field that is wrong.
pub fn check_rule(
    schedule: &Schedule,
    rule: Result<Option<Rule>, ScheduleError>,
) -> Result<(), Rejection> {
    let field = |name: &str| format!("schedule.{name}");
    if let Err(error) = rule {
        return Err(Rejection::invalid(field(error.field), error.message));
    }
    if let Some((name, message)) = schedule.policy.problem() {
        return Err(Rejection::invalid(field(name), message));
    }
    let has_times = schedule.run_after.is_none() && schedule.first_trigger().is_some();
    let idle = schedule.policy.idle(has_times);
    let Some(after) = &schedule.run_after else {
        return idle.map_or(Ok(()), |(name, message)| {
            Err(Rejection::invalid(field(name), message))
        });
    };
    let timeless = Schedule {
        run_after: None,
        ..schedule.clone()
    };
    if let Some(trigger) = timeless.first_trigger() {
        return Err(Rejection::invalid(
            field(trigger),
            "a schedule has times of its own or follows another batch, not both",
        ));
    }
    if after.job_name.is_some() && after.job_uuid.is_some() {
        return Err(Rejection::invalid(
            field("run_after_job_uuid"),
            "name the batch to run after by its name or by its id, not both",
        ));
    }
    if let Some((name, message)) = idle {
        return Err(Rejection::invalid(field(name), message));
    }
    Ok(())
}

fn check_task(definition: &Definition, index: usize) -> Result<(), Rejection> {
    let task = &definition.tasks[index];
    let field = |name: &str| format!("tasks[{index}].{name}");
    if task.retries > RETRIES_MAX {
        return Err(Rejection::invalid(
            field("retries"),
            format!("at most {RETRIES_MAX}"),
        ));
    }
    if task.timeout_ms == Some(0) {
        return Err(Rejection::invalid(
            field("timeout_seconds"),
            "must be more than 0",
        ));
    }
    spawnable::check_texts(&field, task)?;
    if let Some(options) = &task.options {
        options.check(&field)?;
    }
    match &task.work {
        Work::Python { entrypoint, .. } => check_entrypoint(&field("entrypoint"), entrypoint)?,
        Work::Command { argv, env, cwd, .. } => {
            spawnable::check_env(&field("env"), env)?;
            if let Some(cwd) = cwd {
                spawnable::check_folder(&field("cwd"), cwd)?;
            }
            spawnable::check_command(&field("command"), argv)?;
        }
    }
    Ok(())
}

fn check_entrypoint(field: &str, entrypoint: &str) -> Result<(), Rejection> {
    let is_identifier = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
            && chars.all(|c| c == '_' || c.is_alphanumeric())
    };
    if entrypoint.split(['.', ':']).all(is_identifier) {
        return Ok(());
    }
    Err(Rejection::invalid(
        field,
        format!(
            "`{entrypoint}` is no entrypoint; write `package.module.function` or `package.module`"
        ),
    ))
}

fn check_image(state: &State, definition: &Definition, index: usize) -> Result<(), Rejection> {
    let task = &definition.tasks[index];
    let Some(name) = definition.image_of(task) else {
        return Ok(());
    };
    let field = if task.image.is_some() {
        format!("tasks[{index}].image")
    } else {
        "image".to_owned()
    };
    let Some(image) = state.images.get(name) else {
        return Err(Rejection::UnknownImage {
            field,
            image: name.to_owned(),
        });
    };
    if image.tags.contains(&definition.tag) {
        return Ok(());
    }
    Err(Rejection::ImageTag {
        field,
        image: name.to_owned(),
        tag: definition.tag.as_str(),
    })
}

pub(crate) fn pause(
    state: &State,
    principal: &Principal,
    id: BatchId,
    reason: Option<&str>,
    until: Option<Timestamp>,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let batch = state.check_batch_write(principal, "pause", id)?;
    if until.is_some_and(|until| until <= at) {
        return Err(Rejection::invalid(
            "until",
            "this instant has passed; give a later one, or none to resume by hand",
        ));
    }
    let reason = reason.map(bounded);
    if batch.paused && batch.resume_at == until && batch.pause_reason == reason {
        return Ok(Vec::new());
    }
    // Slots that are due get what they would have got a moment earlier.
    let mut events = if batch.paused {
        Vec::new()
    } else {
        slots::fire_due(state, id, at, &mut RunIds::of(state))
    };
    let paused = BatchPaused {
        batch: id,
        reason,
        until,
    };
    events.push(paused.into());
    Ok(events)
}

pub(crate) fn resume(
    state: &State,
    principal: &Principal,
    id: BatchId,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let batch = state.check_batch_write(principal, "resume", id)?;
    Ok(resumed(state, batch, at))
}

/// The schedule goes on; what passed meanwhile was skipped. A pause with an end covers what is before its end: slots
/// from then on get what any slot gets, however late somebody wakes up.
pub(crate) fn resumed(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    if !batch.paused {
        return Vec::new();
    }
    let mut events = vec![BatchResumed { batch: batch.id }.into()];
    let end = batch.resume_at.filter(|end| *end <= at);
    let last = end.map_or(at, |end| end.plus_us(-1));
    events.extend(slots::passed_in_pause(state, batch, last));
    events
}

pub(crate) fn delete(
    state: &State,
    principal: &Principal,
    id: BatchId,
    force: Force,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let batch = state.check_batch_write(principal, "delete", id)?;
    let live = batch.live_runs.len() as u64;
    if live > 0 && force == Force::No {
        return Err(Rejection::BatchBusy { id, live });
    }
    let follower = state.followers(id).find(|other| *other != id);
    if let Some(follower) = follower
        && force == Force::No
    {
        return Err(Rejection::BatchFollowed { id, follower });
    }
    let mut events = slots::close_for_end(state, batch, at);
    events.extend(trigger::close_for_end(batch));
    events.push(BatchDeleted { batch: id }.into());
    Ok(events)
}

/// A text from outside, cut at a character boundary to what an event keeps.
pub(crate) fn bounded(text: &str) -> String {
    let mut end = text.len().min(REASON_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

pub(crate) fn evolve_saved(state: &mut State, event: &BatchSaved) {
    let key = (event.name.clone(), event.tag);
    state.batch_names.insert(key, event.batch);
    state.use_definition(event.definition);
    if let Some(batch) = state.batches.get_mut(&event.batch) {
        let before = batch.definition;
        batch.version = event.version;
        batch.definition = event.definition;
        batch.saved_from = event.saved_from;
        state.release_definition(before);
        slots::saved(state, event);
        return;
    }
    let batch = Batch {
        id: event.batch,
        name: event.name.clone(),
        tag: event.tag,
        version: event.version,
        definition: event.definition,
        saved_from: event.saved_from,
        paused: false,
        resume_at: None,
        pause_reason: None,
        plan: None,
        runs_after: None,
        live_runs: std::collections::BTreeSet::new(),
        held: HeldSignals::new(),
    };
    state.batches.insert(event.batch, batch);
    slots::saved(state, event);
}

pub(crate) fn evolve_deleted(state: &mut State, event: &BatchDeleted, at: Timestamp) {
    if let Some(batch) = state.batches.remove(&event.batch) {
        let runs = batch.live_runs.iter().copied();
        stop::cancel_by_and_by(state, runs, "its batch was deleted", at);
        slots::unplanned(state, &batch);
        trigger::clear(state, &batch);
        state.batch_names.remove(&(batch.name, batch.tag));
        state.release_definition(batch.definition);
    }
}
