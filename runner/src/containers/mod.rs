//! Containers: which engine runs them, what it is told, and what earlier runners left with it.
//!
//! - [`Settings`] is what the configuration says.
//! - `engine` finds the program and asks it, always with an end in time.
//! - `arguments` has its command line, without IO.
//! - `leftovers` ends containers of runners that are gone.
//!
//! How an attempt runs in one is `launcher/container`.

pub(crate) mod arguments;
mod engine;
mod leftovers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fasti_core::domain::container::Engine as Kind;
use serde::{Deserialize, Serialize};

pub(crate) use self::engine::Engine;
use crate::limits::{ENGINE_ANSWER_MS_MAX, ENGINE_SWEEP_MS_MAX};
use crate::outcome::SpawnFailure;
use crate::places::Places;

/// How containers are run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `podman`, `docker`, or the path of one of them. Default: the first of the two that works.
    pub engine: Option<String>,
    /// Arguments of the engine before its command. Given to `engine`, and to every engine when that is not set.
    pub engine_args: Vec<String>,
    /// Further arguments of `run`, given likewise.
    pub run_args: Vec<String>,
    /// When an image is fetched: `missing` (default), `always`, `never`, or with podman `newer`.
    pub pull: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: None,
            engine_args: Vec::new(),
            run_args: Vec::new(),
            pull: "missing".to_owned(),
        }
    }
}

impl Settings {
    /// Looks for mistakes that would show only when a task starts.
    ///
    /// # Errors
    /// What is wrong, with its key.
    pub fn check(&self) -> Result<(), String> {
        if !["missing", "always", "never", "newer"].contains(&self.pull.as_str()) {
            return Err(format!(
                "containers.pull is `{}`; write missing, always, never or newer",
                self.pull
            ));
        }
        match &self.engine {
            Some(name) if engine::kind_of(name).is_none() => Err(format!(
                "containers.engine is `{name}`; write podman, docker, or the path of one of them"
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether containers can be run here, by a certain engine if one is named; answers with its program. Starts the
/// engine and waits for its answer, some seconds at most.
///
/// # Errors
/// Why not.
pub fn check(settings: &Settings, wanted: Option<Kind>) -> Result<String, String> {
    let found = Engine::find(settings, wanted, ENGINE_ANSWER_MS_MAX)?;
    Ok(found.program().display().to_string())
}

/// The engines of a runner.
#[derive(Debug)]
pub(crate) struct Containers {
    settings: Settings,
    /// In the environment of every engine that this runner starts, and known to nobody else: what an engine leaves
    /// running for itself and for others is no stray of an attempt.
    mark: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing of earlier runners is left.
    is_swept: bool,
    found: HashMap<Option<Kind>, Arc<Engine>>,
}

impl Containers {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            mark: engine::random_mark(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// End what runners left that are gone; whether nothing is left. What cannot be done now is tried again before the first
    /// container.
    pub(crate) fn sweep(&self, places: &Places, own: &str) -> bool {
        let swept = leftovers::sweep(places, own, ENGINE_SWEEP_MS_MAX);
        if let Err(why) = &swept {
            tracing::error!(why, "containers of a runner that is gone may still run");
        }
        self.state().is_swept = swept.is_ok();
        swept.is_ok()
    }

    /// The engine for an attempt.
    ///
    /// # Errors
    /// There is none, or it does not work, or it cannot say what earlier runners left.
    pub(crate) fn engine(
        &self,
        places: &Places,
        own: &str,
        wanted: Option<Kind>,
    ) -> Result<Arc<Engine>, SpawnFailure> {
        let mut state = self.state();
        if !state.is_swept {
            leftovers::sweep(places, own, ENGINE_ANSWER_MS_MAX).map_err(SpawnFailure::plain)?;
            state.is_swept = true;
        }
        if let Some(known) = state.found.get(&wanted) {
            return Ok(Arc::clone(known));
        }
        let found = Engine::find(&self.settings, wanted, ENGINE_ANSWER_MS_MAX);
        let found = Arc::new(found.map_err(SpawnFailure::plain)?);
        leftovers::remember(places, &found).map_err(|error| {
            SpawnFailure::new("cannot note which engine runs containers", &error)
        })?;
        state.found.insert(wanted, Arc::clone(&found));
        Ok(found)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_the_settings_are_named() {
        let of = |engine: &str, pull: &str| Settings {
            engine: Some(engine.to_owned()),
            pull: pull.to_owned(),
            ..Settings::default()
        };
        assert!(of("podman", "missing").check().is_ok());
        assert!(of("/opt/bin/docker", "never").check().is_ok());
        let error = of("lxc", "missing").check().unwrap_err();
        assert!(error.contains("containers.engine") && error.contains("lxc"));
        assert!(of("podman", "often").check().unwrap_err().contains("pull"));
    }
}
