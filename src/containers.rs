//! Whether tasks can run in containers here: asked before an image of that kind is registered. The runner, which runs
//! them, is told the same settings.

use fasti_core::domain::container::Engine;
use fasti_runner::containers::{Settings, check};

/// See the module.
#[derive(Debug)]
pub(crate) struct Containers(pub(crate) Settings);

impl fasti_api::Containers for Containers {
    fn check(&self, engine: Option<Engine>) -> Result<(), String> {
        check(&self.0, engine).map(drop)
    }
}
