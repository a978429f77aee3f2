//! Wakes calls to sled that would wait for ever. When one of sled's own threads fails to write while a caller waits for
//! that write, sled notes the error and tells nobody; the next flush sees it and wakes the waiter, who then fails as he
//! should. So a second thread flushes when a call takes long. On a disk that is only slow, that changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::guard::{Fenced, guarded};

/// Between two looks; a call that is under way at two of them is helped.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The second thread of one database. Ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    under_way: AtomicUsize,
    is_over: AtomicBool,
}

/// One call under way.
struct Call<'a>(&'a AtomicUsize);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watch {
    /// Starts the thread.
    pub(super) fn start(sled: sled::Db) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let sled = Fenced::new(sled);
        let thread = std::thread::Builder::new()
            .name("fasti-sled-watch".into())
            .spawn(move || of_thread.look(&sled))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Makes a call that may wait for a write.
    pub(super) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        self.shared.under_way.fetch_add(1, Ordering::AcqRel);
        let _call = Call(&self.shared.under_way);
        call()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::warn!("the watch of sled ended by a panic");
            }
        }
    }
}

impl Shared {
    fn look(&self, sled: &sled::Db) {
        let mut was_under_way = false;
        while !self.is_over.load(Ordering::Acquire) {
            std::thread::park_timeout(LOOK_EVERY);
            let is_under_way = self.under_way.load(Ordering::Acquire) > 0;
            if was_under_way && is_under_way {
                match guarded(|| sled.flush()) {
                    Ok(Ok(_)) => {}
                    // Whoever waits learns of it by himself.
                    Ok(Err(error)) => tracing::debug!(%error, "sled cannot write"),
                    Err(panic) => tracing::debug!(panic, "sled cannot write"),
                }
            }
            was_under_way = is_under_way;
        }
    }
}
