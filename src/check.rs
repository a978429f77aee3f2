//! The check of the whole log beside the working server. A start proves the end of the log only, so that it takes no
//! longer with a long log; this proves the rest, slowly enough to disturb nobody. Damage ends the server: what is not
//! the history must not be served as if it were.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fasti_core::domain::ids::Seq;
use fasti_core::store::{LogReader, StoreError, Vitals};

/// Longest rest between two steps of the check.
const REST_MAX: Duration = Duration::from_millis(500);

/// The check; goes on by itself until it is through or the process ends.
#[derive(Clone, Default)]
pub(crate) struct Check {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    found: Mutex<Option<StoreError>>,
    is_found: AtomicBool,
    is_over: AtomicBool,
}

impl Check {
    /// Begins to read the log from its first event to its present end.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(reader: LogReader, vitals: Arc<Vitals>) -> std::io::Result<Self> {
        let check = Self::default();
        let of_thread = check.clone();
        std::thread::Builder::new()
            .name("log-check".to_owned())
            .spawn(move || of_thread.run(&reader, &vitals))?;
        Ok(check)
    }

    fn run(&self, reader: &LogReader, vitals: &Vitals) {
        let end = reader.last().seq;
        let mut worked = Instant::now();
        let mut progress = |seq: Seq| {
            vitals.set_checked(seq, end);
            // As much rest as work; none once the server ends.
            if !self.shared.is_over.load(Ordering::Relaxed) {
                std::thread::sleep(worked.elapsed().min(REST_MAX));
            }
            worked = Instant::now();
        };
        let bad = match reader.verify(&mut progress) {
            Ok(report) => report.first_bad.as_ref().map(StoreError::from),
            Err(error) => Some(error),
        };
        let Some(error) = bad else {
            vitals.set_checked(end, end);
            tracing::info!(%end, "the whole log was checked and is sound");
            return;
        };
        tracing::error!(%error, "the check of the whole log failed");
        vitals.set_trouble(&error.to_string());
        *self.lock() = Some(error);
        self.shared.is_found.store(true, Ordering::Release);
    }

    /// Whether it found something wrong.
    pub(crate) fn has_found(&self) -> bool {
        self.shared.is_found.load(Ordering::Acquire)
    }

    /// Ends the rests, and gives what was found.
    pub(crate) fn end(&self) -> Option<StoreError> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.lock().take()
    }

    /// The lock guards a value that is whole between calls.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<StoreError>> {
        self.shared
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
