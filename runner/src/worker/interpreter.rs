//! One warm interpreter: its process, its socket, the attempts it has forked or shall fork. A thread reads
//! what it says; when it is gone, that thread tells everybody who still waits.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::wire::{self, FromWorker};
use super::{Key, Surroundings};
use crate::launcher::{Record, Variables, begin};
use crate::limits::{LOG_TAIL_BYTES, WORKER_FRAME_MS_MAX, WORKER_READY_MS_MAX};
use crate::outcome::SpawnFailure;
use crate::process::{self, ENV_WORKER};
use crate::result::Handed;

/// Module that an interpreter runs.
const MODULE: &str = "fasti._worker";

/// Stack of the reading thread: shallow code.
const STACK_BYTES: usize = 512 << 10;

/// The last word about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Its process ended and is reaped, or waits for another call.
    Exited {
        /// Raw wait status.
        status: i32,
        /// Processor time in microseconds.
        cpu_us: u64,
        /// Largest resident memory in KiB.
        max_rss_kib: u64,
        /// What its process handed over.
        handed: Handed,
        /// The process is still there, and the interpreter's.
        kept: bool,
    },
    /// There is no process.
    Refused {
        /// Why.
        reason: String,
    },
    /// The interpreter ended. If the attempt has a process, it is a child of the runner now.
    Gone {
        /// Whether it ever said a word.
        was_ready: bool,
        /// The end of its log.
        log: String,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Worker {
    number: u64,
    pid: Pid,
    since: Instant,
    socket: UnixStream,
    /// Held while a frame is written, so that frames stay whole.
    writing: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ready: bool,
    /// It takes nothing more.
    gone: bool,
    /// Its process is no more.
    reaped: bool,
    /// Attempts asked for and not yet over, by their text.
    attempts: HashMap<String, (Arc<Record>, Sender<Said>)>,
    /// Those of them without a process.
    unforked: usize,
    /// Ends of calls in processes that are kept, so far, and how many of them it was told are known.
    kept: u64,
    kept_told: u64,
    /// Processes that are kept and must not be used again: they were signalled.
    dismissed: Vec<u32>,
    idle_since: Instant,
}

impl State {
    /// What the interpreter is to know of processes that it keeps, since the last time.
    fn news_of_kept(&mut self) -> Vec<u8> {
        let mut news: Vec<u8> = self
            .dismissed
            .drain(..)
            .flat_map(wire::dismiss_frame)
            .collect();
        if self.kept > self.kept_told {
            self.kept_told = self.kept;
            news.extend(wire::seen_frame(self.kept));
        }
        news
    }
}

impl Worker {
    /// Start an interpreter.
    ///
    /// # Errors
    /// The system cannot start it.
    pub(crate) fn spawn(
        number: u64,
        key: &Key,
        surroundings: &Arc<Surroundings>,
    ) -> Result<Arc<Self>, SpawnFailure> {
        let fail = |what: &str, error: &io::Error| {
            SpawnFailure::new(
                format!(
                    "cannot start the interpreter `{}`: {what}",
                    key.python.display()
                ),
                error,
            )
        };
        let (ours, theirs) = UnixStream::pair().map_err(|error| fail("socket", &error))?;
        let timeout = Some(Duration::from_millis(WORKER_FRAME_MS_MAX));
        ours.set_write_timeout(timeout)
            .map_err(|error| fail("socket", &error))?;
        let reader = ours.try_clone().map_err(|error| fail("socket", &error))?;
        let path = surroundings.places.worker_log(number);
        let log = crate::places::open_append(&path).map_err(|error| fail("log", &error))?;
        let log_again = log.try_clone().map_err(|error| fail("log", &error))?;
        let mut command = Command::new(&key.python);
        command.args(["-u", "-m", MODULE]).process_group(0);
        command.current_dir(surroundings.places.home());
        command
            .env_clear()
            .envs(environment(number, key, surroundings)?);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(log)
            .stderr(log_again);
        let child = command.spawn().map_err(|error| fail("spawn", &error))?;
        // It keeps the other end of the socket, and the end of that is how its end is noticed.
        drop(command);
        let now = Instant::now();
        let state = State {
            ready: false,
            gone: false,
            reaped: false,
            attempts: HashMap::new(),
            unforked: 0,
            kept: 0,
            kept_told: 0,
            dismissed: Vec::new(),
            idle_since: now,
        };
        let worker = Arc::new(Self {
            number,
            pid: Pid::from_child(&child),
            since: now,
            socket: ours,
            writing: Mutex::new(()),
            state: Mutex::new(state),
        });
        worker
            .read_in_thread(reader, child, surroundings)
            .map_err(|error| fail("thread", &error))?;
        Ok(worker)
    }

    /// Ask for a fork. `None` when the interpreter is gone.
    pub(crate) fn start(&self, record: &Arc<Record>, frame: &[u8]) -> Option<Receiver<Said>> {
        let (sender, receiver) = channel();
        let mut state = self.state();
        if state.gone {
            return None;
        }
        state
            .attempts
            .insert(record.attempt().to_string(), (Arc::clone(record), sender));
        state.unforked += 1;
        drop(state);
        let _whole = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // A process that served an attempt gets the next only once nobody signals it for the one before.
        let news = self.state().news_of_kept();
        let written = (&self.socket).write_all(&news);
        if let Err(error) = written.and_then(|()| (&self.socket).write_all(frame)) {
            // Half a frame may be written, so nothing more can be said to it. The reader tells the rest.
            tracing::warn!(%error, worker = self.number, "cannot write to an interpreter");
            self.kill();
        }
        Some(receiver)
    }

    /// How busy it is: not ready yet, and forks it still has to make. Running tasks are no work for it.
    pub(crate) fn load(&self) -> (bool, usize) {
        let state = self.state();
        (!state.ready, state.unforked)
    }

    /// Since when it has nothing to do at all; `None` while it has.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        state.attempts.is_empty().then_some(state.idle_since)
    }

    /// Whether it takes nothing more.
    pub(crate) fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// Whether its process is no more.
    pub(crate) fn is_reaped(&self) -> bool {
        self.state().reaped
    }

    /// End it if it takes too long to get ready.
    pub(crate) fn check_ready(&self) {
        let late = self.since.elapsed() >= Duration::from_millis(WORKER_READY_MS_MAX);
        if late && !self.state().ready {
            tracing::warn!(worker = self.number, "an interpreter does not get ready");
            self.kill();
        }
    }

    /// Let it end: it leaves when the socket is closed. It takes nothing more from now on.
    pub(crate) fn stop(&self) {
        self.state().gone = true;
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// End it at once.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        // Once it is gone it may be reaped, and its number another's.
        if !state.gone {
            state.gone = true;
            process::kill(self.pid);
        }
        drop(state);
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn read_in_thread(
        self: &Arc<Self>,
        reader: UnixStream,
        mut child: Child,
        surroundings: &Arc<Surroundings>,
    ) -> io::Result<()> {
        let (worker, surroundings) = (Arc::clone(self), Arc::clone(surroundings));
        std::thread::Builder::new()
            .name(format!("worker-{}", self.number))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                worker.listen(reader, &child, &surroundings);
                // Its children become ours only when it is gone for certain.
                let stopped = std::mem::replace(&mut worker.state().gone, true);
                if !stopped || !worker.state().attempts.is_empty() {
                    let _ = child.kill();
                }
                let _ = child.wait();
                worker.state().reaped = true;
                worker.tell_gone(stopped, &surroundings);
            })
            .map(drop)
    }

    /// Take in what it says until it is gone. Its end is seen by its process too, since a fork that did not
    /// get far holds the other end of the socket open.
    fn listen(&self, reader: UnixStream, child: &Child, surroundings: &Surroundings) {
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty());
        let process = process.inspect_err(|error| {
            tracing::warn!(%error, "cannot watch an interpreter; its end is seen by its socket only");
        });
        if process.is_ok() {
            // Reading starts only when there is something, so this is for the rest of a message.
            let _ = reader.set_read_timeout(Some(Duration::from_millis(WORKER_FRAME_MS_MAX)));
        }
        let mut reader = BufReader::with_capacity(16 << 10, reader);
        loop {
            if reader.buffer().is_empty()
                && let Ok(process) = &process
                && !has_more(reader.get_ref(), process)
            {
                return;
            }
            match wire::read(&mut reader) {
                Ok(Some(message)) => {
                    if let Err(error) = self.take_in(message, surroundings) {
                        tracing::warn!(%error, worker = self.number, "cannot understand an interpreter");
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, worker = self.number, "cannot understand an interpreter");
                    return;
                }
            }
        }
    }

    fn take_in(&self, message: FromWorker, surroundings: &Surroundings) -> io::Result<()> {
        match message {
            FromWorker::Ready {} => self.state().ready = true,
            FromWorker::Started { id, pid, cpu_us } => {
                let mut state = self.state();
                let record = state
                    .attempts
                    .get(&id)
                    .map(|(record, _)| Arc::clone(record));
                let (Some(record), Some(pid)) = (record, process::pid_from(pid)) else {
                    return Ok(());
                };
                if record.pid().is_none() {
                    state.unforked -= 1;
                    drop(state);
                    record.set_cpu_before(cpu_us);
                    begin(&record, &surroundings.news, pid);
                }
            }
            FromWorker::Exited {
                id,
                status,
                cpu_us,
                max_rss_kb,
                value,
                failure,
                kept,
            } => {
                let handed = wire::handed(value.as_deref(), failure.as_deref())?;
                self.end(
                    &id,
                    Said::Exited {
                        status,
                        cpu_us,
                        max_rss_kib: max_rss_kb,
                        handed,
                        kept,
                    },
                );
            }
            FromWorker::Refused { id, reason } => self.end(&id, Said::Refused { reason }),
        }
        Ok(())
    }

    fn end(&self, id: &str, said: Said) {
        let mut state = self.state();
        let Some((record, sender)) = state.attempts.remove(id) else {
            return;
        };
        if record.pid().is_none() {
            state.unforked -= 1;
        }
        state.idle_since = Instant::now();
        drop(state);
        record.end();
        if matches!(said, Said::Exited { kept: true, .. }) {
            let mut state = self.state();
            state.kept += 1;
            // The signal may still be on its way to it.
            let pid = record.pid().filter(|_| record.was_signalled());
            state.dismissed.extend(pid.map(process::pid_number));
        }
        // The slot's thread always waits for this; if not, nobody needs it.
        let _ = sender.send(said);
    }

    fn tell_gone(&self, stopped: bool, surroundings: &Surroundings) {
        let path = surroundings.places.worker_log(self.number);
        let log = tail(&path).unwrap_or_default();
        let mut state = self.state();
        let (was_ready, unforked) = (state.ready, state.unforked);
        let attempts = std::mem::take(&mut state.attempts);
        drop(state);
        if unforked > 0 {
            surroundings
                .strays
                .end_forks(self.number, &surroundings.live);
        }
        if stopped && attempts.is_empty() {
            let _ = std::fs::remove_file(&path);
        } else {
            tracing::warn!(worker = self.number, log, "an interpreter ended by itself");
        }
        for (_, sender) in attempts.into_values() {
            let _ = sender.send(Said::Gone {
                was_ready,
                log: log.clone(),
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wait until there is something to read. `false` when the process ended and left nothing.
fn has_more(socket: &UnixStream, process: &OwnedFd) -> bool {
    loop {
        let mut watched = [
            PollFd::new(socket, PollFlags::IN),
            PollFd::new(process, PollFlags::IN),
        ];
        match poll(&mut watched, None) {
            Ok(_) => return !watched[0].revents().is_empty(),
            Err(rustix::io::Errno::INTR) => {}
            // Reading tells what is wrong.
            Err(_) => return true,
        }
    }
}

fn environment(
    number: u64,
    key: &Key,
    surroundings: &Surroundings,
) -> Result<Variables, SpawnFailure> {
    let mut variables = surroundings.base.with(&key.image_env, None)?;
    let mut paths = vec![surroundings.sdk.clone()];
    paths.extend(key.path.iter().map(Into::into));
    let of_image = key.image_env.get("PYTHONPATH");
    paths.extend(of_image.into_iter().flat_map(std::env::split_paths));
    let joined = std::env::join_paths(&paths).map_err(|_| {
        SpawnFailure::plain(format!(
            "cannot put {paths:?} on the import path: one of them holds a `:`"
        ))
    })?;
    variables.insert("PYTHONPATH".into(), joined);
    variables.insert(ENV_WORKER.into(), number.to_string().into());
    Ok(variables)
}

fn tail(path: &std::path::Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
