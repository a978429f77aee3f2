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
const PACE: Duration = Duration::from_millis(300);

/// Between two tries at one command.
const RETRY: Duration = Duration::from_millis(10);

/// Runs by the key of the command that made them.
pub(super) type Acknowledged = BTreeMap<String, u64>;

/// The callers.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Acknowledged>>,
}

impl Load {
    pub(super) fn begin(url: &str, batch: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|caller| {
            let (client, batch, is_over) = (Client::new(url), batch.to_owned(), Arc::clone(&is_over));
            std::thread::spawn(move || call(caller, &client, &batch, &is_over))
        });
        Self { callers: callers.collect(), is_over }
    }

    /// Lets every caller bring its last command to an answer.
    pub(super) fn end(self) -> Acknowledged {
        self.is_over.store(true, Ordering::Relaxed);
        let all = self.callers.into_iter().map(|caller| caller.join().unwrap());
        all.flatten().collect()
    }
}

fn call(caller: usize, client: &Client, batch: &str, is_over: &AtomicBool) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    while !is_over.load(Ordering::Relaxed) {
        let key = format!("caller {caller} command {}", acknowledged.len());
        let run = start(client, batch, &key);
        acknowledged.insert(key, run);
        std::thread::sleep(PACE);
    }
    acknowledged
}

/// Starts a run, in doubt again and again; answers with its id.
pub(super) fn start(client: &Client, batch: &str, key: &str) -> u64 {
    let path = format!("/batches/{batch}/runs");
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.attempt("POST", &path, &[("idempotency-key", key)], Some(b"{}")) {
            Ok(answer) if answer.status == 201 => return answer.json()["id"].as_u64().unwrap(),
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(error) => assert!(Instant::now() < deadline, "{key} got no answer: {error}"),
        }
        std::thread::sleep(RETRY);
    }
}
