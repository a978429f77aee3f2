//! Why a runner cannot work.

use std::io;
use std::path::PathBuf;

/// Failure of the runner as a whole. What concerns one attempt is an outcome of it, never an error here.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// A folder or file of the runner cannot be used.
    #[error("cannot use `{path}` for the runner: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process is this runner.
    #[error("cannot be runner `{id}`: process {holder} is (start with another id)")]
    Taken {
        /// The id.
        id: String,
        /// Who holds it, as far as it says so.
        holder: String,
    },
    /// The system refuses what the runner is built on.
    #[error("cannot set up the runner ({what}): {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server does not want this runner, or the runner does not want this server.
    #[error("the server and this runner do not fit: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}
