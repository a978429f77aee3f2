//! Begins and ends processes: one thread for each slot, which prepares an attempt, starts it, waits for its
//! end, clears up after it and says so.
//!
//! Threads rather than async: waiting for a child costs a blocked thread nothing, and spawning is a blocking
//! call anyway. What begins when is not decided here but in [`supervisor`](crate::supervisor).

mod attempt;
mod command;
mod container;
mod container_box;
mod environment;
mod news;
mod outlet;
mod program;
mod progress;
mod python;
mod record;
mod scratch;
mod staging;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fasti_core::domain::attempt::{Outcome, Usage};
use fasti_core::domain::ids::Token;
use fasti_core::domain::launch::Launch;

pub(crate) use self::attempt::begin;
pub(crate) use self::environment::{BaseEnvironment, Variables};
pub(crate) use self::news::News;
use self::program::Programs;
pub(crate) use self::record::{Live, LiveView, Record};
use crate::bundles::Bundles;
use crate::containers::Containers;
use crate::places::Places;
use crate::strays::Strays;
use crate::supervisor::{Ended, Input, StopSignal};
use crate::worker::Pool;
use crate::{Config, clock, process};

/// Stack of a slot's thread: shallow code, many threads.
const STACK_BYTES: usize = 512 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Launcher {
    shared: Arc<Shared>,
    slots: usize,
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) places: Arc<Places>,
    pub(crate) base: Arc<BaseEnvironment>,
    pub(crate) news: Arc<News>,
    pub(crate) live: Arc<Live>,
    pub(crate) strays: Arc<Strays>,
    programs: Programs,
    bundles: Bundles,
    pool: Pool,
    pub(crate) containers: Arc<Containers>,
    runner: String,
    sdk: std::path::PathBuf,
    python: String,
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Record>>,
    threads: usize,
    idle: usize,
}

impl Launcher {
    /// A launcher that runs nothing. Threads are started as they are first needed.
    pub(crate) fn new(
        config: &Config,
        places: Arc<Places>,
        news: Arc<News>,
        containers: Arc<Containers>,
    ) -> Self {
        let base = Arc::new(BaseEnvironment::of_runner(&config.id, places.data()));
        let live = Arc::new(Live::default());
        let strays = Arc::new(Strays::new(&config.id.0, containers.mark()));
        crate::sampling::start(&places, &live);
        let slots = config.capacity.slots.max(1) as usize;
        let pool = Pool::new(crate::worker::Surroundings {
            places: Arc::clone(&places),
            base: Arc::clone(&base),
            news: Arc::clone(&news),
            live: Arc::clone(&live),
            strays: Arc::clone(&strays),
            sdk: config.sdk.clone(),
            workers_per_key_max: slots.min(crate::config::cores()),
        });
        let shared = Shared {
            bundles: Bundles::new(Arc::clone(&places), &config.id),
            places,
            base,
            news,
            live,
            strays,
            programs: Programs::default(),
            pool,
            containers,
            runner: config.id.to_string(),
            sdk: config.sdk.clone(),
            python: config.python.clone(),
            queue: Mutex::default(),
            more: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            slots,
        }
    }

    /// What is said about attempts, for the event loop.
    pub(crate) fn news(&self) -> &News {
        &self.shared.news
    }

    /// Begin an attempt as soon as a slot is free.
    pub(crate) fn start(&self, launch: Arc<Launch>) {
        let record = Arc::new(Record::new(launch));
        self.shared.live.insert(Arc::clone(&record));
        let mut queue = self.shared.queue();
        queue.waiting.push_back(Arc::clone(&record));
        // Threads already woken still count as idle, so compare with what waits for them.
        if queue.waiting.len() > queue.idle && queue.threads < self.slots {
            queue.threads += 1;
            let number = queue.threads;
            drop(queue);
            if let Err(error) = self.add_thread(number) {
                self.shared.queue().threads -= 1;
                tracing::warn!(%error, number, "cannot start the thread of a slot");
                self.fail_without_threads(&error);
            }
        } else {
            drop(queue);
            self.shared.more.notify_one();
        }
    }

    /// Signal the process group of an attempt; one that still waits for a slot is withdrawn.
    pub(crate) fn signal(&self, token: Token, signal: StopSignal) {
        let mut queue = self.shared.queue();
        let position = queue
            .waiting
            .iter()
            .position(|record| record.launch.token == token);
        let withdrawn = position.and_then(|position| queue.waiting.remove(position));
        drop(queue);
        match withdrawn {
            Some(record) => self.shared.say_ended(&record, Outcome::Stopped),
            None => {
                if let Some(record) = self.shared.live.get(&token) {
                    record.signal(signal);
                }
            }
        }
    }

    /// Housekeeping, about once a second.
    pub(crate) fn tidy(&self) {
        self.shared.strays.tidy(&self.shared.live);
        self.shared.pool.tidy();
        let runs = || {
            self.shared
                .live
                .all()
                .iter()
                .map(|it| it.launch.run)
                .collect()
        };
        self.shared.bundles.tidy(runs);
    }

    /// Whether attempts are with the launcher.
    pub(crate) fn is_busy(&self) -> bool {
        !self.shared.live.is_empty()
    }

    /// Give the attempts that go on what they have written so far, so that it can be followed.
    pub(crate) fn tidy_outlets(&self) {
        for record in self.shared.live.all() {
            if let Some(outlet) = record.outlet.get() {
                outlet.move_written(&self.shared.places, &record.launch);
            }
            if let Some(Some(progress)) = record.progress.get() {
                progress.tell_written(&record.launch, &self.shared.news);
            }
        }
    }

    /// End whatever still runs, without reports: the runner is about to end.
    pub(crate) fn end_all(&self) {
        let waiting = std::mem::take(&mut self.shared.queue().waiting);
        for record in waiting {
            self.shared.live.remove(&record.launch.token);
        }
        for record in self.shared.live.all() {
            record.signal(StopSignal::Kill);
        }
        self.shared.pool.end_all();
        // A slot may be about to start one: it is ended as it begins, and what it leaves is then here to be seen.
        process::poll_until(|| self.shared.live.is_empty());
        self.shared.strays.end_all();
    }

    fn add_thread(&self, number: usize) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new()
            .name(format!("slot-{number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || shared.serve_slot(number))
            .map(drop)
    }

    /// Without a single thread nothing would ever take the queue.
    fn fail_without_threads(&self, error: &io::Error) {
        let mut queue = self.shared.queue();
        if queue.threads > 0 {
            return;
        }
        let stranded: Vec<_> = queue.waiting.drain(..).collect();
        drop(queue);
        let failure =
            crate::outcome::SpawnFailure::new("cannot start a thread for the task", error);
        for record in stranded {
            self.shared.say_ended(&record, failure.clone().into());
        }
    }
}

impl Shared {
    fn serve_slot(&self, slot: usize) {
        loop {
            let record = self.next();
            let ended = attempt::run(self, &record, slot);
            self.live.remove(&record.launch.token);
            let token = record.launch.token;
            self.news.push(Input::Ended {
                token,
                ended: Box::new(ended),
            });
        }
    }

    fn next(&self) -> Arc<Record> {
        let mut queue = self.queue();
        loop {
            if let Some(record) = queue.waiting.pop_front() {
                return record;
            }
            queue.idle += 1;
            queue = self
                .more
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Say that an attempt is over that never had a process.
    fn say_ended(&self, record: &Record, outcome: Outcome) {
        let token = record.launch.token;
        self.live.remove(&token);
        let ended = Ended {
            at: clock::wall(),
            outcome,
            signalled: false,
            result: None,
            value: None,
            failure: None,
            usage: Usage::default(),
            gathered: None,
        };
        self.news.push(Input::Ended {
            token,
            ended: Box::new(ended),
        });
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
