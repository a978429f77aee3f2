//! A Python function, in a process forked from a warm interpreter. The interpreter is the parent: it reaps
//! and reports. When it dies, its children become ours.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::launch::PythonCall;
use rustix::process::{Pid, Signal};

use super::attempt::Over;
use super::outlet::Outlet;
use super::{Record, Shared, scratch};
use crate::outcome::{SpawnFailure, of_status};
use crate::places::Stream;
use crate::process::{self, Child};
use crate::result::{self, Handed, Returned};
use crate::worker::{Key, Said, TaskPlaces, Worker, start_frame};

/// Call the function and wait for the end of its process.
///
/// # Errors
/// It could not be started.
pub(super) fn run(
    shared: &Shared,
    record: &Arc<Record>,
    (slot, outlet): (usize, &Outlet),
    call: &PythonCall,
) -> Result<Over, SpawnFailure> {
    let (key, frame) = prepare(shared, record, (slot, outlet), call)?;
    let (worker, said) = shared.pool.start(&key, record, &frame)?;
    match listen(&worker, &said) {
        Said::Exited {
            status,
            cpu_us,
            max_rss_kib,
            handed,
            kept,
        } => {
            let over = Over::new(of_status(status), cpu_us, max_rss_kib);
            if !kept {
                clear(record);
            }
            Ok(finish(shared, record, over, handed))
        }
        Said::Refused { reason } => Err(SpawnFailure::plain(format!(
            "the interpreter refused: {reason}"
        ))),
        Said::Gone { was_ready, log } => match record.pid() {
            Some(pid) => {
                let over = wait_ourselves(record, pid);
                clear(record);
                Ok(finish(shared, record, over, Handed::Unknown))
            }
            None if was_ready => {
                // Whether it had forked, and how far the fork came, went with it.
                let message = quote("the interpreter ended while it started the task", &log);
                Ok(Over::new(Outcome::Lost { message }, 0, 0))
            }
            None => {
                let python = key.python.display();
                let what = format!("the interpreter `{python}` ended before it was ready");
                Err(SpawnFailure::plain(quote(&what, &log)))
            }
        },
    }
}

fn prepare(
    shared: &Shared,
    record: &Record,
    (slot, outlet): (usize, &Outlet),
    call: &PythonCall,
) -> Result<(Key, Vec<u8>), SpawnFailure> {
    let launch = &record.launch;
    let base = shared.base.with(&call.image_env, None)?;
    let name = call.python.as_deref().unwrap_or(&shared.python);
    let python = shared.programs.find(
        name,
        super::environment::path_of(&base),
        shared.places.home(),
    )?;
    let unpacked = |digest| match call.works_in_bundle {
        true => shared.bundles.tree(digest, launch.run),
        false => shared.bundles.unpacked(digest),
    };
    let bundle = call.bundle.as_ref().map(unpacked).transpose()?;
    let scratch = scratch::make(&shared.places, slot)?;
    let places = TaskPlaces {
        cwd: if call.works_in_bundle {
            bundle.clone().unwrap_or(scratch)
        } else {
            scratch
        },
        import_path: bundle
            .into_iter()
            .chain(call.path.as_ref().map(Into::into))
            .collect(),
        stdout: Some(outlet.path(Stream::Out)),
        stderr: Some(outlet.path(Stream::Err)),
        result: shared.places.private(launch.attempt, result::VALUE),
        failure: shared.places.private(launch.attempt, result::FAILURE),
    };
    let frame = start_frame(launch, call, &places, &shared.places.blobs(), &shared.base)?;
    let key = Key {
        python,
        path: call.path.clone(),
        image_env: call.image_env.clone(),
    };
    Ok((key, frame))
}

/// Wait for the last word about the attempt, and give up on an interpreter that never gets ready.
fn listen(worker: &Worker, said: &Receiver<Said>) -> Said {
    loop {
        match said.recv_timeout(Duration::from_secs(1)) {
            Ok(said) => return said,
            Err(RecvTimeoutError::Timeout) => worker.check_ready(),
            Err(RecvTimeoutError::Disconnected) => {
                return Said::Gone {
                    was_ready: true,
                    log: String::new(),
                };
            }
        }
    }
}

/// The interpreter is gone, so the process is our child now, unless the interpreter took its status along.
fn wait_ourselves(record: &Record, pid: Pid) -> Over {
    let ended = process::await_end(pid);
    record.end();
    if ended.is_ok() {
        process::signal_group(pid, Signal::KILL);
    }
    match ended.and_then(|()| process::reap(Child::Process(pid), true)) {
        Ok(Some(reaped)) => Over::new(of_status(reaped.status), reaped.cpu_us, reaped.max_rss_kib),
        Ok(None) | Err(_) => {
            let message = "the interpreter ended before it said how the task ended".to_owned();
            Over::new(Outcome::Lost { message }, 0, 0)
        }
    }
}

/// End what is left of the group.
fn clear(record: &Record) {
    if let Some(pid) = record.pid() {
        process::clear_group(pid);
    }
}

/// Take over what the function returned.
fn finish(shared: &Shared, record: &Record, mut over: Over, handed: Handed) -> Over {
    let places = &shared.places;
    match result::collect(places, record.attempt(), over.outcome.is_success(), handed) {
        Ok(Returned {
            result,
            value,
            failure,
        }) => {
            over.result = result;
            over.value = value;
            over.failure = failure;
        }
        Err(error) => {
            let message = format!("the return value could not be stored: {error}");
            over.outcome = Outcome::Lost { message };
        }
    }
    over
}

fn quote(what: &str, log: &str) -> String {
    let log = log.trim();
    if log.is_empty() {
        what.to_owned()
    } else {
        format!("{what}; its log ends with:\n{log}")
    }
}
