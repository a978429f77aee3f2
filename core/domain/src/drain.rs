//! Runners that are drained: they are given nothing new, and what they have goes on. For a machine that is to be
//! stopped, or that somebody wants to look at.
//!
//! A drain belongs to the name of a runner, not to its process or its time here: it holds after a restart of the server,
//! when the runner joins again, and also when it was lost in between, until somebody resumes it.

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::batch::bounded;
use crate::event::Event;
use crate::ids::RunnerId;
use crate::limits::DRAINED_RUNNERS_MAX;
use crate::rejection::Rejection;
use crate::state::State;

/// A runner is given nothing new; what it has goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerDrained {
    /// The runner.
    pub runner: RunnerId,
    /// Why, as given.
    pub reason: Option<String>,
    /// The drained runner in whose place it is started; `None` when somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<RunnerId>,
}

/// A runner is given work again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerResumed {
    /// The runner.
    pub runner: RunnerId,
}

/// Drains a runner that is here, or, for the scheduler itself, one that is about to take the place of a drained one.
pub(crate) fn drain(
    state: &State,
    who: &Principal,
    runner: &RunnerId,
    reason: Option<&str>,
    instead_of: Option<&RunnerId>,
) -> Result<Vec<Event>, Rejection> {
    check(state, who, "drain a runner", runner, instead_of)?;
    let reason = reason.map(bounded);
    match state.drained.get(runner) {
        Some(known) if *known == reason => return Ok(Vec::new()),
        // What is taken over ends with the other one.
        None if instead_of.is_none() && state.drained.len() >= DRAINED_RUNNERS_MAX => {
            return Err(Rejection::Limit {
                message: format!(
                    "{DRAINED_RUNNERS_MAX} runners are drained already; resume some first"
                ),
            });
        }
        Some(_) | None => {}
    }
    let drained = RunnerDrained {
        runner: runner.clone(),
        reason,
        instead_of: instead_of.cloned(),
    };
    Ok(vec![drained.into()])
}

/// Ends a drain, also that of a runner that was lost.
pub(crate) fn resume(
    state: &State,
    who: &Principal,
    runner: &RunnerId,
) -> Result<Vec<Event>, Rejection> {
    check(state, who, "resume a runner", runner, None)?;
    if !state.drained.contains_key(runner) {
        return Ok(Vec::new());
    }
    let resumed = RunnerResumed {
        runner: runner.clone(),
    };
    Ok(vec![resumed.into()])
}

fn check(
    state: &State,
    who: &Principal,
    action: &'static str,
    runner: &RunnerId,
    instead_of: Option<&RunnerId>,
) -> Result<(), Rejection> {
    if !who.is_admin {
        return Err(Rejection::NotAdministrator { action });
    }
    let is_known = state.runners.contains_key(runner) || state.drained.contains_key(runner);
    if !is_known && instead_of.is_none() {
        return Err(Rejection::NoSuchRunner {
            runner: runner.to_string(),
        });
    }
    Ok(())
}

pub(crate) fn evolve_drained(state: &mut State, event: &RunnerDrained) {
    let reason = event.reason.clone();
    state.drained.insert(event.runner.clone(), reason);
}

pub(crate) fn evolve_resumed(state: &mut State, event: &RunnerResumed) {
    state.drained.remove(&event.runner);
}
