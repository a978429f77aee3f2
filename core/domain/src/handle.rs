//! A request from decision to rest: decide, evolve, react, until nothing follows any more. The events of one
//! request are one commit, all or nothing.

use std::sync::Arc;

use crate::command::{Command, Receipt, Request, Subject};
use crate::consequences::Consequences;
use crate::decide::decide;
use crate::event::{Event, Recorded};
use crate::evolve::{evolve, subject};
use crate::ids::Seq;
use crate::limits::KEY_BYTES_MAX;
use crate::rejection::Rejection;
use crate::run::RunType;
use crate::state::State;
use crate::time::Timestamp;
use crate::undo;

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Events, in order; already applied to the state. None for a repeated request, or one that changed
    /// nothing.
    pub events: Vec<Recorded>,
    /// The answer, valid once the events are durable.
    pub receipt: Receipt,
}

/// Whether queued task runs may be given to runners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Placing {
    /// As soon as there is room on a runner.
    #[default]
    Now,
    /// Not now: nothing new is to begin. The next request that may place does it.
    Later,
}

/// Handles one request at `at` (moved forward to the time of the last event if it is earlier).
///
/// # Errors
/// Why it cannot be granted; the state is unchanged then.
pub fn handle(state: &mut State, request: &Request, at: Timestamp) -> Result<Handled, Rejection> {
    handle_placing(state, request, at, Placing::Now)
}

/// As [`handle`], while nothing new may begin, or may again.
///
/// # Errors
/// As [`handle`].
pub fn handle_placing(
    state: &mut State,
    request: &Request,
    at: Timestamp,
    placing: Placing,
) -> Result<Handled, Rejection> {
    let at = at.max(state.at);
    if let Some(receipt) = repeated(state, request)? {
        return Ok(Handled {
            events: Vec::new(),
            receipt,
        });
    }
    let first = decide(state, request, at)?;
    let mut cascade = Cascade {
        at,
        actor: request.principal.actor.clone(),
        trace: request.trace.clone(),
        recorded: Vec::with_capacity(first.len()),
        consequences: Consequences::new(placing),
    };
    let naming = naming_event(&first);
    let made = first
        .get(naming)
        .filter(|event| !is_of_slot(event))
        .map_or(Subject::None, subject);
    for (index, event) in first.into_iter().enumerate() {
        let key = request.key.clone().filter(|_| index == naming);
        // A slot or signal and its run are decided together; it is why the run is there.
        let cause = cascade.recorded.last().and_then(|before| {
            let fires = matches!(
                before.event,
                Event::ScheduleFired(_) | Event::TriggerFired(_)
            );
            let is_cause = fires && before.event.run() == event.run();
            is_cause.then_some(before.seq)
        });
        let cause = cause.or_else(|| undone(request, &event));
        cascade.apply(state, event, cause, key);
    }
    cascade.run(state);
    let events = cascade.recorded;
    let receipt = Receipt {
        seq: state.seq,
        at,
        subject: made,
        repeated: false,
    };
    Ok(Handled { events, receipt })
}

/// The event that another one takes back.
fn undone(request: &Request, event: &Event) -> Option<Seq> {
    let Command::Undo(undo) = &request.command else {
        return None;
    };
    undo::makes(&undo.action, event).then_some(undo.event)
}

/// Position of the event that names what a request made; a keyed request is remembered by it.
fn naming_event(events: &[Event]) -> usize {
    // A run comes with the batch and the definition that it needed.
    let run = events
        .iter()
        .rposition(|event| matches!(event, Event::RunCreated(_)) && !is_of_slot(event));
    let saved = || {
        events
            .iter()
            .position(|event| matches!(event, Event::BatchSaved(_)))
    };
    let any = || {
        events
            .iter()
            .position(|event| subject(event) != Subject::None && !is_of_slot(event))
    };
    run.or_else(saved).or_else(any).unwrap_or(0)
}

/// Slots that are due when something is asked are dealt with on the way; nobody asked for their runs.
fn is_of_slot(event: &Event) -> bool {
    matches!(event, Event::RunCreated(run) if run.run_type == RunType::Scheduled)
}

fn repeated(state: &State, request: &Request) -> Result<Option<Receipt>, Rejection> {
    let Some(key) = &request.key else {
        return Ok(None);
    };
    if key.key.is_empty() || key.key.len() > KEY_BYTES_MAX {
        return Err(Rejection::invalid(
            "Idempotency-Key",
            format!("a key has 1 to {KEY_BYTES_MAX} bytes"),
        ));
    }
    match state.used_key(&request.principal.actor, key) {
        None => Ok(None),
        Some(used) if used.fingerprint == key.fingerprint => Ok(Some(Receipt {
            // Not that of the remembered event: its consequences came after it.
            seq: state.seq,
            at: used.at,
            subject: used.subject.clone(),
            repeated: true,
        })),
        Some(_) => Err(Rejection::KeyReused {
            key: key.key.clone(),
        }),
    }
}

struct Cascade {
    at: Timestamp,
    actor: Arc<str>,
    trace: Option<Arc<str>>,
    recorded: Vec<Recorded>,
    consequences: Consequences,
}

impl Cascade {
    fn apply(
        &mut self,
        state: &mut State,
        event: Event,
        causation: Option<Seq>,
        key: Option<Arc<crate::event::KeyUse>>,
    ) {
        let recorded = Recorded {
            seq: state.seq.next(),
            at: self.at,
            actor: self.actor.clone(),
            causation,
            key,
            trace: self.trace.clone(),
            event,
        };
        evolve(state, &recorded);
        self.consequences.note(state, &recorded);
        self.recorded.push(recorded);
    }

    fn run(&mut self, state: &mut State) {
        while let Some((events, cause)) = self.consequences.next(state, self.at) {
            for event in events {
                self.apply(state, event, Some(cause), None);
            }
        }
    }
}
