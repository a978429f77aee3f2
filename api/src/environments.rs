//! Virtual environments, as the interface sees them: somebody else makes them, here they are asked for.

use std::path::PathBuf;

use fasti_core::domain::ids::Digest;

/// How far an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waits for others.
    Queued,
    /// Is being made.
    Building,
    /// Can be used.
    Ready,
    /// Could not be made; asking again tries again.
    Failed,
}

/// An environment and how far it is.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Names what is in it: the same requirements for the same interpreter have the same id.
    pub id: String,
    /// How far it is.
    pub stage: Stage,
    /// What is done at the moment, or what could not be done.
    pub step: String,
    /// The end of what the installer printed.
    pub output: String,
    /// Bytes that it printed in all.
    pub output_bytes: u64,
    /// Its interpreter, once it is ready.
    pub python: Option<PathBuf>,
}

/// Makes environments, once per content, beside everything else that goes on.
pub trait Environments: Send + Sync {
    /// The environment with what the bundle lists, for an interpreter (default: the server's); begun unless it is
    /// there or on its way. Asks the interpreter for its version, so it may take a moment.
    ///
    /// # Errors
    /// Why the interpreter cannot be used.
    fn ask(&self, bundle: Digest, python: Option<&str>) -> Result<Environment, String>;

    /// An environment that was asked for.
    fn get(&self, id: &str) -> Option<Environment>;
}
