//! Being asked to stop: Ctrl-C, a closed terminal, SIGTERM. Asked a second time, the program ends at once.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a program ended by SIGINT.
const INTERRUPTED: i32 = 130;

/// Whether somebody asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<(Mutex<bool>, Condvar)>);

impl Interrupt {
    /// From now on signals are noted instead of ending the program.
    pub(super) fn watch() -> io::Result<Self> {
        let interrupt = Self::default();
        let noted = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let signals = {
            let _context = runtime.enter();
            [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::hangup(),
            ]
            .map(signal)
        };
        let [interrupted, terminated, hung_up] = signals;
        let mut signals = (interrupted?, terminated?, hung_up?);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    next(&mut signals).await;
                    noted.ask();
                    next(&mut signals).await;
                    std::process::exit(INTERRUPTED);
                });
            })?;
        Ok(interrupt)
    }

    fn ask(&self) {
        let (asked, changed) = &*self.0;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Whether somebody asked.
    pub(super) fn is_asked(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long at most, less if somebody asks; answers with whether somebody did.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let (asked, changed) = &*self.0;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(asked, timeout, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

async fn next((interrupted, terminated, hung_up): &mut (Signal, Signal, Signal)) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_woken() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.wait(Duration::ZERO));
        let other = interrupt.clone();
        let asking = std::thread::spawn(move || other.ask());
        assert!(interrupt.wait(Duration::from_secs(60)));
        assert!(interrupt.is_asked());
        assert!(asking.join().is_ok());
    }
}
