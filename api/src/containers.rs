//! Containers, as the interface sees them: somebody else runs them, here it is asked whether anybody could.

use fasti_core::domain::container::Engine;

/// Knows whether containers can be run.
pub trait Containers: Send + Sync {
    /// Whether they can, by a certain engine if one is named. Asks the engine, so it may take some seconds.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, engine: Option<Engine>) -> Result<(), String>;
}
