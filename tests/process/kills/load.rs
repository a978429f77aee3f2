//! Callers that create runs while the server dies under them: each repeats a request with the same key until
//! it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::client::Client;

/// Callers at a time.
const CALLERS: usize = 4;

/// Between two commands of a caller: enough load that a kill hits something, so little that it can be worked
/// off.
const PACE: Duration = Duration::from_millis(80);

/// Between two tries at one command.
const RETRY: Duration = Duration::from_millis(10);

/// Runs by the key of the command that made them.
pub(super) type Acknowledged = BTreeMap<String, u64>;

/// How a command came to its answer.
pub(super) struct Answered {
    pub(super) run: u64,
    /// Tries that nobody answered.
    doubts: usize,
    /// The answer was to an earlier try: that one was taken, and its answer was lost.
    was_taken_before: bool,
}

/// What the callers have to tell.
#[derive(Default)]
pub(super) struct Told {
    pub(super) acknowledged: Acknowledged,
    /// Tries that nobody answered.
    pub(super) doubts: usize,
    /// Commands that were taken and not answered at first.
    pub(super) taken_in_doubt: usize,
}

/// The callers.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Told>>,
}

impl Load {
    pub(super) fn begin(url: &str, batch: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|caller| {
            let (client, batch, is_over) =
                (Client::new(url), batch.to_owned(), Arc::clone(&is_over));
            std::thread::spawn(move || call(caller, &client, &batch, &is_over))
        });
        Self {
            callers: callers.collect(),
            is_over,
        }
    }

    /// Lets every caller bring its last command to an answer.
    pub(super) fn end(self) -> Told {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for told in self
            .callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
        {
            all.acknowledged.extend(told.acknowledged);
            all.doubts += told.doubts;
            all.taken_in_doubt += told.taken_in_doubt;
        }
        all
    }
}

fn call(caller: usize, client: &Client, batch: &str, is_over: &AtomicBool) -> Told {
    let mut told = Told::default();
    while !is_over.load(Ordering::Relaxed) {
        let key = format!("caller {caller} command {}", told.acknowledged.len());
        let answered = start(client, batch, &key);
        told.acknowledged.insert(key, answered.run);
        told.doubts += answered.doubts;
        told.taken_in_doubt += usize::from(answered.was_taken_before);
        std::thread::sleep(PACE);
    }
    told
}

/// Starts a run, in doubt again and again.
pub(super) fn start(client: &Client, batch: &str, key: &str) -> Answered {
    let path = format!("/batches/{batch}/runs");
    let deadline = Instant::now() + PATIENCE;
    let mut doubts = 0;
    loop {
        match client.attempt("POST", &path, &[("idempotency-key", key)], Some(b"{}")) {
            Ok(answer) if answer.status == 201 => {
                let run = answer.json()["id"].as_u64().unwrap();
                let was_taken_before = answer.header("idempotency-replayed") == "true";
                return Answered {
                    run,
                    doubts,
                    was_taken_before,
                };
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(error) => assert!(Instant::now() < deadline, "{key} got no answer: {error}"),
        }
        doubts += 1;
        std::thread::sleep(RETRY);
    }
}
