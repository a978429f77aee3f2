//! The Fasti runner: turns leased attempts into processes and results.
//!
//! A small process of its own beside the server, so that spawning is quick and tasks outlive a restart of the
//! server. It connects to the server's socket, takes launches, and reports what became of them
//! ([`fasti_core::protocol::runner_v1`]). It knows nothing of batches, runs or schedules.
//!
//! - [`supervisor`] decides, without IO; the place to look for *when* something starts or ends.
//! - `drive` is the event loop around it.
//! - `launcher` has a thread for each slot and does the work; `worker` keeps warm Python interpreters;
//!   `result` takes over return values; `bundles` unpacks code.
//! - `containers` finds the engine of tasks that run in containers, and ends what earlier runners left with it.
//! - `sampling` notes what running attempts use.
//! - `process` asks the kernel; `strays` and `orphans` end what would otherwise stay.
//! - [`limits`] has every bound.

mod bundles;
mod clock;
mod config;
pub mod containers;
mod drive;
mod error;
mod home;
pub mod item;
mod launcher;
pub mod limits;
mod orphans;
mod outcome;
mod places;
mod process;
mod result;
mod sampling;
mod strays;
pub mod supervisor;
mod worker;

use std::sync::Arc;

pub use crate::config::{Config, capacity_of_machine};
use crate::containers::Containers;
pub use crate::error::RunnerError;
use crate::home::Home;
use crate::launcher::{Launcher, News};
use crate::places::{Places, make_folder};
use crate::supervisor::Exit;

/// Be a runner, until the server or SIGTERM says to end, or no server is there for long.
///
/// Blocks the calling thread and makes this process a child subreaper, so it should have the process for
/// itself. Call it on the main thread, outside of any async runtime.
///
/// # Errors
/// The runner cannot set itself up, or the server refuses it. What concerns one attempt is reported as its
/// outcome instead.
pub fn run(mut config: Config) -> Result<(), RunnerError> {
    let fail = |path: &std::path::Path, source| RunnerError::Folder {
        path: path.to_owned(),
        source,
    };
    make_folder(&config.data).map_err(|source| fail(&config.data, source))?;
    config.data = config
        .data
        .canonicalize()
        .map_err(|source| fail(&config.data, source))?;
    config.sdk = std::path::absolute(&config.sdk).map_err(|source| fail(&config.sdk, source))?;
    // Processes that lose their parent come here instead of to init, so that they can be ended.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|error| {
        RunnerError::System {
            what: "child subreaper",
            source: error.into(),
        }
    })?;
    if let Err(error) = process::keep_descriptors() {
        tracing::warn!(%error, "tasks inherit the descriptors that this process inherited");
    }
    let places = Arc::new(Places::new(config.data.clone(), &config.id));
    let home = Home::take(&places, &config.id.0)?;
    let containers = Arc::new(Containers::new(config.containers.clone()));
    // First what starts containers, then the containers, then the folders that they see.
    orphans::sweep(&places, &config.id.0).map_err(|source| fail(&places.runners(), source))?;
    if containers.sweep(&places, &config.id.0) {
        orphans::remove_folders(&places, &config.id.0)
            .map_err(|source| fail(&places.runners(), source))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| RunnerError::System {
        what: "event loop",
        source,
    })?;
    let news = Arc::new(News::default());
    let launcher = Launcher::new(&config, Arc::clone(&places), news, containers);
    tracing::info!(runner = %config.id, slots = config.capacity.slots, "the runner starts");
    let exit = runtime.block_on(drive::drive(&config, &launcher));
    launcher.end_all();
    home.remove();
    match exit? {
        Exit::Refused { reason } => Err(RunnerError::Refused { reason }),
        exit @ (Exit::Done | Exit::Late | Exit::Abandoned) => {
            tracing::info!(?exit, "the runner ends");
            Ok(())
        }
    }
}
