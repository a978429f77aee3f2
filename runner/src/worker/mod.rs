//! Warm interpreters: started on demand for each environment, given forks to make, ended when idle.

mod interpreter;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use self::interpreter::{Said, Worker};
pub(crate) use self::wire::{TaskPlaces, start_frame, task_file};
use crate::launcher::{BaseEnvironment, Live, News, Record};
use crate::limits::{WORKER_IDLE_MS_MAX, WORKER_KEYS_IDLE_MAX};
use crate::outcome::SpawnFailure;
use crate::places::Places;
use crate::process;
use crate::strays::Strays;

/// What makes two interpreters different. Bundles do not: they are put on the import path after the fork.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Interpreter.
    pub(crate) python: PathBuf,
    /// Folder on the import path.
    pub(crate) path: Option<String>,
    /// Environment of the image.
    pub(crate) image_env: BTreeMap<String, String>,
}

/// What interpreters need of the runner around them.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) places: Arc<Places>,
    pub(crate) base: Arc<BaseEnvironment>,
    pub(crate) news: Arc<News>,
    pub(crate) live: Arc<Live>,
    pub(crate) strays: Arc<Strays>,
    /// Folder with the SDK.
    pub(crate) sdk: PathBuf,
    /// Interpreters of one environment. Forking is what keeps one busy, not the tasks, so more than the
    /// cores of the machine bring nothing.
    pub(crate) workers_per_key_max: usize,
}

/// All interpreters of the runner.
#[derive(Debug)]
pub(crate) struct Pool {
    surroundings: Arc<Surroundings>,
    workers: Mutex<Workers>,
}

#[derive(Debug, Default)]
struct Workers {
    by_key: HashMap<Key, Vec<Arc<Worker>>>,
    started: u64,
}

impl Pool {
    /// A pool without interpreters.
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings: Arc::new(surroundings),
            workers: Mutex::default(),
        }
    }

    /// Ask the interpreter with the least to do for a fork. What becomes of it is said by the receiver.
    ///
    /// # Errors
    /// No interpreter could be started.
    pub(crate) fn start(
        &self,
        key: &Key,
        record: &Arc<Record>,
        frame: &[u8],
    ) -> Result<(Arc<Worker>, Receiver<Said>), SpawnFailure> {
        loop {
            let worker = self.choose(key)?;
            // `None`: it died since.
            if let Some(said) = worker.start(record, frame) {
                return Ok((worker, said));
            }
        }
    }

    /// End interpreters that have had nothing to do for long, or that are too many.
    pub(crate) fn tidy(&self) {
        let mut idle: Vec<(Instant, Key)> = Vec::new();
        let mut workers = self.workers();
        workers.by_key.retain(|key, list| {
            list.retain(|worker| !worker.is_gone());
            // Idle are those without a task in any of their interpreters.
            let since = list.iter().map(|worker| worker.idle_since());
            if let Some(Some(since)) = since
                .collect::<Option<Vec<_>>>()
                .map(|all| all.into_iter().max())
            {
                idle.push((since, key.clone()));
            }
            !list.is_empty()
        });
        idle.sort_by_key(|&(since, _)| std::cmp::Reverse(since));
        let old = Duration::from_millis(WORKER_IDLE_MS_MAX);
        for (position, (since, key)) in idle.into_iter().enumerate() {
            if position >= WORKER_KEYS_IDLE_MAX || since.elapsed() >= old {
                for worker in workers.by_key.remove(&key).into_iter().flatten() {
                    worker.stop();
                }
            }
        }
    }

    /// End all interpreters, and see them gone. Their forks live on.
    pub(crate) fn end_all(&self) {
        let by_key = std::mem::take(&mut self.workers().by_key);
        let all: Vec<Arc<Worker>> = by_key.into_values().flatten().collect();
        all.iter().for_each(|worker| worker.kill());
        if !process::poll_until(|| all.iter().all(|worker| worker.is_reaped())) {
            tracing::warn!("a killed interpreter does not disappear");
        }
    }

    /// The interpreter to ask. When all are busy forking, another one is warmed up for the next.
    fn choose(&self, key: &Key) -> Result<Arc<Worker>, SpawnFailure> {
        let mut workers = self.workers();
        let list = workers.by_key.entry(key.clone()).or_default();
        list.retain(|worker| !worker.is_gone());
        let best = list.iter().min_by_key(|worker| worker.load()).cloned();
        let busy = best
            .as_ref()
            .is_none_or(|worker| worker.load() > (false, 0));
        if !busy || list.len() >= self.surroundings.workers_per_key_max && best.is_some() {
            return Ok(best.expect("an interpreter that is not busy exists"));
        }
        let number = workers.started + 1;
        let fresh = Worker::spawn(number, key, &self.surroundings);
        match (fresh, best) {
            (Ok(fresh), best) => {
                workers.started = number;
                workers
                    .by_key
                    .entry(key.clone())
                    .or_default()
                    .push(Arc::clone(&fresh));
                Ok(best.unwrap_or(fresh))
            }
            (Err(failure), Some(best)) => {
                tracing::warn!(failure.message, "cannot start one more interpreter");
                Ok(best)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
